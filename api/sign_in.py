"""Tokens over HTTP, in the words of OAuth 2.0 (RFC 6749, RFC 7009): sign in, refresh, sign out.

`POST /auth/token` with `grant_type=password` (`username`, `password`, optional `workspace` slug) or
`grant_type=refresh_token`; `POST /auth/revoke` with `token`; `POST /auth/accept-invitation`;
`GET /.well-known/jwks.json` for the public keys. Who tries too often is told 429 and when to come
back (api/attempts.py).
"""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from api.attempts import Attempts, Proof, TooManyAttempts, address_of
from tenants.database import DatabaseUnavailable
from tenants.identity import NotAuthenticated
from tenants.invitations import accept_invitation
from tenants.passwords import MIN_PASSWORD, PasswordsBusy
from tenants.pool import Pool
from tenants.sessions import Sessions, SignedIn
from tenants.tokens import SigningKeys
from tenants.workspaces import MembershipRefused

_MAX_BODY = 16 * 1024
_UNCACHED = {"cache-control": "no-store"}

Given = dict[str, str]
Endpoint = Callable[[Request], Awaitable[Response]]
Answering = Callable[[Given, str], Awaitable[Response]]  # the fields, and the client's address


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    pool: Pool
    sessions: Sessions
    keys: SigningKeys
    attempts: Attempts

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/auth/token", _asked(self.token), methods=["POST"]),
            Route("/auth/revoke", _asked(self.revoke), methods=["POST"]),
            Route("/auth/accept-invitation", _asked(self.accept), methods=["POST"]),
            Route("/.well-known/jwks.json", self.published, methods=["GET"]),
        ]

    async def token(self, given: Given, address: str) -> Response:
        kind = given.get("grant_type")
        try:
            if kind == "password":
                signed_in = await self._signed_in(given, address)
            elif kind == "refresh_token":
                signed_in = await self._refreshed(given, address)
            else:
                return _refused("unsupported_grant_type", "Use password or refresh_token.")
        except NotAuthenticated as error:
            return _refused("invalid_grant", str(error))
        return JSONResponse(_told(signed_in), headers=_UNCACHED)

    async def _signed_in(self, given: Given, address: str) -> SignedIn:
        email = given.get("username", "")
        async with self.attempts.counted(Proof.PASSWORD, address=address, subject=email):
            return await self.sessions.sign_in(
                email=email,
                password=given.get("password", ""),
                workspace=given.get("workspace"),
                at=datetime.now(UTC),
            )

    async def _refreshed(self, given: Given, address: str) -> SignedIn:
        token = given.get("refresh_token", "")
        async with self.attempts.counted(Proof.REFRESH_TOKEN, address=address, subject=token):
            return await self.sessions.refresh(token, at=datetime.now(UTC))

    async def revoke(self, given: Given, _address: str) -> Response:
        await self.sessions.end(given.get("token", ""), at=datetime.now(UTC))
        return Response(status_code=200, headers=_UNCACHED)

    async def accept(self, given: Given, address: str) -> Response:
        token, password = given.get("token", ""), given.get("password", "")
        if len(password) < MIN_PASSWORD or not given.get("name"):
            message = f"A name and a password of {MIN_PASSWORD} characters or more are needed."
            return _refused("invalid_request", message)
        try:
            async with self.attempts.counted(Proof.INVITATION, address=address, subject=token):
                await accept_invitation(
                    self.pool, token, name=given["name"], password=password, at=datetime.now(UTC)
                )
        except MembershipRefused as error:
            return _refused("invalid_grant", str(error))
        return JSONResponse({"accepted": True}, headers=_UNCACHED)

    async def published(self, _request: Request) -> Response:
        return JSONResponse(self.keys.published(), headers={"cache-control": "max-age=300"})


def _asked(answer: Answering) -> Endpoint:
    """An endpoint that is handed the fields of the request, and refuses what has none."""

    async def endpoint(request: Request) -> Response:
        try:
            return await answer(await _given(request), address_of(request))
        except _Unreadable as error:
            return _refused("invalid_request", str(error), error.status)
        except TooManyAttempts as error:
            return _later("slow_down", str(error), 429, wait=error.wait)
        except PasswordsBusy as error:
            return _later("temporarily_unavailable", str(error), 503, wait=1)
        except DatabaseUnavailable as error:
            return _refused("temporarily_unavailable", str(error), 503)

    return endpoint


class _Unreadable(ValueError):
    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def _given(request: Request) -> Given:
    """The text fields of a form or JSON body; fields that are no text count as absent."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {"application/json", "application/x-www-form-urlencoded"}:
        raise _Unreadable("Send a form (application/x-www-form-urlencoded) or JSON.", 415)
    body = await _body(request)
    try:
        data: Any = orjson.loads(body) if kind == "application/json" else dict(_form(body))
    except ValueError:  # no JSON, no UTF-8, too many fields
        raise _Unreadable("The body cannot be read as what its Content-Type says.") from None
    if not isinstance(data, dict):
        raise _Unreadable("The body has to be a JSON object.")
    given = {name: value for name, value in data.items() if isinstance(value, str)}
    if any("\x00" in value for value in given.values()):
        raise _Unreadable("A field holds a NUL character.")
    return given


def _form(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode(), errors="strict", max_num_fields=20)


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > _MAX_BODY:
                raise _Unreadable(f"The body is larger than {_MAX_BODY:,} bytes.", 413)
            parts.append(part)
    except ClientDisconnect:
        raise _Unreadable("The client left before the request was complete.") from None
    return b"".join(parts)


def _told(signed_in: SignedIn) -> dict[str, Any]:
    return {
        "access_token": signed_in.access_token,
        "token_type": "Bearer",
        "expires_in": signed_in.expires_in,
        "refresh_token": signed_in.refresh_token,
        "workspace_id": str(signed_in.workspace_id),
    }


def _refused(code: str, message: str, status: int = 400) -> Response:
    body = {"error": code, "error_description": message}
    return JSONResponse(body, status, headers=_UNCACHED)


def _later(code: str, message: str, status: int, *, wait: float) -> Response:
    response = _refused(code, message, status)
    response.headers["retry-after"] = str(math.ceil(wait))
    return response
