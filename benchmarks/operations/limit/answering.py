"""What both limits do with a request: find its statement, and ask it in the tenant's transaction.

The same transaction as the product's, in as many round trips; who asks is believed.
"""

import base64
import json
import os
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from benchmarks.operations.limit import statements

Values = tuple[Any, ...]
HEADER = b"x-workspace-id"


class Connection(asyncpg.Connection):
    def get_reset_query(self) -> str:
        return ""


async def open_pool() -> "asyncpg.Pool":
    return await asyncpg.create_pool(
        os.environ["APP_DATABASE_URL"],
        min_size=16,
        max_size=16,
        connection_class=Connection,
        max_inactive_connection_lifetime=0,
        server_settings={"jit": "off", "TimeZone": "UTC"},
    )


async def answer(pool: "asyncpg.Pool", body: bytes, workspace: str) -> bytes:
    asked = orjson.loads(body)
    statement, read = _OPERATIONS[asked["operationName"]]
    workspace_id = UUID(workspace)
    values = read(asked["variables"])
    begin = (
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
        f"SET LOCAL app.workspace_id = '{workspace_id}'"
    )
    async with pool.acquire() as connection:
        await connection.execute(begin)
        try:
            told: str = await connection.fetchval(statement, workspace_id, *values)
        finally:
            await connection.execute("ROLLBACK")
    return told.encode()


def _id(variables: dict[str, Any]) -> Values:
    return (UUID(base64.b64decode(variables["id"]).decode().partition(":")[2]),)


def _after(variables: dict[str, Any]) -> Values:
    cursor = variables["after"]
    text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    _, moment, row = json.loads(text)
    return datetime.fromisoformat(moment), UUID(row)


def _span(variables: dict[str, Any]) -> Values:
    return datetime.fromisoformat(variables["since"]), datetime.fromisoformat(variables["until"])


_OPERATIONS: dict[str, tuple[str, Callable[[dict[str, Any]], Values]]] = {
    "Q1": (statements.PRODUCT, _id),
    "Q2": (statements.PRODUCTS, _after),
    "Q3": (statements.PRODUCTS_WITH_SKUS, _after),
    "Q4": (statements.ORDERS, _after),
    "Q5": (statements.GMV, _span),
}
