"""GMV by site and hour of the week, as a heat map shows it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from commerce.money import to_micros
from commerce.orders.ingestion import IncomingLine, OrderKind
from commerce.orders.lifecycle import OrderStatus
from commerce.shops.sites import Site
from tenants.grants import Role
from tests.world import World

HEAT_MAP = """
query ($where: OrderWhere) {
  gmvByHourOfWeek(where: $where) { site hourOfWeek gmv { amount currencyCode } orders }
}
"""
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)


def cell(site: str, hour: int, amount: str, currency: str, orders: int = 1) -> dict[str, Any]:
    gmv = {"amount": amount, "currencyCode": currency}
    return {"site": site, "hourOfWeek": hour, "gmv": gmv, "orders": orders}


@pytest.mark.parametrize(
    ("site", "currency", "placed_at", "hour", "amount"),
    [
        (Site.TH, "THB", MONDAY.replace(hour=0, minute=59), 7, "25.00"),
        (Site.TH, "THB", MONDAY.replace(day=1, hour=16, minute=59, second=59), 167, "25.00"),
        (Site.TH, "THB", MONDAY.replace(day=1, hour=17), 0, "25.00"),
        (Site.VN, "VND", MONDAY, 7, "25"),
        # Los Angeles puts its clocks back on 1 November 2026 at 09:00 UTC.
        (Site.US, "USD", MONDAY.replace(day=1, hour=8, minute=30), 145, "25.00"),
        (Site.US, "USD", MONDAY.replace(day=1, hour=9, minute=30), 145, "25.00"),
        (Site.US, "USD", MONDAY.replace(day=1, hour=10, minute=30), 146, "25.00"),
    ],
)
async def test_an_order_counts_in_the_hour_of_its_sites_own_clock(
    world: World, site: Site, currency: str, placed_at: datetime, hour: int, amount: str
) -> None:
    workspace = await world.workspace()
    await workspace.order(site=site, currency=currency, placed_at=placed_at)

    answer = await workspace.ask(HEAT_MAP)

    assert answer.data["gmvByHourOfWeek"] == [cell(site, hour, amount, currency)]


async def test_the_same_hour_of_every_week_is_one_cell_of_each_site(world: World) -> None:
    workspace = await world.workspace()
    for day in (2, 9, 16):
        await workspace.order(placed_at=MONDAY.replace(day=day))
    await workspace.order(placed_at=MONDAY, site=Site.MY, currency="MYR")

    answer = await workspace.ask(HEAT_MAP)

    assert answer.data["gmvByHourOfWeek"] == [
        cell("MY", 8, "25.00", "MYR"),
        cell("TH", 7, "75.00", "THB", orders=3),
    ]


async def test_what_is_unpaid_cancelled_or_no_sale_is_left_out(world: World) -> None:
    workspace = await world.workspace()
    back = IncomingLine(
        seller_sku="S", product_name="P", quantity=-1, unit_price_micros=to_micros(Decimal(5))
    )
    await workspace.order(status=OrderStatus.UNPAID)
    await workspace.order(status=OrderStatus.CANCELLED)
    await workspace.order(kind=OrderKind.CREDIT_NOTE, lines=(back,))

    assert (await workspace.ask(HEAT_MAP)).data == {"gmvByHourOfWeek": []}


async def test_it_is_narrowed_like_the_list_of_orders(world: World) -> None:
    workspace = await world.workspace()
    await workspace.order(placed_at=MONDAY, live_room_id=workspace.room_external_id)
    await workspace.order(placed_at=MONDAY.replace(hour=1))
    room = {"liveRoomId": {"eq": workspace.room_global_id}}
    first_hour = {"placedAt": {"gte": MONDAY.isoformat(), "lt": "2026-11-02T01:00:00Z"}}

    for where in (room, first_hour):
        answer = await workspace.ask(HEAT_MAP, {"where": where})
        assert answer.data["gmvByHourOfWeek"] == [cell("TH", 7, "25.00", "THB")]


async def test_who_may_not_read_orders_sees_no_gmv(world: World) -> None:
    workspace = await world.workspace()
    await workspace.order()

    answer = await workspace.ask(HEAT_MAP, role=Role.CATALOG)

    assert answer.code == "FORBIDDEN"
    assert answer.data is None
