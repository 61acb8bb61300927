"""Invitations: how people come into a workspace.

The token is shown to whoever invites, who passes it on. So it proves nothing about the address it
was made for: somebody who has an account accepts with its password, and nobody's password, name
or role is replaced by accepting.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tenants.database import Reader, WorkspaceDatabase, Writer
from tenants.grants import Role
from tenants.identity import system_principal
from tenants.ids import new_id
from tenants.passwords import hashed, verified
from tenants.pool import Pool, Row
from tenants.secrets import Secret, new_secret, read_secret
from tenants.workspaces import MembershipRefused, check_may_give, join

PREFIX = "sci"
_MAX_ADDRESS = 254  # RFC 5321

_INVITE = """
INSERT INTO invitations (workspace_id, id, email, role, token_hash, invited_by, created_at,
                         expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_OPEN = """
SELECT * FROM invitations WHERE workspace_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL
   AND expires_at > now() ORDER BY created_at, id
"""
_BY_ID = "SELECT * FROM invitations WHERE workspace_id = $1 AND id = ANY($2)"
_LOCKED = "SELECT * FROM invitations WHERE workspace_id = $1 AND id = $2 FOR UPDATE"
_ACCEPT = "UPDATE invitations SET accepted_at = $3 WHERE workspace_id = $1 AND id = $2"
_REVOKE = "UPDATE invitations SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2"
_IS_MEMBER = """
SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id
 WHERE m.workspace_id = $1 AND m.ended_at IS NULL AND u.email = $2
"""
_PERSON = "SELECT id, password_hash FROM users WHERE email = $1"
_NEW_PERSON = """
INSERT INTO users (id, email, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (email) DO NOTHING
"""


class InvitationRow(Row):
    id: UUID
    email: str
    role: str
    token_hash: bytes
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    revoked_at: datetime | None


class _Person(Row):
    id: UUID
    password_hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    id: UUID
    token: str
    expires_at: datetime


async def open_invitations(reader: Reader) -> list[InvitationRow]:
    """Those that can still be accepted, oldest first."""
    return await reader.fetch(_OPEN, reader.workspace_id, row=InvitationRow)


async def invitations_by_id(reader: Reader, ids: list[UUID]) -> list[InvitationRow]:
    return await reader.fetch(_BY_ID, reader.workspace_id, ids, row=InvitationRow)


async def invite(writer: Writer, *, email: str, role: Role, lifetime: timedelta) -> Invited:
    """An invitation and its token, which is shown once and goes to that address."""
    address = email.strip().lower()
    if "@" not in address or len(address) > _MAX_ADDRESS or not address.isprintable():
        raise MembershipRefused("INVALID", "This is no e-mail address.", field="email")
    check_may_give(writer, role)
    if await writer.fetchval(_IS_MEMBER, writer.workspace_id, address):
        raise MembershipRefused(
            "ALREADY_MEMBER", "This person is a member of the workspace already.", field="email"
        )
    invitation_id, expires = new_id(), writer.changes.at + lifetime
    secret = new_secret(PREFIX, workspace_id=writer.workspace_id, id=invitation_id)
    await writer.execute(
        _INVITE, writer.workspace_id, invitation_id, address, role.value, secret.hash(),
        writer.principal.id, writer.changes.at, expires,
    )  # fmt: skip
    writer.changes.audit("Invitation", invitation_id, after={"email": address, "role": role})
    return Invited(id=invitation_id, token=secret.text(), expires_at=expires)


async def revoke_invitation(writer: Writer, invitation_id: UUID) -> bool:
    """Take an invitation back; False where there is none that could still be accepted."""
    row = await writer.fetchrow(_LOCKED, writer.workspace_id, invitation_id, row=InvitationRow)
    if row is None or not _is_open(row, writer.changes.at):
        writer.changes.idle = True
        return False
    check_may_give(writer, Role(row.role))
    await writer.execute(_REVOKE, writer.workspace_id, invitation_id, writer.changes.at)
    before = {"email": row.email, "role": row.role, "revoked": False}
    writer.changes.audit("Invitation", invitation_id, before=before, after={"revoked": True})
    return True


async def accept_invitation(
    pool: Pool, token: str, *, name: str, password: str, at: datetime
) -> tuple[UUID, UUID, Role]:
    """The user, workspace and role that an invitation's token leads to.

    A new person gets the name and the password; somebody who has an account keeps both, and has
    to give that account's password.
    """
    secret = read_secret(token, prefix=PREFIX)
    if secret is None:
        raise _not_good()
    if not name.strip() or not name.isprintable():
        raise MembershipRefused("INVALID", "A name has printable characters.", field="name")
    database = WorkspaceDatabase(pool, system_principal(secret.workspace_id))
    email, known = await _looked_up(database, secret, at)
    # This takes long by design, so not in a transaction.
    if known is None:
        password_hash = await hashed(password)
    elif await verified(known.password_hash, password):
        password_hash = known.password_hash or ""
    else:
        raise MembershipRefused(
            "WRONG_PASSWORD", f"{email} has an account; accept with its password.", field="password"
        )
    proven = _Proven(email=email, name=name.strip(), password_hash=password_hash)

    async def work(writer: Writer) -> tuple[UUID, UUID, Role]:
        return await _accept(writer, secret, proven)

    return await database.change("invitationAccept", work)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proven:
    """Who accepts: an unknown person, or one who showed the password with that hash."""

    email: str
    name: str
    password_hash: str


async def _looked_up(
    database: WorkspaceDatabase, secret: Secret, at: datetime
) -> tuple[str, _Person | None]:
    async def work(writer: Writer) -> tuple[str, _Person | None]:
        writer.changes.idle = True
        row = await _good(writer, secret, at)
        async with writer.through("identity"):
            return row.email, await writer.fetchrow(_PERSON, row.email, row=_Person)

    return await database.change("invitationAccept", work)


async def _accept(writer: Writer, secret: Secret, proven: _Proven) -> tuple[UUID, UUID, Role]:
    at = writer.changes.at
    row = await _good(writer, secret, at)
    async with writer.through("identity"):
        await writer.execute(
            _NEW_PERSON, new_id(), row.email, proven.name, proven.password_hash, at
        )
        person = await writer.fetchrow(_PERSON, row.email, row=_Person)
    if person is None or person.password_hash != proven.password_hash:
        raise _not_good()  # the account was made, or its password changed, in between
    await join(writer, person.id, Role(row.role))
    await writer.execute(_ACCEPT, writer.workspace_id, secret.id, at)
    before, after = {"email": row.email, "accepted": False}, {"accepted": True}
    writer.changes.audit("Invitation", secret.id, before=before, after=after)
    return person.id, writer.workspace_id, Role(row.role)


async def _good(writer: Writer, secret: Secret, at: datetime) -> InvitationRow:
    row = await writer.fetchrow(_LOCKED, writer.workspace_id, secret.id, row=InvitationRow)
    if row is None or not secret.matches(row.token_hash) or not _is_open(row, at):
        raise _not_good()
    return row


def _is_open(row: InvitationRow, at: datetime) -> bool:
    return row.accepted_at is None and row.revoked_at is None and row.expires_at > at


def _not_good() -> MembershipRefused:
    return MembershipRefused("NOT_FOUND", "This invitation is not good any more.", field="token")
