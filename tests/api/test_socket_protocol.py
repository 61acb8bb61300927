"""What a client can do to its own connection and not to the process: frames by hand."""

import asyncio
import socket
from typing import Any

import pytest
import pytest_asyncio
from websockets.frames import Frame, Opcode

from api.parts import Parts
from api.socket_protocol import SocketProtocol, text_frame
from api.stalled import READ_AT_ONCE
from tests.api.graphql.protocols.socket_rules import ACK, INIT, PING, PONG, heard, subscribe
from tests.api.graphql.protocols.wire import CONTINUED, TEXT, frame, handshake, opened, text
from tests.api.graphql.protocols.wire import PING as PING_FRAME
from tests.world import TestWorkspace, World
from tests.world.served import Served, quick

MEBIBYTE = 1 << 20
UPDATES = {"query": "subscription { orderUpdates { __typename } }"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def workspace(world: World) -> TestWorkspace:
    return await world.workspace()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Cookie": "a" * 9_000}, "431"),
        ({f"X-{n}": "a" for n in range(150)}, "431"),
        ({"Content-Length": "5"}, "400"),
        ({"Sec-WebSocket-Version": "12"}, "400"),
        ({"Sec-WebSocket-Key": "short"}, "400"),
    ],
    ids=["a long line", "many lines", "a body", "another version", "a bad key"],
)
async def test_a_handshake_that_cannot_be_read_is_answered_and_ended(
    served: Served, headers: dict[str, str], status: str
) -> None:
    """By itself, uvicorn answers nothing to the first three and keeps them for ever."""
    before = len(served.server.server_state.connections)
    reader, writer, lines = await handshake(served.websocket_url, **headers)
    assert lines[0].split()[1] == status
    async with asyncio.timeout(5):
        await reader.read()
        while len(served.server.server_state.connections) > before:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
    writer.close()


async def test_empty_fragments_do_not_pile_up(served: Served) -> None:
    async with opened(served.websocket_url) as wire:
        wire.raw(frame(b"{", TEXT, fin=False) + frame(b"", CONTINUED, fin=False) * 20_000)
        assert (await wire.closed())[0] == 1009


async def test_messages_do_not_inflate(served: Served) -> None:
    """A kilobyte that is compressed can be a megabyte: a frame that says it is so breaks the
    protocol, since compression was not agreed to."""
    offer = {"Sec-WebSocket-Extensions": "permessage-deflate"}
    _, writer, lines = await handshake(served.websocket_url, **offer)
    assert not any(line.lower().startswith("sec-websocket-extensions") for line in lines)
    writer.close()
    async with opened(served.websocket_url, **offer) as wire:
        wire.raw(frame(b"\xaaV*\xa9,HU\xb2R*\xc8\xccKW\xaa\x05\x00", TEXT, rsv=4))
        assert (await wire.closed())[0] == 1002


@pytest.mark.parametrize(
    "data",
    [frame(b"x" * 300_000), frame(b"\xff"), frame(b"", 0x3), text({"type": "nonsense"})],
    ids=["too large", "no text", "no opcode", "no message"],
)
async def test_who_breaks_the_rules_and_leaves_is_no_error_of_ours(
    served: Served, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    for _ in range(20):
        async with opened(served.websocket_url) as wire:
            wire.raw(data)
            await asyncio.sleep(0)
    async with asyncio.timeout(10):
        while sockets(served):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_ping_behind_what_breaks_the_rules_is_no_error_of_ours(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(served.websocket_url) as wire:
        wire.raw(frame(b"\xff\xfe") + frame(b"", PING_FRAME))
        assert (await wire.closed())[0] == 1007
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_who_does_not_read_its_pongs_is_read_no_further_and_cut(parts: Parts) -> None:
    async with quick(parts, send_timeout=0.5) as served, opened(served.websocket_url) as wire:
        (connection,) = sockets(served)
        wire.raw(frame(b"x" * 125, PING_FRAME) * (32 * MEBIBYTE // 131))
        most = 0
        async with asyncio.timeout(30):
            while served.server.server_state.connections:
                most = max(most, connection.transport.get_write_buffer_size())
                await asyncio.sleep(0.01)
        assert most < MEBIBYTE


async def test_pings_without_end_are_read_slowly(served: Served) -> None:
    async with opened(served.websocket_url) as wire:
        clock = asyncio.get_running_loop().time
        wire.raw(frame(b"", PING_FRAME) * 200_000)
        began = clock()
        while clock() < began + 2:
            assert await wire.frame() is not None
        portion = READ_AT_ONCE // 6
        assert 0 < len(wire.pongs) <= 2 * portion + 1_000 * (clock() - began)


async def test_messages_without_end_are_taken_slowly_and_none_is_lost(parts: Parts) -> None:
    async with (
        quick(parts, max_messages_per_second=50) as served,
        opened(served.websocket_url) as wire,
    ):
        clock = asyncio.get_running_loop().time
        began = clock()
        wire.send(*[PING] * 120)
        for _ in range(120):
            assert await wire.receive() == PONG
        assert clock() - began >= (120 - 50) / 50 - 0.1
        assert await heard(wire) == []


async def test_a_client_that_is_gone_without_a_word_is_noticed(
    parts: Parts, workspace: TestWorkspace
) -> None:
    """Its system may still take what we send; only its answers to our pings tell."""
    bearer = f"Bearer {await workspace.token()}"
    async with (
        quick(parts, keep_alive=0.3) as served,
        opened(served.websocket_url, Authorization=bearer) as gone,
        opened(served.websocket_url, Authorization=bearer) as there,
    ):
        gone.answers_pings = False
        for wire in (gone, there):
            wire.send(INIT, subscribe(UPDATES))
            assert await wire.receive() == ACK
        alive = asyncio.create_task(there.closed())
        assert await gone.closed() == (1011, "keepalive ping timeout")
        while there.pings < 5:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
        assert not alive.done()
        alive.cancel()
        await asyncio.gather(alive, return_exceptions=True)
        assert len(sockets(served)) == 1


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="an option of Linux")
async def test_a_client_that_stopped_reading_just_below_the_mark_is_cut(parts: Parts) -> None:
    """The buffer is not full, so nobody waits for it to empty, and it never does."""
    async with quick(parts, send_timeout=0.3) as served:
        reader, writer, _ = await handshake(served.websocket_url)
        client = writer.get_extra_info("socket")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        (connection,) = sockets(served)
        connection.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096
        )
        async with asyncio.timeout(20):
            while connection.transport.get_write_buffer_size() < 4_000:
                writer.write(frame(b"x" * 125, PING_FRAME) * 16)
                await asyncio.sleep(0.01)
            assert connection.writable.is_set(), "below the mark"
            assert connection._deadline is None
            while served.server.server_state.connections:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
        assert not reader.at_eof(), "the client did not read, and yet is rid of"
        writer.transport.abort()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_frames_that_are_pushed_are_those_of_the_library(size: int) -> None:
    text = b"x" * size
    assert text_frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


def sockets(served: Served) -> list[Any]:
    found = served.server.server_state.connections
    return [one for one in found if isinstance(one, SocketProtocol)]
