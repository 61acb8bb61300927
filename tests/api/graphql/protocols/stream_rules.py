"""The sentences of PROTOCOL.md of graphql-sse that bind a server in distinct connections mode, and
what streams have to be so that clients can read them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.api.graphql.protocols.event_source import (
    EVENTS,
    EventSource,
    as_urql_reads,
    streamed,
)

_URQL = "application/graphql-response+json, application/graphql+json, application/json, "
URQL = _URQL + "text/event-stream, multipart/mixed"


@dataclass(frozen=True)
class Streamer:
    """A server, and operations of its schema: a query, a mutation, a subscription that brings three
    results at once, and operations that are not valid, of which validation tells."""

    url: str
    query: dict[str, Any]
    mutation: dict[str, Any]
    subscription: dict[str, Any]
    invalid: tuple[dict[str, Any], ...]
    headers: dict[str, str] = field(default_factory=dict)

    def asked(self, operation: dict[str, Any], method: str = "POST", **headers: str) -> Any:
        return streamed(self.url, operation, method=method, **self.headers, **headers)


Rule = Callable[[Streamer], Awaitable[None]]
RULES: dict[str, Rule] = {}


def rule(sentence: str) -> Callable[[Rule], Rule]:
    def note(check: Rule) -> Rule:
        RULES[sentence] = check
        return check

    return note


@rule("The Content-Type MUST always be text/event-stream")
async def _(server: Streamer) -> None:
    for operation in (server.query, server.subscription, *server.invalid):
        async with server.asked(operation) as stream:
            assert (stream.response.status_code, stream.kind) == (200, EVENTS), operation


@rule("Validation MUST report errors by emitting `next` events with the errors in the data field")
async def _(server: Streamer) -> None:
    for operation in server.invalid:
        async with server.asked(operation) as stream:
            (answer,) = await stream.results()
            assert [type(error["message"]) for error in answer["errors"]] == [str], operation
            assert answer.get("data") is None


@rule("`next`: execution result(s) from the source stream (of a query)")
async def _(server: Streamer) -> None:
    async with server.asked(server.query) as stream:
        (answer,) = await stream.results()
        assert answer["data"]


@rule("`next`: execution result(s) from the source stream (of a mutation)")
async def _(server: Streamer) -> None:
    async with server.asked(server.mutation) as stream:
        (answer,) = await stream.results()
        assert answer["data"]


@rule("`next`: execution result(s) from the source stream (of a subscription)")
async def _(server: Streamer) -> None:
    async with server.asked(server.subscription) as stream:
        events = (await stream.events(3))[:3]
        assert [event for event, _ in events] == ["next"] * 3


@rule("After all results have been emitted, the `complete` event will follow")
async def _(server: Streamer) -> None:
    async with server.asked(server.query) as stream:
        events = await stream.events()
        assert [event for event, _ in events] == ["next", "complete"]


@rule("To be interpreted as the event stream: what it says does not hang on how it is cut")
async def _(server: Streamer) -> None:
    async with server.asked(server.query) as stream:
        whole = await stream.events()
    by_character = EventSource()
    for character in stream.raw:
        by_character.feed(character)
    assert by_character.dispatched == whole
    assert len(whole) == 2


@rule("Frames end with LF LF, at which urql splits them")
async def _(server: Streamer) -> None:
    async with server.asked(server.query) as stream:
        await stream.events()
    first, last = as_urql_reads(stream.raw)
    assert first.startswith("event: next\ndata: {")
    assert last.startswith("event: complete")
    assert "\r" not in stream.raw


@rule("A server agrees with Accept: a stream where that ranks first")
async def _(server: Streamer) -> None:
    for accept in (EVENTS, f"{EVENTS}, application/json", f"application/json;q=0.5, {EVENTS}"):
        async with server.asked(server.query, accept=accept) as stream:
            assert stream.kind == EVENTS, accept


@rule("A server agrees with Accept: no stream where another type ranks first")
async def _(server: Streamer) -> None:
    for accept in (URQL, f"application/json, {EVENTS}", f"{EVENTS};q=0.5, application/json", "*/*"):
        async with server.asked(server.query, accept=accept) as stream:
            assert stream.kind != EVENTS, accept


@rule("Requests conform to GraphQL over HTTP: a query by GET")
async def _(server: Streamer) -> None:
    async with server.asked(server.query, "GET") as stream:
        (answer,) = await stream.results()
        assert answer["data"]


@rule("Requests conform to GraphQL over HTTP: a subscription by GET, as EventSource sends it")
async def _(server: Streamer) -> None:
    async with server.asked(server.subscription, "GET") as stream:
        assert [event for event, _ in (await stream.events(3))[:3]] == ["next"] * 3


@rule("Requests conform to GraphQL over HTTP: no mutation by GET")
async def _(server: Streamer) -> None:
    async with server.asked(server.mutation, "GET") as stream:
        assert stream.response.status_code == 405


@rule("Streams are UTF-8, and are not kept by caches")
async def _(server: Streamer) -> None:
    async with server.asked(server.query) as stream:
        kind = stream.response.headers["content-type"]
        assert kind.partition(";")[2].strip() in {"", "charset=utf-8"}
        assert stream.response.headers["cache-control"] in {"no-store", "no-cache"}
