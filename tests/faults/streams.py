"""Orders that come at a pace, and the record that what dashboards saw is held against."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg

from schema.nodes import global_id
from tests.faults.breakable import Breakable
from tests.world import TestWorkspace, an_order
from tests.world.stream_client import Dashboard

Record = list[tuple[str, str]]
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


async def placing(workspace: TestWorkspace, count: int, *, a_second: float) -> None:
    """Orders of the LIVE room, one at a time at that pace."""
    clock = asyncio.get_running_loop().time
    began = clock()
    for n in range(count):
        await workspace.order(live_room_id=workspace.room_external_id)
        await asyncio.sleep(max(0.0, began + (n + 1) / a_second - clock()))


async def place(workspace: TestWorkspace, count: int, *, seed: int, pause: float = 0.0) -> None:
    """Orders of the LIVE room in transactions of 1 to 20, each until it is known to be stored."""
    chance = random.Random(seed)
    placed = 0
    while placed < count:
        size = min(chance.randint(1, 20), count - placed)
        orders = [an_order(live_room_id=workspace.room_external_id) for _ in range(size)]
        for _ in range(100):
            with contextlib.suppress(*_AWAY):
                await workspace.ingest(orders)
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("The database did not come back.")
        placed += size
        await asyncio.sleep(pause)


@asynccontextmanager
async def forgetful_beside(other: Dashboard) -> AsyncIterator[Dashboard]:
    """The control: a dashboard that is cut often and does not say what it has seen already."""
    forgetful = replace(other, mean_life=0.5, resumes=False, items=[], errors=[], cuts=0)
    watching = asyncio.create_task(forgetful.watch(until=10**9))
    try:
        yield forgetful
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def record_of(platform: Breakable, workspace: TestWorkspace) -> Record:
    """Id and sequence of every event of the workspace, as Postgres has them."""
    async with platform.looking() as owner:
        rows = await owner.fetch(
            "SELECT id, sequence FROM outbox_events WHERE workspace_id = $1 ORDER BY sequence",
            workspace.id,
        )
    return [(global_id("OrderEvent", row["id"]), str(row["sequence"])) for row in rows]


def saw_everything_once(watcher: Dashboard, record: Record) -> bool:
    """Whether the dashboard saw what the record has: nothing lost, repeated or out of order."""
    assert [sequence for _, sequence in record] == [str(n + 1) for n in range(len(record))]
    return [(item.get("eventId"), item.get("sequence")) for item in watcher.items] == record
