"""Access tokens: short-lived JWTs (RFC 7519), signed with ES256, carrying user, workspace, role.

Keys rotate: the first key of the set signs, every key of it verifies, and each token names its
key. Audience, issuer and expiry are required and checked; a token without them is no token.
"""

import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from tenants.grants import GRANTS_BY_ROLE, Role
from tenants.identity import NotAuthenticated, Principal, PrincipalKind
from tenants.private_file import write_private

_ALGORITHM = "ES256"
_REMEMBERED = 10_000

# What reading a hostile token can raise: bad base64, JSON nested a thousand deep, a year 10^300.
UNREADABLE = (
    JoseError, ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError,
    RecursionError,
)  # fmt: skip


class SigningKeys:
    """A JWK set with private keys in a file that only its owner reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._set = KeySet.import_key_set(json.loads(path.read_text()))

    @classmethod
    def open(cls, path: Path) -> "SigningKeys":
        """The keys of a file; the first start makes it."""
        if not path.exists():
            _write(path, [])
        return cls(path)

    def rotate(self) -> None:
        """Put a new key in front. Tokens of the three keys before it stay good until they end."""
        _write(self.path, [key.as_dict(private=True) for key in self._set.keys][:3])
        self._set = KeySet.import_key_set(json.loads(self.path.read_text()))

    def sign(self, claims: dict[str, Any]) -> str:
        key = self._set.keys[0]
        return jwt.encode({"alg": _ALGORITHM, "kid": key.kid}, claims, key, [_ALGORITHM])

    def verify(self, token: str) -> dict[str, Any]:
        return dict(jwt.decode(token, self._set, [_ALGORITHM]).claims)

    def published(self) -> dict[str, Any]:
        """The public half, as served to whoever wants to check our tokens."""
        return dict(self._set.as_dict(private=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    issuer: str
    audience: str
    lifetime: timedelta

    @property
    def staff_audience(self) -> str:
        return f"{self.audience}-staff"


class AccessTokens:
    """Issues and reads access tokens. A token read once is remembered until it expires."""

    def __init__(self, keys: SigningKeys, rules: TokenRules) -> None:
        self.keys = keys
        self.rules = rules
        self._claims = jwt.JWTClaimsRegistry(
            leeway=0,
            iss={"essential": True, "value": rules.issuer},
            aud={"essential": True, "value": rules.audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._known: OrderedDict[str, Principal] = OrderedDict()

    def issue(
        self,
        *,
        user_id: UUID,
        workspace_id: UUID,
        role: Role,
        session_id: UUID,
        at: datetime,
        lifetime: timedelta | None = None,
    ) -> str:
        expires = at + (lifetime or self.rules.lifetime)
        return self.keys.sign(
            {
                "iss": self.rules.issuer,
                "aud": self.rules.audience,
                "sub": str(user_id),
                "iat": int(at.timestamp()),
                "exp": int(expires.timestamp()),
                "sid": str(session_id),
                "workspace": str(workspace_id),
                "role": role.value,
            }
        )

    def read(self, token: str) -> Principal:
        """Whom a token stands for, or `NotAuthenticated`."""
        known = self._known.get(token)
        if known is not None:
            if known.expires_at is not None and known.expires_at > datetime.now(UTC):
                self._known.move_to_end(token)
                return known
            del self._known[token]
            raise NotAuthenticated("The access token has expired. Refresh it, or sign in again.")
        principal = self._checked(token)
        self._known[token] = principal
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return principal

    def _checked(self, token: str) -> Principal:
        try:
            claims = self.keys.verify(token)
            if claims.get("aud") == self.rules.staff_audience:
                raise _for_staff()
            self._claims.validate(claims)
            role = Role(claims["role"])
            return Principal(
                kind=PrincipalKind.USER,
                id=UUID(claims["sub"]),
                workspace_id=UUID(claims["workspace"]),
                session_id=UUID(claims["sid"]),
                role=role,
                grants=GRANTS_BY_ROLE[role],
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except UNREADABLE as error:
            raise NotAuthenticated(
                "The access token is not good: it has expired, is damaged, or was not issued "
                "here. Refresh it, or sign in again."
            ) from error


def _for_staff() -> NotAuthenticated:
    return NotAuthenticated(
        "This token is for the platform's staff and opens no workspace. Sign in as a member of "
        "the workspace."
    )


def _write(path: Path, older: list[Any]) -> None:
    key = ECKey.generate_key("P-256", auto_kid=True).as_dict(private=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, json.dumps({"keys": [key, *older]}))
