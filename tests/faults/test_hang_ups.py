"""Clients that hang up at any moment of a query or a mutation leave nothing behind."""

import asyncio
import json
import random
import secrets
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from tests.faults.breakable import Breakable, Worker, until
from tests.faults.customers import INGEST, RECENT, customers, incoming
from tests.world import TestWorkspace
from tests.world.conformance import Finding, tell
from tests.world.stream_client import ORDER_UPDATES, connected

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

OVER_HTTP = 600
OVER_SOCKETS = 200
AT_ONCE = 24
LONGEST = 0.3  # seconds that a client waits before it goes


@dataclass
class Impatient:
    """Clients of several workspaces, each of which hangs up on its one operation.

    `orders` are the external ids that were sent; whether they were stored, nobody was told.
    """

    worker: Worker
    workspaces: list[TestWorkspace]
    tokens: list[str]
    chance: random.Random = field(default_factory=lambda: random.Random(10))
    orders: list[str] = field(default_factory=list)
    answered: int = 0

    def operation(self, workspace: TestWorkspace) -> dict[str, Any]:
        if self.chance.random() < 0.5:
            return {"query": RECENT}
        self.orders.append(str(secrets.randbelow(10**18)))
        orders = [incoming(workspace, self.orders[-1])]
        return {"query": INGEST, "variables": {"orders": orders}}

    async def hang_up(self, n: int) -> None:
        """Ask over HTTP, and go; every other one without a goodbye."""
        whose = n % len(self.workspaces)
        body = json.dumps(self.operation(self.workspaces[whose])).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.worker.port)
        writer.write(
            b"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b"
            % (self.tokens[whose].encode(), len(body), body)
        )
        try:
            async with asyncio.timeout(self.chance.uniform(0.0, LONGEST)):
                await reader.readuntil(b"\r\n\r\n")
                self.answered += 1
        except TimeoutError:
            pass
        if n % 2:
            writer.transport.abort()
        writer.close()

    async def call_off(self, n: int) -> None:
        """Ask over a socket, and complete the operation, or go."""
        whose = n % len(self.workspaces)
        async with connected(self.worker.websocket_url, self.tokens[whose]) as socket:
            for name in ("1", "2", "3"):
                payload = self.operation(self.workspaces[whose])
                if name == "3":
                    payload = {"query": ORDER_UPDATES}
                await socket.send(json.dumps({"type": "subscribe", "id": name, "payload": payload}))
            await asyncio.sleep(self.chance.uniform(0.0, LONGEST))
            if n % 2:
                socket.transport.abort()
                return
            for name in ("2", "1", "3"):
                await socket.send(json.dumps({"type": "complete", "id": name}))


async def test_clients_that_hang_up_at_random_moments_leave_nothing_behind(
    platform: Breakable,
) -> None:
    worker = await platform.start_worker()
    workspaces = [await platform.world.workspace() for _ in range(8)]
    impatient = Impatient(worker, workspaces, [await each.token() for each in workspaces])
    turns = asyncio.Semaphore(AT_ONCE)

    async def in_turn(act: Any, n: int) -> None:
        async with turns:
            await act(n)

    async with (
        customers(platform, [worker]) as those,
        those.busy(ordering=1, looking=1),
        asyncio.TaskGroup() as tasks,
    ):
        for n in range(OVER_HTTP):
            tasks.create_task(in_turn(impatient.hang_up, n))
        for n in range(OVER_SOCKETS):
            tasks.create_task(in_turn(impatient.call_off, n))

    await until(lambda: _nothing_runs(worker), within=15)
    stored = await platform.value(
        "SELECT count(*) FROM orders WHERE external_id = ANY($1)", impatient.orders
    )
    hung_up = OVER_HTTP - impatient.answered
    assert hung_up > OVER_HTTP / 10
    assert 0 < stored < len(impatient.orders)  # some were cut before they were stored
    assert those.codes.total() == those.lost == 0
    control = await _left_by_a_plain_pool(platform)
    assert control > 0
    tell(
        Finding(
            section="Faults",
            check="clients that hang up at random moments leave the pool clean",
            passed=hung_up + OVER_SOCKETS,
            of=hung_up + OVER_SOCKETS,
            versions={"asyncpg": asyncpg.__version__},
            control=f"an endpoint that gives back what it took only at its end leaked {control} "
            "of 4 connections: noticed",
            note=f"{hung_up} of {OVER_HTTP} requests were not waited for, and {OVER_SOCKETS} "
            f"sockets called off three operations each; {stored} of {len(impatient.orders)} "
            "orders were stored, each once",
        )
    )


async def _nothing_runs(worker: Worker) -> bool:
    series = await worker.metrics()
    return series["seller_sockets"] == series["seller_subscriptions"] == 0


async def _left_by_a_plain_pool(platform: Breakable) -> int:
    """How many connections are missing in a pool as plain programs use one, after cancellations."""
    async with asyncpg.create_pool(platform.app_url, min_size=0, max_size=4) as pool:

        async def asked() -> None:
            connection = await pool.acquire()
            await connection.execute("SELECT pg_sleep(0.2)")
            await pool.release(connection)

        tasks = [asyncio.create_task(asked()) for _ in range(4)]
        await asyncio.sleep(0.15)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.5)
        missing = int(pool.get_size() - pool.get_idle_size())
        pool.terminate()
    return missing
