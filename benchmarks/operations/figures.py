"""From windows to figures, and from figures to what was aimed at."""

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.operations.measuring import Measured, Window
from benchmarks.operations.node_contenders import MERCURIUS, POSTGRAPHILE
from benchmarks.operations.ours import INTERPRETED, LIMITS, PRODUCT


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of one contender and operation over all rounds; CPU in microseconds a request. `spread` is
    between the cheapest and the dearest round, as a share of the mean."""

    requests: int
    server: float
    postgres: float
    valkey: float
    client: float
    spread: float
    a_second: float
    p50: float  # milliseconds, as are the following
    p99: float
    bytes: int

    @property
    def total(self) -> float:
        return self.server + self.postgres + self.valkey


@dataclass(frozen=True, kw_only=True)
class Target:
    """`ratio` is ours to theirs, or None where they did not run; met when at most `at_most`."""

    operation: str
    what: str
    at_most: float
    ratio: float | None

    @property
    def met(self) -> bool | None:
        return None if self.ratio is None else self.ratio <= self.at_most

    def told(self) -> dict[str, Any]:
        return asdict(self) | {"met": self.met}


Table = dict[str, dict[str, Figures]]  # by operation, then by contender

_LEVEL = 1.05  # what "level with" means: a twentieth is noise here
_OF_THE_LIMIT = {"Q1": 1.3, "Q2": 1.2, "Q3": 1.0, "Q4": 1.0, "Q5": 1.2}
_OF_MERCURIUS = {"Q1": _LEVEL, "Q2": 0.5, "Q3": 0.5, "Q4": 0.5}
_OF_POSTGRAPHILE = {"Q1": 0.5, "Q2": 0.5, "Q3": 0.5, "Q4": 1.0, "Q5": 1.0}
_OF_INTERPRETED = {"Q2": 0.2, "Q3": 0.2, "Q4": 0.2}


def table(measured: Measured) -> Table:
    return {
        operation: {name: figures(windows) for name, windows in by_name.items()}
        for operation, by_name in measured.items()
    }


def figures(windows: list[Window]) -> Figures:
    requests = sum(window.requests for window in windows)
    latencies = sorted(one for window in windows for one in window.microseconds)
    dear = [(w.server + w.postgres + w.valkey) / w.requests for w in windows]

    def each(name: str) -> float:
        used: float = sum(getattr(window, name) for window in windows)
        return 1e6 * used / requests

    return Figures(
        requests=requests,
        server=each("server"),
        postgres=each("postgres"),
        valkey=each("valkey"),
        client=each("client"),
        spread=(max(dear) - min(dear)) / (sum(dear) / len(dear)),
        a_second=requests / sum(window.seconds for window in windows),
        p50=latencies[len(latencies) // 2] / 1000,
        p99=latencies[int(len(latencies) * 0.99)] / 1000,
        bytes=sum(window.size for window in windows) // requests,
    )


def targets(of: Table) -> list[Target]:
    aims = (
        ("total CPU, of the limit on Starlette", LIMITS[0], "total", _OF_THE_LIMIT),
        ("server CPU, of Mercurius", MERCURIUS, "server", _OF_MERCURIUS),
        ("total CPU, of PostGraphile", POSTGRAPHILE, "total", _OF_POSTGRAPHILE),
        ("server CPU, of compiled execution off", INTERPRETED, "server", _OF_INTERPRETED),
    )
    return [
        Target(
            operation=operation,
            what=what,
            at_most=at_most,
            ratio=_ratio(of[operation], other, figure),
        )
        for what, other, figure, by_operation in aims
        for operation, at_most in by_operation.items()
        if operation in of
    ]


def _ratio(by_name: dict[str, Figures], other: str, figure: str) -> float | None:
    if PRODUCT not in by_name or other not in by_name:
        return None
    return float(getattr(by_name[PRODUCT], figure) / getattr(by_name[other], figure))
