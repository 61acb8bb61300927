"""The GMV heat map: site by hour of the week."""

from typing import Any

import strawberry

from commerce.orders.gmv import GmvRow, gmv_by_hour_of_week
from commerce.shops.sites import Site
from schema.context import Info
from schema.money import Money, money
from schema.orders import OrderWhere, order_condition
from tenants.grants import Grant


def _gmv(root: strawberry.Parent[GmvRow]) -> Money:
    return money(root.gmv_minor, root.currency)


@strawberry.type(
    description="Gross merchandise value of one site and currency in one hour of the week."
)
class HourlyGmv:
    site: Site
    hour_of_week: int = strawberry.field(
        description="0 to 167 by the site's own clock; 0 is Monday from 00:00 to 01:00."
    )
    gmv: Money = strawberry.field(
        resolver=_gmv, description="The sum of `total` of its orders, as they were placed."
    )
    orders: int


async def hourly_gmv(info: Info, where: OrderWhere | None = None) -> Any:
    reader = info.context.reading(Grant.ORDERS_READ)
    return await gmv_by_hour_of_week(reader, where=order_condition(where))
