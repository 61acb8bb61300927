"""What a product refers to, and whether it is there: category, warehouses, shops, free ids."""

from commerce.catalogue.drafts import NewProduct
from commerce.catalogue.queries import SkuRow
from commerce.refusals import AlreadyTaken, NotFound, Refusal
from commerce.shops.queries import shops
from commerce.stock.queries import warehouses_by_id
from tenants.database import Reader

_TAKEN = "SELECT id FROM products WHERE workspace_id = $1 AND external_id = $2"
_TAKEN_SKUS = """
SELECT * FROM skus WHERE workspace_id = $1 AND (seller_sku = ANY($2) OR external_id = ANY($3))
"""
_CATEGORY = "SELECT id FROM categories WHERE id = $1"


async def problems_with_references(reader: Reader, product: NewProduct) -> list[Refusal]:
    problems = await unknown_category(reader, product.category_id)
    wanted = {stock.warehouse_id for sku in product.skus for stock in sku.stock}
    known = {w.id for w in await warehouses_by_id(reader, list(wanted))} if wanted else set()
    for n, sku in enumerate(product.skus):
        problems += [
            NotFound("warehouse", field=("skus", n, "stock", m, "warehouseId"))
            for m, stock in enumerate(sku.stock)
            if stock.warehouse_id not in known
        ]
    problems += await _taken_ids(reader, product)
    return problems + await _sites_without_shop(reader, product)


async def _taken_ids(reader: Reader, product: NewProduct) -> list[Refusal]:
    """Ids that other products of the workspace have; the unique keys decide in a race."""
    workspace = reader.workspace_id
    problems: list[Refusal] = []
    if product.external_id and await reader.fetchval(_TAKEN, workspace, product.external_id):
        message = f"Another product has the external id {product.external_id!r}."
        problems.append(AlreadyTaken(message, field=("externalId",)))
    seller_skus = [sku.seller_sku for sku in product.skus]
    external_ids = [sku.external_id for sku in product.skus if sku.external_id]
    rows = await reader.fetch(_TAKEN_SKUS, workspace, seller_skus, external_ids, row=SkuRow)
    names, ids = {row.seller_sku for row in rows}, {row.external_id for row in rows}
    for n, sku in enumerate(product.skus):
        if sku.seller_sku in names:
            message = f"The seller SKU {sku.seller_sku!r} belongs to another product."
            problems.append(AlreadyTaken(message, field=("skus", n, "sellerSku")))
        if sku.external_id and sku.external_id in ids:
            message = f"The external id {sku.external_id!r} belongs to another SKU."
            problems.append(AlreadyTaken(message, field=("skus", n, "externalId")))
    return problems


async def _sites_without_shop(reader: Reader, product: NewProduct) -> list[Refusal]:
    if not product.sites:
        return []
    open_on = {shop.site for shop in await shops(reader)}
    return [
        NotFound(f"shop on the site {site.value}", field=("sites", product.sites.index(site)))
        for site in dict.fromkeys(product.sites)
        if site.value not in open_on
    ]


async def unknown_category(reader: Reader, category_id: str | None) -> list[Refusal]:
    if category_id is None or await reader.fetchval(_CATEGORY, category_id):
        return []
    return [NotFound("category", field=("categoryId",))]
