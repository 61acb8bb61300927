"""A platform that a test may break: a database, a Valkey and relay processes of its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from pydantic import SecretStr

from api.embedded.valkey import EmbeddedValkey
from api.parts import Parts, open_parts
from api.settings import Settings
from migrations.upgrade import migrate
from schema.nodes import global_id
from tests.world import TestWorkspace, World

CHECKOUT = Path(__file__).resolve().parents[2]
_LOGIN = "seller_test_login"


@dataclass
class OwnPlatform:
    parts: Parts
    world: World
    valkey: EmbeddedValkey
    owner: asyncpg.Connection
    _relays: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_relay(self) -> subprocess.Popen[bytes]:
        """`./seller relay`, as production runs it."""
        settings = self.parts.settings
        assert settings.app_database_url is not None
        assert settings.redis_url is not None
        environment = os.environ | {
            "APP_DATABASE_URL": settings.app_database_url.get_secret_value(),
            "REDIS_URL": settings.redis_url.get_secret_value(),
            "SELLER_STATE": str(settings.state),
            "SELLER_LOG_LEVEL": "ERROR",
        }
        command = [sys.executable, "-m", "api.command_line", "relay"]
        self._relays.append(subprocess.Popen(command, cwd=CHECKOUT, env=environment))
        return self._relays[-1]

    def end_relays(self) -> None:
        for relay in self._relays:
            relay.kill()
            relay.wait()
        self._relays.clear()

    async def cut_postgres(self) -> int:
        """Terminate every connection of the application and its relay; how many it were."""
        return int(
            await self.owner.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE usename = $1 AND datname = current_database()",
                _LOGIN,
            )
        )

    async def told(self, workspace: TestWorkspace) -> list[tuple[str, str]]:
        """Event id and sequence of every event of the workspace, as the record has them."""
        rows = await self.owner.fetch(
            "SELECT id, sequence FROM outbox_events WHERE workspace_id = $1 ORDER BY sequence",
            workspace.id,
        )
        return [(global_id("OrderEvent", row["id"]), str(row["sequence"])) for row in rows]


@asynccontextmanager
async def own_platform(owner_url: str, folder: Path, *, name: str) -> AsyncIterator[OwnPlatform]:
    """Beside the server at `owner_url`, whose other databases it leaves alone."""
    valkey = EmbeddedValkey(folder / "valkey")
    valkey.start()  # in the main thread, with which it ends
    database, app_url = await _new_database(owner_url, f"seller_test_{name}")
    settings = Settings(
        database_url=SecretStr(database),
        app_database_url=SecretStr(app_url),
        redis_url=SecretStr(valkey.url),
        state=folder,
        pool_size=12,
    )
    owner = await asyncpg.connect(database)
    try:
        async with open_parts(settings) as parts:
            platform = OwnPlatform(parts, World(parts), valkey, owner)
            try:
                yield platform
            finally:
                platform.end_relays()
    finally:
        await owner.close()
        valkey.stop()


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """All of them; where one fails, the others end with it and disturb no later test."""
    async with asyncio.TaskGroup() as tasks:
        for work in works:
            tasks.create_task(work)


async def _new_database(owner_url: str, name: str) -> tuple[str, str]:
    connection = await asyncpg.connect(owner_url)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    at = urlsplit(owner_url)
    database = at._replace(path=f"/{name}").geturl()
    app_url = f"postgresql://{_LOGIN}:secret@{at.hostname}:{at.port}/{name}"
    await migrate(owner_url=database, app_url=app_url)
    return database, app_url
