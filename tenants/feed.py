"""Events out: every subscriber sees each event of its workspace exactly once and in order.

Postgres is the record, Redis the quick way. Each process reads the streams its subscribers need
with one reader and fans out in memory. A workspace's `_Feed` knows the last sequence it delivered:
a repeat is dropped, and a jump is filled from the outbox before anything later is delivered. While
Redis is away, after every reconnect and every few seconds, the outbox itself is asked.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis

from tenants.database import DatabaseUnavailable
from tenants.events import (
    Event,
    Gap,
    decode_event,
    end_of,
    entries,
    impatient,
    last_sequences,
    replay,
    stream_key,
)
from tenants.pool import Pool

log = structlog.get_logger()

_BLOCK = 1.0  # seconds; shorter than any time-out of the connection that waits
_PAGE = 500
TOO_FAR_BEHIND = (
    "This subscriber fell too far behind. Subscribe again with `after` set to the last event you "
    "have seen."
)


class SlowConsumer(RuntimeError):
    """A subscriber fell too far behind and was cut off; it can resume from its last event."""

    code = "SLOW_CONSUMER"


class UnknownPosition(ValueError):
    """A subscriber asks to resume after an event that never was."""

    code = "BAD_USER_INPUT"


class Feeds:
    """The event feeds of a process. Started and stopped with the application.

    `check_every` and `poll` are in seconds: how often the outbox is asked while Redis answers,
    and while it does not.
    """

    def __init__(
        self, pool: Pool, redis: "Redis", *, check_every: float = 5.0, poll: float = 0.25
    ) -> None:
        self._pool = pool
        self._shared_redis = redis
        self._redis: Redis | None = None
        self._check_every = check_every
        self._poll = poll
        self._feeds: dict[UUID, _Feed] = {}
        self._changed = asyncio.Event()  # set until the reader has taken up what is new
        self._reading: int | None = None  # the reader's client id in Redis, while it is connected
        self._interrupted = False
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._redis = impatient(self._shared_redis)
        self._stopping = False
        work = (self._read_streams(), self._check_regularly(), self._call_reader())
        self._tasks = [asyncio.create_task(each) for each in work]

    async def stop(self) -> None:
        """End the reader and whoever still subscribes."""
        self._stopping = True  # a library may make an error of its own out of a cancellation
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for feed in self._feeds.values():
            for subscriber in feed.subscribers:
                subscriber.end(DatabaseUnavailable("This server is stopping; subscribe again."))
        if self._redis is not None:
            await self._redis.aclose()

    @property
    def subscribers(self) -> int:
        return sum(feed.users for feed in self._feeds.values())

    async def events(
        self, workspace_id: UUID, *, after: int | None, limit: int
    ) -> AsyncGenerator[Event | Gap, None]:
        """Events after a sequence (None: from now on), for ever. `limit` bounds the lag.

        Raises `SlowConsumer`, and `UnknownPosition` where `after` was never told to anybody.
        """
        feed = await self._join(workspace_id)
        subscriber = _Subscriber(limit)
        try:
            last = feed.last if after is None else after
            if last > feed.last:
                await self._check_known(workspace_id, last)
            while last < feed.last:  # history, at the subscriber's own pace
                async for item in replay(self._pool, workspace_id, after=last, until=feed.last):
                    last = end_of(item)
                    yield item
            feed.subscribers.add(subscriber)  # nothing can arrive between that look and this
            while True:
                item = await subscriber.next()
                if end_of(item) > last:
                    first, last = last + 1, end_of(item)
                    yield Gap(first, last) if isinstance(item, Gap) else item
        finally:
            self._leave(feed, subscriber)

    async def _join(self, workspace_id: UUID) -> "_Feed":
        feed = self._feeds.get(workspace_id)
        if feed is None:
            last = (await last_sequences(self._pool, [workspace_id]))[workspace_id]
            # Somebody may have been quicker meanwhile; from here on nobody can come between.
            feed = self._feeds.setdefault(workspace_id, _Feed(workspace_id, last))
            self._changed.set()
        feed.users += 1
        return feed

    def _leave(self, feed: "_Feed", subscriber: "_Subscriber") -> None:
        feed.subscribers.discard(subscriber)
        feed.users -= 1
        if not feed.users:
            del self._feeds[feed.workspace_id]

    async def _check_known(self, workspace_id: UUID, position: int) -> None:
        """A client may know more than this process does yet, but not more than Postgres."""
        newest = (await last_sequences(self._pool, [workspace_id]))[workspace_id]
        if position > newest:
            raise UnknownPosition(
                f"`after` lies beyond the newest event, {newest}. Pass the `sequence` of an event "
                "that you have seen in this workspace, or nothing to begin now."
            )

    async def _read_streams(self) -> None:
        while not self._stopping:
            try:
                await self._read_until_broken()
            except Exception as error:  # noqa: BLE001 - the only reader outlives everything
                if not self._interrupted:  # told once, not four times a second
                    log.warning("feed.interrupted", reason=f"{type(error).__name__}: {error}")
                self._reading, self._interrupted = None, True
            await asyncio.sleep(self._poll)

    async def _read_until_broken(self) -> None:
        assert self._redis is not None  # noqa: S101 - started
        async with self._redis.client() as connection:
            client_id = await connection.client_id()
            await self._check_all()  # a server that came back may have forgotten the newest
            if self._interrupted:
                log.info("feed.resumed")
            self._reading, self._interrupted = client_id, False
            while not self._stopping:
                self._changed.clear()
                positions: dict[Any, Any] = {
                    stream_key(key): f"{feed.last}-0" for key, feed in self._feeds.items()
                }
                if not positions:
                    await self._changed.wait()
                    continue
                block = int(_BLOCK * 1000)
                async with asyncio.timeout(_BLOCK + 2):  # a server that hangs is away too
                    answer = await connection.xread(positions, count=_PAGE, block=block)
                for workspace_id, sequence, fields in entries(answer):
                    await self._arrived(workspace_id, sequence, fields)

    async def _arrived(self, workspace_id: UUID, sequence: int, fields: Any) -> None:
        feed = self._feeds.get(workspace_id)
        if feed is None:
            return
        if sequence > feed.last + 1:
            await self._fill(feed, sequence - 1)
        feed.deliver(decode_event(fields))

    async def _fill(self, feed: "_Feed", until: int) -> None:
        """Deliver from the outbox what the feed lacks up to there, trimmed events as a gap."""
        async with feed.filling:
            async for item in replay(self._pool, feed.workspace_id, after=feed.last, until=until):
                feed.deliver(item)

    async def _check_regularly(self) -> None:
        checked = asyncio.get_running_loop().time()
        while not self._stopping:
            await asyncio.sleep(self._poll)
            now = asyncio.get_running_loop().time()
            if self._reading is not None and now < checked + self._check_every:
                continue
            checked = now
            try:
                await self._check_all()
            except Exception as error:  # noqa: BLE001 - likewise
                log.warning("feed.unchecked", reason=f"{type(error).__name__}: {error}")

    async def _check_all(self) -> None:
        if not self._feeds:
            return
        newest = await last_sequences(self._pool, list(self._feeds))
        for feed in list(self._feeds.values()):
            if newest.get(feed.workspace_id, 0) > feed.last:
                await self._fill(feed, newest[feed.workspace_id])

    async def _call_reader(self) -> None:
        """Interrupt the reader's wait for old streams until it waits for the new one as well.

        A call that comes just before the wait begins is lost, so it is repeated; without any, the
        reader looks once its wait is over.
        """
        while not self._stopping:
            await self._changed.wait()
            try:
                if self._reading is not None and self._redis is not None:
                    await self._redis.client_unblock(self._reading)
            except Exception as error:  # noqa: BLE001 - likewise
                log.debug("feed.uncalled", reason=f"{type(error).__name__}: {error}")
            await asyncio.sleep(self._poll if self._reading is None else 0.02)


class _Subscriber:
    """What one subscriber has still to see, at most `limit` items."""

    def __init__(self, limit: int) -> None:
        self._items: deque[Event | Gap] = deque()
        self._limit = limit
        self._ended: Exception | None = None
        self._arrived = asyncio.Event()

    def offer(self, item: Event | Gap) -> None:
        if self._ended is not None:
            return
        if len(self._items) < self._limit:
            self._items.append(item)
            self._arrived.set()
        else:
            self.end(SlowConsumer(TOO_FAR_BEHIND))

    def end(self, reason: Exception) -> None:
        """Raise that once everything offered before was taken."""
        self._ended = self._ended or reason
        self._arrived.set()

    async def next(self) -> Event | Gap:
        while not self._items:
            if self._ended is not None:
                raise self._ended
            self._arrived.clear()
            await self._arrived.wait()
        return self._items.popleft()


@dataclass(slots=True)
class _Feed:
    """One workspace's events in this process; `users` counts who joined, live already or not."""

    workspace_id: UUID
    last: int
    users: int = 0
    subscribers: set[_Subscriber] = field(default_factory=set)
    filling: asyncio.Lock = field(default_factory=asyncio.Lock)

    def deliver(self, item: Event | Gap) -> None:
        if end_of(item) <= self.last:
            return
        self.last = end_of(item)
        for subscriber in self.subscribers:
            subscriber.offer(item)
