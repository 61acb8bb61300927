"""Attacks on their way: blocking sockets, one request after another, and what was answered."""

import contextlib
import http.client
import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from benchmarks.held_loop.target import Target

_PATIENCE = 60.0
_QUIET = 0.4


def post(
    target: Target,
    body: bytes,
    *,
    path: str = "/graphql",
    headers: Mapping[str, str] | None = None,
    kind: str = "application/json",
) -> str:
    given = {"content-type": kind, "authorization": f"Bearer {target.token}", **(headers or {})}
    return _exchange(target, "POST", path, body, given)


def get(target: Target, path: str, *, headers: Mapping[str, str] | None = None) -> str:
    given = {"authorization": f"Bearer {target.token}", **(headers or {})}
    return _exchange(target, "GET", path, None, given)


def _exchange(
    target: Target, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=_PATIENCE)
    try:
        # A server that refuses a body early may close before it has read all of it.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return f"{answer.status} {_code(answer.read())}".strip()
    except TimeoutError:
        return "no answer"
    except (http.client.HTTPException, OSError) as error:
        return type(error).__name__
    finally:
        connection.close()


class Posting:
    """A connection that is kept, for many operations one after another."""

    def __init__(self, target: Target) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=_PATIENCE)
        self._headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {target.token}",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def post(self, body: bytes) -> str:
        self._connection.request("POST", "/graphql", body, self._headers)
        answer = self._connection.getresponse()
        return f"{answer.status} {_code(answer.read())}".strip()


def raw_socket(target: Target, *pieces: bytes) -> str:
    """Pieces, each after an answer to the one before; then what comes until it is quiet."""
    with socket.create_connection(("127.0.0.1", target.port), _PATIENCE) as connection:
        told = b""
        try:
            for piece in pieces[:-1]:
                connection.sendall(piece)
                told = connection.recv(65536)
            connection.settimeout(_PATIENCE)
            connection.sendall(pieces[-1])
            connection.settimeout(_QUIET)
            told = connection.recv(65536) or b"closed"
            while connection.recv(1 << 20):
                pass
        except TimeoutError:
            return _first_line(told) or "no answer"
        except OSError as error:
            return f"{_first_line(told)} {type(error).__name__}".strip()
        return _first_line(told)


def _first_line(data: bytes) -> str:
    line = data.partition(b"\r\n")[0].decode("latin-1")
    return "".join(one for one in line if one.isascii() and one.isprintable())[:30]


def socket_frames(
    target: Target, frames: Sequence[str], *, sign_in: bool = True, answers: int = 1
) -> str:
    """Frames over one WebSocket, in one write; the last of `answers` messages, or how it closed."""
    url = f"ws://127.0.0.1:{target.port}/graphql"
    try:
        with connect(
            url,
            subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]
            compression=None,
            max_size=None,
            close_timeout=5,
            open_timeout=_PATIENCE,
        ) as opened:
            if sign_in:
                hello = {"authorization": f"Bearer {target.token}"}
                opened.send(json.dumps({"type": "connection_init", "payload": hello}))
                opened.recv(_PATIENCE)
            with contextlib.suppress(ConnectionClosed):
                _send_together(opened, frames)
            told = ""
            for _ in range(answers):
                told = str(opened.recv(_PATIENCE))
            return f"ws {_code(told.encode()) or json.loads(told).get('type')}"
    except TimeoutError:
        return "ws no answer"
    except ConnectionClosed as closed:
        return f"ws closed {closed.rcvd.code if closed.rcvd else 1006}"
    except OSError as error:
        return f"ws {type(error).__name__}"


def _send_together(opened: Any, frames: Sequence[str]) -> None:
    """All frames as one piece of TCP, as far as the kernel takes it in one."""
    protocol = opened.protocol
    with opened.protocol_mutex:
        for frame in frames:
            protocol.send_text(frame.encode())
        data = b"".join(protocol.data_to_send())
    opened.socket.sendall(data)


def _code(body: bytes) -> str:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict):
        return ""
    payload = answer.get("payload", answer)
    errors = payload if isinstance(payload, list) else dict(payload or {}).get("errors") or []
    if errors:
        return str(errors[0]["extensions"]["code"])
    return str(answer["error"]) if "error" in answer else ""
