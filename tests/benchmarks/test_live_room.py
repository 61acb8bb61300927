"""The benchmark of a LIVE room delivers all orders to all, and its client counts right."""

import json
import socket
from pathlib import Path

import pytest

from benchmarks.live_room import __main__ as live_room
from benchmarks.live_room.frames import Subscriber


def test_every_order_reaches_every_subscriber_and_is_timed(tmp_path: Path) -> None:
    folders = ("--state", str(tmp_path / "state"), "--results", str(tmp_path))
    few = ("--subscribers", "5", "--rounds", "1", "--burst", "4", "--rate", "20", "--seconds", "1")

    assert live_room.main([*few, *folders]) == 0

    told = json.loads((tmp_path / "live_room.json").read_text())
    (burst,) = told["bursts"]
    assert (burst["delivered"], told["steady"]["delivered"]) == (4 * 5, 20 * 5)
    for trial in (burst, told["steady"]):
        assert trial["closed"] == []
        assert 0 < trial["milliseconds"]["p50"] <= trial["milliseconds"]["p99"]
    assert "| At once, 1 | 4 | 20 (100%) |" in (tmp_path / "live_room.md").read_text()


@pytest.mark.parametrize("piece", [1, 3, 7, 1_000, 100_000])
def test_frames_are_counted_however_they_are_cut(piece: int) -> None:
    frames = b"".join(frame(b'{"type":"next","id":"%d"}' % n + b" " * (n * 9)) for n in range(40))
    server, one = connected()

    for at in range(0, len(frames), piece):
        server.sendall(frames[at : at + piece])
        one.read()

    assert one.seen == 40
    server.close()
    one.read()
    assert one.closed == "hung up"
    one.socket.close()


def test_a_ping_is_answered_and_a_close_is_told() -> None:
    server, one = connected()

    server.sendall(b"\x89\x02hi" + frame(b'{"type":"ping"}'))
    one.read()

    assert server.recv(100) == b"\x8a\x82\0\0\0\0hi" + b'\x81\x90\0\0\0\0{"type": "pong"}'
    assert not one.closed

    server.sendall(frame(b'{"type":"error","id":"1","payload":[]}'))
    one.read()

    assert "payload" in one.closed
    assert one.seen == 0
    server.close()
    one.socket.close()


def frame(body: bytes) -> bytes:
    size = len(body)
    head = bytes([0x81, size]) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
    return head + body


def connected() -> tuple[socket.socket, Subscriber]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        one = Subscriber(listening.getsockname()[1], heard=None)
        server, _ = listening.accept()
    return server, one
