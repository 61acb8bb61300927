"""`python -m benchmarks.operations`: five operations, asked of the product and of what a team would
pick instead. README.md in the folder above says how it measures."""

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg

from api.settings import CHECKOUT
from benchmarks.operations import ours, report
from benchmarks.operations.agreement import agree
from benchmarks.operations.contender import Contender, serving
from benchmarks.operations.figures import table
from benchmarks.operations.filled_database import Servers, ensure_filled, servers
from benchmarks.operations.measuring import CONNECTIONS, Bench, Rounds, idling, measure
from benchmarks.operations.node_contenders import FOLDER, NodeMissing, node_contenders
from benchmarks.operations.processor import cores, started_on
from benchmarks.operations.questions import OPERATIONS, Asked, questions
from benchmarks.operations.rows.world import Sizes, sizes

STATE = CHECKOUT / ".state" / "benchmark-operations"


@dataclass(frozen=True)
class Ready:
    """What there is to ask, and as whom."""

    questions: dict[str, list[Asked]]
    tokens: dict[UUID, str]
    postgres: str  # version


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _arguments(arguments)
    of, where = sizes(asked.scale), cores()
    state = asked.state.resolve()
    with ExitStack() as running:
        with started_on(where.rest):
            at = running.enter_context(servers(state, scale=asked.scale))
        ready = asyncio.run(_ready(at, of, state, asked))
        contenders, absent = _contenders(at, state, ready, asked.contenders)
        trial = next(iter(ready.questions.values()))[0]
        with started_on(where.server):
            at_work = [
                running.enter_context(serving(one, logs=state, trial=trial)) for one in contenders
            ]
        compared = agree(at_work, ready.questions, of_each=asked.compared)
        print(f"{compared:,} answers are the same.", *absent, sep="\n")
        rounds = Rounds(count=asked.rounds, seconds=asked.seconds, warm_up=asked.warm_up)
        with started_on(where.rest):
            bench = Bench(at, at_work, state, idling(at))
            bench.prepare(ready.questions)
            measured = measure(bench, list(ready.questions), rounds)
    run = report.Run(
        table=table(measured),
        titles={one.name: one.title for one in contenders},
        sizes=of.told,
        rounds=f"{rounds.count} rounds of {rounds.seconds:g} s, {CONNECTIONS} connections",
        versions=report.versions_here(FOLDER) | {"Postgres": ready.postgres},
        cores=where.told,
        compared=compared,
        absent=absent,
    )
    print(report.write(run, asked.results))
    return 0


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operations")
    parser.add_argument("--scale", type=float, default=1.0, help="1: 50 workspaces (default)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of a window")
    parser.add_argument("--warm-up", type=float, default=3.0, help="seconds, likewise")
    parser.add_argument("--operations", nargs="+", choices=OPERATIONS, default=list(OPERATIONS))
    parser.add_argument("--contenders", nargs="+", help="names; all by default")
    parser.add_argument("--questions", type=int, default=200, help="of each operation")
    parser.add_argument("--compared", type=int, default=20, help="answers of each operation")
    parser.add_argument("--state", type=Path, default=STATE)
    parser.add_argument("--results", type=Path, default=report.RESULTS)
    return parser.parse_args(given)


async def _ready(at: Servers, of: Sizes, state: Path, asked: argparse.Namespace) -> Ready:
    workspaces = await ensure_filled(at, of)
    owner = await asyncpg.connect(at.owner_url)
    try:
        found = await questions(owner, workspaces, of_each=asked.questions)
        postgres = await owner.fetchval("SHOW server_version")
    finally:
        await owner.close()
    tokens = await ours.sign_in(at, workspaces, state)
    return Ready({name: found[name] for name in asked.operations}, tokens, postgres)


def _contenders(
    at: Servers, state: Path, ready: Ready, wanted: list[str] | None
) -> tuple[list[Contender], list[str]]:
    """Who is asked, and who cannot be, with the reason."""
    found = [
        ours.product(at, state, ready.tokens, compiled=True),
        ours.product(at, state, ready.tokens, compiled=False),
        ours.limit(at, bare=False),
        ours.limit(at, bare=True),
    ]
    absent = []
    try:
        found += node_contenders(at)
    except NodeMissing as missing:
        absent.append(f"Mercurius and PostGraphile. {missing}")
    return [one for one in found if wanted is None or one.name in wanted], absent


if __name__ == "__main__":
    raise SystemExit(main())
