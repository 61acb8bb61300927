"""Operations of the schema that take values, for attacks to fill."""

from typing import Any

ORDERS = "query ($where: OrderWhere) { orders(where: $where) { totalCount } }"
SEARCH = "query ($s: String) { orders(where: { search: $s }) { totalCount } }"
SORTED = "query ($o: [OrderOrder!]) { orders(orderBy: $o) { totalCount } }"
PAGE = "query ($n: Int) { orders(first: $n) { totalCount } }"
AFTER = "query ($after: String) { orders(after: $after) { totalCount } }"
STATUS = "query ($s: OrderStatus) { orders(where: { status: { eq: $s } }) { totalCount } }"
SINCE = "query ($d: DateTime) { orders(where: { placedAt: { gte: $d } }) { totalCount } }"
DEARER = "query ($d: Decimal) { orderLineFigures(where: { unitPrice: { gte: $d } }) { lines } }"
FIGURES = "query ($where: OrderLineWhere) { orderLineFigures(where: $where) { lines } }"
NODE = "query ($id: ID!) { node(id: $id) { id } }"
LEGACY = "query ($s: String!) { workspaceByLegacyId(legacyId: $s) { id } shopByLegacyId(legacyId: $s) { id } }"
UPDATES = "subscription ($after: String) { orderUpdates(after: $after) { __typename } }"
INGEST = """mutation ($input: OrderIngestInput!) {
  orderIngest(input: $input) { results { outcome reason order { id } } userErrors { code message } }
}"""
CREATE = """mutation ($input: ProductCreateInput!) {
  productCreate(input: $input) { product { id } userErrors { code field message } }
}"""
UPDATE = """mutation ($input: ProductUpdateInput!) {
  productUpdate(input: $input) { product { id } userErrors { code field message } }
}"""
CANCEL = "mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { order { id } } }"
INVITE = "mutation ($input: MemberInviteInput!) { memberInvite(input: $input) { invitationId } }"
KEY = "mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { apiKeyId } }"

BAHT = {"amount": "12.50", "currencyCode": "THB"}


def an_order(number: int, lines: int) -> dict[str, Any]:
    line = {"sellerSku": "SKU-1", "productName": "A thing", "quantity": 1, "unitPrice": BAHT}
    return {
        "externalId": f"attack-{number}-{lines}",
        "site": "TH",
        "currencyCode": "THB",
        "placedAt": "2026-05-01T08:00:00Z",
        "lines": [line] * lines,
    }


def a_product(skus: int = 1, **given: Any) -> dict[str, Any]:
    return {
        "title": "A product",
        "skus": [a_sku(n) for n in range(skus)],
        "idempotencyKey": f"attack-{skus}",
        **given,
    }


def a_sku(number: int = 0, **given: Any) -> dict[str, Any]:
    attributes = [{"name": "Size", "value": str(number)}]
    return {
        "sellerSku": f"attack-{number}",
        "price": BAHT,
        "salesAttributes": attributes,
        **given,
    }
