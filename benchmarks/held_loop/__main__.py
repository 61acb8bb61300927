"""`python -m benchmarks.held_loop [family[:name] ...]`: how long one callback holds the event loop.

Sends everything that was thought of to `seller serve` as shipped, one after another, and reads the
longest CPU time of a single callback that each caused. Families: documents, values, transport.
HELD_LOOP_LIMIT is the longest that is allowed, in milliseconds. The control is in the tests of the
probe: a callback that is known to take its time.
"""

import asyncio
import importlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from api.settings import CHECKOUT
from benchmarks.held_loop.attack import Attack
from benchmarks.held_loop.probe import Record, read
from benchmarks.held_loop.sending import get
from benchmarks.held_loop.target import Target, fill, filled_platform, serving
from tests.world.conformance import Finding, tell

FAMILIES = ("documents", "values", "transport")
LIMIT = float(os.environ.get("HELD_LOOP_LIMIT", "50"))
SHOWN = 25


@dataclass(frozen=True)
class Sent:
    attack: Attack
    outcome: str
    record: Record

    def told(self) -> str:
        attack, record = self.attack, self.record
        return f"{record.longest:8.1f} ms {attack.size:9,d} bytes  {attack.name:55} {self.outcome}"


async def main() -> int:
    sys.setrecursionlimit(20_000)  # of trees that are written out here
    state = Path(os.environ.get("SELLER_TEST_STATE", CHECKOUT / ".state" / "benchmarks"))
    async with filled_platform(state) as settings:
        with serving(settings, await fill(settings)) as target:
            sent = [_send(attack, target) for attack in _attacks(sys.argv[1:] or FAMILIES)]
    return _report(sorted(sent, key=lambda one: -one.record.longest))


def _attacks(names: tuple[str, ...] | list[str]) -> Iterator[Attack]:
    for name in names:
        family, _, only = name.partition(":")
        attacks = importlib.import_module(f"benchmarks.held_loop.{family}").attacks()
        yield from (attack for attack in attacks if only in attack.name)


def _send(attack: Attack, target: Target) -> Sent:
    read(target.probe)  # and forget what was before
    try:
        outcome = attack.send(target)
    except OSError as error:  # a server may hang up on what it refuses
        outcome = repr(error)[:60]
    time.sleep(0.01)
    alive = get(target, "/live")
    if not alive.startswith("200"):
        raise RuntimeError(f"After {attack.name!r} the server answered {alive}.")
    return Sent(attack, outcome, read(target.probe))


def _report(sent: list[Sent]) -> int:
    for one in sent[:SHOWN]:
        print(one.told())
    within = sum(one.record.longest <= LIMIT for one in sent)
    worst = sent[0]
    note = (
        f"worst: {worst.record.longest:.0f} ms, {worst.attack.name} ({worst.attack.size:,} bytes)"
    )
    print(f"{within:,} of {len(sent):,} hold the loop for at most {LIMIT:g} ms; {note}")
    check = f"Nothing that is sent holds the event loop for more than {LIMIT:g} ms of CPU"
    tell(Finding(section="Limits", check=check, passed=within, of=len(sent), note=note))
    return int(within < len(sent))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
