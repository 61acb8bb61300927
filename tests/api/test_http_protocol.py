"""Requests in a row on one connection: each is answered in its turn, and few are read ahead."""

import asyncio
from typing import Any

import httpx
import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.stalled import READ_AT_ONCE
from tests.world import TestWorkspace, World
from tests.world.served import Served

_LIVE = b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n"
_MOST = READ_AT_ONCE // len(_LIVE) + 1  # that come in one piece
_BODY = b'{"query": "{ viewer { role } }"}'
_JSON = {"content-type": "application/json"}


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests waited for their turn, each time that one more was read."""
    waited: list[int] = []
    read = HttpToolsProtocol.on_headers_complete

    def counting(self: Any) -> None:
        read(self)
        waited.append(len(self.pipeline))

    monkeypatch.setattr(HttpToolsProtocol, "on_headers_complete", counting)
    return waited


async def _answers(served: Served, sent: bytes, count: int) -> list[bytes]:
    """The status lines of so many answers to what is sent in one go."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(sent)
    lines = []
    async with asyncio.timeout(30):
        for _ in range(count):
            head = await reader.readuntil(b"\r\n\r\n")
            lines.append(head.split(b"\r\n")[0])
            length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
    writer.close()
    return lines


async def test_thousands_of_requests_in_a_row_are_answered_and_few_wait(
    served: Served, longest: list[int]
) -> None:
    count = 10 * _MOST
    assert await _answers(served, _LIVE * count, count) == [b"HTTP/1.1 200 OK"] * count
    assert 10 < max(longest) <= 2 * _MOST


async def test_who_posts_and_offers_to_upgrade_is_refused_by_http(
    served: Served, world: World
) -> None:
    bearer = f"Bearer {await (await world.workspace()).token()}"
    offer = {"connection": "upgrade", "upgrade": "websocket", "authorization": bearer}
    async with httpx.AsyncClient(headers=offer) as client:
        answer = await client.post(f"{served.url}/graphql", content=_BODY, headers=_JSON)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert error["extensions"]["requestId"] == answer.headers["x-request-id"]
    assert answer.headers["connection"] == "close"


async def test_bodies_that_are_still_to_come_are_read_when_it_is_their_turn(
    served: Served, world: World
) -> None:
    workspace: TestWorkspace = await world.workspace()
    token = (await workspace.token()).encode()
    one = (
        b"POST /graphql HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %b\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (token, len(_BODY) + 40_000, _BODY + b" " * 40_000)
    )
    sent = (_LIVE * 3 + one) * 5
    assert await _answers(served, sent, 20) == [b"HTTP/1.1 200 OK"] * 20
