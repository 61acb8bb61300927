"""What is asked: five operations, each of many workspaces with values of their own.

Q1  a product by its id, 8 scalars
Q2  a page of 50 products after a cursor, 10 scalars each
Q3  50 products with their SKUs, 6 fields each, and their translations
Q4  20 orders with lines, the SKU and product of each line, and packages
Q5  GMV by hour of the week over 90 days
"""

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from benchmarks.operations.rows.world import NOW
from schema.nodes import global_id

OPERATIONS = {
    "Q1": "a product by id, 8 scalars",
    "Q2": "50 products x 10 scalars, after a cursor",
    "Q3": "50 products with SKUs x 6 fields and translations",
    "Q4": "20 orders with lines, SKU, product and packages",
    "Q5": "GMV by hour of the week, 90 days",
}
DOCUMENTS = {
    "Q1": """query Q1($id: ID!) {
  product(id: $id) { id externalId title description brand status version updatedAt }
}""",
    "Q2": """query Q2($after: String) {
  products(first: 50, after: $after) {
    nodes {
      __typename id externalId title description brand status version createdAt updatedAt
    }
    pageInfo { hasNextPage endCursor }
  }
}""",
    "Q3": """query Q3($after: String) {
  products(first: 50, after: $after) {
    nodes {
      id title
      skus { id externalId sellerSku salesAttributes { name value } price { amount currencyCode } }
      translations { locale title description }
    }
  }
}""",
    "Q4": """query Q4($after: String) {
  orders(first: 20, after: $after) {
    nodes {
      id externalId status placedAt total { amount currencyCode }
      lines {
        place sellerSku productName quantity listAmount { amount currencyCode }
        sku { id sellerSku product { id title } }
      }
      packages { id status carrier trackingNumber }
    }
  }
}""",
    "Q5": """query Q5($since: DateTime!, $until: DateTime!) {
  gmvByHourOfWeek(where: { placedAt: { gte: $since, lt: $until } }) {
    site hourOfWeek gmv { amount currencyCode } orders
  }
}""",
}
_DAYS = 90
_LONGEST_PAGE = 51
# Somewhere in the list, but never so late that the page is not full.
_PLACE = """
SELECT id, {moment} AS moment FROM {table} WHERE workspace_id = $1
 ORDER BY {moment} DESC, id DESC
OFFSET floor($2 * (SELECT count(*) - {page} FROM {table} WHERE workspace_id = $1)) LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: `row` and `moment` say where its page begins, or which row is meant."""

    operation: str
    workspace_id: UUID
    variables: dict[str, Any]
    row: UUID | None = None
    moment: datetime | None = None


async def questions(
    owner: asyncpg.Connection, workspaces: list[UUID], *, of_each: int
) -> dict[str, list[Asked]]:
    """So many different ones of each operation, over all workspaces; the same at each run."""
    chance = random.Random("what is asked")
    found: dict[str, list[Asked]] = {}
    for operation in OPERATIONS:
        found[operation] = [
            await _asked(owner, operation, workspace_id, chance)
            for workspace_id in _in_turn(workspaces, of_each)
        ]
    return found


def cursor(moment: datetime, row: UUID, *, order: str) -> str:
    """The product's cursor, which the limits and Mercurius read too."""
    text = json.dumps([order, moment.isoformat(), str(row)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _in_turn(workspaces: list[UUID], count: int) -> Iterator[UUID]:
    for n in range(count):
        yield workspaces[n % len(workspaces)]


async def _asked(
    owner: asyncpg.Connection, operation: str, workspace_id: UUID, chance: random.Random
) -> Asked:
    if operation == "Q5":
        until = NOW - timedelta(hours=chance.randrange(200))
        since = until - timedelta(days=_DAYS)
        variables = {"since": since.isoformat(), "until": until.isoformat()}
        return Asked(operation, workspace_id, variables)
    table, moment, order = (
        ("orders", "placed_at", "-PLACED_AT")
        if operation == "Q4"
        else ("products", "created_at", "-CREATED_AT")
    )
    statement = _PLACE.format(table=table, moment=moment, page=_LONGEST_PAGE + 1)
    row = await owner.fetchrow(statement, workspace_id, chance.random())
    assert row is not None
    at = row["moment"].astimezone(UTC)
    variables = {"after": cursor(at, row["id"], order=order)}
    if operation == "Q1":
        variables = {"id": global_id("Product", row["id"])}
    return Asked(operation, workspace_id, variables, row["id"], at)
