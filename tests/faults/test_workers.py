"""Workers that are killed in mid-order, and workers that are asked to go."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.command_line.conftest import CHECKOUT, free_port
from tests.faults.breakable import Breakable, Worker, until
from tests.faults.customers import CREATE, INGEST, RECENT, Customers, customers, incoming
from tests.world.conformance import Finding, tell
from tests.world.plain_strawberry import VERSIONS
from tests.world.stream_client import ORDER_UPDATES, connected, server_sent, subscribe

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

GONE_WITHIN = 15.0
SOCKETS, STREAMS, QUERIES = 20, 5, 10
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


async def test_a_worker_killed_in_mid_order_leaves_one_order_and_one_event(
    platform: Breakable,
) -> None:
    doomed, other = await platform.start_worker(), await platform.start_worker()
    async with customers(platform, [other]) as those:
        order = incoming(those.workspace, "in-mid-order")
        product = {"title": "Made once", "skus": [_sku()], "idempotencyKey": str(uuid4())}
        changes: list[tuple[str, dict[str, Any]]] = [
            (INGEST, {"orders": [order]}),
            (CREATE, {"input": product}),
        ]
        async with platform.looking() as owner, owner.transaction():
            # Rows are written and not committed: the audit log is the last to be written to.
            await owner.execute("LOCK TABLE audit_entries IN ACCESS EXCLUSIVE MODE")
            tasks = [asyncio.create_task(those.once(doomed, *change)) for change in changes]
            await _until_waiting(platform, len(changes))
            doomed.kill()
            assert await asyncio.gather(*tasks) == [None, None]
            # The other one is asked while Postgres still holds what the first had written.
            again = [asyncio.create_task(those.until_answered(*change)) for change in changes]
            await asyncio.sleep(0.5)
        await asyncio.gather(*again)
        assert await _made(platform, those) == {"orders": 1, "events": 1, "products": 1}

        # The control: a client that makes up a new number for its repeat orders twice.
        anew = incoming(those.workspace, "in-mid-order-again")
        await those.until_answered(INGEST, {"orders": [anew]})
        control = await _made(platform, those)
    assert control == {"orders": 2, "events": 2, "products": 1}
    tell(
        Finding(
            section="Faults",
            check="a worker killed in mid-order: the repeat on another leaves one order and one "
            "event, and one product by idempotency key",
            passed=1,
            of=1,
            control="a repeat under a new external id made a second order: noticed",
        )
    )


async def test_workers_killed_at_random_moments_lose_and_repeat_no_order(
    platform: Breakable,
) -> None:
    """With whom the customers do not get on they go to the other, with the same order."""
    workers = [await platform.start_worker(), await platform.start_worker()]
    chance = random.Random(7)
    async with customers(platform, workers) as those, those.busy():
        for n in range(3):
            await asyncio.sleep(chance.uniform(0.3, 0.9))
            workers[n % 2].kill()
            await asyncio.sleep(chance.uniform(0.0, 0.3))
            workers[n % 2] = await platform.start_worker()
    assert those.lost > 0, "nothing was under way when the workers were killed"
    assert those.codes.total() == 0
    made = await _made(platform, those)
    assert made["orders"] == made["events"] == those.placed
    tell(
        Finding(
            section="Faults",
            check="kill -9 of a worker at random moments: every order once, with one event",
            passed=3,
            of=3,
            control="the same count after a repeat under a new external id: noticed",
            note=f"{those.lost} requests were cut off and repeated on the other worker, "
            f"{those.placed} orders",
        )
    )


async def test_a_worker_asked_to_go_answers_first_closes_sockets_and_is_gone(
    platform: Breakable,
) -> None:
    worker = await platform.start_worker()
    async with customers(platform, [worker]) as those, _plain_strawberry_that_streams() as control:
        async with AsyncExitStack() as opened, platform.looking() as owner:
            sockets = [
                await opened.enter_async_context(connected(worker.websocket_url, those.token))
                for _ in range(SOCKETS)
            ]
            closed = [asyncio.create_task(_close_code(socket)) for socket in sockets]
            streams = [
                asyncio.create_task(_stream_to_its_end(worker, those)) for _ in range(STREAMS)
            ]
            await _until_subscribed(worker, SOCKETS + STREAMS)
            async with owner.transaction():
                await owner.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
                asked = [
                    asyncio.create_task(those.once(worker, RECENT, {})) for _ in range(QUERIES)
                ]
                await _until_waiting(platform, 1)
                await asyncio.sleep(0.5)  # others wait as well, for Postgres or for their turn
                began = time.monotonic()
                for process in (worker.process, control):
                    process.terminate()
                codes = await asyncio.gather(*closed)
                await asyncio.sleep(1)
            answers = await asyncio.gather(*asked)
            await asyncio.gather(*streams)
        assert await worker.ended(within=GONE_WITHIN) == 0
        seconds = time.monotonic() - began
        await asyncio.sleep(GONE_WITHIN - seconds)
        assert control.poll() is None, "plain Strawberry went: this test shows nothing"

    answered = [answer for answer in answers if answer and "errors" not in answer]
    assert seconds < GONE_WITHIN
    assert codes == [1012] * SOCKETS
    assert len(answered) == QUERIES
    tell(
        Finding(
            section="Faults",
            check=f"SIGTERM with {SOCKETS} sockets, {STREAMS} SSE streams and {QUERIES} queries "
            "open: sockets are closed with 1012, streams end, queries are answered, gone in 15 s",
            passed=len(answered) + len(codes) + STREAMS,
            of=QUERIES + SOCKETS + STREAMS,
            versions=VERSIONS,
            control="plain Strawberry with one open SSE stream still runs 15 s after SIGTERM",
            note=f"gone after {seconds:.1f} s, of which the queries were held up for more than one",
        )
    )


def _sku() -> dict[str, Any]:
    return {"sellerSku": "ONCE", "price": {"amount": "10", "currencyCode": "THB"}}


async def _made(platform: Breakable, those: Customers) -> dict[str, int]:
    workspace_id = those.workspace.id
    counted = {
        "orders": "SELECT count(*) FROM orders WHERE workspace_id = $1",
        "events": "SELECT count(*) FROM outbox_events WHERE workspace_id = $1",
        "products": "SELECT count(*) FROM products WHERE workspace_id = $1",
    }
    return {name: await platform.value(text, workspace_id) for name, text in counted.items()}


async def _until_waiting(platform: Breakable, count: int) -> None:
    async def wait() -> bool:
        return bool(await platform.value(_WAITING) >= count)

    await until(wait, within=10)


async def _until_subscribed(worker: Worker, count: int) -> None:
    async def there() -> bool:
        return (await worker.metrics())["seller_subscriptions"] == count

    await until(there, within=15)


async def _close_code(socket: ClientConnection) -> int | None:
    """Of a socket that subscribes for as long as it may."""
    with suppress(ConnectionClosed):
        async with aclosing(subscribe(socket, ORDER_UPDATES, {})) as items:
            async for _ in items:
                pass
    await socket.wait_closed()
    return socket.close_code


async def _stream_to_its_end(worker: Worker, those: Customers) -> None:
    """Fails where the stream is broken off in the middle of what it was sending."""
    async with aclosing(server_sent(worker.url, those.token, ORDER_UPDATES, {})) as items:
        async for _ in items:
            pass


def _started(port: int) -> subprocess.Popen[bytes]:
    place = ["tests.world.plain_strawberry:application", "--factory", f"--port={port}"]
    command = [sys.executable, "-m", "uvicorn", *place, "--log-level=critical"]
    return subprocess.Popen(command, cwd=CHECKOUT)


@asynccontextmanager
async def _plain_strawberry_that_streams() -> AsyncIterator[subprocess.Popen[bytes]]:
    """Plain Strawberry in a process of its own, as its documentation runs it, and a client that
    reads a stream of it for ever."""
    port = free_port()
    process = _started(port)
    body = {"query": "subscription { count(upTo: 1000000, pause: 0.2) }"}
    headers = {"accept": "text/event-stream"}
    try:
        async with httpx.AsyncClient(timeout=30) as client:

            async def serves() -> bool:
                with suppress(httpx.TransportError):
                    await client.get(f"http://127.0.0.1:{port}/")
                    return True
                return False

            await until(serves, within=20)
            async with client.stream(
                "POST", f"http://127.0.0.1:{port}/graphql", json=body, headers=headers
            ) as response:
                reading = asyncio.create_task(response.aread())
                await asyncio.sleep(0.5)
                assert not reading.done()
                yield process
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
    finally:
        process.kill()
        process.wait()
