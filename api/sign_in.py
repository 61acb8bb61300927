"""Tokens over HTTP, in the words of OAuth 2.0 (RFC 6749, RFC 7009): sign in, refresh, sign out.

`POST /auth/token` with `grant_type=password` (`username`, `password`, optional `workspace` slug) or
`grant_type=refresh_token`; `POST /auth/revoke` with `token`; `POST /auth/accept-invitation`;
`GET /.well-known/jwks.json` for the public keys.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tenants.identity import NotAuthenticated
from tenants.invitations import accept_invitation
from tenants.pool import Pool
from tenants.sessions import Sessions, SignedIn
from tenants.tokens import SigningKeys
from tenants.workspaces import MembershipRefused

_MAX_BODY = 16 * 1024
_MIN_PASSWORD = 10
_UNCACHED = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    pool: Pool
    sessions: Sessions
    keys: SigningKeys

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/auth/token", self.token, methods=["POST"]),
            Route("/auth/revoke", self.revoke, methods=["POST"]),
            Route("/auth/accept-invitation", self.accept, methods=["POST"]),
            Route("/.well-known/jwks.json", self.published, methods=["GET"]),
        ]

    async def token(self, request: Request) -> Response:
        given = await _given(request)
        kind, at = given.get("grant_type"), datetime.now(UTC)
        try:
            if kind == "password":
                signed_in = await self.sessions.sign_in(
                    email=given.get("username", ""),
                    password=given.get("password", ""),
                    workspace=given.get("workspace"),
                    at=at,
                )
            elif kind == "refresh_token":
                signed_in = await self.sessions.refresh(given.get("refresh_token", ""), at=at)
            else:
                return _refused("unsupported_grant_type", "Use password or refresh_token.")
        except NotAuthenticated as error:
            return _refused("invalid_grant", str(error))
        return JSONResponse(_told(signed_in), headers=_UNCACHED)

    async def revoke(self, request: Request) -> Response:
        given = await _given(request)
        await self.sessions.end(given.get("token", ""), at=datetime.now(UTC))
        return Response(status_code=200, headers=_UNCACHED)

    async def accept(self, request: Request) -> Response:
        given = await _given(request)
        password = given.get("password", "")
        if len(password) < _MIN_PASSWORD or not given.get("name"):
            message = f"A name and a password of {_MIN_PASSWORD} characters or more are needed."
            return _refused("invalid_request", message)
        try:
            await accept_invitation(
                self.pool,
                given.get("token", ""),
                name=given["name"],
                password=password,
                at=datetime.now(UTC),
            )
        except MembershipRefused as error:
            return _refused("invalid_grant", str(error))
        return JSONResponse({"accepted": True}, headers=_UNCACHED)

    async def published(self, _request: Request) -> Response:
        return JSONResponse(self.keys.published(), headers={"cache-control": "max-age=300"})


async def _given(request: Request) -> dict[str, str]:
    """The string fields of a form or JSON body; whatever cannot be read counts as empty."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_BODY:
            return {}
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            data: Any = orjson.loads(body)
        except orjson.JSONDecodeError:
            return {}
        return (
            {k: v for k, v in data.items() if isinstance(v, str)} if isinstance(data, dict) else {}
        )
    from urllib.parse import parse_qsl

    return dict(parse_qsl(body.decode("utf-8", "replace")))


def _told(signed_in: SignedIn) -> dict[str, Any]:
    return {
        "access_token": signed_in.access_token,
        "token_type": "Bearer",
        "expires_in": signed_in.expires_in,
        "refresh_token": signed_in.refresh_token,
        "workspace_id": str(signed_in.workspace_id),
    }


def _refused(code: str, message: str) -> Response:
    body = {"error": code, "error_description": message}
    return JSONResponse(body, 400, headers=_UNCACHED)
