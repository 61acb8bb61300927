"""Hundreds of dashboards on one worker, cut at random."""

import asyncio
import time

import pytest

from tenants.grants import Role
from tests.faults.breakable import Breakable, Worker, until
from tests.faults.streams import forgetful_beside, placing, record_of, saw_everything_once
from tests.world import TestWorkspace
from tests.world.conformance import Finding, tell
from tests.world.stream_client import Dashboard

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

SOCKETS = 500
A_SECOND = 8
SECONDS = 5
LIFE = 50.0  # seconds on average, so that one socket in fifty is cut each second


async def test_500_sockets_of_which_some_are_cut_each_second_see_every_event_once(
    platform: Breakable,
) -> None:
    worker = await platform.start_worker()
    workspace = await platform.world.workspace()
    watchers = await _dashboards(platform, workspace, worker)
    events = A_SECOND * SECONDS

    async with (
        forgetful_beside(watchers[0]) as forgetful,
        asyncio.TaskGroup() as tasks,
    ):
        for watcher in watchers:
            tasks.create_task(watcher.watch(until=events))
        await _all_subscribed(worker)
        began = time.monotonic()
        await placing(workspace, events, a_second=A_SECOND)
    seconds = time.monotonic() - began

    record = await record_of(platform, workspace)
    assert len(record) == events
    good = [saw_everything_once(watcher, record) for watcher in watchers]
    cuts = sum(watcher.cuts for watcher in watchers)
    assert all(good)
    # More is asked for than two processors give; whoever waits too long is told to come back.
    refused = [code for watcher in watchers for code in watcher.errors]
    assert set(refused) <= {"UNAVAILABLE"}
    assert cuts > SOCKETS * seconds / LIFE / 2
    assert not saw_everything_once(forgetful, record)
    tell(
        Finding(
            section="Faults",
            check="500 sockets, 8 events/s, 2 % of the sockets cut each second: each sees every "
            "event once and in order",
            passed=sum(good),
            of=SOCKETS,
            control=f"a dashboard that does not resume saw {len(forgetful.items)} of {events}",
            note=f"{cuts} cuts; {events * SOCKETS:,} deliveries in {seconds:.0f} s, "
            f"{events * SOCKETS / seconds:,.0f} a second, by one worker beside its servers and "
            f"all clients on the same processors: those behind caught up "
            f"{seconds - SECONDS:.0f} s after the last event; {len(refused)} times a dashboard was "
            "told to come back, and did",
        )
    )


async def _dashboards(
    platform: Breakable, workspace: TestWorkspace, worker: Worker
) -> list[Dashboard]:
    """Of twenty people, whose budgets are their own."""
    tokens = [await platform.world.member(workspace, Role.OWNER) for _ in range(20)]
    room = workspace.room_global_id
    return [
        Dashboard(worker.websocket_url, tokens[n % 20], room, seed=n, mean_life=LIFE)
        for n in range(SOCKETS)
    ]


async def _all_subscribed(worker: Worker) -> None:
    async def nearly() -> bool:  # some are being cut already
        return (await worker.metrics())["seller_subscriptions"] >= SOCKETS * 0.95

    await until(nearly, within=30)
