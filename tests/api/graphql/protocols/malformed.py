"""Frames that are no message of graphql-transport-ws, as bytes: each has to be closed with 4400."""

import json
from typing import Any

from tests.api.graphql.protocols.wire import BINARY, frame, text

_QUERY = {"query": "{ __typename }"}


def _json(given: str) -> bytes:
    return frame(given.encode())


def _init(**fields: Any) -> bytes:
    return text({"type": "connection_init", **fields})


def _subscribe(**fields: Any) -> bytes:
    return text({"type": "subscribe", "id": "1", "payload": _QUERY, **fields})


def _operation(**fields: Any) -> bytes:
    return _subscribe(payload={**_QUERY, **fields})


def _without(*names: str) -> bytes:
    message = {"type": "subscribe", "id": "1", "payload": _QUERY}
    return text({name: value for name, value in message.items() if name not in names})


# Whatever was said before: these are wrong before the acknowledgement and after it.
ANYTIME: dict[str, bytes] = {
    "no JSON": _json("{"),
    "nothing": _json(""),
    "blanks": _json("  \n"),
    "words": _json("connection_init"),
    "two messages": _json('{"type":"ping"}{"type":"ping"}'),
    "a trailing comma": _json('{"type":"ping",}'),
    "NaN": _json('{"type":"ping","payload":{"a":NaN}}'),
    "null": _json("null"),
    "true": _json("true"),
    "a number": _json("3"),
    "a number of 5,000 digits": _json("9" * 5_000),
    "a string": _json('"connection_init"'),
    "an array": _json("[]"),
    "an array of a message": _json('[{"type":"ping"}]'),
    "arrays, 50,000 deep": _json("[" * 50_000),
    "objects, 20,000 deep": _json('{"type":' * 20_000),
    "a payload 2,000 deep": _json(
        '{"type":"ping","payload":' + '{"a":' * 2_000 + "1" + "}" * 2_001
    ),
    "half a surrogate pair": _json('{"type":"\\ud800"}'),
    "an empty object": _json("{}"),
    "no type": text({"id": "1", "payload": {}}),
    "type null": text({"type": None}),
    "type a number": text({"type": 3}),
    "type an array": text({"type": ["ping"]}),
    "type an object": text({"type": {"ping": 1}}),
    "type unknown": text({"type": "start", "id": "1", "payload": _QUERY}),
    "type of the server's": text({"type": "next", "id": "1", "payload": {"data": None}}),
    "a binary frame": frame(b'{"type":"ping"}', BINARY),
    "a binary frame of anything": frame(b"\xff\xfe\x00", BINARY),
    "ping, payload an array": text({"type": "ping", "payload": []}),
    "ping, payload a string": text({"type": "ping", "payload": "x"}),
    "pong, payload a number": text({"type": "pong", "payload": 1}),
    "pong, payload false": text({"type": "pong", "payload": False}),
    "complete, no id": text({"type": "complete"}),
    "complete, id null": text({"type": "complete", "id": None}),
    "complete, id a number": text({"type": "complete", "id": 1}),
    "complete, id a list": text({"type": "complete", "id": ["1"]}),
    "complete, id an object": text({"type": "complete", "id": {"1": 1}}),
}
BEFORE_ACK: dict[str, bytes] = {
    "init, payload a string": _init(payload="Bearer x"),
    "init, payload an array": _init(payload=[{}]),
    "init, payload a number": _init(payload=0),
    "init, payload true": _init(payload=True),
}
AFTER_ACK: dict[str, bytes] = {
    "subscribe, no id": _without("id"),
    "subscribe, id null": _subscribe(id=None),
    "subscribe, id a number": _subscribe(id=1),
    "subscribe, id true": _subscribe(id=True),
    "subscribe, id a list": _subscribe(id=["1"]),
    "subscribe, id an object": _subscribe(id={"a": "1"}),
    "subscribe, id empty": _subscribe(id=""),
    "subscribe, id of 100,000 characters": _subscribe(id="x" * 100_000),
    "subscribe, no payload": _without("payload"),
    "subscribe, payload null": _subscribe(payload=None),
    "subscribe, payload an array": _subscribe(payload=[_QUERY]),
    "subscribe, payload a string": _subscribe(payload="{ __typename }"),
    "subscribe, payload empty": _subscribe(payload={}),
    "query null": _operation(query=None),
    "query a number": _operation(query=3),
    "query a list": _operation(query=["{ __typename }"]),
    "query an object": _operation(query={"kind": "Document"}),
    "operationName a number": _operation(operationName=1),
    "operationName a list": _operation(operationName=["A"]),
    "variables a list": _operation(variables=[1]),
    "variables a string": _operation(variables=json.dumps({"a": 1})),
    "variables a number": _operation(variables=0),
    "extensions a list": _operation(extensions=[]),
    "extensions a string": _operation(extensions="x"),
    "extensions false": _operation(extensions=False),
}
