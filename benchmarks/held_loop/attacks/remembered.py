"""What a server remembers for those who come later: a megabyte of it, in three hundred requests.

A full garbage collection walks all that is remembered, whoever's request it falls into.
"""

import json
from collections.abc import Callable, Iterator

from benchmarks.held_loop.attack import Attack
from benchmarks.held_loop.sending import Posting
from benchmarks.held_loop.target import Target

_REQUESTS = 300
_ALIASES = " ".join(f"a{n}: kind" for n in range(190))
_LIST = ",".join(['"a"'] * 480)


def attacks() -> Iterator[Attack]:
    yield _many("documents of aliases", lambda n: f"{{ b{n}: viewer {{ {_ALIASES} }} }}")
    yield _many(
        "documents of values",
        lambda n: (
            f"{{ b{n}: orders(where: {{ externalId: {{ oneOf: [{_LIST}] }} }}) {{ totalCount }} }}"
        ),
    )
    yield _many("small documents", lambda n: f"{{ b{n}: viewer {{ kind }} }}")
    yield _many("shapes of filters", _shaped)


def _shaped(number: int) -> str:
    """A filter as no other number has it, for which a statement has to be composed."""
    parts = [
        "{ status: { eq: DELIVERED } }" if number >> k & 1 else '{ search: "A" }' for k in range(20)
    ]
    return f"{{ orders(where: {{ or: [{', '.join(parts)}] }}) {{ totalCount }} }}"


def _many(name: str, make: Callable[[int], str]) -> Attack:
    bodies = [json.dumps({"query": make(n)}).encode() for n in range(_REQUESTS)]

    def send(target: Target) -> str:
        with Posting(target) as posting:
            return ", ".join(sorted({posting.post(body) for body in bodies}))

    return Attack(f"{_REQUESTS} {name}", sum(map(len, bodies)), send)
