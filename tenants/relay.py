"""The relay: gives events their sequence and moves them to Redis, in order per workspace.

There is one relay at a time; others stand by. The lock is of the session in which events get
their sequence, so whoever loses it can number nothing any more. Each round first gives the events
that have none their sequence, in one transaction, and only then publishes them; an event is marked
sent when Redis has it. A crash in between publishes again: entry ids in Redis are the sequences,
and Redis refuses an id that is not newer than its last, so nothing is told twice.

`position` is drawn while the changed entity's row is locked, so the events of one entity keep
their order; events become visible when their transaction commits, so an earlier position that
commits late simply gets a later sequence. Nothing is skipped: rows are chosen by having no
sequence, not by lying beyond a mark.

While Redis is away, numbering goes on: feeds then ask the outbox.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import asyncpg
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from tenants.connections import FAILURES
from tenants.events import WAKE_CHANNEL, encode_event, impatient, stream_key
from tenants.pool import Connection, Pool, Row

__all__ = ["WAKE_CHANNEL", "Relay"]

log = structlog.get_logger()

RELAY_LOCK = 7_203_918_224_117

_TRIM_EVERY = 600.0
_TRIM_BATCH = 2_000
_STREAM_SECONDS = 24 * 3600  # a workspace without events gives its memory in Redis back

# A relay whose machine vanished must not hold the lock until the kernel's two hours are over.
_LEAD = """
SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 3; SET tcp_keepalives_count = 3
"""
_BEGIN = "BEGIN; SET LOCAL app.door = 'relay'"
_NEW = """
SELECT workspace_id, id FROM outbox_events WHERE sequence IS NULL
 ORDER BY position LIMIT $1 FOR UPDATE
"""
_TAKE_NUMBERS = """
INSERT INTO event_counters AS c (workspace_id, last_sequence, oldest_sequence)
SELECT n.workspace_id, n.wanted, 1 FROM unnest($1::uuid[], $2::int[]) AS n(workspace_id, wanted)
ON CONFLICT (workspace_id) DO UPDATE SET last_sequence = c.last_sequence + excluded.last_sequence
RETURNING workspace_id, last_sequence
"""
_NUMBER = """
UPDATE outbox_events e SET sequence = n.sequence
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS n(workspace_id, id, sequence)
 WHERE e.workspace_id = n.workspace_id AND e.id = n.id
"""
# The oldest of a backlog by an index, however long it is; then in the order of each stream.
_UNSENT = """
SELECT * FROM (
  SELECT workspace_id, id, sequence, kind, entity_id, live_room_id, payload, occurred_at
    FROM outbox_events WHERE sent_at IS NULL AND sequence IS NOT NULL ORDER BY position LIMIT $1
) AS oldest ORDER BY workspace_id, sequence
"""
_SENT = """
UPDATE outbox_events e SET sent_at = $3
  FROM unnest($1::uuid[], $2::uuid[]) AS n(workspace_id, id)
 WHERE e.workspace_id = n.workspace_id AND e.id = n.id
"""
_TRIM = """
WITH old AS (
  SELECT workspace_id, id FROM outbox_events WHERE sent_at < $1
   ORDER BY sent_at, workspace_id, sequence LIMIT $2
), gone AS (
  DELETE FROM outbox_events e USING old
   WHERE e.workspace_id = old.workspace_id AND e.id = old.id
  RETURNING e.workspace_id, e.sequence
), newest AS (
  SELECT workspace_id, max(sequence) AS sequence FROM gone GROUP BY workspace_id
), counted AS (
  UPDATE event_counters c SET oldest_sequence = greatest(c.oldest_sequence, n.sequence + 1)
    FROM newest n WHERE c.workspace_id = n.workspace_id
)
SELECT count(*) FROM gone
"""


class Relay:
    """Moves events until it is stopped. `poll` is in seconds, `keep` how long events replay.

    `publish_timeout` is in seconds: a Redis that takes longer counts as away.
    """

    def __init__(
        self,
        pool: Pool,
        redis: "Redis",
        *,
        poll: float = 0.2,
        batch: int = 1_000,
        stream_length: int = 10_000,
        keep: timedelta = timedelta(days=14),
        publish_timeout: float = 2.0,
        moved: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self._pool = pool
        self._redis = impatient(redis)
        self._poll = poll
        self._batch = batch
        self._stream_length = stream_length
        self._keep = keep
        self._publish_timeout = publish_timeout
        self._moved = moved
        self._woken = asyncio.Event()
        self._redis_away = False
        self._over = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, through every failure of Postgres and Redis."""
        self._over = False
        listening = asyncio.create_task(self._listen())
        try:
            while not stopping.is_set():
                try:
                    await self._lead(stopping)
                except FAILURES as error:
                    log.warning("relay.interrupted", reason=f"{type(error).__name__}: {error}")
                    await _pause(stopping, 0.3)
                except Exception:  # a bug of ours must not end the only relay
                    log.exception("relay.failed")
                    await _pause(stopping, 1.0)
        finally:
            self._over = True  # a library may make an error of its own out of a cancellation
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await self._redis.aclose()

    async def _lead(self, stopping: asyncio.Event) -> None:
        """Hold the lock and move events; the lock ends with its connection, and so do we."""
        async with self._pool.acquire() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", RELAY_LOCK):
                await _pause(stopping, 1.0)
                return
            try:
                await connection.execute(_LEAD)
                log.info("relay.leading")
                await self._work(cast("Connection", connection), stopping)
                await connection.execute("SELECT pg_advisory_unlock($1)", RELAY_LOCK)
            finally:
                with contextlib.suppress(asyncpg.InterfaceError):  # it is gone already
                    connection.terminate()  # the pool must not lend it with our lock and settings

    async def _work(self, connection: Connection, stopping: asyncio.Event) -> None:
        clock = asyncio.get_running_loop().time
        next_trim = clock()
        while not stopping.is_set():
            self._woken.clear()
            moved = await self.move_once(connection)
            if clock() >= next_trim and await self.trim(connection) < _TRIM_BATCH:
                next_trim = clock() + _TRIM_EVERY
            if not moved:
                await self._rest(stopping)

    async def move_once(self, connection: Connection) -> int:
        """Number what is new, publish what is numbered; how many events were published."""
        async with _door(connection):
            await self._number(connection)
            rows = await connection.fetch(_UNSENT, self._batch)
        if not rows or not await self._published(rows):
            return 0
        async with _door(connection):
            workspaces, ids = [row["workspace_id"] for row in rows], [row["id"] for row in rows]
            await connection.execute(_SENT, workspaces, ids, datetime.now(UTC))
        self._moved(len(rows))
        return len(rows)

    async def trim(self, connection: Connection) -> int:
        """Delete a batch of events too old to be replayed; how many it were."""
        async with _door(connection):
            before = datetime.now(UTC) - self._keep
            return int(await connection.fetchval(_TRIM, before, _TRIM_BATCH))

    async def _number(self, connection: Connection) -> None:
        rows = await connection.fetch(_NEW, self._batch)
        if not rows:
            return
        by_workspace: dict[Any, list[Any]] = defaultdict(list)
        for row in rows:
            by_workspace[row["workspace_id"]].append(row["id"])
        wanted = [len(ids) for ids in by_workspace.values()]
        numbered: list[tuple[Any, Any, int]] = []
        for counter in await connection.fetch(_TAKE_NUMBERS, list(by_workspace), wanted):
            ids = by_workspace[counter["workspace_id"]]
            first = counter["last_sequence"] - len(ids) + 1
            numbered += [(counter["workspace_id"], ids[n], first + n) for n in range(len(ids))]
        columns = [list(column) for column in zip(*numbered, strict=True)]
        await connection.execute(_NUMBER, *columns)

    async def _published(self, rows: Sequence[Any]) -> bool:
        """Whether Redis has them now. Where it has not, they wait in the outbox."""
        try:
            async with asyncio.timeout(self._publish_timeout):
                await self._publish(rows)
        except (RedisError, OSError) as error:
            if not self._redis_away:
                log.warning("relay.redis_away", reason=f"{type(error).__name__}: {error}")
            self._redis_away = True
            return False
        if self._redis_away:
            log.info("relay.redis_back")
        self._redis_away = False
        return True

    async def _publish(self, rows: Sequence[Row]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for row in rows:
            pipeline.xadd(
                stream_key(row["workspace_id"]),
                {"event": encode_event(row)},
                id=f"{row['sequence']}-0",
                maxlen=self._stream_length,
                approximate=True,
            )
        for workspace_id in {row["workspace_id"] for row in rows}:
            pipeline.expire(stream_key(workspace_id), _STREAM_SECONDS)
        for answer in await pipeline.execute(raise_on_error=False):
            if isinstance(answer, ResponseError) and "equal or smaller" in str(answer):
                continue  # published before a crash
            if isinstance(answer, Exception):
                raise answer

    async def _rest(self, stopping: asyncio.Event) -> None:
        waits = [asyncio.create_task(self._woken.wait()), asyncio.create_task(stopping.wait())]
        _, pending = await asyncio.wait(
            waits, timeout=self._poll, return_when=asyncio.FIRST_COMPLETED
        )
        for task in pending:
            task.cancel()

    async def _listen(self) -> None:
        """Be woken by whoever commits; a lost call costs one poll."""
        while not self._over:
            try:
                async with self._redis.pubsub() as calls:
                    await calls.subscribe(WAKE_CHANNEL)
                    async for _ in calls.listen():
                        self._woken.set()
            except Exception as error:  # noqa: BLE001 - without it, every event costs a poll
                log.debug("relay.unwoken", reason=f"{type(error).__name__}: {error}")
            await asyncio.sleep(0.3)


@contextlib.asynccontextmanager
async def _door(connection: Connection) -> Any:
    """A transaction that may see the outbox of every workspace; two round trips of its own."""
    await connection.execute(_BEGIN)
    try:
        yield
    except BaseException:
        if not connection.is_closed():
            with contextlib.suppress(*FAILURES):
                await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
