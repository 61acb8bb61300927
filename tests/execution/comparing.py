"""When two answers to one operation are the same, although their errors may have raced.

The data are equal to the letter. Errors are equal too, with their paths, messages, places in the
document, extensions and the classes that were raised, but for one freedom, which the specification
gives: where a null was put over a place because something below it failed, other failures below it
may be told, or not, or instead. So of each such place one error has to be told, whichever, and it
must be one that graphql-core could have told: `possible` is what it answers where errors put no
null over anything but their own places.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import orjson
from graphql import GraphQLError

Place: TypeAlias = tuple[str | int, ...]


class Told(NamedTuple):
    """What of an error has to be the same."""

    path: Place
    message: str
    locations: tuple[tuple[int, int], ...] = ()
    kind: str = ""
    extensions: str = ""


@dataclass(frozen=True)
class Answer:
    """Data as JSON, and errors; `raised` instead where executing raised, such as when cancelled."""

    text: str
    errors: tuple[Told, ...] = ()
    raised: str | None = None

    @property
    def data(self) -> Any:
        return json.loads(self.text)


def answer_of(data: Any, errors: Iterable[GraphQLError]) -> Answer:
    return Answer(as_json(data), tuple(sorted(map(told, errors), key=repr)))


def as_json(data: Any) -> str:
    try:
        return orjson.dumps(data).decode()
    except TypeError:  # what the scalar `JSON` passes on need not be JSON
        return json.dumps(data, default=lambda odd: type(odd).__name__)


def told(error: GraphQLError) -> Told:
    return Told(
        path=tuple(error.path or ()),
        message=error.message,
        locations=tuple((place.line, place.column) for place in error.locations or ()),
        kind=type(error.original_error).__name__,
        extensions=repr(error.extensions),
    )


def differences(reference: Answer, answer: Answer, *, possible: Answer | None = None) -> list[str]:
    """What is wrong with an answer; nothing where it is as good as the reference."""
    if reference.raised or answer.raised:
        return _of_raising(reference, answer, possible)
    if reference.text != answer.text:
        return [f"data: {reference.text}\n   not: {answer.text}"]
    wrong = [
        f"an error where the data are not null: {one}"
        for one in answer.errors
        if nulled(answer.data, one.path) is None
    ]
    if wrong:
        return wrong
    if possible is not None and not possible.raised:
        wrong += [f"no such error: {one}" for one in answer.errors if one not in possible.errors]
    ours, theirs = _by_null(answer), _by_null(reference)
    for place in sorted(ours.keys() | theirs.keys(), key=repr):
        wrong += _of_errors(place, theirs[place], ours[place])
    return wrong


def nulled(data: Any, path: Place) -> Place | None:
    """The outermost null on the way to a place; None where the way ends at something else."""
    found = data
    for depth, key in enumerate(path):
        if found is None:
            return path[:depth]
        try:
            found = found[key]
        except (KeyError, IndexError, TypeError):
            return None
    return path if found is None else None


def _by_null(answer: Answer) -> dict[Place, Counter[Told]]:
    found: dict[Place, Counter[Told]] = defaultdict(Counter)
    for one in answer.errors:
        place = nulled(answer.data, one.path)
        found[one.path if place is None else place][one] += 1
    return found


def _of_errors(place: Place, reference: Counter[Told], answer: Counter[Told]) -> list[str]:
    """What is wrong with the errors that lead to one null."""
    if not reference:
        return [f"too many errors for {place}: {list(answer)}"]
    if not answer:
        return [f"no error for {place}: {list(reference)}"]
    wrong = [f"told {times} times: {one}" for one, times in answer.items() if times > 1]
    missing, added = reference - answer, answer - reference
    wrong += [f"not told: {one}" for one in missing if one.path == place]
    wrong += [f"told instead: {one}" for one in added if one.path == place]
    return wrong


def _of_raising(reference: Answer, answer: Answer, possible: Answer | None) -> list[str]:
    """A resolver that is cancelled from within ends the operation, unless an error of a sibling
    has made an end of the resolver before that: so either may be, where both are possible."""
    if reference.raised == answer.raised:
        return []
    raised, other = (reference, answer) if reference.raised else (answer, reference)
    was_possible = possible is not None and possible.raised == raised.raised == "CancelledError"
    if other.raised is None and was_possible:
        data = other.data
        if any(nulled(data, one.path) != one.path for one in other.errors):
            return []
    return [f"raised {answer.raised}, not {reference.raised}"]
