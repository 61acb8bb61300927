"""The two trials: orders at once, and orders at a steady pace."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.live_room.stage import Stage, committed
from benchmarks.operations.measuring import databases_used
from benchmarks.operations.processor import cpu_seconds

_LOOK = 0.05  # seconds between looks at what has been delivered
_LONGEST = 120.0  # seconds of a trial
_QUIET = 5.0  # without a delivery, it is over


@dataclass(frozen=True, kw_only=True)
class Trial:
    """`rate` is how many orders a second were to be placed (0: at once), `placed` how many were.

    `seconds` run from the first commit to the last delivery. `server` and `databases` are CPU
    seconds, `client` those of the subscribers. `milliseconds` from commit to socket, sorted, are of
    the subscribers that are listened to.
    """

    rate: float
    placed: float
    orders: int
    subscribers: int
    delivered: int
    seconds: float
    server: float
    databases: float
    client: float
    closed: list[str]
    milliseconds: list[float]

    @property
    def expected(self) -> int:
        return self.orders * self.subscribers

    @property
    def a_second(self) -> float:
        return self.delivered / self.seconds

    def percentile(self, share: float) -> float:
        """NaN where nothing was heard."""
        if not self.milliseconds:
            return float("nan")
        last = len(self.milliseconds) - 1
        return self.milliseconds[min(last, int(len(self.milliseconds) * share))]


def burst(stage: Stage, orders: int) -> Trial:
    """All orders in one commit."""
    return _trial(stage, orders, batch=orders, rate=0.0)


def steady(stage: Stage, *, rate: float, seconds: float, batch: int) -> Trial:
    return _trial(stage, round(rate * seconds), batch=batch, rate=rate)


def _trial(stage: Stage, orders: int, *, batch: int, rate: float) -> Trial:
    stage.crowd.count()
    server, databases = cpu_seconds(stage.server.process.pid), sum(databases_used(stage.at))
    placing = stage.place(orders, batch=batch, rate=rate)
    seen = list(_followed(stage, orders * stage.crowd.size, lambda: placing.poll() is None))
    commits = committed(placing)
    began, placed = min(commits.values()), max(commits.values())
    heard = [one for told in seen for one in told["heard"]]
    trial = Trial(
        rate=rate,
        placed=orders / max(1.0, (placed - began) / 1e9),
        orders=orders,
        subscribers=stage.crowd.size,
        delivered=sum(told["seen"] for told in seen),
        seconds=(seen[-1]["last"] - began) / 1e9,
        server=cpu_seconds(stage.server.process.pid) - server,
        databases=sum(databases_used(stage.at)) - databases,
        client=sum(told["cpu"] for told in seen),
        closed=seen[-1]["closed"],
        milliseconds=sorted((at - commits[order]) / 1e6 for order, at in heard if order in commits),
    )
    print(f"{trial.delivered:,} of {trial.expected:,} events were delivered.", flush=True)
    return trial


def _followed(stage: Stage, expected: int, placing: Callable[[], bool]) -> Iterator[dict[str, Any]]:
    """Count until all is delivered, nothing has come for a while, or it takes too long."""
    delivered, last = 0, time.monotonic()
    until = last + _LONGEST
    while delivered < expected and time.monotonic() < min(until, last + _QUIET):
        time.sleep(_LOOK)
        told = stage.crowd.count()
        if told["seen"] or placing():
            last = time.monotonic()
        delivered += told["seen"]
        yield told
