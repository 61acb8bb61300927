"""The people who work for the platform: apart from sellers, in their own table, with own tokens.

A staff token names no workspace and another audience, so neither side takes the other's. What
staff may do comes with later work; here they can be told from sellers. The application's role
reads the list and cannot write it: making staff takes the owner's connection (DATABASE_URL).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from joserfc import jwt

from tenants.database import platform_door
from tenants.identity import NotAuthenticated
from tenants.pool import Pool
from tenants.tokens import UNREADABLE, AccessTokens

_MAKE = """
INSERT INTO staff_members (user_id, created_at) SELECT id, $2 FROM users WHERE email = $1
ON CONFLICT (user_id) DO UPDATE SET ended_at = NULL
"""
_END = """
UPDATE staff_members SET ended_at = $2
 WHERE ended_at IS NULL AND user_id = (SELECT id FROM users WHERE email = $1)
"""
_LIST = """
SELECT u.email, u.name, s.created_at FROM staff_members s JOIN users u ON u.id = s.user_id
 WHERE s.ended_at IS NULL ORDER BY u.email
"""
_IS_STAFF = "SELECT 1 FROM staff_members WHERE user_id = $1 AND ended_at IS NULL"


class StaffRefused(ValueError):
    """Nobody with that address can be made, or is, a member of the platform's staff."""

    code = "NOT_FOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffPrincipal:
    """Somebody of the platform. It has no workspace, so no workspace's database opens for it."""

    user_id: UUID
    expires_at: datetime
    kind: Literal["STAFF"] = "STAFF"


async def make_staff(owner: Any, *, email: str, at: datetime) -> None:
    """Make a person with an account staff. `owner` is an asyncpg connection as the tables' owner;
    an unknown address is `StaffRefused`."""
    await _change(owner, _MAKE, email, at, f"Nobody has an account with the address {email}.")


async def end_staff(owner: Any, *, email: str, at: datetime) -> None:
    """End it; their staff tokens are refused from now on."""
    await _change(owner, _END, email, at, f"{email} is not a member of the platform's staff.")


async def staff(owner: Any) -> list[Any]:
    """Address, name and since when, of everybody who is staff now."""
    async with owner.transaction():
        await owner.execute("SET LOCAL app.door = 'identity'")
        return list(await owner.fetch(_LIST))


class StaffTokens:
    """Issues and reads the tokens of staff, with the keys that also sign sellers' tokens."""

    def __init__(self, pool: Pool, tokens: AccessTokens) -> None:
        self._pool = pool
        self._keys = tokens.keys
        self._rules = tokens.rules
        self._claims = jwt.JWTClaimsRegistry(
            leeway=0,
            iss={"essential": True, "value": self._rules.issuer},
            aud={"essential": True, "value": self._rules.staff_audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def issue(self, user_id: UUID, *, at: datetime) -> str:
        """A token for somebody who is staff; for anybody else `NotAuthenticated`."""
        await self._check(user_id)
        return self._keys.sign(
            {
                "iss": self._rules.issuer,
                "aud": self._rules.staff_audience,
                "sub": str(user_id),
                "iat": int(at.timestamp()),
                "exp": int((at + self._rules.lifetime).timestamp()),
            }
        )

    async def read(self, token: str) -> StaffPrincipal:
        """Whom a token stands for; asked anew each time whether they still are staff."""
        try:
            claims = self._keys.verify(token)
            self._claims.validate(claims)
            user_id = UUID(claims["sub"])
            expires = datetime.fromtimestamp(claims["exp"], UTC)
        except UNREADABLE as error:
            raise _not_good() from error
        await self._check(user_id)
        return StaffPrincipal(user_id=user_id, expires_at=expires)

    async def _check(self, user_id: UUID) -> None:
        async with platform_door(self._pool, "identity") as connection:
            if await connection.fetchval(_IS_STAFF, user_id) is None:
                raise _not_good()


async def _change(owner: Any, statement: str, email: str, at: datetime, refusal: str) -> None:
    async with owner.transaction():
        await owner.execute("SET LOCAL app.door = 'identity'")
        status = await owner.execute(statement, email.strip().lower(), at)
    if status.endswith(" 0"):
        raise StaffRefused(refusal)


def _not_good() -> NotAuthenticated:
    return NotAuthenticated("This is not a good token of the platform's staff.")
