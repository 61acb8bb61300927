"""What the trials found, as a page and as JSON under benchmarks/results/."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.live_room.trials import Trial
from benchmarks.operations.node_contenders import FOLDER
from benchmarks.operations.processor import Cores
from benchmarks.operations.report import RESULTS as RESULTS  # noqa: PLC0414
from benchmarks.operations.report import machine, versions_here

NAME = "live_room"
_HEADINGS = (
    "| Orders | Count | Delivered | Events/s | Server CPU, us/event | Server's share of its core | "
    "p50, ms | p99, ms | Client's share of a core |"
)
TARGET = 50.0  # milliseconds from commit to socket, p99


def write(bursts: list[Trial], flow: Trial, where: Cores, folder: Path = RESULTS) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    at = datetime.now(UTC)
    page = "\n".join(_page(bursts, flow, where, at)) + "\n"
    (folder / f"{NAME}.md").write_text(page, encoding="utf-8")
    told = {
        "at": at.isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions_here(FOLDER),
        "bursts": [_told(one) for one in bursts],
        "steady": _told(flow),
    }
    (folder / f"{NAME}.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return page


def _told(trial: Trial) -> dict[str, object]:
    latencies = {f"p{share:g}": trial.percentile(share / 100) for share in (50, 90, 99, 100)}
    return asdict(trial) | {"milliseconds": latencies}


def _page(bursts: list[Trial], flow: Trial, where: Cores, at: datetime) -> Iterable[str]:
    yield "# A LIVE room, and a thousand who watch its orders"
    yield ""
    yield f"Written by `make bench-live` on {at:%Y-%m-%d %H:%M} UTC. {machine()}; {where.told}."
    yield f"{flow.subscribers:,} identical subscribers over WebSocket, one server process."
    yield "[benchmarks/README.md](../README.md) says how it is measured."
    yield ""
    yield _HEADINGS
    yield "| --- | --: | --: | --: | --: | --: | --: | --: | --: |"
    for n, trial in enumerate(bursts, 1):
        yield _row(f"At once, {n}", trial)
    yield _row(f"{flow.rate:,.0f} a second", flow)
    yield ""
    yield (
        f"At {flow.rate:,.0f} orders a second p99 from commit to socket is to be at most "
        f"{TARGET:g} ms: {_met(flow)}. {flow.placed:,.0f} a second were placed."
    )
    if flow.closed:
        yield f"{len(flow.closed):,} subscribers were cut off: {flow.closed[0]}."


def _row(name: str, of: Trial) -> str:
    share = of.delivered / of.expected
    each = 1e6 * of.server / of.delivered if of.delivered else float("nan")
    return (
        f"| {name} | {of.orders:,} | {of.delivered:,} ({share:.0%}) | {of.a_second:,.0f} | "
        f"{each:,.0f} | {of.server / of.seconds:.0%} | {of.percentile(0.5):,.1f} | "
        f"{of.percentile(0.99):,.1f} | {of.client / of.seconds:.0%} |"
    )


def _met(flow: Trial) -> str:
    if flow.delivered < flow.expected:
        return f"missed, {flow.expected - flow.delivered:,} events were not delivered"
    return "met" if flow.percentile(0.99) <= TARGET else "missed"
