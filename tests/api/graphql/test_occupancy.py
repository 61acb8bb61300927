"""One workspace never has all places; its neighbours have theirs, and places come back."""

import contextlib
import json
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from api.graphql.occupancy import Full, Occupancy
from api.parts import Parts
from tests.api.graphql.protocols.event_source import streamed
from tests.api.graphql.protocols.socket_rules import INIT, complete, heard, subscribe
from tests.api.graphql.protocols.wire import Wire, opened
from tests.world import TestWorkspace, World
from tests.world.conformance import Finding, tell
from tests.world.served import Served, quick

UPDATES = {"query": "subscription { orderUpdates { __typename } }"}
ROLE = {"query": "{ viewer { role } }"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def noisy(world: World) -> TestWorkspace:
    return await world.workspace()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def quiet(world: World) -> TestWorkspace:
    return await world.workspace()


async def signed_in(wire: Wire, workspace: TestWorkspace) -> Wire:
    wire.send({**INIT, "payload": {"authorization": f"Bearer {await workspace.token()}"}})
    return wire


async def test_one_socket_too_many_is_closed_and_the_neighbour_is_let_in(
    parts: Parts, noisy: TestWorkspace, quiet: TestWorkspace
) -> None:
    async with (
        quick(parts, max_sockets_per_workspace=2) as served,
        contextlib.AsyncExitStack() as stack,
    ):
        first, second, third, other = [
            await stack.enter_async_context(opened(served.websocket_url)) for _ in range(4)
        ]
        for wire in (first, second, third):
            await signed_in(wire, noisy)
        assert (await first.receive())["type"] == "connection_ack"
        assert (await second.receive())["type"] == "connection_ack"
        assert await third.closed() == (4429, "Too many sockets of this workspace")

        await signed_in(other, quiet)
        assert (await other.receive())["type"] == "connection_ack"

        first.writer.transport.abort()
        await _until_let_in(served, noisy)
    _tell("sockets: the third of two is closed with 4429")


async def test_one_subscription_too_many_is_refused_on_sockets_and_streams(
    parts: Parts, noisy: TestWorkspace, quiet: TestWorkspace
) -> None:
    bearer = {"authorization": f"Bearer {await noisy.token()}"}
    async with (
        quick(parts, max_subscriptions_per_workspace=3) as served,
        opened(served.websocket_url) as wire,
        opened(served.websocket_url) as other,
        streamed(f"{served.url}/graphql", UPDATES, **bearer) as stream,
    ):
        assert stream.response.status_code == 200
        await signed_in(wire, noisy)
        wire.send(subscribe(UPDATES, "a"), subscribe(UPDATES, "b"))
        assert (await wire.receive())["type"] == "connection_ack"
        assert await heard(wire) == []

        wire.send(subscribe(UPDATES, "c"))
        refusal = await wire.receive()
        assert (refusal["type"], refusal["id"]) == ("error", "c")
        (error,) = refusal["payload"]
        assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
        assert "3 subscriptions" in error["message"]

        for operation in (UPDATES, ROLE):
            async with streamed(f"{served.url}/graphql", operation, **bearer) as refused:
                assert refused.response.status_code == 429
                assert refused.kind == "application/json"
                assert refused.response.headers["retry-after"] == "10"
                answer = json.loads(await refused.response.aread())
                assert answer["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"

        await signed_in(other, quiet)
        assert (await other.receive())["type"] == "connection_ack"
        other.send(subscribe(ROLE))
        assert (await other.receive())["type"] == "next"

        wire.send(complete("a"))
        while True:
            wire.send(subscribe(ROLE, "d"))
            if (await wire.receive())["type"] == "next":
                break
        assert await wire.receive() == complete("d")
    _tell("subscriptions: the fourth of three is refused on sockets and on streams")


def _tell(what: str) -> None:
    tell(
        Finding(
            section="Limits",
            check=f"Places of a workspace for {what}, until another is given back",
            passed=1,
            of=1,
            control="another workspace is let in at that moment",
        )
    )


async def test_plain_requests_need_no_place(parts: Parts, noisy: TestWorkspace) -> None:
    headers = {"authorization": f"Bearer {await noisy.token()}"}
    async with (
        quick(parts, max_subscriptions_per_workspace=1) as served,
        httpx.AsyncClient(base_url=served.url, headers=headers) as client,
        streamed(f"{served.url}/graphql", UPDATES, **headers),
    ):
        assert (await client.post("/graphql", json=ROLE)).json()["data"]


def test_places_are_counted_for_each_workspace_and_given_back() -> None:
    occupancy = Occupancy(sockets=1, subscriptions=2)
    noisy, quiet = uuid4(), uuid4()
    with occupancy.socket(noisy), occupancy.subscription(noisy):
        with pytest.raises(Full, match="1 sockets"), occupancy.socket(noisy):
            raise AssertionError("let in")
        with occupancy.socket(quiet), occupancy.subscription(noisy):
            pass
        with (
            occupancy.subscription(noisy),
            pytest.raises(Full, match="2 subscriptions"),
            occupancy.subscription(noisy),
        ):
            raise AssertionError("let in")
    with pytest.raises(ZeroDivisionError), occupancy.socket(noisy):
        raise ZeroDivisionError
    with occupancy.socket(noisy):
        pass
    assert not occupancy._taken, "nothing is kept of workspaces that have left"


async def _until_let_in(served: Served, workspace: TestWorkspace) -> None:
    """Once the server has noticed that a socket was cut."""
    for _ in range(200):
        async with opened(served.websocket_url) as wire:
            await signed_in(wire, workspace)
            got = await wire.frame()
            assert got is not None
            if wire.close is None:
                return
    raise AssertionError("the place did not come back")
