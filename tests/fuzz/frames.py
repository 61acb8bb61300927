"""Random conversations over a WebSocket, and what the protocol says of each of their steps."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from hypothesis import strategies as st

from tests.fuzz.ground import PRINCIPALS
from tests.fuzz.values import anything, large, own, texts

LARGEST = 256 * 1024
LONGEST_ID = 255
_CONTROL = 125  # bytes that a control frame carries

QUERY = "{ viewer { role } }"
_OPERATIONS: Sequence[dict[str, Any]] = (
    {"query": QUERY},
    {"query": "{ products(first: 3) { nodes { id title } } }"},
    {"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": own("Order")}},
    {"query": "subscription { orderUpdates { __typename } }"},
    {"query": 'subscription { orderUpdates(after: "0") { ... on OrderEvent { sequence } } }'},
    {"query": "query A { viewer { role } } query B { viewer { role } }", "operationName": "B"},
    {"query": "{ nope }"},
    {"query": "{"},
    {"query": ""},
    {},
)


@dataclass(frozen=True, slots=True)
class Step:
    """`kind` is text, parts, bytes, ping, pong, wire (bytes of any sort) or wait."""

    kind: str
    given: Any = None


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation; it ends with a goodbye, or without one where the wire is cut."""

    principal: str
    steps: tuple[Step, ...]
    cut: bool = False


def talks() -> st.SearchStrategy[Talk]:
    return st.builds(
        Talk,
        st.sampled_from(PRINCIPALS),
        st.one_of(_beginnings(), st.lists(_steps(), max_size=8)).map(tuple),
        st.sampled_from([False, False, False, False, True]),
    )


@st.composite
def _beginnings(draw: st.DrawFn) -> list[Step]:
    return [
        Step("text", json.dumps(_hello())),
        *draw(st.lists(_steps(initialised=True), max_size=12)),
    ]


def _hello() -> dict[str, Any]:
    return {"type": "connection_init", "payload": {"Authorization": "Bearer @@principal@@"}}


def _steps(*, initialised: bool = False) -> st.SearchStrategy[Step]:
    right = _messages() if initialised else st.just(_hello()) | _messages()
    kinds = [right.map(json.dumps).map(lambda text: Step("text", text))] * 12
    kinds += [st.just(Step("wait")), _frames()]
    kinds.append(st.one_of(_odd_messages(), _no_messages()).map(lambda text: Step("text", text)))
    return st.sampled_from(kinds).flatmap(lambda kind: kind)


def _ids() -> st.SearchStrategy[str]:
    return st.sampled_from(["1", "2", "3", "é", "x" * LONGEST_ID, "1\x00", "null"])


def _messages() -> st.SearchStrategy[dict[str, Any]]:
    payload = st.sampled_from([None, {}, {"a": 1}])
    return st.one_of(
        st.builds(_subscribe, _ids(), st.sampled_from(_OPERATIONS)),
        st.builds(_subscribe, _ids(), st.sampled_from(_OPERATIONS)),
        st.builds(lambda id_: {"type": "complete", "id": id_}, _ids()),
        st.builds(lambda p: {"type": "ping", "payload": p}, payload),
        st.builds(lambda p: {"type": "pong", "payload": p}, payload),
        st.sampled_from([{"type": "ping"}, {"type": "pong"}]),
    )


def _subscribe(id_: Any, payload: Any) -> dict[str, Any]:
    return {"type": "subscribe", "id": id_, "payload": payload}


@st.composite
def _odd_messages(draw: st.DrawFn) -> str:
    """A message with something else in one place, or more in it than there should be."""
    message = dict(draw(st.one_of(_messages(), st.just(_hello()))))
    part = draw(st.sampled_from(["type", "id", "payload", "more", "within"]))
    kinds = st.sampled_from(["connection_ack", "next", "error", "start", "stop", "", "PING"])
    if part == "type":
        message["type"] = draw(st.one_of(kinds, anything()))
    elif part == "within":
        inner = draw(st.sampled_from(["query", "variables", "operationName", "extensions"]))
        message["payload"] = {"query": QUERY, inner: draw(anything())}
        message |= {"type": "subscribe", "id": "odd"}
    elif part == "more":
        message[draw(texts())] = draw(anything())
    else:
        message[part] = draw(anything())
    return json.dumps(message)


def _no_messages() -> st.SearchStrategy[str]:
    broken = ["", "{", "[]", "null", "0", '""', "NaN", "{}", '{"type": 1}', "\ufeff{}", "[" * 9_999,
              '{"type":"ping"}{"type":"ping"}', '{"type": "ping", "type": "pong"}', "'", "\x00",
              '{"type":"\\ud800"}', '{"type":"ping","payload":' + "9" * 5000 + "}"]  # fmt: skip
    return st.one_of(
        st.sampled_from(broken),
        st.text(st.characters(codec="utf-8"), max_size=30),
        anything().map(json.dumps),
        st.sampled_from([LARGEST - 100, LARGEST + 1, LARGEST * 4]).map(
            lambda size: json.dumps({"type": "ping", "payload": {"a": large(size)}})
        ),
    )


def _frames() -> st.SearchStrategy[Step]:
    small = st.binary(max_size=_CONTROL)
    return st.one_of(
        small.map(lambda given: Step("ping", given)),
        small.map(lambda given: Step("pong", given)),
        st.binary(max_size=40).map(lambda given: Step("bytes", given)),
        st.lists(st.sampled_from(['{"type":', '"ping"}', "", "é"]), min_size=1, max_size=4).map(
            lambda parts: Step("parts", tuple(parts))
        ),
        st.one_of(st.sampled_from(_WIRE), st.binary(min_size=1, max_size=40)).map(
            lambda given: Step("wire", given)
        ),
    )


def _masked(first: int, payload: bytes = b"", *, length: bytes | None = None) -> bytes:
    told = bytes([0x80 | len(payload)]) if length is None else length
    return bytes([first]) + told + b"\0\0\0\0" + payload


_WIRE: Sequence[bytes] = (
    b"\x81\x02hi",  # not masked
    _masked(0xC1, b"{}"),  # a reserved bit
    _masked(0x83, b"{}"),  # no such opcode
    _masked(0x8B),  # likewise, of control frames
    _masked(0x80, b"{}"),  # goes on with nothing
    _masked(0x09, b"x"),  # half a ping
    _masked(0x89, b"x" * 126, length=b"\xfe\x00\x7e"),  # a ping that is too long
    _masked(0x81, b"\xff\xfe"),  # no UTF-8
    _masked(0x81, b"\xed\xa0\x80"),  # half a surrogate pair
    _masked(0x81, length=b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"),  # 2^64 bytes to come
    _masked(0x81, length=b"\xff\x00\x00\x00\x00\x7f\xff\xff\xff"),  # 2 GiB to come
    _masked(0x88, b"\x03"),  # half a close code
    _masked(0x88, b"\x03\xed"),  # 1005, which nobody sends
    _masked(0x88, b"\x03\xe8\xff"),  # a reason that is no UTF-8
    _masked(0x88, b"\x00\x00"),
    _masked(0x88, b"\x13\x88"),  # 5000
    _masked(0x01, b"{") + _masked(0x81, b"}"),  # a text within a text
    b"GET / HTTP/1.1\r\n\r\n",
)


Codes = frozenset[int]
_BAD: Codes = frozenset({4400})


class Protocol:
    """What one conversation has come to; `after` says how the server may end it at a step."""

    def __init__(self, bearer: str) -> None:
        self._bearer = bearer
        self._initialised = False
        self.subscribed: dict[str, int] = {}
        self.pings = 0
        self.certain = True  # False once bytes were sent that are no frames of the protocol's

    def after(self, step: Step) -> Codes | None:
        """The codes it has to close with, or None where it need not; an empty set: it may."""
        if step.kind == "text":
            return self._text(step.given)
        if step.kind == "parts":
            return self._text("".join(step.given))
        if step.kind == "bytes":
            return _BAD
        if step.kind == "wire":
            self.certain = False
        return None

    def _text(self, text: str) -> Codes | None:
        if len(text.encode()) > LARGEST:
            return frozenset({4400, 1009})
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            return _BAD
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            return _BAD
        return self._message(message["type"], message.get("id"), message.get("payload"))

    def _message(self, kind: str, id_: Any, payload: Any) -> Codes | None:
        match kind:
            case "connection_init":
                return self._init(payload)
            case "subscribe":
                return self._subscribe(id_, payload)
            case "ping" | "pong" if isinstance(payload, dict | None):
                self.pings += kind == "ping"
                return None
            case "complete" if _is_id(id_):
                return None
        return _BAD

    def _init(self, payload: Any) -> Codes | None:
        if not isinstance(payload, dict | None):
            return _BAD
        if self._initialised:
            return frozenset({4429})
        given = {name.lower(): value for name, value in (payload or {}).items()}
        if given.get("authorization") != self._bearer:
            return frozenset({4403})
        self._initialised = True
        return None

    def _subscribe(self, id_: Any, payload: Any) -> Codes | None:
        good = _is_id(id_) and isinstance(payload, dict) and _is_operation(payload)
        if not self._initialised:
            return frozenset({4401}) if good else frozenset({4400, 4401})
        if not good:
            return _BAD
        self.subscribed[id_] = self.subscribed.get(id_, 0) + 1
        # It may be running still: whether it is, only the server knows.
        return frozenset() if self.subscribed[id_] > 1 else None


def _is_id(given: Any) -> bool:
    return isinstance(given, str) and 0 < len(given) <= LONGEST_ID


def _is_operation(payload: dict[str, Any]) -> bool:
    """By the types that the protocol gives its parts; `query` may be left to a hash."""
    extensions, query = payload.get("extensions"), payload.get("query")
    named = isinstance(extensions, dict) and "persistedQuery" in extensions
    return (
        isinstance(extensions, dict | None)
        and isinstance(payload.get("variables"), dict | None)
        and isinstance(payload.get("operationName"), str | None)
        and (isinstance(query, str) or (query is None and (named or "documentId" in payload)))
    )
