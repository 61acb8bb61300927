"""Messages of graphql-transport-ws from clients: read, and held to the protocol to the letter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from api.graphql.closes import Close, no_message

_LONGEST_ID = 255  # characters; it is sent with every answer
_BARE = frozenset({"connection_init", "ping", "pong"})
_OF_OPERATIONS = frozenset({"subscribe", "complete"})

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """`id` is empty where messages of that kind have none."""

    kind: str
    id: str
    payload: Payload | None


def message_in(received: Mapping[str, Any]) -> Message:
    """The message in a frame as ASGI hands it over, or `Close` with 4400."""
    text = received.get("text")
    if text is None:
        raise no_message("it came in a binary frame")
    try:
        message = orjson.loads(text)
    except (orjson.JSONDecodeError, RecursionError):
        raise no_message("it is no JSON") from None
    if not isinstance(message, dict):
        raise no_message("it is no JSON object")
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in _BARE | _OF_OPERATIONS:
        raise no_message("`type` is none that clients send")
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict) and kind != "complete":
        raise no_message("`payload` is no object")
    if kind in _BARE:
        return Message(kind, "", payload)
    if kind == "subscribe":
        _check_operation(payload)
    return Message(kind, _id(message), payload)


def _id(message: Payload) -> str:
    given = message.get("id")
    if not isinstance(given, str) or not 0 < len(given) <= _LONGEST_ID:
        raise no_message(f"`id` has to be a string of 1 to {_LONGEST_ID} characters")
    return given


def _check_operation(payload: Payload | None) -> None:
    """The types of what is subscribed to; what they hold is for `operation_of` to judge."""
    if payload is None:
        raise no_message("`payload` is missing")
    query = payload.get("query")
    # Where a persisted operation is asked for by its id, the document may be left out.
    if not isinstance(query, str) and not (query is None and _names_document(payload)):
        raise _wrong("query", "a string")
    if not isinstance(payload.get("operationName"), str | None):
        raise _wrong("operationName", "a string")
    for name in ("variables", "extensions"):
        if not isinstance(payload.get(name), dict | None):
            raise _wrong(name, "an object")


def _names_document(payload: Payload) -> bool:
    extensions = payload.get("extensions")
    return "documentId" in payload or (
        isinstance(extensions, dict) and "persistedQuery" in extensions
    )


def _wrong(name: str, kind: str) -> Close:
    return no_message(f"`payload.{name}` has to be {kind}")
