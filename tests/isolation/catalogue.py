"""The walls as the database has them: row security, policies, keys and rights, read from its own
catalogue, and tried as the application's role beneath the API."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from migrations.walls import APP_ROLE
from tests.isolation.harvest import tenant_tables

# Tables without a workspace, and what stands between workspaces there.
WITHOUT_WORKSPACE = {
    "categories": "read-only, the same for everybody",
    "users": "the policy `members`",
    "staff_members": "no policy lets a workspace in",
    "workspaces": "its id is the workspace's",
    "alembic_version": "not granted to the application",
}
_WORKSPACE = "(NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid"
_RULES = {
    "workspaces": f"(id = {_WORKSPACE})",
    "users": "(id IN ( SELECT m.user_id\n   FROM memberships m\n"
    f"  WHERE (m.workspace_id = {_WORKSPACE})))",
}
_DOORS = {
    f"{table}:{door}"
    for table, door in (
        ("workspaces", "identity"), ("workspaces", "staff"), ("memberships", "identity"),
        ("outbox_events", "relay"), ("event_counters", "relay"), ("users", "identity"),
        ("staff_members", "identity"),
    )
}  # fmt: skip
_TABLES = """
SELECT relname AS name, relrowsecurity AS enabled, relforcerowsecurity AS forced,
       pg_has_role($1, relowner, 'MEMBER') AS owned
  FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1
"""
_POLICIES = """
SELECT tablename, policyname, permissive, qual, with_check, cmd FROM pg_policies
 WHERE schemaname = 'public'
"""
_UNIQUE = """
SELECT c.relname AS table, x.relname AS name,
       (SELECT a.attname FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum = i.indkey[0]) AS first
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
 WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique
"""
_FOREIGN = """
SELECT k.conname AS name, k.conrelid::regclass::text AS table,
       k.confrelid::regclass::text AS target,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS o(n, place)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.n
              ORDER BY o.place) AS columns,
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS o(n, place)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = o.n
              ORDER BY o.place) AS remote
  FROM pg_constraint k WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace
"""
_ROLES = """
SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole AS able FROM pg_roles
 WHERE rolname = $1 OR pg_has_role(rolname, $1, 'MEMBER') AND NOT rolsuper
"""
_AROUND = """
SELECT relname AS name FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm', 'f')
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


async def gaps(owner: asyncpg.Connection) -> list[str]:
    """What is missing of the walls, each as a sentence that names it."""
    tables = set(await tenant_tables(owner))
    found = [one async for one in _of_tables(owner, tables)]
    found += [one async for one in _of_policies(owner, tables)]
    found += [one async for one in _of_keys(owner, tables)]
    for row in await owner.fetch(_ROLES, APP_ROLE):
        if row["able"]:
            found.append(f"catalogue: the role {row['rolname']} can see through row security")
    around = await owner.fetch(_AROUND)
    return found + [f"catalogue: {row['name']} leads around the walls" for row in around]


async def _of_tables(owner: asyncpg.Connection, tables: set[str]) -> Any:
    for row in await owner.fetch(_TABLES, APP_ROLE):
        name = row["name"]
        if name not in tables | set(WITHOUT_WORKSPACE):
            yield f"catalogue: the table {name} has no workspace, and nobody says why"
        if row["owned"]:
            yield f"catalogue: the application owns the table {name}"
        if name in tables | {"users", "workspaces", "staff_members"}:
            if not row["enabled"]:
                yield f"catalogue: row security is not enabled on {name}"
            if not row["forced"]:
                yield f"catalogue: row security is not forced on {name}"


async def _of_policies(owner: asyncpg.Connection, tables: set[str]) -> Any:
    walled: set[str] = set()
    for row in await owner.fetch(_POLICIES):
        table, name = row["tablename"], f"{row['tablename']}:{row['policyname']}"
        rule = _RULES.get(table, f"(workspace_id = {_WORKSPACE})")
        checked = {row["qual"], row["with_check"]} - {None}
        if checked == {rule}:
            walled.add(table)
        elif not any(_is_door(name, door, checked) for door in _DOORS):
            yield f"catalogue: the policy {name} lets in more than a workspace's own: {checked}"
    for table in sorted((tables | {"workspaces", "users"}) - walled):
        yield f"catalogue: no policy holds {table} to its workspace"


def _is_door(name: str, door: str, checked: set[str]) -> bool:
    table, _, opened = door.partition(":")
    rule = f"(current_setting('app.door'::text, true) = '{opened}'::text)"
    return name.startswith(f"{table}:{opened}_") and checked == {rule}


async def _of_keys(owner: asyncpg.Connection, tables: set[str]) -> Any:
    for row in await owner.fetch(_UNIQUE):
        if row["table"] in tables and row["first"] != "workspace_id":
            yield f"catalogue: the key {row['name']} of {row['table']} spans workspaces"
    for row in await owner.fetch(_FOREIGN):
        if row["table"] in tables and row["target"] in tables:
            if (row["columns"][0], row["remote"][0]) != ("workspace_id", "workspace_id"):
                yield f"catalogue: the foreign key {row['name']} of {row['table']} goes astray"
        elif row["table"] in tables and row["target"] not in WITHOUT_WORKSPACE:
            yield f"catalogue: the foreign key {row['name']} leads to {row['target']}"


async def breaches(app_url: str, owner: asyncpg.Connection, own: UUID, other: UUID) -> list[str]:
    """What the application's role, bound to one workspace, can do to another's rows when the
    statements name no workspace of its own. All of it is rolled back."""
    app = await asyncpg.connect(app_url)
    found = []
    try:
        for table in await tenant_tables(owner):
            count = f"SELECT count(DISTINCT workspace_id) FROM {table} WHERE workspace_id = ANY($1)"
            if await owner.fetchval(count, [own, other]) < len({own, other}):
                found.append(f"beneath the API: {table}: nothing of it to be tried")
            for what, statement in _trespasses(table):
                if await _succeeds(app, own, statement, own, other):
                    found.append(f"beneath the API: {table}: rows of another workspace {what}")
        for key in await owner.fetch(_FOREIGN):
            found += [one async for one in _pointed_across(app, owner, key, own, other)]
    finally:
        await app.close()
    return found


def _trespasses(table: str) -> Iterator[tuple[str, str]]:
    """Statements that touch a row only where a wall is missing; $1 is ours, $2 the other."""
    moved = "jsonb_populate_record(own, jsonb_build_object('workspace_id', $2::uuid))"
    yield "are read", f"SELECT FROM {table} WHERE workspace_id = $2 AND $1 <> $2"
    yield "are read unfiltered", f"SELECT FROM {table} WHERE workspace_id <> $1 AND $1 <> $2"
    yield (
        "are changed",
        (f"UPDATE {table} SET workspace_id = workspace_id WHERE workspace_id = $2 AND $1 <> $2"),
    )
    yield "are deleted", f"DELETE FROM {table} WHERE workspace_id = $2 AND $1 <> $2"
    yield (
        "are added",
        (
            f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT ({moved}).* FROM {table} own "
            "WHERE own.workspace_id = $1 LIMIT 1"
        ),
    )
    yield (
        "are made of our own",
        (
            f"UPDATE {table} SET workspace_id = $2 WHERE ctid = (SELECT ctid FROM {table} "
            "WHERE workspace_id = $1 LIMIT 1)"
        ),
    )


async def _pointed_across(
    app: Any, owner: asyncpg.Connection, key: Any, own: UUID, other: UUID
) -> Any:
    """Point a foreign key of a row of ours at a row of the other's."""
    column, remote = key["columns"][-1], key["remote"][-1]
    tenants = await tenant_tables(owner)
    if key["target"] not in tenants or column == "workspace_id":
        return
    theirs = await owner.fetchval(
        f"SELECT {remote} FROM {key['target']} WHERE workspace_id = $1 LIMIT 1", other
    )
    statement = (
        f"UPDATE {key['table']} SET {column} = $2 WHERE ctid = (SELECT ctid FROM {key['table']} "
        "WHERE workspace_id = $1 LIMIT 1)"
    )
    if await _succeeds(app, own, statement, own, theirs):
        yield f"beneath the API: {key['table']}.{column} takes a row of another workspace"


_REFUSED = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.UndefinedColumnError,
)


async def _succeeds(app: Any, own: UUID, statement: str, *values: Any) -> bool:
    """Whether a statement touches a row, its constraints checked."""
    async with _rolled_back(app) as execute:
        await app.execute(f"SET LOCAL app.workspace_id = '{own}'")
        try:
            status = await execute(statement, *values)
            await app.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except _REFUSED:
            return False
        return not str(status).endswith(" 0")


@asynccontextmanager
async def _rolled_back(app: Any) -> Any:
    transaction = app.transaction()
    await transaction.start()
    execute: Callable[..., Awaitable[str]] = app.execute
    try:
        yield execute
    finally:
        await transaction.rollback()
