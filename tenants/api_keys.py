"""API keys: how integrators sign in. Scoped, expiring, revocable, stored as a hash.

A key stands on its maker: it holds the scopes it was made with that the maker's role holds today,
and nothing once the membership has ended. Keys made on the command line stand by themselves. A
key makes no keys, so that revoking it leaves no offspring behind.
"""

import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from tenants.database import Reader, WorkspaceDatabase, Writer, statistics_of
from tenants.grants import GRANTS_BY_ROLE, Grant, Role
from tenants.identity import (
    SYSTEM_ID,
    NotAuthenticated,
    Principal,
    PrincipalKind,
    system_principal,
)
from tenants.ids import new_id
from tenants.pool import Pool, Row
from tenants.secrets import Secret, new_secret, read_secret
from tenants.workspaces import MembershipRefused

PREFIX = "sck"
_REMEMBER_SECONDS = 30.0
_TOUCH = timedelta(minutes=1)
MAX_NAME = 100
_REMEMBERED = 10_000

_INSERT = """
INSERT INTO api_keys (workspace_id, id, name, secret_hash, scopes, created_by, created_at,
                      expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_REVOKE = """
UPDATE api_keys SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL
RETURNING *
"""
_FIND = """
SELECT k.*, m.role AS maker_role FROM api_keys k
  LEFT JOIN memberships m ON m.workspace_id = $1 AND m.user_id = k.created_by
   AND m.ended_at IS NULL
 WHERE k.workspace_id = $1 AND k.id = $2 AND k.revoked_at IS NULL
"""
_USABLE = """
SELECT * FROM api_keys WHERE workspace_id = $1 AND revoked_at IS NULL ORDER BY created_at, id
"""
_BY_ID = """
SELECT * FROM api_keys WHERE workspace_id = $1 AND id = ANY($2) AND revoked_at IS NULL
"""
_NOTE_USE = """
UPDATE api_keys SET last_used_at = $3
 WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL
   AND (last_used_at IS NULL OR last_used_at <= $4)
"""


class ApiKeyRow(Row):
    id: UUID
    name: str
    secret_hash: bytes
    scopes: list[str]
    created_by: UUID
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class _KnownKey(ApiKeyRow):
    maker_role: str | None


async def keys(reader: Reader) -> list[ApiKeyRow]:
    """The keys that were not revoked, oldest first."""
    return await reader.fetch(_USABLE, reader.workspace_id, row=ApiKeyRow)


async def keys_by_id(reader: Reader, ids: list[UUID]) -> list[ApiKeyRow]:
    return await reader.fetch(_BY_ID, reader.workspace_id, ids, row=ApiKeyRow)


async def create_key(
    writer: Writer, *, name: str, scopes: Sequence[Grant], expires_at: datetime | None
) -> tuple[UUID, str]:
    """The new key's id, and the key itself: shown now, never again."""
    if writer.principal.kind is PrincipalKind.API_KEY:
        raise MembershipRefused(
            "FORBIDDEN", "An API key makes no keys; a member of the workspace does.", field="scopes"
        )
    if not 1 <= len(name.strip()) <= MAX_NAME or not name.isprintable():
        raise MembershipRefused(
            "INVALID", f"A key's name has 1 to {MAX_NAME} printable characters.", field="name"
        )
    key_id = new_id()
    secret = new_secret(PREFIX, workspace_id=writer.workspace_id, id=key_id)
    names = sorted(scope.value for scope in scopes)
    await writer.execute(
        _INSERT, writer.workspace_id, key_id, name, secret.hash(), names, writer.principal.id,
        writer.changes.at, expires_at,
    )  # fmt: skip
    writer.changes.audit("ApiKey", key_id, after={"name": name, "scopes": names})
    return key_id, secret.text()


async def revoke_key(writer: Writer, key_id: UUID) -> bool:
    """End a key at once; False where there is no such key that is still good."""
    row = await writer.fetchrow(
        _REVOKE, writer.workspace_id, key_id, writer.changes.at, row=ApiKeyRow
    )
    if row is None:
        writer.changes.idle = True
        return False
    before = {"name": row.name, "scopes": row.scopes, "revoked": False}
    writer.changes.audit("ApiKey", key_id, before=before, after={"revoked": True})
    return True


class ApiKeys:
    """Reads API keys. What a key may do is remembered for half a minute; whether it is still
    good is asked again by every transaction (`tenants.access_check`)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    async def read(self, text: str) -> Principal:
        """Whom a key stands for, or `NotAuthenticated`."""
        until, principal = self._known.get(text, (0.0, None))
        if principal is None or until < time.monotonic():
            self._known.pop(text, None)
            principal = await self._looked_up(text)
            self._known[text] = (time.monotonic() + _REMEMBER_SECONDS, principal)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        if principal.expires_at is not None and principal.expires_at <= datetime.now(UTC):
            raise _not_good()
        return principal

    async def _looked_up(self, text: str) -> Principal:
        secret = read_secret(text, prefix=PREFIX)
        if secret is None:
            raise _not_good()
        database = WorkspaceDatabase(self._pool, system_principal(secret.workspace_id))
        try:
            reader = database.reading()
            row = await reader.fetchrow(_FIND, secret.workspace_id, secret.id, row=_KnownKey)
        finally:
            await database.close()
        if row is None or not secret.matches(row.secret_hash):
            raise _not_good()
        if row.expires_at is not None and row.expires_at <= datetime.now(UTC):
            raise _not_good()
        grants = _held(row)
        await self._touch(secret, row.last_used_at)
        return Principal(
            kind=PrincipalKind.API_KEY,
            id=row.id,
            workspace_id=secret.workspace_id,
            grants=grants,
            expires_at=row.expires_at,
        )

    async def _touch(self, secret: Secret, last: datetime | None) -> None:
        """Note the last use, at most once a minute: a statistic, so it is not audited."""
        now = datetime.now(UTC)
        due = now - _TOUCH
        if last is not None and last > due:
            return
        async with statistics_of(self._pool, secret.workspace_id) as connection:
            await connection.execute(_NOTE_USE, secret.workspace_id, secret.id, now, due)


def _held(row: _KnownKey) -> frozenset[Grant]:
    """The scopes that the key's maker could still give; scopes that are no more count for none."""
    known = {grant.value: grant for grant in Grant}
    scopes = frozenset(known[scope] for scope in row.scopes if scope in known)
    if row.created_by == SYSTEM_ID:
        return scopes
    if row.maker_role is None:
        raise _not_good()
    return scopes & GRANTS_BY_ROLE[Role(row.maker_role)]


def _not_good() -> NotAuthenticated:
    return NotAuthenticated(
        "The API key is not good: it is damaged, expired or revoked, or its maker is no longer a "
        "member. Make a new one with apiKeyCreate, or ask an owner or admin of the workspace."
    )
