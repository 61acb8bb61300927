"""Rules of RFC 6455 that bind a server, checked with frames that no client library would send."""

import json
from collections.abc import Awaitable, Callable

from tests.api.graphql.protocols.socket_rules import INIT, PING, Speaker, ready, subscribe
from tests.api.graphql.protocols.wire import (
    BINARY,
    CLOSE,
    CONTINUED,
    DROPPED,
    TEXT,
    Wire,
    frame,
    opened,
)
from tests.api.graphql.protocols.wire import PING as PING_FRAME
from tests.api.graphql.protocols.wire import PONG as PONG_FRAME

Rule = Callable[[Speaker], Awaitable[None]]
RULES: dict[str, Rule] = {}
# What has to end a connection, the code it ends with, and where the RFC says so.
WRONG: dict[str, tuple[bytes, int]] = {
    "5.1 a frame that is not masked": (b"\x81\x02{}", 1002),
    "5.2 a reserved bit": (frame(b"{}", TEXT, rsv=4), 1002),
    "5.2 another reserved bit": (frame(b"{}", TEXT, rsv=1), 1002),
    "5.2 a reserved opcode": (frame(b"{}", 0x3), 1002),
    "5.2 a reserved opcode of control": (frame(b"", 0xB), 1002),
    "5.4 a continuation of nothing": (frame(b"{}", CONTINUED), 1002),
    "5.4 a message within a fragmented message": (
        frame(b"{", TEXT, fin=False) + frame(b"{}", TEXT),
        1002,
    ),
    "5.5 a control frame in fragments": (frame(b"", PING_FRAME, fin=False), 1002),
    "5.5 a control frame of 126 bytes": (frame(b"x" * 126, PING_FRAME), 1002),
    "5.5.1 a close frame of one byte": (frame(b"\x03", CLOSE), 1002),
    "7.4.1 a close code that is none": (frame((1005).to_bytes(2, "big"), CLOSE), 1002),
    "7.4.2 a close code below 1000": (frame((999).to_bytes(2, "big"), CLOSE), 1002),
    "8.1 text that is not UTF-8": (frame(b'{"type":"\xff\xfe"}'), 1007),
    "8.1 half a character": (frame(b'{"type":"\xc3'), 1007),
    "8.1 half a character, in fragments": (
        frame(b'{"type":"\xc3', TEXT, fin=False) + frame(b'"}', CONTINUED),
        1007,
    ),
    "8.1 a close reason that is not UTF-8": (frame(b"\x03\xe8\xff", CLOSE), 1007),
    "7.4.1 a message over the limit": (frame(b"x" * (1 << 25)), 1009),
    "7.4.1 a message over the limit, in fragments": (
        frame(b"x" * 60_000, TEXT, fin=False) + frame(b"x" * 60_000, CONTINUED, fin=False) * 600,
        1009,
    ),
    "7.4.1 a message whose length alone is over the limit": (
        b"\x81\xff" + (1 << 40).to_bytes(8, "big") + bytes(4),
        1009,
    ),
}


def rule(sentence: str) -> Callable[[Rule], Rule]:
    def note(check: Rule) -> Rule:
        RULES[sentence] = check
        return check

    return note


async def closes_with(speaker: Speaker, data: bytes) -> int:
    """As it is told to a client that sends all it has before it reads."""
    async with ready(speaker) as wire:
        wire.raw(data)
        try:
            await wire.writer.drain()
        except ConnectionError:
            return DROPPED
        return (await wire.closed())[0]


def _fragments(message: dict[str, object], size: int) -> bytes:
    data = json.dumps(message, ensure_ascii=False).encode()
    parts = [data[n : n + size] for n in range(0, len(data), size)]
    return b"".join(
        frame(part, CONTINUED if n else TEXT, fin=n == len(parts) - 1)
        for n, part in enumerate(parts)
    )


@rule("5.4 a message in fragments, some of them empty and some within a character")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        for size in (1, 2, 7):
            wire.raw(_fragments(subscribe(speaker.query, "นี่"), size))
            answer = await wire.receive()
            assert (answer["type"], answer["id"]) == ("next", "นี่")
            assert (await wire.receive())["type"] == "complete"
        data = json.dumps(PING).encode()
        empty = frame(b"", CONTINUED, fin=False)
        wire.raw(frame(b"", TEXT, fin=False) + empty * 10 + frame(data, CONTINUED))
        assert (await wire.receive())["type"] == "pong"


@rule("5.4 control frames may be injected in the middle of a fragmented message")
async def _(speaker: Speaker) -> None:
    async with opened(speaker.url, **speaker.headers) as wire:
        data = json.dumps(INIT).encode()
        wire.raw(frame(data[:5], TEXT, fin=False) + frame(b"now", PING_FRAME))
        wire.raw(frame(data[5:], CONTINUED))
        assert (await wire.receive())["type"] == "connection_ack"
        assert wire.pongs == [b"now"]


@rule("5.5.2 a pong is sent in response to a ping, with its application data")
async def _(speaker: Speaker) -> None:
    async with opened(speaker.url, **speaker.headers) as wire:
        for data in (b"", b"\x00\xff", b"x" * 125):
            wire.raw(frame(data, PING_FRAME))
            got = await wire.frame()
            assert got is not None
            assert (got.opcode, got.data) == (PONG_FRAME, data)


@rule("5.5.3 an unsolicited pong is taken")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        wire.raw(frame(b"", PONG_FRAME) + frame(b"x", PONG_FRAME))
        wire.send(PING)
        assert (await wire.receive())["type"] == "pong"


@rule("5.5.1 a close frame is answered with its code, and without one where it had none")
async def _(speaker: Speaker) -> None:
    for said in (b"", b"\x03\xe8", b"\x03\xe8gone", b"\x0f\xa0", b"\x13\x87"):
        async with ready(speaker) as wire:
            wire.raw(frame(said, CLOSE))
            assert (await _code(wire)) == said[:2]


@rule("5.5.1 after a close frame nothing more is processed")
async def _(speaker: Speaker) -> None:
    async with ready(speaker) as wire:
        wire.raw(frame(b"\x03\xe8", CLOSE) + frame(b"", PING_FRAME) + frame(b"{", BINARY))
        assert (await _code(wire)) == b"\x03\xe8"
        assert wire.pongs == []


async def _code(wire: Wire) -> bytes | None:
    """What the server's close frame holds; None where it ends without one."""
    while (got := await wire.frame()) is not None:
        if got.opcode == CLOSE:
            return got.data[:2]
    return None
