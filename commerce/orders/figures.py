"""Sums over order lines, exact to the last decimal of the source.

`value` is the sum of quantity times unit price, unrounded: wholesale files price pieces below the
minor unit, and a sum of rounded lines would drift from theirs.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import Numeric, bindparam, cast, func, select

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
    given: dict[str, Any] = {"workspace": reader.workspace_id}
    given |= {f"v{n}": value for n, value in enumerate(values)}
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
    workspace = bindparam("workspace", type_=_orders.c.workspace_id.type)
    worth = cast(_lines.c.quantity * _lines.c.unit_price_micros, Numeric)
    query = (
        select(
            _orders.c.currency,
            func.sum(worth).label("micros"),
            func.count().label("lines"),
            func.count(_orders.c.id.distinct()).label("orders"),
            func.sum(_lines.c.quantity).label("pieces"),
            func.count(_lines.c.seller_sku.distinct()).label("seller_skus"),
            func.count(_orders.c.buyer_id.distinct()).label("buyers"),
            func.count(_orders.c.recipient_country.distinct()).label("countries"),
        )
        .select_from(_lines)
        .join(
            _orders,
            (_orders.c.workspace_id == _lines.c.workspace_id) & (_orders.c.id == _lines.c.order_id),
        )
        .where(_lines.c.workspace_id == workspace, _orders.c.workspace_id == workspace)
        .where(to_sql(shape, RULES))
        .group_by(_orders.c.currency)
        .order_by(_orders.c.currency)
    )
    return compiled(query)
