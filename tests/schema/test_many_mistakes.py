"""Requests with more mistakes than anybody reads: the first hundred are told."""

from typing import Any

from tests.world import World

_CREATE = """mutation ($input: ProductCreateInput!) {
  productCreate(input: $input) { product { id } userErrors { code field message } }
}"""


def _product(**given: Any) -> dict[str, Any]:
    price = {"amount": "12.50", "currencyCode": "THB"}
    return {
        "title": "A product",
        "skus": [{"sellerSku": "a", "price": price}],
        "idempotencyKey": "mistaken",
        **given,
    }


async def test_of_thousands_of_mistakes_a_hundred_are_told(world: World) -> None:
    workspace = await world.workspace()
    attributes = [{"name": "Colour", "values": [""] * 5_000}]

    answer = await workspace.ask(_CREATE, {"input": _product(attributes=attributes)})

    told = answer.data["productCreate"]["userErrors"]
    assert len(told) == 100
    assert told[0]["message"] == "An attribute has at most 100 values."
    assert told[1]["field"] == ["attributes", "0", "values", "0"]
    assert answer.data["productCreate"]["product"] is None


async def test_a_site_without_a_shop_is_told_once(world: World) -> None:
    workspace = await world.workspace()
    sites = ["TH", "PH", "PH", "VN", "PH"]

    answer = await workspace.ask(_CREATE, {"input": _product(sites=sites)})

    told = answer.data["productCreate"]["userErrors"]
    assert [(e["code"], e["field"]) for e in told] == [
        ("NOT_FOUND", ["sites", "1"]),
        ("NOT_FOUND", ["sites", "3"]),
    ]
