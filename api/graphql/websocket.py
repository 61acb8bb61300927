"""GraphQL over WebSocket: the graphql-transport-ws protocol, with its close codes."""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from api import metrics
from api.access import Access, origin_allowed
from api.graphql.answers import encoded
from api.graphql.documents import is_subscription
from api.graphql.execution import Execution, failure
from api.graphql.failures import RequestError, as_error
from api.graphql.requests import BadRequest, operation_of
from schema.errors import ErrorCode, coded
from tenants.identity import NotAuthenticated, Principal

log = structlog.get_logger()

PROTOCOL = "graphql-transport-ws"


class Close(Exception):
    """A close code of the protocol, and what it means here."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


# A new exception each time: one that is raised again keeps every frame it ever passed.
BAD_PROTOCOL = (4406, "Subprotocol not acceptable")
FORBIDDEN = (4403, "Forbidden")
EXPIRED = (4403, "The credential has expired")
NOT_INITIALISED = (4408, "Connection initialisation timeout")
UNAUTHORIZED = (4401, "Unauthorized")
TOO_MANY_INITS = (4429, "Too many initialisation requests")
TOO_SLOW = (4410, "Slow consumer")
GOING_AWAY = (1012, "Service restart")


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """Times in seconds, `frame` in bytes."""

    init_timeout: float
    keep_alive: float
    send_timeout: float
    subscriptions: int
    frame: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketEndpoint:
    """`/graphql` for WebSockets."""

    execution: Execution
    access: Access
    limits: SocketLimits
    allowed_origins: frozenset[str]
    draining: Callable[[], bool]

    async def __call__(self, socket: WebSocket) -> None:
        chosen = PROTOCOL if PROTOCOL in socket.scope.get("subprotocols", ()) else None
        await socket.accept(chosen)
        metrics.SOCKETS.inc()
        connection = _Connection(self, socket)
        try:
            self._check(socket)
            await connection.serve()
        except Close as close:
            await _close(socket, close, self.limits.send_timeout)
        except WebSocketDisconnect:
            pass
        finally:
            await connection.end()
            metrics.SOCKETS.dec()

    def _check(self, socket: WebSocket) -> None:
        """Asked after the handshake, since only a close code tells a client why: a refused
        handshake reads as 1006, which clients retry for ever."""
        if not origin_allowed(socket, self.allowed_origins):
            raise Close(*FORBIDDEN)
        if PROTOCOL not in socket.scope.get("subprotocols", ()):
            raise Close(*BAD_PROTOCOL)


class _Connection:
    """One socket: its principal once it is initialised, and its running operations by id."""

    def __init__(self, endpoint: WebSocketEndpoint, socket: WebSocket) -> None:
        self._endpoint = endpoint
        self._socket = socket
        self._principal: Principal | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._sending = asyncio.Lock()
        self._closing: asyncio.Future[Close] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        watching: asyncio.Future[None] = asyncio.create_task(self._watch())
        reading: asyncio.Future[None] = asyncio.create_task(self._read())
        ends: set[asyncio.Future[Any]] = {watching, reading, self._closing}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._closing.done():
                raise self._closing.result()
            for task in (reading, watching):
                if task.done():
                    task.result()
        finally:
            for task in (watching, reading):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    async def end(self) -> None:
        """Stop what is still running, and wait until it has given back what it holds."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _watch(self) -> None:
        """Close what was not initialised in time, has expired, or must make room for a restart."""
        limits = self._endpoint.limits
        loop = asyncio.get_running_loop()
        opened = last_ping = loop.time()
        while True:
            await asyncio.sleep(0.25)
            if self._endpoint.draining():
                raise Close(*GOING_AWAY)
            principal = self._principal
            if principal is None:
                if loop.time() - opened > limits.init_timeout:
                    raise Close(*NOT_INITIALISED)
                continue
            if principal.expires_at is not None and principal.expires_at <= datetime.now(UTC):
                raise Close(*EXPIRED)
            if loop.time() - last_ping >= limits.keep_alive:
                last_ping = loop.time()
                await self._send({"type": "ping"})

    async def _read(self) -> None:
        while True:
            message = await self._message()
            kind = message.get("type")
            if kind == "connection_init":
                await self._initialise(message)
            elif kind == "ping":
                _check_payload(message)
                await self._send({"type": "pong"})
            elif kind == "pong":
                _check_payload(message)
            elif kind == "subscribe":
                self._subscribe(message)
            elif kind == "complete":
                self._complete(message)
            else:
                raise Close(4400, "Unknown message type")

    async def _message(self) -> dict[str, Any]:
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code") or 1005)
        text = received.get("text")
        if text is None or len(text) > self._endpoint.limits.frame:
            raise Close(4400, "A message is a JSON object in a text frame of bounded size")
        try:
            message = orjson.loads(text)
        except (orjson.JSONDecodeError, RecursionError):
            raise Close(4400, "A message is a JSON object") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise Close(4400, "A message is a JSON object with a type")
        return message

    async def _initialise(self, message: dict[str, Any]) -> None:
        _check_payload(message)
        if self._principal is not None:
            raise Close(*TOO_MANY_INITS)
        payload = message.get("payload") or {}
        given = {str(k).lower(): v for k, v in payload.items()}.get("authorization")
        authorization = given if isinstance(given, str) else None
        try:
            self._principal = await self._endpoint.access.principal(
                authorization or self._socket.headers.get("authorization")
            )
        except NotAuthenticated:
            raise Close(*FORBIDDEN) from None
        await self._send({"type": "connection_ack"})

    def _subscribe(self, message: dict[str, Any]) -> None:
        if self._principal is None:
            raise Close(*UNAUTHORIZED)
        operation_id, payload = message.get("id"), message.get("payload")
        if not isinstance(operation_id, str) or not operation_id or not isinstance(payload, dict):
            raise Close(4400, "A subscribe message has an id and a payload")
        if operation_id in self._running:
            raise Close(4409, f"Subscriber for {operation_id[:30]} already exists")
        if len(self._running) >= self._endpoint.limits.subscriptions:
            raise Close(4429, "Too many subscriptions on this connection")
        running = self._run(operation_id, payload, self._principal)
        self._running[operation_id] = asyncio.create_task(running)

    def _complete(self, message: dict[str, Any]) -> None:
        operation_id = message.get("id")
        if not isinstance(operation_id, str):
            raise Close(4400, "A complete message has an id")
        task = self._running.pop(operation_id, None)
        if task is not None:
            task.cancel()

    async def _run(self, id: str, payload: dict[str, Any], principal: Principal) -> None:
        request_id = f"{self._socket.state.request_id}-{id[:40]}"
        try:
            await self._answer(id, payload, principal, request_id)
        except RequestError as error:
            errors = failure(error.errors, request_id)["errors"]
            await self._finish(id, {"type": "error", "id": id, "payload": errors})
            if any(e["extensions"]["code"] == ErrorCode.UNAUTHENTICATED for e in errors):
                self._close(Close(*FORBIDDEN))
        except Close as close:
            self._close(close)
        except WebSocketDisconnect:
            pass  # whoever reads the socket notices
        except Exception as error:  # noqa: BLE001 - a client must not wait for an answer for ever
            errors = failure([as_error(error)], request_id)["errors"]
            with contextlib.suppress(Close, WebSocketDisconnect):
                await self._finish(id, {"type": "error", "id": id, "payload": errors})
        finally:
            if self._running.get(id) is asyncio.current_task():
                del self._running[id]

    async def _answer(
        self, id: str, payload: dict[str, Any], principal: Principal, request_id: str
    ) -> None:
        execution = self._endpoint.execution
        try:
            prepared = await execution.prepare(operation_of(payload), principal)
        except BadRequest as error:
            raise RequestError(coded(ErrorCode.BAD_REQUEST, str(error))) from None
        if is_subscription(prepared.definition):
            source = execution.subscribe(prepared, principal, request_id=request_id)
            async with aclosing(source) as answers:
                async for answer in answers:
                    await self._send({"type": "next", "id": id, "payload": answer})
        else:
            answer = await execution.run(prepared, principal, request_id=request_id)
            await self._send({"type": "next", "id": id, "payload": answer})
        await self._finish(id, {"type": "complete", "id": id})

    async def _finish(self, id: str, message: dict[str, Any]) -> None:
        """Free the id first: a client may use it again as soon as it reads this."""
        self._running.pop(id, None)
        await self._send(message)

    async def _send(self, message: dict[str, Any]) -> None:
        """Send, or give the connection up: a client that does not read must not eat memory."""
        text = encoded(message).decode()
        try:
            async with asyncio.timeout(self._endpoint.limits.send_timeout), self._sending:
                await self._socket.send_text(text)
        except TimeoutError:
            raise Close(*TOO_SLOW) from None
        except RuntimeError:  # Starlette's, of a socket that is closed already
            raise WebSocketDisconnect(1006) from None

    def _close(self, close: Close) -> None:
        if not self._closing.done():
            self._closing.set_result(close)


def _check_payload(message: dict[str, Any]) -> None:
    if not isinstance(message.get("payload"), (dict, type(None))):
        raise Close(4400, "A payload is a JSON object")


async def _close(socket: WebSocket, close: Close, timeout: float) -> None:
    with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect, OSError):
        async with asyncio.timeout(timeout):
            await socket.close(close.code, close.reason)
