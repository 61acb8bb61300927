"""WebSockets: thousands of messages at once, and frames as no client library sends them."""

import json
import struct
import zlib
from collections.abc import Iterator

from benchmarks.held_loop.attack import MEGABYTE, Attack, frames, subscribe
from benchmarks.held_loop.sending import raw_socket
from benchmarks.held_loop.target import Target

_SIZES = (1_000, 256 * 1024, MEGABYTE)
_PING = json.dumps({"type": "ping"})
_HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n"
)
_COMPRESSED = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"


def attacks() -> Iterator[Attack]:
    yield from _messages()
    yield from _raw()
    yield from _squeezed()


def _messages() -> Iterator[Attack]:
    pong, complete = json.dumps({"type": "pong"}), json.dumps({"type": "complete", "id": "1"})
    for count in (40, 10_000, 40_000):
        yield frames(f"{count:,} pings", [_PING] * count)
        yield frames(f"{count:,} pongs, then a ping", [pong] * count + [_PING])
        yield frames(f"{count:,} completes, then a ping", [complete] * count + [_PING])
    names = {f"Authorization{'x' * (n % 7)}{n}": "a" for n in range(9_000)}
    hello = json.dumps({"type": "connection_init", "payload": names})
    yield frames("a hello of many names", [hello], sign_in=False)
    begun = [subscribe(str(n), "{ viewer { kind } }") for n in range(2_000)]
    yield frames("2,000 operations at once", begun)
    different = [subscribe(str(n), f"{{ a{n}: viewer {{ kind }} }}") for n in range(2_000)]
    yield frames("2,000 different operations at once", different)
    updates = "subscription { orderUpdates { __typename } }"
    ended = [json.dumps({"type": "complete", "id": str(n)}) for n in range(1_500)]
    both = [text for n in range(1_500) for text in (subscribe(str(n), updates), ended[n])]
    yield frames("1,500 subscriptions begun and ended", [*both, _PING])


def _raw() -> Iterator[Attack]:
    for size in _SIZES:
        for name, one in {
            "empty messages": _frame(0x81, b""),
            "fragments of nothing": _frame(0x00, b""),
            "fragments of a byte": _frame(0x00, b"["),
            "control pings": _frame(0x89, b""),
            "control pings of 125 bytes": _frame(0x89, b"a" * 125),
            "control pongs": _frame(0x8A, b""),
            "binary messages": _frame(0x82, b"a"),
        }.items():
            first = _frame(0x01, b"") if "fragments" in name else b""
            yield _handshaken(name, first + one * (size // len(one)))
        yield _handshaken("one message", _frame(0x81, b"a" * size))
        yield _handshaken("a message of brackets", _frame(0x81, b"[" * size))


def _squeezed() -> Iterator[Attack]:
    """Each message is just within the limit when it is decompressed."""
    message = json.dumps({"type": "pong", "payload": {"a": "a" * 250_000}}).encode()
    one = _frame(0xC1, _deflated(message))
    for size in _SIZES:
        many = one * max(1, size // len(one))
        yield _handshaken("compressed messages", many, extensions=_COMPRESSED)
    bomb = _deflated(b"a" * MEGABYTE, 900)
    yield _handshaken("a message that swells to 900 MB", _frame(0xC1, bomb), extensions=_COMPRESSED)


def _deflated(data: bytes, times: int = 1) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    squeezed = b"".join(squeeze.compress(data) for _ in range(times))
    squeezed += squeeze.flush(zlib.Z_SYNC_FLUSH)
    return squeezed.removesuffix(b"\x00\x00\xff\xff")


def _frame(first: int, data: bytes) -> bytes:
    """Masked with zeros, which leave the data as they are."""
    length = len(data)
    if length < 126:
        size = struct.pack("!B", 0x80 | length)
    elif length < 65_536:
        size = struct.pack("!BH", 0xFE, length)
    else:
        size = struct.pack("!BQ", 0xFF, length)
    return struct.pack("!B", first) + size + b"\0\0\0\0" + data


def _handshaken(name: str, data: bytes, *, extensions: bytes = b"") -> Attack:
    """Frames after a handshake and a hello that was acknowledged."""

    def send(target: Target) -> str:
        payload = {"authorization": f"Bearer {target.token}"}
        hello = json.dumps({"type": "connection_init", "payload": payload}).encode()
        return raw_socket(target, _HANDSHAKE + extensions + b"\r\n", _frame(0x81, hello), data)

    return Attack(f"raw: {name}", len(data), send)
