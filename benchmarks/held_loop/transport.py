"""Requests, headers, addresses and frames that are dear before anybody reads a document."""

import base64
import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import quote

from benchmarks.held_loop.attack import Attack, address, body, bytes_as_they_are, document, frames
from benchmarks.held_loop.sending import raw_socket
from benchmarks.held_loop.target import Target

_SIGNED_IN = b"Authorization: Bearer %s\r\n"
_VIEWER = "{ viewer { kind } }"
_SEGMENT = 256 * 1024  # what asyncio reads at once
_MEGABYTE = 1_000_000


def attacks() -> Iterator[Attack]:
    yield from _headers()
    yield from _tokens()
    yield from _addresses()
    yield from _sign_ins()
    yield from _requests()
    yield from _streams()
    yield from _frames()
    yield from _raw_frames()


def _headers() -> Iterator[Attack]:
    values = {
        "accept: many ranges": {"accept": "application/json," * 3_500},
        "accept: many parameters": {"accept": "application/json" + ";q=0.1" * 9_000},
        "accept: commas": {"accept": "," * 60_000},
        "accept: semicolons": {"accept": ";" * 60_000},
        "accept: blanks": {"accept": "a" + " " * 60_000 + "b"},
        "accept: a weight of digits": {"accept": "text/event-stream;q=0." + "9" * 60_000},
        "accept: a weight with an exponent": {"accept": "text/event-stream;q=1e" + "9" * 60_000},
        "content-type: parameters": {"content-type": "application/json" + "; charset=utf-8" * 3_500},
        "content-encoding: many": {"content-encoding": "gzip," * 12_000},
        "content-length: digits": {"content-length": "9" * 60_000},
        "origin: long": {"origin": "https://" + "a." * 30_000},
        "origin: brackets": {"origin": "https://[" + ":" * 60_000},
        "origin: wide digits": {"origin": "https://" + "\xb2" * 60_000},
        "cookie: many": {"cookie": "a=b; " * 12_000},
        "x-forwarded-for: many": {"x-forwarded-for": "1.1.1.1, " * 6_500},
        "authorization: blanks": {"authorization": "Bearer" + " " * 60_000 + "a"},
        "authorization: long": {"authorization": "Bearer " + "a" * 60_000},
    }  # fmt: skip
    asked = json.dumps({"query": _VIEWER}).encode()
    for name, headers in values.items():
        yield body(f"header {name}", asked, headers=headers)
    for count, what in (
        (10_000, "a: b\r\n"),
        (20_000, "a:\r\n"),
        (900, "Authorization: Bearer a\r\n"),
    ):
        head = "POST /graphql HTTP/1.1\r\nHost: a\r\n" + what * count + "\r\n"
        yield bytes_as_they_are(f"{count} headers {what.strip()!r}", head.encode())
    yield bytes_as_they_are("a header without end", b"GET / HTTP/1.1\r\na: " + b"a" * _MEGABYTE)
    yield bytes_as_they_are("headers without end", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 160_000)
    yield bytes_as_they_are("a request line without end", b"GET /" + b"a" * _MEGABYTE)
    yield bytes_as_they_are("empty lines", b"\r\n" * (_MEGABYTE // 2))
    yield bytes_as_they_are("random bytes", os.urandom(_MEGABYTE))


def _tokens() -> Iterator[Attack]:
    """Up to the 4,096 characters that a credential may have."""

    def part(value: object) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    good = {"alg": "ES256", "typ": "JWT"}
    tokens = {
        "of dots": "." * 4_096,
        "of letters": "a" * 4_096,
        "an API key": "sck_" + "a" * 4_000,
        "an API key of dots": "sck_" + "." * 4_000,
        "a header of open brackets": f"{part('[' * 2_900)}.e30.YQ",
        "a header of nested lists": f"{part('[' * 1_400 + ']' * 1_400)}.e30.YQ",
        "a long number in the header": part('{"alg": ' + "9" * 2_900 + "}") + ".e30.YQ",
        "a header of many names": f"{part({f'{n:x}': 1 for n in range(260)})}.e30.YQ",
        "a long kid": f"{part({**good, 'kid': 'a' * 2_900})}.e30.YQ",
        "crit": f"{part({**good, 'crit': ['b64'] * 400, 'b64': False})}.e30.YQ",
        "no signature": f"{part({'alg': 'none'})}.{part({'sub': 'a' * 2_000})}.",
        "HMAC": f"{part({'alg': 'HS256'})}.{part({'sub': 'a' * 2_000})}.YQ",
        "encrypted": ".".join([part({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 10**9, "p2s": "YQ"}), "YQ", "YQ", "YQ", "YQ"]),
        "compressed": ".".join([part({"alg": "dir", "enc": "A128GCM", "zip": "DEF"}), "", "YQ", "YQ", "YQ"]),
        "claims of nested lists": f"{part(good)}.{part('[' * 1_400 + ']' * 1_400)}.{'A' * 86}",
        "an embedded key": f"{part({**good, 'jwk': {'kty': 'RSA', 'n': 'f' * 1_500, 'e': 'f' * 1_000}})}.e30.{'A' * 86}",
        "an address of keys": f"{part({**good, 'jku': 'http://127.0.0.1:1/'})}.e30.{'A' * 86}",
    }  # fmt: skip
    asked = json.dumps({"query": _VIEWER}).encode()
    for name, token in tokens.items():
        assert len(token) <= 4_096, name
        headers = {"authorization": f"Bearer {token}"}
        yield body(f"token: {name}", asked, headers=headers)
        hello = json.dumps({"type": "connection_init", "payload": headers})
        yield frames(f"token: {name}, in a frame", [hello], sign_in=False)


def _addresses() -> Iterator[Attack]:
    wide = quote(_VIEWER)
    for name, query in {
        "many fields": "a=&" * 20_000,
        "fields of one name": "query=a&" * 7_500,
        "ampersands": "&" * 60_000,
        "percent signs": "query=" + "%" * 60_000,
        "encoded blanks": "query=" + "%20" * 20_000,
        "plus signs": "query=" + "+" * 60_000,
        "wide characters": "query=" + "%F0%9F%98%80" * 5_000,
        "broken UTF-8": "query=" + "%FF" * 20_000,
        "nested variables": f"query={wide}&variables=" + "[" * 60_000,
        "variables of zeros": f"query={wide}&variables=" + '{"a":[' + ",".join("0" * 28_000) + "]}",
        "extensions of lists": f"query={wide}&extensions=" + '{"a":[' + ",".join(["[]"] * 19_000) + "]}",
        "a document of aliases": "query=" + quote("{" + "".join(f"a{n}:viewer{{kind}}" for n in range(2_000)) + "}"),
    }.items():  # fmt: skip
        yield address(f"GET: {name}", f"/graphql?{query}")
    for path in ("/" + "a" * 60_000, "/" * 60_000, "/" + "../" * 20_000, "/" + "%2e" * 20_000):
        yield address(f"a path of {path[1:5]!r}", path)
    for path in ("/live", "/ready", "/metrics", "/.well-known/jwks.json", "/", "/graphiql"):
        yield address(f"GET {path}", path)


def _sign_ins() -> Iterator[Attack]:
    form, text = "application/x-www-form-urlencoded", "application/json"
    bodies = {
        "a long password": (form, "grant_type=password&username=a@b.c&password=" + "a" * 16_000),
        "a wide password": (form, "grant_type=password&username=a@b.c&password=" + "%F0%9F%98%80" * 1_300),
        "a long name": (form, "grant_type=password&password=aaaaaaaaaaaa&username=" + "a@" * 8_000),
        "a name of sigmas": (form, "grant_type=password&password=aaaaaaaaaaaa&username=" + "%CE%A3" * 2_600),
        "a workspace": (form, "grant_type=password&username=a@b.c&password=aaaaaaaaaaaa&workspace=" + "a" * 15_000),
        "a refresh token": (form, "grant_type=refresh_token&refresh_token=" + "a" * 16_000),
        "a refresh token of dots": (form, "grant_type=refresh_token&refresh_token=scr_" + "." * 16_000),
        "many fields": (form, "&".join(f"a{n}=b" for n in range(2_000))),
        "ampersands": (form, "&" * 16_000),
        "percent signs": (form, "grant_type=" + "%" * 16_000),
        "nested JSON": (text, "[" * 16_000),
        "JSON of lists": (text, "[" + ",".join(["[]"] * 5_000) + "]"),
        "a megabyte": (text, "[" * _MEGABYTE),
    }  # fmt: skip
    for name, (kind, given) in bodies.items():
        for path in ("/auth/token", "/auth/revoke", "/auth/accept-invitation"):
            yield body(f"{path}: {name}", given.encode(), kind=kind, path=path)
    accept = {"token": "a" * 5_000, "name": "a" * 5_000, "password": "a" * 5_000}
    yield body("an invitation", json.dumps(accept).encode(), path="/auth/accept-invitation")


def _requests() -> Iterator[Attack]:
    head = b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    ended = b"0\r\n\r\n"
    for size in (1_000, _SEGMENT, _MEGABYTE):
        chunks = b"1\r\n[\r\n" * (size // 6)
        for signed_in in (False, True):
            who = "signed in" if signed_in else "anybody"
            yield _signed(f"chunks of one byte, {who}", chunked, chunks + ended, signed_in)
            many = b"1;%s\r\n[\r\n" % (b"a" * 60) * (size // 68)
            yield _signed(f"chunks with extensions, {who}", chunked, many + ended, signed_in)
        for path in ("/live", "/ready", "/nothing", "/graphql"):
            one = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
            yield bytes_as_they_are(f"requests in a row, {path}", one * (size // len(one)))
        one = head + b"Content-Length: 2\r\n\r\n{}"
        yield bytes_as_they_are("operations in a row", one * (size // len(one)))
    trailers = b"a: b\r\n" * 40_000
    yield _signed("trailers", chunked, b"0\r\n" + trailers + b"\r\n", True)
    for kind in (
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=a",
        "application/graphql",
    ):
        yield body(f"a body of {kind}", b"--a\r\n" * 200_000, kind=kind)


def _signed(name: str, head: bytes, rest: bytes, signed_in: bool) -> Attack:  # noqa: FBT001
    def send(target: Target) -> str:
        token = _SIGNED_IN % target.token.encode() if signed_in else b""
        line, _, headers = head.partition(b"\r\n")
        return raw_socket(target, line + b"\r\n" + token + headers + rest)

    return Attack(name, len(head) + len(rest), send)


def _streams() -> Iterator[Attack]:
    events = {"accept": "text/event-stream"}
    asked = "subscription { orderUpdates { __typename } }"
    for after in ("0", "9" * 4_000, "-1", "a" * 100_000, "1e9", "\u0661"):
        text = json.dumps(
            {
                "query": f'subscription {{ orderUpdates(after: "{after[:19_000]}") {{ __typename }} }}'
            }
        )
        yield Attack("a stream from " + after[:5], len(text), _closing(text.encode()))
    del asked
    yield body(
        "a query as a stream",
        json.dumps({"query": "{ orders(first: 100) { nodes { id lines { place } } } }"}).encode(),
        headers=events,
    )


def _closing(data: bytes) -> Callable[[Target], str]:
    def send(target: Target) -> str:
        head = (
            b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Accept: text/event-stream\r\nContent-Length: %d\r\n" % len(data)
        ) + _SIGNED_IN % target.token.encode()
        return raw_socket(target, head + b"\r\n" + data)

    return send


def _frames() -> Iterator[Attack]:
    """Messages of the protocol, as many as one read of the socket holds and more."""
    pong, ping = json.dumps({"type": "pong"}), json.dumps({"type": "ping"})
    complete = json.dumps({"type": "complete", "id": "1"})
    for count in (40, 10_000, 40_000):
        yield frames(f"{count} pongs, then a ping", [pong] * count + [ping])
        yield frames(f"{count} pings", [ping] * count)
        yield frames(f"{count} completes, then a ping", [complete] * count + [ping])
    payload = json.dumps({"type": "ping", "payload": {"a": ["b"] * 50_000}})
    yield frames(
        "pings with much in them",
        [payload[:250_000]] * 4 if len(payload) > 256_000 else [payload] * 4,
    )
    for name, shape in {
        "nested lists": "[" * 120_000 + "]" * 120_000,
        "empty lists": "[" + ",".join(["[]"] * 80_000) + "]",
        "zeros": "[" + ",".join("0" * 120_000) + "]",
        "keys": "{" + ",".join(f'"{n:x}":0' for n in range(25_000)) + "}",
    }.items():
        yield frames(f"frame: {name}", ['{"type": "ping", "payload": {"a": %s}}' % shape])
        yield frames(
            f"a hello of {name}",
            ['{"type": "connection_init", "payload": {"a": %s}}' % shape],
            sign_in=False,
        )
        yield frames(
            f"frame: variables of {name}",
            [
                '{"type": "subscribe", "id": "1", "payload": {"query": "{viewer{kind}}", "variables": {"a": %s}}}'
                % shape
            ],
        )
    names = {f"Authorization{'x' * (n % 7)}{n}": "a" for n in range(9_000)}
    yield frames(
        "a hello of many names",
        [json.dumps({"type": "connection_init", "payload": names})],
        sign_in=False,
    )
    begun = [
        json.dumps({"type": "subscribe", "id": f"{n}", "payload": {"query": "{ viewer { kind } }"}})
        for n in range(2_000)
    ]
    yield frames("2,000 operations at once", begun)
    different = [
        json.dumps(
            {
                "type": "subscribe",
                "id": f"{n}",
                "payload": {"query": "{ a%d: viewer { kind } }" % n},
            }
        )
        for n in range(2_000)
    ]
    yield frames("2,000 different operations at once", different)
    again = [
        json.dumps(m)
        for n in range(1_500)
        for m in (
            {
                "type": "subscribe",
                "id": f"{n}",
                "payload": {"query": "subscription { orderUpdates { __typename } }"},
            },
            {"type": "complete", "id": f"{n}"},
        )
    ]
    yield frames("subscriptions begun and ended", [*again, ping], answers=1)


def _raw_frames() -> Iterator[Attack]:
    """Frames as no client library sends them."""
    bodies = {
        "empty frames": _frame(0x81, b""),
        "fragments of nothing": _frame(0x00, b""),
        "fragments of a byte": _frame(0x00, b"["),
        "control pings": _frame(0x89, b""),
        "control pings of 125 bytes": _frame(0x89, b"a" * 125),
        "control pongs": _frame(0x8A, b""),
        "binary frames": _frame(0x82, b"a"),
    }
    for size in (1_000, _SEGMENT, _MEGABYTE):
        for name, one in bodies.items():
            first = _frame(0x01, b"") if "fragments" in name else b""
            yield _handshaken(f"raw: {name}", first + one * (size // len(one)))
    yield _handshaken("raw: one frame beyond the limit", _frame(0x81, b"a" * _MEGABYTE))
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    message = json.dumps({"type": "pong", "payload": {"a": "a" * 250_000}}).encode()
    small = squeeze.compress(message) + squeeze.flush(zlib.Z_FULL_FLUSH)
    one = _frame(0xC1, small.removesuffix(b"\x00\x00\xff\xff"))
    for size in (1_000, _SEGMENT, _MEGABYTE):
        yield _handshaken("raw: compressed messages", one * max(1, size // len(one)), squeezed=True)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = squeeze.compress(b"a" * 900_000_000) + squeeze.flush(zlib.Z_FULL_FLUSH)
    yield _handshaken("raw: a bomb", _frame(0xC1, bomb), squeezed=True)


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


def _handshaken(name: str, data: bytes, *, squeezed: bool = False) -> Attack:
    asked = (
        b"GET /graphql HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
        b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n"
    )
    if squeezed:
        asked += b"Sec-WebSocket-Extensions: permessage-deflate\r\n"

    def send(target: Target) -> str:
        hello = json.dumps(
            {"type": "connection_init", "payload": {"authorization": f"Bearer {target.token}"}}
        )
        return raw_socket(target, asked + b"\r\n", _frame(0x81, hello.encode()), data)

    return Attack(name + (" (squeezed)" if squeezed else ""), len(data), send)


_ = document
