"""`seller serve` in a process of its own: what it logs, and how it ends."""

import asyncio
import contextlib
import json
import signal
import time
from typing import Any

import asyncpg
import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from api.parts import Parts
from api.settings import Settings
from tests.command_line.conftest import Start, free_port, server_environment
from tests.world import World

_END_SECONDS = 15
_ORDERS = """query Recent { orders(first: 5) { nodes {
  id recipient { name phone } } } }"""
# Waits for a row that the test has locked.
_SLOW = """mutation Slow($id: ID!) { productActivate(input: { productId: $id }) {
  product { id } userErrors { message } } }"""


async def test_sigterm_answers_queries_closes_sockets_and_ends(
    start: Start, settings: Settings, parts: Parts, world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    await workspace.order()
    token = await workspace.token()
    port = free_port()
    # The same keys as the fixture's parts, so that the token is good there too.
    told = {**server_environment(settings), "SELLER_LOG_FORMAT": "json", "PORT": str(port)}
    assert parts.settings.state == settings.state
    process = start("serve", **told)
    url = f"http://127.0.0.1:{port}"
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
        await _until_ready(client)
        recent = await client.post("/graphql", json={"query": _ORDERS})
        assert recent.json()["data"]["orders"]["nodes"], recent.text
        await client.post("/graphql", json={"query": '{ nothing(a: "Sukhumvit") }'})
        async with connect(
            f"ws://127.0.0.1:{port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]
        ) as opened:
            payload = {"Authorization": f"Bearer {token}"}
            await opened.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert json.loads(await opened.recv())["type"] == "connection_ack"
            slow = await _held_up(owner, client, workspace)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await opened.recv()
            assert opened.close_code == 1012
        await slow.release()
        assert (await slow.answer).json()["data"]["productActivate"] is not None
    assert await asyncio.to_thread(process.wait, 20) == 0
    assert time.monotonic() - began < _END_SECONDS
    assert process.stdout is not None
    _check_log(process.stdout.read(), token, str(workspace.id), recent.headers["x-request-id"])


async def _until_ready(client: httpx.AsyncClient) -> None:
    for _ in range(200):
        try:
            if (await client.get("/ready")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    pytest.fail("it does not serve")


class _HeldUp:
    """A mutation in flight, and the lock that holds it up."""

    def __init__(self, answer: "asyncio.Task[httpx.Response]", lock: Any) -> None:
        self.answer = answer
        self._lock = lock

    async def release(self) -> None:
        await self._lock.rollback()


async def _held_up(owner: asyncpg.Connection, client: httpx.AsyncClient, workspace: Any) -> _HeldUp:
    from schema.nodes import global_id

    product_id = await workspace.product()
    lock = owner.transaction()
    await lock.start()
    await owner.execute("SELECT 1 FROM products WHERE id = $1 FOR UPDATE", product_id)
    body = {"query": _SLOW, "variables": {"id": global_id("Product", product_id)}}
    answer = asyncio.create_task(client.post("/graphql", json=body))
    for _ in range(100):
        waiting = await owner.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
        if waiting:
            return _HeldUp(answer, lock)
        await asyncio.sleep(0.05)
    pytest.fail(f"the mutation does not wait: {(await answer).text}")


def _check_log(text: str, token: str, workspace_id: str, request_id: str) -> None:
    for secret in (token, "Sukhumvit", "+66812345678", "Mali Saetang"):
        assert secret not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["event"] == "serving"
    assert lines[-1]["event"] == "stopped"
    (line,) = [one for one in lines if one.get("operation") == "Recent"]
    assert line["kind"] == "query"
    assert line["request_id"] == request_id
    assert line["workspace"] == workspace_id
    assert line["statements"] > 0
    assert line["milliseconds"] > 0
