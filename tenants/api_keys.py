"""API keys: how integrators sign in. Scoped, expiring, revocable, stored as a hash."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from tenants.database import WorkspaceDatabase, Writer
from tenants.grants import Grant
from tenants.identity import NotAuthenticated, Principal, PrincipalKind, system_principal
from tenants.ids import new_id
from tenants.pool import Pool, Row
from tenants.secrets import Secret, new_secret, read_secret

PREFIX = "sck"
_REMEMBER_SECONDS = 30.0
_TOUCH_SECONDS = 60.0
_REMEMBERED = 10_000

_INSERT = """
INSERT INTO api_keys (workspace_id, id, name, secret_hash, scopes, created_by, created_at,
                      expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_REVOKE = """
UPDATE api_keys SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL
"""
_FIND = """
SELECT * FROM api_keys WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL
"""
_TOUCH = "UPDATE api_keys SET last_used_at = $3 WHERE workspace_id = $1 AND id = $2"


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


async def create_key(
    writer: Writer, *, name: str, scopes: Sequence[Grant], expires_at: datetime | None
) -> tuple[UUID, str]:
    """The new key's id, and the key itself: shown now, never again."""
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
    done = await writer.execute(_REVOKE, writer.workspace_id, key_id, writer.changes.at)
    writer.changes.audit("ApiKey", key_id, after={"revoked": bool(done)})
    return bool(done)


class ApiKeys:
    """Reads API keys. What a key may do is remembered for half a minute; whether it is still
    good is asked again by every transaction (`tenants.access_check`)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: OrderedDict[str, tuple[float, Principal]] = OrderedDict()
        self._touched: dict[UUID, float] = {}

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
            row = await reader.fetchrow(_FIND, secret.workspace_id, secret.id, row=ApiKeyRow)
        finally:
            await database.close()
        if row is None or not secret.matches(row.secret_hash):
            raise _not_good()
        await self._touch(secret)
        return Principal(
            kind=PrincipalKind.API_KEY,
            id=row.id,
            workspace_id=secret.workspace_id,
            grants=frozenset(Grant(scope) for scope in row.scopes),
            expires_at=row.expires_at,
        )

    async def _touch(self, secret: Secret) -> None:
        """Note the last use, at most once a minute: a statistic, so it is not audited."""
        now = time.monotonic()
        if now - self._touched.get(secret.id, -_TOUCH_SECONDS) < _TOUCH_SECONDS:
            return
        self._touched[secret.id] = now
        workspace = secret.workspace_id
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL app.workspace_id = '{workspace}'")
            await connection.execute(_TOUCH, workspace, secret.id, datetime.now(UTC))


def _not_good() -> NotAuthenticated:
    return NotAuthenticated(
        "The API key is not good: it is damaged, expired or revoked. Make a new one with "
        "apiKeyCreate, or ask an owner or admin of the workspace for it."
    )
