"""The application: builds everything from the settings, decides nothing."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access import Access
from api.graphql.documents import Documents
from api.graphql.execution import Execution
from api.graphql.http import HttpEndpoint
from api.graphql.websocket import SocketLimits, WebSocketEndpoint
from api.health import Health
from api.metrics import Metrics
from api.playground import playground_routes
from api.settings import CHECKOUT, Settings
from api.sign_in import SignIn
from schema.context import Context, Platform
from schema.root import SCHEMA
from tenants.api_keys import ApiKeys
from tenants.database import WorkspaceDatabase
from tenants.feed import Feeds
from tenants.identity import Principal
from tenants.pool import Pool, PoolLimits, check_role, open_pool
from tenants.relay import WAKE_CHANNEL
from tenants.sessions import Sessions
from tenants.tokens import AccessTokens, SigningKeys, TokenRules

log = structlog.get_logger()


@dataclass
class Parts:
    """What a running process holds; tests and commands open the same parts."""

    settings: Settings
    pool: Pool
    redis: Redis
    tokens: AccessTokens
    sessions: Sessions
    feeds: Feeds
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    _waking: set[asyncio.Task[Any]] = field(default_factory=set)

    def open_database(self, principal: Principal, request_id: str = "") -> WorkspaceDatabase:
        return WorkspaceDatabase(
            self.pool, principal, request_id=request_id, announce=self.wake_relay
        )

    def wake_relay(self) -> None:
        """Tell the relay that there is something; if nobody hears it, it polls."""
        task = asyncio.get_running_loop().create_task(self._wake())
        self._waking.add(task)
        task.add_done_callback(self._waking.discard)

    async def _wake(self) -> None:
        with contextlib.suppress(RedisError, OSError):
            await self.redis.publish(WAKE_CHANNEL, "")


def pool_limits(settings: Settings) -> PoolLimits:
    return PoolLimits(
        size=settings.pool_size,
        acquire_timeout=settings.acquire_timeout,
        statement_timeout=settings.statement_timeout,
        lock_timeout=settings.lock_timeout,
    )


def signing_keys(settings: Settings) -> SigningKeys:
    return SigningKeys.open(settings.signing_keys or settings.state / "signing-keys.json")


@contextlib.asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Connections and keys of one process, closed again however it ends."""
    if settings.app_database_url is None or settings.redis_url is None:
        raise SystemExit("APP_DATABASE_URL and REDIS_URL are needed; `make run` starts its own.")
    pool = await open_pool(
        settings.app_database_url.get_secret_value(), limits=pool_limits(settings)
    )
    redis = Redis.from_url(settings.redis_url.get_secret_value(), socket_connect_timeout=3)
    try:
        await check_role(pool)
        rules = TokenRules(
            issuer=settings.token_issuer,
            audience=settings.token_audience,
            lifetime=timedelta(minutes=settings.access_token_minutes),
        )
        tokens = AccessTokens(signing_keys(settings), rules)
        lifetime = timedelta(days=settings.refresh_token_days)
        sessions = Sessions(pool, tokens, refresh_lifetime=lifetime)
        yield Parts(settings, pool, redis, tokens, sessions, Feeds(pool, redis))
    finally:
        await redis.aclose()
        try:
            async with asyncio.timeout(3):
                await pool.close()
        except TimeoutError:
            pool.terminate()


def build_application(parts: Parts) -> ASGIApp:
    """The ASGI application over parts that are already open."""
    settings = parts.settings
    access = Access(parts.tokens, ApiKeys(parts.pool))
    execution = build_execution(parts)
    origins = frozenset(settings.allowed_origins)
    http = HttpEndpoint(
        execution=execution,
        access=access,
        max_body_bytes=settings.max_body_bytes,
        keep_alive=settings.keep_alive,
        allowed_origins=origins,
        draining=parts.draining.is_set,
    )
    websocket = WebSocketEndpoint(
        execution=execution,
        access=access,
        limits=SocketLimits(
            init_timeout=settings.connection_init_timeout,
            keep_alive=settings.keep_alive,
            send_timeout=settings.send_timeout,
            subscriptions=settings.max_subscriptions_per_socket,
            frame=settings.max_frame_bytes,
        ),
        allowed_origins=origins,
        draining=parts.draining.is_set,
    )
    routes: list[BaseRoute] = [
        Route("/graphql", _Endpoint(http)),
        WebSocketRoute("/graphql", websocket.__call__),
        *Metrics(pool=parts.pool).routes(),
        *Health(pool=parts.pool, redis=parts.redis, draining=parts.draining.is_set).routes(),
        *SignIn(pool=parts.pool, sessions=parts.sessions, keys=parts.tokens.keys).routes(),
        *playground_routes(
            dist=CHECKOUT / "web" / "dist",
            enabled=settings.graphiql,
            demo_file=settings.state / "demo.json",
        ),
    ]
    return _RequestIds(Starlette(routes=routes, lifespan=_lifespan(parts)))


def build_execution(parts: Parts) -> Execution:
    """What every transport runs operations with."""
    settings = parts.settings
    platform = Platform(
        feeds=parts.feeds,
        open_database=parts.open_database,
        invitation_lifetime=timedelta(days=settings.invitation_days),
        subscriber_queue=settings.subscriber_queue,
    )

    def open_context(principal: Principal, request_id: str) -> Context:
        return Context(principal=principal, platform=platform, request_id=request_id)

    schema = SCHEMA._schema  # noqa: SLF001 - Strawberry offers graphql-core's schema no other way
    documents = Documents(
        schema,
        max_characters=settings.max_query_characters,
        max_tokens=settings.max_query_tokens,
        introspection=settings.introspection,
    )
    return Execution(
        schema=schema,
        documents=documents,
        open_context=open_context,
        timeout=settings.operation_timeout,
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
        response: Response = await self._http(request)
        await response(scope, receive, send)


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
