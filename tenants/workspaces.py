"""Workspaces and the people in them: opening one, joining, changing roles, parting."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tenants.database import Reader, WorkspaceDatabase, Writer, platform_door
from tenants.grants import ROLES_GIVEN_BY, Role
from tenants.identity import PrincipalKind, system_principal
from tenants.ids import new_id
from tenants.pool import Pool, Row


class SellerProfile(StrEnum):
    """What kind of seller a workspace belongs to (W6)."""

    FACTORY = "FACTORY"
    MCN_CREATOR = "MCN_CREATOR"
    SME_BRAND = "SME_BRAND"


class MembershipRefused(ValueError):
    """Something about members that a person can act on; `code` is stable."""

    def __init__(self, code: str, message: str, *, field: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class WorkspaceRow(Row):
    id: UUID
    slug: str
    name: str
    legacy_id: str | None
    seller_profile: str
    created_at: datetime
    version: int


class MemberRow(Row):
    """A membership with its person."""

    user_id: UUID
    role: str
    created_at: datetime
    ended_at: datetime | None
    version: int
    email: str
    name: str


class UserRow(Row):
    id: UUID
    email: str
    name: str


_WORKSPACES = "SELECT * FROM workspaces WHERE id = ANY($1)"
_WORKSPACE = "SELECT * FROM workspaces WHERE id = $1"
_INSERT_WORKSPACE = """
INSERT INTO workspaces (id, slug, name, legacy_id, seller_profile, created_at, updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $6, 1) ON CONFLICT DO NOTHING
"""
_INSERT_COUNTER = """
INSERT INTO event_counters (workspace_id, last_sequence, oldest_sequence) VALUES ($1, 0, 1)
"""
_ENSURE_USER = """
INSERT INTO users (id, email, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (email) DO UPDATE SET name = users.name RETURNING id
"""
_REPLACE_PASSWORD = "UPDATE users SET password_hash = $2 WHERE email = $1"  # noqa: S105
_USERS = "SELECT id, email, name FROM users WHERE id = ANY($1)"
_MEMBER = """
SELECT m.*, u.email, u.name FROM memberships m JOIN users u ON u.id = m.user_id
 WHERE m.workspace_id = $1 AND m.user_id = $2
"""
_MEMBERS = """
SELECT m.*, u.email, u.name FROM memberships m JOIN users u ON u.id = m.user_id
 WHERE m.workspace_id = $1 AND m.ended_at IS NULL ORDER BY m.created_at, m.user_id
"""
_JOIN = """
INSERT INTO memberships (workspace_id, user_id, role, created_at, updated_at, version)
VALUES ($1, $2, $3, $4, $4, 1)
ON CONFLICT (workspace_id, user_id) DO UPDATE
   SET role = excluded.role, updated_at = excluded.updated_at, ended_at = NULL,
       version = memberships.version + 1
"""
_ONE_AT_A_TIME = "SELECT id FROM workspaces WHERE id = $1 FOR NO KEY UPDATE"
_CHANGE_ROLE = """
UPDATE memberships SET role = $3, updated_at = $4, version = version + 1
 WHERE workspace_id = $1 AND user_id = $2 AND ended_at IS NULL
"""
_PART = """
UPDATE memberships SET ended_at = $3, updated_at = $3, version = version + 1
 WHERE workspace_id = $1 AND user_id = $2 AND ended_at IS NULL
"""
_OWNERS = """
SELECT user_id FROM memberships WHERE workspace_id = $1 AND role = 'OWNER' AND ended_at IS NULL
"""


async def workspace(reader: Reader) -> WorkspaceRow | None:
    return await reader.fetchrow(_WORKSPACE, reader.workspace_id, row=WorkspaceRow)


async def workspaces_by_id(reader: Reader, ids: list[UUID]) -> list[WorkspaceRow]:
    """This workspace, where it is among the ids."""
    own = [one for one in ids if one == reader.workspace_id]
    return await reader.fetch(_WORKSPACES, own, row=WorkspaceRow)


async def members(reader: Reader) -> list[MemberRow]:
    return await reader.fetch(_MEMBERS, reader.workspace_id, row=MemberRow)


async def users_by_id(reader: Reader, ids: list[UUID]) -> list[UserRow]:
    """People who are or were members of this workspace; others read as absent."""
    return await reader.fetch(_USERS, ids, row=UserRow)


async def open_workspace(
    pool: Pool,
    *,
    slug: str,
    name: str,
    profile: SellerProfile = SellerProfile.SME_BRAND,
    legacy_id: str | None = None,
) -> UUID:
    """A new workspace, still without members. A slug that is taken is `MembershipRefused`."""
    workspace_id = new_id()

    async def work(writer: Writer) -> None:
        at = writer.changes.at
        made = await writer.execute(
            _INSERT_WORKSPACE, workspace_id, slug, name, legacy_id, profile.value, at
        )
        if not made:
            raise MembershipRefused("TAKEN", f"The slug {slug!r} is taken.", field="slug")
        await writer.execute(_INSERT_COUNTER, workspace_id)
        writer.changes.audit("Workspace", workspace_id, after={"slug": slug, "name": name})

    await WorkspaceDatabase(pool, system_principal(workspace_id)).change("workspaceOpen", work)
    return workspace_id


async def ensure_user(
    pool: Pool, *, email: str, name: str, password_hash: str | None, at: datetime
) -> UUID:
    """The person with that address, made if unknown; a given password replaces the old one."""
    address = email.strip().lower()
    async with platform_door(pool, "identity") as connection:
        user_id: UUID = await connection.fetchval(
            _ENSURE_USER, new_id(), address, name, password_hash, at
        )
        if password_hash is not None:
            await connection.execute(_REPLACE_PASSWORD, address, password_hash)
    return user_id


async def join(writer: Writer, user_id: UUID, role: Role) -> None:
    """Make a person a member, or a member again. A member's role is `change_role`'s to change."""
    before = await member(writer, user_id)
    if before is not None and before.ended_at is None and before.role == role:
        writer.changes.audit("Membership", user_id, before={"role": role}, after={"role": role})
        return
    if before is not None and before.ended_at is None:
        raise MembershipRefused(
            "ALREADY_MEMBER", "This person is a member of the workspace already.", field="userId"
        )
    await writer.execute(_JOIN, writer.workspace_id, user_id, role.value, writer.changes.at)
    ended = None if before is None else {"role": before.role, "ended": True}
    writer.changes.audit("Membership", user_id, before=ended, after={"role": role})


async def member(reader: Reader, user_id: UUID) -> MemberRow | None:
    """A membership, ended or not."""
    return await reader.fetchrow(_MEMBER, reader.workspace_id, user_id, row=MemberRow)


async def change_role(writer: Writer, user_id: UUID, role: Role) -> None:
    """Give a member another role. Tokens with the old role are refused from now on."""
    found = await _current(writer, user_id)
    check_may_give(writer, role, Role(found.role))
    if found.role == Role.OWNER and role is not Role.OWNER:
        await _keep_an_owner(writer, user_id)
    await writer.execute(_CHANGE_ROLE, writer.workspace_id, user_id, role.value, writer.changes.at)
    before, after = {"role": found.role}, {"role": role}
    writer.changes.audit("Membership", user_id, before=before, after=after)


async def part(writer: Writer, user_id: UUID) -> None:
    """End a membership. Its tokens are refused from now on."""
    found = await _current(writer, user_id)
    check_may_give(writer, Role(found.role))
    if found.role == Role.OWNER:
        await _keep_an_owner(writer, user_id)
    await writer.execute(_PART, writer.workspace_id, user_id, writer.changes.at)
    writer.changes.audit("Membership", user_id, before={"role": found.role}, after={"ended": True})


async def _current(writer: Writer, user_id: UUID) -> MemberRow:
    """The member, while nobody else changes who is one: two owners cannot leave at once."""
    await writer.execute(_ONE_AT_A_TIME, writer.workspace_id)
    found = await member(writer, user_id)
    if found is None or found.ended_at is not None:
        raise MembershipRefused(
            "NOT_FOUND", "There is no such member in this workspace.", field="userId"
        )
    return found


def check_may_give(writer: Writer, *roles: Role) -> None:
    """Nobody hands out, or takes away, a role above their own; a key never more than an ADMIN."""
    giver = writer.principal.role
    if writer.principal.kind is PrincipalKind.SYSTEM:
        return
    may_give = ROLES_GIVEN_BY.get(giver, frozenset()) if giver else ROLES_GIVEN_BY[Role.ADMIN]
    above = [role for role in roles if role not in may_give]
    if above:
        raise MembershipRefused(
            "FORBIDDEN", f"Your role cannot give or take the role {above[0]}.", field="role"
        )


async def _keep_an_owner(writer: Writer, leaving: UUID) -> None:
    owners = await writer.fetch(_OWNERS, writer.workspace_id, row=Row)
    if {row["user_id"] for row in owners} <= {leaving}:
        raise MembershipRefused(
            "LAST_OWNER", "A workspace keeps one owner; make somebody else one first.", field="role"
        )
