"""Shipping, cancelling and tracking, also where two of them meet at the same time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from commerce.orders.ingestion import IncomingLine, IncomingPackage
from commerce.orders.lifecycle import (
    FulfilmentPath,
    OrderStatus,
    TrackingCode,
    TransitionRefused,
)
from commerce.orders.operations import NotTracked, Tracking, cancel, ship, track
from commerce.refusals import InvalidValue, NotFound, VersionConflict
from tests.world import TestWorkspace, World, an_order

AT = datetime(2026, 5, 1, 8, tzinfo=UTC)


async def change(workspace: TestWorkspace, operation: Any, *given: Any, **named: Any) -> Any:
    return await workspace.system().change(
        "test", lambda writer: operation(writer, *given, **named)
    )


async def order_of(owner: asyncpg.Connection, order_id: UUID) -> asyncpg.Record:
    row = await owner.fetchrow("SELECT * FROM orders WHERE id = $1", order_id)
    assert row is not None
    return row


async def packages_of(owner: asyncpg.Connection, order_id: UUID) -> list[asyncpg.Record]:
    return await owner.fetch("SELECT * FROM packages WHERE order_id = $1 ORDER BY id", order_id)


async def told(owner: asyncpg.Connection, order_id: UUID) -> list[tuple[str, str, int]]:
    rows = await owner.fetch(
        "SELECT kind, payload->>'status' AS status, (payload->>'version')::int AS version "
        "FROM outbox_events WHERE entity_id = $1 ORDER BY position",
        order_id,
    )
    return [tuple(row) for row in rows]


async def in_parts(workspace: TestWorkspace, *packages: str, loose: int = 0) -> UUID:
    """An order with one line in each of the packages, and some lines in none."""

    def line(package: str | None) -> IncomingLine:
        return IncomingLine(
            seller_sku="S",
            product_name="T",
            quantity=1,
            unit_price_micros=1_000_000,
            package_external_id=package,
        )

    return await workspace.order(
        lines=(*map(line, packages), *(line(None) for _ in range(loose))),
        packages=tuple(
            IncomingPackage(external_id=name, path=FulfilmentPath.TIKTOK_SHIPPING)
            for name in packages
        ),
    )


@pytest.mark.parametrize("turn", range(6))
async def test_of_ship_and_cancel_at_once_the_later_sees_what_the_earlier_did(
    world: World, owner: asyncpg.Connection, turn: int
) -> None:
    workspace = await world.workspace()
    order_id = await workspace.order()
    both = [
        change(workspace, ship, order_id),
        change(workspace, cancel, order_id, reason="changed my mind"),
    ]

    outcomes = await asyncio.gather(*both[:: 1 if turn % 2 else -1], return_exceptions=True)

    order, packages = await order_of(owner, order_id), await packages_of(owner, order_id)
    assert order["status"] == "CANCELLED"
    assert {p["status"] for p in packages} <= {"CANCELLED"}
    refused = [o for o in outcomes if isinstance(o, TransitionRefused)]
    if refused:  # cancelled first: shipping found a cancelled order
        assert (order["version"], packages, len(outcomes)) == (2, [], 2)
    else:  # shipped first, then cancelled with its package
        assert (order["version"], len(packages)) == (3, 1)


async def test_of_many_who_ship_one_order_one_does(world: World, owner: asyncpg.Connection) -> None:
    workspace = await world.workspace()
    order_id = await workspace.order()

    outcomes = await asyncio.gather(
        *(change(workspace, ship, order_id) for _ in range(5)), return_exceptions=True
    )

    assert [o for o in outcomes if o == order_id] == [order_id]
    assert sum(isinstance(o, TransitionRefused) for o in outcomes) == 4
    assert len(await packages_of(owner, order_id)) == 1
    assert await told(owner, order_id) == [
        ("ORDER_PLACED", "AWAITING_SHIPMENT", 1),
        ("ORDER_STATUS_CHANGE", "AWAITING_COLLECTION", 2),
    ]


async def test_tracking_and_cancelling_at_once_never_leave_a_cancelled_order_moving(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    for _ in range(5):
        order_id = await workspace.order()
        await change(workspace, ship, order_id)
        (package,) = await packages_of(owner, order_id)
        seen = Tracking(code=TrackingCode.COLLECTED, occurred_at=AT)

        outcomes = await asyncio.gather(
            change(workspace, track, package["id"], seen),
            change(workspace, cancel, order_id, reason="x"),
            return_exceptions=True,
        )

        order, (package,) = await order_of(owner, order_id), await packages_of(owner, order_id)
        refused = any(isinstance(o, TransitionRefused) for o in outcomes)
        expected = ("IN_TRANSIT", "FULFILLING") if refused else ("CANCELLED", "CANCELLED")
        assert (order["status"], package["status"]) == expected
        assert all(o == order_id or isinstance(o, TransitionRefused) for o in outcomes)


async def test_an_order_of_two_packages_ships_in_parts_and_then_waits_for_collection(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    order_id = await in_parts(workspace, "A", "B")
    first, second = await packages_of(owner, order_id)

    with pytest.raises(InvalidValue, match="2 packages to fulfil; say which"):
        await change(workspace, ship, order_id)
    await change(workspace, ship, order_id, package_id=first["id"])
    halfway = await order_of(owner, order_id)
    with pytest.raises(InvalidValue, match="only one that is TO_FULFILL"):
        await change(workspace, ship, order_id, package_id=first["id"])
    with pytest.raises(TransitionRefused):
        await change(workspace, cancel, order_id, reason="too late")
    await change(workspace, ship, order_id, package_id=second["id"])

    done = await order_of(owner, order_id)
    assert (halfway["status"], halfway["version"]) == ("PARTIALLY_SHIPPING", 2)
    assert (done["status"], done["version"]) == ("AWAITING_COLLECTION", 3)
    assert [p["status"] for p in await packages_of(owner, order_id)] == ["PROCESSING"] * 2


async def test_lines_in_no_package_keep_an_order_partially_shipping_until_they_go(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    order_id = await in_parts(workspace, "A", loose=2)

    await change(workspace, ship, order_id)
    halfway = await order_of(owner, order_id)
    await change(workspace, ship, order_id)

    assert halfway["status"] == "PARTIALLY_SHIPPING"
    assert (await order_of(owner, order_id))["status"] == "AWAITING_COLLECTION"
    packed = "SELECT count(DISTINCT package_id) FROM order_lines WHERE order_id = $1"
    assert await owner.fetchval(packed, order_id) == 2


async def test_no_empty_package_is_made(world: World, owner: asyncpg.Connection) -> None:
    workspace = await world.workspace()
    order_id = await in_parts(workspace, "A")
    await owner.execute("UPDATE packages SET status = 'CANCELLED' WHERE order_id = $1", order_id)

    with pytest.raises(InvalidValue, match="Every line of this order is in a package"):
        await change(workspace, ship, order_id)

    assert len(await packages_of(owner, order_id)) == 1


async def test_the_state_is_refused_before_the_details_are(world: World) -> None:
    workspace = await world.workspace()
    unpaid = await workspace.order(status=OrderStatus.UNPAID, path=FulfilmentPath.LOCAL_WAREHOUSE)
    paid = await workspace.order(path=FulfilmentPath.LOCAL_WAREHOUSE)

    with pytest.raises(TransitionRefused):
        await change(workspace, ship, unpaid)
    with pytest.raises(NotTracked):
        await change(workspace, ship, paid)
    with pytest.raises(VersionConflict):
        await change(workspace, ship, paid, expected_version=2)
    with pytest.raises(InvalidValue, match="1 to 200 characters"):
        await change(workspace, ship, paid, carrier=" ", tracking_number="1")


async def test_a_parcel_that_is_tracked_already_needs_no_second_number(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    (result,) = await workspace.ingest(
        [
            an_order(
                path=FulfilmentPath.LOCAL_WAREHOUSE,
                packages=(
                    IncomingPackage(
                        external_id="P",
                        path=FulfilmentPath.LOCAL_WAREHOUSE,
                        carrier="J&T",
                        tracking_number="JT1",
                    ),
                ),
                lines=(
                    IncomingLine(
                        seller_sku="S",
                        product_name="T",
                        quantity=1,
                        unit_price_micros=1_000_000,
                        package_external_id="P",
                    ),
                ),
            )
        ]
    )
    assert result.order_id is not None

    await change(workspace, ship, result.order_id)

    (package,) = await packages_of(owner, result.order_id)
    assert (package["status"], package["carrier"]) == ("PROCESSING", "J&T")


async def test_stamps_versions_events_and_audit_of_a_whole_life(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    order_id = await workspace.order()
    await change(workspace, ship, order_id)
    (package,) = await packages_of(owner, order_id)

    for n, code in enumerate(["COLLECTED", "DELIVERY_FAILED", "DELIVERED", "DELIVERED"]):
        seen = Tracking(code=TrackingCode(code), occurred_at=AT + timedelta(hours=min(n, 2)))
        await change(workspace, track, package["id"], seen)

    order = await order_of(owner, order_id)
    assert order["shipped_at"] is not None
    assert order["delivered_at"] == AT + timedelta(hours=2)
    assert order["cancelled_at"] is None
    assert await told(owner, order_id) == [
        ("ORDER_PLACED", "AWAITING_SHIPMENT", 1),
        ("ORDER_STATUS_CHANGE", "AWAITING_COLLECTION", 2),
        ("ORDER_STATUS_CHANGE", "IN_TRANSIT", 3),
        ("PACKAGE_UPDATE", "IN_TRANSIT", 4),
        ("ORDER_STATUS_CHANGE", "DELIVERED", 5),
    ]
    noted = await owner.fetch(
        "SELECT before->>'version' AS old, after->>'version' AS new FROM audit_entries "
        "WHERE entity_type = 'Order' AND entity_id = $1 ORDER BY occurred_at",
        order_id,
    )
    assert [tuple(row) for row in noted] == [("1", "2"), ("2", "3"), ("3", "4"), ("4", "5")]


async def test_another_workspaces_package_reads_as_absent(
    world: World, owner: asyncpg.Connection
) -> None:
    mine, other = await world.workspace(), await world.workspace()
    order_id = await other.order()
    await change(other, ship, order_id)
    (package,) = await packages_of(owner, order_id)

    with pytest.raises(NotFound):
        await change(mine, track, package["id"], Tracking(code=TrackingCode.LOST, occurred_at=AT))
    with pytest.raises(NotFound):
        await change(mine, ship, order_id)
    with pytest.raises(NotFound):
        await change(mine, cancel, order_id, reason="x")

    assert (await packages_of(owner, order_id))[0]["status"] == "PROCESSING"
