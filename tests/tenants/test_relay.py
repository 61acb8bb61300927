"""The relay: one at a time, in order, through the loss of either server."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio

from api.embedded.servers import EmbeddedServers
from tenants import relay as relay_module
from tenants.events import stream_key
from tenants.relay import Relay
from tests.world import TestWorkspace, an_order
from tests.world.own_platform import OwnPlatform, own_platform

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def platform(
    servers: EmbeddedServers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[OwnPlatform]:
    folder = tmp_path_factory.mktemp("relay")
    async with own_platform(servers.owner_url, folder, name="relay") as opened:
        yield opened


@asynccontextmanager
async def at_work(platform: OwnPlatform, **given: Any) -> AsyncIterator[asyncio.Event]:
    """A relay, until the block ends or the event is set."""
    stopping = asyncio.Event()
    relay = Relay(platform.parts.pool, platform.parts.redis, poll=0.05, **given)
    task = asyncio.create_task(relay.run(stopping))
    try:
        yield stopping
    finally:
        stopping.set()
        await task


async def orders(workspace: TestWorkspace, count: int) -> None:
    await workspace.ingest([an_order() for _ in range(count)])


async def in_redis(platform: OwnPlatform, workspace: TestWorkspace) -> list[int]:
    entries: Any = await platform.parts.redis.xrange(stream_key(workspace.id))
    return [orjson.loads(fields[b"event"])["sequence"] for _, fields in entries]


async def sequences(platform: OwnPlatform, workspace: TestWorkspace) -> list[int | None]:
    rows = await platform.owner.fetch(
        "SELECT sequence FROM outbox_events WHERE workspace_id = $1 ORDER BY position",
        workspace.id,
    )
    return [row["sequence"] for row in rows]


async def eventually(look: Callable[[], Any], wanted: Any) -> None:
    for _ in range(400):
        if (found := await look()) == wanted:
            return
        await asyncio.sleep(0.05)
    assert found == wanted


async def test_a_backlog_larger_than_a_batch_is_moved_in_order(platform: OwnPlatform) -> None:
    first, second = await platform.world.workspace(), await platform.world.workspace()
    for _ in range(4):
        await orders(first, 10)
        await orders(second, 5)

    async with at_work(platform, batch=7):
        await eventually(lambda: in_redis(platform, first), list(range(1, 41)))
        await eventually(lambda: in_redis(platform, second), list(range(1, 21)))

    assert await sequences(platform, first) == list(range(1, 41))


async def test_of_two_relays_one_works_and_the_other_takes_over(platform: OwnPlatform) -> None:
    workspace = await platform.world.workspace()
    async with at_work(platform) as stop_first, at_work(platform):
        await orders(workspace, 20)
        await eventually(lambda: in_redis(platform, workspace), list(range(1, 21)))
        stop_first.set()
        await orders(workspace, 20)
        await eventually(lambda: in_redis(platform, workspace), list(range(1, 41)))


async def test_a_relay_whose_connections_are_terminated_goes_on(platform: OwnPlatform) -> None:
    workspace = await platform.world.workspace()
    await orders(workspace, 5)
    async with at_work(platform):
        await eventually(lambda: in_redis(platform, workspace), list(range(1, 6)))
        assert await platform.cut_postgres() > 0
        await platform.owner.fetchval("SELECT pg_sleep(0.2)")
        await orders(workspace, 5)
        await eventually(lambda: in_redis(platform, workspace), list(range(1, 11)))


async def test_a_workspace_without_a_counter_gets_one_and_stops_nobody(
    platform: OwnPlatform,
) -> None:
    bare, other = await platform.world.workspace(), await platform.world.workspace()
    await platform.owner.execute("DELETE FROM event_counters WHERE workspace_id = $1", bare.id)
    await orders(bare, 3)
    await orders(other, 3)

    async with at_work(platform):
        await eventually(lambda: in_redis(platform, bare), [1, 2, 3])
        await eventually(lambda: in_redis(platform, other), [1, 2, 3])


async def test_what_was_published_before_a_crash_is_not_published_twice(
    platform: OwnPlatform,
) -> None:
    workspace = await platform.world.workspace()
    await orders(workspace, 5)
    async with at_work(platform):
        await eventually(lambda: in_redis(platform, workspace), [1, 2, 3, 4, 5])
    await platform.owner.execute(  # as if it had crashed before it could mark the last ones
        "UPDATE outbox_events SET sent_at = NULL WHERE workspace_id = $1 AND sequence > 2",
        workspace.id,
    )
    await orders(workspace, 1)

    async with at_work(platform):
        await eventually(lambda: in_redis(platform, workspace), [1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize("hangs", [False, True], ids=["killed", "hangs"])
async def test_without_redis_events_are_numbered_and_published_later(
    platform: OwnPlatform, *, hangs: bool
) -> None:
    workspace = await platform.world.workspace()
    pid = platform.valkey.pid
    assert pid is not None
    async with at_work(platform, publish_timeout=0.3):
        await orders(workspace, 2)
        await eventually(lambda: in_redis(platform, workspace), [1, 2])
        if hangs:
            os.kill(pid, signal.SIGSTOP)
        else:
            platform.valkey.kill()
        try:
            for _ in range(3):
                await orders(workspace, 1)
            await eventually(lambda: sequences(platform, workspace), [1, 2, 3, 4, 5])
        finally:
            if hangs:
                os.kill(pid, signal.SIGCONT)
            else:
                platform.valkey.start()
        await eventually(lambda: newest(platform, workspace), 5)


async def newest(platform: OwnPlatform, workspace: TestWorkspace) -> int:
    """Of the stream; a killed Valkey may have forgotten earlier ones, which the outbox has."""
    return max(await in_redis(platform, workspace), default=0)


async def test_old_events_are_trimmed_in_batches_and_counted(
    platform: OwnPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "_TRIM_BATCH", 10)
    workspace = await platform.world.workspace()
    await orders(workspace, 45)
    async with at_work(platform):
        await eventually(lambda: in_redis(platform, workspace), list(range(1, 46)))
    await platform.owner.execute(
        "UPDATE outbox_events SET sent_at = now() - interval '15 days' "
        "WHERE workspace_id = $1 AND sequence <= 35",
        workspace.id,
    )

    async with at_work(platform, keep=timedelta(days=14)):
        await eventually(lambda: sequences(platform, workspace), list(range(36, 46)))

    oldest = await platform.owner.fetchval(
        "SELECT oldest_sequence FROM event_counters WHERE workspace_id = $1", workspace.id
    )
    assert oldest == 36
