"""A platform that is there to be broken: Postgres, Valkey, a relay and workers, all its own."""

import asyncio
import contextlib
import json
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from api.embedded.postgres import EmbeddedPostgres
from api.embedded.valkey import EmbeddedValkey
from api.parts import Parts
from tests.command_line.conftest import CHECKOUT, environment, free_port
from tests.world import World

PAGE_BYTES = 4_096
_HELD = {"01", "08"}  # established, and closed by the client alone
LOGIN = "seller_test_login"


@dataclass
class Process:
    """`./seller` as production runs it; what it says goes to `log`."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def resident(self) -> int:
        """Bytes of memory that it has in use."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE_BYTES

    def said(self) -> Iterator[dict[str, Any]]:
        for line in self.log.read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                yield json.loads(line)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def ended(self, *, within: float) -> int | None:
        """Its exit code, or None where it still runs after that many seconds."""
        until = time.monotonic() + within
        while self.alive and time.monotonic() < until:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
        return self.process.poll()


@dataclass
class Worker(Process):
    """One `seller serve`. `pool_size` is how many connections to Postgres it may hold."""

    port: int = 0
    pool_size: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def clients(self) -> int:
        """How many connections of clients it holds, by the kernel's own list."""
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        here = f":{self.port:04X}"
        return sum(row[1].endswith(here) and row[3] in _HELD and row[9] != "0" for row in rows)

    async def metrics(self) -> dict[str, float]:
        """What it tells Prometheus, by the series' name and labels."""
        async with httpx.AsyncClient(timeout=10) as client:
            text = (await client.get(f"{self.url}/metrics")).text
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    async def ready(self) -> tuple[int, dict[str, str]]:
        async with httpx.AsyncClient(timeout=10) as client:
            answer = await client.get(f"{self.url}/ready")
        return answer.status_code, answer.json()


@dataclass
class Breakable:
    """The servers, and what runs on them. `parts` and `world` are the test's own hands there."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    owner_url: str
    parts: Parts
    world: World
    folder: Path
    processes: list[Process] = field(default_factory=list)
    # External ids of the orders that clients were told are stored, by workspace.
    promised: dict[UUID, list[str]] = field(default_factory=lambda: defaultdict(list))
    _names: int = 0

    @property
    def app_url(self) -> str:
        url = self.parts.settings.app_database_url
        assert url is not None
        return url.get_secret_value()

    @property
    def workers(self) -> list[Worker]:
        """Those that are alive."""
        return [each for each in self.processes if isinstance(each, Worker) and each.alive]

    @property
    def relay(self) -> Process:
        """The one that was started last."""
        return next(p for p in reversed(self.processes) if p.log.name.startswith("relay"))

    def start_relay(self) -> None:
        self.processes.append(Process(*self._launched("relay")))

    def start_job_worker(self) -> Process:
        """A `seller worker`, which runs jobs."""
        working = Process(*self._launched("worker"))
        self.processes.append(working)
        return working

    async def start_worker(self, **changed: str) -> Worker:
        """One that is ready to serve; `changed` are settings as the environment spells them."""
        port, pool_size = free_port(), self.parts.settings.pool_size
        told = {"PORT": str(port), "SELLER_POOL_SIZE": str(pool_size), **changed}
        worker = Worker(*self._launched("serve", **told), port, int(told["SELLER_POOL_SIZE"]))
        self.processes.append(worker)
        await until(lambda: _serves(worker), within=30)
        return worker

    def _launched(self, command: str, **changed: str) -> tuple[subprocess.Popen[bytes], Path]:
        self._names += 1
        log = self.folder / f"{command}-{self._names}.log"
        told = {
            "APP_DATABASE_URL": self.app_url,
            "REDIS_URL": self.valkey.url,
            "SELLER_STATE": str(self.parts.settings.state),
            "SELLER_LOG_FORMAT": "json",
            "SELLER_LOG_LEVEL": "WARNING",
            **changed,
        }
        with log.open("wb") as out:
            process = subprocess.Popen(
                [CHECKOUT / "seller", command],
                env=environment(**told),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        return process, log

    async def end_processes(self) -> None:
        """Gently, as a deployment would; what does not go is killed."""
        for process in self.processes:
            if process.alive:
                process.terminate()
        for process in self.processes:
            await process.ended(within=12)
            process.kill()
        self.processes.clear()

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[asyncpg.Connection]:
        """A superuser's connection: for looking, and for the faults themselves."""
        connection = await asyncpg.connect(self.owner_url)
        try:
            yield connection
        finally:
            await connection.close()

    async def value(self, question: str, *values: Any) -> Any:
        async with self.looking() as owner:
            return await owner.fetchval(question, *values)

    async def backends(self) -> list[int]:
        """The pids of the application's connections, the relay's included."""
        async with self.looking() as owner:
            rows = await owner.fetch(
                "SELECT pid FROM pg_stat_activity WHERE usename = $1 "
                "AND datname = current_database()",
                LOGIN,
            )
        return [row["pid"] for row in rows]


async def until(holds: Callable[[], Awaitable[object]], *, within: float) -> None:
    """Wait until it holds; fails where it does not within that many seconds."""
    end = time.monotonic() + within
    while not await holds():
        assert time.monotonic() < end, f"did not come true within {within:g} s"
        await asyncio.sleep(0.05)


async def _serves(worker: Worker) -> bool:
    assert worker.alive, worker.log.read_text()
    with contextlib.suppress(httpx.TransportError):
        return (await worker.ready())[0] == httpx.codes.OK
    return False
