"""API keys: refused at once when revoked, expired, or above what their maker may do today."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from schema.nodes import global_id
from tenants.api_keys import ApiKeys, create_key
from tenants.database import Writer
from tenants.grants import Grant, Role
from tenants.identity import NotAuthenticated
from tenants.workspaces import change_role, join, part
from tests.world import TestWorkspace, World

MAKE = """mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) {
  key apiKeyId userErrors { code field message } } }"""
REVOKE = """mutation ($id: ID!) { apiKeyRevoke(input: {apiKeyId: $id}) {
  done userErrors { code } } }"""
ORDERS = "{ orders { nodes { id } } }"
KEYS = "{ workspace { apiKeys { name } } }"


async def made(workspace: TestWorkspace, *scopes: str, role: Role = Role.OWNER) -> tuple[str, str]:
    given = {"name": "integrator", "scopes": list(scopes)}
    answer = await workspace.ask(MAKE, {"input": given}, role=role)
    payload = answer.data["apiKeyCreate"]
    assert payload["userErrors"] == []
    return f"Bearer {payload['key']}", payload["apiKeyId"]


async def test_a_key_does_what_its_scopes_say_and_no_more(world: World) -> None:
    workspace = await world.workspace()
    key, _ = await made(workspace, "orders:read")

    allowed = await world.ask(ORDERS, authorization=key)
    denied = await world.ask("{ products { nodes { id } } }", authorization=key)

    assert allowed.errors == []
    assert denied.code == "FORBIDDEN"
    assert "catalogue:read" in denied.errors[0]["message"]


async def test_a_revoked_key_is_refused_at_once_though_it_is_remembered(world: World) -> None:
    workspace = await world.workspace()
    key, key_id = await made(workspace, "orders:read")
    assert (await world.ask(ORDERS, authorization=key)).errors == []

    revoked = await workspace.ask(REVOKE, {"id": key_id})
    answer = await world.ask(ORDERS, authorization=key)
    again = await workspace.ask(REVOKE, {"id": key_id})

    assert revoked.data["apiKeyRevoke"] == {"done": True, "userErrors": []}
    assert answer.code == "UNAUTHENTICATED"
    assert again.data["apiKeyRevoke"]["userErrors"] == [{"code": "NOT_FOUND"}]


async def test_a_key_that_expired_or_has_a_wrong_secret_is_refused(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    key, key_id = await made(workspace, "orders:read")
    text = key.removeprefix("Bearer ")
    wrong = text[:-4] + ("0000" if text[-4:] != "0000" else "1111")
    keys = ApiKeys(world.parts.pool)

    for bad in (wrong, text.upper(), text + "0", "sck_", text.replace("sck", "scr")):
        with pytest.raises(NotAuthenticated):
            await keys.read(bad)
    await keys.read(text)
    await owner.execute(
        "UPDATE api_keys SET expires_at = $2 WHERE workspace_id = $1",
        workspace.id, datetime.now(UTC) - timedelta(seconds=1),
    )  # fmt: skip
    with pytest.raises(NotAuthenticated, match="expired or revoked"):
        await ApiKeys(world.parts.pool).read(text)
    assert (await world.ask_as(await keys.read(text), ORDERS)).code == "UNAUTHENTICATED"
    assert key_id


async def test_the_last_use_is_noted_once_a_minute(world: World, owner: asyncpg.Connection) -> None:
    workspace = await world.workspace()
    key, _ = await made(workspace, "orders:read")
    text = key.removeprefix("Bearer ")
    last_use = "SELECT last_used_at FROM api_keys WHERE workspace_id = $1"
    assert await owner.fetchval(last_use, workspace.id) is None

    await ApiKeys(world.parts.pool).read(text)
    first = await owner.fetchval(last_use, workspace.id)
    await ApiKeys(world.parts.pool).read(text)
    second = await owner.fetchval(last_use, workspace.id)
    await owner.execute(
        "UPDATE api_keys SET last_used_at = $2 WHERE workspace_id = $1",
        workspace.id, datetime.now(UTC) - timedelta(minutes=2),
    )  # fmt: skip
    await ApiKeys(world.parts.pool).read(text)

    assert first == second
    assert await owner.fetchval(last_use, workspace.id) > first


async def test_a_key_loses_what_its_maker_loses_and_dies_with_the_membership(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    key, _ = await made(workspace, "workspace:read", "orders:read", "keys:manage", role=Role.ADMIN)
    text = key.removeprefix("Bearer ")
    maker: UUID = await owner.fetchval(
        "SELECT created_by FROM api_keys WHERE workspace_id = $1", workspace.id
    )
    assert (await world.ask(KEYS, authorization=key)).errors == []

    async def demote(writer: Writer) -> None:
        await change_role(writer, maker, Role.ORDERS)

    await workspace.system().change("test", demote)
    at_once = await world.ask(KEYS, authorization=key)
    afresh = await ApiKeys(world.parts.pool).read(text)

    assert at_once.code == "UNAUTHENTICATED"
    assert afresh.grants == {Grant.ORDERS_READ, Grant.WORKSPACE_READ}
    assert (await world.ask_as(afresh, ORDERS)).errors == []

    await workspace.system().change("test", lambda writer: part(writer, maker))
    assert (await world.ask_as(afresh, ORDERS)).code == "UNAUTHENTICATED"
    with pytest.raises(NotAuthenticated, match="no longer a member"):
        await ApiKeys(world.parts.pool).read(text)


async def test_a_promotion_of_its_maker_gives_a_key_nothing_and_takes_nothing(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    key, _ = await made(workspace, "workspace:read", "keys:manage", role=Role.ADMIN)
    assert (await world.ask(KEYS, authorization=key)).errors == []
    maker = await owner.fetchval(
        "SELECT created_by FROM api_keys WHERE workspace_id = $1", workspace.id
    )

    await workspace.system().change("test", lambda w: change_role(w, maker, Role.OWNER))

    assert (await world.ask(KEYS, authorization=key)).errors == []
    assert (await world.ask(ORDERS, authorization=key)).code == "FORBIDDEN"


async def test_a_key_of_the_command_line_stands_by_itself(world: World) -> None:
    workspace = await world.workspace()

    async def work(writer: Writer) -> str:
        _, text = await create_key(
            writer, name="backup", scopes=[Grant.ORDERS_READ], expires_at=None
        )
        return text

    text = await workspace.system().change("test", work)

    assert (await world.ask(ORDERS, authorization=f"Bearer {text}")).errors == []


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"name": "", "scopes": ["orders:read"]}, "INVALID", ["name"]),
        ({"name": "x" * 101, "scopes": ["orders:read"]}, "INVALID", ["name"]),
        ({"name": "nul\u0000", "scopes": ["orders:read"]}, "INVALID", ["name"]),
        ({"name": "x", "scopes": []}, "INVALID", ["scopes"]),
        ({"name": "x", "scopes": ["all"]}, "INVALID", ["scopes"]),
    ],
)
async def test_a_key_that_makes_no_sense_is_not_made(
    world: World, given: dict[str, object], code: str, field: list[str]
) -> None:
    workspace = await world.workspace()

    payload = (await workspace.ask(MAKE, {"input": given})).data["apiKeyCreate"]

    assert payload["key"] is None
    assert payload["userErrors"][0]["field"] == field
    assert payload["userErrors"][0]["code"].startswith(code)
    assert (await workspace.ask(KEYS)).data["workspace"]["apiKeys"] == []


async def test_a_key_makes_no_keys_and_no_owner(world: World) -> None:
    workspace = await world.workspace()
    key, _ = await made(workspace, "keys:manage", "members:manage")
    viewer = await world.member(workspace, Role.VIEWER)
    viewer_id = (await world.access.principal(f"Bearer {viewer}")).id
    promote = """mutation ($id: ID!) {
      memberChangeRole(input: {userId: $id, role: OWNER}) { userErrors { code } } }"""

    child = await world.ask(
        MAKE, {"input": {"name": "child", "scopes": ["keys:manage"]}}, authorization=key
    )
    raised = await world.ask(promote, {"id": global_id("User", viewer_id)}, authorization=key)

    assert child.data["apiKeyCreate"]["userErrors"][0]["code"] == "FORBIDDEN"
    assert raised.data["memberChangeRole"]["userErrors"] == [{"code": "FORBIDDEN"}]
    assert len((await workspace.ask(KEYS)).data["workspace"]["apiKeys"]) == 1


async def test_joining_again_changes_no_role(world: World, owner: asyncpg.Connection) -> None:
    from tenants.workspaces import MembershipRefused

    workspace = await world.workspace()
    token = await workspace.token(Role.OWNER)
    user_id = (await world.access.principal(f"Bearer {token}")).id

    with pytest.raises(MembershipRefused) as refused:
        await workspace.system().change("test", lambda w: join(w, user_id, Role.VIEWER))

    assert refused.value.code == "ALREADY_MEMBER"
    role = await owner.fetchval("SELECT role FROM memberships WHERE user_id = $1", user_id)
    assert role == "OWNER"
