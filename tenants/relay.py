"""The relay: gives events their sequence and moves them to Redis, in order per workspace.

There is one relay at a time (a session lock in Postgres); others stand by. Each round first gives
the events that have none their sequence, in one transaction, and only then publishes them; an
event is marked sent when Redis has it. A crash in between publishes again: entry ids in Redis are
the sequences, and Redis refuses an id it already has, so nothing is told twice.

`position` is drawn while the changed entity's row is locked, so the events of one entity keep
their order; events become visible when their transaction commits, so an earlier position that
commits late simply gets a later sequence. Nothing is skipped: rows are chosen by having no
sequence, not by lying beyond a mark.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from tenants.pool import Connection, Pool, Row

log = structlog.get_logger()

RELAY_LOCK = 7_203_918_224_117
WAKE_CHANNEL = "seller:outbox"

_DOOR = "SET LOCAL app.door = 'relay'"
_NEW = """
SELECT workspace_id, id FROM outbox_events WHERE sequence IS NULL
 ORDER BY position LIMIT $1 FOR UPDATE SKIP LOCKED
"""
_TAKE_NUMBERS = """
UPDATE event_counters c SET last_sequence = c.last_sequence + n.wanted
  FROM unnest($1::uuid[], $2::int[]) AS n(workspace_id, wanted)
 WHERE c.workspace_id = n.workspace_id
RETURNING c.workspace_id, c.last_sequence
"""
_NUMBER = """
UPDATE outbox_events e SET sequence = n.sequence
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS n(workspace_id, id, sequence)
 WHERE e.workspace_id = n.workspace_id AND e.id = n.id
"""
_UNSENT = """
SELECT workspace_id, id, sequence, kind, entity_id, live_room_id, payload, occurred_at
  FROM outbox_events WHERE sent_at IS NULL AND sequence IS NOT NULL
 ORDER BY workspace_id, sequence LIMIT $1
"""
_SENT = """
UPDATE outbox_events e SET sent_at = $3
  FROM unnest($1::uuid[], $2::uuid[]) AS n(workspace_id, id)
 WHERE e.workspace_id = n.workspace_id AND e.id = n.id
"""
_TRIM = """
WITH gone AS (
  DELETE FROM outbox_events WHERE sent_at < $1 RETURNING workspace_id, sequence
), newest AS (
  SELECT workspace_id, max(sequence) AS sequence FROM gone GROUP BY workspace_id
)
UPDATE event_counters c SET oldest_sequence = greatest(c.oldest_sequence, n.sequence + 1)
  FROM newest n WHERE c.workspace_id = n.workspace_id
"""


class _New(Row):
    workspace_id: Any
    id: Any


def stream_key(workspace_id: Any) -> str:
    """The stream of a workspace; the braces keep its keys in one slot of a Redis Cluster."""
    return f"seller:{{{workspace_id}}}:events"


def encode_event(row: Any) -> bytes:
    """An event as it lies in the stream."""
    return orjson.dumps(
        {
            "id": row["id"],
            "sequence": row["sequence"],
            "kind": row["kind"],
            "entity_id": row["entity_id"],
            "live_room_id": row["live_room_id"],
            "payload": row["payload"],
            "occurred_at": row["occurred_at"],
        },
        default=str,  # asyncpg's UUIDs are a class of their own, which orjson does not know
    )


class Relay:
    """Moves events until it is stopped. `poll` is in seconds, `keep` how long events replay."""

    def __init__(
        self,
        pool: Pool,
        redis: "Redis",
        *,
        poll: float = 0.2,
        batch: int = 1_000,
        stream_length: int = 10_000,
        keep: timedelta = timedelta(days=14),
        moved: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._pool = pool
        self._redis = redis
        self._poll = poll
        self._batch = batch
        self._stream_length = stream_length
        self._keep = keep
        self._moved = moved
        self._woken = asyncio.Event()

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, through every failure of Postgres and Redis."""
        listening = asyncio.create_task(self._listen())
        try:
            while not stopping.is_set():
                try:
                    await self._lead(stopping)
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, RedisError) as e:
                    log.warning("relay.interrupted", reason=f"{type(e).__name__}: {e}")
                    await _pause(stopping, 0.3)
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening

    async def _lead(self, stopping: asyncio.Event) -> None:
        """Hold the lock and move events; the lock ends with its connection, and so do we."""
        async with self._pool.acquire() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", RELAY_LOCK):
                await _pause(stopping, 1.0)
                return
            try:
                log.info("relay.leading")
                await self._work(connection, stopping)
            finally:
                if not connection.is_closed():
                    await connection.execute("SELECT pg_advisory_unlock($1)", RELAY_LOCK)

    async def _work(self, connection: Connection, stopping: asyncio.Event) -> None:
        next_trim = asyncio.get_running_loop().time()
        while not stopping.is_set():
            self._woken.clear()
            moved = await self.move_once(connection)
            if asyncio.get_running_loop().time() >= next_trim:
                await self._trim(connection)
                next_trim += 600
            if not moved:
                await self._rest(stopping)

    async def move_once(self, connection: Connection) -> int:
        """Number what is new, publish what is numbered; how many events were published."""
        await self._number(connection)
        async with connection.transaction():
            await connection.execute(_DOOR)
            rows = await connection.fetch(_UNSENT, self._batch)
        if not rows:
            return 0
        await self._publish(rows)
        async with connection.transaction():
            await connection.execute(_DOOR)
            workspaces, ids = [row["workspace_id"] for row in rows], [row["id"] for row in rows]
            await connection.execute(_SENT, workspaces, ids, datetime.now(UTC))
        self._moved(len(rows))
        return len(rows)

    async def _number(self, connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute(_DOOR)
            rows = await connection.fetch(_NEW, self._batch)
            if not rows:
                return
            by_workspace: dict[Any, list[Any]] = defaultdict(list)
            for row in rows:
                by_workspace[row["workspace_id"]].append(row["id"])
            wanted = [len(ids) for ids in by_workspace.values()]
            last = await connection.fetch(_TAKE_NUMBERS, list(by_workspace), wanted)
            numbered = []
            for counter in last:
                ids = by_workspace[counter["workspace_id"]]
                first = counter["last_sequence"] - len(ids) + 1
                numbered += [(counter["workspace_id"], id, first + n) for n, id in enumerate(ids)]
            columns = [list(column) for column in zip(*numbered, strict=True)]
            await connection.execute(_NUMBER, *columns)

    async def _publish(self, rows: Sequence[Any]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for row in rows:
            pipeline.xadd(
                stream_key(row["workspace_id"]),
                {"event": encode_event(row)},
                id=f"{row['sequence']}-0",
                maxlen=self._stream_length,
                approximate=True,
            )
        for answer in await pipeline.execute(raise_on_error=False):
            if isinstance(answer, ResponseError) and "equal or smaller" in str(answer):
                continue  # published before a crash
            if isinstance(answer, Exception):
                raise answer

    async def _trim(self, connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute(_DOOR)
            await connection.execute(_TRIM, datetime.now(UTC) - self._keep)

    async def _rest(self, stopping: asyncio.Event) -> None:
        waits = [asyncio.create_task(self._woken.wait()), asyncio.create_task(stopping.wait())]
        _, pending = await asyncio.wait(
            waits, timeout=self._poll, return_when=asyncio.FIRST_COMPLETED
        )
        for task in pending:
            task.cancel()

    async def _listen(self) -> None:
        """Be woken by whoever commits; a lost call costs one poll."""
        while True:
            try:
                async with self._redis.pubsub() as calls:
                    await calls.subscribe(WAKE_CHANNEL)
                    async for _ in calls.listen():
                        self._woken.set()
            except (RedisError, OSError):
                await asyncio.sleep(0.3)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
