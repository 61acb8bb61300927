"""A WebSocket by hand: it sends what no client would, and sees every frame that comes back."""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PROTOCOL = "graphql-transport-ws"
TEXT, BINARY, CONTINUED, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA
DROPPED = 1006  # what clients call an end without a close frame
_PATIENCE = 8.0


class Closed(Exception):
    """The server ended the connection while something else was expected of it."""


@dataclass(frozen=True)
class Frame:
    opcode: int
    data: bytes


def frame(data: bytes, opcode: int = TEXT, *, fin: bool = True, rsv: int = 0) -> bytes:
    """As a client sends it: masked, with a mask of zeros."""
    head = bytes([fin << 7 | rsv << 4 | opcode])
    size = len(data)
    if size < 126:
        return head + bytes([0x80 | size]) + bytes(4) + data
    if size < 65_536:
        return head + b"\xfe" + size.to_bytes(2, "big") + bytes(4) + data
    return head + b"\xff" + size.to_bytes(8, "big") + bytes(4) + data


def text(message: Any) -> bytes:
    return frame(json.dumps(message).encode())


@dataclass
class Wire:
    """`subprotocol` is the one that the server chose; `close` what its close frame said."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    subprotocol: str | None
    close: tuple[int, str] | None = None
    pings: int = 0
    pongs: list[bytes] = field(default_factory=list)
    answers_pings: bool = True

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    def send(self, *messages: dict[str, Any]) -> None:
        """All of them in one piece, so that they arrive together."""
        self.raw(b"".join(text(message) for message in messages))

    async def receive(self) -> dict[str, Any]:
        """The next message that is no ping of the protocol."""
        while True:
            message = await self.message()
            if message["type"] != "ping":
                return message

    async def message(self) -> dict[str, Any]:
        while True:
            got = await self.frame()
            if got is None:
                raise Closed(f"closed with {self.close or (DROPPED, '')}")
            if got.opcode == TEXT:
                message = json.loads(got.data)
                assert isinstance(message["type"], str), "every message has a type"
                return dict(message)

    async def closed(self) -> tuple[int, str]:
        """The code and the reason with which the server closes; whatever else it sends first."""
        while await self.frame() is not None:
            pass
        return self.close or (DROPPED, "")

    async def frame(self) -> Frame | None:
        """The next frame, or None at the end."""
        try:
            async with asyncio.timeout(_PATIENCE):
                got = await self._frame()
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        if got.opcode == CLOSE:
            self.close = int.from_bytes(got.data[:2], "big"), got.data[2:].decode()
            self.raw(frame(got.data[:2], CLOSE))
        elif got.opcode == PING:
            self.pings += 1
            if self.answers_pings:
                self.raw(frame(got.data, PONG))
        elif got.opcode == PONG:
            self.pongs.append(got.data)
        return got

    async def _frame(self) -> Frame:
        first, size = await self.reader.readexactly(2)
        assert first & 0x80, "our server sends no fragments"
        assert not size & 0x80, "a server's frames are not masked"
        if size > 125:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
        return Frame(first & 0x0F, await self.reader.readexactly(size))


async def handshake(
    url: str, *, subprotocol: str | None = PROTOCOL, **headers: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, list[str]]:
    """The lines of the answer, and the streams on which the rest follows."""
    place = urlsplit(url)
    assert place.hostname is not None
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    offered = {} if subprotocol is None else {"Sec-WebSocket-Protocol": subprotocol}
    given = {
        "Host": place.netloc,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
        **offered,
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    writer.write(f"GET {place.path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))
    async with asyncio.timeout(_PATIENCE):
        head = await reader.readuntil(b"\r\n\r\n")
    return reader, writer, head.decode("latin-1").split("\r\n")


@asynccontextmanager
async def opened(
    url: str, *, subprotocol: str | None = PROTOCOL, **headers: str
) -> AsyncIterator[Wire]:
    reader, writer, lines = await handshake(url, subprotocol=subprotocol, **headers)
    assert lines[0].startswith("HTTP/1.1 101 "), lines[0]
    chosen = [line for line in lines if line.lower().startswith("sec-websocket-protocol:")]
    wire = Wire(reader, writer, chosen[0].partition(":")[2].strip() if chosen else None)
    try:
        yield wire
    finally:
        writer.transport.abort()
