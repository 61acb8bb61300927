"""All contenders answer the same, or nothing is measured."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from benchmarks.operations.contender import Serving
from benchmarks.operations.questions import Asked


class Disagreement(RuntimeError):
    """Two contenders answer one question differently; says where."""


def agree(contenders: list[Serving], questions: Mapping[str, list[Asked]], *, of_each: int) -> int:
    """Compare the answers to the first questions of each operation; how many were compared."""
    compared = 0
    for asked in (one for few in questions.values() for one in few[:of_each]):
        first, *others = ((one, canonical(one, asked)) for one in contenders)
        for other, answer in others:
            if answer != first[1]:
                place = "; ".join(_differences(first[1], answer, asked.operation))
                names = f"{first[0].contender.name} and {other.contender.name}"
                raise Disagreement(f"{names} disagree on {asked}: {place[:1500]}")
            compared += 1
    return compared


def canonical(serving: Serving, asked: Asked) -> Any:
    """An answer with times in one form; of a cursor, only whether there is one."""
    return _canonical(serving.contender.plain(asked.operation, serving.ask(asked)))


def _canonical(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _canonical(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_canonical(one, name) for one in value]
    if name == "endCursor":
        return value is not None
    if name.endswith("At") and isinstance(value, str):
        return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    return value


def _differences(left: Any, right: Any, place: str) -> Iterable[str]:
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        for key in left:
            yield from _differences(left[key], right[key], f"{place}.{key}")
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for n, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from _differences(one, other, f"{place}[{n}]")
    elif left != right:
        yield f"{place}: {json.dumps(left)[:200]} is not {json.dumps(right)[:200]}"
