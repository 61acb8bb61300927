"""What Prometheus reads at /metrics. Labels never hold a workspace, a token or a document.

docs/OPERATIONS.md says what each series means.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import asyncpg
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tenants.database import DatabaseUnavailable, platform_door
from tenants.pool import Pool

OPERATIONS = Histogram(
    "seller_operation_seconds", "Queries and mutations, by kind and outcome.", ["kind", "outcome"]
)
STATEMENTS = Histogram(
    "seller_operation_statements",
    "Round trips to Postgres per operation.",
    buckets=(0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 25, 50),
)
NOT_COMPILED = Counter(
    "seller_not_compiled_operations_total", "Runs by graphql-core, and why.", ["reason"]
)
THROTTLED = Counter("seller_throttled_operations_total", "Operations over their budget.")
SUBSCRIPTIONS = Gauge("seller_subscriptions", "Subscriptions that are running.")
SOCKETS = Gauge("seller_sockets", "WebSocket connections that are open.")
EVENTS = Histogram("seller_event_seconds", "From an event's arrival to its answer.")
RELAYED = Counter("seller_relayed_events_total", "Events moved from the outbox to Redis.")
BACKLOG = Gauge("seller_relay_backlog_events", "Events in the outbox that Redis does not have yet.")
BACKLOG_AGE = Gauge("seller_relay_backlog_seconds", "Age of the oldest of them.")
POOL = Gauge("seller_pool_connections", "Connections to Postgres, by what they do.", ["state"])

_NOT_KNOWN = float("nan")
_PATIENCE = 2.0
_FRESH_SECONDS = 5.0
# Bounded: after a long failure the exact number is not worth counting millions.
_BACKLOG = """
SELECT count(*) AS events,
       coalesce(extract(epoch FROM clock_timestamp() - min(occurred_at)), 0)::float8 AS age
  FROM (SELECT occurred_at FROM outbox_events WHERE sent_at IS NULL LIMIT 100000) AS unsent
"""


@dataclass(slots=True, kw_only=True)
class Metrics:
    """The series of this process, and the relay's backlog as Postgres tells it."""

    pool: Pool
    _asked_at: float = field(default=-_FRESH_SECONDS)

    def routes(self) -> list[BaseRoute]:
        return [Route("/metrics", self.answer)]

    async def answer(self, _request: Request) -> Response:
        POOL.labels("open").set(self.pool.get_size())
        POOL.labels("idle").set(self.pool.get_idle_size())
        if time.monotonic() - self._asked_at >= _FRESH_SECONDS:
            self._asked_at = time.monotonic()
            events, age = await _backlog(self.pool)
            BACKLOG.set(events)
            BACKLOG_AGE.set(age)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@contextlib.contextmanager
def serve_metrics(host: str, port: int | None) -> Iterator[None]:
    """Answer Prometheus from a process that serves nothing else; without a port, do nothing."""
    if port is None:
        yield
        return
    server, thread = start_http_server(port, addr=host)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(1)


async def _backlog(pool: Pool) -> tuple[float, float]:
    """How many events wait and for how many seconds; not a number where Postgres cannot tell."""
    try:
        async with asyncio.timeout(_PATIENCE), platform_door(pool, "relay") as connection:
            row = await connection.fetchrow(_BACKLOG)
    except (TimeoutError, OSError, DatabaseUnavailable, asyncpg.PostgresError):
        return _NOT_KNOWN, _NOT_KNOWN
    return row["events"], row["age"]
