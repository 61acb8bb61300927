"""What an attack is, and the shapes that most of them have."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.held_loop.sending import get, post, raw_socket, socket_frames
from benchmarks.held_loop.target import Target

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Attack:
    """`size` is in bytes of what the attacker sends; `send` says what was answered."""

    name: str
    size: int
    send: Callable[[Target], str]


def document(name: str, query: str, variables: Mapping[str, Any] | None = None) -> Attack:
    return body(name, json.dumps({"query": query, "variables": variables}).encode())


def body(
    name: str, data: bytes, *, headers: Mapping[str, str] | None = None, **given: Any
) -> Attack:
    size = len(data) + sum(len(one) + len(value) for one, value in (headers or {}).items())
    return Attack(name, size, lambda target: post(target, data, headers=headers, **given))


def address(name: str, path: str, **given: Any) -> Attack:
    return Attack(name, len(path), lambda target: get(target, path, **given))


def pieces(name: str, *data: bytes) -> Attack:
    """Bytes as they are, each piece after an answer to the one before."""
    return Attack(name, sum(map(len, data)), lambda target: raw_socket(target, *data))


def frames(name: str, texts: list[str], **given: Any) -> Attack:
    size = sum(map(len, texts))
    return Attack(name, size, lambda target: socket_frames(target, texts, **given))


def in_a_frame(name: str, query: str, variables: Mapping[str, Any] | None = None) -> Attack:
    """The document as a `subscribe` message."""
    return frames(f"{name}, in a frame", [subscribe("1", query, variables)])


def subscribe(id: str, query: str, variables: Mapping[str, Any] | None = None) -> str:
    payload = {"query": query, "variables": variables}
    return json.dumps({"id": id, "type": "subscribe", "payload": payload})


def grown(make: Callable[[int], str], size: int) -> str:
    """The longest text of `make(n)` that has at most `size` characters; `make(1)` at least."""
    low, high = 1, 2
    while len(make(high)) <= size:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(make(middle)) <= size else (low, middle)
    return make(low)


def repeated(make: Callable[[int], str], count: int, between: str = " ") -> str:
    return between.join(make(n) for n in range(count))
