"""Clients that subscribe and never read a byte of what they are sent."""

import json
import socket
from typing import Any

_SMALL = 4_096  # bytes that the kernel keeps for whoever does not read


def deaf_socket(port: int, token: str, query: str) -> socket.socket:
    """A WebSocket that subscribes; nothing beyond the handshake is read."""
    client = _connected(port)
    client.sendall(
        b"GET /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\n"
        b"connection: upgrade\r\nsec-websocket-version: 13\r\n"
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += client.recv(1)
    assert answer.startswith(b"HTTP/1.1 101 "), answer
    payload = {"authorization": f"Bearer {token}"}
    client.sendall(_frame({"type": "connection_init", "payload": payload}))
    client.sendall(_frame({"type": "subscribe", "id": "1", "payload": {"query": query}}))
    return client


def deaf_stream(port: int, token: str, query: str) -> socket.socket:
    """The same over server-sent events."""
    client = _connected(port)
    body = json.dumps({"query": query}).encode()
    client.sendall(
        b"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n"
        b"content-type: application/json\r\nauthorization: Bearer %b\r\ncontent-length: %d\r\n\r\n"
        % (token.encode(), len(body))
        + body
    )
    return client


def _connected(port: int) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
    client.settimeout(10)
    client.connect(("127.0.0.1", port))
    return client


def _frame(message: dict[str, Any]) -> bytes:
    """One masked text frame, its mask all zeros."""
    text = json.dumps(message).encode()
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text
