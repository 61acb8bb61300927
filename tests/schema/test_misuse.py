"""What clients get wrong, by mistake or on purpose: told by name, and nothing is changed."""

import asyncio
import base64
from typing import Any
from uuid import UUID

import pytest

from schema.loaders import Loaders, Relation, declare
from schema.nodes import global_id
from tenants.grants import Grant, Role
from tests.world import TestWorkspace, World

NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
ORDERS = "query ($where: OrderWhere) { orders(where: $where) { nodes { id } } }"
FIGURES = "query ($where: OrderLineWhere) { orderLineFigures(where: $where) { lines } }"
CREATE = """
mutation ($input: ProductCreateInput!) {
  productCreate(input: $input) { product { id } userErrors { code field message } }
}
"""
UPDATE = """
mutation ($input: ProductUpdateInput!) {
  productUpdate(input: $input) { product { version } userErrors { code field message } }
}
"""
INGEST = """
mutation ($input: OrderIngestInput!) {
  orderIngest(input: $input) {
    results { externalId outcome reason order { total { amount } } }
    userErrors { code }
  }
}
"""


def raw(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def a_product(key: str, *skus: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {
        "title": "Dress",
        "skus": skus or ({"sellerSku": "A", "price": {"amount": "1", "currencyCode": "THB"}},),
        "idempotencyKey": key,
        **given,
    }


def a_sku(seller_sku: str, *attributes: tuple[str, str], **given: Any) -> dict[str, Any]:
    return {
        "sellerSku": seller_sku,
        "price": {"amount": "1", "currencyCode": "THB"},
        "salesAttributes": [{"name": n, "value": v} for n, v in attributes],
        **given,
    }


def an_order_input(external_id: str, **price: str) -> dict[str, Any]:
    return {
        "externalId": external_id,
        "site": "TH",
        "currencyCode": "THB",
        "placedAt": "2026-05-01T15:00:00+07:00",
        "lines": [
            {
                "sellerSku": "S",
                "productName": "T",
                "quantity": 2,
                "unitPrice": {"amount": "1.25", "currencyCode": "THB", **price},
            }
        ],
    }


@pytest.mark.parametrize(
    "id",
    ["", "é", "nonsense", raw("Product"), raw("Product:1"), raw("Nothing:1"), raw("Order:" * 999),
     raw("__proto__:x"), raw(f"product:{UUID(int=1)}")],
)  # fmt: skip
async def test_a_forged_id_is_told_as_one(world: World, id: str) -> None:
    workspace = await world.workspace()

    answer = await workspace.ask(NODE, {"id": id})

    assert answer.code == "BAD_USER_INPUT"
    assert "is not an id" in answer.errors[0]["message"]


async def test_a_swapped_type_is_absent_in_node_and_refused_by_name_elsewhere(
    world: World,
) -> None:
    workspace = await world.workspace()
    order = await workspace.order()

    node = await workspace.ask(NODE, {"id": global_id("Product", order)})
    named = await workspace.ask(
        "query ($id: ID!) { product(id: $id) { id } }", {"id": global_id("Order", order)}
    )

    assert node.data == {"node": None}
    assert named.errors[0]["message"] == (
        "`id` is the id of a Order; the id of a Product is wanted."
    )


async def test_node_asks_for_the_right_that_the_type_needs(world: World) -> None:
    workspace = await world.workspace()
    viewer = "{ viewer { user { id } } }"
    me = (await workspace.ask(viewer)).data["viewer"]["user"]["id"]

    owner = await workspace.ask(NODE, {"id": me})
    other = await workspace.ask(NODE, {"id": me}, role=Role.VIEWER)

    assert owner.data["node"]["id"] == me
    assert other.code == "FORBIDDEN"
    assert other.data == {"node": None}


@pytest.mark.parametrize(
    ("query", "where"),
    [
        (ORDERS, {"placedAt": {"gte": "2026-01-01T00:00:00"}}),
        (ORDERS, {"placedAt": {"gte": "0001-01-01T00:00:00+23:00"}}),
        (ORDERS, {"placedAt": {"gte": "yesterday"}}),
        (ORDERS, {"placedAt": {"gte": 5}}),
        (ORDERS, {"externalId": {"eq": "\x00"}}),
        (ORDERS, {"sellerSku": "\x00"}),
        (ORDERS, {"search": "\ud800"}),
        (ORDERS, {"externalId": {"oneOf": ["x"] * 501}}),
        (ORDERS, {"and": [{"sellerSku": "x"}] * 21}),
        (ORDERS, {"not": {"not": {"not": {"not": {"not": {"sellerSku": "x"}}}}}}),
        (ORDERS, {"and": [{"and": [{"sellerSku": "x"}] * 20}] * 6}),
        (FIGURES, {"unitPrice": {"gt": "9" * 30}}),
        (FIGURES, {"unitPrice": {"gt": "1E+999999"}}),
        (FIGURES, {"unitPrice": {"gt": "NaN"}}),
        (FIGURES, {"unitPrice": {"gt": "0.0000001"}}),
        (FIGURES, {"quantity": {"gt": 2**31}}),
    ],
)
async def test_a_filter_that_cannot_be_is_told(
    world: World, query: str, where: dict[str, Any]
) -> None:
    workspace = await world.workspace()

    answer = await workspace.ask(query, {"where": where})

    assert answer.code == "BAD_USER_INPUT", answer.errors


@pytest.mark.parametrize(
    ("query", "where"),
    [
        (ORDERS, {"externalId": {"oneOf": []}}),
        (FIGURES, {"quantity": {"eq": 2**31 - 1}}),
        (FIGURES, {"unitPrice": {"eq": "999999999999.999999"}}),
        (ORDERS, {"not": {"and": []}}),
        (ORDERS, {"placedAt": {"isNull": True}}),
    ],
)
async def test_a_filter_at_the_edge_finds_nothing(
    world: World, query: str, where: dict[str, Any]
) -> None:
    workspace = await world.workspace()
    await workspace.order()

    answer = await workspace.ask(query, {"where": where})

    assert answer.errors == []
    assert list(answer.data.values()) in ([{"nodes": []}], [[]])


async def test_of_products_that_want_one_seller_sku_at_once_one_is_made(world: World) -> None:
    workspace = await world.workspace()

    answers = await asyncio.gather(
        *(workspace.ask(CREATE, {"input": a_product(f"k{n}")}) for n in range(6))
    )

    assert [a.errors for a in answers] == [[]] * 6
    made = [a.data["productCreate"] for a in answers]
    codes = sorted("".join(e["code"] for e in m["userErrors"]) for m in made)
    assert codes == ["", *["TAKEN"] * 5]


async def test_a_key_whose_change_was_refused_can_be_used_again(world: World) -> None:
    workspace = await world.workspace()

    refused = await workspace.ask(CREATE, {"input": a_product("k", title="")})
    mended = await workspace.ask(CREATE, {"input": a_product("k")})

    assert refused.data["productCreate"]["userErrors"][0]["field"] == ["title"]
    assert mended.data["productCreate"]["userErrors"] == []


@pytest.mark.parametrize(
    ("skus", "field"),
    [
        ([a_sku("A", ("Size", "M")), a_sku("B", ("Size", "M"))], "skus.1.salesAttributes"),
        ([a_sku("A", ("Size", "M")), a_sku("B", ("Colour", "Red"))], "skus.1.salesAttributes"),
        ([a_sku("A", ("Size", "M"), ("Size", "L"))], "skus.0.salesAttributes"),
        ([a_sku("A", ("Size", ""))], "skus.0.salesAttributes.0.value"),
        ([a_sku("A"), a_sku("A")], "skus.1.sellerSku"),
        ([a_sku("A", externalId="1"), a_sku("B", externalId="1")], "skus.1.externalId"),
        ([a_sku("A", price={"amount": "1E+30", "currencyCode": "THB"})], "skus.0.price"),
    ],
)
async def test_skus_that_do_not_fit_together_are_refused(
    world: World, skus: list[dict[str, Any]], field: str
) -> None:
    workspace = await world.workspace()

    answer = await workspace.ask(CREATE, {"input": a_product("k", *skus)})

    assert answer.errors == []
    errors = answer.data["productCreate"]["userErrors"]
    assert [".".join(e["field"]) for e in errors] == [field]


async def test_an_update_of_nothing_and_of_bad_translations_changes_nothing(world: World) -> None:
    workspace = await world.workspace()
    made = await workspace.ask(CREATE, {"input": a_product("k")})
    target = {"productId": made.data["productCreate"]["product"]["id"], "expectedVersion": 1}
    long = [{"locale": "th-TH", "title": "x" * 256}]

    async def update(**given: Any) -> dict[str, Any]:
        answer = await workspace.ask(UPDATE, {"input": {**target, **given}})
        updated: dict[str, Any] = answer.data["productUpdate"]
        return updated

    nothing, translated = await update(), await update(translations=long)
    changed = await update(brand="Breeze")

    assert nothing["userErrors"][0]["message"].startswith("There is nothing to change")
    assert translated["userErrors"][0]["field"] == ["translations", "0", "title"]
    assert changed["product"]["version"] == 2


async def test_one_bad_order_of_a_call_stops_no_other(world: World) -> None:
    workspace = await world.workspace()
    given = [
        an_order_input("1"),
        an_order_input("2", currencyCode="USD"),
        an_order_input("3", amount="1.0000001"),
    ]

    answer = await workspace.ask(INGEST, {"input": {"orders": given}})

    good, foreign, fine = answer.data["orderIngest"]["results"]
    assert (good["outcome"], good["order"]) == ("STORED", {"total": {"amount": "2.50"}})
    assert (foreign["outcome"], foreign["order"]) == ("REJECTED", None)
    assert foreign["reason"] == ("lines.0.unitPrice: The order is in THB, this amount in USD.")
    assert "at most six decimals" in fine["reason"]


async def test_an_error_in_a_batch_reaches_every_waiter_and_no_sibling(world: World) -> None:
    workspace = await world.workspace()

    async def broken(_reader: Any, _keys: Any) -> list[Any]:
        raise LookupError("broken")

    declare({"broken": Relation(query=broken, by="id", many=False, grant=Grant.CATALOGUE_READ)})
    context = world.execution.open_context(
        await world.access.principal(f"Bearer {await workspace.token()}"), "test"
    )
    loaders = Loaders()

    outcomes = await asyncio.gather(
        *(loaders.load(context, "broken", n) for n in range(3)),
        loaders.load(context, "live_room", workspace.room_id),
        return_exceptions=True,
    )

    await context.close()
    assert [type(o) for o in outcomes[:3]] == [LookupError] * 3
    assert getattr(outcomes[3], "id", None) == workspace.room_id


async def test_a_waiter_that_is_cancelled_takes_no_sibling_along(world: World) -> None:
    workspace: TestWorkspace = await world.workspace()
    context = world.execution.open_context(
        await world.access.principal(f"Bearer {await workspace.token()}"), "test"
    )
    first = asyncio.ensure_future(context.load("live_room", workspace.room_id))
    second = asyncio.ensure_future(context.load("live_room", workspace.room_id))
    await asyncio.sleep(0)

    first.cancel()
    found = await second

    await context.close()
    assert first.cancelled()
    assert found.id == workspace.room_id
