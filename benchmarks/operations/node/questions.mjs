// The part of the schema that is asked for, and the statements that answer. $1 is the workspace.
export const SCHEMA = `
scalar DateTime
type Money { amount: String! currencyCode: String! }
type SalesAttribute { name: String! value: String! }
type ProductTranslation { locale: String! title: String! description: String! }
type Sku {
  id: ID! externalId: String sellerSku: String! salesAttributes: [SalesAttribute!]! price: Money!
  product: Product!
}
type Product {
  id: ID! externalId: String title: String! description: String! brand: String status: String!
  version: Int! createdAt: DateTime! updatedAt: DateTime!
  skus: [Sku!]! translations: [ProductTranslation!]!
}
type Package { id: ID! status: String! carrier: String trackingNumber: String }
type OrderLine {
  place: Int! sellerSku: String! productName: String! quantity: Int! listAmount: Money! sku: Sku
}
type Order {
  id: ID! externalId: String! status: String! placedAt: DateTime! total: Money!
  lines: [OrderLine!]! packages: [Package!]!
}
type HourlyGmv { site: String! hourOfWeek: Int! gmv: Money! orders: Int! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type ProductConnection { nodes: [Product!]! pageInfo: PageInfo! }
type OrderConnection { nodes: [Order!]! pageInfo: PageInfo! }
input DateTimeFilter { gte: DateTime lt: DateTime }
input OrderWhere { placedAt: DateTimeFilter }
type Query {
  product(id: ID!): Product
  products(first: Int = 20, after: String): ProductConnection!
  orders(first: Int = 20, after: String): OrderConnection!
  gmvByHourOfWeek(where: OrderWhere): [HourlyGmv!]!
}
`;

const PRODUCT = `id, external_id AS "externalId", title, description, brand, status, version,
  created_at AS "createdAt", updated_at AS "updatedAt"`;
const SKU = `id, product_id, external_id AS "externalId", seller_sku AS "sellerSku",
  sales_attributes AS "salesAttributes", price_minor, currency`;

// The clocks of `commerce/shops/sites.py`.
const CLOCK = `timezone(CASE site WHEN 'TH' THEN 'Asia/Bangkok' WHEN 'VN' THEN 'Asia/Ho_Chi_Minh'
  WHEN 'MY' THEN 'Asia/Kuala_Lumpur' WHEN 'ID' THEN 'Asia/Jakarta' WHEN 'PH' THEN 'Asia/Manila'
  WHEN 'SG' THEN 'Asia/Singapore' WHEN 'GB' THEN 'Europe/London'
  WHEN 'US' THEN 'America/Los_Angeles' WHEN 'DE' THEN 'Europe/Berlin'
  WHEN 'FR' THEN 'Europe/Paris' END, began_at)`;

export const QUESTIONS = {
  product: `SELECT ${PRODUCT} FROM products WHERE workspace_id = $1 AND id = $2`,
  products: `SELECT ${PRODUCT} FROM products
    WHERE workspace_id = $1 AND (created_at, id) < ($2, $3)
    ORDER BY created_at DESC, id DESC LIMIT $4`,
  orders: `SELECT id, external_id AS "externalId", status, placed_at AS "placedAt", total_minor,
      currency
    FROM orders WHERE workspace_id = $1 AND (placed_at, id) < ($2, $3)
    ORDER BY placed_at DESC, id DESC LIMIT $4`,
  skus: `SELECT ${SKU} FROM skus WHERE workspace_id = $1 AND product_id = ANY($2)
    ORDER BY product_id, place, id`,
  translations: `SELECT product_id, locale, title, description FROM product_translations
    WHERE workspace_id = $1 AND product_id = ANY($2) ORDER BY product_id, locale`,
  lines: `SELECT l.order_id, l.place, l.seller_sku AS "sellerSku",
      l.product_name AS "productName", l.quantity, l.list_minor, o.currency
    FROM order_lines l JOIN orders o ON o.workspace_id = l.workspace_id AND o.id = l.order_id
    WHERE l.workspace_id = $1 AND l.order_id = ANY($2) ORDER BY l.order_id, l.place`,
  packages: `SELECT id, order_id, status, carrier, tracking_number AS "trackingNumber"
    FROM packages WHERE workspace_id = $1 AND order_id = ANY($2) ORDER BY order_id, id`,
  skuBySellerSku: `SELECT ${SKU} FROM skus WHERE workspace_id = $1 AND seller_sku = ANY($2)`,
  productById: `SELECT ${PRODUCT} FROM products WHERE workspace_id = $1 AND id = ANY($2)`,
  gmv: `SELECT site, hour AS "hourOfWeek", gmv_minor, currency, orders FROM (
      SELECT site, currency, sum(minor)::bigint AS gmv_minor, sum(orders)::bigint AS orders,
        (date_part('isodow', ${CLOCK})::int - 1) * 24 + date_part('hour', ${CLOCK})::int AS hour
      FROM (
        SELECT site, currency, sum(total_minor) AS minor, count(*) AS orders,
          date_bin('15 minutes', placed_at, timestamptz '2000-01-01 00:00+00') AS began_at
        FROM orders WHERE workspace_id = $1 AND placed_at >= $2 AND placed_at < $3
          AND kind = 'SALE' AND status NOT IN ('UNPAID', 'CANCELLED')
        GROUP BY site, currency, began_at) quarters
      GROUP BY site, currency, hour ORDER BY site, currency, hour) hours`,
};
