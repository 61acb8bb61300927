"""How sockets and streams end while something runs on them, and that they end with a word."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
import pytest_asyncio
from asyncpg import Connection

from api.graphql.websocket import _apology
from api.parts import Parts
from schema.nodes import global_id
from tenants.api_keys import PREFIX as API_KEY_PREFIX
from tenants.database import DatabaseUnavailable
from tenants.grants import Role
from tenants.ids import new_id
from tenants.secrets import new_secret
from tests.api.graphql.protocols.event_source import streamed
from tests.api.graphql.protocols.socket_rules import (
    ACK,
    INIT,
    Message,
    complete,
    heard,
    subscribe,
)
from tests.api.graphql.protocols.wire import Wire, opened
from tests.world import TestWorkspace, World
from tests.world.served import Served, quick

ROLE = {"query": "{ viewer { role } }"}
UPDATES = {"query": "subscription { orderUpdates { __typename } }"}
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
CANCEL = """
mutation ($input: OrderCancelInput!) {
  orderCancel(input: $input) { order { status } userErrors { code } }
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def workspace(world: World) -> TestWorkspace:
    return await world.workspace()


@asynccontextmanager
async def signed_in(served: Served, workspace: TestWorkspace) -> AsyncIterator[Wire]:
    bearer = f"Bearer {await workspace.token()}"
    async with opened(served.websocket_url, Authorization=bearer) as wire:
        wire.send(INIT)
        assert await wire.receive() == ACK
        yield wire


@asynccontextmanager
async def draining(parts: Parts) -> AsyncIterator[None]:
    parts.draining.set()
    try:
        yield
    finally:
        parts.draining.clear()


@asynccontextmanager
async def held_up(owner: Connection, order: UUID) -> AsyncIterator[None]:
    """Whoever changes the order waits until this is left."""
    async with owner.transaction():
        await owner.execute("SELECT 1 FROM orders WHERE id = $1 FOR UPDATE", order)
        yield


def cancel(order: UUID) -> Message:
    given = {
        "orderId": global_id("Order", order),
        "reason": "sold out",
        "idempotencyKey": str(order),
    }
    return {"query": CANCEL, "variables": {"input": given}}


async def waiting_for_a_lock(owner: Connection) -> None:
    async with asyncio.timeout(10):
        while not await owner.fetchval(_WAITING):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def test_a_mutation_under_way_is_answered_before_the_server_stops(
    parts: Parts, workspace: TestWorkspace, owner: Connection
) -> None:
    """A client that lost the answer would connect again and send the mutation once more."""
    order = await workspace.order()
    async with quick(parts) as served, signed_in(served, workspace) as wire:
        wire.send(subscribe(UPDATES, "stream"))
        async with held_up(owner, order):
            wire.send(subscribe(cancel(order), "change"))
            await waiting_for_a_lock(owner)
            parts.draining.set()
            await asyncio.sleep(0.3)
        try:
            answer = await wire.receive()
            while answer["id"] == "stream":  # a relay may tell of the order as late as this
                answer = await wire.receive()
            assert (answer["type"], answer["id"]) == ("next", "change")
            assert answer["payload"]["data"]["orderCancel"]["order"]["status"] == "CANCELLED"
            assert await wire.receive() == complete("change")
            assert await wire.closed() == (1012, "Service restart")
        finally:
            parts.draining.clear()


async def test_a_mutation_under_way_on_a_stream_is_answered_before_the_server_stops(
    parts: Parts, workspace: TestWorkspace, owner: Connection
) -> None:
    order = await workspace.order()
    bearer = {"authorization": f"Bearer {await workspace.token()}"}
    async with quick(parts) as served, contextlib.AsyncExitStack() as stack:
        async with held_up(owner, order):
            url = f"{served.url}/graphql"
            stream = await stack.enter_async_context(streamed(url, cancel(order), **bearer))
            await waiting_for_a_lock(owner)
            await stack.enter_async_context(draining(parts))
            await asyncio.sleep(0.3)
        (answer,) = await stream.results()
        assert answer["data"]["orderCancel"]["order"]["status"] == "CANCELLED"


async def test_an_answer_that_takes_too_long_does_not_hold_up_the_stop(
    parts: Parts, workspace: TestWorkspace, owner: Connection
) -> None:
    order = await workspace.order()
    async with (
        quick(parts, drain_seconds=0.5) as served,
        signed_in(served, workspace) as wire,
        held_up(owner, order),
    ):
        wire.send(subscribe(cancel(order)))
        await waiting_for_a_lock(owner)
        async with draining(parts):
            assert await wire.closed() == (1012, "Service restart")
    status = await owner.fetchval("SELECT status FROM orders WHERE id = $1", order)
    assert status == "AWAITING_SHIPMENT", "what was not answered was not done"


async def test_a_socket_that_has_said_nothing_yet_is_told_of_the_stop(parts: Parts) -> None:
    async with quick(parts) as served, opened(served.websocket_url) as wire:
        await heard(wire)
        async with draining(parts):
            assert await wire.closed() == (1012, "Service restart")


async def test_a_subscription_that_comes_during_the_stop_breaks_off_and_is_not_complete(
    parts: Parts, workspace: TestWorkspace
) -> None:
    bearer = {"authorization": f"Bearer {await workspace.token()}"}
    async with (
        quick(parts) as served,
        draining(parts),
        streamed(f"{served.url}/graphql", UPDATES, **bearer) as stream,
    ):
        assert await stream.events() == []
        assert stream.ended


async def test_a_query_of_somebody_who_has_left_is_refused_and_the_socket_closed(
    served: Served, world: World, workspace: TestWorkspace, owner: Connection
) -> None:
    bearer = f"Bearer {await world.member(workspace, Role.ORDERS)}"
    principal = await world.access.principal(bearer)
    async with opened(served.websocket_url, Authorization=bearer) as wire:
        wire.send(INIT)
        assert await wire.receive() == ACK
        await owner.execute(
            "UPDATE memberships SET ended_at = now() WHERE user_id = $1", principal.id
        )
        wire.send(subscribe({"query": "{ orders { totalCount } }"}))
        answer = await wire.receive()
        errors = answer["payload"] if answer["type"] == "error" else answer["payload"]["errors"]
        assert errors[0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert await wire.closed() == (4403, "Forbidden")


async def test_a_key_is_told_to_come_again_while_the_database_is_away(
    parts: Parts, workspace: TestWorkspace
) -> None:
    """All connections are taken, which takes as long to find out as an operation waits for one."""
    key = new_secret(API_KEY_PREFIX, workspace_id=workspace.id, id=new_id()).text()
    async with quick(parts) as served, contextlib.AsyncExitStack() as stack:
        with contextlib.suppress(TimeoutError):
            while True:
                connection = await parts.pool.acquire(timeout=0.5)
                stack.push_async_callback(parts.pool.release, connection)
        async with opened(served.websocket_url) as wire:
            wire.send({**INIT, "payload": {"authorization": f"Bearer {key}"}})
            assert await wire.closed() == (1013, "Try again later")


def test_what_is_told_of_errors_that_no_operation_made() -> None:
    away, bug = DatabaseUnavailable("away"), RuntimeError("a secret")
    assert [_apology(error, "1").code for error in (away, TimeoutError(), bug)] == [
        1013,
        1013,
        4500,
    ]
    assert "secret" not in _apology(bug, "1").reason


async def test_a_page_that_is_left_for_another_is_not_refused(
    parts: Parts, workspace: TestWorkspace
) -> None:
    """All of its operations are completed, and as many others subscribed to, in one breath."""
    async with (
        quick(parts, max_subscriptions_per_socket=5) as served,
        signed_in(served, workspace) as wire,
    ):
        for page in range(5):
            wire.send(*[subscribe(UPDATES, f"{page}-{n}") for n in range(5)])
            wire.send(*[complete(f"{page}-{n}") for n in range(5)])
        wire.send(*[subscribe(UPDATES, f"last-{n}") for n in range(5)])
        assert await heard(wire) == []
        wire.send(subscribe(ROLE, "one too many"))
        assert (await wire.receive())["type"] == "error"


async def test_who_leaves_while_errors_are_on_their_way_is_no_error_of_ours(
    served: Served, workspace: TestWorkspace, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        async with signed_in(served, workspace) as wire:
            wire.send(*[subscribe({"query": "{ nope }"}, str(n)) for n in range(3)])
            await asyncio.sleep(0)
    await asyncio.sleep(0.3)
    gc.collect()
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_persisted_operation_is_asked_for_by_its_hash(
    served: Served, workspace: TestWorkspace
) -> None:
    unknown = {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}
    async with signed_in(served, workspace) as wire:
        for payload in ({"extensions": unknown}, {"query": "", "extensions": unknown}):
            wire.send(subscribe(payload))
            answer = await wire.receive()
            assert answer["type"] == "error"
            assert answer["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        wire.send(subscribe({"extensions": {"other": 1}}))
        assert (await wire.closed())[0] == 4400
