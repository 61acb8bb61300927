"""Running a fuzzer: a bounded, deterministic handful, or for as long as was asked for.

Inputs come from Hypothesis, which makes an input that found something as small as it can. With
SELLER_FUZZ_SECONDS, rounds of new seeds follow each other for that long.
"""

import asyncio
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.world.conformance import Finding, tell

T = TypeVar("T")
SECONDS = float(os.environ.get("SELLER_FUZZ_SECONDS", "0"))
TIMEOUT = SECONDS + 300
_ROUND = 300


class Found(AssertionError):
    """An input that something is wrong with."""


@dataclass
class Tally:
    """What was sent and what came of it.

    `slow` holds what took over a second: for people to look at, since on a busy machine anything
    does, now and then.
    """

    inputs: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    slow: list[tuple[float, Any]] = field(default_factory=list)

    def share(self, *outcomes: str) -> float:
        return sum(self.outcomes[name] for name in outcomes) / max(1, self.inputs)

    def told(self) -> str:
        common = ", ".join(f"{name} {count:,}" for name, count in self.outcomes.most_common(12))
        return f"{self.inputs:,} inputs in {self.seconds:.0f} s: {common}; {len(self.slow)} slow"


Attack = Callable[[T, Tally], Awaitable[None]]


def hunt(
    inputs: st.SearchStrategy[T],
    attack: Attack[T],
    *,
    loop: asyncio.AbstractEventLoop,
    examples: int,
    kept: Sequence[T] = (),
    seconds: float = SECONDS,
) -> Tally:
    """Send what is `kept`, and then inputs until one is found, which fails the test, or until there
    were enough."""
    tally = Tally()
    began = time.monotonic()

    def send(one: T) -> None:
        tally.inputs += 1
        at = time.monotonic()
        try:
            loop.run_until_complete(asyncio.wait_for(attack(one, tally), 60))
        finally:
            took = time.monotonic() - at
            gc.collect(1)  # a failure that nobody looked at is logged now, not amid the next input
        if took > 1:
            tally.slow.append((took, one))

    for one in kept:
        send(one)
    if not seconds:
        _round(inputs, send, examples=examples, number=None)
    number = 0
    while time.monotonic() - began < seconds:
        number += 1
        _round(inputs, send, examples=_ROUND, number=number)
    tally.seconds = time.monotonic() - began
    sys.stdout.write(f"{tally.told()}\n")
    for took, one in tally.slow[:20]:
        sys.stdout.write(f"{took:.1f} s: {one!r:.1000}\n")
    return tally


def finds(
    inputs: st.SearchStrategy[T],
    attack: Attack[T],
    *sought: str,
    loop: asyncio.AbstractEventLoop,
    examples: int,
) -> bool:
    """Whether so many inputs find one of what is `sought`: asked of a control, which has it."""
    found: list[str] = []

    def send(one: T) -> None:
        if found:
            return
        try:
            loop.run_until_complete(asyncio.wait_for(attack(one, Tally()), 60))
        except Found as error:
            found.extend(text for text in sought if text in str(error))

    _round(inputs, send, examples=examples, number=None)
    return bool(found)


def _round(
    inputs: st.SearchStrategy[T],
    send: Callable[[T], None],
    *,
    examples: int,
    number: int | None,
) -> None:
    @settings(
        max_examples=examples,
        derandomize=number is None,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(inputs)
    def once(one: T) -> None:
        send(one)

    gc.collect()
    gc.freeze()  # what is older than the round is not looked through after every input
    try:
        (once if number is None else seed(number)(once))()
    finally:
        gc.unfreeze()


def tell_of(check: str, tally: Tally, *, control: str) -> None:
    """A line of docs/CONFORMANCE.md; reached only where nothing was found."""
    tell(
        Finding(
            section="Fuzzing",
            check=check,
            passed=tally.inputs,
            of=tally.inputs,
            versions={"hypothesis": hypothesis.__version__} | _GRAPHQL,
            control=control,
            note=tally.told(),
        )
    )


_GRAPHQL = {"hypothesis-graphql": version("hypothesis-graphql")}
