"""The platform's staff: apart from sellers, both ways."""

import secrets
from datetime import UTC, datetime

import asyncpg
import pytest

from tenants.database import platform_door
from tenants.identity import NotAuthenticated
from tenants.staff import StaffRefused, StaffTokens, end_staff, make_staff, staff
from tenants.workspaces import ensure_user
from tests.world import World


async def test_staff_and_sellers_do_not_take_each_others_tokens(
    world: World, owner: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    email = f"{secrets.token_hex(6)}@platform.example"
    user_id = await ensure_user(world.parts.pool, email=email, name="S", password_hash=None, at=now)
    tokens = StaffTokens(world.parts.pool, world.parts.tokens)
    workspace = await world.workspace()
    with pytest.raises(NotAuthenticated):
        await tokens.issue(user_id, at=now)

    await make_staff(owner, email=email, at=now)
    token = await tokens.issue(user_id, at=now)
    principal = await tokens.read(token)

    assert (principal.kind, principal.user_id) == ("STAFF", user_id)
    assert email in {row["email"] for row in await staff(owner)}
    with pytest.raises(
        NotAuthenticated, match="is for the platform's staff and opens no workspace"
    ):
        await world.access.principal(f"Bearer {token}")
    with pytest.raises(NotAuthenticated, match="not a good token of the platform's staff"):
        await tokens.read(await workspace.token())

    await end_staff(owner, email=email, at=now)
    with pytest.raises(NotAuthenticated):
        await tokens.read(token)
    with pytest.raises(StaffRefused, match="is not a member of the platform's staff"):
        await end_staff(owner, email=email, at=now)
    with pytest.raises(StaffRefused, match="Nobody has an account"):
        await make_staff(owner, email="nobody@platform.example", at=now)


async def test_the_application_cannot_make_staff(world: World, owner: asyncpg.Connection) -> None:
    before = await owner.fetchval("SELECT count(*) FROM staff_members")
    user_id = await owner.fetchval("SELECT id FROM users LIMIT 1")

    for door in ("identity", "staff"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with platform_door(world.parts.pool, door) as connection:
                await connection.execute(
                    "INSERT INTO staff_members (user_id, created_at) VALUES ($1, now())", user_id
                )

    assert await owner.fetchval("SELECT count(*) FROM staff_members") == before
