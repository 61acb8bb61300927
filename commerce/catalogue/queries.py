"""Questions about products. Each answers for many keys in one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, func, literal_column, select

from commerce.catalogue.tables import Listing as ListingTable
from commerce.catalogue.tables import Product, ProductTerm, Sku
from commerce.pages import Listing, OrderBy
from tenants.database import Reader
from tenants.pool import Row


class ProductRow(Row):
    workspace_id: UUID
    id: UUID
    external_id: str | None
    title: str
    description: str
    brand: str | None
    category_id: str | None
    status: str
    attributes: list[dict[str, Any]]
    created_at: datetime
    updated_at: datetime
    version: int


class SkuRow(Row):
    id: UUID
    product_id: UUID
    place: int
    external_id: str | None
    seller_sku: str
    sales_attributes: list[dict[str, str]]
    price_minor: int
    currency: str


class TranslationRow(Row):
    product_id: UUID
    locale: str
    title: str
    description: str


class MediaRow(Row):
    product_id: UUID
    place: int
    kind: str
    url: str


class ListingRow(Row):
    product_id: UUID
    site: str
    status: str
    updated_at: datetime


class CategoryRow(Row):
    id: str
    parent_id: str | None
    name: str


_products: Any = Product.__table__  # type: ignore[attr-defined]
_terms: Any = ProductTerm.__table__  # type: ignore[attr-defined]
_skus: Any = Sku.__table__  # type: ignore[attr-defined]
_listings: Any = ListingTable.__table__  # type: ignore[attr-defined]
_workspace = bindparam("workspace", type_=_products.c.workspace_id.type)


def _found_by(word: BindParameter[Any]) -> ColumnElement[bool]:
    after_all = func.concat(word, literal_column("chr(1114111)"))
    matching = select(_terms.c.product_id).where(
        and_(_terms.c.workspace_id == _workspace, _terms.c.term >= word, _terms.c.term < after_all)
    )
    return _products.c.id.in_(matching)  # type: ignore[no-any-return]


def _with_seller_sku(seller_sku: BindParameter[Any]) -> ColumnElement[bool]:
    matching = select(_skus.c.product_id).where(
        and_(_skus.c.workspace_id == _workspace, _skus.c.seller_sku == seller_sku)
    )
    return _products.c.id.in_(matching)  # type: ignore[no-any-return]


def _listed_on(site: BindParameter[Any]) -> ColumnElement[bool]:
    matching = select(_listings.c.product_id).where(
        and_(
            _listings.c.workspace_id == _workspace,
            _listings.c.site == site,
            _listings.c.status == literal_column("'LISTED'"),
        )
    )
    return _products.c.id.in_(matching)  # type: ignore[no-any-return]


PRODUCTS = Listing(
    table=_products,
    row=ProductRow,
    rules={
        "status": _products.c.status,
        "brand": _products.c.brand,
        "category_id": _products.c.category_id,
        "external_id": _products.c.external_id,
        "created_at": _products.c.created_at,
        "updated_at": _products.c.updated_at,
        "search": _found_by,
        "seller_sku": _with_seller_sku,
        "listed_on": _listed_on,
    },
    orders={
        "CREATED_AT": _products.c.created_at,
        "UPDATED_AT": _products.c.updated_at,
        "TITLE": _products.c.title,
    },
    default_order=(OrderBy("CREATED_AT", descending=True),),
)

_PRODUCTS_BY_ID = "SELECT * FROM products WHERE workspace_id = $1 AND id = ANY($2)"
_SKUS_BY_ID = "SELECT * FROM skus WHERE workspace_id = $1 AND id = ANY($2)"
_SKUS_BY_SELLER_SKU = "SELECT * FROM skus WHERE workspace_id = $1 AND seller_sku = ANY($2)"
_SKUS_BY_PRODUCT = """
SELECT * FROM skus WHERE workspace_id = $1 AND product_id = ANY($2) ORDER BY product_id, place, id
"""
_TRANSLATIONS = """
SELECT * FROM product_translations WHERE workspace_id = $1 AND product_id = ANY($2)
 ORDER BY product_id, locale
"""
_MEDIA = """
SELECT * FROM product_media WHERE workspace_id = $1 AND product_id = ANY($2)
 ORDER BY product_id, place
"""
_LISTINGS = """
SELECT * FROM listings WHERE workspace_id = $1 AND product_id = ANY($2) ORDER BY product_id, site
"""
_CATEGORIES = "SELECT * FROM categories WHERE id = ANY($1)"
_ALL_CATEGORIES = "SELECT * FROM categories ORDER BY parent_id NULLS FIRST, name"


async def products_by_id(reader: Reader, ids: Sequence[UUID]) -> list[ProductRow]:
    return await reader.fetch(_PRODUCTS_BY_ID, reader.workspace_id, ids, row=ProductRow)


async def skus_by_id(reader: Reader, ids: Sequence[UUID]) -> list[SkuRow]:
    return await reader.fetch(_SKUS_BY_ID, reader.workspace_id, ids, row=SkuRow)


async def skus_by_seller_sku(reader: Reader, seller_skus: Sequence[str]) -> list[SkuRow]:
    return await reader.fetch(_SKUS_BY_SELLER_SKU, reader.workspace_id, seller_skus, row=SkuRow)


async def skus_by_product(reader: Reader, product_ids: Sequence[UUID]) -> list[SkuRow]:
    return await reader.fetch(_SKUS_BY_PRODUCT, reader.workspace_id, product_ids, row=SkuRow)


async def translations_by_product(
    reader: Reader, product_ids: Sequence[UUID]
) -> list[TranslationRow]:
    return await reader.fetch(_TRANSLATIONS, reader.workspace_id, product_ids, row=TranslationRow)


async def media_by_product(reader: Reader, product_ids: Sequence[UUID]) -> list[MediaRow]:
    return await reader.fetch(_MEDIA, reader.workspace_id, product_ids, row=MediaRow)


async def listings_by_product(reader: Reader, product_ids: Sequence[UUID]) -> list[ListingRow]:
    return await reader.fetch(_LISTINGS, reader.workspace_id, product_ids, row=ListingRow)


async def categories_by_id(reader: Reader, ids: Sequence[str]) -> list[CategoryRow]:
    return await reader.fetch(_CATEGORIES, ids, row=CategoryRow)


async def categories(reader: Reader) -> list[CategoryRow]:
    """The whole tree, top first: the same for every workspace."""
    return await reader.fetch(_ALL_CATEGORIES, row=CategoryRow)
