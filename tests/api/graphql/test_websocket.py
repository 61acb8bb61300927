"""graphql-transport-ws: its messages, its close codes, and what a socket gives back."""

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError
from websockets.typing import Subprotocol

from api.parts import Parts
from schema.nodes import global_id
from tenants.grants import Role
from tests.world import TestWorkspace, World
from tests.world.served import Served, quick

PROTOCOL = "graphql-transport-ws"
ROLE = {"query": "{ viewer { role } }"}
ACTIVATE = """
mutation ($input: ProductMoveInput!) { productActivate(input: $input) { userErrors { code } } }
"""
UPDATES = {"query": "subscription { orderUpdates { ... on OrderEvent { sequence order { id } } } }"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def workspace(world: World) -> TestWorkspace:
    return await world.workspace()


@asynccontextmanager
async def opened(served: Served, token: str | None = None, **given: Any) -> AsyncIterator[Any]:
    """A socket; already initialised where a token is given."""
    given = {"subprotocols": [Subprotocol(PROTOCOL)], "max_size": None, **given}
    async with connect(served.websocket_url, **given) as socket:
        if token is not None:
            await send(socket, type="connection_init", payload={"Authorization": f"Bearer {token}"})
            assert (await receive(socket))["type"] == "connection_ack"
        yield socket


async def send(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def receive(socket: ClientConnection) -> dict[str, Any]:
    """The next message that is no ping."""
    while True:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
        if message["type"] != "ping":
            return message


async def close_code(socket: ClientConnection) -> int:
    async with asyncio.timeout(15):
        with contextlib.suppress(ConnectionClosedError):
            async for _ in socket:
                pass
    code = socket.close_code
    assert code not in {None, 1006}, "dropped without a close frame"
    return code or 0


async def subscribers_become(parts: Parts, count: int) -> None:
    await until(lambda: parts.feeds.subscribers == count)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not true():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.02)


async def test_queries_and_mutations_run_over_the_socket(
    served: Served, workspace: TestWorkspace
) -> None:
    async with opened(served, await workspace.token()) as socket:
        await send(socket, type="subscribe", id="1", payload=ROLE)
        answer = await receive(socket)
        assert (answer["type"], answer["id"]) == ("next", "1")
        assert answer["payload"]["data"] == {"viewer": {"role": "OWNER"}}
        assert await receive(socket) == {"type": "complete", "id": "1"}

        given = {"productId": global_id("Product", uuid4())}
        payload = {"query": ACTIVATE, "variables": {"input": given}}
        await send(socket, type="subscribe", id="1", payload=payload)
        answer = await receive(socket)
        assert answer["payload"]["data"]["productActivate"]["userErrors"] == [{"code": "NOT_FOUND"}]
        assert await receive(socket) == {"type": "complete", "id": "1"}


async def test_a_subscription_sees_what_happens(served: Served, workspace: TestWorkspace) -> None:
    async with opened(served, await workspace.token()) as socket:
        await send(socket, type="subscribe", id="a", payload=UPDATES)
        await asyncio.sleep(0.2)
        await workspace.order()
        answer = await receive(socket)
        assert (answer["type"], answer["id"]) == ("next", "a")
        assert answer["payload"]["data"]["orderUpdates"]["order"]["id"]


async def test_ping_is_answered_and_pong_is_taken(served: Served) -> None:
    async with opened(served) as socket:
        await send(socket, type="pong")
        await send(socket, type="ping", payload={"a": 1})
        assert await receive(socket) == {"type": "pong", "payload": {"a": 1}}
        await send(socket, type="ping", payload=None)
        assert await receive(socket) == {"type": "pong"}


async def test_the_credential_may_come_in_the_header(
    served: Served, workspace: TestWorkspace
) -> None:
    headers = {"authorization": f"Bearer {await workspace.token()}"}
    given: tuple[dict[str, Any], ...] = ({}, {"payload": None}, {"payload": {}})
    for payload in given:
        async with opened(served, additional_headers=headers) as socket:
            await send(socket, type="connection_init", **payload)
            assert await receive(socket) == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        "",
        "null",
        "3",
        '"connection_init"',
        "[]",
        '[{"type": "ping"}]',
        "{}",
        '{"type": null}',
        '{"type": 3}',
        '{"type": ["ping"]}',
        '{"type": "start"}',
        '{"type": "ping", "payload": []}',
        '{"type": "pong", "payload": "x"}',
        '{"type": "connection_init", "payload": "x"}',
        '{"type": "complete"}',
        '{"type": "complete", "id": ["1"]}',
        '{"type": "\\ud800"}',
        "[" * 50_000,
        '{"type": ' + "9" * 5_000 + "}",
        b'{"type": "ping"}',
        b"\xff\xfe",
    ],
    ids=lambda frame: str(frame[:40]),
)
async def test_frames_that_are_no_message_close_with_4400(
    served: Served, frame: str | bytes
) -> None:
    async with opened(served) as socket:
        await socket.send(frame)
        assert await close_code(socket) == 4400


@pytest.mark.parametrize(
    "message",
    [
        {"id": 1, "payload": ROLE},
        {"id": ["1"], "payload": ROLE},
        {"id": "", "payload": ROLE},
        {"payload": ROLE},
        {"id": "1"},
        {"id": "1", "payload": None},
        {"id": "1", "payload": [ROLE]},
        {"id": "1", "payload": "{ viewer { role } }"},
    ],
    ids=repr,
)
async def test_subscribe_messages_without_id_or_payload_close_with_4400(
    served: Served, workspace: TestWorkspace, message: dict[str, Any]
) -> None:
    async with opened(served, await workspace.token()) as socket:
        await send(socket, type="subscribe", **message)
        assert await close_code(socket) == 4400


async def test_a_text_frame_that_is_no_utf8_closes_with_1007(served: Served) -> None:
    async with opened(served) as socket:
        await socket.send(b"\xff\xfe", text=True)
        assert await close_code(socket) == 1007


async def test_a_frame_over_the_limit_closes_with_1009(served: Served, parts: Parts) -> None:
    async with opened(served) as socket:
        await socket.send("x" * (parts.settings.max_frame_bytes + 1))
        assert await close_code(socket) == 1009


async def test_to_subscribe_before_the_ack_closes_with_4401(served: Served) -> None:
    async with opened(served) as socket:
        await send(socket, type="subscribe", id="1", payload=ROLE)
        assert await close_code(socket) == 4401


@pytest.mark.parametrize(
    "payload",
    [None, {}, {"authorization": "Bearer x"}, {"authorization": ["x"]}, {"Authorization": "x"}],
)
async def test_a_bad_credential_closes_with_4403(served: Served, payload: Any) -> None:
    async with opened(served) as socket:
        await send(socket, type="connection_init", payload=payload)
        assert await close_code(socket) == 4403


async def test_a_page_of_another_origin_is_closed_with_4403(served: Served) -> None:
    async with opened(served, additional_headers={"origin": "https://evil.example"}) as socket:
        assert await close_code(socket) == 4403
    async with opened(served, additional_headers={"origin": served.url}) as socket:
        await send(socket, type="ping")
        assert await receive(socket) == {"type": "pong"}


@pytest.mark.parametrize("offered", [None, ["graphql-ws"]])
async def test_another_subprotocol_closes_with_4406(
    served: Served, offered: list[Subprotocol] | None
) -> None:
    async with opened(served, subprotocols=offered) as socket:
        assert await close_code(socket) == 4406


async def test_who_never_initialises_is_closed_with_4408(parts: Parts, world: World) -> None:
    del world
    async with quick(parts, connection_init_timeout=0.3) as served, opened(served) as socket:
        assert await close_code(socket) == 4408


async def test_an_id_in_use_closes_with_4409(served: Served, workspace: TestWorkspace) -> None:
    async with opened(served, await workspace.token()) as socket:
        for _ in range(2):
            await send(socket, type="subscribe", id="same", payload=UPDATES)
        assert await close_code(socket) == 4409


async def test_to_initialise_twice_closes_with_4429(
    served: Served, workspace: TestWorkspace
) -> None:
    async with opened(served, await workspace.token()) as socket:
        await send(socket, type="connection_init")
        assert await close_code(socket) == 4429


async def test_one_operation_too_many_is_refused_and_the_others_go_on(
    parts: Parts, workspace: TestWorkspace
) -> None:
    async with (
        quick(parts, max_subscriptions_per_socket=3) as served,
        opened(served, await workspace.token()) as socket,
    ):
        for n in range(4):
            await send(socket, type="subscribe", id=str(n), payload=UPDATES)
        answer = await receive(socket)
        assert (answer["type"], answer["id"]) == ("error", "3")
        (error,) = answer["payload"]
        assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
        assert "3" in error["message"]
        await subscribers_become(parts, 3)
        await send(socket, type="complete", id="0")
        await send(socket, type="subscribe", id="3", payload=ROLE)
        assert (await receive(socket))["type"] == "next"
    await subscribers_become(parts, 0)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": ""}, "BAD_REQUEST"),
        ({**ROLE, "operationName": "Missing"}, "BAD_REQUEST"),
        ({"query": 'subscription { orderUpdates(after: "x") { __typename } }'}, "BAD_USER_INPUT"),
        ({"query": 'subscription { liveOrders(roomId: "x") { __typename } }'}, "BAD_USER_INPUT"),
    ],
    ids=repr,
)
async def test_an_operation_that_is_refused_is_an_error_and_its_id_is_free_again(
    served: Served, workspace: TestWorkspace, payload: dict[str, Any], code: str
) -> None:
    async with opened(served, await workspace.token()) as socket:
        for _ in range(3):
            await send(socket, type="subscribe", id="1", payload=payload)
            answer = await receive(socket)
            assert (answer["type"], answer["id"]) == ("error", "1")
            assert answer["payload"][0]["extensions"]["code"] == code
        await send(socket, type="subscribe", id="1", payload=ROLE)
        assert (await receive(socket))["type"] == "next"


async def test_an_id_is_free_as_soon_as_complete_is_sent_or_read(
    served: Served, parts: Parts, workspace: TestWorkspace
) -> None:
    async with opened(served, await workspace.token()) as socket:
        for _ in range(20):
            await send(socket, type="subscribe", id="1", payload=ROLE)
            assert (await receive(socket))["type"] == "next"
            assert (await receive(socket))["type"] == "complete"
        for _ in range(20):
            await send(socket, type="subscribe", id="2", payload=UPDATES)
            await send(socket, type="complete", id="2")
        await send(socket, type="complete", id="never seen")
        await send(socket, type="ping")
        assert await receive(socket) == {"type": "pong"}
        await subscribers_become(parts, 0)


async def test_a_client_that_leaves_frees_its_subscriptions(
    served: Served, parts: Parts, workspace: TestWorkspace
) -> None:
    async with opened(served, await workspace.token()) as socket:
        for n in range(5):
            await send(socket, type="subscribe", id=str(n), payload=UPDATES)
        await subscribers_become(parts, 5)
        socket.transport.abort()
    await subscribers_become(parts, 0)


async def test_a_token_that_expires_closes_with_4403(
    served: Served, parts: Parts, world: World, workspace: TestWorkspace
) -> None:
    token = await world.member(workspace, Role.VIEWER, lifetime=timedelta(seconds=2))
    async with opened(served, token) as socket:
        await send(socket, type="subscribe", id="1", payload=UPDATES)
        assert await close_code(socket) == 4403
    await subscribers_become(parts, 0)


async def test_a_membership_that_ends_is_noticed_at_the_next_event(
    served: Served, world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    token = await world.member(workspace, Role.ORDERS)
    user_id = (await world.access.principal(f"Bearer {token}")).id
    async with opened(served, token) as socket:
        await send(socket, type="subscribe", id="1", payload=UPDATES)
        await asyncio.sleep(0.2)
        await owner.execute(
            "UPDATE memberships SET ended_at = $2 WHERE user_id = $1", user_id, datetime.now(UTC)
        )
        await workspace.order()
        answer = await receive(socket)
        assert answer["type"] == "error"
        assert answer["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert await close_code(socket) == 4403


async def test_who_asks_the_same_is_served_by_one_source_and_ended_with_its_credential(
    served: Served, world: World, parts: Parts, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    token = await world.member(workspace, Role.ORDERS)
    user_id = (await world.access.principal(f"Bearer {token}")).id
    before = parts.feeds.subscribers
    async with opened(served, token) as one, opened(served, token) as other:
        ids = {one: "1", other: "the \u00e4ther" * 20}
        for socket, name in ids.items():
            await send(socket, type="subscribe", id=name, payload=UPDATES)
        await subscribers_become(parts, before + 2)
        for n in range(1, 9):
            order = await workspace.order()
            for socket, name in ids.items():
                answer = await receive(socket)
                assert (answer["type"], answer["id"]) == ("next", name)
                told = answer["payload"]["data"]["orderUpdates"]
                assert told == {"sequence": str(n), "order": {"id": global_id("Order", order)}}
        await subscribers_become(parts, before + 1)
        await owner.execute(
            "UPDATE memberships SET ended_at = $2 WHERE user_id = $1", user_id, datetime.now(UTC)
        )
        await workspace.order()
        for socket in ids:
            answer = await receive(socket)
            assert answer["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"
            assert await close_code(socket) == 4403
    await subscribers_become(parts, before)


async def test_draining_closes_with_1012(parts: Parts, workspace: TestWorkspace) -> None:
    async with quick(parts) as served, opened(served, await workspace.token()) as socket:
        await send(socket, type="subscribe", id="1", payload=UPDATES)
        await subscribers_become(parts, 1)
        parts.draining.set()
        try:
            assert await close_code(socket) == 1012
        finally:
            parts.draining.clear()
    await subscribers_become(parts, 0)


async def test_an_idle_socket_is_pinged(parts: Parts, workspace: TestWorkspace) -> None:
    async with (
        quick(parts, keep_alive=0.5) as served,
        opened(served, await workspace.token()) as socket,
    ):
        assert json.loads(await asyncio.wait_for(socket.recv(), 5)) == {"type": "ping"}


async def test_a_client_that_never_reads_is_cut_and_gives_back_what_it_held(
    parts: Parts, workspace: TestWorkspace
) -> None:
    async with quick(parts, send_timeout=0.5) as served:
        reader, writer = await handshake_by_hand(served)
        token = await workspace.token()
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
        writer.write(frame(init))
        many = " ".join(f"a{n}: __schema {{ types {{ name description }} }}" for n in range(20))
        for n in range(40):
            payload = {"query": f"{{ {many} }}"}
            writer.write(frame({"type": "subscribe", "id": str(n), "payload": payload}))
        await writer.drain()
        await until(lambda: not served.server.server_state.connections)
        assert not reader.at_eof(), "the client did not read, and yet is rid of"
        writer.transport.abort()


async def handshake_by_hand(
    served: Served,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A socket whose kernel buffer is small and of which nothing is read beyond the handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {PROTOCOL}\r\n\r\n".encode()
    )
    assert b"101" in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def frame(message: dict[str, Any]) -> bytes:
    """One masked text frame, its mask all zeros."""
    text = json.dumps(message).encode()
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text
