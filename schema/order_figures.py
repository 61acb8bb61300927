"""Figures over order lines, exact to the last decimal of their source."""

from decimal import Decimal
from typing import Any

import strawberry

from commerce.conditions import All, Condition
from commerce.money import padded, to_micros
from commerce.orders.figures import LineFigures, line_figures
from commerce.orders.ingestion import OrderKind
from commerce.orders.lifecycle import OrderStatus
from commerce.pages import BadArgument
from commerce.shops.sites import Site
from schema.context import Info
from schema.filters import (
    DateTimeFilter,
    DecimalFilter,
    Filter,
    IDFilter,
    IntFilter,
    StringFilter,
    Translate,
    comparisons,
    condition,
)
from schema.money import CurrencyCode, Money
from schema.orders import of_country, of_live_room
from tenants.grants import Grant


@strawberry.input(description="Which order lines; all that is given must hold.")
class OrderLineWhere:
    kind: Filter[OrderKind] | None = None
    status: Filter[OrderStatus] | None = None
    site: Filter[Site] | None = None
    channel: StringFilter | None = None
    country: StringFilter | None = None
    live_room_id: IDFilter | None = None
    placed_at: DateTimeFilter | None = None
    seller_sku: StringFilter | None = None
    quantity: IntFilter | None = None
    unit_price: DecimalFilter | None = None
    and_: list["OrderLineWhere"] | None = strawberry.field(name="and", default=None)
    or_: list["OrderLineWhere"] | None = strawberry.field(name="or", default=None)
    not_: "OrderLineWhere | None" = strawberry.field(name="not", default=None)


def _figure_value(root: strawberry.Parent[LineFigures]) -> Money:
    value = padded(root.value, root.currency)
    return Money(amount=value, currency_code=CurrencyCode(root.currency))


@strawberry.type(description="Sums over order lines of one currency; counts are of distinct ones.")
class OrderLineFigures:
    value: Money = strawberry.field(
        resolver=_figure_value,
        description="Sum of quantity times unit price, exact: not a sum of rounded lines.",
    )
    lines: int
    orders: int
    pieces: int
    seller_skus: int
    buyers: int
    countries: int


def _unit_price_filter(given: DecimalFilter) -> Condition:
    def read(value: Decimal) -> int:
        try:
            return to_micros(value)
        except ValueError as error:
            raise BadArgument("where.unitPrice", str(error)) from None

    return All(tuple(comparisons("unit_price_micros", given, read)))


_LINE_SPECIAL: dict[str, Translate] = {
    "live_room_id": of_live_room,
    "country": of_country,
    "unit_price": _unit_price_filter,
}


async def order_line_figures(info: Info, where: OrderLineWhere | None = None) -> Any:
    reader = info.context.reading(Grant.ORDERS_READ)
    return await line_figures(reader, where=condition(where, _LINE_SPECIAL))
