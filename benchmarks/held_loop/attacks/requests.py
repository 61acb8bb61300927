"""HTTP that is dear before anybody reads a document: headers, addresses, chunks, rows of requests."""

import json
import os
from collections.abc import Iterator
from urllib.parse import quote

from benchmarks.held_loop.attack import MEGABYTE, Attack, address, body, pieces
from benchmarks.held_loop.sending import raw_socket
from benchmarks.held_loop.target import Target

_VIEWER = "{ viewer { kind } }"
_ASKED = json.dumps({"query": _VIEWER}).encode()
_ORDERS = json.dumps({"query": "{ orders(first: 100) { nodes { id lines { place } } } }"}).encode()
_SEGMENT = 256 * 1024  # what asyncio reads at once unless it is told otherwise
_HEAD = b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
_HEADERS = {
    "accept: ranges": {"accept": "application/json," * 3_500},
    "accept: parameters": {"accept": "application/json" + ";q=0.1" * 9_000},
    "accept: commas": {"accept": "," * 60_000},
    "accept: semicolons": {"accept": ";" * 60_000},
    "accept: blanks": {"accept": "a" + " " * 60_000 + "b"},
    "accept: a weight of digits": {"accept": "text/event-stream;q=0." + "9" * 60_000},
    "accept: a weight's exponent": {"accept": "text/event-stream;q=1e" + "9" * 60_000},
    "content-type: parameters": {"content-type": "application/json" + "; charset=utf-8" * 3_500},
    "content-type: quotes": {"content-type": 'multipart/form-data; a="' + '\\"' * 30_000},
    "content-encoding: many": {"content-encoding": "gzip," * 12_000},
    "content-length: digits": {"content-length": "9" * 60_000},
    "origin: long": {"origin": "https://" + "a." * 30_000},
    "origin: brackets": {"origin": "https://[" + ":" * 60_000},
    "origin: wide digits": {"origin": "https://" + "\xb2" * 60_000},
    "cookie: many": {"cookie": "a=b; " * 12_000},
    "x-forwarded-for: many": {"x-forwarded-for": "1.1.1.1, " * 6_500},
    "authorization: blanks": {"authorization": "Bearer" + " " * 60_000 + "a"},
    "authorization: long": {"authorization": "Bearer " + "a" * 60_000},
    "last-event-id: digits": {"last-event-id": "9" * 60_000, "accept": "text/event-stream"},
}
_QUERIES = {
    "fields": "a=&" * 20_000,
    "fields of one name": "query=a&" * 7_500,
    "ampersands": "&" * 60_000,
    "percent signs": "query=" + "%" * 60_000,
    "encoded blanks": "query=" + "%20" * 20_000,
    "plus signs": "query=" + "+" * 60_000,
    "wide characters": "query=" + "%F0%9F%98%80" * 5_000,
    "broken UTF-8": "query=" + "%FF" * 20_000,
    "nested variables": f"query={quote(_VIEWER)}&variables=" + "[" * 60_000,
    "zeros": f"query={quote(_VIEWER)}&variables=" + '{"a":[' + ",".join("0" * 28_000) + "]}",
    "empty lists": f"query={quote(_VIEWER)}&extensions=" + '{"a":[' + ",".join(["[]"] * 19_000) + "]}",
    "aliases": "query=" + quote("{" + "".join(f"a{n}:viewer{{kind}}" for n in range(2_000)) + "}"),
}  # fmt: skip
_PATHS = (
    "/" + "a" * 60_000, "/" * 60_000, "/" + "../" * 20_000, "/" + "%2e" * 20_000,
    "/live", "/ready", "/metrics", "/.well-known/jwks.json", "/", "/graphiql",
)  # fmt: skip


def attacks() -> Iterator[Attack]:
    for name, headers in _HEADERS.items():
        yield body(f"header {name}", _ASKED, headers=headers)
    for name, query in _QUERIES.items():
        yield address(f"GET of {name}", f"/graphql?{query}")
    for path in _PATHS:
        yield address(f"GET {path[:20]}", path)
    yield from _many_headers()
    for size in (1_000, _SEGMENT, MEGABYTE):
        yield from _chunks(size)
        yield from _rows(size)
    yield from _streams()


def _many_headers() -> Iterator[Attack]:
    for count, one in ((10_000, b"a: b"), (20_000, b"a:"), (900, b"Authorization: Bearer a")):
        yield pieces(f"{count:,} headers {one.decode()}", _HEAD + (one + b"\r\n") * count + b"\r\n")
    get = b"GET / HTTP/1.1\r\n"
    yield pieces("a header without end", get + b"a: " + b"a" * MEGABYTE)
    yield pieces("headers without end", get + b"a: b\r\n" * (MEGABYTE // 6))
    yield pieces("a request line without end", b"GET /" + b"a" * MEGABYTE)
    yield pieces("empty lines", b"\r\n" * (MEGABYTE // 2))
    yield pieces("random bytes", os.urandom(MEGABYTE))


def _chunks(size: int) -> Iterator[Attack]:
    for name, one in (
        ("chunks of a byte", b"1\r\n[\r\n"),
        ("chunks of a byte with extensions", b"1;%s\r\n[\r\n" % (b"a" * 60)),
    ):
        chunks = one * (size // len(one)) + b"0\r\n\r\n"
        yield pieces(
            f"{name}, from anybody", _HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
        )
        yield signed(f"{name}, signed in", b"Transfer-Encoding: chunked\r\n", chunks)
    trailers = b"0\r\n" + b"a: b\r\n" * (size // 6) + b"\r\n"
    yield signed("trailers", b"Transfer-Encoding: chunked\r\n", trailers)


def _rows(size: int) -> Iterator[Attack]:
    """Requests that do not wait for the answer to the one before."""
    for path in ("/live", "/ready", "/nothing", "/graphql"):
        one = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        yield pieces(f"requests in a row, {path}", one * (size // len(one)))
    one = _HEAD + b"Content-Length: 2\r\n\r\n{}"
    yield pieces("operations in a row", one * (size // len(one)))


def _streams() -> Iterator[Attack]:
    for after in ("0", "9" * 4_000, "-1", "a" * 19_000, "1e9", "\u0661"):
        query = f'subscription {{ orderUpdates(after: "{after}") {{ __typename }} }}'
        data = json.dumps({"query": query}).encode()
        head = b"Accept: text/event-stream\r\nContent-Length: %d\r\n" % len(data)
        yield signed(f"a stream after {after[:5]}", head, data)
    yield body("a query as a stream", _ORDERS, headers={"accept": "text/event-stream"})


def signed(name: str, headers: bytes, rest: bytes) -> Attack:
    """An operation of somebody who has signed in, sent as it is."""

    def send(target: Target) -> str:
        token = f"Authorization: Bearer {target.token}\r\n".encode()
        return raw_socket(target, _HEAD + token + headers + b"\r\n" + rest)

    return Attack(name, len(_HEAD) + len(headers) + len(rest), send)
