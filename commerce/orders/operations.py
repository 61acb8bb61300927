"""Changes to orders, named by what a seller does: ship, cancel, track."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from commerce.orders.events import OrderEventKind, tell
from commerce.orders.lifecycle import (
    Actor,
    FulfilmentPath,
    OrderAction,
    OrderStatus,
    PackageStatus,
    TrackingCode,
    advance,
    after_tracking,
)
from commerce.orders.queries import OrderRow, PackageRow
from commerce.orders.rules import MAX_ID, MAX_TEXT
from commerce.refusals import InvalidValue, NotFound, Refusal, VersionConflict
from tenants.database import Writer
from tenants.ids import new_id
from tenants.pool import Row

_LOCK_ORDER = "SELECT * FROM orders WHERE workspace_id = $1 AND id = $2 FOR UPDATE"
_LOCK_PACKAGES = """
SELECT * FROM packages WHERE workspace_id = $1 AND order_id = $2 ORDER BY id FOR UPDATE
"""
_ORDER_OF_PACKAGE = "SELECT order_id FROM packages WHERE workspace_id = $1 AND id = $2"
_NEW_PACKAGE = """
INSERT INTO packages (workspace_id, id, order_id, status, path, carrier, tracking_number,
                      created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
"""
_PACK_LOOSE_LINES = """
UPDATE order_lines SET package_id = $3
 WHERE workspace_id = $1 AND order_id = $2 AND package_id IS NULL
"""
_CHANGE_PACKAGE = """
UPDATE packages SET status = $3, carrier = coalesce($4, carrier),
       tracking_number = coalesce($5, tracking_number), updated_at = $6
 WHERE workspace_id = $1 AND id = $2
"""
_CANCEL_PACKAGES = """
UPDATE packages SET status = $3, updated_at = $4
 WHERE workspace_id = $1 AND order_id = $2 AND status NOT IN ('COMPLETED', 'CANCELLED')
"""
_HAS_LOOSE_LINES = """
SELECT EXISTS (SELECT FROM order_lines
                WHERE workspace_id = $1 AND order_id = $2 AND package_id IS NULL)
"""
_ADD_TRACKING = """
INSERT INTO tracking_events (workspace_id, id, package_id, occurred_at, code, description, location)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
"""
_CHANGE_ORDER = """
UPDATE orders SET status = $3, version = version + 1, updated_at = $4,
       shipped_at = coalesce($5, shipped_at), delivered_at = coalesce($6, delivered_at),
       cancelled_at = coalesce($7, cancelled_at), cancelled_by = coalesce($8, cancelled_by),
       cancel_reason = coalesce($9, cancel_reason)
 WHERE workspace_id = $1 AND id = $2
"""


class NotTracked(Refusal):
    """A package the seller ships needs a carrier and a tracking number (F8)."""

    code = "TRACKING_REQUIRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """What a carrier reports of a package."""

    code: TrackingCode
    occurred_at: datetime
    description: str = ""
    location: str | None = None


class _OrderOf(Row):
    order_id: UUID


async def ship(
    writer: Writer,
    order_id: UUID,
    *,
    package_id: UUID | None = None,
    carrier: str | None = None,
    tracking_number: str | None = None,
    expected_version: int | None = None,
) -> UUID:
    """Hand a package over to its carrier.

    Without `package_id` it is the one package that waits, or else a new one of all lines that are
    in none. The order waits for collection once nothing is left to ship, and is partially
    shipping until then. LOCAL_WAREHOUSE packages need a carrier and a tracking number (F8).
    """
    order = await _lock(writer, order_id, expected_version)
    advance(OrderStatus(order.status), OrderAction.SHIP)  # refused before any detail is
    packages = await _packages(writer, order)
    loose = bool(await writer.fetchval(_HAS_LOOSE_LINES, writer.workspace_id, order.id))
    package = _chosen(packages, package_id, loose=loose)
    _check_tracked(order, package, carrier, tracking_number)
    waiting = [p for p in packages if p.status == PackageStatus.TO_FULFILL and p is not package]
    remains = bool(waiting) or (loose and package is not None)
    action = OrderAction.SHIP_PART if remains else OrderAction.SHIP
    status = advance(OrderStatus(order.status), action)
    await _hand_over(writer, order, package, carrier, tracking_number)
    await _move(writer, order, status, shipped_at=writer.changes.at)
    return order.id


async def cancel(
    writer: Writer,
    order_id: UUID,
    *,
    reason: str,
    by: Actor = Actor.SELLER,
    expected_version: int | None = None,
) -> UUID:
    """Call an order off, with every package of it."""
    if not reason.strip() or len(reason) > MAX_TEXT:
        message = f"Say why the order is cancelled, in 1 to {MAX_TEXT:,} characters."
        raise InvalidValue(message, field=("reason",))
    order = await _lock(writer, order_id, expected_version)
    status = advance(OrderStatus(order.status), OrderAction.CANCEL)
    at = writer.changes.at
    await writer.execute(
        _CANCEL_PACKAGES, writer.workspace_id, order.id, PackageStatus.CANCELLED.value, at
    )
    await _move(writer, order, status, cancelled_at=at, cancelled_by=by.value, cancel_reason=reason)
    return order.id


async def track(writer: Writer, package_id: UUID, tracking: Tracking) -> UUID:
    """Note what a carrier reports; the package, and with it the order, moves on accordingly."""
    if tracking.occurred_at.tzinfo is None:
        raise InvalidValue("The time has no time zone.", field=("occurredAt",))
    if max(len(tracking.description), len(tracking.location or "")) > MAX_TEXT:
        message = f"Description and location have at most {MAX_TEXT:,} characters."
        raise InvalidValue(message, field=("description",))
    found = await writer.fetchrow(_ORDER_OF_PACKAGE, writer.workspace_id, package_id, row=_OrderOf)
    if found is None:
        raise NotFound("package", field=("packageId",))
    order = await _lock(writer, found.order_id, None)
    packages = await _packages(writer, order)
    package = next((p for p in packages if p.id == package_id), None)
    if package is None:  # it was moved to another order before this one was locked
        raise NotFound("package", field=("packageId",))
    added = await writer.execute(
        _ADD_TRACKING, writer.workspace_id, new_id(), package_id, tracking.occurred_at,
        tracking.code.value, tracking.description, tracking.location,
    )  # fmt: skip
    status = PackageStatus(package.status)
    if added:
        status = await _follow(writer, order, packages, package, tracking)
    writer.changes.audit(
        "Package",
        package_id,
        before={"status": package.status},
        after={"status": status, "tracking": tracking.code, "known_before": not added},
    )
    return order.id


async def _follow(
    writer: Writer,
    order: OrderRow,
    packages: list[PackageRow],
    package: PackageRow,
    tracking: Tracking,
) -> PackageStatus:
    status, package_status = after_tracking(
        tracking.code,
        order=OrderStatus(order.status),
        package=PackageStatus(package.status),
        others={PackageStatus(p.status) for p in packages if p.id != package.id},
    )
    await writer.execute(
        _CHANGE_PACKAGE,
        writer.workspace_id,
        package.id,
        package_status.value,
        None,
        None,
        writer.changes.at,
    )
    delivered = status is OrderStatus.DELIVERED and status.value != order.status
    await _move(writer, order, status, delivered_at=tracking.occurred_at if delivered else None)
    return package_status


async def _hand_over(
    writer: Writer,
    order: OrderRow,
    package: PackageRow | None,
    carrier: str | None,
    tracking_number: str | None,
) -> None:
    workspace, at = writer.workspace_id, writer.changes.at
    ready = PackageStatus.PROCESSING.value
    if package is not None:
        await writer.execute(
            _CHANGE_PACKAGE, workspace, package.id, ready, carrier, tracking_number, at
        )
        return
    package_id = new_id()
    await writer.execute(
        _NEW_PACKAGE, workspace, package_id, order.id, ready, order.path, carrier,
        tracking_number, at,
    )  # fmt: skip
    await writer.execute(_PACK_LOOSE_LINES, workspace, order.id, package_id)


async def _move(writer: Writer, order: OrderRow, status: OrderStatus, **stamps: Any) -> None:
    """Write the order's new state, its audit entry and its event."""
    await writer.execute(
        _CHANGE_ORDER, writer.workspace_id, order.id, status.value, writer.changes.at,
        stamps.get("shipped_at"), stamps.get("delivered_at"), stamps.get("cancelled_at"),
        stamps.get("cancelled_by"), stamps.get("cancel_reason"),
    )  # fmt: skip
    version = order.version + 1
    writer.changes.audit(
        "Order",
        order.id,
        before={"status": order.status, "version": order.version},
        after={"status": status, "version": version},
    )
    changed = status.value != order.status
    tell(
        writer.changes,
        OrderEventKind.ORDER_STATUS_CHANGE if changed else OrderEventKind.PACKAGE_UPDATE,
        order.id,
        status=status.value,
        version=version,
        live_room_id=order.live_room_id,
    )


async def _lock(writer: Writer, order_id: UUID, expected_version: int | None) -> OrderRow:
    order = await writer.fetchrow(_LOCK_ORDER, writer.workspace_id, order_id, row=OrderRow)
    if order is None:
        raise NotFound("order", field=("orderId",))
    if expected_version is not None and expected_version != order.version:
        raise VersionConflict(expected=expected_version, actual=order.version)
    return order


async def _packages(writer: Writer, order: OrderRow) -> list[PackageRow]:
    return await writer.fetch(_LOCK_PACKAGES, writer.workspace_id, order.id, row=PackageRow)


def _chosen(
    packages: list[PackageRow], package_id: UUID | None, *, loose: bool
) -> PackageRow | None:
    """The package that is meant; None means that one has to be made of the loose lines."""
    if package_id is None:
        waiting = [p for p in packages if p.status == PackageStatus.TO_FULFILL]
        if len(waiting) > 1:
            message = f"This order has {len(waiting)} packages to fulfil; say which."
            raise InvalidValue(message, field=("packageId",))
        if not waiting and not loose:
            message = "Every line of this order is in a package that was handed over."
            raise InvalidValue(message, field=("orderId",))
        return waiting[0] if waiting else None
    package = next((p for p in packages if p.id == package_id), None)
    if package is None:
        raise NotFound("package", field=("packageId",))
    if package.status != PackageStatus.TO_FULFILL:
        message = f"This package is {package.status}; only one that is TO_FULFILL can be shipped."
        raise InvalidValue(message, field=("packageId",))
    return package


def _check_tracked(
    order: OrderRow, package: PackageRow | None, carrier: str | None, tracking_number: str | None
) -> None:
    """What the package knows already need not be given again."""
    path = package.path if package else order.path
    for text, name in ((carrier, "carrier"), (tracking_number, "trackingNumber")):
        if text is not None and not 1 <= len(text.strip()) <= len(text) <= MAX_ID:
            raise InvalidValue(f"It has 1 to {MAX_ID} characters.", field=(name,))
    carrier = carrier or (package.carrier if package else None)
    number = tracking_number or (package.tracking_number if package else None)
    if path == FulfilmentPath.LOCAL_WAREHOUSE and not (carrier and number):
        raise NotTracked(
            "A package from your own warehouse needs its carrier and tracking number.",
            field=("trackingNumber" if carrier else "carrier",),
        )
