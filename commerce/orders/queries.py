"""Questions about orders. Each answers for many keys in one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)

from commerce.orders.tables import Order, OrderLine, Package
from commerce.pages import Listing, OrderBy
from tenants.database import Reader
from tenants.pool import Row


class OrderRow(Row):
    workspace_id: UUID
    id: UUID
    channel: str
    external_id: str
    kind: str
    site: str
    status: str
    path: str
    currency: str
    list_minor: int
    seller_discount_minor: int
    platform_discount_minor: int
    subtotal_minor: int
    shipping_fee_minor: int
    tax_minor: int
    total_minor: int
    live_room_id: UUID | None
    buyer_id: str | None
    buyer_nickname: str | None
    buyer_message: str | None
    seller_note: str | None
    payment_method: str | None
    recipient_name: str | None
    recipient_phone: str | None
    recipient_country: str | None
    recipient_region: str | None
    recipient_city: str | None
    recipient_district: str | None
    recipient_postal_code: str | None
    recipient_address_line: str | None
    placed_at: datetime
    paid_at: datetime | None
    ready_to_ship_at: datetime | None
    ship_by: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    cancelled_by: str | None
    cancel_reason: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class OrderLineRow(Row):
    """A line with the currency of its order, and the SKU of the catalogue it names, if known."""

    order_id: UUID
    place: int
    external_id: str | None
    external_sku_id: str | None
    seller_sku: str
    product_name: str
    variation: str | None
    quantity: int
    unit_price_micros: int
    list_minor: int
    seller_discount_minor: int
    platform_discount_minor: int
    package_id: UUID | None
    currency: str


class PackageRow(Row):
    id: UUID
    order_id: UUID
    external_id: str | None
    status: str
    path: str
    carrier: str | None
    tracking_number: str | None
    created_at: datetime
    updated_at: datetime


class TrackingRow(Row):
    id: UUID
    package_id: UUID
    occurred_at: datetime
    code: str
    description: str
    location: str | None


_orders: Any = Order.__table__  # type: ignore[attr-defined]
_lines: Any = OrderLine.__table__  # type: ignore[attr-defined]
_packages: Any = Package.__table__  # type: ignore[attr-defined]
_workspace = bindparam("workspace", type_=_orders.c.workspace_id.type)


def _holding(seller_sku: BindParameter[Any]) -> ColumnElement[bool]:
    matching = select(_lines.c.order_id).where(
        and_(_lines.c.workspace_id == _workspace, _lines.c.seller_sku == seller_sku)
    )
    return _orders.c.id.in_(matching)  # type: ignore[no-any-return]


def _tracked_as(number: BindParameter[Any]) -> ColumnElement[bool]:
    matching = select(_packages.c.order_id).where(
        and_(_packages.c.workspace_id == _workspace, _packages.c.tracking_number == number)
    )
    return _orders.c.id.in_(matching)  # type: ignore[no-any-return]


def _found_by(word: BindParameter[Any]) -> ColumnElement[bool]:
    """What people paste: an order id or its beginning, a seller SKU, a tracking number."""
    after_all = func.concat(word, literal_column("chr(1114111)"))
    return or_(
        and_(_orders.c.external_id >= word, _orders.c.external_id < after_all),
        _holding(word),
        _tracked_as(word),
    )


ORDERS = Listing(
    table=_orders,
    row=OrderRow,
    rules={
        "status": _orders.c.status,
        "kind": _orders.c.kind,
        "site": _orders.c.site,
        "channel": _orders.c.channel,
        "external_id": _orders.c.external_id,
        "country": _orders.c.recipient_country,
        "buyer_id": _orders.c.buyer_id,
        "live_room_id": _orders.c.live_room_id,
        "placed_at": _orders.c.placed_at,
        "updated_at": _orders.c.updated_at,
        "seller_sku": _holding,
        "search": _found_by,
    },
    orders={
        "PLACED_AT": _orders.c.placed_at,
        "UPDATED_AT": _orders.c.updated_at,
        "TOTAL": _orders.c.total_minor,
    },
    default_order=(OrderBy("PLACED_AT", descending=True),),
)

_ORDERS_BY_ID = "SELECT * FROM orders WHERE workspace_id = $1 AND id = ANY($2)"
_LINES = """
SELECT l.*, o.currency FROM order_lines l
  JOIN orders o ON o.workspace_id = l.workspace_id AND o.id = l.order_id
 WHERE l.workspace_id = $1 AND o.workspace_id = $1 AND l.order_id = ANY($2)
 ORDER BY l.order_id, l.place
"""
_PACKAGES = """
SELECT * FROM packages WHERE workspace_id = $1 AND order_id = ANY($2) ORDER BY order_id, id
"""
_PACKAGES_BY_ID = "SELECT * FROM packages WHERE workspace_id = $1 AND id = ANY($2)"
_TRACKING = """
SELECT * FROM tracking_events WHERE workspace_id = $1 AND package_id = ANY($2)
 ORDER BY package_id, occurred_at, id
"""


async def orders_by_id(reader: Reader, ids: Sequence[UUID]) -> list[OrderRow]:
    return await reader.fetch(_ORDERS_BY_ID, reader.workspace_id, ids, row=OrderRow)


async def lines_by_order(reader: Reader, order_ids: Sequence[UUID]) -> list[OrderLineRow]:
    return await reader.fetch(_LINES, reader.workspace_id, order_ids, row=OrderLineRow)


async def packages_by_order(reader: Reader, order_ids: Sequence[UUID]) -> list[PackageRow]:
    return await reader.fetch(_PACKAGES, reader.workspace_id, order_ids, row=PackageRow)


async def packages_by_id(reader: Reader, ids: Sequence[UUID]) -> list[PackageRow]:
    return await reader.fetch(_PACKAGES_BY_ID, reader.workspace_id, ids, row=PackageRow)


async def tracking_by_package(reader: Reader, package_ids: Sequence[UUID]) -> list[TrackingRow]:
    return await reader.fetch(_TRACKING, reader.workspace_id, package_ids, row=TrackingRow)
