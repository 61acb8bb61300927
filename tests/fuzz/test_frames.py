"""Random conversations over WebSockets: every one ends as the protocol says, and leaves nothing."""

import asyncio

import pytest

from tests.fuzz.found import TALKS
from tests.fuzz.frames import talks
from tests.fuzz.ground import Ground
from tests.fuzz.hunting import TIMEOUT, hunt, tell_of
from tests.fuzz.talking import Talking
from tests.fuzz.watching import Errors, Rest
from tests.world.served import Served

pytestmark = pytest.mark.timeout(TIMEOUT)


def test_random_frames_are_answered_and_closed_as_the_protocol_says(
    loop: asyncio.AbstractEventLoop, ground: Ground, fuzzed: Served, errors: Errors, rest: Rest
) -> None:
    talking = Talking(fuzzed.websocket_url, ground, errors)

    tally = hunt(talks(), talking, loop=loop, kept=TALKS, examples=150)

    left = loop.run_until_complete(rest.kept_from())
    assert left == []
    assert tally.share("to its end") > 0.2, tally.told()
    tell_of("Random WebSocket conversations", tally, control="sockets dropped with 1006 or 1011")
