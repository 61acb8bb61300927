"""Workspaces, members, invitations and the audit log through GraphQL."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from schema.nodes import global_id
from tenants.grants import Role
from tenants.invitations import accept_invitation
from tenants.passwords import hash_password
from tenants.workspaces import MembershipRefused, ensure_user
from tests.world import TestWorkspace, World

PASSWORD = "a long password"
INVITE = """mutation ($email: String!, $role: Role!) {
  memberInvite(input: {email: $email, role: $role}) {
    token invitationId userErrors { code field } } }"""
WITHDRAW = """mutation ($id: ID!) { memberInvitationRevoke(input: {invitationId: $id}) {
  done userErrors { code } } }"""
CHANGE = """mutation ($id: ID!, $role: Role!) {
  memberChangeRole(input: {userId: $id, role: $role}) { done userErrors { code field } } }"""
PART = "mutation ($id: ID!) { memberPart(input: {userId: $id}) { done userErrors { code } } }"
OPEN = "{ workspace { invitations { id email role } } }"
AUDIT = "{ auditLog { nodes { action entityType before after actorKind actorId } } }"


def address() -> str:
    return f"{secrets.token_hex(6)}@people.example"


async def invited(
    workspace: TestWorkspace, email: str, role: str = "ORDERS", by: Role = Role.OWNER
) -> dict[str, Any]:
    answer = await workspace.ask(INVITE, {"email": email, "role": role}, role=by)
    payload: dict[str, Any] = answer.data["memberInvite"]
    return payload


async def accept(world: World, token: str, password: str = PASSWORD, days: int = 0) -> Any:
    at = datetime.now(UTC) + timedelta(days=days)
    return await accept_invitation(world.parts.pool, token, name="New", password=password, at=at)


async def code_of(world: World, token: str, **given: Any) -> str:
    with pytest.raises(MembershipRefused) as refused:
        await accept(world, token, **given)
    return refused.value.code


async def roles(owner: asyncpg.Connection, workspace: TestWorkspace) -> list[str]:
    rows = await owner.fetch(
        "SELECT role FROM memberships WHERE workspace_id = $1 AND ended_at IS NULL ORDER BY role",
        workspace.id,
    )
    return [row["role"] for row in rows]


async def id_of(world: World, workspace: TestWorkspace, role: Role) -> str:
    return global_id(
        "User", (await world.access.principal(f"Bearer {await workspace.token(role)}")).id
    )


async def test_an_invitation_leads_in_once(world: World, owner: asyncpg.Connection) -> None:
    workspace = await world.workspace()
    email = address()
    made = await invited(workspace, email)
    listed = (await workspace.ask(OPEN)).data["workspace"]["invitations"]
    assert listed == [{"id": made["invitationId"], "email": email, "role": "ORDERS"}]

    await accept(world, made["token"])

    assert await roles(owner, workspace) == ["ORDERS", "OWNER"]
    assert await code_of(world, made["token"]) == "NOT_FOUND"
    assert (await workspace.ask(OPEN)).data["workspace"]["invitations"] == []
    signed = await world.parts.sessions.sign_in(
        email=email, password=PASSWORD, workspace=workspace.slug, at=datetime.now(UTC)
    )
    assert signed.workspace_id == workspace.id


async def test_two_who_accept_at_once_are_one_member(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    token = (await invited(workspace, address()))["token"]

    results = await asyncio.gather(
        *(accept(world, token) for _ in range(3)), return_exceptions=True
    )

    assert sum(isinstance(r, tuple) for r in results) == 1
    assert await roles(owner, workspace) == ["ORDERS", "OWNER"]


async def test_an_invitation_that_is_withdrawn_expired_or_forged_leads_nowhere(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace, other = await world.workspace(), await world.workspace()
    made, late = await invited(workspace, address()), await invited(workspace, address())
    before = await owner.fetchval("SELECT count(*) FROM users")

    withdrawn = await workspace.ask(WITHDRAW, {"id": made["invitationId"]})
    again = await workspace.ask(WITHDRAW, {"id": made["invitationId"]})

    assert withdrawn.data["memberInvitationRevoke"] == {"done": True, "userErrors": []}
    assert again.data["memberInvitationRevoke"]["userErrors"] == [{"code": "NOT_FOUND"}]
    moved = late["token"].replace(workspace.id.hex, other.id.hex)
    assert await code_of(world, made["token"]) == "NOT_FOUND"
    assert await code_of(world, late["token"], days=8) == "NOT_FOUND"
    assert await code_of(world, moved) == "NOT_FOUND"
    assert await code_of(world, late["token"][:-1] + "x") == "NOT_FOUND"
    assert (await roles(owner, workspace), await roles(owner, other)) == (["OWNER"], [])
    assert await owner.fetchval("SELECT count(*) FROM users") == before


async def test_an_account_is_taken_over_by_no_invitation(
    world: World, owner: asyncpg.Connection
) -> None:
    """The inviter sees the token; it must not open, or change, somebody else's account."""
    workspace = await world.workspace()
    email = address()
    now = datetime.now(UTC)
    await ensure_user(
        world.parts.pool, email=email, name="Victim", password_hash=hash_password(PASSWORD), at=now
    )
    token = (await invited(workspace, email))["token"]

    assert await code_of(world, token, password="chosen by the inviter") == "WRONG_PASSWORD"
    assert "ORDERS" not in await roles(owner, workspace)
    await accept(world, token)

    assert await roles(owner, workspace) == ["ORDERS", "OWNER"]
    assert await owner.fetchval("SELECT name FROM users WHERE email = $1", email) == "Victim"


async def test_an_admin_cannot_unmake_an_owner_by_inviting_them(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    await workspace.token(Role.OWNER)
    email = await owner.fetchval(
        "SELECT email FROM users u JOIN memberships m ON m.user_id = u.id "
        "WHERE workspace_id = $1", workspace.id,
    )  # fmt: skip

    payload = await invited(workspace, email, "VIEWER", by=Role.ADMIN)

    assert payload["userErrors"] == [{"code": "ALREADY_MEMBER", "field": ["email"]}]
    assert await roles(owner, workspace) == ["ADMIN", "OWNER"]


async def test_nobody_gives_or_takes_a_role_above_their_own(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    boss = await id_of(world, workspace, Role.OWNER)
    viewer = await id_of(world, workspace, Role.VIEWER)
    admin = Role.ADMIN

    for statement, given in (
        (CHANGE, {"id": viewer, "role": "OWNER"}),
        (CHANGE, {"id": boss, "role": "VIEWER"}),
        (PART, {"id": boss}),
    ):
        answer = await workspace.ask(statement, given, role=admin)
        (payload,) = answer.data.values()
        assert payload["done"] is False
        assert payload["userErrors"][0]["code"] == "FORBIDDEN"
    assert (await invited(workspace, address(), "OWNER", by=admin))["token"] is None
    for role in (Role.VIEWER, Role.CATALOG, Role.FINANCE):
        assert (await workspace.ask(PART, {"id": boss}, role=role)).code == "FORBIDDEN"
        assert (await workspace.ask(OPEN, role=role)).code == "FORBIDDEN"
    assert {"OWNER", "ADMIN", "VIEWER"} <= set(await roles(owner, workspace))


async def test_the_last_owner_stays_even_when_two_leave_at_once(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    first = await workspace.token(Role.OWNER)
    second = await world.member(workspace, Role.OWNER)
    asks = []
    for token in (first, second):
        user = (await world.access.principal(f"Bearer {token}")).id
        given = {"id": global_id("User", user), "role": "VIEWER"}
        asks.append(world.ask(CHANGE, given, authorization=f"Bearer {token}"))

    answers = await asyncio.gather(*asks)

    done = [answer.data["memberChangeRole"] for answer in answers]
    assert sorted(payload["done"] for payload in done) == [False, True]
    assert {"code": "LAST_OWNER", "field": ["role"]} in [
        error for payload in done for error in payload["userErrors"]
    ]
    assert (await roles(owner, workspace)).count("OWNER") == 1


async def test_a_changed_role_and_an_ended_membership_are_felt_at_once(world: World) -> None:
    workspace = await world.workspace()
    viewer = await id_of(world, workspace, Role.VIEWER)
    assert (await workspace.ask("{ viewer { role } }", role=Role.VIEWER)).errors == []

    await workspace.ask(CHANGE, {"id": viewer, "role": "ORDERS"})
    assert (await workspace.ask("{ viewer { role } }", role=Role.VIEWER)).code == "UNAUTHENTICATED"
    parted = await workspace.ask(PART, {"id": viewer})

    assert parted.data["memberPart"] == {"done": True, "userErrors": []}


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.OWNER, Role.ADMIN}))
async def test_the_audit_log_is_for_owners_and_admins(world: World, role: Role) -> None:
    workspace = await world.workspace()

    answer = await workspace.ask(AUDIT, role=role)

    assert (answer.code, answer.data) == ("FORBIDDEN", None)
    assert (await workspace.ask(AUDIT, role=Role.ADMIN)).errors == []


async def test_the_audit_log_says_who_did_what_before_and_after(world: World) -> None:
    workspace = await world.workspace()
    viewer = await id_of(world, workspace, Role.VIEWER)
    boss = await id_of(world, workspace, Role.OWNER)
    await workspace.ask(CHANGE, {"id": viewer, "role": "ORDERS"})

    newest = (await workspace.ask(AUDIT)).data["auditLog"]["nodes"][0]

    assert newest == {
        "action": "memberChangeRole", "entityType": "Membership", "actorKind": "USER",
        "actorId": boss, "before": {"role": "VIEWER"}, "after": {"role": "ORDERS"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "statements"),
    [
        ("{ viewer { role grants workspace { name } user { name } } }", 3),
        ("{ workspace { shops { name } members { role user { name } } apiKeys { name } } }", 6),
        (AUDIT, 2),
    ],
)
async def test_statements_are_counted(world: World, query: str, statements: int) -> None:
    workspace = await world.workspace()
    for role in (Role.ADMIN, Role.VIEWER, Role.ORDERS):
        await workspace.token(role)

    answer = await workspace.ask(query)

    assert answer.errors == []
    assert answer.statements == statements
