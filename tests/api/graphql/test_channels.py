"""Who subscribes to the same is told through one channel: everything, once, and in order."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from api.graphql.channels import Batch, Channels, Push
from api.graphql.sharing import Told
from tenants.events import Event
from tenants.feed import SlowConsumer
from tenants.ids import new_id

LIMIT = 100


def an_event(sequence: int) -> Event:
    return Event(new_id(), sequence, "ORDER_PLACED", new_id(), None, {}, datetime.now(UTC))


EVENTS = [an_event(n) for n in range(600)]


@dataclass
class Crowd:
    """Subscribers of one thing. `asked` holds the sequence of each event that one had answered."""

    channels: Channels = field(default_factory=Channels)
    queues: list["asyncio.Queue[Event | Exception | None]"] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    closed: int = 0

    async def source(self, queue: "asyncio.Queue[Any]") -> AsyncGenerator[Event, None]:
        try:
            while (item := await queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.closed += 1

    async def tell(self, event: Event) -> Told:
        self.asked.append(event.sequence)
        await asyncio.sleep(0)
        return Told({"data": event.sequence})

    def subscribe(self, push: Push | None = None, limit: int = LIMIT) -> AsyncGenerator[Told, None]:
        queue: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
        self.queues.append(queue)
        source = self.source(queue)
        return self.channels.answers(source, self.tell, what="it", limit=limit, push=push)

    def happen(self, *items: Event | Exception | None) -> None:
        for queue in self.queues:
            for item in items:
                queue.put_nowait(item)


async def take(answers: AsyncGenerator[Told, None], count: int) -> list[Any]:
    async with asyncio.timeout(5):
        return [(await anext(answers)).answer["data"] for _ in range(count)]


async def rest(answers: AsyncGenerator[Told, None], into: list[Any]) -> None:
    async for told in answers:
        into.append(told.answer["data"])  # noqa: PERF401 - whoever looks at it sees it grow


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)


async def test_two_who_have_told_the_same_event_go_on_as_one() -> None:
    crowd = Crowd()
    async with aclosing(crowd.subscribe()) as one, aclosing(crowd.subscribe()) as other:
        for n in range(3):  # whoever is ahead of the channel finds it as well
            crowd.happen(EVENTS[n])
            assert await take(one, 1) == await take(other, 1) == [n]
        await asyncio.gather(upcoming := asyncio.ensure_future(take(one, 1)), settled(other, crowd))
        assert upcoming.result() == [3]
        assert crowd.closed == 1, "one source serves both"
        crowd.asked.clear()
        crowd.happen(EVENTS[4])
        assert await take(one, 1) == await take(other, 1) == [4]
        assert crowd.asked == [4]
    assert crowd.closed == 2
    assert not crowd.channels._rooms


async def settled(other: AsyncGenerator[Told, None], crowd: Crowd) -> None:
    crowd.happen(EVENTS[3])
    assert await take(other, 1) == [3]


@pytest.mark.parametrize("pushed", [False, True])
async def test_a_crowd_that_comes_and_goes_is_told_everything_in_order(*, pushed: bool) -> None:
    crowd, heard = Crowd(), [list[Any]() for _ in range(20)]
    async with AsyncExitStack() as stack:
        tasks = []
        for into in heard:
            answers = crowd.subscribe(pusher(into) if pushed else None, limit=1_000)
            await stack.enter_async_context(aclosing(answers))
            tasks.append(asyncio.create_task(rest(answers, into)))
        for n, event in enumerate(EVENTS):
            crowd.happen(event)
            if n % 7 == 0:
                await asyncio.sleep(0)
            if n == 300:
                await until(lambda: crowd.closed > 0)
                tasks[0].cancel()
                tasks[1].cancel()  # the channel's source was one of theirs
        await until(lambda: all(len(each) == len(EVENTS) for each in heard[2:]))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert all(each == list(range(600)) for each in heard[2:])
    assert all(each == list(range(len(each))) for each in heard[:2])
    assert crowd.closed == len(heard)


def pusher(into: list[Any]) -> Push:
    """Takes two batches of three, as a socket that is full now and then."""
    offered = iter(range(1_000_000))

    def push(batch: Batch) -> bool:
        if next(offered) % 3 == 0:
            return False
        into.extend(told.answer["data"] for told in batch.told)
        return True

    return push


async def together(crowd: Crowd, *limits: int) -> list[AsyncGenerator[Told, None]]:
    all_ = [crowd.subscribe(limit=limit) for limit in limits]
    crowd.happen(EVENTS[0])
    for each in all_:
        assert await take(each, 1) == [0]
    crowd.happen(EVENTS[1])
    for told in await asyncio.gather(*(take(each, 1) for each in all_)):
        assert told == [1]
    return all_


def _last_is(heard: list[Any], sequence: int) -> bool:
    return heard[-1:] == [sequence]


async def test_who_falls_behind_is_ended_and_nobody_else() -> None:
    crowd = Crowd()
    quick, slow = await together(crowd, LIMIT, 5)
    heard: list[Any] = []
    reading = asyncio.create_task(rest(quick, heard))
    for event in EVENTS[2:80]:
        crowd.happen(event)
        await until(partial(_last_is, heard, event.sequence))
    with pytest.raises(SlowConsumer):
        await take(slow, 80)
    crowd.happen(EVENTS[80])
    await until(lambda: heard[-1] == 80)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await quick.aclose()
    await slow.aclose()
    assert crowd.closed == 2


async def test_what_ends_the_source_ends_all_after_what_came_before() -> None:
    crowd = Crowd()
    everybody = await together(crowd, LIMIT, LIMIT, LIMIT)
    crowd.happen(EVENTS[2], EVENTS[3], ConnectionError("away"))
    for each in everybody:
        assert await take(each, 2) == [2, 3]
        with pytest.raises(ConnectionError):
            await anext(each)
    assert crowd.closed == 3
    assert not crowd.channels._rooms


async def test_an_answer_that_fails_ends_all(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Crowd()
    everybody = await together(crowd, LIMIT, LIMIT)

    async def failing(_event: Event) -> Told:
        raise PermissionError

    for room in crowd.channels._rooms.values():
        monkeypatch.setattr(room.channel, "_tell", failing)
    crowd.happen(EVENTS[2], EVENTS[3])
    for each in everybody:
        with pytest.raises(PermissionError):
            await take(each, 1)
    again = await together(crowd, LIMIT, LIMIT)
    for each in again:
        await each.aclose()
    assert not crowd.channels._rooms
