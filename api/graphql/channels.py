"""One channel for all who subscribe to the same with the same credential.

A subscription that runs by itself costs its process a wake-up, half a dozen generators and a look
at the credential for each event: for a thousand of them that is all it does. Each begins by itself,
since each may resume at a place of its own. Once two have told the same event, the later one's
source becomes a channel's, and whoever has told an event that the channel has had leaves its own
source and goes on with the next of the channel. Nothing is lost or told twice on the way: both hold
the same events in the same order.

For every event the credential is looked at once for all who share it. What is ready together is
told together. Members are told by `push` while they keep up; who does not is told at its own pace,
and ended when it is too far behind.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from api.graphql.sharing import Told
from tenants.events import Event
from tenants.feed import TOO_FAR_BEHIND, SlowConsumer

_AT_ONCE = 8  # events that a channel has answered at a time; each takes a connection to Postgres
_TOGETHER = 32  # answers sent together at most: the first of them waits for the others
_KEPT = 256  # events by which a channel may be ahead of who comes to it
_IN_A_ROW = 100  # members told before others have their turn on the loop: some two milliseconds


@dataclass(frozen=True, slots=True)
class Batch:
    """Answers to be sent together. `written` keeps what they come to, by whatever tells it apart:
    it is mostly the same for all."""

    told: Sequence[Told]
    written: dict[Hashable, bytes] = field(default_factory=dict)


Push = Callable[[Batch], bool]  # False where it has to wait, or cannot be sent at all
Tell = Callable[[Any], Awaitable[Told]]


class Channels:
    """What is subscribed to in this process."""

    def __init__(self) -> None:
        self._rooms: dict[Hashable, _Room] = {}

    async def answers(
        self,
        source: AsyncGenerator[Any, None],
        tell: Tell,
        *,
        what: Hashable,
        limit: int,
        push: Push | None,
    ) -> AsyncGenerator[Told, None]:
        """Answers to the events of `source`, which is closed at the end, less those pushed.

        Whoever gives the same `what` must have the same told of the same events. `limit` bounds how
        many answers wait.
        """
        room = self._rooms.setdefault(what, _Room())
        room.users += 1
        try:
            member = None
            try:
                async for event in source:
                    yield await tell(event)
                    if room.meets(event):
                        room.channel = _Channel(source, tell, event)
                    member = room.channel.join(event, limit, push) if room.channel else None
                    if member is not None:
                        break
            finally:
                if room.channel is None or room.channel.source is not source:
                    await source.aclose()
            if member is not None:
                async with aclosing(member.answers()) as answers:
                    async for told in answers:
                        yield told
        finally:
            room.users -= 1
            if not room.users:
                del self._rooms[what]


class _Room:
    """Who asks for the same: `_last` is the newest event that one without a channel has told."""

    def __init__(self) -> None:
        self.users = 0
        self.channel: _Channel | None = None
        self._last: Event | None = None

    def meets(self, event: object) -> bool:
        """Whether two have told it, and have no channel. Events that are replayed are objects of
        their own, so this one is live."""
        if self.channel is not None and not self.channel.over:
            return False
        self.channel = None
        last, self._last = self._last, event if isinstance(event, Event) else None
        return last is not None and last is event


class _Channel:
    """Reads `source` on from `event`, and tells its members, as long as there are any."""

    def __init__(self, source: AsyncGenerator[Any, None], tell: Tell, event: object) -> None:
        self.source = source
        self.over = False
        self._tell = tell
        self._members: dict[_Member, None] = {}
        self._recent: deque[tuple[object, Told | None]] = deque([(event, None)], _KEPT)
        self._coming: deque[object] = deque()  # events that were read, and not told yet
        self._answers: asyncio.Queue[tuple[object, asyncio.Future[Any]]] = asyncio.Queue()
        self._places = asyncio.Semaphore(_TOGETHER)
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._working = asyncio.create_task(self._work())

    def join(self, event: object, limit: int, push: Push | None) -> "_Member | None":
        """To be told what comes after `event`; None where the channel has not had that, or had it
        too long ago."""
        recent = list(self._recent)
        known = [*(each for each, _ in recent), *self._coming]
        at = next((n for n, each in enumerate(known, 1) if each is event), None)
        if at is None or self.over:
            return None
        missed = [told for _, told in recent[at:] if told is not None]
        ahead = max(0, at - len(recent))
        member = _Member(self, missed, ahead=ahead, limit=limit, push=push)
        self._members[member] = None
        return member

    async def leave(self, member: "_Member") -> None:
        self._members.pop(member, None)
        if not self._members and not self.over:
            self.over = True
            self._working.cancel()
            await asyncio.wait({self._working})
            await self.source.aclose()  # it may have been cancelled before it began

    async def _work(self) -> None:
        reading, ended = asyncio.create_task(self._read()), None
        try:
            while await self._deliver():
                pass
        except Exception as error:  # noqa: BLE001 - it is every member's
            ended = error
        finally:
            self.over = True
            reading.cancel()
            left = [self._answers.get_nowait()[1] for _ in range(self._answers.qsize())]
            for answer in left:
                answer.cancel()
            await asyncio.gather(reading, *left, return_exceptions=True)
            await self.source.aclose()
        for member in self._members:
            member.end(ended)

    async def _read(self) -> None:
        """Have events answered, several at a time; what ends the source comes after the last."""
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            async for event in self.source:
                await self._places.acquire()
                self._coming.append(event)
                self._answers.put_nowait((event, asyncio.create_task(self._answer(event))))
            end.set_result(None)
        except Exception as error:  # noqa: BLE001 - likewise
            end.set_exception(error)
        self._answers.put_nowait((None, end))

    async def _answer(self, event: object) -> Told:
        async with self._turns:
            return await self._tell(event)

    async def _deliver(self) -> bool:
        """Tell together what is ready or nearly so; False at the end."""
        batch: list[tuple[object, Told]] = []
        try:
            while not batch or (len(batch) < _TOGETHER and not self._answers.empty()):
                event, answer = await self._answers.get()
                told = await answer
                if told is None:
                    return False
                self._places.release()
                batch.append((event, told))
        finally:  # what comes before an end is told as well
            await self._tell_all(batch)
        return True

    async def _tell_all(self, told: list[tuple[object, Told]]) -> None:
        self._recent.extend(told)
        for _ in told:
            self._coming.popleft()
        batch = Batch([each for _, each in told])
        for n, member in enumerate(list(self._members), 1):
            member.offer(batch)
            if n % _IN_A_ROW == 0:
                await asyncio.sleep(0)


class _Member:
    """One who is told, and the answers that wait for it. It has had the next `ahead` already."""

    def __init__(
        self,
        channel: _Channel,
        missed: Iterable[Told],
        *,
        ahead: int,
        limit: int,
        push: Push | None,
    ) -> None:
        self._channel = channel
        self._waiting = deque(missed)
        self._ahead = ahead
        self._limit = limit
        self._push = push
        self._over = False
        self._why: Exception | None = None
        self._arrived = asyncio.Event()
        self._idle = False  # all was sent: what comes now may be pushed, and overtakes nothing

    def offer(self, batch: Batch) -> None:
        if self._ahead:
            had = min(self._ahead, len(batch.told))
            self._ahead -= had
            batch = Batch(batch.told[had:])
        if self._over or not batch.told:
            return
        if self._idle and self._push is not None and self._push(batch):
            return
        if len(self._waiting) >= self._limit:
            self.end(SlowConsumer(TOO_FAR_BEHIND))
            return
        self._idle = False
        self._waiting.extend(batch.told)
        self._arrived.set()

    def end(self, why: Exception | None) -> None:
        """Once everything offered before was taken."""
        if not self._over:
            self._over, self._why, self._idle = True, why, False
            self._arrived.set()

    async def answers(self) -> AsyncGenerator[Told, None]:
        try:
            while True:
                while self._waiting:
                    yield self._waiting.popleft()
                if self._over:
                    break
                self._arrived.clear()
                self._idle = True
                await self._arrived.wait()
            if self._why is not None:
                raise self._why.with_traceback(None)  # it is raised by every member
        finally:
            self._over = True
            await self._channel.leave(self)
