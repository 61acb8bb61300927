"""Connections to Postgres, and callers who leave before they have one."""

import asyncio
import gc
from typing import Any

import asyncpg

from api.settings import Settings
from tenants.pool import PoolLimits, open_pool


async def test_callers_who_leave_while_a_connection_opens_leave_no_errors_and_no_connections(
    settings: Settings, owner: asyncpg.Connection
) -> None:
    assert settings.app_database_url is not None
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, context: told.append(context))
    url = settings.app_database_url.get_secret_value()
    pool = await open_pool(url, limits=PoolLimits(size=2), name="leaving")
    try:
        held = await pool.acquire()
        for turns in range(60):  # of the loop: some callers leave at each step of the handshake
            caller = asyncio.ensure_future(pool.acquire())
            for _ in range(turns // 3):
                await asyncio.sleep(0)
            caller.cancel()
            came: Any = (await asyncio.gather(caller, return_exceptions=True))[0]
            if not isinstance(came, BaseException):
                await pool.release(came)
                await pool.expire_connections()
        await pool.release(held)
        await pool.close()
        async with asyncio.timeout(10):
            while await owner.fetchval(_OPEN):  # noqa: ASYNC110 - Postgres tells nobody
                await asyncio.sleep(0.02)
        gc.collect()
    finally:
        loop.set_exception_handler(before)
    assert told == []


_OPEN = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leaving'"
