"""Products through GraphQL: listed, found, created, updated, activated and deactivated."""

from typing import Any

import pytest

from schema.nodes import global_id
from tenants.grants import Role
from tests.world import TestWorkspace, World

PAGE = """
query ($first: Int, $where: ProductWhere) {
  products(first: $first, where: $where) {
    nodes {
      id title status
      skus { id sellerSku price { amount currencyCode } stock { available } }
      translations { locale title }
    }
  }
}
"""
CREATE = """
mutation ($input: ProductCreateInput!) {
  productCreate(input: $input) {
    product {
      id title status version brand
      category { name parent { name } }
      attributes { name values }
      skus { sellerSku price { amount currencyCode } salesAttributes { name value }
             stock { available reserved warehouseName warehouse { id } } product { title } }
      translations { locale title description }
      media { kind url }
      listings { site status }
      availableActions
    }
    userErrors { code field message }
  }
}
"""
UPDATE = """
mutation ($input: ProductUpdateInput!) {
  productUpdate(input: $input) {
    product { title description version translations { locale title } }
    userErrors { __typename code field ... on VersionConflict { actualVersion } }
  }
}
"""
MOVE = """
mutation ($input: ProductMoveInput!) {
  %s(input: $input) {
    product { status listings { site status } availableActions }
    userErrors { __typename code ... on TransitionRefused { from action allowed } }
  }
}
"""


def a_product(workspace: TestWorkspace, **given: Any) -> dict[str, Any]:
    sku = {
        "sellerSku": given.pop("seller_sku", "DRESS-M"),
        "price": {"amount": "590.00", "currencyCode": "THB"},
        "salesAttributes": [{"name": "Size", "value": "M"}],
        "stock": [{"warehouseId": workspace.warehouse_global_id, "available": 40}],
    }
    return {
        "title": "Linen dress",
        "brand": "Breeze",
        "categoryId": global_id("Category", "601226"),
        "attributes": [{"name": "Material", "values": ["Linen", "Cotton"]}],
        "skus": [sku],
        "translations": [{"locale": "th-TH", "title": "เดรสผ้าลินิน"}],
        "media": [{"kind": "MAIN_IMAGE", "url": "https://images.example/1.jpg"}],
        "sites": ["TH"],
        "idempotencyKey": "create-1",
        **given,
    }


async def create(workspace: TestWorkspace, **given: Any) -> dict[str, Any]:
    answer = await workspace.ask(CREATE, {"input": a_product(workspace, **given)})
    assert answer.errors == []
    created: dict[str, Any] = answer.data["productCreate"]
    return created


@pytest.mark.parametrize("size", [1, 10])
async def test_a_page_with_skus_translations_and_stock_takes_five_statements(
    world: World, size: int
) -> None:
    workspace = await world.workspace()
    for _ in range(size):
        await workspace.product()

    answer = await workspace.ask(PAGE, {"first": 50})

    assert answer.errors == []
    assert len(answer.data["products"]["nodes"]) == size
    assert answer.statements == 5


async def test_everything_that_was_given_is_there(world: World) -> None:
    workspace = await world.workspace()

    created = await create(workspace)

    assert created["userErrors"] == []
    product = created["product"]
    assert product["status"] == "DRAFT"
    assert product["category"] == {
        "name": "Womenswear",
        "parent": {"name": "Womenswear & Underwear"},
    }
    assert product["attributes"] == [{"name": "Material", "values": ["Linen", "Cotton"]}]
    assert product["skus"] == [
        {
            "sellerSku": "DRESS-M",
            "price": {"amount": "590.00", "currencyCode": "THB"},
            "salesAttributes": [{"name": "Size", "value": "M"}],
            "stock": [
                {
                    "available": 40,
                    "reserved": 0,
                    "warehouseName": "Main",
                    "warehouse": {"id": workspace.warehouse_global_id},
                }
            ],
            "product": {"title": "Linen dress"},
        }
    ]
    assert product["listings"] == [
        {"site": "TH", "status": "UNLISTED"},
    ]
    assert product["availableActions"] == ["UPDATE", "ACTIVATE"]


async def test_creating_twice_with_one_key_creates_once(world: World) -> None:
    workspace = await world.workspace()

    first = await create(workspace)
    again = await create(workspace)
    other = await create(workspace, title="Another")

    assert again == first
    assert [e["code"] for e in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert len((await workspace.ask(PAGE)).data["products"]["nodes"]) == 1


async def test_all_that_is_wrong_is_said_at_once_and_nothing_is_stored(world: World) -> None:
    workspace = await world.workspace()
    await create(workspace)
    sku = {"sellerSku": "DRESS-M", "price": {"amount": "0", "currencyCode": "THB"}}

    refused = await create(
        workspace, title="x" * 256, skus=[sku], idempotencyKey="2", categoryId=None
    )

    assert refused["product"] is None
    assert {(e["code"], ".".join(e["field"])) for e in refused["userErrors"]} == {
        ("INVALID", "title"),
        ("INVALID", "skus.0.price"),
        ("TAKEN", "skus.0.sellerSku"),
    }
    assert len((await workspace.ask(PAGE)).data["products"]["nodes"]) == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 255, "description": "y" * 10_001}, "description"),
        ({"skus": []}, "skus"),
        ({"seller_sku": "S" * 51}, "skus.0.sellerSku"),
        ({"categoryId": global_id("Category", "404")}, "categoryId"),
        ({"brand": "  "}, "brand"),
        ({"externalId": ""}, "externalId"),
        ({"sites": ["TH", "MY"]}, "sites.1"),
        ({"translations": [{"locale": "Thai", "title": "x"}]}, "translations.0.locale"),
        ({"translations": [{"locale": "th-TH", "title": "x"}] * 2}, "translations.1.locale"),
        ({"media": [{"kind": "MAIN_IMAGE", "url": "javascript:1"}]}, "media.0.url"),
        ({"attributes": [{"name": "", "values": ["x"]}]}, "attributes.0.name"),
    ],
)
async def test_p4_limits(world: World, given: dict[str, Any], field: str) -> None:
    workspace = await world.workspace()

    refused = await create(workspace, **given)

    assert [".".join(e["field"]) for e in refused["userErrors"]] == [field]


async def test_p4_the_longest_that_is_allowed(world: World) -> None:
    workspace = await world.workspace()

    created = await create(
        workspace, title="x" * 255, description="y" * 10_000, seller_sku="S" * 50
    )

    assert created["userErrors"] == []


async def test_money_with_more_decimals_than_its_currency_is_refused(world: World) -> None:
    workspace = await world.workspace()
    sku = {"sellerSku": "A", "price": {"amount": "1000.5", "currencyCode": "VND"}}

    refused = await create(workspace, skus=[sku])

    (error,) = refused["userErrors"]
    assert error["field"] == ["skus", "0", "price"]
    assert error["message"] == "VND has 0 decimals; 1000.5 has more."


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("linen", True),
        ("LIN dre", True),
        ("dress-m", True),
        ("breeze", True),
        ("ลินิน", True),
        ("cotton", False),
        ("linen cotton", False),
        ("...", False),
        ("", False),
    ],
)
async def test_search_finds_words_by_their_beginning(
    world: World, search: str, *, found: bool
) -> None:
    workspace = await world.workspace()
    await create(workspace)

    answer = await workspace.ask(PAGE, {"where": {"search": search}})

    assert bool(answer.data["products"]["nodes"]) is found


async def test_an_update_changes_what_was_given_and_the_search_follows(world: World) -> None:
    workspace = await world.workspace()
    product = (await create(workspace))["product"]
    given = {
        "productId": product["id"],
        "expectedVersion": product["version"],
        "title": "Silk gown",
        "translations": [{"locale": "vi-VN", "title": "Đầm lụa"}],
    }

    updated = (await workspace.ask(UPDATE, {"input": given})).data["productUpdate"]
    stale = (await workspace.ask(UPDATE, {"input": given})).data["productUpdate"]

    assert updated["product"]["title"] == "Silk gown"
    assert updated["product"]["version"] == 2
    assert [t["locale"] for t in updated["product"]["translations"]] == ["th-TH", "vi-VN"]
    assert stale["userErrors"][0]["actualVersion"] == 2
    found = await workspace.ask(PAGE, {"where": {"search": "gown lụa"}})
    gone = await workspace.ask(PAGE, {"where": {"search": "dress-m linen"}})
    assert len(found.data["products"]["nodes"]) == 1
    assert gone.data["products"]["nodes"] == []


async def test_activating_lists_and_deactivating_takes_off_sale(world: World) -> None:
    workspace = await world.workspace()
    product = (await create(workspace))["product"]

    async def move(name: str) -> dict[str, Any]:
        answer = await workspace.ask(MOVE % name, {"input": {"productId": product["id"]}})
        moved: dict[str, Any] = answer.data[name]
        return moved

    active = await move("productActivate")
    twice = await move("productActivate")
    inactive = await move("productDeactivate")

    assert active["product"]["status"] == "ACTIVATE"
    assert {entry["status"] for entry in active["product"]["listings"]} == {"LISTED"}
    (refused,) = twice["userErrors"]
    assert (refused["from"], refused["allowed"]) == ("ACTIVATE", ["UPDATE", "DEACTIVATE"])
    assert inactive["product"]["status"] == "SELLER_DEACTIVATED"
    assert {entry["status"] for entry in inactive["product"]["listings"]} == {"UNLISTED"}


async def test_listed_on_finds_what_is_on_sale_there(world: World) -> None:
    workspace = await world.workspace()
    product = (await create(workspace))["product"]
    before = await workspace.ask(PAGE, {"where": {"listedOn": "TH"}})

    await workspace.ask(MOVE % "productActivate", {"input": {"productId": product["id"]}})

    there = await workspace.ask(PAGE, {"where": {"listedOn": "TH"}})
    elsewhere = await workspace.ask(PAGE, {"where": {"listedOn": "VN"}})
    counts = [len(a.data["products"]["nodes"]) for a in (before, there, elsewhere)]
    assert counts == [0, 1, 0]


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.OWNER, Role.ADMIN, Role.CATALOG}))
async def test_only_who_manages_the_catalogue_creates(world: World, role: Role) -> None:
    workspace = await world.workspace()

    answer = await workspace.ask(CREATE, {"input": a_product(workspace)}, role=role)

    assert answer.code == "FORBIDDEN"
    assert (await workspace.ask(PAGE)).data["products"]["nodes"] == []


async def test_node_finds_every_kind_again_and_an_unknown_id_is_absent(world: World) -> None:
    workspace = await world.workspace()
    product = (await create(workspace))["product"]
    absent = global_id("Product", "00000000-0000-7000-8000-000000000000")
    query = "query ($id: ID!) { node(id: $id) { __typename id } }"

    found = await workspace.ask(query, {"id": product["id"]})
    room = await workspace.ask(query, {"id": workspace.room_global_id})
    category = await workspace.ask(query, {"id": global_id("Category", "601226")})
    nothing = await workspace.ask(query, {"id": absent})
    wrong = await workspace.ask(query, {"id": "nonsense"})

    assert found.data["node"]["__typename"] == "Product"
    assert room.data["node"]["__typename"] == "LiveRoom"
    assert category.data["node"]["__typename"] == "Category"
    assert nothing.data == {"node": None}
    assert wrong.code == "BAD_USER_INPUT"
