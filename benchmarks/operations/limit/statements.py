"""One statement per operation, which builds the whole answer: JSON text that is sent as it comes.

Nothing here is input but the parameters. $1 is the workspace.
"""

from commerce.shops.sites import SITES


def _id(kind: str, column: str) -> str:
    """The product's global id."""
    return f"encode(convert_to('{kind}:' || {column}, 'UTF8'), 'base64')"


def _money(minor: str, currency: str) -> str:
    amount = f"CASE {currency} WHEN 'VND' THEN ({minor})::text ELSE (({minor}) * 0.01)::text END"
    return f"json_build_object('amount', {amount}, 'currencyCode', {currency})"


def _list(rows: str) -> str:
    return f"(SELECT coalesce(json_agg(row_to_json(r)), '[]') FROM ({rows}) r)"


def _answer(field: str, value: str) -> str:
    return f"SELECT json_build_object('data', json_build_object('{field}', {value}))::text"


_PAGE_OF_PRODUCTS = """
SELECT * FROM products WHERE workspace_id = $1 AND (created_at, id) < ($2, $3)
 ORDER BY created_at DESC, id DESC
"""
_PAGE_OF_ORDERS = """
SELECT * FROM orders WHERE workspace_id = $1 AND (placed_at, id) < ($2, $3)
 ORDER BY placed_at DESC, id DESC LIMIT 20
"""
_CURSOR = """
translate(rtrim(encode(convert_to(
  json_build_array('-CREATED_AT', k.created_at, k.id)::text, 'UTF8'), 'base64'), '='),
  '+/' || chr(10), '-_')
"""

PRODUCT = _answer(
    "product",
    f"""(SELECT row_to_json(r) FROM (
    SELECT {_id("Product", "id")} AS id, external_id AS "externalId", title, description, brand,
           status, version, updated_at AS "updatedAt"
      FROM products WHERE workspace_id = $1 AND id = $2) r)""",
)

PRODUCTS = f"""
SELECT json_build_object('data', json_build_object('products', json_build_object(
    'nodes', coalesce(json_agg((SELECT row_to_json(r) FROM (
        SELECT 'Product' AS "__typename", {_id("Product", "k.id")} AS id,
               k.external_id AS "externalId", k.title, k.description, k.brand, k.status, k.version,
               k.created_at AS "createdAt", k.updated_at AS "updatedAt") r))
        FILTER (WHERE place <= 50), '[]'),
    'pageInfo', json_build_object(
        'hasNextPage', count(*) > 50,
        'endCursor', max({_CURSOR}) FILTER (WHERE place = least(50, total))))))::text
  FROM (SELECT p.*, row_number() OVER () AS place, count(*) OVER () AS total
          FROM ({_PAGE_OF_PRODUCTS} LIMIT 51) p) k
"""

_SKUS = f"""
SELECT {_id("Sku", "id")} AS id, external_id AS "externalId", seller_sku AS "sellerSku",
       sales_attributes AS "salesAttributes", {_money("price_minor", "currency")} AS price
  FROM skus WHERE workspace_id = $1 AND product_id = p.id ORDER BY place, skus.id
"""
_TRANSLATIONS = """
SELECT locale, title, description FROM product_translations
 WHERE workspace_id = $1 AND product_id = p.id ORDER BY locale
"""
_PRODUCTS_WITH_SKUS = f"""
SELECT {_id("Product", "p.id")} AS id, p.title, {_list(_SKUS)} AS skus,
       {_list(_TRANSLATIONS)} AS translations
  FROM ({_PAGE_OF_PRODUCTS} LIMIT 50) p
"""
PRODUCTS_WITH_SKUS = _answer(
    "products", f"json_build_object('nodes', {_list(_PRODUCTS_WITH_SKUS)})"
)

_SKU = f"""
CASE WHEN s.id IS NOT NULL THEN json_build_object(
    'id', {_id("Sku", "s.id")}, 'sellerSku', s.seller_sku,
    'product', json_build_object('id', {_id("Product", "p.id")}, 'title', p.title)) END
"""
_LINES = f"""
SELECT l.place, l.seller_sku AS "sellerSku", l.product_name AS "productName", l.quantity,
       {_money("l.list_minor", "o.currency")} AS "listAmount", {_SKU} AS sku
  FROM order_lines l
  LEFT JOIN skus s ON s.workspace_id = $1 AND s.seller_sku = l.seller_sku
  LEFT JOIN products p ON p.workspace_id = $1 AND p.id = s.product_id
 WHERE l.workspace_id = $1 AND l.order_id = o.id ORDER BY l.place
"""
_PACKAGES = f"""
SELECT {_id("Package", "id")} AS id, status, carrier, tracking_number AS "trackingNumber"
  FROM packages WHERE workspace_id = $1 AND order_id = o.id ORDER BY packages.id
"""
_ORDERS = f"""
SELECT {_id("Order", "o.id")} AS id, o.external_id AS "externalId", o.status,
       o.placed_at AS "placedAt", {_money("o.total_minor", "o.currency")} AS total,
       {_list(_LINES)} AS lines, {_list(_PACKAGES)} AS packages
  FROM ({_PAGE_OF_ORDERS}) o
"""
ORDERS = _answer("orders", f"json_build_object('nodes', {_list(_ORDERS)})")

_ZONES = " ".join(f"WHEN '{site}' THEN '{facts.time_zone.key}'" for site, facts in SITES.items())
_CLOCK = f"timezone(CASE site {_ZONES} END, began_at)"
_QUARTERS = """
SELECT site, currency,
       date_bin('15 minutes', placed_at, timestamptz '2000-01-01 00:00+00') AS began_at,
       sum(total_minor) AS minor, count(*) AS orders
  FROM orders WHERE workspace_id = $1 AND placed_at >= $2 AND placed_at < $3
   AND kind = 'SALE' AND status NOT IN ('UNPAID', 'CANCELLED')
 GROUP BY site, currency, began_at
"""
_HOURS = f"""
SELECT site, hour AS "hourOfWeek", {_money("minor", "currency")} AS gmv, orders FROM (
    SELECT site, currency, sum(minor)::bigint AS minor, sum(orders)::bigint AS orders,
           (date_part('isodow', {_CLOCK})::int - 1) * 24 + date_part('hour', {_CLOCK})::int AS hour
      FROM ({_QUARTERS}) q GROUP BY site, currency, hour ORDER BY site, currency, hour) g
"""
GMV = _answer("gmvByHourOfWeek", _list(_HOURS))
