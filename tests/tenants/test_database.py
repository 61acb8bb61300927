"""The door to Postgres: whatever is cancelled, lost or slow, the pool is whole afterwards."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from tenants.connections import acquire
from tenants.database import (
    DatabaseUnavailable,
    OperationOver,
    WorkspaceDatabase,
    Writer,
    platform_door,
)
from tenants.identity import system_principal
from tenants.pool import Pool, PoolLimits, Row, check_role, open_pool
from tenants.workspaces import workspace as own_workspace
from tests.world import World

SIZE = 3
NAME = "door-tests"
OPENING = 4  # audit entries of a new workspace: itself, its shop, warehouse and LIVE room


@pytest_asyncio.fixture(loop_scope="session")
async def pool(world: World) -> AsyncIterator[Pool]:
    url = world.parts.settings.app_database_url
    assert url is not None
    limits = PoolLimits(size=SIZE, acquire_timeout=0.3)
    opened = await open_pool(url.get_secret_value(), limits=limits, name=NAME)
    yield opened
    await asyncio.wait_for(opened.close(), 5)


@pytest_asyncio.fixture(loop_scope="session")
async def database(world: World, pool: Pool) -> WorkspaceDatabase:
    return WorkspaceDatabase(pool, system_principal((await world.workspace()).id))


async def assert_whole(pool: Pool, owner: asyncpg.Connection) -> None:
    """Every connection can be had, and nobody is left inside a transaction."""
    taken = [await acquire(pool) for _ in range(SIZE)]
    for connection in taken:
        assert await connection.fetchval("SELECT 1") == 1
        await pool.release(connection)
    states = await owner.fetch(
        "SELECT state FROM pg_stat_activity WHERE application_name = $1", NAME
    )
    assert {row["state"] for row in states} <= {"idle"}


async def audit_rows(owner: asyncpg.Connection, workspace_id: UUID) -> int:
    count: int = await owner.fetchval(
        "SELECT count(*) FROM audit_entries WHERE workspace_id = $1", workspace_id
    )
    return count


async def test_a_reader_that_is_cancelled_in_mid_query_gives_its_connection_back(
    database: WorkspaceDatabase, pool: Pool, owner: asyncpg.Connection
) -> None:
    for _ in range(SIZE + 1):
        again = WorkspaceDatabase(pool, database.principal)
        asking = asyncio.create_task(again.reading().fetchval("SELECT pg_sleep(5)"))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await again.close()

    await assert_whole(pool, owner)


@pytest.mark.parametrize("after", [0.0, 0.0005, 0.001, 0.002, 0.004])
async def test_an_operation_that_is_cancelled_while_it_begins_leaves_nothing_open(
    database: WorkspaceDatabase, pool: Pool, owner: asyncpg.Connection, after: float
) -> None:
    for _ in range(2 * SIZE):
        again = WorkspaceDatabase(pool, database.principal)
        opening = asyncio.create_task(again.reading().open())
        await asyncio.sleep(after)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await again.close()

    await assert_whole(pool, owner)


async def test_a_question_that_outlives_its_operation_is_refused_and_holds_nothing(
    database: WorkspaceDatabase, pool: Pool, owner: asyncpg.Connection
) -> None:
    reader = database.reading()
    late = asyncio.create_task(reader.fetchval("SELECT pg_sleep(0.1)"))
    queued = asyncio.create_task(reader.fetchval("SELECT 1"))
    await asyncio.sleep(0.05)

    await database.close()

    answers = await asyncio.gather(late, queued, return_exceptions=True)
    assert isinstance(answers[1], OperationOver)
    with pytest.raises(OperationOver, match="The operation is over"):
        await reader.fetchval("SELECT 1")
    with pytest.raises(OperationOver):
        database.reading()
    await assert_whole(pool, owner)


async def test_an_operation_that_ends_does_not_wait_long_for_a_slow_question(
    database: WorkspaceDatabase, pool: Pool, owner: asyncpg.Connection
) -> None:
    slow = asyncio.create_task(database.reading().fetchval("SELECT pg_sleep(8)"))
    await asyncio.sleep(0.05)

    async with asyncio.timeout(3):
        await database.close()

    with pytest.raises(DatabaseUnavailable):
        await slow
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 "
        "AND query LIKE '%pg_sleep(8)%'",
        NAME,
    )
    await asyncio.sleep(0.05)
    await assert_whole(pool, owner)


async def test_what_is_asked_after_a_failed_question_fails_for_the_same_reason(
    database: WorkspaceDatabase, pool: Pool, owner: asyncpg.Connection
) -> None:
    """Fields of one operation ask in turn: none of them is at fault for what another one sent."""
    reader = database.reading()
    asked = reader.fetchval("SELECT $1::text", "\x00"), reader.fetchval("SELECT 1")
    failed, after = list[Any](await asyncio.gather(*asked, return_exceptions=True))
    await database.close()
    assert isinstance(failed, asyncpg.CharacterNotInRepertoireError)
    assert type(after) is type(failed)
    await assert_whole(pool, owner)


@pytest.mark.parametrize("turns", range(0, 12, 2))
async def test_a_change_that_is_cancelled_is_made_whole_or_not_at_all(
    database: WorkspaceDatabase, pool: Pool, owner: asyncpg.Connection, turns: int
) -> None:
    """Cancelled at ever later moments, up to its COMMIT: an audit entry and its change agree."""
    workspace_id = database.principal.workspace_id
    name = f"renamed after {turns}"

    async def rename(writer: Writer) -> None:
        await writer.execute("UPDATE workspaces SET name = $2 WHERE id = $1", workspace_id, name)
        writer.changes.audit("Workspace", workspace_id, after={"name": name})

    before = await audit_rows(owner, workspace_id)
    changing = asyncio.create_task(database.change("rename", rename))
    for _ in range(turns):
        await asyncio.sleep(0.0004)
    changing.cancel()
    await asyncio.gather(changing, return_exceptions=True)
    await assert_whole(pool, owner)

    now = await owner.fetchval("SELECT name FROM workspaces WHERE id = $1", workspace_id)
    assert (now == name) == (await audit_rows(owner, workspace_id) == before + 1)


@pytest.mark.parametrize("wait", [0, 0.001, 0.02])
async def test_a_connection_that_postgres_ends_is_told_and_replaced(
    database: WorkspaceDatabase, pool: Pool, owner: asyncpg.Connection, wait: float
) -> None:
    async def work(writer: Writer) -> None:
        pid = await writer.fetchval("SELECT pg_backend_pid()")
        await owner.execute("SELECT pg_terminate_backend($1)", pid)
        await asyncio.sleep(wait)
        await writer.fetchval("SELECT 1")

    with pytest.raises(DatabaseUnavailable, match="Nothing was changed; try again"):
        await database.change("doomed", work)

    await assert_whole(pool, owner)
    assert await audit_rows(owner, database.principal.workspace_id) == OPENING


async def test_a_connection_lost_before_the_commit_changes_nothing(
    database: WorkspaceDatabase, pool: Pool, owner: asyncpg.Connection
) -> None:
    async def work(writer: Writer) -> None:
        pid = await writer.fetchval("SELECT pg_backend_pid()")
        writer.changes.audit("Workspace", None, after={})
        await owner.execute("SELECT pg_terminate_backend($1)", pid)
        await asyncio.sleep(0.05)

    with pytest.raises(DatabaseUnavailable):
        await database.change("doomed", work)

    await assert_whole(pool, owner)
    assert await audit_rows(owner, database.principal.workspace_id) == OPENING


async def test_a_pool_without_a_connection_to_spare_says_so_within_its_limit(
    database: WorkspaceDatabase, pool: Pool, owner: asyncpg.Connection
) -> None:
    taken = [await acquire(pool) for _ in range(SIZE)]

    async with asyncio.timeout(2):  # the limit is 0.3 s; the default would be 5
        with pytest.raises(DatabaseUnavailable, match="cannot be reached right now"):
            await database.reading().fetchval("SELECT 1")

    for connection in taken:
        await pool.release(connection)
    await assert_whole(pool, owner)


async def test_nothing_set_by_one_checkout_survives_into_the_next(
    database: WorkspaceDatabase, pool: Pool
) -> None:
    await database.reading().fetchval("SELECT 1")
    await database.close()
    async with platform_door(pool, "identity") as connection:
        await connection.fetchval("SELECT 1")
    taken = [await acquire(pool) for _ in range(SIZE)]

    for connection in taken:
        for name in ("app.workspace_id", "app.door"):
            assert not await connection.fetchval("SELECT current_setting($1, true)", name)
        assert await connection.fetchval("SELECT count(*) FROM workspaces") == 0
        assert await connection.fetchval("SELECT count(*) FROM users") == 0
        await pool.release(connection)


async def test_a_refused_change_is_not_audited_and_not_stored(
    database: WorkspaceDatabase, owner: asyncpg.Connection
) -> None:
    workspace_id = database.principal.workspace_id

    async def work(writer: Writer) -> None:
        await writer.execute("UPDATE workspaces SET name = 'x' WHERE id = $1", workspace_id)
        writer.changes.audit("Workspace", workspace_id, after={"name": "x"})
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await database.change("rename", work)

    assert await audit_rows(owner, workspace_id) == OPENING
    reader = WorkspaceDatabase(database._pool, database.principal)
    found = await own_workspace(reader.reading())
    await reader.close()
    assert found is not None
    assert found.name != "x"


async def test_the_role_of_the_application_cannot_rewrite_the_audit_log(
    database: WorkspaceDatabase, owner: asyncpg.Connection
) -> None:
    for statement in (
        "UPDATE audit_entries SET action = 'nothing' WHERE workspace_id = $1",
        "DELETE FROM audit_entries WHERE workspace_id = $1",
    ):

        async def work(writer: Writer, statement: str = statement) -> None:
            await writer.execute(statement, writer.workspace_id)

        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.change("cover up", work)

    assert await audit_rows(owner, database.principal.workspace_id) == OPENING


async def test_a_writer_cannot_write_into_another_workspace(
    database: WorkspaceDatabase, world: World, owner: asyncpg.Connection
) -> None:
    other = await world.workspace()
    before = await audit_rows(owner, other.id)

    async def insert(writer: Writer) -> None:
        await writer.execute(
            "INSERT INTO warehouses (workspace_id, id, name, created_at) "
            "VALUES ($1, $2, 'x', now())",
            other.id, uuid4(),
        )  # fmt: skip

    async def update(writer: Writer) -> int:
        writer.changes.idle = True
        return await writer.execute(
            "UPDATE warehouses SET name = 'x' WHERE workspace_id = $1", other.id
        )

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.change("reach over", insert)
    assert await database.change("reach over", update) == 0
    assert await audit_rows(owner, other.id) == before
    names = await owner.fetch("SELECT name FROM warehouses WHERE workspace_id = $1", other.id)
    assert [row["name"] for row in names] == ["Main"]


async def test_an_unknown_door_is_no_door(pool: Pool) -> None:
    with pytest.raises(ValueError, match="There is no door called 'back'"):
        async with platform_door(pool, "back"):
            pytest.fail("it opened")


async def test_every_door_shows_only_what_it_is_for(world: World, pool: Pool) -> None:
    workspace = await world.workspace()
    await workspace.order()
    seen: dict[str, set[str]] = {}
    for door in ("identity", "relay", "staff"):
        async with platform_door(pool, door) as connection:
            for table in (
                "workspaces",
                "memberships",
                "users",
                "orders",
                "outbox_events",
                "api_keys",
            ):
                if await connection.fetchval(f"SELECT count(*) FROM {table}"):
                    seen.setdefault(door, set()).add(table)

    await workspace.token()
    assert seen["identity"] <= {"workspaces", "memberships", "users"}
    assert seen["relay"] == {"outbox_events"}
    assert seen["staff"] == {"workspaces"}


async def test_a_superuser_or_owner_is_refused_as_the_application_role(world: World) -> None:
    from tenants.pool import UnsafeRoleError

    url = world.parts.settings.database_url
    assert url is not None
    unsafe = await open_pool(url.get_secret_value(), limits=PoolLimits(size=1))
    with pytest.raises(UnsafeRoleError, match="superuser or has BYPASSRLS"):
        await check_role(unsafe)
    await unsafe.close()


async def test_rows_read_like_attributes(pool: Pool) -> None:
    row = await pool.fetchrow("SELECT 1 AS one")

    assert isinstance(row, Row)
    assert row.one == 1
    with pytest.raises(AttributeError, match="two"):
        _ = row.two


async def test_a_connection_from_before_there_were_tables_is_replaced(
    world: World, pool: Pool, owner: asyncpg.Connection
) -> None:
    """What the opening statement runs is prepared when a connection is opened."""
    workspace = await world.workspace()
    who = await world.access.principal(f"Bearer {await workspace.token()}")
    member = WorkspaceDatabase(pool, who)
    connection = await acquire(pool)
    await connection.execute("DEALLOCATE ALL")
    await pool.release(connection)

    with pytest.raises(DatabaseUnavailable, match="was set up while"):
        await member.reading().open()
    await member.close()
    await assert_whole(pool, owner)

    again = WorkspaceDatabase(pool, who)
    await again.reading().open()
    assert again.statements == 1
    await again.close()


async def test_a_database_without_tables_can_be_connected_to(world: World) -> None:
    url = world.parts.settings.database_url
    assert url is not None
    empty = urlsplit(url.get_secret_value())._replace(path="/postgres").geturl()
    pool = await open_pool(empty, limits=PoolLimits(size=1))
    try:
        assert await pool.fetchval("SELECT 1") == 1
    finally:
        await pool.close()
