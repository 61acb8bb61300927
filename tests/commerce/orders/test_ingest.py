"""Reported orders are stored once and moved on, in as many statements for 500 as for one."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg

from commerce.orders.ingest import IngestOutcome, ingest
from commerce.orders.ingestion import IncomingOrder, IncomingPackage
from commerce.orders.lifecycle import Actor, FulfilmentPath, OrderStatus
from tests.world import TestWorkspace, World, an_order

STORED, UPDATED = IngestOutcome.STORED, IngestOutcome.UPDATED
KNOWN, REJECTED = IngestOutcome.ALREADY_KNOWN, IngestOutcome.REJECTED
PACKAGE = IncomingPackage(
    external_id="P-1", path=FulfilmentPath.TIKTOK_SHIPPING, tracking_number="TH1"
)


async def outcomes(workspace: TestWorkspace, orders: list[IncomingOrder]) -> list[IngestOutcome]:
    return [result.outcome for result in await workspace.ingest(orders)]


async def statements(workspace: TestWorkspace, orders: list[IncomingOrder]) -> int:
    database = workspace.system()
    await database.change("test", lambda writer: ingest(writer, orders))
    return database.statements


def packed(order: IncomingOrder, status: OrderStatus) -> IncomingOrder:
    lines = tuple(replace(line, package_external_id="P-1") for line in order.lines)
    return replace(order, status=status, lines=lines, packages=(PACKAGE,))


async def test_new_known_twice_and_bad_orders_of_one_call(world: World) -> None:
    workspace = await world.workspace()
    one, two, bad = an_order(), an_order(), an_order(lines=())
    assert await outcomes(workspace, [one, bad, two, one]) == [STORED, REJECTED, STORED, KNOWN]
    results = await workspace.ingest([two, an_order(external_id=one.external_id, channel="OTHER")])
    assert [result.outcome for result in results] == [KNOWN, STORED]
    assert len({result.order_id for result in results}) == 2


async def test_an_order_is_known_per_workspace(world: World) -> None:
    order = an_order()
    first, second = await world.workspace(), await world.workspace()
    (one,) = await first.ingest([order])
    (other,) = await second.ingest([order])
    assert one.outcome is other.outcome is STORED
    assert one.order_id != other.order_id


async def test_the_room_of_an_order_must_be_one_of_the_workspace(world: World) -> None:
    workspace, other = await world.workspace(), await world.workspace()
    (result,) = await workspace.ingest([an_order(live_room_id=other.room_external_id)])
    assert result.outcome is REJECTED
    assert result.reason == f"There is no LIVE room '{other.room_external_id}' in this workspace."
    inside = an_order(live_room_id=workspace.room_external_id)
    assert await outcomes(workspace, [inside]) == [STORED]


async def test_of_two_reports_in_one_call_the_later_one_counts(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    order = an_order(status=OrderStatus.UNPAID)
    paid = replace(order, status=OrderStatus.AWAITING_SHIPMENT)
    results = await workspace.ingest([order, paid, order])
    assert [result.outcome for result in results] == [KNOWN, STORED, KNOWN]
    assert len({result.order_id for result in results}) == 1
    rows = await owner.fetch("SELECT status FROM orders WHERE workspace_id = $1", workspace.id)
    assert [row["status"] for row in rows] == ["AWAITING_SHIPMENT"]


async def test_a_later_report_moves_a_known_order_on(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    order = an_order(status=OrderStatus.UNPAID, live_room_id=workspace.room_external_id)
    order_id = (await workspace.ingest([order]))[0].order_id
    paid_at = datetime(2026, 5, 1, tzinfo=UTC)
    reports = [
        (replace(order, status=OrderStatus.AWAITING_SHIPMENT, paid_at=paid_at), UPDATED),
        (order, KNOWN),
        (packed(order, OrderStatus.IN_TRANSIT), UPDATED),
        (packed(order, OrderStatus.IN_TRANSIT), KNOWN),
        (packed(order, OrderStatus.AWAITING_COLLECTION), KNOWN),
        (packed(order, OrderStatus.DELIVERED), UPDATED),
        (replace(order, status=OrderStatus.CANCELLED), KNOWN),
        (packed(order, OrderStatus.COMPLETED), UPDATED),
        (packed(order, OrderStatus.DELIVERED), KNOWN),
    ]
    for report, outcome in reports:
        (result,) = await workspace.ingest([report])
        assert (result.outcome, result.order_id) == (outcome, order_id), report.status
    row = await owner.fetchrow("SELECT * FROM orders WHERE id = $1", order_id)
    assert row is not None
    assert (row["status"], row["version"], row["paid_at"]) == ("COMPLETED", 5, paid_at)
    (package,) = await owner.fetch("SELECT * FROM packages WHERE order_id = $1", order_id)
    assert (package["status"], package["tracking_number"]) == ("COMPLETED", "TH1")
    (line,) = await owner.fetch("SELECT * FROM order_lines WHERE order_id = $1", order_id)
    assert line["package_id"] == package["id"]
    told = await owner.fetch(
        "SELECT kind, payload->>'status' AS status, payload->>'version' AS version, live_room_id "
        "FROM outbox_events WHERE entity_id = $1 ORDER BY payload->>'version'",
        order_id,
    )
    assert [tuple(event)[:3] for event in told] == [
        ("ORDER_PLACED", "UNPAID", "1"),
        ("ORDER_STATUS_CHANGE", "AWAITING_SHIPMENT", "2"),
        ("ORDER_STATUS_CHANGE", "IN_TRANSIT", "3"),
        ("ORDER_STATUS_CHANGE", "DELIVERED", "4"),
        ("ORDER_STATUS_CHANGE", "COMPLETED", "5"),
    ]
    assert {event["live_room_id"] for event in told} == {workspace.room_id}
    audited = await owner.fetchval(
        "SELECT count(*) FROM audit_entries WHERE entity_id = $1", order_id
    )
    assert audited == 4


async def test_a_cancellation_says_who_and_why_and_takes_the_packages_along(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    order = packed(an_order(), OrderStatus.AWAITING_COLLECTION)
    (stored,) = await workspace.ingest([order])
    at = datetime(2026, 5, 2, tzinfo=UTC)
    cancelled = replace(
        order, status=OrderStatus.CANCELLED, cancelled_at=at, cancelled_by=Actor.BUYER,
        cancel_reason="changed my mind",
    )  # fmt: skip
    assert await outcomes(workspace, [cancelled]) == [UPDATED]
    row = await owner.fetchrow("SELECT * FROM orders WHERE id = $1", stored.order_id)
    assert row is not None
    found = (row["cancelled_at"], row["cancelled_by"], row["cancel_reason"])
    assert found == (at, "BUYER", "changed my mind")
    states = await owner.fetch("SELECT status FROM packages WHERE order_id = $1", stored.order_id)
    assert [state["status"] for state in states] == ["CANCELLED"]


async def test_500_orders_take_the_statements_of_one(world: World) -> None:
    workspace = await world.workspace()

    def some(count: int) -> list[IncomingOrder]:
        room = workspace.room_external_id
        return [
            packed(an_order(live_room_id=room), OrderStatus.AWAITING_COLLECTION)
            for _ in range(count)
        ]

    def later(orders: list[IncomingOrder]) -> list[IncomingOrder]:
        return [replace(order, status=OrderStatus.IN_TRANSIT) for order in orders]

    one, many = some(1), some(500)
    # Begin; rooms, orders, packages, lines; audit, events. Known orders: begin, rooms, orders,
    # known, audit. Moved on: begin, rooms, orders, known; lock, orders, packed, packages; audit,
    # events.
    assert await statements(workspace, one) == await statements(workspace, many) == 7
    assert await statements(workspace, one) == await statements(workspace, many) == 5
    assert await statements(workspace, later(one)) == 10
    assert await statements(workspace, later(many)) == 10
    mixed = [*some(250), *(replace(o, status=OrderStatus.DELIVERED) for o in many[:250])]
    assert await statements(workspace, mixed) == 12


async def test_the_same_orders_at_the_same_time_are_stored_once(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    orders = [an_order(status=OrderStatus.UNPAID) for _ in range(100)]
    both = await asyncio.gather(outcomes(workspace, orders), outcomes(workspace, orders[::-1]))
    assert sorted([*both[0], *both[1]]) == [KNOWN] * 100 + [STORED] * 100
    later = [replace(order, status=OrderStatus.AWAITING_SHIPMENT) for order in orders]
    both = await asyncio.gather(outcomes(workspace, later), outcomes(workspace, later[::-1]))
    assert sorted([*both[0], *both[1]]) == [KNOWN] * 100 + [UPDATED] * 100
    counted = await owner.fetchrow(
        "SELECT count(*), count(DISTINCT external_id), min(version), max(version) FROM orders "
        "WHERE workspace_id = $1",
        workspace.id,
    )
    assert counted is not None
    assert tuple(counted) == (100, 100, 2, 2)
