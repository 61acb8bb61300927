"""Server-sent events: frames as urql reads them, and streams that end when they have to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest_asyncio

from api.parts import Parts
from tenants.grants import Role
from tests.world import TestWorkspace, World
from tests.world.served import Served, quick

UPDATES = {"query": "subscription { orderUpdates { ... on OrderEvent { order { externalId } } } }"}
COMPLETE = b"event: complete\ndata:\n\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def workspace(world: World) -> TestWorkspace:
    return await world.workspace()


@asynccontextmanager
async def stream(
    served: Served, token: str, body: dict[str, Any], accept: str = "text/event-stream"
) -> AsyncIterator[httpx.Response]:
    headers = {"authorization": f"Bearer {token}", "accept": accept}
    async with (
        httpx.AsyncClient(base_url=served.url, headers=headers, timeout=15) as client,
        client.stream("POST", "/graphql", json=body) as response,
    ):
        yield response


async def frames(response: httpx.Response) -> AsyncIterator[bytes]:
    """Whole frames, comments among them, split as urql does: at LF LF."""
    waiting = b""
    async for part in response.aiter_raw():
        waiting += part
        while b"\n\n" in waiting:
            frame, _, waiting = waiting.partition(b"\n\n")
            yield frame + b"\n\n"
    assert waiting == b""


async def subscribers_become(parts: Parts, count: int) -> None:
    async with asyncio.timeout(10):
        while parts.feeds.subscribers != count:  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.02)


async def test_a_query_is_one_next_and_one_complete(
    served: Served, workspace: TestWorkspace
) -> None:
    async with stream(
        served, await workspace.token(), {"query": "{ viewer { role } }"}
    ) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        assert "content-length" not in response.headers
        assert response.headers["x-request-id"]
        seen = [frame async for frame in frames(response) if frame != b":\n\n"]
    assert seen[0].startswith(b'event: next\ndata: {"data":{"viewer":{"role":"OWNER"}},')
    assert seen[0].endswith(b"}\n\n")
    assert seen[1:] == [COMPLETE]
    assert b"\r" not in b"".join(seen)


async def test_a_subscription_sends_what_happens_until_the_client_leaves(
    served: Served, parts: Parts, workspace: TestWorkspace
) -> None:
    async with stream(served, await workspace.token(), UPDATES) as response:
        await subscribers_become(parts, 1)
        arriving = frames(response)
        assert await anext(arriving) == b":\n\n"
        for number in ("1001", "1002"):
            await workspace.order(external_id=number)
            frame = b":\n\n"
            while frame == b":\n\n":
                frame = await anext(arriving)
            answer = json.loads(frame.removeprefix(b"event: next\ndata: "))
            assert answer == {"data": {"orderUpdates": {"order": {"externalId": number}}}}
    await subscribers_become(parts, 0)


async def test_many_clients_that_leave_free_their_subscriptions(
    served: Served, parts: Parts, workspace: TestWorkspace
) -> None:
    token = await workspace.token()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(10):
            await stack.enter_async_context(stream(served, token, UPDATES))
        await subscribers_become(parts, 10)
    await subscribers_become(parts, 0)


async def test_a_quiet_stream_is_kept_alive_with_comments(
    parts: Parts, workspace: TestWorkspace
) -> None:
    async with (
        quick(parts, keep_alive=0.5) as served,
        stream(served, await workspace.token(), UPDATES) as response,
    ):
        arriving = frames(response)
        assert [await anext(arriving) for _ in range(3)] == [b":\n\n"] * 3
    await subscribers_become(parts, 0)


async def test_a_stream_ends_when_its_token_does(
    served: Served, parts: Parts, world: World, workspace: TestWorkspace
) -> None:
    token = await world.member(workspace, Role.VIEWER, lifetime=timedelta(seconds=2))
    async with stream(served, token, UPDATES) as response, asyncio.timeout(10):
        assert COMPLETE not in [frame async for frame in frames(response)]
    await subscribers_become(parts, 0)


async def test_a_stream_ends_when_the_server_drains(parts: Parts, workspace: TestWorkspace) -> None:
    async with (
        quick(parts) as served,
        stream(served, await workspace.token(), UPDATES) as response,
    ):
        await subscribers_become(parts, 1)
        parts.draining.set()
        try:
            async with asyncio.timeout(5):
                assert COMPLETE not in [frame async for frame in frames(response)]
        finally:
            parts.draining.clear()
    await subscribers_become(parts, 0)


async def test_a_subscription_that_cannot_begin_says_why_in_a_frame(
    served: Served, workspace: TestWorkspace
) -> None:
    body = {"query": 'subscription { orderUpdates(after: "x") { __typename } }'}
    async with stream(served, await workspace.token(), body) as response:
        seen = [frame async for frame in frames(response) if frame != b":\n\n"]
    answer = json.loads(seen[0].removeprefix(b"event: next\ndata: "))
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    assert seen[1:] == [COMPLETE]


async def test_what_is_wrong_with_a_document_is_said_in_a_frame(
    served: Served, workspace: TestWorkspace
) -> None:
    async with stream(served, await workspace.token(), {"query": "{ nothing }"}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        seen = [frame async for frame in frames(response) if frame != b":\n\n"]
    answer = json.loads(seen[0].removeprefix(b"event: next\ndata: "))
    assert answer["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "data" not in answer
    assert seen[1:] == [COMPLETE]


async def test_a_reader_that_stalls_is_cut(parts: Parts, workspace: TestWorkspace) -> None:
    many = " ".join(f"a{n}: __schema {{ types {{ name description }} }}" for n in range(20))
    body = json.dumps({"query": f"{{ {many} }}"}).encode()
    head = (
        b"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        b"accept: text/event-stream\r\nauthorization: Bearer %b\r\ncontent-length: %d\r\n\r\n"
        % ((await workspace.token()).encode(), len(body))
    )
    async with quick(parts, send_timeout=0.5) as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
        for _ in range(40):  # pipelined, so that more is answered than the kernel's buffers hold
            writer.write(head + body)
        async with asyncio.timeout(15):
            while not served.server.server_state.connections:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
            while served.server.server_state.connections:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
        writer.transport.abort()
