"""Random HTTP requests: to every path, with bodies, headers and framings of every sort."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from tests.fuzz.frames import QUERY
from tests.fuzz.values import anything, large, own, placeholder, texts, weighted

METHODS = ("POST", "GET", "POST", "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "X")
_OPERATIONS: Sequence[dict[str, Any]] = (
    {"query": QUERY},
    {"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": own("Order")}},
    {"query": "{ products(first: 2) { nodes { id title } } }", "operationName": None},
    {"query": "query A { viewer { role } } query B { viewer { role } }", "operationName": "A"},
    {"query": 'mutation { productActivate(input: {productId: ""}) { userErrors { code } } }'},
    {"query": "subscription { orderUpdates { __typename } }"},
    {"query": "{ nope }"},
    {"query": "{"},
    {"query": "# nothing but a comment"},
    {"query": ""},
    {},
    {"documentId": "sha256:" + "0" * 64},
    {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
)
_AUTH: Sequence[dict[str, Any]] = (
    {"grant_type": "password", "username": placeholder("email"), "password": "wrong"},
    {"grant_type": "password", "username": placeholder("email"), "workspace": placeholder("slug")},
    {"grant_type": "password"},
    {"grant_type": "refresh_token", "refresh_token": placeholder("key")},
    {"grant_type": "refresh_token", "refresh_token": "scr_"},
    {"grant_type": ""},
    {"token": placeholder("key")},
    {"token": "sci_" + "A" * 60, "name": "Lin", "password": "long enough, it is"},
    {"token": "scr_" + "A" * 86},
    {},
)
_PATHS = (
    "/auth/token", "/auth/revoke", "/auth/accept-invitation", "/.well-known/jwks.json",
    "/metrics", "/live", "/ready", "/", "/playground.json", "/assets/", "/assets/%00",
    "/assets/../../pyproject.toml", "/assets/%2e%2e/%2e%2e/pyproject.toml", "/assets/index.js",
    "/graphql/", "//graphql", "/GraphQL", "/nowhere", "/%ff", "/graphql%00", "*", "/" + "a" * 3000,
)  # fmt: skip
_TYPES = (
    "application/json", "application/json", "application/json; charset=utf-8",
    "application/json; charset=utf-16", "application/graphql", "application/graphql+json",
    "application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=",
    "multipart/form-data; boundary=b; charset=utf-16", "text/plain", "", "json", "a/b/c; q=",
    "application/json, text/plain",
)  # fmt: skip
_ACCEPTS = (
    "*/*", "application/json", "application/graphql-response+json", "text/event-stream",
    "text/html", "text/event-stream;q=0.5, application/json", "application/json;q=x", ";;;,",
    "application/graphql-response+json; charset=utf-8, */*;q=0", "*/*;q=-1", "a" * 2000,
)  # fmt: skip
_HEADERS: Sequence[tuple[str, str]] = (
    ("origin", "https://evil.example"),
    ("origin", "null"),
    ("origin", "http://[::1"),
    ("content-encoding", "gzip"),
    ("content-encoding", "identity"),
    ("content-encoding", "br, gzip"),
    ("expect", "100-continue"),
    ("range", "bytes=0-0"),
    ("if-none-match", "*"),
    ("upgrade", "websocket"),
    ("connection", "upgrade"),
    ("sec-websocket-key", "x"),
    ("cookie", "a=\xff"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-request-id", "../../x"),
    ("graphql-require-preflight", "1"),
    ("apollo-require-preflight", "1"),
    ("host", ""),
    ("host", "evil.example:x"),
    ("accept-encoding", "gzip, zstd"),
    ("last-event-id", "x"),
    ("access-control-request-method", "POST"),
)
_CREDENTIALS = (
    "Bearer @@principal@@", "Bearer @@principal@@", "Bearer @@principal@@", "bearer  @@principal@@",
    "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.e30.",
    "Bearer sck_x", "Bearer @@key@@", "Bearer @@foreign.token@@x", "Bearer \xff", "",
    "Bearer " + "x" * 5000,
)  # fmt: skip
_BODIES: Sequence[bytes] = (
    b"",
    b" ",
    b"null",
    b"0",
    b'"text"',
    b"[]",
    b"[{}]",
    b"{",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b'{"query": NaN}',
    b'{"query": "{ viewer { role } }", "variables": {"a": ' + b"9" * 5000 + b"}}",
    b'{"query": "{ viewer { role } }", "query": "{"}',
    b'{"query": "\\ud800"}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"a=%ff&b=%00",
    b"&" * 5000,
    gzip.compress(b'{"query": "{ viewer { role } }"}'),
    '{"query": "{ viewer { role } }"}'.encode("utf-16"),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request; `framing` says what its body's length is told to be."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    framing: str = "length"
    principal: str = "owner"


@dataclass(frozen=True, slots=True)
class Noise:
    """Bytes that are no request."""

    given: bytes = field(default=b"")


def requests() -> st.SearchStrategy[Sent | Noise]:
    return weighted((11, _graphql()), (3, _auth()), (3, _elsewhere()), (1, _noise()))


@st.composite
def _graphql(draw: st.DrawFn) -> Sent:
    given = dict(draw(st.sampled_from(_OPERATIONS)))
    if draw(st.integers(0, 9)) >= 7:
        given[draw(st.sampled_from(["query", "variables", "operationName", "extensions", "x"]))] = (
            draw(anything())
        )
    kind = draw(
        st.sampled_from(
            ["json", "json", "json", "query", "multipart", "batch", "odd", "odd", "odd"]
        )
    )
    if kind == "query":
        return _sent(draw, "/graphql?" + _as_query(given), b"", "GET", "")
    if kind == "multipart":
        return _sent(draw, "/graphql", draw(_multipart(given)), "POST", _MULTIPART)
    if kind == "batch":
        several = [given] * draw(st.integers(0, 4))
        return _sent(draw, "/graphql", json.dumps(several).encode(), "POST", "application/json")
    body = json.dumps(given).encode() if kind == "json" else draw(_bodies())
    return _sent(draw, "/graphql", body, "POST", "application/json")


@st.composite
def _auth(draw: st.DrawFn) -> Sent:
    path = draw(st.sampled_from(_PATHS[:3]))
    given = dict(draw(st.sampled_from(_AUTH)))
    if draw(st.booleans()):
        given[draw(st.sampled_from(sorted({"username", "token", *given})))] = draw(
            st.one_of(texts(), anything())
        )
    kind = draw(st.sampled_from(["form", "json", "odd"]))
    if kind == "form":
        text = urlencode({n: str(v) for n, v in given.items()}, safe="@", errors="replace")
        return _sent(draw, path, text.encode(), "POST", "application/x-www-form-urlencoded")
    body = json.dumps(given).encode() if kind == "json" else draw(_bodies())
    return _sent(draw, path, body, "POST", "application/json")


@st.composite
def _elsewhere(draw: st.DrawFn) -> Sent:
    path = draw(st.one_of(st.sampled_from(_PATHS), st.text(max_size=20).map(_as_path)))
    query = draw(st.sampled_from(["", "", "?", "?a=b", "?query=%7B", "?\x7f", "?%ff=%00"]))
    return _sent(draw, path + query, draw(_bodies()), "GET", "")


_CHUNKED = b"transfer-encoding: chunked\r\n"


def _noise() -> st.SearchStrategy[Noise]:
    lines = st.sampled_from(
        [
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /graphql HTTP/1.1\r\n\r\n",  # no Host
            b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
            b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
            b"POST / HTTP/1.1\r\nhost: a\r\n" + _CHUNKED + b"\r\nzz\r\n",
            b"POST / HTTP/1.1\r\nhost: a\r\n" + _CHUNKED + b"content-length: 3\r\n\r\n0\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost: a\r\n folded: b\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost: a\r\nx" + b"y" * 70_000 + b": z\r\n\r\n",
            b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"\r\n\r\n\r\n",
        ]
    )
    return st.one_of(lines, st.binary(min_size=1, max_size=60)).map(Noise)


def _sent(draw: st.DrawFn, target: str, body: bytes, method: str, kind: str) -> Sent:
    """The request as it should be, but for what is drawn to be otherwise."""
    if draw(st.integers(0, 9)) >= 8:
        method = draw(st.sampled_from(METHODS))
    if draw(st.integers(0, 9)) >= 8:
        kind = draw(st.sampled_from(_TYPES))
    headers = [("content-type", kind)] if kind else []
    credential = _CREDENTIALS[0]
    if draw(st.integers(0, 9)) >= 8:
        credential = draw(st.sampled_from(_CREDENTIALS))
    headers.append(("authorization", credential))
    if draw(st.integers(0, 9)) >= 5:
        headers.append(("accept", draw(st.sampled_from(_ACCEPTS))))
    headers += draw(st.lists(st.sampled_from(_HEADERS), max_size=2 if draw(st.booleans()) else 0))
    framing = draw(st.sampled_from(["length"] * 8 + ["chunked", "short", "long", "none"]))
    return Sent(method, target, tuple(headers), body, framing)


def _bodies() -> st.SearchStrategy[bytes]:
    huge = st.sampled_from([16 * 1024 + 1, 2 * 1024 * 1024 + 1]).map(
        lambda size: json.dumps({"query": large(size)}).encode()
    )
    return weighted(
        (4, st.sampled_from(_BODIES)),
        (2, anything().map(lambda given: json.dumps(given).encode())),
        (2, st.binary(max_size=100)),
        (1, huge),
    )


_MULTIPART = "multipart/form-data; boundary=b"
_FILE = 'Content-Disposition: form-data; name="0"; filename="{name}"\r\nContent-Type: {kind}'


@st.composite
def _multipart(draw: st.DrawFn, given: dict[str, Any]) -> bytes:
    """The multipart request specification's form, mostly with something amiss."""
    mapped: Any = {"0": ["variables.file"]}
    if draw(st.booleans()):
        odd = [{}, [], {"0": "variables"}, {"0": ["a.b.c"]}, {"0": [""]}, {"1": ["variables.file"]}]
        mapped = draw(st.one_of(st.sampled_from(odd), anything()))
    operations = {**given, "variables": {"file": None}} if draw(st.booleans()) else given
    names = st.sampled_from(["a.csv", "", "../../etc/passwd", "a\x00b", "é" * 300, '"'])
    parts = [
        ('Content-Disposition: form-data; name="operations"', json.dumps(operations)),
        ('Content-Disposition: form-data; name="map"', json.dumps(mapped)),
        (_FILE.format(name=draw(names), kind=draw(st.sampled_from(["text/csv", "", "x"]))), "a,b"),
    ]
    if draw(st.integers(0, 9)) >= 7:
        parts = draw(st.lists(st.sampled_from(parts), max_size=6))
    if draw(st.integers(0, 9)) >= 8:
        parts.append((draw(st.text(max_size=40)), draw(texts())))
    body = "".join(f"--b\r\n{head}\r\n\r\n{value}\r\n" for head, value in parts) + "--b--\r\n"
    data = body.encode(errors="replace")
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 9)) >= 8 else data


def _as_query(given: dict[str, Any]) -> str:
    texts_ = {n: v if isinstance(v, str) else json.dumps(v) for n, v in given.items()}
    return "&".join(
        f"{quote(name)}={quote(text, errors='replace')}" for name, text in texts_.items()
    )


def _as_path(text: str) -> str:
    return "/" + quote(text, errors="replace")
