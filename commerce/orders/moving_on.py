"""Move stored orders on to where their channel says they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from commerce.orders.ingestion import IncomingOrder
from commerce.orders.lifecycle import OrderStatus, PackageStatus
from commerce.orders.rules import is_ahead
from commerce.orders.storing import NewOrder, in_columns, package_status, store_packages, unnested
from tenants.database import Writer
from tenants.pool import Row

_LOCK = """
SELECT id, status, version, live_room_id FROM orders
 WHERE workspace_id = $1 AND id = ANY($2) ORDER BY id FOR UPDATE
"""
_PACKED = """
SELECT DISTINCT order_id AS id FROM packages WHERE workspace_id = $1 AND order_id = ANY($2)
"""
_MOVE_TYPES = ("uuid", "text", *["timestamptz"] * 6, "text", "text")
_MOVE = f"""
UPDATE orders o
   SET status = m.status, version = o.version + 1, updated_at = $12,
       paid_at = coalesce(m.paid_at, o.paid_at),
       ready_to_ship_at = coalesce(m.ready_to_ship_at, o.ready_to_ship_at),
       shipped_at = coalesce(m.shipped_at, o.shipped_at),
       delivered_at = coalesce(m.delivered_at, o.delivered_at),
       completed_at = coalesce(m.completed_at, o.completed_at),
       cancelled_at = coalesce(m.cancelled_at, o.cancelled_at),
       cancelled_by = coalesce(m.cancelled_by, o.cancelled_by),
       cancel_reason = coalesce(m.cancel_reason, o.cancel_reason)
  FROM unnest({unnested(_MOVE_TYPES)})
       AS m(id, status, paid_at, ready_to_ship_at, shipped_at, delivered_at, completed_at,
            cancelled_at, cancelled_by, cancel_reason)
 WHERE o.workspace_id = $1 AND o.id = m.id
"""
_PACKAGE_RANKS = "ARRAY['{}']".format("', '".join(status.value for status in PackageStatus))
_MOVE_PACKAGES = f"""
UPDATE packages p SET status = m.status, updated_at = $4
  FROM unnest($2::uuid[], $3::text[]) AS m(order_id, status)
 WHERE p.workspace_id = $1 AND p.order_id = m.order_id
   AND p.status NOT IN ('COMPLETED', 'CANCELLED')
   AND array_position({_PACKAGE_RANKS}, p.status) < array_position({_PACKAGE_RANKS}, m.status)
"""
_PACK_LINES = """
UPDATE order_lines l SET package_id = m.package_id
  FROM unnest($2::uuid[], $3::text[], $4::uuid[]) AS m(order_id, seller_sku, package_id)
 WHERE l.workspace_id = $1 AND l.order_id = m.order_id AND l.seller_sku = m.seller_sku
   AND l.package_id IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An order that was moved on; `version` is the one it has now."""

    order_id: UUID
    before: OrderStatus
    after: OrderStatus
    version: int
    live_room_id: UUID | None


class _Locked(Row):
    id: UUID
    status: str
    version: int
    live_room_id: UUID | None


class _Packed(Row):
    id: UUID


async def move_on(writer: Writer, reports: dict[UUID, IncomingOrder]) -> list[Move]:
    """Move the orders whose report is ahead of them, by order id; the others stay as they are.

    Status, times, who cancelled and why follow the report, and packages the order's status. An
    order without packages gets those of the report. Lines, amounts and addresses stay as stored.
    """
    if not reports:
        return []
    # By id, so that two calls that move the same orders wait for each other and do not deadlock.
    locked = await writer.fetch(_LOCK, writer.workspace_id, list(reports), row=_Locked)
    behind = [row for row in locked if is_ahead(reports[row.id].status, OrderStatus(row.status))]
    if not behind:
        return []
    moving = [(row.id, reports[row.id]) for row in behind]
    values = [_values(order_id, order) for order_id, order in moving]
    await writer.execute(_MOVE, writer.workspace_id, *in_columns(values), writer.changes.at)
    await _move_packages(writer, moving)
    return [
        Move(
            order_id=row.id,
            before=OrderStatus(row.status),
            after=reports[row.id].status,
            version=row.version + 1,
            live_room_id=row.live_room_id,
        )
        for row in behind
    ]


async def _move_packages(writer: Writer, moving: Sequence[NewOrder]) -> None:
    ids = [order_id for order_id, _ in moving]
    # Asked after locking: the snapshot of the lock itself may be older than what it waited for.
    packed = {row.id for row in await writer.fetch(_PACKED, writer.workspace_id, ids, row=_Packed)}
    following = [(i, package_status(order.status).value) for i, order in moving if i in packed]
    if following:
        at = writer.changes.at
        await writer.execute(_MOVE_PACKAGES, writer.workspace_id, *in_columns(following), at)
    await _pack(writer, [item for item in moving if item[0] not in packed])


async def _pack(writer: Writer, orders: Sequence[NewOrder]) -> None:
    """New packages, and in them the lines whose SKU the report puts into one package only."""
    package_ids = await store_packages(writer, orders)
    rows = []
    for order_id, order in orders:
        packages_of: dict[str, set[str | None]] = {}
        for line in order.lines:
            packages_of.setdefault(line.seller_sku, set()).add(line.package_external_id)
        for sku, packages in packages_of.items():
            (package, *others) = packages
            if package is not None and not others:
                rows.append((order_id, sku, package_ids[order_id, package]))
    if rows:
        await writer.execute(_PACK_LINES, writer.workspace_id, *in_columns(rows))


def _values(order_id: UUID, order: IncomingOrder) -> tuple[object, ...]:
    completed = order.delivered_at if order.status is OrderStatus.COMPLETED else None
    return (
        order_id, order.status.value, order.paid_at, order.ready_to_ship_at, order.shipped_at,
        order.delivered_at, completed, order.cancelled_at,
        order.cancelled_by.value if order.cancelled_by else None, order.cancel_reason,
    )  # fmt: skip
