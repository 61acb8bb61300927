"""Every relation of the schema, one line each: how to follow it, and who may."""

from commerce.catalogue import queries as catalogue
from commerce.live import queries as live
from commerce.orders import queries as orders
from commerce.shops import queries as shops
from commerce.stock import queries as stock
from schema.loaders import Query, Relation, declare
from tenants import jobs, workspaces
from tenants.grants import Grant


def _one(query: Query, grant: Grant, *, by: str = "id") -> Relation:
    return Relation(query=query, by=by, many=False, grant=grant)


def _many(query: Query, grant: Grant, *, by: str) -> Relation:
    return Relation(query=query, by=by, many=True, grant=grant)


_C, _O, _L = Grant.CATALOGUE_READ, Grant.ORDERS_READ, Grant.LIVE_READ

declare(
    {
        "product": _one(catalogue.products_by_id, _C),
        "sku": _one(catalogue.skus_by_id, _C),
        "sku_by_seller_sku": _one(catalogue.skus_by_seller_sku, _C, by="seller_sku"),
        "category": _one(catalogue.categories_by_id, _C),
        "skus_by_product": _many(catalogue.skus_by_product, _C, by="product_id"),
        "translations_by_product": _many(catalogue.translations_by_product, _C, by="product_id"),
        "media_by_product": _many(catalogue.media_by_product, _C, by="product_id"),
        "listings_by_product": _many(catalogue.listings_by_product, _C, by="product_id"),
        "warehouse": _one(stock.warehouses_by_id, _C),
        "stock_by_sku": _many(stock.stock_by_sku, _C, by="sku_id"),
        "order": _one(orders.orders_by_id, _O),
        "lines_by_order": _many(orders.lines_by_order, _O, by="order_id"),
        "packages_by_order": _many(orders.packages_by_order, _O, by="order_id"),
        "package": _one(orders.packages_by_id, _O),
        "tracking_by_package": _many(orders.tracking_by_package, _O, by="package_id"),
        "live_room": _one(live.live_rooms_by_id, _L),
        "shop": _one(shops.shops_by_id, Grant.WORKSPACE_READ),
        "job": _one(jobs.jobs_by_id, Grant.JOBS_READ),
        "user": _one(workspaces.users_by_id, Grant.MEMBERS_READ),
    }
)
