"""Changes to products, named by what a seller does: create, update, activate, deactivate."""

from collections.abc import Sequence
from itertools import chain
from typing import Any
from uuid import UUID

from commerce.catalogue.drafts import NewProduct, NewSku, NewTranslation, ProductTexts
from commerce.catalogue.lifecycle import (
    TRANSITIONS,
    ListingStatus,
    ProductAction,
    ProductStatus,
    available_actions,
)
from commerce.catalogue.queries import (
    ProductRow,
    skus_by_product,
    translations_by_product,
)
from commerce.catalogue.references import problems_with_references, unknown_category
from commerce.catalogue.rules import (
    problems_with_new,
    problems_with_texts,
    problems_with_translations,
)
from commerce.catalogue.search_terms import search_terms
from commerce.refusals import (
    InvalidValue,
    NotFound,
    Refusal,
    VersionConflict,
    first_of,
    refuse_all,
)
from tenants.database import Writer
from tenants.ids import new_id


class ProductTransitionRefused(Refusal):
    """The product's state machine has no such move."""

    code = "TRANSITION_REFUSED"

    def __init__(self, status: ProductStatus, action: ProductAction) -> None:
        self.status = status
        self.action = action
        self.allowed = available_actions(status)
        instead = ", ".join(self.allowed) or "nothing more"
        super().__init__(f"A product that is {status} cannot {action}; possible now: {instead}.")


_LOCK = "SELECT * FROM products WHERE workspace_id = $1 AND id = $2 FOR UPDATE"
_INSERT = """
INSERT INTO products (workspace_id, id, external_id, title, description, brand, category_id,
                      status, attributes, created_at, updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, 1)
"""
_INSERT_SKUS = """
INSERT INTO skus (workspace_id, id, product_id, place, external_id, seller_sku, sales_attributes,
                  price_minor, currency, created_at)
SELECT $1, s.id, $2, s.place, s.external_id, s.seller_sku, s.sales_attributes, s.price_minor,
       s.currency, $3
  FROM jsonb_to_recordset($4) AS s(id uuid, place int, external_id text, seller_sku text,
                                   sales_attributes jsonb, price_minor bigint, currency text)
"""
_INSERT_STOCK = """
INSERT INTO stock_levels (workspace_id, sku_id, warehouse_id, available, reserved, updated_at)
SELECT $1, sku_id, warehouse_id, available, 0, $2
  FROM unnest($3::uuid[], $4::uuid[], $5::int[]) AS s(sku_id, warehouse_id, available)
"""
_TRANSLATE = """
INSERT INTO product_translations (workspace_id, product_id, locale, title, description)
SELECT $1, $2, locale, title, description
  FROM unnest($3::text[], $4::text[], $5::text[]) AS t(locale, title, description)
ON CONFLICT (workspace_id, product_id, locale)
DO UPDATE SET title = excluded.title, description = excluded.description
"""
_INSERT_MEDIA = """
INSERT INTO product_media (workspace_id, product_id, place, kind, url)
SELECT $1, $2, m.place, m.kind, m.url
  FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS m(kind, url, place)
"""
_LIST = """
INSERT INTO listings (workspace_id, product_id, site, status, updated_at)
SELECT $1, $2, site, $4, $5 FROM unnest($3::text[]) AS l(site)
"""
_FORGET_TERMS = "DELETE FROM product_terms WHERE workspace_id = $1 AND product_id = $2"
_INSERT_TERMS = """
INSERT INTO product_terms (workspace_id, term, product_id)
SELECT $1, term, $2 FROM unnest($3::text[]) AS t(term)
"""
_UPDATE = """
UPDATE products SET title = $3, description = $4, brand = $5, category_id = $6, updated_at = $7,
       version = version + 1
 WHERE workspace_id = $1 AND id = $2
"""
_MOVE = """
UPDATE products SET status = $3, updated_at = $4, version = version + 1
 WHERE workspace_id = $1 AND id = $2
"""
_MOVE_LISTINGS = """
UPDATE listings SET status = $3, updated_at = $4
 WHERE workspace_id = $1 AND product_id = $2 AND status <> 'LOCKED'
"""


async def create(writer: Writer, product: NewProduct) -> UUID:
    """A new product in DRAFT, with its SKUs, stock, translations, media and listings."""
    problems = first_of(problems_with_new(product))
    problems += await problems_with_references(writer, product)
    refuse_all(problems)
    product_id, at = new_id(), writer.changes.at
    attributes = [{"name": name, "values": list(values)} for name, values in product.attributes]
    await writer.execute(
        _INSERT, writer.workspace_id, product_id, product.external_id, product.title,
        product.description, product.brand, product.category_id, ProductStatus.DRAFT.value,
        attributes, at,
    )  # fmt: skip
    await _add_skus(writer, product_id, product.skus)
    await _describe(writer, product_id, product)
    seller_skus = [sku.seller_sku for sku in product.skus]
    titles = [product.title, *(t.title for t in product.translations)]
    await _index(writer, product_id, search_terms(*titles, *seller_skus, product.brand or ""))
    writer.changes.audit(
        "Product", product_id, after={"title": product.title, "seller_skus": seller_skus}
    )
    return product_id


async def update(
    writer: Writer, product_id: UUID, texts: ProductTexts, *, expected_version: int
) -> UUID:
    product = await _lock(writer, product_id, expected_version)
    _check_move(product, ProductAction.UPDATE)
    if texts == ProductTexts():
        raise InvalidValue("There is nothing to change: give what is to be new.")
    new = {
        "title": product.title if texts.title is None else texts.title,
        "description": product.description if texts.description is None else texts.description,
        "brand": product.brand if texts.brand is None else texts.brand,
        "category_id": product.category_id if texts.category_id is None else texts.category_id,
    }
    told = problems_with_texts(new["title"] or "", new["description"] or "", texts.brand)
    problems = first_of(chain(told, problems_with_translations(texts.translations)))
    problems += await unknown_category(writer, texts.category_id)
    refuse_all(problems)
    await writer.execute(_UPDATE, writer.workspace_id, product.id, *new.values(), writer.changes.at)
    await _translate(writer, product.id, texts.translations)
    await _index_again(writer, product.id, str(new["title"]), new["brand"] or "")
    before = {name: product[name] for name in new} | {"version": product.version}
    after = new | {
        "version": product.version + 1,
        "translations": [translation.locale for translation in texts.translations],
    }
    writer.changes.audit("Product", product.id, before=before, after=after)
    return product.id


async def activate(writer: Writer, product_id: UUID, *, expected_version: int | None) -> UUID:
    """Put a product on sale on every site it is listed for, locked listings excepted."""
    return await _move(
        writer, product_id, ProductAction.ACTIVATE, ListingStatus.LISTED, expected_version
    )


async def deactivate(writer: Writer, product_id: UUID, *, expected_version: int | None) -> UUID:
    """Take a product off sale on every site."""
    return await _move(
        writer, product_id, ProductAction.DEACTIVATE, ListingStatus.UNLISTED, expected_version
    )


async def _move(
    writer: Writer,
    product_id: UUID,
    action: ProductAction,
    listing: ListingStatus,
    expected_version: int | None,
) -> UUID:
    product = await _lock(writer, product_id, expected_version)
    status = _check_move(product, action)
    at = writer.changes.at
    await writer.execute(_MOVE, writer.workspace_id, product.id, status.value, at)
    await writer.execute(_MOVE_LISTINGS, writer.workspace_id, product.id, listing.value, at)
    writer.changes.audit(
        "Product",
        product.id,
        before={"status": product.status, "version": product.version},
        after={"status": status, "version": product.version + 1},
    )
    return product.id


def _check_move(product: ProductRow, action: ProductAction) -> ProductStatus:
    status = ProductStatus(product.status)
    if status not in TRANSITIONS[action]:
        raise ProductTransitionRefused(status, action)
    return TRANSITIONS[action][status]


async def _lock(writer: Writer, product_id: UUID, expected_version: int | None) -> ProductRow:
    product = await writer.fetchrow(_LOCK, writer.workspace_id, product_id, row=ProductRow)
    if product is None:
        raise NotFound("product", field=("productId",))
    if expected_version is not None and expected_version != product.version:
        raise VersionConflict(expected=expected_version, actual=product.version)
    return product


async def _add_skus(writer: Writer, product_id: UUID, skus: Sequence[NewSku]) -> None:
    rows: list[dict[str, Any]] = [
        {
            "id": str(new_id()),
            "place": place,
            "external_id": sku.external_id,
            "seller_sku": sku.seller_sku,
            "sales_attributes": [{"name": n, "value": v} for n, v in sku.sales_attributes],
            "price_minor": sku.price_minor,
            "currency": sku.currency,
        }
        for place, sku in enumerate(skus, 1)
    ]
    at = writer.changes.at
    await writer.execute(_INSERT_SKUS, writer.workspace_id, product_id, at, rows)
    levels = [
        (UUID(row["id"]), stock.warehouse_id, stock.available)
        for row, sku in zip(rows, skus, strict=True)
        for stock in sku.stock
    ]
    if levels:
        columns = [list(column) for column in zip(*levels, strict=True)]
        await writer.execute(_INSERT_STOCK, writer.workspace_id, at, *columns)


async def _describe(writer: Writer, product_id: UUID, product: NewProduct) -> None:
    workspace, at = writer.workspace_id, writer.changes.at
    await _translate(writer, product_id, product.translations)
    if product.media:
        kinds, urls = [kind.value for kind, _ in product.media], [url for _, url in product.media]
        await writer.execute(_INSERT_MEDIA, workspace, product_id, kinds, urls)
    if product.sites:
        sites = sorted({site.value for site in product.sites})
        await writer.execute(_LIST, workspace, product_id, sites, ListingStatus.UNLISTED.value, at)


async def _translate(
    writer: Writer, product_id: UUID, translations: Sequence[NewTranslation]
) -> None:
    if translations:
        by_locale = {t.locale: t for t in translations}.values()
        await writer.execute(
            _TRANSLATE, writer.workspace_id, product_id, [t.locale for t in by_locale],
            [t.title for t in by_locale], [t.description for t in by_locale],
        )  # fmt: skip


async def _index_again(writer: Writer, product_id: UUID, title: str, brand: str) -> None:
    skus = await skus_by_product(writer, [product_id])
    translations = await translations_by_product(writer, [product_id])
    await writer.execute(_FORGET_TERMS, writer.workspace_id, product_id)
    texts = [title, brand, *(t.title for t in translations), *(s.seller_sku for s in skus)]
    await _index(writer, product_id, search_terms(*texts))


async def _index(writer: Writer, product_id: UUID, terms: list[str]) -> None:
    if terms:
        await writer.execute(_INSERT_TERMS, writer.workspace_id, product_id, terms)
