"""Signing in, staying signed in, signing out.

A refresh token is used once: each use replaces it. A token that comes a second time was stolen or
copied, so its whole session ends.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from tenants.database import WorkspaceDatabase, Writer, platform_door
from tenants.grants import Role
from tenants.identity import NotAuthenticated, system_principal
from tenants.ids import new_id
from tenants.pool import Pool, Row
from tenants.secrets import new_secret, read_secret
from tenants.tokens import AccessTokens

PREFIX = "scr"

_passwords = PasswordHasher()

_PERSON = "SELECT id, password_hash FROM users WHERE email = $1"
_MEMBERSHIPS = """
SELECT m.workspace_id, m.role FROM memberships m JOIN workspaces w ON w.id = m.workspace_id
 WHERE m.user_id = $1 AND m.ended_at IS NULL AND ($2::text IS NULL OR w.slug = $2)
 ORDER BY m.created_at
"""
_OPEN = """
INSERT INTO sessions (workspace_id, id, user_id, refresh_hash, created_at, refreshed_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $5, $6)
"""
_SESSION = """
SELECT s.*, m.role FROM sessions s
  JOIN memberships m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id
 WHERE s.workspace_id = $1 AND m.workspace_id = $1 AND s.id = $2
   AND s.revoked_at IS NULL AND m.ended_at IS NULL FOR UPDATE OF s
"""
_REFRESH = """
UPDATE sessions SET refresh_hash = $3, previous_hash = refresh_hash, refreshed_at = $4,
       expires_at = $5
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
    previous_hash: bytes | None
    expires_at: datetime
    role: str


def hash_password(password: str) -> str:
    """Argon2id with the library's current parameters."""
    return _passwords.hash(password)


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
        async with platform_door(self._pool, "identity") as connection:
            person: _Person | None = await connection.fetchrow(
                _PERSON, email.strip().lower(), record_class=_Person
            )
        # Argon2 takes tens of milliseconds by design: not on the event loop, nor in a transaction.
        good = await asyncio.to_thread(_verified, person, password)
        memberships: list[_MembershipRow] = []
        if good and person is not None:
            async with platform_door(self._pool, "identity") as connection:
                memberships = await connection.fetch(
                    _MEMBERSHIPS, person.id, workspace, record_class=_MembershipRow
                )
        if person is None or not memberships:
            raise NotAuthenticated("The e-mail address, the password or the workspace is wrong.")
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
                _OPEN, workspace_id, session_id, user_id, secret.hash(), at, expires
            )
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
        successor = new_secret(PREFIX, workspace_id=secret.workspace_id, id=secret.id)

        async def work(writer: Writer) -> _SessionRow | None:
            row = await writer.fetchrow(_SESSION, secret.workspace_id, secret.id, row=_SessionRow)
            writer.changes.audit("Session", secret.id)
            if row is None or row.expires_at <= at:
                return None
            if not secret.matches(row.refresh_hash):
                if secret.matches(row.previous_hash):
                    await writer.execute(_END, secret.workspace_id, secret.id, at)
                return None
            until = at + self._lifetime
            await writer.execute(
                _REFRESH, secret.workspace_id, secret.id, successor.hash(), at, until
            )
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
            row = await writer.fetchrow(_SESSION, secret.workspace_id, secret.id, row=_SessionRow)
            if row is not None and secret.matches(row.refresh_hash):
                await writer.execute(_END, secret.workspace_id, secret.id, at)
            writer.changes.audit("Session", secret.id)

        await self._within(secret.workspace_id).change("signOut", work)

    def _within(self, workspace_id: UUID) -> WorkspaceDatabase:
        return WorkspaceDatabase(self._pool, system_principal(workspace_id))


def _verified(person: _Person | None, password: str) -> bool:
    known = person.password_hash if person else None
    try:
        return _passwords.verify(known or _nobody(), password) and known is not None
    except VerificationError:
        return False


@cache
def _nobody() -> str:
    """A hash to try in vain, so that unknown people take as long as known ones."""
    return _passwords.hash("nobody's password")


def _not_good() -> NotAuthenticated:
    return NotAuthenticated("The refresh token is not good any more. Sign in again.")
