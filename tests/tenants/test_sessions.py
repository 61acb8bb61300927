"""Sessions: refresh tokens are used once, and a second use ends the session."""

import secrets
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from tenants.database import Writer
from tenants.grants import Role
from tenants.identity import NotAuthenticated
from tenants.passwords import hash_password
from tenants.sessions import SignedIn
from tenants.workspaces import ensure_user, join, part
from tests.world import TestWorkspace, World

PASSWORD = "correct horse battery"
ASK = "{ viewer { role } }"


def now() -> datetime:
    return datetime.now(UTC)


async def person(world: World, workspace: TestWorkspace, role: Role = Role.ORDERS) -> str:
    email = f"{secrets.token_hex(6)}@people.example"
    user_id = await ensure_user(
        world.parts.pool, email=email, name="P", password_hash=hash_password(PASSWORD), at=now()
    )

    async def work(writer: Writer) -> None:
        await join(writer, user_id, role)

    await workspace.system().change("test", work)
    return email


async def signed_in(world: World, email: str, password: str = PASSWORD) -> SignedIn:
    return await world.parts.sessions.sign_in(
        email=email, password=password, workspace=None, at=now()
    )


async def audited(owner: asyncpg.Connection, workspace: TestWorkspace) -> int:
    count: int = await owner.fetchval(
        "SELECT count(*) FROM audit_entries WHERE workspace_id = $1", workspace.id
    )
    return count


async def works(world: World, signed: SignedIn) -> bool:
    answer = await world.ask(ASK, authorization=f"Bearer {signed.access_token}")
    return answer.errors == []


async def test_a_password_opens_a_session_with_the_role_of_the_member(world: World) -> None:
    workspace = await world.workspace()
    email = await person(world, workspace)

    signed = await signed_in(world, f"  {email.upper()} ")

    answer = await world.ask(ASK, authorization=f"Bearer {signed.access_token}")
    assert answer.data == {"viewer": {"role": "ORDERS"}}


async def test_whatever_is_wrong_the_refusal_is_the_same(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace, other = await world.workspace(), await world.workspace()
    email = await person(world, workspace)
    before = await audited(owner, workspace)
    told = set()
    for who, password, slug in (
        (email, "wrong", None), ("nobody@people.example", PASSWORD, None),
        (email, PASSWORD, other.slug), (email, PASSWORD, "no-such"),
        (email + "\x00", PASSWORD, None),
        (email, PASSWORD, "x\x00"), (email, "", None),
    ):  # fmt: skip
        with pytest.raises(NotAuthenticated) as refused:
            await world.parts.sessions.sign_in(
                email=who, password=password, workspace=slug, at=now()
            )
        told.add(str(refused.value))

    assert told == {"The e-mail address, the password or the workspace is wrong."}
    assert await audited(owner, workspace) == before


async def test_a_refresh_token_is_used_once(world: World) -> None:
    first = await signed_in(world, await person(world, await world.workspace()))

    second = await world.parts.sessions.refresh(first.refresh_token, at=now())

    assert second.refresh_token != first.refresh_token
    assert await works(world, second)


@pytest.mark.parametrize("uses", [1, 2, 5])
async def test_an_old_refresh_token_ends_the_session_however_old(world: World, uses: int) -> None:
    first = await signed_in(world, await person(world, await world.workspace()))
    newest = first
    for _ in range(uses):
        newest = await world.parts.sessions.refresh(newest.refresh_token, at=now())

    for token in (first.refresh_token, newest.refresh_token):
        with pytest.raises(NotAuthenticated, match="not good any more"):
            await world.parts.sessions.refresh(token, at=now())

    assert not await works(world, first)
    assert not await works(world, newest)


async def test_a_guessed_token_ends_nothing_and_leaves_no_trace(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    signed = await signed_in(world, await person(world, workspace))
    prefix, workspace_hex, session, _ = signed.refresh_token.split("_")
    before = await audited(owner, workspace)

    for token in (
        f"{prefix}_{workspace_hex}_{session}_{'0' * 64}",
        f"{prefix}_{workspace_hex}_{uuid4().hex}_{'0' * 64}",
        f"{prefix}_{uuid4().hex}_{session}_{'0' * 64}",
        "nonsense", "", "scr_" + "_" * 200,
    ):  # fmt: skip
        with pytest.raises(NotAuthenticated):
            await world.parts.sessions.refresh(token, at=now())
        await world.parts.sessions.end(token, at=now())

    assert await works(world, signed)
    assert await audited(owner, workspace) == before


async def test_signing_out_ends_the_session_at_once(world: World) -> None:
    signed = await signed_in(world, await person(world, await world.workspace()))
    assert await works(world, signed)

    await world.parts.sessions.end(signed.refresh_token, at=now())

    assert not await works(world, signed)
    with pytest.raises(NotAuthenticated):
        await world.parts.sessions.refresh(signed.refresh_token, at=now())


async def test_an_expired_session_and_an_ended_membership_are_not_refreshed(world: World) -> None:
    workspace = await world.workspace()
    signed = await signed_in(world, await person(world, workspace))
    user_id = (await world.access.principal(f"Bearer {signed.access_token}")).id

    with pytest.raises(NotAuthenticated):
        await world.parts.sessions.refresh(signed.refresh_token, at=now() + timedelta(days=40))
    await workspace.system().change("test", lambda writer: part(writer, user_id))

    assert not await works(world, signed)
    with pytest.raises(NotAuthenticated):
        await world.parts.sessions.refresh(signed.refresh_token, at=now())
