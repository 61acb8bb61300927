"""/live and /ready tell the truth, soon enough to be of use."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from starlette.applications import Starlette

from api.embedded.postgres import EmbeddedPostgres
from api.embedded.valkey import EmbeddedValkey
from api.health import Health
from tenants.pool import PoolLimits, open_pool


@dataclass
class Watched:
    """The two routes over servers that a test may stop."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    client: httpx.AsyncClient
    draining: asyncio.Event

    async def ready(self) -> tuple[int, Any]:
        answer = await self.client.get("/ready")
        return answer.status_code, answer.json()


@pytest_asyncio.fixture(loop_scope="session")
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    postgres, valkey = EmbeddedPostgres(tmp_path / "postgres"), EmbeddedValkey(tmp_path / "valkey")
    postgres.start()
    valkey.start()
    pool = await open_pool(postgres.url, limits=PoolLimits(size=3))
    redis = Redis.from_url(valkey.url, socket_connect_timeout=3)
    draining = asyncio.Event()
    health = Health(pool=pool, redis=redis, draining=draining.is_set)
    transport = httpx.ASGITransport(Starlette(routes=health.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Watched(postgres, valkey, client, draining)
    await redis.aclose()
    pool.terminate()
    postgres.stop()
    valkey.stop()


async def test_ready_turns_with_its_servers_and_while_draining(watched: Watched) -> None:
    assert await watched.ready() == (200, {"status": "ok", "postgres": "ok", "redis": "ok"})
    watched.valkey.kill()
    assert await watched.ready() == (
        200,
        {"status": "degraded", "postgres": "ok", "redis": "unreachable"},
    )
    watched.postgres.kill()
    code, told = await watched.ready()
    assert (code, told["status"], told["postgres"]) == (503, "unavailable", "unreachable")
    assert (await watched.client.get("/live")).json() == {"status": "ok"}
    watched.postgres.start()
    watched.valkey.start()
    for _ in range(50):
        if (await watched.ready())[1]["status"] == "ok":
            break
        await asyncio.sleep(0.1)
    else:
        pytest.fail("the servers are back, but ready does not say so")
    watched.draining.set()
    assert await watched.ready() == (503, {"status": "draining"})


async def test_a_server_that_hangs_is_told_within_three_seconds(watched: Watched) -> None:
    backend = await _backend_pid(watched)
    os.kill(backend, signal.SIGSTOP)
    try:
        began = time.monotonic()
        answers = await asyncio.gather(*(watched.ready() for _ in range(20)))
        assert time.monotonic() - began < 3
        assert {code for code, _ in answers} == {503}
    finally:
        os.kill(backend, signal.SIGCONT)


async def _backend_pid(watched: Watched) -> int:
    """The process behind the pool's only connection."""
    await watched.ready()
    connection = await asyncpg.connect(watched.postgres.url)
    try:
        pid = await connection.fetchval(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' "
            "AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
    return int(pid)
