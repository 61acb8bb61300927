"""The sentences of PROTOCOL.md of graphql-ws that bind a server, each with what it means here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.api.graphql.protocols.wire import CLOSE, PROTOCOL, Wire, frame, opened

Message = dict[str, Any]

PING, PONG = {"type": "ping"}, {"type": "pong"}
INIT, ACK = {"type": "connection_init"}, {"type": "connection_ack"}


@dataclass(frozen=True)
class Speaker:
    """A server, and operations of its schema: one that is answered once, one that brings three
    results at once and stays open, and one that is not valid."""

    url: str
    query: Message
    endless: Message
    invalid: Message
    headers: dict[str, str] = field(default_factory=dict)


Rule = Callable[[Speaker], Awaitable[None]]
RULES: dict[str, Rule] = {}


def rule(sentence: str) -> Callable[[Rule], Rule]:
    def note(check: Rule) -> Rule:
        assert sentence not in RULES
        RULES[sentence] = check
        return check

    return note


@asynccontextmanager
async def ready(speaker: Speaker) -> AsyncIterator[Wire]:
    """A socket that is acknowledged."""
    async with opened(speaker.url, **speaker.headers) as wire:
        wire.send(INIT)
        assert (await wire.receive())["type"] == "connection_ack"
        yield wire


def subscribe(payload: Message, id: str = "1") -> Message:
    return {"type": "subscribe", "id": id, "payload": payload}


def complete(id: str = "1") -> Message:
    return {"type": "complete", "id": id}


async def heard(wire: Wire) -> list[Message]:
    """What the server sends until it has taken all that was sent to it: it answers in turn."""
    wire.send(PING)
    before = []
    while (message := await wire.receive())["type"] != "pong":
        before.append(message)
    return before


@rule("The WebSocket sub-protocol for this specification is: graphql-transport-ws.")
async def _(speaker: Speaker) -> None:
    async with opened(speaker.url, **speaker.headers) as wire:
        assert wire.subprotocol == PROTOCOL


@rule("4406: Subprotocol not acceptable")
async def _(speaker: Speaker) -> None:
    for offered in (None, "graphql-transport-ws2", "soap"):
        async with opened(speaker.url, subprotocol=offered, **speaker.headers) as wire:
            assert (await wire.closed())[0] == 4406


@rule("Multiple operations identified with separate IDs can be active at any time")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        wire.send(subscribe(speaker.endless, "a"), subscribe(speaker.endless, "b"))
        seen = [await wire.receive() for _ in range(6)]
        assert sorted(message["id"] for message in seen) == ["a"] * 3 + ["b"] * 3
        wire.send(subscribe(speaker.query, "c"))
        assert (await wire.receive())["id"] == "c"


@rule("The client closes the socket by dispatching a 1000: Normal Closure close event")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        wire.send(subscribe(speaker.endless))
        wire.raw(frame((1000).to_bytes(2, "big"), CLOSE))
        assert (await wire.closed())[0] == 1000


@rule("more than one ConnectionInit message at any given time: 4429 (after the ack)")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        wire.send(INIT)
        assert await wire.closed() == (4429, "Too many initialisation requests")


@rule("more than one ConnectionInit message at any given time: 4429 (before the ack)")
async def _(speaker: Speaker) -> None:
    async with opened(speaker.url, **speaker.headers) as wire:
        wire.send(INIT, INIT)
        assert (await wire.closed())[0] == 4429


@rule("ConnectionInit: payload?: Record<string, unknown> | null")
async def _(speaker: Speaker) -> None:
    given: tuple[Message, ...] = ({}, {"payload": None}, {"payload": {}}, {"payload": {"a": [1]}})
    for payload in given:
        async with opened(speaker.url, **speaker.headers) as wire:
            wire.send({**INIT, **payload})
            assert (await wire.receive())["type"] == "connection_ack", payload


@rule("ConnectionAck: the expected response to ConnectionInit, its payload an object or none")
async def _(speaker: Speaker) -> None:
    async with opened(speaker.url, **speaker.headers) as wire:
        wire.send(INIT)
        answer = await wire.receive()
        assert isinstance(answer.pop("payload", None), dict | None)
        assert answer == ACK


@rule("Ping can be sent at any time within the established socket (before the ack)")
async def _(speaker: Speaker) -> None:
    async with opened(speaker.url, **speaker.headers) as wire:
        wire.send(PING)
        assert (await wire.receive())["type"] == "pong"


@rule("A Pong must be sent in response as soon as possible")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        wire.send(subscribe(speaker.endless), *[PING] * 20)
        seen = [await wire.receive() for _ in range(23)]
        assert [message["type"] for message in seen].count("pong") == 20


@rule("Ping: payload?: Record<string, unknown> | null")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        for payload in (None, {}, {"a": {"b": [1, None]}}):
            wire.send({**PING, "payload": payload})
            answer = await wire.receive()
            assert answer["type"] == "pong"
            assert isinstance(answer.get("payload"), dict | None)


@rule("The Pong message may even be sent unsolicited as an unidirectional heartbeat")
async def _(speaker: Speaker) -> None:
    async with opened(speaker.url, **speaker.headers) as wire:
        wire.send(PONG, {**PONG, "payload": {"a": 1}}, {**PONG, "payload": None}, INIT)
        assert (await wire.receive())["type"] == "connection_ack"
        wire.send(PONG, subscribe(speaker.query))
        assert (await wire.receive())["type"] == "next"


@rule("an active subscriber matching the ID: 4409: Subscriber for <id> already exists")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        wire.send(*[subscribe(speaker.endless, "the id")] * 2)
        assert await wire.closed() == (4409, "Subscriber for the id already exists")


@rule("4409 regardless of the operation type")
async def _(speaker: Speaker) -> None:
    for first, second in (
        (speaker.query, speaker.query),
        (speaker.endless, speaker.query),
        (speaker.query, speaker.endless),
        (speaker.endless, speaker.invalid),
    ):
        async with ready(speaker) as wire:
            wire.send(subscribe(first), subscribe(second))
            assert (await wire.closed())[0] == 4409


@rule("4409 with an id that does not fit into a close frame is no 1006")
async def _(speaker: Speaker) -> None:
    for unfit in ("é" * 200, "🛒" * 60, "\n" * 250):
        async with ready(speaker) as wire:
            wire.send(*[subscribe(speaker.endless, unfit)] * 2)
            code, reason = await wire.closed()
            assert (code, reason[:15]) == (4409, "Subscriber for ")


@rule("Once a client completes an operation, it is free to re-use that ID")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        for _ in range(10):
            wire.send(subscribe(speaker.endless), complete())
        await heard(wire)
        wire.send(subscribe(speaker.query))
        assert [(await wire.receive())["type"] for _ in range(2)] == ["next", "complete"]


@rule("IDs are kept only for as long as the subscription is active (after Complete)")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        for _ in range(10):
            wire.send(subscribe(speaker.query))
            assert [(await wire.receive())["type"] for _ in range(2)] == ["next", "complete"]


@rule("IDs are kept only for as long as the subscription is active (after Error)")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        for _ in range(10):
            wire.send(subscribe(speaker.invalid))
            assert (await wire.receive())["type"] == "error"
        wire.send(subscribe(speaker.query))
        assert (await wire.receive())["type"] == "next"


@rule("Subscribe: operationName, variables and extensions may be null or absent")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        nothing: tuple[Message | None, ...] = (None, {})
        for given in nothing:
            more: Message = {"operationName": None, "variables": given, "extensions": given}
            wire.send(subscribe({**speaker.query, **more}))
            assert [(await wire.receive())["type"] for _ in range(2)] == ["next", "complete"]


@rule("Executing operations is allowed only after the acknowledgement: 4401: Unauthorized")
async def _(speaker: Speaker) -> None:
    for payload in (speaker.query, speaker.endless, speaker.invalid):
        async with opened(speaker.url, **speaker.headers) as wire:
            wire.send(subscribe(payload), INIT)
            assert await wire.closed() == (4401, "Unauthorized")


@rule("Next: execution results with the id of their Subscribe message")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        wire.send(subscribe(speaker.endless, "an id"))
        for _ in range(3):
            answer = await wire.receive()
            assert (answer["type"], answer["id"]) == ("next", "an id")
            assert answer["payload"]["data"] is not None


@rule("A query is answered by one Next with its result, then Complete")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        wire.send(subscribe(speaker.query))
        answer, last = await wire.receive(), await wire.receive()
        assert (answer["type"], answer["id"]) == ("next", "1")
        assert answer["payload"]["data"]
        assert last == complete()
        assert await heard(wire) == []


@rule("Error: terminates the operation and no further messages will be sent")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        for payload in (speaker.invalid, {"query": "{"}, {**speaker.query, "operationName": "No"}):
            wire.send(subscribe(payload))
            answer = await wire.receive()
            assert (answer["type"], answer["id"]) == ("error", "1")
            assert [type(error["message"]) for error in answer["payload"]] == [str]
            assert await heard(wire) == []


@rule("Complete from the client: no further events should be sent through")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        for number in range(20):
            id_ = str(number)
            wire.send(subscribe(speaker.endless, id_))
            await asyncio.sleep(number / 2_000)  # answers are under way, or not yet
            wire.send(complete(id_))
            await heard(wire)
            await asyncio.sleep(0.01)
            assert [m for m in await heard(wire) if m.get("id") == id_] == []


@rule("Complete before a single result resolved: the result should not be sent through")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        for number in range(40):
            id_ = str(number)
            wire.send(subscribe(speaker.query, id_))
            await asyncio.sleep(number / 8_000)  # before it runs, while it runs, once it is sent
            wire.send(complete(id_))
            await heard(wire)
            await asyncio.sleep(0.01)
            assert await heard(wire) == []


@rule("Both must be prepared to receive (and ignore) messages for operations already completed")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        wire.send(subscribe(speaker.query))
        assert [(await wire.receive())["type"] for _ in range(2)] == ["next", "complete"]
        wire.send(complete(), complete(), complete("never heard of"))
        assert await heard(wire) == []


@rule("Receiving a message of a type not specified: immediate closure with 4400: <error-message>")
async def _(speaker: Speaker) -> None:
    for kind in ("start", "next", "error", "connection_ack", "connection_terminate", "", "Ping"):
        async with ready(speaker) as wire:
            wire.send({"type": kind, "id": "1", "payload": {}}, PING)
            assert [message async for message in _before_close(wire)] == []
            code, reason = await wire.closed()
            assert (code, bool(reason)) == (4400, True), kind


@rule("The server can close the socket at any time, and the close event describes the error")
async def _(speaker: Speaker) -> None:
    """With operations under way: they end, and nothing follows the close frame."""
    async with ready(speaker) as wire:
        wire.send(*[subscribe(speaker.endless, str(n)) for n in range(10)], {"type": "nonsense"})
        assert (await wire.closed())[0] == 4400


async def _before_close(wire: Wire) -> AsyncIterator[Message]:
    while (got := await wire.frame()) is not None and got.opcode != CLOSE:
        yield {"opcode": got.opcode, "data": got.data}
