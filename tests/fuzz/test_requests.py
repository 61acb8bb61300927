"""Random HTTP requests: each is answered, and as HTTP, GraphQL and OAuth say."""

import asyncio

import pytest

from tests.fuzz.found import REQUESTS
from tests.fuzz.ground import Ground
from tests.fuzz.hunting import TIMEOUT, hunt, tell_of
from tests.fuzz.requests import requests
from tests.fuzz.sending import Sending
from tests.fuzz.watching import Errors, Rest
from tests.world.served import Served

pytestmark = pytest.mark.timeout(TIMEOUT)


def test_random_requests_are_answered_cleanly(
    loop: asyncio.AbstractEventLoop, ground: Ground, fuzzed: Served, errors: Errors, rest: Rest
) -> None:
    sending = Sending(fuzzed.port, ground, errors)

    tally = hunt(requests(), sending, loop=loop, kept=REQUESTS, examples=200)

    left = loop.run_until_complete(rest.kept_from())
    assert left == []
    assert tally.share("200") > 0.2, tally.told()
    tell_of("Random HTTP requests", tally, control="answers of status 500")
