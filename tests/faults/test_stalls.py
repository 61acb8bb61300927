"""Servers that neither answer nor go: stalled networks, stopped processes, held locks."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from tests.faults.breakable import Breakable, Worker, until
from tests.faults.customers import INGEST, Customers, codes_of, customers, incoming
from tests.faults.proxy import StallingNetwork, network_to
from tests.faults.streams import record_of, saw_everything_once
from tests.world.conformance import Finding, tell
from tests.world.stream_client import Dashboard

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

STALL = 30.0
STOPPED = 10.0
PROMPT = 5.0
# The time for an operation, and what it takes to give back what it held.
BOUND = 20.0


@pytest_asyncio.fixture(loop_scope="session")
async def network(servers_to_break: Breakable) -> AsyncIterator[StallingNetwork]:
    """A way to Postgres; named before `platform`, whose workers it has to outlive."""
    at = urlsplit(servers_to_break.app_url)
    assert at.hostname is not None
    assert at.port is not None
    async with network_to(at.hostname, at.port) as found:
        yield found


def through(network: StallingNetwork, url: str) -> str:
    at = urlsplit(url)
    return at._replace(netloc=f"{at.username}:{at.password}@127.0.0.1:{network.port}").geturl()


async def test_a_network_to_postgres_that_stalls_for_30_seconds_holds_nobody_for_long(
    network: StallingNetwork, platform: Breakable
) -> None:
    url = through(network, platform.app_url)
    worker = await platform.start_worker(APP_DATABASE_URL=url)
    async with customers(platform, [worker]) as those:
        bare = await asyncpg.connect(url)  # the control: as plain programs hold one
        async with those.busy(ordering=1, looking=1):
            await asyncio.sleep(1)
            before = those.placed
            async with _in_mid_order(platform, those):
                with network.stalled():
                    unlimited = asyncio.create_task(_seconds_of(bare.fetchval("SELECT 1")))
                    health = await _health_of(worker)
                    await asyncio.sleep(STALL - 2)
            took = await _until_answered(those)
        control = await unlimited
        await bare.close()

    assert before > 0
    assert health == (503, "unavailable", "unreachable")
    assert those.codes.keys() == {"TIMEOUT", "UNAVAILABLE"}
    assert those.lost == 0
    assert those.slowest < BOUND < control
    assert (await worker.ready())[0] == httpx.codes.OK
    tell(
        Finding(
            section="Faults",
            check="a network to Postgres that stalls for 30 s: coded errors in bounded time, "
            "/ready says so, the pool recovers",
            passed=1,
            of=1,
            control=f"a bare asyncpg connection waited {control:.0f} s: noticed",
            note=f"nobody waited longer than {those.slowest:.1f} s, the order in mid-transaction "
            f"included; {those.codes.total()} told to try again; first good answer {took:.2f} s "
            "after the stall",
        )
    )


async def test_a_valkey_that_is_stopped_and_not_dead_keeps_no_order_waiting(
    platform: Breakable,
) -> None:
    worker = await platform.start_worker()
    async with customers(platform, [worker]) as those:
        workspace = those.workspace
        room, token = workspace.room_global_id, await workspace.token()
        watcher = Dashboard(worker.websocket_url, token, room, seed=1, mean_life=None)
        watching = asyncio.create_task(watcher.watch(until=10**9))
        bare = Redis.from_url(platform.valkey.url, socket_timeout=None)  # the control
        await bare.ping()
        async with those.busy(ordering=1, looking=1):
            await asyncio.sleep(1)
            with _stopped(platform.valkey.pid):
                before = those.placed
                unlimited = asyncio.create_task(_seconds_of(bare.ping()))
                _, health = await worker.ready()
                await asyncio.sleep(STOPPED)
                taken = those.placed - before
        record = await record_of(platform, workspace)
        async with asyncio.timeout(20):
            while len(watcher.items) < len(record) or len(record) < those.placed:
                await asyncio.sleep(0.05)
                record = await record_of(platform, workspace)
        control = await unlimited
        watching.cancel()
        await asyncio.gather(watching, bare.aclose(), return_exceptions=True)

    assert health["status"] == "degraded"
    assert taken >= 10
    assert those.codes.total() == those.lost == 0
    assert those.slowest < PROMPT < control
    assert watcher.errors == []
    assert saw_everything_once(watcher, record)
    tell(
        Finding(
            section="Faults",
            check="a Valkey that hangs for 10 s: orders are taken as if nothing were, /ready says "
            "so, events go on and none is lost",
            passed=1,
            of=1,
            control=f"a bare redis-py client waited {control:.0f} s: noticed",
            note=f"{taken} orders meanwhile, slowest answer {those.slowest:.2f} s",
        )
    )


async def test_a_lock_held_for_too_long_is_told_as_something_to_try_again(
    platform: Breakable,
) -> None:
    worker = await platform.start_worker(SELLER_LOCK_TIMEOUT="0.3")
    async with customers(platform, [worker]) as those:
        variables = {"orders": [incoming(those.workspace, "held up")]}
        async with platform.looking() as owner, owner.transaction():
            await owner.execute("LOCK TABLE audit_entries IN ACCESS EXCLUSIVE MODE")
            answer = await those.once(worker, INGEST, variables)
        assert answer is not None
        assert codes_of(answer) == ["UNAVAILABLE"]
        await those.until_answered(INGEST, variables)


@asynccontextmanager
async def _in_mid_order(platform: Breakable, those: Customers) -> AsyncIterator[None]:
    """An order whose rows are written, and whose next answer is given within, a moment later."""
    async with platform.looking() as owner:
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute("LOCK TABLE audit_entries IN ACCESS EXCLUSIVE MODE")
        order = asyncio.create_task(those.order())
        await until(lambda: _waits(platform), within=10)
        letting_go = asyncio.create_task(_later(0.3, transaction.rollback()))
        yield
        await letting_go
    await order


async def _later(seconds: float, work: Awaitable[Any]) -> None:
    await asyncio.sleep(seconds)
    await work


async def _waits(platform: Breakable) -> bool:
    return bool(await platform.value("SELECT count(*) FROM pg_locks WHERE NOT granted"))


async def _health_of(worker: Worker) -> tuple[int, str, str]:
    await asyncio.sleep(1)
    status, said = await worker.ready()
    return status, said["status"], said["postgres"]


async def _until_answered(those: Customers) -> float:
    """Seconds until the next good answer."""
    began = time.monotonic()
    while those.answered < began:
        assert time.monotonic() < began + 10
        await asyncio.sleep(0.02)
    return those.answered - began


@contextlib.contextmanager
def _stopped(pid: int | None) -> Iterator[None]:
    """A process that holds its connections, and does nothing."""
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def _seconds_of(question: object) -> float:
    began = time.monotonic()
    await question  # type: ignore[misc]
    return time.monotonic() - began
