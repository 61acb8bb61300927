"""What a client sends is read in portions that hold the loop for a moment only."""

import asyncio

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.stalled import READ_AT_ONCE
from tests.world.served import Served


async def test_a_body_is_read_in_small_portions(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    received = HttpToolsProtocol.data_received

    def noting(self: HttpToolsProtocol, data: bytes) -> None:
        sizes.append(len(data))
        received(self, data)

    monkeypatch.setattr(HttpToolsProtocol, "data_received", noting)
    one = b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(one * 10_000)

    answered = await reader.readexactly(12)
    await asyncio.sleep(0.2)
    writer.close()

    assert answered == b"HTTP/1.1 200"
    assert max(sizes) == READ_AT_ONCE <= 64 * 1024
