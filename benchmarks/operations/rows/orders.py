"""A workspace's orders of half a year, more of them in the evening, with lines and packages."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from benchmarks.operations.rows.catalogue import Catalogue, DrawnSku
from benchmarks.operations.rows.world import LINES_OF_AN_ORDER, NOW, Drawer, Table
from commerce.money import minor_digits

DAYS = 180
_STATUSES = ("COMPLETED",) * 9 + ("DELIVERED",) * 3 + ("IN_TRANSIT",) * 3 + (
    "AWAITING_COLLECTION", "AWAITING_SHIPMENT", "AWAITING_SHIPMENT", "CANCELLED", "UNPAID",
)  # fmt: skip
_PACKED = {
    "COMPLETED": "COMPLETED",
    "DELIVERED": "COMPLETED",
    "IN_TRANSIT": "FULFILLING",
    "AWAITING_COLLECTION": "PROCESSING",
    "AWAITING_SHIPMENT": "TO_FULFILL",
}
_BUSY_HOURS = [1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 7, 8, 8, 7, 5, 4, 3, 2, 2, 2, 1, 1, 1]  # UTC
_CARRIERS = ("Flash Express", "J&T", "GHN", "Ninja Van")
_ORDER = """
id channel external_id kind site status path currency list_minor seller_discount_minor
platform_discount_minor subtotal_minor shipping_fee_minor tax_minor total_minor live_room_id
buyer_id buyer_nickname recipient_name recipient_phone recipient_country recipient_city
recipient_address_line placed_at paid_at created_at updated_at version
"""
_LINE = """
order_id place external_id seller_sku product_name variation quantity unit_price_micros list_minor
seller_discount_minor platform_discount_minor package_id
"""
_PACKAGE = "id order_id external_id status path carrier tracking_number created_at updated_at"


@dataclass(frozen=True, slots=True)
class _Drawn:
    id: UUID
    package_id: UUID | None
    number: int
    status: str
    placed_at: datetime
    bought: list[tuple[DrawnSku, int]]


def orders(drawer: Drawer, of: Catalogue) -> list[Table]:
    drawn = [_draw(drawer, of, n) for n in range(drawer.sizes.orders)]
    packed = [one for one in drawn if one.package_id]
    return [
        drawer.table("orders", _ORDER, (_order(drawer, of, one) for one in drawn)),
        drawer.table("packages", _PACKAGE, (_package(drawer, one) for one in packed)),
        drawer.table("order_lines", _LINE, (row for one in drawn for row in _lines(drawer, one))),
    ]


def _draw(drawer: Drawer, of: Catalogue, n: int) -> _Drawn:
    chance = drawer.chance
    day = NOW - timedelta(days=DAYS - DAYS * n // drawer.sizes.orders)
    (hour,) = chance.choices(range(24), _BUSY_HOURS)
    placed = day.replace(hour=hour, minute=chance.randrange(60), second=chance.randrange(60))
    status = chance.choice(_STATUSES)
    bought: dict[UUID, tuple[DrawnSku, int]] = {}
    while len(bought) < LINES_OF_AN_ORDER[n % len(LINES_OF_AN_ORDER)]:
        sku = chance.choice(of.skus)
        bought[sku.id] = (sku, chance.choice((1, 1, 1, 2, 3)))
    package = drawer.id_at(placed) if status in _PACKED else None
    return _Drawn(drawer.id_at(placed), package, n, status, placed, list(bought.values()))


def _order(drawer: Drawer, of: Catalogue, one: _Drawn) -> tuple[object, ...]:
    listed = sum(sku.price_minor * quantity for sku, quantity in one.bought)
    discount, fee, tax = listed // 20, 100 * (one.number % 4), listed // 15
    buyer = drawer.chance.randrange(drawer.sizes.orders // 3)
    in_a_room = of.live_room_id if one.number % 3 == 0 else None
    paid = None if one.status == "UNPAID" else one.placed_at + timedelta(minutes=2)
    return (
        one.id, "TIKTOK_SHOP", _external_id(drawer, one), "SALE", drawer.site.value, one.status,
        "TIKTOK_SHIPPING", drawer.currency, listed, discount, 0, listed - discount, fee, tax,
        listed - discount + fee + tax, in_a_room, f"b-{buyer}", f"buyer.{buyer}",
        f"Mali Saetang {buyer}", f"+668{buyer:08d}", drawer.site.value, "Bangkok",
        f"{buyer} Sukhumvit Road", one.placed_at, paid, one.placed_at,
        one.placed_at + timedelta(days=2), 3,
    )  # fmt: skip


def _lines(drawer: Drawer, one: _Drawn) -> Iterator[tuple[object, ...]]:
    micros = 10 ** (6 - minor_digits(drawer.currency))
    for place, (sku, quantity) in enumerate(one.bought):
        yield (
            one.id, place, f"{_external_id(drawer, one)}{place}", sku.seller_sku, sku.title,
            sku.seller_sku[-2:].strip("-"), quantity, sku.price_minor * micros,
            sku.price_minor * quantity, 0, 0, one.package_id,
        )  # fmt: skip


def _package(drawer: Drawer, one: _Drawn) -> tuple[object, ...]:
    status = _PACKED[one.status]
    carrier = None if status == "TO_FULFILL" else _CARRIERS[one.number % len(_CARRIERS)]
    number = f"TH{drawer.number:03d}{one.number:09d}" if carrier else None
    return (
        one.package_id, one.id, f"P{_external_id(drawer, one)}", status, "TIKTOK_SHIPPING", carrier,
        number, one.placed_at, one.placed_at + timedelta(days=1),
    )  # fmt: skip


def _external_id(drawer: Drawer, one: _Drawn) -> str:
    return str(576_000_000_000_000_000 + drawer.number * 1_000_000 + one.number)
