"""`python -m benchmarks.held_loop [family[:part of a name] ...]`: what holds the event loop.

Sends all that was thought of to `seller serve`, one attack after another, and reads how long the
longest callback of each held the loop. Ends with 1 where one held it for too long, or where the
control was not noticed. README.md says how it measures.
"""

import asyncio
import importlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from api.settings import CHECKOUT
from benchmarks.held_loop.attack import Attack
from benchmarks.held_loop.probe import Record, read
from benchmarks.held_loop.sending import get, post
from benchmarks.held_loop.target import Target, fill, filled_platform, serving
from tests.world import plain_strawberry
from tests.world.conformance import Finding, tell

FAMILIES = (
    "documents", "json_bodies", "values", "texts", "requests", "credentials", "frames", "forms",
    "legal", "remembered",
)  # fmt: skip
LIMIT = float(os.environ.get("HELD_LOOP_LIMIT", "50"))  # milliseconds
SHOWN = int(os.environ.get("HELD_LOOP_SHOWN", "25"))


@dataclass(frozen=True)
class Sent:
    attack: Attack
    outcome: str
    record: Record

    @property
    def within(self) -> bool:
        return self.record.held <= LIMIT

    def told(self) -> str:
        record, attack = self.record, self.attack
        row = f"{record.held:9.1f} {record.collecting:7.1f} {attack.size:10,d}  {attack.name:52}"
        return f"{row} {self.outcome:32}" + ("" if self.within else f" {record.told()}")


async def main() -> int:
    sys.setrecursionlimit(20_000)  # trees are written out here
    state = Path(os.environ.get("SELLER_TEST_STATE", CHECKOUT / ".state" / "benchmarks"))
    async with filled_platform(state) as settings:
        target = await fill(settings)
        with serving(settings, target, plain=True) as control:
            noticed = list(_sent(["plain"], control))
        with serving(settings, target) as ours:
            sent = list(_sent(sys.argv[1:] or FAMILIES, ours))
    return _report(_sorted(sent), _sorted(noticed))


def _sent(names: Iterable[str], target: Target) -> Iterator[Sent]:
    for name in names:
        family, _, part = name.partition(":")
        module = importlib.import_module(f"benchmarks.held_loop.attacks.{family}")
        yield from (_send(one, target) for one in module.attacks() if part in one.name)


def _send(attack: Attack, target: Target) -> Sent:
    read(target.probe)  # and forget what was before
    try:
        outcome = attack.send(target)
    except OSError as error:  # a server may hang up on what it refuses
        outcome = repr(error)
    time.sleep(0.01)
    # Whoever is served after the attack shows that the loop has turned.
    alive = get(target, "/live") if target.token else post(target, b'{"query": "{ __typename }"}')
    if not alive.startswith("200"):
        raise RuntimeError(f"After {attack.name!r} the server answered {alive}.")
    return Sent(attack, outcome[:32], read(target.probe))


def _sorted(sent: Iterable[Sent]) -> list[Sent]:
    return sorted(sent, key=lambda one: -one.record.held)


def _report(sent: list[Sent], noticed: list[Sent]) -> int:
    print(f"{'held, ms':>9} {'gc, ms':>7} {'bytes':>10}  {'attack':52} answer")
    print("-- the control, plain Strawberry", *(one.told() for one in noticed), sep="\n")
    print("-- seller serve", *(one.told() for one in sent[:SHOWN]), sep="\n")
    within, blind = sum(one.within for one in sent), [one for one in noticed if one.within]
    worst = f"the longest: {sent[0].record.held:.0f} ms, {sent[0].attack.name}"
    print(f"{within:,} of {len(sent):,} attacks hold the loop for at most {LIMIT:g} ms; {worst}.")
    print(f"{len(noticed) - len(blind)} of {len(noticed)} attacks on the control were noticed.")
    tell(
        Finding(
            section="Limits",
            check=f"No attack of up to 2 MB holds the event loop for more than {LIMIT:g} ms",
            passed=0 if blind else within,
            of=len(sent),
            versions=plain_strawberry.VERSIONS,
            control=f"plain Strawberry: {noticed[0].record.held:,.0f} ms, {noticed[0].attack.name}",
            note=f"CPU time of one callback; {worst}",
        )
    )
    return int(within < len(sent) or bool(blind))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
