"""The application: builds everything from the settings, decides nothing."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

import strawberry
from limits import RateLimitItemPerMinute
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access import Access
from api.attempts import Attempts
from api.downloads import downloads
from api.graphql.execution import Execution
from api.graphql.form import FormLimits
from api.graphql.http import HttpEndpoint
from api.graphql.multipart import FORCE_PREFLIGHT, UploadLimits, Uploads, discard_files
from api.graphql.occupancy import Occupancy
from api.graphql.set_up import build_execution
from api.graphql.sse import EventStreams
from api.graphql.vigil import Vigil, still_good
from api.graphql.websocket import SocketLimits, WebSocketEndpoint
from api.health import Health
from api.metrics import Metrics
from api.parts import Parts
from api.playground import playground_routes
from api.settings import CHECKOUT, Settings
from api.sign_in import SignIn
from api.socket_protocol import FAREWELL
from schema.root import SCHEMA
from tenants.api_keys import ApiKeys


def build_application(parts: Parts, schema: strawberry.Schema = SCHEMA) -> ASGIApp:
    """The ASGI application over parts that are already open."""
    settings = parts.settings
    access = Access(parts.tokens, ApiKeys(parts.pool))
    execution = build_execution(parts, schema)
    occupancy = Occupancy(
        sockets=settings.max_sockets_per_workspace,
        subscriptions=settings.max_subscriptions_per_workspace,
    )
    good = still_good(parts.open_database)
    vigil = Vigil(draining=parts.draining, good=good, every=settings.recheck_rights)
    streams = EventStreams(
        execution=execution, occupancy=occupancy, vigil=vigil, keep_alive=settings.keep_alive
    )
    http = _Endpoint(_http(parts, execution, access, streams))
    websocket = _websocket(parts, execution, access, occupancy, vigil)
    routes: list[BaseRoute] = [
        Route("/graphql", http),
        WebSocketRoute("/graphql", websocket.__call__),
        *Metrics(pool=parts.pool).routes(),
        *Health(pool=parts.pool, redis=parts.redis, draining=parts.draining.is_set).routes(),
        *build_sign_in(parts).routes(),
        *downloads(parts).routes(),
        *playground_routes(
            dist=CHECKOUT / "web" / "dist",
            enabled=settings.graphiql,
            demo_file=settings.state / "demo.json",
        ),
    ]
    application: ASGIApp = _Straight(http, Starlette(routes=routes, lifespan=_lifespan(parts)))
    if settings.allowed_origins:
        application = CORSMiddleware(
            application,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", *FORCE_PREFLIGHT],
            expose_headers=["retry-after", "x-request-id"],
        )
    return _RequestIds(application)


def _http(
    parts: Parts, execution: Execution, access: Access, streams: EventStreams
) -> HttpEndpoint:
    settings = parts.settings
    return HttpEndpoint(
        execution=execution,
        access=access,
        uploads=Uploads(_upload_limits(settings)),
        max_body_bytes=settings.max_body_bytes,
        max_batch=settings.max_batch,
        get_queries=settings.get_queries,
        streams=streams,
        allowed_origins=frozenset(settings.allowed_origins),
    )


def _upload_limits(settings: Settings) -> UploadLimits:
    form = FormLimits(
        files=settings.max_upload_files,
        file_bytes=settings.max_upload_file_bytes,
        text_bytes=settings.max_body_bytes,
    )
    return UploadLimits(form=form, body_bytes=settings.max_upload_bytes)


def _websocket(
    parts: Parts, execution: Execution, access: Access, occupancy: Occupancy, vigil: Vigil
) -> WebSocketEndpoint:
    settings = parts.settings
    return WebSocketEndpoint(
        execution=execution,
        access=access,
        limits=SocketLimits(
            init_timeout=settings.connection_init_timeout,
            keep_alive=settings.keep_alive,
            send_timeout=settings.send_timeout,
            drain=max(0.5, settings.drain_seconds - 2 * FAREWELL),
            operations=settings.max_subscriptions_per_socket,
            messages_a_second=settings.max_messages_per_second,
        ),
        occupancy=occupancy,
        vigil=vigil,
        allowed_origins=frozenset(settings.allowed_origins),
    )


def build_sign_in(parts: Parts) -> SignIn:
    settings = parts.settings
    attempts = Attempts(
        limits=parts.rate_limits,
        failures=RateLimitItemPerMinute(settings.sign_in_attempts_per_minute),
        attempts=RateLimitItemPerMinute(settings.sign_in_attempts_per_address),
    )
    return SignIn(
        pool=parts.pool, sessions=parts.sessions, keys=parts.tokens.keys, attempts=attempts
    )


def _lifespan(parts: Parts) -> Any:
    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        parts.feeds.start()
        try:
            yield
        finally:
            await parts.feeds.stop()

    return lifespan


class _Endpoint:
    """Starlette treats an object that takes (scope, receive, send) as a route for all methods."""

    def __init__(self, http: HttpEndpoint) -> None:
        self._http = http

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response: Response = await self._http(request)
            await response(scope, receive, send)
        finally:
            discard_files(request)


class _Straight:
    """Operations over HTTP go to their endpoint without Starlette's layers, which are a tenth of
    what a small one costs; all else, and all below a prefix, goes through them."""

    def __init__(self, endpoint: ASGIApp, app: ASGIApp) -> None:
        self._endpoint = endpoint
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        straight = scope["type"] == "http" and scope["path"] == "/graphql"
        await (self._endpoint if straight else self._app)(scope, receive, send)


class _RequestIds:
    """Gives every request an id, which the client sees in the answer and in errors."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        await self._app(scope, receive, send_with_id)
