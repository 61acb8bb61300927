"""Events out: every subscriber sees each event of its workspace exactly once and in order.

Postgres is the record, Redis the quick way. Each process reads the streams its subscribers need
with one reader and fans out in memory. A workspace's `Feed` knows the last sequence it delivered:
a repeat is dropped, and a jump is filled from the outbox before anything later is delivered. While
Redis is away, and after every reconnect, the outbox itself is asked.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tenants.database import DatabaseUnavailable, platform_door
from tenants.pool import Pool
from tenants.relay import stream_key

log = structlog.get_logger()

_PAGE = 500
_COUNTERS = """
SELECT workspace_id, last_sequence, oldest_sequence FROM event_counters
 WHERE workspace_id = ANY($1)
"""
_SINCE = """
SELECT id, sequence, kind, entity_id, live_room_id, payload, occurred_at FROM outbox_events
 WHERE workspace_id = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Event:
    """`sequence` rises by one from event to event of a workspace."""

    id: UUID
    sequence: int
    kind: str
    entity_id: UUID
    live_room_id: UUID | None
    payload: dict[str, Any]
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that can no longer be replayed, both ends included."""

    first: int
    last: int


class SlowConsumer(RuntimeError):  # noqa: N818 - reads as a sentence where it is raised
    """A subscriber fell too far behind and was cut off; it can resume from its last event."""

    code = "SLOW_CONSUMER"


class _Subscriber:
    def __init__(self, limit: int) -> None:
        self.queue: asyncio.Queue[Event | None] = asyncio.Queue(limit)
        self.cut_off = False

    def offer(self, event: Event) -> None:
        try:
            self.queue.put_nowait(event)
        except asyncio.QueueFull:
            self.cut_off = True


@dataclass(slots=True)
class _Feed:
    """One workspace's events in this process."""

    workspace_id: UUID
    last: int
    subscribers: set[_Subscriber]
    filling: asyncio.Lock


class Feeds:
    """The event feeds of a process. Started and stopped with the application."""

    def __init__(self, pool: Pool, redis: "Redis", *, check_every: float = 5.0) -> None:
        self._pool = pool
        self._redis = redis
        self._check_every = check_every
        self._feeds: dict[UUID, _Feed] = {}
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._client_id: int | None = None

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._read_streams()),
            asyncio.create_task(self._check_regularly()),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @property
    def subscribers(self) -> int:
        return sum(len(feed.subscribers) for feed in self._feeds.values())

    async def events(
        self, workspace_id: UUID, *, after: int | None, limit: int
    ) -> AsyncGenerator[Event | Gap, None]:
        """Events after a sequence (None: from now on), for ever. `limit` bounds the lag."""
        subscriber = _Subscriber(limit)
        feed = await self._join(workspace_id, subscriber)
        try:
            last = feed.last
            if after is not None and after < last:
                async for item in self._history(workspace_id, after, last):
                    yield item
            elif after is not None and after > last:
                last = after  # a reader that knows more than this process does yet
            while not (subscriber.cut_off and subscriber.queue.empty()):
                event = await subscriber.queue.get()
                if event is not None and event.sequence > last:
                    last = event.sequence
                    yield event
            raise SlowConsumer(
                "This subscriber fell too far behind. Subscribe again with `after` set to the "
                "last event you have seen."
            )
        finally:
            self._leave(feed, subscriber)

    async def _join(self, workspace_id: UUID, subscriber: _Subscriber) -> _Feed:
        feed = self._feeds.get(workspace_id)
        if feed is None:
            last, _ = await self._counters(workspace_id)
            feed = self._feeds.get(workspace_id)  # somebody may have been quicker
            if feed is None:
                feed = _Feed(workspace_id, last, set(), asyncio.Lock())
                self._feeds[workspace_id] = feed
                await self._reread()
        feed.subscribers.add(subscriber)
        return feed

    def _leave(self, feed: _Feed, subscriber: _Subscriber) -> None:
        feed.subscribers.discard(subscriber)
        if not feed.subscribers:
            self._feeds.pop(feed.workspace_id, None)

    async def _history(
        self, workspace_id: UUID, after: int, until: int
    ) -> AsyncIterator[Event | Gap]:
        _, oldest = await self._counters(workspace_id)
        if after + 1 < oldest:
            yield Gap(after + 1, min(oldest - 1, until))
            after = oldest - 1
        while after < until:
            rows = await self._since(workspace_id, after, until)
            if not rows:
                yield Gap(after + 1, until)
                return
            for event in rows:
                if event.sequence != after + 1:
                    yield Gap(after + 1, event.sequence - 1)
                after = event.sequence
                yield event

    async def _arrived(self, workspace_id: UUID, event: Event) -> None:
        feed = self._feeds.get(workspace_id)
        if feed is None:
            return
        async with feed.filling:
            if event.sequence > feed.last + 1:
                await self._fill(feed, event.sequence - 1)
            self._deliver(feed, event)

    async def _catch_up(self, feed: _Feed) -> None:
        last, _ = await self._counters(feed.workspace_id)
        if last > feed.last:
            async with feed.filling:
                await self._fill(feed, last)

    async def _fill(self, feed: _Feed, until: int) -> None:
        while feed.last < until:
            rows = await self._since(feed.workspace_id, feed.last, until)
            if not rows:
                return
            for event in rows:
                self._deliver(feed, event)

    def _deliver(self, feed: _Feed, event: Event) -> None:
        if event.sequence <= feed.last:
            return
        feed.last = event.sequence
        for subscriber in list(feed.subscribers):
            subscriber.offer(event)
            if subscriber.cut_off:
                feed.subscribers.discard(subscriber)

    async def _read_streams(self) -> None:
        while True:
            try:
                await self._read_until_broken()
            except (RedisError, OSError) as error:
                log.warning("feed.redis_away", reason=f"{type(error).__name__}: {error}")
                await self._check_all()
                await asyncio.sleep(0.25)

    async def _read_until_broken(self) -> None:
        async with self._redis.client() as connection:
            self._client_id = await connection.client_id()
            await self._check_all()
            while True:
                self._changed.clear()
                positions: dict[Any, Any] = {
                    stream_key(id): f"{feed.last}-0" for id, feed in self._feeds.items()
                }
                if not positions:
                    await self._changed.wait()
                    continue
                answer = await connection.xread(positions, count=_PAGE, block=5_000)
                for key, entries in _pairs(answer):
                    workspace_id = UUID(_text(key).split("{")[1].split("}")[0])
                    for _, fields in entries:
                        await self._arrived(workspace_id, _decode(fields))

    async def _reread(self) -> None:
        """Let the reader take up a workspace that it does not read yet."""
        self._changed.set()
        if self._client_id is not None:
            with contextlib.suppress(RedisError, OSError):
                await self._redis.execute_command("CLIENT", "UNBLOCK", self._client_id)

    async def _check_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._check_every)
            await self._check_all()

    async def _check_all(self) -> None:
        for feed in list(self._feeds.values()):
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._catch_up(feed)

    async def _counters(self, workspace_id: UUID) -> tuple[int, int]:
        async with platform_door(self._pool, "relay") as connection:
            row = await connection.fetchrow(_COUNTERS, [workspace_id])
        if row is None:
            raise DatabaseUnavailable("This workspace has no event counter.")
        return row["last_sequence"], row["oldest_sequence"]

    async def _since(self, workspace_id: UUID, after: int, until: int) -> list[Event]:
        async with platform_door(self._pool, "relay") as connection:
            rows = await connection.fetch(_SINCE, workspace_id, after, until, _PAGE)
        return [Event(**dict(row)) for row in rows]


def _pairs(answer: Any) -> Any:
    """redis-py answers XREAD with a mapping (RESP3) or a list of pairs (RESP2)."""
    if not answer:
        return []
    if isinstance(answer, dict):
        return [(key, [e for part in parts for e in part]) for key, parts in answer.items()]
    return answer


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _decode(fields: Any) -> Event:
    data = orjson.loads(fields[b"event"] if b"event" in fields else fields["event"])
    room = data["live_room_id"]
    return Event(
        id=UUID(data["id"]),
        sequence=data["sequence"],
        kind=data["kind"],
        entity_id=UUID(data["entity_id"]),
        live_room_id=UUID(room) if room else None,
        payload=data["payload"],
        occurred_at=datetime.fromisoformat(data["occurred_at"]),
    )
