"""Gross merchandise value (GMV) by site and hour of the week: the heat map of requirement D1.

An order counts with what its buyer pays. Unpaid and cancelled orders are left out, and so are
credit notes and adjustments: the value is gross. The hour is that of the site's own clock.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Integer, bindparam, cast, func, literal_column, select

from commerce.conditions import EVERYTHING, Condition, Shape, split, to_sql
from commerce.orders.queries import ORDERS
from commerce.orders.tables import Order
from commerce.pages import Statement, compiled
from commerce.shops.sites import SITES
from tenants.database import Reader
from tenants.pool import Row

HOURS_OF_WEEK = 7 * 24

_orders: Any = Order.__table__  # type: ignore[attr-defined]
_ZONES = " ".join(f"WHEN '{site}' THEN '{facts.time_zone.key}'" for site, facts in SITES.items())
_CLOCK = f"timezone(CASE slots.site {_ZONES} END, slots.began_at)"
_HOUR = (
    f"(date_part('isodow', {_CLOCK})::int - 1) * 24 + date_part('hour', {_CLOCK})::int"  # 0..167
)
# Telling a zone's time is most of the work, and every clock is whole quarters of an hour away from
# UTC: asked once for each quarter, it costs a busy shop no more than a quiet one.
_QUARTER = "date_bin('15 minutes', orders.placed_at, timestamptz '2000-01-01 00:00+00')"


class GmvRow(Row):
    """`hour_of_week` counts from Monday 00:00 of the site's clock; no row stands for an hour
    without orders."""

    site: str
    currency: str
    hour_of_week: int
    gmv_minor: int
    orders: int


async def gmv_by_hour_of_week(reader: Reader, *, where: Condition = EVERYTHING) -> list[GmvRow]:
    """By site, then currency, then hour; `where` narrows the orders by the rules of their list."""
    shape, values = split(where)
    statement = _statement(shape)
    given = {"workspace": reader.workspace_id, **values}
    return await reader.fetch(statement.text, *statement.arguments(given), row=GmvRow)


@lru_cache(maxsize=500)
def _statement(shape: Shape) -> Statement:
    workspace = bindparam("workspace", type_=_orders.c.workspace_id.type)
    quarter = literal_column(_QUARTER, type_=_orders.c.placed_at.type).label("began_at")
    each = (_orders.c.site, _orders.c.currency, quarter)
    counted = select(
        *each, func.sum(_orders.c.total_minor).label("minor"), func.count().label("count")
    ).where(
        _orders.c.workspace_id == workspace,
        _orders.c.kind == literal_column("'SALE'"),
        _orders.c.status.not_in([literal_column("'UNPAID'"), literal_column("'CANCELLED'")]),
        to_sql(shape, ORDERS.rules),
    )
    slots = counted.group_by(*each).subquery("slots").c
    hour = literal_column(_HOUR, type_=Integer).label("hour_of_week")
    groups = (slots.site, slots.currency, hour)
    query = select(
        *groups,
        cast(func.sum(slots.minor), BigInteger).label("gmv_minor"),
        cast(func.sum(slots.count), BigInteger).label("orders"),
    )
    return compiled(query.group_by(*groups).order_by(*groups))
