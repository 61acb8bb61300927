"""The application in a process of its own, on embedded servers, with workspaces full of rows."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from pydantic import SecretStr

from api.embedded.servers import embedded_servers
from api.parts import open_parts
from api.settings import CHECKOUT, Settings
from commerce.orders.ingestion import IncomingLine, IncomingPackage
from commerce.orders.lifecycle import FulfilmentPath
from migrations.upgrade import migrate
from tenants.grants import Role
from tests.world import TestWorkspace, World, an_order

_DATABASE = "seller_held_loop"
_LOGIN = "seller_test_login"
_PATIENCE = 40.0
# Every door is open, and nothing is refused for having come too often: each attack is measured as
# if it were the first.
_GENEROUS = {
    "SELLER_INTROSPECTION": "true",
    "SELLER_SUGGESTIONS": "true",
    "SELLER_GRAPHIQL": "true",
    "SELLER_MAX_BATCH": "10",
    "SELLER_BUDGET_POINTS": "1000000000",
    "SELLER_BUDGET_RESTORE": "1000000000",
    "SELLER_WORKSPACE_BUDGET_POINTS": "1000000000",
    "SELLER_WORKSPACE_BUDGET_RESTORE": "1000000000",
    "SELLER_SIGN_IN_ATTEMPTS_PER_MINUTE": "1000000",
    "SELLER_SIGN_IN_ATTEMPTS_PER_ADDRESS": "1000000",
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where attacks go. `probe` is where what they did to the loop is read; the control knows no
    tokens."""

    port: int
    probe: Path
    token: str = ""


@asynccontextmanager
async def filled_platform(state: Path) -> AsyncIterator[Settings]:
    """A database of its own beside whatever else is in those servers, migrated."""
    with embedded_servers(state) as servers, tempfile.TemporaryDirectory() as folder:
        connection = await asyncpg.connect(servers.owner_url)
        await connection.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {_DATABASE}")
        await connection.close()
        at = urlsplit(servers.owner_url)
        owner_url = at._replace(path=f"/{_DATABASE}").geturl()
        app_url = f"postgresql://{_LOGIN}:secret@{at.hostname}:{at.port}/{_DATABASE}"
        await migrate(owner_url=owner_url, app_url=app_url)
        yield Settings(
            database_url=SecretStr(owner_url),
            app_database_url=SecretStr(app_url),
            redis_url=SecretStr(servers.redis_url),
            state=Path(folder),
        )


async def fill(settings: Settings) -> Target:
    """A workspace whose every list is longer than its longest page; a target without a port."""
    async with open_parts(settings) as parts:
        workspace = await World(parts).workspace()
        await _fill(workspace)
        token = await workspace.world.member(workspace, Role.OWNER, lifetime=timedelta(hours=6))
        return Target(port=0, probe=settings.state / "probe", token=token)


async def _fill(workspace: TestWorkspace) -> None:
    for _ in range(105):
        await workspace.product(skus=6)
    orders = [
        an_order(
            external_id=f"held-{n}-{secrets.token_hex(4)}",
            live_room_id=workspace.room_external_id,
            lines=tuple(_line(n, m) for m in range(6)),
            packages=tuple(_package(n, m) for m in range(2)),
        )
        for n in range(120)
    ]
    await workspace.ingest(orders)


def _line(order: int, place: int) -> IncomingLine:
    return IncomingLine(
        seller_sku=f"SKU-{place}",
        product_name="A thing of a name as long as names of things are",
        quantity=1 + place,
        unit_price_micros=12_500_000,
        package_external_id=f"P-{order}-{place % 2}",
    )


def _package(order: int, number: int) -> IncomingPackage:
    return IncomingPackage(
        external_id=f"P-{order}-{number}", path=FulfilmentPath.TIKTOK_SHIPPING, carrier="Flash"
    )


@contextmanager
def serving(settings: Settings, target: Target, *, plain: bool = False) -> Iterator[Target]:
    """The application, or the control, in a process of its own; ended with the block."""
    assert settings.app_database_url is not None
    assert settings.redis_url is not None
    port, probe = _free_port(), settings.state / f"probe-{'plain' if plain else 'ours'}"
    environment = os.environ | {
        "APP_DATABASE_URL": settings.app_database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "SELLER_STATE": str(settings.state),
        "SELLER_LOG_LEVEL": "ERROR",
        **_GENEROUS,
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    command = [sys.executable, "-m", "benchmarks.held_loop.server", str(probe)]
    process = subprocess.Popen(
        command + (["plain"] if plain else []), cwd=CHECKOUT, env=environment
    )
    try:
        _wait_for(port, process)
        yield replace(target, port=port, probe=probe, token="" if plain else target.token)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until something is answered: a socket listens before its server serves."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended with {process.returncode} before it served.")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as one:
            one.settimeout(_PATIENCE)
            one.sendall(b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
            if one.recv(100).startswith(b"HTTP/1.1"):
                return
        time.sleep(0.05)
    raise TimeoutError("The server did not answer in time.")
