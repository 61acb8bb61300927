"""Write new orders with their lines and packages, many in three statements."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from commerce.money import line_total_minor
from commerce.orders.ingestion import IncomingLine, IncomingOrder
from commerce.orders.lifecycle import OrderStatus, PackageStatus
from tenants.database import Writer
from tenants.ids import new_id
from tenants.pool import Row

NewOrder = tuple[UUID, IncomingOrder]


class _Inserted(Row):
    id: UUID


_COLUMNS = (
    "id", "channel", "external_id", "kind", "site", "status", "path", "currency",
    "list_minor", "seller_discount_minor", "platform_discount_minor", "subtotal_minor",
    "shipping_fee_minor", "tax_minor", "total_minor", "live_room_id", "buyer_id",
    "buyer_nickname", "buyer_message", "seller_note", "payment_method", "recipient_name",
    "recipient_phone", "recipient_country", "recipient_region", "recipient_city",
    "recipient_district", "recipient_postal_code", "recipient_address_line", "placed_at",
    "paid_at", "ready_to_ship_at", "ship_by", "shipped_at", "delivered_at", "completed_at",
    "cancelled_at", "cancelled_by", "cancel_reason", "created_at", "updated_at",
)  # fmt: skip
_TYPES = (
    "uuid text text text text text text text bigint bigint bigint bigint bigint bigint bigint uuid "
    + "text " * 13
    + "timestamptz " * 8
    + "text text timestamptz timestamptz"
).split()


def unnested(types: Sequence[str], *, start: int = 2) -> str:
    """The arguments of `unnest`: one array parameter a type, numbered from `start`."""
    return ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(types, start))


_INSERT_ORDERS = f"""
INSERT INTO orders (workspace_id, version, {", ".join(_COLUMNS)})
SELECT $1, 1, * FROM unnest({unnested(_TYPES)})
ON CONFLICT (workspace_id, channel, external_id) DO NOTHING
RETURNING id
"""
_INSERT_PACKAGES = f"""
INSERT INTO packages (workspace_id, id, order_id, external_id, status, path, carrier,
                      tracking_number, created_at, updated_at)
SELECT $1, * FROM unnest({unnested("uuid uuid text text text text text".split())},
                         $9::timestamptz[], $9::timestamptz[])
"""  # noqa: SIM905 - a list of types reads best as words
_INSERT_LINES = f"""
INSERT INTO order_lines (workspace_id, order_id, place, external_id, external_sku_id, seller_sku,
                         product_name, variation, quantity, unit_price_micros, list_minor,
                         seller_discount_minor, platform_discount_minor, package_id)
SELECT $1, * FROM unnest({
    unnested("uuid int text text text text text int bigint bigint bigint bigint uuid".split())
})
"""  # noqa: SIM905 - likewise


async def store_new(writer: Writer, fresh: Sequence[NewOrder], rooms: dict[str, UUID]) -> set[UUID]:
    """Insert what is not there yet; the ids that really went in."""
    if not fresh:
        return set()
    # Always in the same sequence, so that two calls with the same orders cannot deadlock.
    by_key = sorted(fresh, key=lambda item: (item[1].channel, item[1].external_id))
    values = [
        _order_values(order_id, order, rooms, writer.changes.at) for order_id, order in by_key
    ]
    inserted = await writer.fetch(
        _INSERT_ORDERS, writer.workspace_id, *in_columns(values), row=_Inserted
    )
    stored = {row.id for row in inserted}
    entering = [item for item in fresh if item[0] in stored]
    package_ids = await store_packages(writer, entering)
    lines = [
        _line_values(order_id, place, line, order, package_ids)
        for order_id, order in entering
        for place, line in enumerate(order.lines, 1)
    ]
    if lines:
        await writer.execute(_INSERT_LINES, writer.workspace_id, *in_columns(lines))
    return stored


async def store_packages(
    writer: Writer, orders: Sequence[NewOrder]
) -> dict[tuple[UUID, str], UUID]:
    """Packages of orders that have none; their ids by the order's id and the channel's id."""
    ids: dict[tuple[UUID, str], UUID] = {}
    rows = []
    for order_id, order in orders:
        status = package_status(order.status).value
        for package in order.packages:
            package_id = ids[order_id, package.external_id] = new_id()
            rows.append(
                (
                    package_id, order_id, package.external_id, status, package.path.value,
                    package.carrier, package.tracking_number, writer.changes.at,
                )
            )  # fmt: skip
    if rows:
        await writer.execute(_INSERT_PACKAGES, writer.workspace_id, *in_columns(rows))
    return ids


def _order_values(
    order_id: UUID, order: IncomingOrder, rooms: dict[str, UUID], at: datetime
) -> tuple[Any, ...]:
    listed = sum(_list_minor(line, order.currency) for line in order.lines)
    seller = sum(line.seller_discount_minor for line in order.lines)
    platform = sum(line.platform_discount_minor for line in order.lines)
    subtotal = listed - seller - platform
    to = order.recipient
    return (
        order_id, order.channel, order.external_id, order.kind.value, order.site.value,
        order.status.value, order.path.value, order.currency, listed, seller, platform, subtotal,
        order.shipping_fee_minor, order.tax_minor,
        subtotal + order.shipping_fee_minor + order.tax_minor,
        rooms.get(order.live_room_id) if order.live_room_id else None,
        order.buyer_id, order.buyer_nickname, order.buyer_message, order.seller_note,
        order.payment_method, to.name, to.phone, to.country, to.region, to.city, to.district,
        to.postal_code, to.address_line, order.placed_at, order.paid_at, order.ready_to_ship_at,
        order.ship_by, order.shipped_at, order.delivered_at,
        order.delivered_at if order.status is OrderStatus.COMPLETED else None,
        order.cancelled_at, order.cancelled_by.value if order.cancelled_by else None,
        order.cancel_reason, at, at,
    )  # fmt: skip


def _line_values(
    order_id: UUID,
    place: int,
    line: IncomingLine,
    order: IncomingOrder,
    package_ids: dict[tuple[UUID, str], UUID],
) -> tuple[Any, ...]:
    package = line.package_external_id
    return (
        order_id, place, line.external_id, line.external_sku_id, line.seller_sku,
        line.product_name, line.variation, line.quantity, line.unit_price_micros,
        _list_minor(line, order.currency), line.seller_discount_minor,
        line.platform_discount_minor,
        package_ids.get((order_id, package)) if package else None,
    )  # fmt: skip


# Asked twice a line, and few combinations of quantity and price make up most of a file.
_total = lru_cache(maxsize=20_000)(line_total_minor)


def _list_minor(line: IncomingLine, currency: str) -> int:
    return _total(line.quantity, line.unit_price_micros, currency)


_PACKAGE_STATUS = {
    OrderStatus.AWAITING_COLLECTION: PackageStatus.PROCESSING,
    OrderStatus.IN_TRANSIT: PackageStatus.FULFILLING,
    OrderStatus.DELIVERED: PackageStatus.COMPLETED,
    OrderStatus.COMPLETED: PackageStatus.COMPLETED,
    OrderStatus.CANCELLED: PackageStatus.CANCELLED,
}


def package_status(status: OrderStatus) -> PackageStatus:
    """The state a package must be in for its order to be in `status`."""
    return _PACKAGE_STATUS.get(status, PackageStatus.TO_FULFILL)


def in_columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows as `unnest` takes them: one array a column."""
    return [list(column) for column in zip(*rows, strict=True)]
