"""Everything a workspace holds, read past the walls: what its neighbour will throw at the API."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from tests.isolation.leaks import Marks, amounts_of

Column = tuple[str, str]
_UNLIKELY = 100_000
COUNTERS = {"version", "place", "position", "sequence", "last_sequence", "oldest_sequence"}
_TENANT_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND a.attname = 'workspace_id' AND NOT a.attisdropped ORDER BY 1
"""
_COLUMNS = """
SELECT column_name, data_type, is_nullable = 'YES' AS nullable FROM information_schema.columns
 WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position
"""
_KEYS = """
SELECT c.relname AS table, array_agg(a.attname::text) AS columns FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
 WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique GROUP BY i.indexrelid, c.relname
"""


@dataclass
class Harvest:
    """Distinct values by table and column, in the order of their rows."""

    ids: dict[Column, list[UUID]] = field(default_factory=dict)
    texts: dict[Column, list[str]] = field(default_factory=dict)
    moments: list[datetime] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    keys: set[Column] = field(default_factory=set)  # columns of unique keys
    row_keys: set[Column] = field(default_factory=set)  # columns that tell a workspace's rows apart

    def all_ids(self) -> list[UUID]:
        return list(dict.fromkeys(one for found in self.ids.values() for one in found))

    def all_texts(self) -> list[str]:
        return list(dict.fromkeys(one for found in self.texts.values() for one in found))

    def called(self, name: str) -> list[str]:
        """The texts of columns whose name says what an argument's does."""
        snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
        return [
            text for (_, column), texts in self.texts.items() if snake in column for text in texts
        ]

    def marks(self, canary: str, *, apart_from: "Harvest") -> Marks:
        """What of it nobody else has."""
        ids = {one.hex for one in self.all_ids()} - {one.hex for one in apart_from.all_ids()}
        numbers = {one for one in self.numbers if abs(one) >= _UNLIKELY} - set(apart_from.numbers)
        amounts = {text for number in numbers for text in amounts_of(number)}
        return Marks(canary, frozenset(ids - {UUID(int=0).hex}), frozenset(amounts))


async def tenant_tables(owner: asyncpg.Connection) -> list[str]:
    """The tables with a workspace, as the database has them."""
    return [row["relname"] for row in await owner.fetch(_TENANT_TABLES)]


async def columns(owner: asyncpg.Connection, table: str) -> list[Any]:
    return list(await owner.fetch(_COLUMNS, table))


async def harvest(owner: asyncpg.Connection, workspace_id: UUID) -> Harvest:
    found = Harvest()
    for table, key in await owner.fetch(_KEYS):
        names = set(key) - {"workspace_id"}
        found.keys |= {(table, name) for name in names}
        if len(names) == 1 and table != "users":
            found.row_keys |= {(table, name) for name in names}
    for table in await tenant_tables(owner):
        rows = await owner.fetch(f"SELECT * FROM {table} WHERE workspace_id = $1", workspace_id)
        _gather(found, table, rows, await columns(owner, table))
    own = await owner.fetch("SELECT * FROM workspaces WHERE id = $1", workspace_id)
    _gather(found, "workspaces", own, await columns(owner, "workspaces"))
    people = await owner.fetch(
        "SELECT u.id, u.email, u.name FROM users u JOIN memberships m ON m.user_id = u.id "
        "WHERE m.workspace_id = $1", workspace_id
    )  # fmt: skip
    _gather(found, "users", people, await columns(owner, "users"))
    return found


def _gather(found: Harvest, table: str, rows: list[Any], described: list[Any]) -> None:
    kinds = {row["column_name"]: row["data_type"] for row in described}
    for row in rows:
        for name, value in row.items():
            match value:
                case UUID():
                    _add(found.ids.setdefault((table, name), []), value)
                case str() if kinds[name] == "text":
                    _add(found.texts.setdefault((table, name), []), value)
                case datetime():
                    _add(found.moments, value)
                case int() if name not in COUNTERS:
                    _add(found.numbers, value)


def _add(values: list[Any], value: Any) -> None:
    if value not in values:
        values.append(value)


async def rows_of(owner: asyncpg.Connection, workspace_id: UUID) -> dict[str, set[str]]:
    """The rows of a workspace by table, each as the digest of its text."""
    tables = await tenant_tables(owner)
    kept = "md5((to_jsonb(t) - 'last_used_at')::text)"  # a statistic, which asking changes
    parts = [
        f"SELECT '{table}' AS table, {kept} AS row FROM {table} t WHERE workspace_id = $1"
        for table in tables
    ]
    parts += ["SELECT 'workspaces', md5(t::text) FROM workspaces t WHERE id = $1"]
    parts.append(
        "SELECT 'users', md5(u::text) FROM users u JOIN memberships m ON m.user_id = u.id "
        "WHERE m.workspace_id = $1"
    )
    digests: dict[str, set[str]] = {table: set() for table in (*tables, "workspaces", "users")}
    for row in await owner.fetch(" UNION ALL ".join(parts), workspace_id):
        digests[row["table"]].add(row["row"])
    return digests


def changed(before: dict[str, set[str]], after: dict[str, set[str]]) -> list[str]:
    """The tables of which a row is new, gone or another."""
    return sorted(table for table in after if after[table] != before[table])
