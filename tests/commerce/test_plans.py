"""Lists are index ranges, under the application's own role and its row security."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from commerce.catalogue.queries import PRODUCTS
from commerce.conditions import EVERYTHING, All, Compare, Condition, split
from commerce.orders import gmv
from commerce.orders.queries import ORDERS
from commerce.pages import Listing, OrderBy, Statement, _page_statement
from tests.world import TestWorkspace, World

ROWS = 5_000
_PRODUCTS = """
INSERT INTO products (workspace_id, id, title, description, status, attributes, created_at,
                      updated_at, version)
SELECT $1, gen_random_uuid(), 'Title ' || n, '', 'ACTIVATE', '[]',
       timestamptz '2026-01-01' + n * interval '1 minute', now(), 1
  FROM generate_series(1, $2) n
"""
_TERMS = """
INSERT INTO product_terms (workspace_id, term, product_id)
SELECT workspace_id, 'title' || substr(md5(id::text), 1, 5), id
  FROM products WHERE workspace_id = $1
"""
_SKUS = """
INSERT INTO skus (workspace_id, id, product_id, place, seller_sku, sales_attributes, price_minor,
                  currency, created_at)
SELECT workspace_id, gen_random_uuid(), id, 1, id::text, '[]', 1, 'THB', now()
  FROM products WHERE workspace_id = $1
"""
_ORDERS = """
INSERT INTO orders (workspace_id, id, channel, external_id, kind, site, status, path, currency,
                    list_minor, seller_discount_minor, platform_discount_minor, subtotal_minor,
                    shipping_fee_minor, tax_minor, total_minor, placed_at, created_at, updated_at,
                    version)
SELECT $1, gen_random_uuid(), 'TIKTOK_SHOP', (577000000000000000 + n)::text, 'SALE', 'TH',
       CASE WHEN n % 10 = 0 THEN 'UNPAID' ELSE 'COMPLETED' END, 'TIKTOK_SHIPPING', 'THB', n, 0, 0,
       n, 0, 0, n, timestamptz '2026-01-01' + n * interval '1 minute', now(), now(), 1
  FROM generate_series(1, $2) n
"""
_LINES = """
INSERT INTO order_lines (workspace_id, order_id, place, seller_sku, product_name, quantity,
                         unit_price_micros, list_minor, seller_discount_minor,
                         platform_discount_minor)
SELECT workspace_id, id, 1, 'SKU-' || external_id, '', 1, 0, 0, 0, 0
  FROM orders WHERE workspace_id = $1
"""
_PACKAGES = """
INSERT INTO packages (workspace_id, id, order_id, status, path, tracking_number, created_at,
                      updated_at)
SELECT workspace_id, gen_random_uuid(), id, 'PROCESSING', path, 'T-' || external_id, now(), now()
  FROM orders WHERE workspace_id = $1
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def crowded(world: World) -> AsyncIterator[TestWorkspace]:
    """A workspace with many rows, beside another that has as many."""
    settings = world.parts.settings
    assert settings.database_url is not None
    owner = await asyncpg.connect(settings.database_url.get_secret_value())
    workspaces = [await world.workspace() for _ in range(2)]
    for workspace in workspaces:
        await owner.execute(_PRODUCTS, workspace.id, ROWS)
        await owner.execute(_TERMS, workspace.id)
        await owner.execute(_SKUS, workspace.id)
        await owner.execute(_ORDERS, workspace.id, ROWS)
        await owner.execute(_LINES, workspace.id)
        await owner.execute(_PACKAGES, workspace.id)
    await owner.execute("ANALYZE products, skus, product_terms, orders, order_lines, packages")
    yield workspaces[0]
    await owner.close()


async def plan(
    world: World, workspace_id: UUID, listing: Listing[Any], where: Condition, order: str
) -> list[dict[str, Any]]:
    """The nodes of the plan of one page, top first."""
    shape, values = split(where)
    order_by = (OrderBy(order, descending=True),)
    statement = _page_statement(listing, shape, order_by, False, False)
    return await explained(world, workspace_id, statement, {"limit": 51, **values})


async def explained(
    world: World, workspace_id: UUID, statement: Statement, values: dict[str, Any]
) -> list[dict[str, Any]]:
    """The nodes of a statement's plan, top first."""
    given = {"workspace": workspace_id, **values}
    async with world.parts.pool.acquire() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL app.workspace_id = '{workspace_id}'")
        told = await connection.fetchval(
            f"EXPLAIN (FORMAT JSON) {statement.text}", *statement.arguments(given)
        )
    nodes: list[dict[str, Any]] = []

    def walk(node: dict[str, Any]) -> None:
        nodes.append(node)
        for part in node.get("Plans", []):
            walk(part)

    walk(json.loads(told)[0]["Plan"])
    return nodes


@pytest.mark.parametrize(
    ("listing", "where", "order", "index"),
    [
        (ORDERS, EVERYTHING, "PLACED_AT", "ix_orders_placed_at"),
        (ORDERS, Compare("status", "eq", "UNPAID"), "PLACED_AT", "ix_orders_status"),
        (PRODUCTS, EVERYTHING, "CREATED_AT", "ix_products_created_at"),
        (PRODUCTS, EVERYTHING, "TITLE", "ix_products_title"),
    ],
    ids=["orders", "orders by status", "products", "products by title"],
)
async def test_a_page_is_one_range_of_an_index_and_sorts_nothing(
    world: World,
    crowded: TestWorkspace,
    listing: Listing[Any],
    where: Condition,
    order: str,
    index: str,
) -> None:
    nodes = await plan(world, crowded.id, listing, where, order)

    assert index in {node.get("Index Name") for node in nodes}
    assert not [n for n in nodes if "Sort" in n["Node Type"] or n["Node Type"] == "Seq Scan"]


@pytest.mark.parametrize(
    ("listing", "where", "index"),
    [
        (PRODUCTS, Compare("search", "eq", "titleab"), "pk_product_terms"),
        (PRODUCTS, Compare("seller_sku", "eq", "X"), "uq_skus_seller_sku"),
        (ORDERS, Compare("external_id", "eq", "577000000000000007"), "ix_orders_external_id"),
        (ORDERS, Compare("seller_sku", "eq", "X"), "ix_order_lines_seller_sku"),
    ],
    ids=["search", "product by SKU", "order by id", "order by SKU"],
)
async def test_looking_something_up_reads_an_index_and_not_the_table(
    world: World, crowded: TestWorkspace, listing: Listing[Any], where: Condition, index: str
) -> None:
    nodes = await plan(
        world, crowded.id, listing, where, "CREATED_AT" if listing is PRODUCTS else "PLACED_AT"
    )

    assert index in {node.get("Index Name") for node in nodes}
    assert "Seq Scan" not in {node["Node Type"] for node in nodes}


async def test_the_search_over_orders_reads_only_indexes(
    world: World, crowded: TestWorkspace
) -> None:
    nodes = await plan(
        world, crowded.id, ORDERS, Compare("search", "eq", "57700000000000012"), "PLACED_AT"
    )
    assert "Seq Scan" not in {node["Node Type"] for node in nodes}


async def test_gmv_of_some_days_reads_only_their_range_of_the_index(
    world: World, crowded: TestWorkspace
) -> None:
    days = All(
        (
            Compare("placed_at", "gte", datetime(2026, 1, 2, tzinfo=UTC)),
            Compare("placed_at", "lt", datetime(2026, 1, 3, tzinfo=UTC)),
        )
    )
    shape, values = split(days)

    nodes = await explained(world, crowded.id, gmv._statement(shape), values)

    assert "ix_orders_placed_at" in {node.get("Index Name") for node in nodes}
    assert "Seq Scan" not in {node["Node Type"] for node in nodes}
