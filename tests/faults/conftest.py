"""Servers of these tests' own, broken by them, and what is checked after each."""

import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from api.embedded.postgres import EmbeddedPostgres
from api.embedded.valkey import EmbeddedValkey
from api.logs import set_up_logs
from api.parts import open_parts
from api.settings import Settings
from migrations.upgrade import migrate
from tests.faults.aftermath import everything_holds
from tests.faults.breakable import LOGIN, Breakable
from tests.world import World


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers_to_break(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Breakable]:
    """As they are shipped: what Postgres acknowledged has to survive its own death."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    set_up_logs(style="json", level="CRITICAL")  # ours here; the processes log to their files
    folder = tmp_path_factory.mktemp("faults")
    postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
    try:
        postgres.start()
        valkey.start()
        async with _opened(postgres, valkey, folder) as platform:
            yield platform
    finally:
        valkey.stop()
        postgres.stop()


@asynccontextmanager
async def _opened(
    postgres: EmbeddedPostgres, valkey: EmbeddedValkey, folder: Path
) -> AsyncIterator[Breakable]:
    connection = await asyncpg.connect(postgres.url)
    await connection.execute("CREATE DATABASE seller_faults")
    await connection.close()
    at = urlsplit(postgres.url)._replace(path="/seller_faults")
    owner_url = at.geturl()
    app_url = at._replace(netloc=f"{LOGIN}:secret@{at.hostname}:{at.port}").geturl()
    await migrate(owner_url=owner_url, app_url=app_url)
    settings = Settings(
        app_database_url=SecretStr(app_url), redis_url=SecretStr(valkey.url), state=folder
    )
    async with open_parts(settings) as parts:
        yield Breakable(postgres, valkey, owner_url, parts, World(parts), folder)


@pytest_asyncio.fixture(loop_scope="session")
async def platform(servers_to_break: Breakable) -> AsyncIterator[Breakable]:
    """With a relay at work. After the test everything has to hold, and all that ran ends."""
    servers_to_break.start_relay()
    yield servers_to_break
    try:
        await everything_holds(servers_to_break)
    finally:
        await servers_to_break.end_processes()
