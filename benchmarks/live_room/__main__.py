"""`python -m benchmarks.live_room`: a thousand subscribers of one LIVE room.

How many events a second one server process delivers, and how long after its commit an order reaches
them. README.md in the folder above says how it measures.
"""

import argparse
import asyncio
import resource
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from api.settings import CHECKOUT
from benchmarks.live_room.report import RESULTS, write
from benchmarks.live_room.stage import Room, Stage, open_room, staged
from benchmarks.live_room.trials import burst, steady
from benchmarks.operations.filled_database import ensure_filled, servers
from benchmarks.operations.ours import sign_in
from benchmarks.operations.processor import cores, started_on
from benchmarks.operations.rows.world import sizes

STATE = CHECKOUT / ".state" / "benchmark-live"
_SCALE = 0.01
_FILES_A_SUBSCRIBER = 4


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _arguments(arguments)
    _allow_files(asked.subscribers * _FILES_A_SUBSCRIBER + 500)
    state, where = asked.state.resolve(), cores()
    with ExitStack() as running:
        with started_on(where.rest):
            at = running.enter_context(servers(state, scale=_SCALE))
        (workspace, *_) = asyncio.run(ensure_filled(at, sizes(_SCALE)))
        tokens = asyncio.run(sign_in(at, [workspace], state))
        room: Room = asyncio.run(open_room(at, workspace))
        stage: Stage = running.enter_context(
            staged(at, room, tokens[workspace], state, where, asked.subscribers)
        )
        bursts = [burst(stage, asked.burst) for _ in range(asked.rounds)]
        flow = steady(stage, rate=asked.rate, seconds=asked.seconds, batch=asked.batch)
    print(write(bursts, flow, where, asked.results))
    return 0


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live_room")
    parser.add_argument("--subscribers", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3, help="bursts")
    parser.add_argument("--burst", type=int, default=100, help="orders committed at once")
    parser.add_argument("--rate", type=float, default=200.0, help="orders a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="at that rate")
    parser.add_argument("--batch", type=int, default=4, help="orders of one commit, likewise")
    parser.add_argument("--state", type=Path, default=STATE)
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args(given)


def _allow_files(wanted: int) -> None:
    """Sockets are files, and shells often allow 1,024; children inherit what we may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


if __name__ == "__main__":
    raise SystemExit(main())
