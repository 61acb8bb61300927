"""WebSocket by hand, as much of it as a client needs that counts thousands of frames.

A library reads each message, checks it and makes a text of it; here only the heads of frames are
read, and one socket in so many is listened to.
"""

import base64
import json
import os
import re
import socket
from collections.abc import Callable
from typing import Any

_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_WORD, _NEXT = 9, ord("n")  # in {"type":"next", where a message says what it is
_READ = 256 * 1024
_PATIENCE = 30.0
_ORDER = re.compile(rb'"externalId":"(\d+)"')
_buffer = bytearray(_READ)  # one for all: a socket's bytes are looked at before the next are read


class Subscriber:
    """One connection. `seen` counts its events; `heard` is told each order's number where
    the socket is listened to."""

    def __init__(self, port: int, *, heard: Callable[[int], None] | None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        self.seen = 0
        self.closed = ""
        self._heard = heard
        self._rest = b""  # the beginning of a frame whose head is not whole
        self._skipped = 0  # bytes of a frame's body that are still to come

    def sign_in(self, token: str) -> None:
        """Upgrade and initialise, one after the other: this is not what is measured."""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            (
                "GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
            ).encode()
        )
        self._expect(b"\r\n\r\n", b"HTTP/1.1 101")
        self.send({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        self._expect(b"}", b"connection_ack")
        self.socket.setblocking(False)

    def send(self, message: dict[str, Any]) -> None:
        self._write(_TEXT, json.dumps(message).encode())

    def read(self) -> None:
        """Take in what has come."""
        try:
            size = self.socket.recv_into(_buffer)
        except BlockingIOError:
            return
        except OSError as error:
            self.closed = repr(error)
            return
        if not size:
            self.closed = self.closed or "hung up"
            return
        if self._heard is not None:
            # Frames are far smaller than what a socket holds, so hardly any is cut in two.
            for found in _ORDER.finditer(_buffer, 0, size):
                self._heard(int(found[1]))
        if self._rest:
            self._count(self._rest + _buffer[:size], size + len(self._rest))
        else:
            self._count(_buffer, size)

    def _count(self, data: bytes | bytearray, size: int) -> None:
        at, self._rest = self._skipped, b""
        while at < size:
            head, length = _head(data, at, size)
            if not head:
                self._rest = bytes(data[at:size])
                at = size
                break
            kind = data[at] & 0xF
            if kind == _TEXT and data[at + head + _WORD] == _NEXT:
                self.seen += 1
            else:
                self._other(kind, bytes(data[at + head : min(size, at + head + length)]))
            at += head + length
        self._skipped = at - size

    def _other(self, kind: int, body: bytes) -> None:
        if kind == _PING:
            self._write(_PONG, body)
        elif kind == _CLOSE or body[_WORD:].startswith((b"error", b"complete")):
            self.closed = repr(body)
        elif body[_WORD:].startswith(b"ping"):
            self.send({"type": "pong"})

    def _expect(self, end: bytes, word: bytes) -> None:
        received = b""
        while not received.endswith(end):
            part = self.socket.recv(4096)
            if not part:
                raise ConnectionError(f"hung up after {received!r}")
            received += part
        if word not in received:
            raise ConnectionError(f"{received!r} holds no {word!r}")

    def _write(self, kind: int, body: bytes) -> None:
        mask = b"\0\0\0\0"  # clients have to mask; nothing in between is to be fooled here
        size = len(body)
        head = bytes([0x80 | kind, 0x80 | size]) if size < 126 else (
            bytes([0x80 | kind, 0x80 | 126]) + size.to_bytes(2, "big")
        )  # fmt: skip
        self.socket.sendall(head + mask + body)


def _head(data: bytes | bytearray, at: int, size: int) -> tuple[int, int]:
    """The lengths of a frame's head and body; 0 where too little has come to tell what it is."""
    there = size - at
    if there < 2:
        return 0, 0
    length, head = data[at + 1], 2
    if length == 127:
        raise ValueError("No event is that long.")
    if length == 126:
        if there < 4:
            return 0, 0
        length, head = data[at + 2] << 8 | data[at + 3], 4
    if data[at] & 0xF == _TEXT and there <= head + _WORD:
        return 0, 0
    return head, length
