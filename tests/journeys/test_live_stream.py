"""The LIVE order stream as dashboards see it: every event once and in order, however transactions
overlap. What happens to it while its parts are killed: tests/faults/test_streams.py."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from api.embedded.servers import EmbeddedServers
from tenants.relay import Relay
from tests.world import TestWorkspace, an_order
from tests.world.own_platform import OwnPlatform, own_platform, together
from tests.world.served import Served, serve
from tests.world.stream_client import Dashboard

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def platform(
    servers: EmbeddedServers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[OwnPlatform]:
    folder = tmp_path_factory.mktemp("live")
    async with own_platform(servers.owner_url, folder, name="live") as opened:
        opened.parts.feeds.start()
        yield opened
        await opened.parts.feeds.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def serving(platform: OwnPlatform) -> AsyncIterator[Served]:
    async with serve(platform.parts) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def moving(platform: OwnPlatform) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    relay = Relay(platform.parts.pool, platform.parts.redis)
    task = asyncio.create_task(relay.run(stopping))
    yield
    stopping.set()
    await task


async def dashboard(workspace: TestWorkspace, serving: Served, *, seed: int) -> Dashboard:
    return Dashboard(
        serving.websocket_url, await workspace.token(), workspace.room_global_id, seed=seed
    )


async def everything_once(
    platform: OwnPlatform, workspace: TestWorkspace, watcher: Dashboard, count: int
) -> None:
    """What the dashboard saw is what the record has, gapless from 1."""
    seen = [(item["eventId"], item["sequence"]) for item in watcher.items]
    assert seen == await platform.told(workspace)
    assert watcher.sequences == list(range(1, count + 1))


@pytest.mark.usefixtures("moving")
@pytest.mark.parametrize("later_first", [True, False])
async def test_of_two_overlapping_transactions_the_one_that_commits_first_is_told_first(
    platform: OwnPlatform, serving: Served, *, later_first: bool
) -> None:
    workspace = await platform.world.workspace()
    watcher = await dashboard(workspace, serving, seed=6)
    commits = [asyncio.Event(), asyncio.Event()]
    written = [asyncio.Event(), asyncio.Event()]
    tasks = []
    for n in range(2):
        tasks.append(asyncio.create_task(_held_order(workspace, written[n], commits[n])))
        await written[n].wait()  # so the first one's position is the lower

    first, second = (1, 0) if later_first else (0, 1)
    commits[first].set()
    await tasks[first]
    await watcher.watch(until=1)
    assert len(watcher.items) == 1
    commits[second].set()
    await tasks[second]
    await watcher.watch(until=2)

    await everything_once(platform, workspace, watcher, 2)
    order = "position DESC" if later_first else "position"
    rows = await platform.owner.fetch(
        f"SELECT sequence FROM outbox_events WHERE workspace_id = $1 ORDER BY {order}",
        workspace.id,
    )
    assert [row["sequence"] for row in rows] == [1, 2]


@pytest.mark.usefixtures("moving")
async def test_transactions_that_overlap_at_random_are_all_seen_once(
    platform: OwnPlatform, serving: Served
) -> None:
    workspace = await platform.world.workspace()
    watcher = await dashboard(workspace, serving, seed=7)
    chance = random.Random(7)

    async def shopper() -> None:
        for _ in range(50):
            written, commit = asyncio.Event(), asyncio.Event()
            asyncio.get_running_loop().call_later(chance.uniform(0, 0.08), commit.set)
            await _held_order(workspace, written, commit)

    await together(watcher.watch(until=250), *(shopper() for _ in range(5)))

    await everything_once(platform, workspace, watcher, 250)
    inverted = await platform.owner.fetchval(
        "SELECT count(*) FROM outbox_events a JOIN outbox_events b USING (workspace_id) "
        "WHERE workspace_id = $1 AND a.position < b.position AND a.sequence > b.sequence",
        workspace.id,
    )
    assert inverted > 10  # or nothing overlapped, and this test showed nothing


async def _held_order(
    workspace: TestWorkspace, written: asyncio.Event, commit: asyncio.Event
) -> None:
    """An order whose event has its position, and which commits when it may."""

    async def work(writer: object) -> None:
        from commerce.orders.ingest import ingest
        from tenants.database import Writer

        assert isinstance(writer, Writer)
        await ingest(writer, [an_order(live_room_id=workspace.room_external_id)])
        await writer.changes.write(writer)
        writer.changes.replayed = True  # it is written; committing must not write it again
        written.set()
        await commit.wait()

    await workspace.system().change("test", work)
