"""The order stream's own promises: who may see what, gaps, bad positions, and what it costs."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from api.graphql.operations import Operation
from api.parts import Parts
from schema.context import Context
from tenants.grants import Role
from tenants.relay import Relay
from tests.world import TestWorkspace, World, an_order
from tests.world.served import Served, serve
from tests.world.stream_client import (
    LIVE_ORDERS,
    ORDER_UPDATES,
    StreamError,
    connected,
    server_sent,
    subscribe,
)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(60)]

ORDER_WITH_LINES = """
subscription ($room: ID!) {
  liveOrders(roomId: $room, after: "0") {
    ... on OrderEvent { sequence order { id externalId lines { sellerSku quantity } } }
  }
}
"""
FAT = """
subscription ($after: String) {
  orderUpdates(after: $after) {
    ... on OrderEvent { sequence %s }
  }
}
""" % " ".join(f"e{n}: eventId" for n in range(150))  # noqa: UP031 - braces abound


async def live_orders(workspace: TestWorkspace, count: int) -> None:
    await workspace.ingest(
        [an_order(live_room_id=workspace.room_external_id) for _ in range(count)]
    )


async def stream(
    served: Served, workspace: TestWorkspace, query: str = ORDER_UPDATES, **variables: Any
) -> Any:
    """The items of a subscription as OWNER, or `StreamError`."""
    token = await workspace.token()
    async with (
        connected(served.websocket_url, token) as socket,
        aclosing(subscribe(socket, query, variables)) as items,
    ):
        async for item in items:
            yield item


async def first_of(items: Any, count: int) -> list[dict[str, Any]]:
    async with aclosing(items):
        return [await anext(items) for _ in range(count)]


async def told_error(items: Any) -> str:
    """The code of the error that comes next."""
    with pytest.raises(StreamError) as ended:
        await anext(items)
    return ended.value.code


async def read_until_ended(items: Any, seen: list[int]) -> str:
    try:
        async for item in items:
            seen.append(int(item["sequence"]))  # noqa: PERF401 - what came before the end counts
    except StreamError as ended:
        return ended.code
    return "it just ended"


async def test_an_event_with_its_order_and_lines_takes_three_statements(
    world: World, relay: Relay
) -> None:
    del relay
    workspace = await world.workspace()
    await live_orders(workspace, 3)
    databases: list[Any] = []

    def open_context(principal: Any, request_id: str) -> Context:
        context = world.execution.open_context(principal, request_id)

        def recorded(*given: Any) -> Any:
            databases.append(context.platform.open_database(*given))
            return databases[-1]

        platform = replace(context.platform, open_database=recorded)
        return Context(principal=principal, platform=platform, request_id=request_id)

    execution = replace(world.execution, open_context=open_context)
    principal = await world.access.principal(f"Bearer {await workspace.token()}")
    prepared = await execution.prepare(
        Operation(ORDER_WITH_LINES, {"room": workspace.room_global_id}), principal
    )
    source = execution.subscribe(prepared, principal, request_id="test")
    async with aclosing(source) as answers:
        seen = [(await anext(answers)).answer for _ in range(3)]

    assert [a["data"]["liveOrders"]["sequence"] for a in seen] == ["1", "2", "3"]
    assert all(a["data"]["liveOrders"]["order"]["lines"] for a in seen)
    assert [database.statements for database in databases[1:]] == [3, 3, 3]


async def test_trimmed_events_are_told_as_a_gap_and_the_stream_goes_on(
    world: World, served: Served, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    await live_orders(workspace, 6)
    await first_of(stream(served, workspace, after="0"), 6)
    await owner.execute(
        "DELETE FROM outbox_events WHERE workspace_id = $1 AND sequence <= 4", workspace.id
    )

    items = stream(served, workspace, after="1")
    resumed = [await anext(items) for _ in range(3)]
    await live_orders(workspace, 1)
    resumed.append(await anext(items))
    await items.aclose()

    assert resumed[0] == {"firstSequence": "2", "lastSequence": "4"}
    assert [item["sequence"] for item in resumed[1:]] == ["5", "6", "7"]


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "9" * 19, "999", "٣"])
async def test_a_position_that_was_never_told_is_refused(
    world: World, served: Served, after: str
) -> None:
    workspace = await world.workspace()

    assert await told_error(stream(served, workspace, after=after)) == "BAD_USER_INPUT"


async def test_a_room_of_another_workspace_reads_as_absent(world: World, served: Served) -> None:
    mine, other = await world.workspace(), await world.workspace()
    absent = mine.room_global_id[:-8] + other.room_global_id[-8:]

    codes = [
        await told_error(stream(served, mine, LIVE_ORDERS, room=room))
        for room in (other.room_global_id, absent)
    ]

    assert codes == ["BAD_USER_INPUT", "BAD_USER_INPUT"]


async def test_nobody_sees_events_of_another_workspace_or_room(
    world: World, served: Served
) -> None:
    mine, other = await world.workspace(), await world.workspace()
    await live_orders(other, 3)
    await mine.order()  # of no room
    await live_orders(mine, 2)
    await live_orders(other, 3)

    room = await first_of(stream(served, mine, LIVE_ORDERS, room=mine.room_global_id, after="0"), 2)
    every = await first_of(stream(served, mine, after="0"), 3)

    assert [item["sequence"] for item in room] == ["2", "3"]
    assert [item["sequence"] for item in every] == ["1", "2", "3"]
    assert all(item["order"] is not None for item in every)


@pytest.mark.parametrize(
    "ending",
    [
        "UPDATE memberships SET ended_at = now() WHERE workspace_id = $1 AND role = 'VIEWER'",
        "UPDATE sessions SET revoked_at = now() WHERE workspace_id = $1",
        "UPDATE memberships SET role = 'ADMIN' WHERE workspace_id = $1 AND role = 'VIEWER'",
    ],
    ids=["membership ended", "session revoked", "role changed"],
)
async def test_a_subscription_ends_with_the_right_to_it(
    world: World, served: Served, owner: asyncpg.Connection, ending: str
) -> None:
    workspace = await world.workspace()
    token = await workspace.token(Role.VIEWER)
    await live_orders(workspace, 1)
    async with connected(served.websocket_url, token) as socket:
        items = subscribe(socket, ORDER_UPDATES, {"after": "0"})
        assert (await anext(items))["sequence"] == "1"

        await owner.execute(ending, workspace.id)
        await live_orders(workspace, 1)

        assert await told_error(items) == "UNAUTHENTICATED"
        await asyncio.wait_for(socket.wait_closed(), 10)
        assert socket.close_code == 4403


async def test_who_lost_the_right_cannot_even_begin(
    world: World, served: Served, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    await workspace.token()
    await owner.execute(
        "UPDATE sessions SET revoked_at = now() WHERE workspace_id = $1", workspace.id
    )

    assert await told_error(stream(served, workspace)) == "UNAUTHENTICATED"


async def test_server_sent_events_resume_where_they_were_cut(world: World, served: Served) -> None:
    workspace = await world.workspace()
    token = await workspace.token()
    seen: list[str] = []
    for _ in range(3):
        await live_orders(workspace, 5)
        after = {"after": seen[-1] if seen else "0"}
        part = await first_of(server_sent(served.url, token, ORDER_UPDATES, after), 4)
        seen += [item["sequence"] for item in part]
    rest = await first_of(server_sent(served.url, token, ORDER_UPDATES, {"after": seen[-1]}), 3)

    assert seen + [item["sequence"] for item in rest] == [str(n) for n in range(1, 16)]


async def test_a_slow_consumer_is_cut_off_with_a_code_and_can_resume(
    world: World, parts: Parts, relay: Relay
) -> None:
    del relay
    workspace = await world.workspace()
    token = await workspace.token()
    narrow = replace(parts, settings=parts.settings.model_copy(update={"subscriber_queue": 10}))
    seen: list[int] = []
    async with serve(narrow) as served:
        async with connected(served.websocket_url, token, max_queue=1) as socket:
            items = subscribe(socket, FAT, {"after": "0"})
            await live_orders(workspace, 1)
            seen.append(int((await anext(items))["sequence"]))
            for _ in range(3):  # 600 events of some 20 KB, and nobody reads
                await live_orders(workspace, 200)
            await asyncio.sleep(1.5)
            assert await read_until_ended(items, seen) == "SLOW_CONSUMER"
        missing = 601 - len(seen)
        assert missing > 0
        rest = await first_of(stream(served, workspace, after=str(seen[-1])), missing)

    assert seen + [int(item["sequence"]) for item in rest] == list(range(1, 602))
