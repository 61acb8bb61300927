"""Shop, warehouse and LIVE room of a workspace, and its products with all that hangs on them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from benchmarks.operations.rows.world import NOW, SKUS_OF_A_PRODUCT, Drawer, Table
from commerce.money import minor_digits

_THINGS = ("Linen Shirt", "Travel Mug", "Backpack", "Desk Lamp", "Notebook", "Sneaker", "Blanket",
           "Rice Cooker", "Phone Case", "Sunscreen SPF50")  # fmt: skip
_MADE_OF = ("Cotton", "Steel", "Bamboo", "Recycled", "Ceramic", "Wool", "Glass")
_COLOURS = ("Sea Blue", "Sand", "Black", "White", "Forest")
_FIT = ("XS", "S", "M", "L", "XL")
_LOCALES = (("th-TH", "เสื้อผ้า"), ("vi-VN", "Hàng mới"), ("zh-CN", "新品"))
_TRANSLATED = (1, 2, 2, 3)  # languages of a product, in turn
_STATUSES = ("ACTIVATE", "ACTIVATE", "ACTIVATE", "DRAFT", "SELLER_DEACTIVATED")
_CATEGORY = "601226"
_WORDS = "Light and hard-wearing, washed before it is sewn, made for warm evenings. "


@dataclass(frozen=True, slots=True)
class DrawnSku:
    id: UUID
    product_id: UUID
    place: int
    seller_sku: str
    price_minor: int
    title: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Catalogue:
    tables: list[Table]
    skus: list[DrawnSku]
    live_room_id: UUID


def catalogue(drawer: Drawer) -> Catalogue:
    opened = NOW - timedelta(days=700)
    warehouse, room = drawer.id_at(opened), drawer.id_at(NOW)
    products = [_product(drawer, n) for n in range(drawer.sizes.products)]
    skus = [sku for n, product in enumerate(products) for sku in _skus(drawer, n, product)]
    name = f"Shop {drawer.number}"
    return Catalogue(
        [
            drawer.table("shops", "id site name created_at",
                         [(drawer.id_at(opened), drawer.site.value, name, opened)]),
            drawer.table("warehouses", "id name purpose type status created_at",
                         [(warehouse, "Main", "SALES", "DOMESTIC", "ENABLED", opened)]),
            drawer.table("live_rooms", "id external_id site title host account viewers started_at",
                         [(room, str(7 * 10**18 + drawer.number), drawer.site.value, "Evening sale",
                           "Ploy", "OFFICIAL_ACCOUNTS", 812, NOW - timedelta(days=90))]),
            drawer.table("products", "id external_id title description brand category_id status "
                         "attributes created_at updated_at version", products),
            drawer.table("product_translations", "product_id locale title description",
                         _translations(products)),
            drawer.table("listings", "product_id site status updated_at",
                         ((p[0], drawer.site.value, "LISTED", p[9]) for p in products)),
            drawer.table("skus", "id product_id place seller_sku sales_attributes price_minor "
                         "currency created_at", (_sku_row(drawer, sku) for sku in skus)),
            drawer.table("stock_levels", "sku_id warehouse_id available reserved updated_at",
                         ((sku.id, warehouse, drawer.chance.randrange(500), sku.place, NOW)
                          for sku in skus)),
        ],
        skus,
        room,
    )  # fmt: skip


def _product(drawer: Drawer, n: int) -> tuple[object, ...]:
    chance = drawer.chance
    created = NOW - timedelta(days=600) + timedelta(minutes=400 * n + chance.randrange(400))
    title = f"{chance.choice(_MADE_OF)} {chance.choice(_THINGS)} {n}, édition {chance.choice(_FIT)}"
    attributes = [{"name": "Material", "values": [chance.choice(_MADE_OF)]}]
    return (
        drawer.id_at(created),
        str(1_729_000_000_000_000_000 + drawer.number * 1_000_000 + n),
        title,
        _WORDS * chance.randint(1, 4),
        f"Brand {chance.randrange(40)}",
        _CATEGORY,
        _STATUSES[n % len(_STATUSES)],
        json.dumps(attributes),
        created,
        created + timedelta(seconds=chance.randrange(8_000_000)),
        chance.randint(1, 9),
    )


def _skus(drawer: Drawer, n: int, product: tuple[object, ...]) -> Iterator[DrawnSku]:
    created = product[8]
    assert isinstance(created, datetime)
    assert isinstance(product[0], UUID)
    for place in range(SKUS_OF_A_PRODUCT[n % len(SKUS_OF_A_PRODUCT)]):
        price = drawer.chance.randrange(499, 99_999)
        yield DrawnSku(
            id=drawer.id_at(created),
            product_id=product[0],
            place=place,
            seller_sku=f"{drawer.site}-{n:05d}-{_FIT[place]}",
            price_minor=price if minor_digits(drawer.currency) else price * 100,
            title=str(product[2]),
            created_at=created,
        )


def _sku_row(drawer: Drawer, sku: DrawnSku) -> tuple[object, ...]:
    told = [
        {"name": "Colour", "value": drawer.chance.choice(_COLOURS)},
        {"name": "Size", "value": _FIT[sku.place]},
    ]
    return (sku.id, sku.product_id, sku.place, sku.seller_sku, json.dumps(told), sku.price_minor,
            drawer.currency, sku.created_at)  # fmt: skip


def _translations(products: list[tuple[object, ...]]) -> Iterator[tuple[object, ...]]:
    for n, product in enumerate(products):
        for locale, word in _LOCALES[: _TRANSLATED[n % len(_TRANSLATED)]]:
            yield product[0], locale, f"{word} {product[2]}", f"{word}: {product[3]}"
