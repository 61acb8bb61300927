"""Store orders that a channel reports, many in a few statements, each exactly once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from commerce.live.queries import live_rooms_by_external_id
from commerce.money import line_total_minor
from commerce.orders.events import OrderEventKind, tell
from commerce.orders.ingestion import IncomingLine, IncomingOrder
from commerce.orders.lifecycle import OrderStatus, PackageStatus
from commerce.orders.rules import problem_with
from tenants.database import Writer
from tenants.ids import new_id
from tenants.pool import Row

MAX_ORDERS_PER_CALL = 500


class IngestOutcome(StrEnum):
    STORED = "STORED"
    ALREADY_KNOWN = "ALREADY_KNOWN"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What became of one order; `order_id` is set unless it was rejected, with `reason`."""

    external_id: str
    outcome: IngestOutcome
    order_id: UUID | None = None
    reason: str | None = None


class _Key(Row):
    id: UUID
    channel: str
    external_id: str


_COLUMNS = (
    "id", "channel", "external_id", "kind", "site", "status", "path", "currency",
    "list_minor", "seller_discount_minor", "platform_discount_minor", "subtotal_minor",
    "shipping_fee_minor", "tax_minor", "total_minor", "live_room_id", "buyer_id",
    "buyer_nickname", "buyer_message", "seller_note", "payment_method", "recipient_name",
    "recipient_phone", "recipient_country", "recipient_region", "recipient_city",
    "recipient_district", "recipient_postal_code", "recipient_address_line", "placed_at",
    "paid_at", "ready_to_ship_at", "shipped_at", "delivered_at", "completed_at", "cancelled_at",
    "cancelled_by", "cancel_reason", "created_at", "updated_at",
)  # fmt: skip
_TYPES = (
    "uuid text text text text text text text bigint bigint bigint bigint bigint bigint bigint uuid "
    + "text " * 13
    + "timestamptz " * 7
    + "text text timestamptz timestamptz"
).split()


def _unnest(types: Sequence[str], *, start: int = 2) -> str:
    return ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(types, start))


_INSERT_ORDERS = f"""
INSERT INTO orders (workspace_id, version, {", ".join(_COLUMNS)})
SELECT $1, 1, * FROM unnest({_unnest(_TYPES)})
ON CONFLICT (workspace_id, channel, external_id) DO NOTHING
RETURNING id, channel, external_id
"""
_KNOWN = """
SELECT o.id, o.channel, o.external_id FROM orders o
  JOIN unnest($2::text[], $3::text[]) AS k(channel, external_id)
    ON o.channel = k.channel AND o.external_id = k.external_id
 WHERE o.workspace_id = $1
"""
_INSERT_PACKAGES = f"""
INSERT INTO packages (workspace_id, id, order_id, external_id, status, path, carrier,
                      tracking_number, created_at, updated_at)
SELECT $1, * FROM unnest({_unnest("uuid uuid text text text text text".split())},
                         $9::timestamptz[], $9::timestamptz[])
"""  # noqa: SIM905 - a list of types reads best as words
_INSERT_LINES = f"""
INSERT INTO order_lines (workspace_id, order_id, place, external_id, external_sku_id, seller_sku,
                         product_name, variation, quantity, unit_price_micros, list_minor,
                         seller_discount_minor, platform_discount_minor, package_id)
SELECT $1, * FROM unnest({
    _unnest("uuid int text text text text text int bigint bigint bigint bigint uuid".split())
})
"""  # noqa: SIM905 - likewise


async def ingest(writer: Writer, orders: Sequence[IncomingOrder]) -> list[IngestResult]:
    """Store the orders that are new, in their own sequence, and say what became of each.

    An order is known by its channel and external id; one that is already stored, or comes twice
    in one call, is left as it is. A bad order is rejected with the reason and stops no other.
    """
    reasons = [problem_with(order) for order in orders]
    rooms = await _rooms(writer, orders)
    for n, order in enumerate(orders):
        if reasons[n] is None and order.live_room_id and order.live_room_id not in rooms:
            reasons[n] = f"There is no LIVE room {order.live_room_id!r} in this workspace."
    fresh: dict[tuple[str, str], tuple[UUID, IncomingOrder]] = {}
    for order, reason in zip(orders, reasons, strict=True):
        if reason is None:
            fresh.setdefault((order.channel, order.external_id), (new_id(), order))
    stored = await _store(writer, list(fresh.values()), rooms)
    known = await _known(writer, [key for key in fresh if fresh[key][0] not in stored])
    _report(writer, [fresh[key] for key in fresh if fresh[key][0] in stored], rooms)
    results, seen = [], set[tuple[str, str]]()
    for order, reason in zip(orders, reasons, strict=True):
        key = (order.channel, order.external_id)
        results.append(_result(order, reason, fresh.get(key), known.get(key), repeated=key in seen))
        seen.add(key)
    return results


def _result(
    order: IncomingOrder,
    reason: str | None,
    fresh: tuple[UUID, IncomingOrder] | None,
    known: UUID | None,
    *,
    repeated: bool,
) -> IngestResult:
    if reason is not None or fresh is None:
        return IngestResult(
            external_id=order.external_id, outcome=IngestOutcome.REJECTED, reason=reason
        )
    is_known = known is not None or repeated
    return IngestResult(
        external_id=order.external_id,
        outcome=IngestOutcome.ALREADY_KNOWN if is_known else IngestOutcome.STORED,
        order_id=known or fresh[0],
    )


async def _rooms(writer: Writer, orders: Sequence[IncomingOrder]) -> dict[str, UUID]:
    wanted = sorted({order.live_room_id for order in orders if order.live_room_id})
    if not wanted:
        return {}
    return {room.external_id: room.id for room in await live_rooms_by_external_id(writer, wanted)}


async def _store(
    writer: Writer, fresh: list[tuple[UUID, IncomingOrder]], rooms: dict[str, UUID]
) -> set[UUID]:
    """Insert what is not there yet; the ids that really went in."""
    if not fresh:
        return set()
    at = writer.changes.at
    # Always in the same sequence, so that two calls with the same orders cannot deadlock.
    by_key = sorted(fresh, key=lambda item: (item[1].channel, item[1].external_id))
    values = [_order_values(order_id, order, rooms, at) for order_id, order in by_key]
    columns = list(zip(*values, strict=True))
    inserted = await writer.fetch(_INSERT_ORDERS, writer.workspace_id, *columns, row=_Key)
    stored = {row.id for row in inserted}
    entering = [item for item in fresh if item[0] in stored]
    package_ids = await _store_packages(writer, entering, at)
    lines = [
        _line_values(order_id, place, line, order, package_ids)
        for order_id, order in entering
        for place, line in enumerate(order.lines, 1)
    ]
    if lines:
        await writer.execute(
            _INSERT_LINES, writer.workspace_id, *(list(c) for c in zip(*lines, strict=True))
        )
    return stored


async def _store_packages(
    writer: Writer, entering: list[tuple[UUID, IncomingOrder]], at: datetime
) -> dict[tuple[UUID, str], UUID]:
    ids: dict[tuple[UUID, str], UUID] = {}
    rows = []
    for order_id, order in entering:
        for package in order.packages:
            package_id = ids[order_id, package.external_id] = new_id()
            status = _package_status(order.status)
            rows.append(
                (
                    package_id, order_id, package.external_id, status, package.path.value,
                    package.carrier, package.tracking_number, at,
                )
            )  # fmt: skip
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        await writer.execute(_INSERT_PACKAGES, writer.workspace_id, *columns)
    return ids


async def _known(writer: Writer, keys: list[tuple[str, str]]) -> dict[tuple[str, str], UUID]:
    if not keys:
        return {}
    channels, external_ids = [key[0] for key in keys], [key[1] for key in keys]
    rows = await writer.fetch(_KNOWN, writer.workspace_id, channels, external_ids, row=_Key)
    return {(row.channel, row.external_id): row.id for row in rows}


def _report(
    writer: Writer, stored: list[tuple[UUID, IncomingOrder]], rooms: dict[str, UUID]
) -> None:
    for order_id, order in stored:
        room = rooms.get(order.live_room_id) if order.live_room_id else None
        tell(
            writer.changes,
            OrderEventKind.ORDER_PLACED,
            order_id,
            status=order.status.value,
            version=1,
            live_room_id=room,
        )
    writer.changes.audit(
        "OrderBatch",
        None,
        after={"stored": [str(order_id) for order_id, _ in stored]},
    )


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
        order.shipped_at, order.delivered_at,
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


def _list_minor(line: IncomingLine, currency: str) -> int:
    return line_total_minor(line.quantity, line.unit_price_micros, currency)


def _package_status(status: OrderStatus) -> str:
    """The state a package must be in for its order to be in `status`."""
    if status is OrderStatus.IN_TRANSIT:
        return PackageStatus.FULFILLING.value
    if status in {OrderStatus.DELIVERED, OrderStatus.COMPLETED}:
        return PackageStatus.COMPLETED.value
    if status is OrderStatus.CANCELLED:
        return PackageStatus.CANCELLED.value
    if status is OrderStatus.AWAITING_COLLECTION:
        return PackageStatus.PROCESSING.value
    return PackageStatus.TO_FULFILL.value
