"""The world of the tests: real Postgres and Valkey, one database a run, a workspace a test."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from api.embedded.servers import EmbeddedServers, embedded_servers
from api.logs import set_up_logs
from api.parts import Parts, open_parts
from api.settings import Settings
from migrations.upgrade import migrate
from tenants.relay import Relay
from tests.world import World
from tests.world.served import Served, serve

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED = CHECKOUT.parent / "shared"
_DATABASE = "seller_test"
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(scope="session")
def servers() -> Iterator[EmbeddedServers]:
    """Embedded servers, or the ones that the environment names."""
    named = [os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL")]
    if all(named):
        yield EmbeddedServers(owner_url=str(named[0]), redis_url=str(named[1]))
        return
    state = Path(os.environ.get("SELLER_TEST_STATE", CHECKOUT / ".state" / "test"))
    with embedded_servers(state, postgres_settings=_QUICK) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def settings(servers: EmbeddedServers, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A new, migrated database, and the settings of an application on it."""
    connection = await asyncpg.connect(servers.owner_url)
    await connection.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {_DATABASE}")
    await connection.close()
    place = urlsplit(servers.owner_url)
    owner_url = place._replace(path=f"/{_DATABASE}").geturl()
    app_url = f"postgresql://seller_test_login:secret@{place.hostname}:{place.port}/{_DATABASE}"
    await migrate(owner_url=owner_url, app_url=app_url)
    return Settings(
        database_url=SecretStr(owner_url),
        app_database_url=SecretStr(app_url),
        redis_url=SecretStr(servers.redis_url),
        state=tmp_path_factory.mktemp("state"),
        pool_size=12,
        introspection=True,
        graphiql=True,
        suggestions=True,
        throttled_reluctance=0,
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def parts(settings: Settings) -> AsyncIterator[Parts]:
    set_up_logs(style="json", level="ERROR")
    async with open_parts(settings) as opened:
        opened.feeds.start()
        yield opened
        await opened.feeds.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def relay(parts: Parts) -> AsyncIterator[Relay]:
    """A relay at work; tests that kill relays run their own processes instead."""
    moving = Relay(parts.pool, parts.redis, poll=0.05)
    stopping = asyncio.Event()
    task = asyncio.create_task(moving.run(stopping))
    yield moving
    stopping.set()
    await task


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(parts: Parts) -> World:
    return World(parts)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(parts: Parts, relay: Relay) -> AsyncIterator[Served]:
    """The application behind a real uvicorn, for WebSocket, SSE and HTTP tests."""
    del relay  # at work while the server is
    async with serve(parts) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def owner(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the superuser, who sees through every wall: for looking, never for acting."""
    assert settings.database_url is not None
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    yield connection
    await connection.close()
