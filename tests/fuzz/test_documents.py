"""Random documents from our schema: each is answered as the specification says."""

import asyncio

import httpx
import pytest

from tests.fuzz.asking import Asking
from tests.fuzz.documents import documents
from tests.fuzz.found import DOCUMENTS
from tests.fuzz.ground import Ground
from tests.fuzz.hunting import TIMEOUT, hunt, tell_of
from tests.fuzz.values import core_schema
from tests.fuzz.watching import Errors, Rest
from tests.world.served import Served

pytestmark = pytest.mark.timeout(TIMEOUT)
KEYWORDS = ("query", "query", "query", "query", "mutation", "mutation", "mutation", "subscription")


def test_random_documents_are_answered_as_the_specification_says(
    loop: asyncio.AbstractEventLoop,
    ground: Ground,
    fuzzed: Served,
    client: httpx.AsyncClient,
    errors: Errors,
    rest: Rest,
) -> None:
    schema = core_schema()
    asking = Asking(schema, ground, client, fuzzed.websocket_url, errors)

    tally = hunt(documents(schema, KEYWORDS), asking, loop=loop, kept=DOCUMENTS, examples=150)

    left = loop.run_until_complete(rest.kept_from())
    assert left == []
    assert tally.share("data") > 0.4, tally.told()
    tell_of("Random documents", tally, control="an error without a code, in the first documents")
