"""Workspaces and the people in them: opening one, inviting, changing roles, parting."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from tenants.database import Reader, WorkspaceDatabase, Writer, platform_door
from tenants.grants import ROLES_GIVEN_BY, Role
from tenants.identity import system_principal
from tenants.ids import new_id
from tenants.pool import Pool, Row
from tenants.secrets import new_secret, read_secret

INVITATION_PREFIX = "sci"


class SellerProfile(StrEnum):
    """What kind of seller a workspace belongs to (W6)."""

    FACTORY = "FACTORY"
    MCN_CREATOR = "MCN_CREATOR"
    SME_BRAND = "SME_BRAND"


class MembershipRefused(ValueError):  # noqa: N818 - reads as a sentence where it is raised
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


class InvitationRow(Row):
    id: UUID
    email: str
    role: str
    token_hash: bytes
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    revoked_at: datetime | None


class UserRow(Row):
    id: UUID
    email: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    id: UUID
    token: str
    expires_at: datetime


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
_CHANGE_ROLE = """
UPDATE memberships SET role = $3, updated_at = $4, version = version + 1
 WHERE workspace_id = $1 AND user_id = $2 AND ended_at IS NULL
"""
_PART = """
UPDATE memberships SET ended_at = $3, updated_at = $3, version = version + 1
 WHERE workspace_id = $1 AND user_id = $2 AND ended_at IS NULL
"""
_LOCK_OWNERS = """
SELECT user_id FROM memberships
 WHERE workspace_id = $1 AND role = 'OWNER' AND ended_at IS NULL ORDER BY user_id FOR UPDATE
"""
_INVITE = """
INSERT INTO invitations (workspace_id, id, email, role, token_hash, invited_by, created_at,
                         expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_INVITATION = """
SELECT * FROM invitations WHERE workspace_id = $1 AND id = $2 FOR UPDATE
"""
_ACCEPT = "UPDATE invitations SET accepted_at = $3 WHERE workspace_id = $1 AND id = $2"


async def workspace(reader: Reader) -> WorkspaceRow | None:
    return await reader.fetchrow(_WORKSPACE, reader.workspace_id, row=WorkspaceRow)


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
    """Make a person a member, or a member again."""
    await writer.execute(_JOIN, writer.workspace_id, user_id, role.value, writer.changes.at)
    writer.changes.audit("Membership", user_id, after={"role": role})


async def change_role(writer: Writer, user_id: UUID, role: Role) -> None:
    """Give a member another role. Tokens with the old role are refused from now on."""
    member = await _member(writer, user_id)
    _check_may_give(writer, role, Role(member.role))
    if member.role == Role.OWNER and role is not Role.OWNER:
        await _keep_an_owner(writer, user_id)
    await writer.execute(_CHANGE_ROLE, writer.workspace_id, user_id, role.value, writer.changes.at)
    before, after = {"role": member.role}, {"role": role}
    writer.changes.audit("Membership", user_id, before=before, after=after)


async def part(writer: Writer, user_id: UUID) -> None:
    """End a membership. Its tokens are refused from now on."""
    member = await _member(writer, user_id)
    _check_may_give(writer, Role(member.role))
    if member.role == Role.OWNER:
        await _keep_an_owner(writer, user_id)
    await writer.execute(_PART, writer.workspace_id, user_id, writer.changes.at)
    writer.changes.audit("Membership", user_id, before={"role": member.role}, after={"ended": True})


async def invite(writer: Writer, *, email: str, role: Role, lifetime: timedelta) -> Invited:
    """An invitation and its token, which is shown once and goes to that address."""
    address = email.strip().lower()
    if "@" not in address or len(address) > 254:  # noqa: PLR2004 - RFC 5321
        raise MembershipRefused("INVALID", "This is no e-mail address.", field="email")
    _check_may_give(writer, role)
    invitation_id, expires = new_id(), writer.changes.at + lifetime
    secret = new_secret(INVITATION_PREFIX, workspace_id=writer.workspace_id, id=invitation_id)
    await writer.execute(
        _INVITE, writer.workspace_id, invitation_id, address, role.value, secret.hash(),
        writer.principal.id, writer.changes.at, expires,
    )  # fmt: skip
    writer.changes.audit("Invitation", invitation_id, after={"role": role})
    return Invited(id=invitation_id, token=secret.text(), expires_at=expires)


async def accept_invitation(
    pool: Pool, token: str, *, name: str, password_hash: str, at: datetime
) -> tuple[UUID, UUID, Role]:
    """The user, workspace and role that an invitation's token leads to.

    Somebody who has an account keeps their name and password: a token proves the address of the
    invitation, not the right to replace a password.
    """
    secret = read_secret(token, prefix=INVITATION_PREFIX)
    refused = MembershipRefused("NOT_FOUND", "This invitation is not good any more.", field="token")
    if secret is None:
        raise refused
    database = WorkspaceDatabase(pool, system_principal(secret.workspace_id))

    async def work(writer: Writer) -> tuple[UUID, UUID, Role]:
        row = await writer.fetchrow(_INVITATION, secret.workspace_id, secret.id, row=InvitationRow)
        if (
            row is None
            or not secret.matches(row.token_hash)
            or row.accepted_at is not None
            or row.revoked_at is not None
            or row.expires_at <= at
        ):
            raise refused
        user_id = await _person(pool, row.email, name=name, password_hash=password_hash, at=at)
        await writer.execute(_ACCEPT, secret.workspace_id, secret.id, at)
        await join(writer, user_id, Role(row.role))
        return user_id, secret.workspace_id, Role(row.role)

    return await database.change("invitationAccept", work)


async def _person(pool: Pool, email: str, *, name: str, password_hash: str, at: datetime) -> UUID:
    async with platform_door(pool, "identity") as connection:
        known: UUID | None = await connection.fetchval(
            "SELECT id FROM users WHERE email = $1", email
        )
        if known is not None:
            return known
        created: UUID = await connection.fetchval(
            _ENSURE_USER, new_id(), email, name, password_hash, at
        )
        return created


async def _member(writer: Writer, user_id: UUID) -> MemberRow:
    member = await writer.fetchrow(_MEMBER, writer.workspace_id, user_id, row=MemberRow)
    if member is None or member.ended_at is not None:
        raise MembershipRefused(
            "NOT_FOUND", "There is no such member in this workspace.", field="userId"
        )
    return member


def _check_may_give(writer: Writer, *roles: Role) -> None:
    """Nobody hands out, or takes away, a role that stands above their own."""
    giver = writer.principal.role
    if giver is None and writer.principal.kind.value == "SYSTEM":
        return
    may_give = ROLES_GIVEN_BY.get(giver, frozenset()) if giver else ROLES_GIVEN_BY[Role.ADMIN]
    above = [role for role in roles if role not in may_give]
    if above:
        raise MembershipRefused(
            "FORBIDDEN", f"Your role cannot give or take the role {above[0]}.", field="role"
        )


async def _keep_an_owner(writer: Writer, leaving: UUID) -> None:
    owners = await writer.fetch(_LOCK_OWNERS, writer.workspace_id, row=Row)
    if {row["user_id"] for row in owners} <= {leaving}:
        raise MembershipRefused(
            "LAST_OWNER", "A workspace keeps one owner; make somebody else one first.", field="role"
        )
