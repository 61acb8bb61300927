"""Feeds: whoever joins and whenever, whatever Redis has or has not."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from api.embedded.machine import free_port
from api.embedded.servers import EmbeddedServers
from tenants import feed as feed_module
from tenants.database import DatabaseUnavailable
from tenants.events import Event, Gap, stream_key
from tenants.feed import Feeds, SlowConsumer, UnknownPosition
from tenants.relay import Relay
from tests.world import TestWorkspace, an_order
from tests.world.own_platform import OwnPlatform, own_platform

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def platform(
    servers: EmbeddedServers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[OwnPlatform]:
    folder = tmp_path_factory.mktemp("feed")
    async with own_platform(servers.owner_url, folder, name="feed") as opened:
        stopping = asyncio.Event()
        relay = Relay(opened.parts.pool, opened.parts.redis, poll=0.05)
        moving = asyncio.create_task(relay.run(stopping))
        yield opened
        stopping.set()
        await moving


@asynccontextmanager
async def feeds_of(
    platform: OwnPlatform, redis: "Redis | None" = None, *, check_every: float = 60
) -> AsyncIterator[Feeds]:
    """So that Redis alone must bring what comes within the minute of the regular check."""
    feeds = Feeds(platform.parts.pool, redis or platform.parts.redis, check_every=check_every)
    feeds.start()
    try:
        yield feeds
    finally:
        await feeds.stop()


async def orders(workspace: TestWorkspace, count: int) -> None:
    await workspace.ingest([an_order() for _ in range(count)])


async def take(items: AsyncGenerator[Event | Gap, None], count: int) -> list[int | Gap]:
    async with asyncio.timeout(20):
        taken = [await anext(items) for _ in range(count)]
    return [item if isinstance(item, Gap) else item.sequence for item in taken]


async def test_subscribers_that_come_and_go_each_see_a_gapless_sequence(
    platform: OwnPlatform,
) -> None:
    workspace = await platform.world.workspace()
    chance = random.Random(11)

    async def visitor(feeds: Feeds) -> None:
        for _ in range(15):
            await asyncio.sleep(chance.uniform(0, 0.02))
            after = chance.choice([None, 0])
            count = chance.randint(1, 4)
            async with aclosing(feeds.events(workspace.id, after=after, limit=100)) as items:
                seen = await take(items, count)
            start = seen[0]
            assert isinstance(start, int)
            assert seen == list(range(start, start + count))

    async def life() -> None:
        while True:
            await orders(workspace, 1)
            await asyncio.sleep(0.01)

    async with feeds_of(platform) as feeds:
        living = asyncio.create_task(life())
        try:
            await asyncio.gather(*(visitor(feeds) for _ in range(8)))
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
        assert feeds.subscribers == 0
        assert feeds._feeds == {}


async def test_a_new_workspace_is_read_at_once_while_the_reader_waits_for_another(
    platform: OwnPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "_BLOCK", 4.0)
    quiet = await platform.world.workspace()
    async with feeds_of(platform) as feeds:
        waiting = asyncio.create_task(anext(feeds.events(quiet.id, after=None, limit=10)))
        for _ in range(5):
            workspace = await platform.world.workspace()
            async with aclosing(feeds.events(workspace.id, after=0, limit=10)) as items:
                joining = asyncio.create_task(take(items, 1))
                await asyncio.sleep(0.1)
                await orders(workspace, 1)
                async with asyncio.timeout(2):  # half of what the reader would have waited
                    assert await joining == [1]
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_without_any_redis_the_outbox_is_followed(platform: OwnPlatform) -> None:
    workspace = await platform.world.workspace()
    nowhere = Redis.from_url(f"redis://127.0.0.1:{free_port()}/0")
    async with (
        feeds_of(platform, nowhere) as feeds,
        aclosing(feeds.events(workspace.id, after=0, limit=10)) as items,
    ):
        await orders(workspace, 2)
        assert await take(items, 2) == [1, 2]
        await orders(workspace, 1)
        assert await take(items, 1) == [3]
    await nowhere.aclose()


async def test_an_entry_that_is_no_event_stops_nobody(platform: OwnPlatform) -> None:
    workspace = await platform.world.workspace()
    async with (
        feeds_of(platform) as feeds,
        aclosing(feeds.events(workspace.id, after=0, limit=10)) as items,
    ):
        await orders(workspace, 1)
        assert await take(items, 1) == [1]
        await platform.parts.redis.xadd(stream_key(workspace.id), {"x": "y"}, id="2-0")
        await orders(workspace, 2)
        assert await take(items, 2) == [2, 3]


async def test_what_redis_forgot_comes_from_the_outbox(platform: OwnPlatform) -> None:
    workspace = await platform.world.workspace()
    async with (
        feeds_of(platform) as feeds,
        aclosing(feeds.events(workspace.id, after=0, limit=10)) as items,
    ):
        await orders(workspace, 1)
        assert await take(items, 1) == [1]
        await platform.owner.execute(  # numbered and sent, and Redis has none of them
            "UPDATE event_counters SET last_sequence = 4 WHERE workspace_id = $1", workspace.id
        )
        await orders(workspace, 2)
        assert await take(items, 3) == [Gap(2, 4), 5, 6]


async def test_who_falls_behind_is_cut_off_after_what_it_was_owed(platform: OwnPlatform) -> None:
    workspace = await platform.world.workspace()
    async with feeds_of(platform) as feeds:
        slow = feeds.events(workspace.id, after=0, limit=5)
        beside = feeds.events(workspace.id, after=0, limit=100)
        await orders(workspace, 1)
        assert await take(slow, 1) == [1]
        await orders(workspace, 20)
        assert await take(beside, 21) == list(range(1, 22))

        assert await take(slow, 5) == [2, 3, 4, 5, 6]
        with pytest.raises(SlowConsumer):
            await anext(slow)
        again = feeds.events(workspace.id, after=6, limit=5)
        assert await take(again, 15) == list(range(7, 22))
        await beside.aclose()
        await again.aclose()


async def test_a_position_beyond_the_newest_event_is_refused(platform: OwnPlatform) -> None:
    workspace = await platform.world.workspace()
    async with feeds_of(platform) as feeds:
        with pytest.raises(UnknownPosition):
            await anext(feeds.events(workspace.id, after=1, limit=5))
        assert feeds.subscribers == 0


async def test_stopping_tells_whoever_still_waits(platform: OwnPlatform) -> None:
    workspace = await platform.world.workspace()
    async with feeds_of(platform) as feeds:
        waiting = asyncio.create_task(anext(feeds.events(workspace.id, after=None, limit=5)))
        await asyncio.sleep(0.2)
        await feeds.stop()
        with pytest.raises(DatabaseUnavailable):
            await waiting
