"""What was measured, as a page, as JSON and as a picture under benchmarks/results/."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from api.settings import CHECKOUT
from benchmarks.operations.chart import chart
from benchmarks.operations.figures import Figures, Table, Target, targets
from benchmarks.operations.questions import OPERATIONS

RESULTS = CHECKOUT / "benchmarks" / "results"
NAME = "operations"
_PACKAGES = ("strawberry-graphql", "graphql-core", "starlette", "uvicorn", "asyncpg", "orjson")
_LEGEND = """\
CPU is in microseconds a request, of the server's processes and of Postgres's; the total holds
Valkey's too. `Spread` is what lies between the cheapest and the dearest round.
[benchmarks/README.md](../README.md) says how it is measured, and what it does not say."""
_NODE_PACKAGES = ("mercurius", "graphql-jit", "fastify", "pg", "postgraphile")


@dataclass(frozen=True, kw_only=True)
class Run:
    """`sizes`, `rounds` and `versions` are told as they are; `absent` says who did not run, and
    why."""

    table: Table
    titles: dict[str, str]
    sizes: dict[str, int]
    rounds: str
    versions: dict[str, str]
    cores: str
    compared: int
    absent: list[str]


def write(run: Run, folder: Path = RESULTS) -> str:
    """Write all three; the page."""
    folder.mkdir(parents=True, exist_ok=True)
    at = datetime.now(UTC)
    page = _page(run, at)
    (folder / f"{NAME}.md").write_text(page, encoding="utf-8")
    (folder / f"{NAME}.json").write_text(_json(run, at), encoding="utf-8")
    (folder / f"{NAME}.svg").write_text(chart(run.table, run.titles), encoding="utf-8")
    return page


def versions_here(node: Path) -> dict[str, str]:
    """Of what is measured; `node` is the folder of Node's contenders."""
    found = {"Python": platform.python_version()} | {name: version(name) for name in _PACKAGES}
    for name in _NODE_PACKAGES:
        manifest = node / "node_modules" / name / "package.json"
        if manifest.exists():
            found[name] = json.loads(manifest.read_text())["version"]
    return found


def machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"


def _json(run: Run, at: datetime) -> str:
    told: dict[str, Any] = asdict(run) | {
        "at": at.isoformat(timespec="seconds"),
        "machine": machine(),
        "targets": [target.told() for target in targets(run.table)],
    }
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _page(run: Run, at: datetime) -> str:
    sizes = ", ".join(f"{count:,} {name}" for name, count in run.sizes.items())
    versions = ", ".join(f"{name} {number}" for name, number in run.versions.items())
    lines = [
        "# Five operations, and what they cost",
        "",
        f"Written by `make bench` on {at:%Y-%m-%d %H:%M} UTC. {machine()}; {run.cores}.",
        f"{sizes}. {run.rounds}.",
        f"{run.compared:,} answers were compared before, and were the same.",
        f"{versions}.",
        *(f"Did not run: {one}" for one in run.absent),
        "",
        f"![CPU of each operation]({NAME}.svg)",
        "",
        _LEGEND,
        "",
        *_tables(run),
        "## What was aimed at",
        "",
        *_aims(run.table),
    ]
    return "\n".join(lines) + "\n"


def _tables(run: Run) -> Iterable[str]:
    for operation, by_name in run.table.items():
        yield f"## {operation}: {OPERATIONS[operation]}"
        yield ""
        yield "| | Server | Postgres | Total | Spread | Requests/s | p50, ms | p99, ms | Bytes |"
        yield "| --- | --: | --: | --: | --: | --: | --: | --: | --: |"
        for name, told in by_name.items():
            yield _row(run.titles[name], told)
        yield ""


def _row(title: str, of: Figures) -> str:
    return (
        f"| {title} | {of.server:,.0f} | {of.postgres:,.0f} | {of.total:,.0f} | {of.spread:.0%} | "
        f"{of.a_second:,.0f} | {of.p50:.1f} | {of.p99:.1f} | {of.bytes:,} |"
    )


def _aims(of: Table) -> Iterable[str]:
    yield "| Operation | Seller Center's | At most | Measured | |"
    yield "| --- | --- | --: | --: | --- |"
    for aim in targets(of):
        yield _aim(aim)


def _aim(aim: Target) -> str:
    told = {True: "met", False: "missed", None: "not measured"}[aim.met]
    ratio = "" if aim.ratio is None else f"{aim.ratio:.2f}"
    return f"| {aim.operation} | {aim.what} | {aim.at_most:.2f} | {ratio} | {told} |"
