"""JSON that is dear to decode, or to walk when it is; GraphQL never sees most of it."""

import json
from collections.abc import Iterator

from benchmarks.held_loop.attack import MEGABYTE, Attack, body, frames

_VIEWER = '{"query": "{ viewer { kind } }", "variables": '
_IN_A_FRAME = '{"type": "subscribe", "id": "1", "payload": {"query": "{viewer{kind}}", "variables": {"a": %s}}}'
_FRAME = 240_000  # bytes, which is just within the limit


def attacks() -> Iterator[Attack]:
    for size in (1_000, 60_000, 100_000, MEGABYTE):
        for name, shape in _shapes(size).items():
            yield body(f"JSON: {name}", shape.encode())
            yield body(f"variables: {name}", f'{_VIEWER}{{"a": {shape}}}}}'.encode())
            yield body(f"extensions: {name}", f'{_VIEWER}null, "extensions": {shape}}}'.encode())
        yield body("JSON: broken UTF-8", b'{"query": "' + b"\xff" * size)
        yield body("JSON: a list as query", json.dumps({"query": ["x"] * (size // 5)}).encode())
        batch = [{"query": "{ viewer { kind } }"}] * (size // 34)
        yield body("JSON: a batch", json.dumps(batch).encode())
        yield body("JSON: a batch of nothing", b"[" + b"{}," * (size // 3) + b"{}]")
        yield body("JSON: a long hash", _persisted("a" * size))
    for name, shape in _shapes(_FRAME).items():
        yield frames(f"a ping with {name}", ['{"type": "ping", "payload": {"a": %s}}' % shape])
        hello = '{"type": "connection_init", "payload": {"a": %s}}' % shape
        yield frames(f"a hello with {name}", [hello], sign_in=False)
        yield frames(f"variables: {name}, in a frame", [_IN_A_FRAME % shape])


def _shapes(size: int) -> dict[str, str]:
    return {
        "nested lists": "[" * (size // 2) + "]" * (size // 2),
        "open lists": "[" * size,
        "nested objects": '{"a":' * (size // 6) + "1" + "}" * (size // 6),
        "empty objects": "[" + ",".join(["{}"] * (size // 3)) + "]",
        "empty lists": "[" + ",".join(["[]"] * (size // 3)) + "]",
        "zeros": "[" + ",".join("0" * (size // 2)) + "]",
        "short fractions": "[" + ",".join(["0.1"] * (size // 4)) + "]",
        "long fractions": "[" + ",".join(["0." + "7" * 800] * (size // 803)) + "]",
        "keys": "{" + ",".join(f'"{n:x}":0' for n in range(size // 10)) + "}",
        "one key again and again": "{" + ",".join(['"a":0'] * (size // 6)) + "}",
        "escapes": '"' + "\\u0041" * (size // 6) + '"',
        "halves of surrogate pairs": '"' + "\\ud800" * (size // 6) + '"',
        "a long number": "9" * size,
        "a long fraction": "0." + "9" * size,
        "a huge exponent": "1e" + "9" * size,
        "blanks": " " * size + "null",
    }


def _persisted(hashed: str) -> bytes:
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hashed}}
    return json.dumps({"documentId": hashed, "extensions": extensions}).encode()
