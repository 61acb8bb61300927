"""What a run may not leave behind: log lines of errors, connections, tasks, open sockets."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import structlog

from api import metrics
from api.parts import Parts

_IDLE_IN_TRANSACTION = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND usename = 'seller_test_login'
   AND state LIKE 'idle in transaction%'
"""
# Where a field fails, graphql-core gives up its siblings; of those that had not begun, Python says
# that nobody awaited them. Nothing ran, and nothing is held.
_NOT_BEGUN = "coroutine 'GraphQLCoreConverter.from_resolver.<locals>._async_resolver' was never"


@dataclass
class Errors(logging.Handler):
    """Every line logged at ERROR or above, ours and those of libraries, and what Python itself says
    of errors that nobody can catch, such as of coroutines that nobody awaited."""

    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(logging.ERROR)

    __hash__ = logging.Handler.__hash__

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()} {record.exc_info}")

    def __call__(self, _logger: Any, method: str, event: Any) -> Any:
        """As one of structlog's processors."""
        if method in {"error", "critical", "exception"}:
            self.lines.append(repr(dict(event)))
        return event

    def cannot_be_raised(self, what: Any) -> None:
        """As `sys.unraisablehook`."""
        if _NOT_BEGUN in str(what.exc_value):
            return
        self.lines.append(
            f"{what.err_msg or 'Exception ignored in'}: {what.object!r}: {what.exc_value!r}"
        )

    def take(self) -> list[str]:
        taken, self.lines = self.lines, []
        return taken


@contextlib.contextmanager
def errors_logged() -> Iterator[Errors]:
    errors = Errors()
    # In place: loggers that were used before hold this very list.
    processors = structlog.get_config()["processors"]
    processors.insert(0, errors)
    logging.getLogger().addHandler(errors)
    before, sys.unraisablehook = sys.unraisablehook, errors.cannot_be_raised
    try:
        yield errors
    finally:
        sys.unraisablehook = before
        logging.getLogger().removeHandler(errors)
        processors.remove(errors)


@dataclass
class Rest:
    """How things stood before the run, and whether they do again."""

    parts: Parts
    owner: asyncpg.Connection
    tasks: int
    connections: int  # the relay keeps one
    sockets: float
    subscriptions: float

    @classmethod
    async def now(cls, parts: Parts, owner: asyncpg.Connection) -> "Rest":
        tasks = await _most_tasks()
        out = parts.pool.get_size() - parts.pool.get_idle_size()
        gauges = _value(metrics.SOCKETS), _value(metrics.SUBSCRIPTIONS)
        return cls(parts, owner, tasks, out, *gauges)

    async def kept_from(self) -> list[str]:
        """What is not as it was, after ten seconds' patience."""
        wrong: list[str] = []
        for _ in range(50):
            wrong = await self._wrong()
            if not wrong:
                break
            await asyncio.sleep(0.2)
        return wrong

    async def _wrong(self) -> list[str]:
        pool = self.parts.pool
        out = pool.get_size() - pool.get_idle_size()
        found = {
            "more connections checked out": max(0, out - self.connections),
            "sessions idle in a transaction": await self.owner.fetchval(_IDLE_IN_TRANSACTION),
            "more tasks": max(0, _tasks() - self.tasks),
            "more open sockets": _value(metrics.SOCKETS) - self.sockets,
            "more subscriptions": _value(metrics.SUBSCRIPTIONS) - self.subscriptions,
            "subscribers of feeds": self.parts.feeds.subscribers,
        }
        return [f"{count} {what}" for what, count in found.items() if count]


async def _most_tasks() -> int:
    """At rest: a relay has two more while it waits to be woken than while it works."""
    most = 0
    for _ in range(20):
        await asyncio.sleep(0.03)
        most = max(most, _tasks())
    return most


def _tasks() -> int:
    return len([task for task in asyncio.all_tasks() if not task.done()])


def _value(gauge: Any) -> float:
    return float(gauge._value.get())
