"""From a credential in a request to the principal it stands for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from tenants.api_keys import PREFIX as API_KEY_PREFIX
from tenants.api_keys import ApiKeys
from tenants.identity import NotAuthenticated, Principal
from tenants.tokens import AccessTokens

Authenticate = Callable[[str | None], Awaitable[Principal]]
_MAX_CREDENTIAL = 4_096


@dataclass(frozen=True, slots=True)
class Access:
    """Reads `Authorization: Bearer <token or API key>`."""

    tokens: AccessTokens
    api_keys: ApiKeys

    async def principal(self, authorization: str | None) -> Principal:
        scheme, _, credential = (authorization or "").strip().partition(" ")
        credential = credential.strip()
        if scheme.lower() != "bearer" or not 0 < len(credential) <= _MAX_CREDENTIAL:
            raise NotAuthenticated(
                "Send `Authorization: Bearer <access token or API key>` with the request."
            )
        if credential.startswith(f"{API_KEY_PREFIX}_"):
            return await self.api_keys.read(credential)
        return self.tokens.read(credential)


def origin_allowed(connection: HTTPConnection, others: frozenset[str]) -> bool:
    """Whether a browser page of that origin may use us. No Origin: not a browser's doing."""
    origin = connection.headers.get("origin")
    if origin is None or origin in others:
        return True
    try:
        return urlsplit(origin).netloc == connection.headers.get("host")
    except ValueError:  # brackets that hold no address
        return False
