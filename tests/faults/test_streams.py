"""The LIVE order stream while its parts are killed: every event once and in order."""

import asyncio
import random

import pytest

from tests.faults.breakable import LOGIN, Breakable, Worker
from tests.faults.customers import Customers, customers
from tests.faults.streams import (
    forgetful_beside,
    place,
    record_of,
    saw_everything_once,
)
from tests.world import TestWorkspace
from tests.world.conformance import Finding, tell
from tests.world.own_platform import together
from tests.world.stream_client import Dashboard

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

_CUT = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE usename = $1 AND datname = current_database()
"""


async def dashboard(workspace: TestWorkspace, worker: Worker, *, seed: int) -> Dashboard:
    return Dashboard(
        worker.websocket_url, await workspace.token(), workspace.room_global_id, seed=seed
    )


async def all_once(
    platform: Breakable, workspace: TestWorkspace, *watchers: Dashboard, count: int
) -> None:
    record = await record_of(platform, workspace)
    assert len(record) == count
    assert all(saw_everything_once(watcher, record) for watcher in watchers)


async def test_a_subscriber_cut_at_random_moments_sees_each_of_5000_orders_exactly_once(
    platform: Breakable,
) -> None:
    worker = await platform.start_worker()
    workspace = await platform.world.workspace()
    watcher = await dashboard(workspace, worker, seed=1)

    await together(place(workspace, 5_000, seed=1), watcher.watch(until=5_000))

    await all_once(platform, workspace, watcher, count=5_000)
    assert watcher.cuts >= 5
    assert watcher.errors == []


async def test_nothing_is_lost_or_repeated_while_the_relay_is_killed_and_restarted(
    platform: Breakable,
) -> None:
    worker = await platform.start_worker()
    workspace = await platform.world.workspace()
    watcher = await dashboard(workspace, worker, seed=2)
    chance = random.Random(2)

    async def kill_relays() -> None:
        for _ in range(3):
            relay = platform.relay
            await watcher.sees(more=1)  # until it is in mid-work
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            relay.kill()
            platform.start_relay()

    placing_all = place(workspace, 1_500, seed=2, pause=0.05)
    await together(placing_all, watcher.watch(until=1_500), kill_relays())

    await all_once(platform, workspace, watcher, count=1_500)
    tell(
        Finding(
            section="Faults",
            check="kill -9 of the relay: every event once and in order",
            passed=1,
            of=1,
            control="the same judgement on a dashboard that does not resume: noticed",
            note=f"3 relays killed in mid-work during 1,500 orders; {watcher.cuts} cuts besides",
        )
    )


async def test_valkey_is_killed_and_restarted_and_orders_are_taken_all_the_while(
    platform: Breakable,
) -> None:
    worker = await platform.start_worker()
    async with customers(platform, [worker]) as those:
        workspace = those.workspace
        cut = await dashboard(workspace, worker, seed=3)
        steady = await dashboard(workspace, worker, seed=4)
        steady.mean_life = None  # never cut: what it sees comes through one subscription
        watchers = [asyncio.create_task(each.watch(until=10**9)) for each in (cut, steady)]
        async with forgetful_beside(cut) as forgetful:
            while_away = await _killed_twice(platform, those)
            record = await record_of(platform, workspace)
            async with asyncio.timeout(20):
                while min(len(cut.items), len(steady.items)) < len(record):
                    await asyncio.sleep(0.05)
                    record = await record_of(platform, workspace)
        for each in watchers:
            each.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)

    assert while_away >= 10
    assert those.codes.total() == those.lost == 0
    assert len(record) == those.placed
    assert saw_everything_once(cut, record)
    assert saw_everything_once(steady, record)
    assert steady.errors == []
    assert not saw_everything_once(forgetful, record)
    tell(
        Finding(
            section="Faults",
            check="kill -9 of Valkey: orders are taken, live events resume, none is lost",
            passed=2,
            of=2,
            control=f"a dashboard that does not resume saw {len(forgetful.items)} of "
            f"{len(record)} events",
            note=f"{while_away} of {those.placed} orders were taken while Valkey was dead, no "
            f"client was told of it, slowest answer {those.slowest:.2f} s; one dashboard was cut "
            f"{cut.cuts} times, one never",
        )
    )


async def test_nothing_is_lost_or_repeated_while_postgres_connections_are_terminated(
    platform: Breakable,
) -> None:
    worker = await platform.start_worker()
    workspace = await platform.world.workspace()
    watcher = await dashboard(workspace, worker, seed=5)
    chance = random.Random(5)
    cut = 0

    async def cut_connections() -> None:
        nonlocal cut
        for _ in range(5):
            await asyncio.sleep(chance.uniform(0.2, 0.6))
            cut += await platform.value(_CUT, LOGIN)

    await together(
        place(workspace, 1_500, seed=5, pause=0.02), watcher.watch(until=1_500), cut_connections()
    )

    assert cut >= 5
    await all_once(platform, workspace, watcher, count=1_500)


async def _killed_twice(platform: Breakable, those: Customers) -> int:
    """Kill Valkey and bring it back, twice; how many orders were taken while it was dead."""
    chance = random.Random(3)
    taken = 0
    async with those.busy(ordering=2, looking=2):
        for _ in range(2):
            await asyncio.sleep(chance.uniform(0.5, 1.0))
            platform.valkey.kill()
            before = those.placed
            await asyncio.sleep(chance.uniform(1.5, 2.5))
            taken += those.placed - before
            platform.valkey.start()
        await asyncio.sleep(0.5)
    return taken
