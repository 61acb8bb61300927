"""Who asks: members of every role, keys of some scopes, and credentials that are good no more."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tenants.grants import Grant, Role
from tenants.identity import PrincipalKind
from tenants.sessions import SignedIn
from tenants.workspaces import change_role, ensure_user, join, part
from tests.isolation.neighbours import Side

_KEY = """
mutation ($name: String!, $scopes: [String!]!) {
  apiKeyCreate(input: {name: $name, scopes: $scopes}) { key apiKeyId userErrors { message } }
}
"""
_REVOKE = "mutation ($id: ID!) { apiKeyRevoke(input: {apiKeyId: $id}) { done } }"


@dataclass(frozen=True)
class Actor:
    """A name for findings, a credential (None: none), and what it may do (None: nothing)."""

    name: str
    authorization: str | None
    grants: frozenset[Grant] | None = None


async def members(side: Side) -> list[Actor]:
    """One of each role, the OWNER first."""
    from tenants.grants import GRANTS_BY_ROLE

    return [
        Actor(role.value, f"Bearer {await side.workspace.token(role)}", GRANTS_BY_ROLE[role])
        for role in Role
    ]


async def keys(side: Side, scopes: Iterable[frozenset[Grant]]) -> list[Actor]:
    """API keys that hold no more than that."""
    made = []
    for some in scopes:
        key = (await _key(side, some))["key"]
        name = " ".join(sorted(grant.value for grant in some))
        made.append(Actor(f"a key for {name}", f"Bearer {key}", some))
    return made


async def no_longer_good(side: Side) -> list[Actor]:
    """Expired, revoked, parted, of another role by now, and nobody at all."""
    world = side.workspace.world
    expired = await world.member(side.workspace, Role.OWNER, lifetime=timedelta(seconds=-1))
    revoked = await _key(side, frozenset(Grant))
    await side.workspace.ask(_REVOKE, {"id": revoked["apiKeyId"]})
    signed_out, _ = await _signed_in(side)
    await world.parts.sessions.end(signed_out.refresh_token, at=datetime.now(UTC))
    parted, person = await _signed_in(side)
    await side.workspace.system().change("test", lambda writer: part(writer, person))
    demoted, other = await _signed_in(side)
    await side.workspace.system().change(
        "test", lambda writer: change_role(writer, other, Role.VIEWER)
    )
    return [
        Actor("an expired token", f"Bearer {expired}"),
        Actor("a revoked key", f"Bearer {revoked['key']}"),
        Actor("a session that was ended", f"Bearer {signed_out.access_token}"),
        Actor("a member who parted", f"Bearer {parted.access_token}"),
        Actor("a token of a former role", f"Bearer {demoted.access_token}"),
        Actor("a damaged token", f"Bearer {expired[:-4]}AAAA"),
        Actor("nobody", None),
    ]


async def kept(actors: Iterable[Actor], side: Side) -> set[str]:
    """The ids (hexadecimal) of the people and keys that act, which nothing may end."""
    world = side.workspace.world
    found = set()
    for actor in actors:
        principal = await world.access.principal(actor.authorization)
        assert principal.kind in {PrincipalKind.USER, PrincipalKind.API_KEY}
        found.add(principal.id.hex)
    return found


async def _key(side: Side, scopes: frozenset[Grant]) -> dict[str, Any]:
    names = sorted(grant.value for grant in scopes)
    answer = await side.workspace.ask(_KEY, {"name": f"key {len(names)}", "scopes": names})
    made: dict[str, Any] = answer.data["apiKeyCreate"]
    assert made["key"], made
    return made


async def _signed_in(side: Side) -> tuple[SignedIn, Any]:
    """An owner who was never asked to be one of the actors."""
    parts, at = side.workspace.world.parts, datetime.now(UTC)
    email = f"former-{at.timestamp()}@{side.workspace.slug}.example"
    person = await ensure_user(parts.pool, email=email, name="Former", password_hash=None, at=at)
    await side.workspace.system().change("test", lambda writer: join(writer, person, Role.OWNER))
    signed_in = await parts.sessions.open(
        user_id=person, workspace_id=side.id, role=Role.OWNER, at=at
    )
    return signed_in, person
