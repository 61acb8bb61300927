"""Orders, their lines, packages and tracking."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from commerce.conditions import All, Compare, Condition, Not
from commerce.orders.ingestion import OrderKind
from commerce.orders.lifecycle import (
    STATUS_CODES,
    Actor,
    FulfilmentPath,
    OrderAction,
    OrderStatus,
    PackageStatus,
    TrackingCode,
    available_actions,
)
from commerce.orders.privacy import HIDDEN_WHILE, AddressView, address_view, masked, masked_phone
from commerce.orders.queries import ORDERS, OrderLineRow, OrderRow, PackageRow
from commerce.pages import Window
from commerce.shops.sites import Site
from schema.connections import Connection, connect
from schema.context import Info
from schema.filters import (
    DateTimeFilter,
    Filter,
    IDFilter,
    StringFilter,
    Translate,
    comparisons,
    condition,
)
from schema.live_rooms import LiveRoom
from schema.loaders import relation
from schema.money import Money, exact_money, money
from schema.nodes import Node, instances_of, local_id, node_id
from schema.products import Direction, Sku, ordering
from tenants.grants import Grant


@strawberry.type(description="A report of a carrier.")
class TrackingEvent:
    occurred_at: datetime
    code: TrackingCode
    description: str
    location: str | None


@strawberry.type(description="A parcel of an order.")
class Package(Node):
    id: strawberry.ID = node_id("Package", relation="package")
    external_id: str | None
    status: PackageStatus
    path: FulfilmentPath
    carrier: str | None
    tracking_number: str | None
    created_at: datetime
    updated_at: datetime
    tracking: list[TrackingEvent] = relation("tracking_by_package", size=5)
    order: "Order" = relation("order", key="order_id")

    is_type_of = instances_of(PackageRow)


def _unit_price(root: strawberry.Parent[OrderLineRow]) -> Money:
    return exact_money(root.unit_price_micros, root.currency)


def _list_amount(root: strawberry.Parent[OrderLineRow]) -> Money:
    return money(root.list_minor, root.currency)


def _line_seller_discount(root: strawberry.Parent[OrderLineRow]) -> Money:
    return money(root.seller_discount_minor, root.currency)


def _line_platform_discount(root: strawberry.Parent[OrderLineRow]) -> Money:
    return money(root.platform_discount_minor, root.currency)


@strawberry.type(description="Pieces of one SKU in an order.")
class OrderLine:
    place: int
    external_id: str | None
    seller_sku: str
    product_name: str
    variation: str | None
    quantity: int
    unit_price: Money = strawberry.field(
        resolver=_unit_price, description="Exact; may be finer than the currency's minor unit."
    )
    list_amount: Money = strawberry.field(
        resolver=_list_amount, description="Quantity times unit price, rounded half-even."
    )
    seller_discount: Money = strawberry.field(resolver=_line_seller_discount)
    platform_discount: Money = strawberry.field(resolver=_line_platform_discount)
    sku: Sku | None = relation(
        "sku_by_seller_sku",
        key="seller_sku",
        description="The SKU of the catalogue by that seller SKU, if there is one.",
    )
    package: Package | None = relation("package", key="package_id")


@strawberry.type(description="Where an order goes, as much of it as you may see (`view`).")
class Recipient:
    view: AddressView
    name: str | None = None
    phone: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    district: str | None = None
    postal_code: str | None = None
    address_line: str | None = None


@strawberry.type(description="Something a seller can do to an order now, and until when.")
class AvailableOrderAction:
    action: OrderAction
    deadline: datetime | None = strawberry.field(
        default=None, description="Null where there is none, or the channel told none."
    )


def _recipient(root: strawberry.Parent[OrderRow], info: Info) -> Recipient:
    view = address_view(
        OrderStatus(root.status),
        FulfilmentPath(root.path),
        may_read_buyers=info.context.allows(Grant.BUYERS_READ),
    )
    if view is AddressView.HIDDEN:
        return Recipient(view=view)
    full = view is AddressView.FULL
    return Recipient(
        view=view,
        name=root.recipient_name if full else masked(root.recipient_name),
        phone=root.recipient_phone if full else masked_phone(root.recipient_phone),
        country=root.recipient_country,
        region=root.recipient_region,
        city=root.recipient_city,
        district=root.recipient_district if full else masked(root.recipient_district),
        postal_code=root.recipient_postal_code if full else masked(root.recipient_postal_code),
        address_line=root.recipient_address_line if full else masked(root.recipient_address_line),
    )


def _buyer_nickname(root: strawberry.Parent[OrderRow], info: Info) -> str | None:
    full = info.context.allows(Grant.BUYERS_READ)
    return root.buyer_nickname if full else masked(root.buyer_nickname)


def _buyer_message(root: strawberry.Parent[OrderRow], info: Info) -> str | None:
    return root.buyer_message if info.context.allows(Grant.BUYERS_READ) else None


def _amount(column: str) -> Any:
    def resolve(root: strawberry.Parent[OrderRow]) -> Money:
        return money(root[column], root.currency)

    return strawberry.field(resolver=resolve)


def _status_code(root: strawberry.Parent[OrderRow]) -> int:
    return STATUS_CODES[OrderStatus(root.status)]


def _available_actions(root: strawberry.Parent[OrderRow]) -> list[AvailableOrderAction]:
    deadlines = {OrderAction.SHIP: root.ship_by}
    return [
        AvailableOrderAction(action=action, deadline=deadlines.get(action))
        for action in available_actions(OrderStatus(root.status))
    ]


@strawberry.type(
    description="An order, with the amounts its buyer pays: total = subtotal + shipping fee + tax."
)
class Order(Node):
    id: strawberry.ID = node_id("Order", relation="order")
    channel: str
    external_id: str = strawberry.field(description="The channel's order id.")
    kind: OrderKind
    site: Site
    status: OrderStatus
    status_code: int = strawberry.field(
        resolver=_status_code, description="TikTok Shop's number of the status, such as 111."
    )
    path: FulfilmentPath
    version: int = strawberry.field(description="For `expectedVersion` of the next change.")
    list_amount: Money = _amount("list_minor")
    seller_discount: Money = _amount("seller_discount_minor")
    platform_discount: Money = _amount("platform_discount_minor")
    subtotal: Money = _amount("subtotal_minor")
    shipping_fee: Money = _amount("shipping_fee_minor")
    tax: Money = _amount("tax_minor")
    total: Money = _amount("total_minor")
    buyer_id: str | None
    buyer_nickname: str | None = strawberry.field(resolver=_buyer_nickname)
    buyer_message: str | None = strawberry.field(resolver=_buyer_message)
    seller_note: str | None
    payment_method: str | None
    recipient: Recipient = strawberry.field(resolver=_recipient)
    placed_at: datetime
    paid_at: datetime | None
    ready_to_ship_at: datetime | None
    ship_by: datetime | None = strawberry.field(
        description="Until when it has to be handed over: TikTok's rts_sla."
    )
    shipped_at: datetime | None
    delivered_at: datetime | None
    completed_at: datetime | None
    cancelled_at: datetime | None
    cancelled_by: Actor | None
    cancel_reason: str | None
    updated_at: datetime
    lines: list[OrderLine] = relation("lines_by_order", size=5)
    packages: list[Package] = relation("packages_by_order", size=2)
    live_room: LiveRoom | None = relation("live_room", key="live_room_id")
    available_actions: list[AvailableOrderAction] = strawberry.field(resolver=_available_actions)

    is_type_of = instances_of(OrderRow)


@strawberry.enum(description="What orders can be sorted by.")
class OrderOrderField(Enum):
    PLACED_AT = "PLACED_AT"
    UPDATED_AT = "UPDATED_AT"
    TOTAL = "TOTAL"


@strawberry.input(description="One level of sorting.")
class OrderOrder:
    field: OrderOrderField
    direction: Direction = Direction.ASC


@strawberry.input(description="Which orders; all that is given must hold.")
class OrderWhere:
    search: str | None = strawberry.field(
        default=None,
        description="The beginning of an order id, or a whole seller SKU or tracking number.",
    )
    status: Filter[OrderStatus] | None = None
    kind: Filter[OrderKind] | None = None
    site: Filter[Site] | None = None
    channel: StringFilter | None = None
    external_id: StringFilter | None = None
    country: StringFilter | None = None
    buyer_id: StringFilter | None = None
    live_room_id: IDFilter | None = None
    seller_sku: str | None = None
    placed_at: DateTimeFilter | None = None
    updated_at: DateTimeFilter | None = None
    and_: list["OrderWhere"] | None = strawberry.field(name="and", default=None)
    or_: list["OrderWhere"] | None = strawberry.field(name="or", default=None)
    not_: "OrderWhere | None" = strawberry.field(name="not", default=None)


def of_live_room(given: IDFilter) -> Condition:
    def read(value: Any) -> Any:
        return local_id("LiveRoom", value, argument="where.liveRoomId")

    return All(tuple(comparisons("live_room_id", given, read)))


def of_country(given: StringFilter) -> Condition:
    """Only orders whose country may be seen: a filter must not tell what the field hides (F6)."""
    hidden = Compare("status", "one_of", sorted(HIDDEN_WHILE))
    return All((*comparisons("country", given), Not(hidden)))


def _search(word: str) -> Condition:
    return Compare("search", "eq", word.strip())


def _seller_sku(value: str) -> Condition:
    return Compare("seller_sku", "eq", value)


_SPECIAL: dict[str, Translate] = {
    "search": _search,
    "seller_sku": _seller_sku,
    "live_room_id": of_live_room,
    "country": of_country,
}


def order_condition(where: OrderWhere | None) -> Condition:
    """For whatever else is asked of the same orders."""
    return condition(where, _SPECIAL)


async def orders(
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    where: OrderWhere | None = None,
    order_by: list[OrderOrder] | None = None,
) -> Any:
    return await connect(
        info.context.reading(Grant.ORDERS_READ),
        ORDERS,
        where=order_condition(where),
        order_by=ordering(order_by),
        window=Window(first=first, after=after, last=last, before=before),
    )


async def order(info: Info, id: strawberry.ID) -> Any:
    return await info.context.load("order", local_id("Order", id, argument="id"))


OrderConnection = Connection[Order]
