"""Sums over order lines, exact to the last decimal of the source.

`value` is the sum of quantity times unit price, unrounded: wholesale files price pieces below the
minor unit, and a sum of rounded lines would drift from theirs.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, and_, bindparam, cast, func, select

from commerce.conditions import EVERYTHING, Condition, Shape, split, to_sql
from commerce.money import micros_to_decimal
from commerce.orders.tables import Order, OrderLine
from commerce.pages import Statement, compiled
from tenants.database import Reader
from tenants.pool import Row

_orders: Any = Order.__table__  # type: ignore[attr-defined]
_lines: Any = OrderLine.__table__  # type: ignore[attr-defined]

RULES: dict[str, Any] = {
    "kind": _orders.c.kind,
    "status": _orders.c.status,
    "site": _orders.c.site,
    "channel": _orders.c.channel,
    "country": _orders.c.recipient_country,
    "live_room_id": _orders.c.live_room_id,
    "placed_at": _orders.c.placed_at,
    "seller_sku": _lines.c.seller_sku,
    "quantity": _lines.c.quantity,
    "unit_price_micros": _lines.c.unit_price_micros,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFigures:
    """Figures of one currency; the counts are of distinct values, nulls left out."""

    currency: str
    value: Decimal
    lines: int
    orders: int
    pieces: int
    seller_skus: int
    buyers: int
    countries: int


class FiguresRow(Row):
    currency: str
    micros: Decimal
    lines: int
    orders: int
    pieces: int
    seller_skus: int
    buyers: int
    countries: int


async def line_figures(reader: Reader, *, where: Condition = EVERYTHING) -> list[LineFigures]:
    """One entry per currency, in the currency's alphabetical order."""
    shape, values = split(where)
    statement = _statement(shape)
    given = {"workspace": reader.workspace_id, **values}
    rows = await reader.fetch(statement.text, *statement.arguments(given), row=FiguresRow)
    return [
        LineFigures(
            currency=row.currency,
            value=micros_to_decimal(int(row.micros)),
            lines=row.lines,
            orders=row.orders,
            pieces=row.pieces,
            seller_skus=row.seller_skus,
            buyers=row.buyers,
            countries=row.countries,
        )
        for row in rows
    ]


@lru_cache(maxsize=500)
def _statement(shape: Shape) -> Statement:
    """Sums per order first, then over orders; SKUs, the one count across orders, apart.

    count(DISTINCT ...) over all lines would sort every one of them, several times over.
    """
    workspace = bindparam("workspace", type_=_orders.c.workspace_id.type)
    lines = _lines.join(
        _orders,
        (_orders.c.workspace_id == _lines.c.workspace_id) & (_orders.c.id == _lines.c.order_id),
    )
    wanted = and_(
        _lines.c.workspace_id == workspace,
        _orders.c.workspace_id == workspace,
        to_sql(shape, RULES),
    )
    of_order = (_orders.c.id, _orders.c.currency, _orders.c.buyer_id, _orders.c.recipient_country)
    per_order = (
        select(
            *of_order,
            func.sum(_lines.c.quantity * _lines.c.unit_price_micros).label("micros"),
            func.count().label("lines"),
            func.sum(_lines.c.quantity).label("pieces"),
        )
        .select_from(lines)
        .where(wanted)
        .group_by(*of_order)
        .cte("per_order")
    )
    sku = select(_orders.c.currency, _lines.c.seller_sku).select_from(lines).where(wanted)
    distinct = sku.distinct().subquery()
    per_currency = select(distinct.c.currency, func.count().label("seller_skus")).select_from(
        distinct
    )
    skus = per_currency.group_by(distinct.c.currency).cte("skus")
    one = per_order.c
    query = (
        select(
            one.currency,
            func.sum(one.micros).label("micros"),
            cast(func.sum(one.lines), BigInteger).label("lines"),
            func.count().label("orders"),
            cast(func.sum(one.pieces), BigInteger).label("pieces"),
            func.max(skus.c.seller_skus).label("seller_skus"),
            func.count(one.buyer_id.distinct()).label("buyers"),
            func.count(one.recipient_country.distinct()).label("countries"),
        )
        .select_from(per_order.join(skus, skus.c.currency == one.currency))
        .group_by(one.currency)
        .order_by(one.currency)
    )
    return compiled(query)
