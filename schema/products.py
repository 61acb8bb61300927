"""Products (SPU), their SKUs, and how they are described and listed."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from commerce.catalogue import queries
from commerce.catalogue.lifecycle import (
    ListingStatus,
    ProductAction,
    ProductStatus,
    available_actions,
)
from commerce.catalogue.media import MediaUse
from commerce.catalogue.queries import PRODUCTS, CategoryRow, ProductRow, SkuRow
from commerce.catalogue.search_terms import wanted_terms
from commerce.conditions import All, Any_, Compare, Condition
from commerce.pages import OrderBy, Window
from commerce.shops.sites import Site
from schema.connections import Connection, connect
from schema.context import Info
from schema.filters import DateTimeFilter, Filter, StringFilter, Translate, condition
from schema.loaders import relation
from schema.money import Money, money
from schema.nodes import Node, instances_of, local_id, node_id
from schema.stock import StockLevel
from tenants.grants import Grant


@strawberry.type(description="A node of the platform's category tree.")
class Category(Node):
    id: strawberry.ID = node_id("Category", relation="category", read=str)
    name: str
    parent: "Category | None" = relation("category", key="parent_id")

    is_type_of = instances_of(CategoryRow)


@strawberry.type(description="A product's texts in another language.")
class ProductTranslation:
    locale: str
    title: str
    description: str


@strawberry.type(description="A reference to an image or a video.")
class ProductMedia:
    kind: MediaUse
    url: str


@strawberry.type(description="Whether the product shows on one site.")
class Listing:
    site: Site
    status: ListingStatus
    updated_at: datetime


@strawberry.type(description="A property of a product, such as its material.")
class ProductAttribute:
    name: str
    values: list[str]


@strawberry.type(description="What tells a SKU from the product's others, such as its size.")
class SalesAttribute:
    name: str
    value: str


def _price(root: strawberry.Parent[SkuRow]) -> Money:
    return money(root.price_minor, root.currency)


def _sales_attributes(root: strawberry.Parent[SkuRow]) -> list[SalesAttribute]:
    return [SalesAttribute(name=a["name"], value=a["value"]) for a in root.sales_attributes]


@strawberry.type(description="A variation of a product that can be bought.")
class Sku(Node):
    id: strawberry.ID = node_id("Sku", relation="sku")
    seller_sku: str
    external_id: str | None
    sales_attributes: list[SalesAttribute] = strawberry.field(resolver=_sales_attributes)
    price: Money = strawberry.field(resolver=_price)
    stock: list[StockLevel] = relation("stock_by_sku", size=3)
    product: "Product" = relation("product", key="product_id")

    is_type_of = instances_of(SkuRow)


def _attributes(root: strawberry.Parent[ProductRow]) -> list[ProductAttribute]:
    return [ProductAttribute(name=a["name"], values=a["values"]) for a in root.attributes]


def _available_actions(root: strawberry.Parent[ProductRow]) -> list[ProductAction]:
    return available_actions(ProductStatus(root.status))


@strawberry.type(description="A product (SPU).")
class Product(Node):
    id: strawberry.ID = node_id("Product", relation="product")
    external_id: str | None
    title: str
    description: str
    brand: str | None
    status: ProductStatus
    version: int = strawberry.field(description="For `expectedVersion` of the next change.")
    created_at: datetime
    updated_at: datetime
    attributes: list[ProductAttribute] = strawberry.field(resolver=_attributes)
    category: Category | None = relation("category", key="category_id")
    skus: list[Sku] = relation("skus_by_product", size=5)
    translations: list[ProductTranslation] = relation("translations_by_product", size=5)
    media: list[ProductMedia] = relation("media_by_product", size=5)
    listings: list[Listing] = relation("listings_by_product", size=5)
    available_actions: list[ProductAction] = strawberry.field(resolver=_available_actions)

    is_type_of = instances_of(ProductRow)


@strawberry.enum(description="What products can be sorted by.")
class ProductOrderField(Enum):
    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"
    TITLE = "TITLE"


@strawberry.enum(description="ASC: smallest or oldest first.")
class Direction(Enum):
    ASC = "ASC"
    DESC = "DESC"


@strawberry.input(description="One level of sorting.")
class ProductOrder:
    field: ProductOrderField
    direction: Direction = Direction.ASC


@strawberry.input(description="Which products; all that is given must hold.")
class ProductWhere:
    search: str | None = strawberry.field(
        default=None, description="Words of a title, brand or seller SKU; each may be a beginning."
    )
    status: Filter[ProductStatus] | None = None
    brand: StringFilter | None = None
    category_id: strawberry.ID | None = None
    external_id: StringFilter | None = None
    seller_sku: str | None = None
    listed_on: Site | None = strawberry.field(
        default=None, description="On sale on this site at this moment."
    )
    created_at: DateTimeFilter | None = None
    updated_at: DateTimeFilter | None = None
    and_: list["ProductWhere"] | None = strawberry.field(name="and", default=None)
    or_: list["ProductWhere"] | None = strawberry.field(name="or", default=None)
    not_: "ProductWhere | None" = strawberry.field(name="not", default=None)


def _search(query: str) -> Condition:
    terms = wanted_terms(query)
    # A search for nothing but punctuation finds nothing, rather than everything.
    return All(tuple(Compare("search", "eq", term) for term in terms)) if terms else Any_(())


def _category(value: strawberry.ID) -> Condition:
    return Compare("category_id", "eq", local_id("Category", value, argument="where.categoryId"))


def _seller_sku(value: str) -> Condition:
    return Compare("seller_sku", "eq", value)


def _listed_on(site: Site) -> Condition:
    return Compare("listed_on", "eq", site.value)


_SPECIAL: dict[str, Translate] = {
    "search": _search,
    "seller_sku": _seller_sku,
    "listed_on": _listed_on,
    "category_id": _category,
}


def ordering(order_by: list[Any] | None) -> list[OrderBy]:
    """An `orderBy` argument as the columns of a keyset."""
    return [
        OrderBy(o.field.value, descending=o.direction is Direction.DESC) for o in order_by or []
    ]


async def products(
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    where: ProductWhere | None = None,
    order_by: list[ProductOrder] | None = None,
) -> Any:
    return await connect(
        info.context.reading(Grant.CATALOGUE_READ),
        PRODUCTS,
        where=condition(where, _SPECIAL),
        order_by=ordering(order_by),
        window=Window(first=first, after=after, last=last, before=before),
    )


async def product(info: Info, id: strawberry.ID) -> Any:
    return await info.context.load("product", local_id("Product", id, argument="id"))


async def sku(info: Info, id: strawberry.ID) -> Any:
    return await info.context.load("sku", local_id("Sku", id, argument="id"))


async def categories(info: Info) -> Any:
    return await queries.categories(info.context.reading(Grant.CATALOGUE_READ))


ProductConnection = Connection[Product]
