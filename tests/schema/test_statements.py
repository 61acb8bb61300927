"""Every list field of the schema costs the same statements, however many rows there are."""

import pytest
from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType

from commerce.orders.ingestion import IncomingLine
from schema.nodes import global_id
from schema.root import SCHEMA
from tests.world import TestWorkspace, World, an_order

_PRODUCTS = "products(first: 50) { nodes { %s } }"
_ORDERS = "orders(first: 50) { nodes { %s } }"

# The query of each list field that reads rows, and its statements: the opening one, then one for
# each level. Where a parent's rows come along, they are counted.
COSTS = {
    "Query.categories": ("categories { name parent { name } }", 3),
    "Query.warehouses": ("warehouses { name }", 2),
    "Query.orderLineFigures": ("orderLineFigures { lines }", 2),
    "Query.gmvByHourOfWeek": ("gmvByHourOfWeek { hourOfWeek gmv { amount } }", 2),
    "ProductConnection.edges": ("products(first: 50) { edges { cursor node { title } } }", 2),
    "ProductConnection.nodes": (_PRODUCTS % "title category { name }", 3),
    "OrderConnection.edges": ("orders(first: 50) { edges { cursor node { id } } }", 2),
    "OrderConnection.nodes": (_ORDERS % "id liveRoom { title }", 3),
    "LiveRoomConnection.edges": ("liveRooms(first: 50) { edges { node { id } } }", 2),
    "LiveRoomConnection.nodes": ("liveRooms(first: 50) { nodes { id } }", 2),
    "AuditEntryConnection.edges": ("auditLog(first: 50) { edges { node { id } } }", 2),
    "AuditEntryConnection.nodes": ("auditLog(first: 50) { nodes { id action } }", 2),
    "JobConnection.edges": ("jobs(first: 50) { edges { node { id } } }", 2),
    "JobConnection.nodes": ("jobs(first: 50) { nodes { id status } }", 2),
    "Product.skus": (_PRODUCTS % "skus { sellerSku product { title } }", 4),
    "Product.translations": (_PRODUCTS % "translations { title }", 3),
    "Product.media": (_PRODUCTS % "media { url }", 3),
    "Product.listings": (_PRODUCTS % "listings { site }", 3),
    "Sku.stock": (_PRODUCTS % "skus { stock { available warehouse { name } } }", 5),
    "Order.lines": (_ORDERS % "lines { quantity sku { sellerSku } package { status } }", 5),
    "Order.packages": (_ORDERS % "packages { status order { id } }", 4),
    "Package.tracking": (_ORDERS % "packages { tracking { code } }", 4),
    "Workspace.shops": ("workspace { shops { name } }", 3),
    "Workspace.members": ("workspace { members { user { email } } }", 4),
    "Workspace.invitations": ("workspace { invitations { email } }", 3),
    "Workspace.apiKeys": ("workspace { apiKeys { name } }", 3),
}
# Lists that lie within their parent's row, or in the answer of a mutation.
WITHIN = {
    "Product.attributes",
    "Product.availableActions",
    "ProductAttribute.values",
    "Sku.salesAttributes",
    "Order.availableActions",
    "ApiKey.scopes",
    "Viewer.grants",
}


def list_fields() -> set[str]:
    found = set()
    for name, type_ in SCHEMA._schema.type_map.items():
        if not isinstance(type_, GraphQLObjectType) or name.startswith("__"):
            continue
        told = {interface.name for interface in type_.interfaces}
        if name.endswith("Payload") or "UserError" in told:
            continue
        for field, definition in type_.fields.items():
            kind = definition.type
            inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
            if isinstance(inner, GraphQLList):
                found.add(f"{name}.{field}")
    return found


def test_every_list_field_of_the_schema_is_in_the_table() -> None:
    assert list_fields() == COSTS.keys() | WITHIN


async def stocked(world: World, rows: int) -> TestWorkspace:
    """A workspace whose lists all hold that many rows, or, of nested ones, some in each."""
    workspace = await world.workspace()
    for _ in range(rows):
        await workspace.product(category_id="601226")
    seller_skus = (await workspace.ask("{ products { nodes { skus { sellerSku } } } }")).data
    sku = seller_skus["products"]["nodes"][0]["skus"][0]["sellerSku"]
    orders = await workspace.ingest(
        [
            an_order(
                live_room_id=workspace.room_external_id,
                lines=(
                    IncomingLine(
                        seller_sku=sku, product_name="T", quantity=1, unit_price_micros=1_000_000
                    ),
                ),
            )
            for _ in range(rows)
        ]
    )
    for order in orders:
        given = {"orderId": global_id("Order", order.order_id)}
        shipped = await workspace.ask(
            "mutation ($i: OrderShipInput!) { orderShip(input: $i) { userErrors { message } } }",
            {"i": {**given, "idempotencyKey": str(order.order_id)}},
        )
        assert shipped.data["orderShip"]["userErrors"] == []
    return workspace


@pytest.mark.parametrize("rows", [1, 12])
async def test_statements_are_exact_and_do_not_grow_with_the_rows(world: World, rows: int) -> None:
    workspace = await stocked(world, rows)
    spent = {}

    for name, (query, _) in COSTS.items():
        answer = await workspace.ask(f"{{ {query} }}")
        assert answer.errors == [], name
        spent[name] = answer.statements

    assert spent == {name: count for name, (_, count) in COSTS.items()}


@pytest.mark.parametrize("rows", [1, 12])
async def test_ingesting_reads_its_orders_back_in_one_statement(world: World, rows: int) -> None:
    workspace = await world.workspace()
    orders = [
        {
            "externalId": str(n),
            "site": "TH",
            "currencyCode": "THB",
            "placedAt": "2026-05-01T08:00:00Z",
            "lines": [
                {
                    "sellerSku": "S",
                    "productName": "T",
                    "quantity": 1,
                    "unitPrice": {"amount": "1", "currencyCode": "THB"},
                }
            ],
        }
        for n in range(rows)
    ]
    query = """mutation ($i: OrderIngestInput!) {
      orderIngest(input: $i) { results { outcome order { externalId } } userErrors { code } } }"""
    without = query.replace("order { externalId }", "")

    first = await workspace.ask(without, {"i": {"orders": orders}})
    again = await workspace.ask(query, {"i": {"orders": orders}})

    assert [r["outcome"] for r in first.data["orderIngest"]["results"]] == ["STORED"] * rows
    assert [r["order"] for r in again.data["orderIngest"]["results"]] == [
        {"externalId": str(n)} for n in range(rows)
    ]
    assert again.statements <= 16
