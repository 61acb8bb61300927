"""Each fuzzer, let loose on plain Strawberry, finds what it is there to find."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
import strawberry

from tests.fuzz.asking import Asking
from tests.fuzz.documents import documents
from tests.fuzz.frames import talks
from tests.fuzz.ground import PRINCIPALS, Ground
from tests.fuzz.hunting import finds
from tests.fuzz.requests import requests
from tests.fuzz.sending import Sending
from tests.fuzz.talking import Talking
from tests.fuzz.watching import Errors
from tests.world.plain_strawberry import Mutation, PlainStrawberry, Query, plain_strawberry


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def plain() -> AsyncIterator[PlainStrawberry]:
    async with plain_strawberry() as running:
        yield running


@pytest.fixture
def nowhere() -> Ground:
    return Ground(credentials=dict.fromkeys(PRINCIPALS, "token"), values={})


async def _client(plain: PlainStrawberry) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=plain.url, timeout=30)


def test_random_documents_find_errors_that_no_client_can_tell_apart(
    loop: asyncio.AbstractEventLoop, plain: PlainStrawberry, nowhere: Ground
) -> None:
    schema = strawberry.Schema(query=Query, mutation=Mutation)._schema
    client = loop.run_until_complete(_client(plain))
    asking = Asking(schema, nowhere, client, plain.websocket_url, Errors())
    # Lists of lists without end: what plain Strawberry is asked for has to stay small.
    inputs = documents(schema, ("query", "mutation"), odd=False, largest=1)

    try:
        assert finds(inputs, asking, "no code that clients know", loop=loop, examples=50)
    finally:
        loop.run_until_complete(client.aclose())


def test_random_frames_find_sockets_that_are_dropped(
    loop: asyncio.AbstractEventLoop, plain: PlainStrawberry, nowhere: Ground
) -> None:
    talking = Talking(plain.websocket_url, nowhere, Errors())

    dropped = "closed with 1006", "closed with 1011"
    assert finds(talks(), talking, *dropped, loop=loop, examples=1_000)


def test_random_requests_find_answers_that_are_servers_errors(
    loop: asyncio.AbstractEventLoop, plain: PlainStrawberry, nowhere: Ground
) -> None:
    sending = Sending(plain.port, nowhere, Errors())

    assert finds(requests(), sending, "status 500", loop=loop, examples=1_000)
