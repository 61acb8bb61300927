"""Forms with files: parts without end, headers of parts, boundaries that almost match."""

import json
from collections.abc import Iterator

from benchmarks.held_loop.attack import MEGABYTE, Attack, body

_BOUNDARY = "-" * 30 + "b"
_KIND = f"multipart/form-data; boundary={_BOUNDARY}"
_PREFLIGHT = {"graphql-require-preflight": "1"}
_END = f"\r\n--{_BOUNDARY}--\r\n".encode()


def attacks() -> Iterator[Attack]:
    for size in (1_000, 100_000, MEGABYTE):
        for name, data in _forms(size).items():
            yield body(f"form: {name}", data, kind=_KIND, headers=_PREFLIGHT)
        yield body("form: without the header", _part("a", b"a" * size) + _END, kind=_KIND)
    for name, kind in {
        "no boundary": "multipart/form-data",
        "an empty boundary": "multipart/form-data; boundary=",
        "a long boundary": "multipart/form-data; boundary=" + "a" * 60_000,
        "boundaries": "multipart/form-data" + "; boundary=a" * 5_000,
        "quotes": 'multipart/form-data; boundary="' + '\\"' * 30_000,
    }.items():
        yield body(f"form: {name}", b"--a\r\n" * 200_000, kind=kind, headers=_PREFLIGHT)


def _forms(size: int) -> dict[str, bytes]:
    asked = _part("operations", json.dumps({"query": "{ viewer { kind } }"}).encode())
    mapped = _part("map", b'{"0": ["variables.a"]}')
    head = f"--{_BOUNDARY}\r\n".encode()
    disposition = b'Content-Disposition: form-data; name="operations"'
    paths = [f"variables.a.{n}" for n in range(size // 20)]
    deep = ".".join("a" * (size // 2))
    return {
        "parts": _part("a", b"") * (size // 100),
        "bare boundaries": head * (size // len(head)),
        "almost boundaries": asked + mapped + _file(b"\r\n" + b"-" * size) + _END,
        "a boundary begun again and again": asked + mapped + _file(b"\r\n--" * (size // 4)) + _END,
        "line ends": asked + mapped + _file(b"\r" * size) + _END,
        "a header without end": head + b"A: " + b"a" * size,
        "a header's name without end": head + b"a" * size,
        "headers": head + b"a: b\r\n" * (size // 6) + b"\r\n",
        "parameters": head + disposition + b"; a=b" * (size // 5) + b"\r\n\r\n",
        "semicolons": head + disposition + b";" * size + b"\r\n\r\n",
        "quotes": head + disposition + b'; a="' + b'\\"' * (size // 2) + b"\r\n\r\n",
        "operations of brackets": _part("operations", b"[" * size) + _END,
        "operations of lists": _part("operations", b"[" + b"[]," * (size // 3) + b"[]]") + _END,
        "a map of paths": asked + _part("map", json.dumps({"0": paths}).encode()) + _END,
        "a map of a deep path": asked + _part("map", json.dumps({"0": [deep]}).encode()) + _END,
        "a map of names": asked + _part("map", json.dumps({path: [] for path in paths}).encode()) + _END,
        "a file that nobody wants": asked + mapped + _file(b"a" * size) + _END,
    }  # fmt: skip


def _part(name: str, data: bytes) -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + data + b"\r\n"


def _file(data: bytes) -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="0"; filename="a"\r\n\r\n'
    return head.encode() + data
