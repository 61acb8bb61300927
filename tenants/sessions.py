"""Signing in, staying signed in, signing out.

A refresh token is used once: each use replaces it. A token that comes a second time was stolen or
copied, so its whole session ends: at the next use of either copy, however many uses of the other
lie in between. A client that is unsure whether its refresh arrived signs in again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tenants.database import WorkspaceDatabase, Writer, platform_door
from tenants.grants import Role
from tenants.identity import NotAuthenticated, system_principal
from tenants.ids import new_id
from tenants.passwords import verified
from tenants.pool import Pool, Row
from tenants.secrets import Secret, new_secret, read_secret
from tenants.tokens import AccessTokens

PREFIX = "scr"

_PERSON = "SELECT id, password_hash FROM users WHERE email = $1"
_MEMBERSHIPS = """
SELECT m.workspace_id, m.role FROM memberships m JOIN workspaces w ON w.id = m.workspace_id
 WHERE m.user_id = $1 AND m.ended_at IS NULL AND ($2::text IS NULL OR w.slug = $2)
 ORDER BY m.created_at
"""
_OPEN = """
INSERT INTO sessions (workspace_id, id, user_id, refresh_hash, family_hash, created_at,
                      refreshed_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
"""
_SESSION = """
SELECT s.*, m.role FROM sessions s
  JOIN memberships m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id
 WHERE s.workspace_id = $1 AND m.workspace_id = $1 AND s.id = $2
   AND s.revoked_at IS NULL AND m.ended_at IS NULL FOR UPDATE OF s
"""
_REFRESH = """
UPDATE sessions SET refresh_hash = $3, family_hash = $4, refreshed_at = $5, expires_at = $6
 WHERE workspace_id = $1 AND id = $2
"""
_END = """
UPDATE sessions SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """`expires_in` is the access token's lifetime in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    workspace_id: UUID


class _Person(Row):
    id: UUID
    password_hash: str | None


class _MembershipRow(Row):
    workspace_id: UUID
    role: str


class _SessionRow(Row):
    id: UUID
    user_id: UUID
    refresh_hash: bytes
    family_hash: bytes | None
    expires_at: datetime
    role: str


class Sessions:
    """Everything that turns a password or a refresh token into access tokens."""

    def __init__(self, pool: Pool, tokens: AccessTokens, *, refresh_lifetime: timedelta) -> None:
        self._pool = pool
        self._tokens = tokens
        self._lifetime = refresh_lifetime

    async def sign_in(
        self, *, email: str, password: str, workspace: str | None, at: datetime
    ) -> SignedIn:
        """Open a session in the workspace of that slug, or in the person's first one."""
        if "\x00" in email or "\x00" in (workspace or ""):  # Postgres stores none
            raise _wrong()
        async with platform_door(self._pool, "identity") as connection:
            person: _Person | None = await connection.fetchrow(
                _PERSON, email.strip().lower(), record_class=_Person
            )
        # Checking takes long by design, so not in a transaction.
        good = await verified(person.password_hash if person else None, password)
        memberships: list[_MembershipRow] = []
        if good and person is not None:
            async with platform_door(self._pool, "identity") as connection:
                memberships = await connection.fetch(
                    _MEMBERSHIPS, person.id, workspace, record_class=_MembershipRow
                )
        if person is None or not memberships:
            raise _wrong()
        first = memberships[0]
        return await self.open(
            user_id=person.id, workspace_id=first.workspace_id, role=Role(first.role), at=at
        )

    async def open(
        self,
        *,
        user_id: UUID,
        workspace_id: UUID,
        role: Role,
        at: datetime,
        lifetime: timedelta | None = None,
    ) -> SignedIn:
        """A new session of somebody whose right to it has been checked."""
        session_id = new_id()
        secret = new_secret(PREFIX, workspace_id=workspace_id, id=session_id)
        expires = at + max(self._lifetime, lifetime or timedelta())

        async def work(writer: Writer) -> None:
            await writer.execute(
                _OPEN, workspace_id, session_id, user_id, secret.hash(), secret.family_hash(),
                at, expires,
            )  # fmt: skip
            writer.changes.audit("Session", session_id, after={"user_id": user_id})

        await self._within(workspace_id).change("signIn", work)
        lifetime = lifetime or self._tokens.rules.lifetime
        token = self._tokens.issue(
            user_id=user_id,
            workspace_id=workspace_id,
            role=role,
            session_id=session_id,
            at=at,
            lifetime=lifetime,
        )
        return SignedIn(
            access_token=token,
            refresh_token=secret.text(),
            expires_in=int(lifetime.total_seconds()),
            workspace_id=workspace_id,
        )

    async def refresh(self, refresh_token: str, *, at: datetime) -> SignedIn:
        """New tokens for an old refresh token, which is good no more."""
        secret = read_secret(refresh_token, prefix=PREFIX)
        if secret is None:
            raise _not_good()
        successor = secret.successor()

        async def work(writer: Writer) -> _SessionRow | None:
            row = await _current(writer, secret)
            if row is None or row.expires_at <= at:
                writer.changes.idle = True
                return None
            if not secret.matches(row.refresh_hash):
                await _end(writer, secret, at, reason="an old refresh token was used again")
                return None
            until = at + self._lifetime
            await writer.execute(
                _REFRESH, secret.workspace_id, secret.id, successor.hash(),
                successor.family_hash(), at, until,
            )  # fmt: skip
            writer.changes.audit(
                "Session", secret.id, before={"expires_at": row.expires_at},
                after={"expires_at": until},
            )  # fmt: skip
            return row

        row = await self._within(secret.workspace_id).change("sessionRefresh", work)
        if row is None:
            raise _not_good()
        token = self._tokens.issue(
            user_id=row.user_id,
            workspace_id=secret.workspace_id,
            role=Role(row.role),
            session_id=row.id,
            at=at,
        )
        return SignedIn(
            access_token=token,
            refresh_token=successor.text(),
            expires_in=int(self._tokens.rules.lifetime.total_seconds()),
            workspace_id=secret.workspace_id,
        )

    async def end(self, refresh_token: str, *, at: datetime) -> None:
        """Sign out. A token that is not good is no error (RFC 7009)."""
        secret = read_secret(refresh_token, prefix=PREFIX)
        if secret is None:
            return

        async def work(writer: Writer) -> None:
            if await _current(writer, secret) is None:
                writer.changes.idle = True
            else:
                await _end(writer, secret, at, reason="signed out")

        await self._within(secret.workspace_id).change("signOut", work)

    def _within(self, workspace_id: UUID) -> WorkspaceDatabase:
        return WorkspaceDatabase(self._pool, system_principal(workspace_id))


async def _current(writer: Writer, secret: Secret) -> _SessionRow | None:
    """The session that the token belongs, or once belonged, to. Strangers find and change
    nothing, nor do they fill the audit log of a workspace whose id they know."""
    row = await writer.fetchrow(_SESSION, secret.workspace_id, secret.id, row=_SessionRow)
    if row is None or not (secret.matches(row.refresh_hash) or secret.of_family(row.family_hash)):
        return None
    return row


async def _end(writer: Writer, secret: Secret, at: datetime, *, reason: str) -> None:
    await writer.execute(_END, secret.workspace_id, secret.id, at)
    after = {"ended": True, "reason": reason}
    writer.changes.audit("Session", secret.id, before={"ended": False}, after=after)


def _wrong() -> NotAuthenticated:
    return NotAuthenticated("The e-mail address, the password or the workspace is wrong.")


def _not_good() -> NotAuthenticated:
    return NotAuthenticated("The refresh token is not good any more. Sign in again.")
