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
from api.graphql.documents import is_subscription
from api.graphql.execution import Execution, RequestError, failure
from api.graphql.requests import BadRequest, operation_of
from schema.errors import ErrorCode, coded
from tenants.identity import NotAuthenticated, Principal

log = structlog.get_logger()

PROTOCOL = "graphql-transport-ws"


class Close(Exception):  # noqa: N818 - raised to end a connection
    """A close code of the protocol, and what it means here."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


BAD_PROTOCOL = Close(4406, "Subprotocol not acceptable")
FORBIDDEN = Close(4403, "Forbidden")
EXPIRED = Close(4403, "The credential has expired")
NOT_INITIALISED = Close(4408, "Connection initialisation timeout")
UNAUTHORIZED = Close(4401, "Unauthorized")
TOO_MANY_INITS = Close(4429, "Too many initialisation requests")
TOO_SLOW = Close(4410, "Slow consumer")
GOING_AWAY = Close(1012, "Service restart")


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
        if not origin_allowed(socket, self.allowed_origins):
            await socket.close(1008, "This origin may not use us")
            return
        chosen = PROTOCOL if PROTOCOL in socket.scope.get("subprotocols", ()) else None
        await socket.accept(chosen)
        metrics.SOCKETS.inc()
        connection = _Connection(self, socket)
        try:
            if chosen is None:
                raise BAD_PROTOCOL  # noqa: TRY301
            await connection.serve()
        except Close as close:
            await _close(socket, close, self.limits.send_timeout)
        except WebSocketDisconnect:
            pass
        finally:
            await connection.end()
            metrics.SOCKETS.dec()


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
        watching = asyncio.create_task(self._watch())
        reading = asyncio.create_task(self._read())
        try:
            await asyncio.wait(
                {watching, reading, self._closing}, return_when=asyncio.FIRST_COMPLETED
            )
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
                raise GOING_AWAY
            principal = self._principal
            if principal is None:
                if loop.time() - opened > limits.init_timeout:
                    raise NOT_INITIALISED
                continue
            if principal.expires_at is not None and principal.expires_at <= datetime.now(UTC):
                raise EXPIRED
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
            raise TOO_MANY_INITS
        payload = message.get("payload") or {}
        given = {str(k).lower(): v for k, v in payload.items()}.get("authorization")
        authorization = given if isinstance(given, str) else None
        try:
            self._principal = await self._endpoint.access.principal(
                authorization or self._socket.headers.get("authorization")
            )
        except NotAuthenticated:
            raise FORBIDDEN from None
        await self._send({"type": "connection_ack"})

    def _subscribe(self, message: dict[str, Any]) -> None:
        if self._principal is None:
            raise UNAUTHORIZED
        id, payload = message.get("id"), message.get("payload")
        if not isinstance(id, str) or not id or not isinstance(payload, dict):
            raise Close(4400, "A subscribe message has an id and a payload")
        if id in self._running:
            raise Close(4409, f"Subscriber for {id[:60]} already exists")
        if len(self._running) >= self._endpoint.limits.subscriptions:
            raise Close(4429, "Too many subscriptions on this connection")
        self._running[id] = asyncio.create_task(self._run(id, payload, self._principal))

    def _complete(self, message: dict[str, Any]) -> None:
        id = message.get("id")
        if not isinstance(id, str):
            raise Close(4400, "A complete message has an id")
        task = self._running.pop(id, None)
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
                self._close(FORBIDDEN)
        except Close as close:
            self._close(close)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the socket is gone; whoever reads it notices
        finally:
            if self._running.get(id) is asyncio.current_task():
                del self._running[id]

    async def _answer(
        self, id: str, payload: dict[str, Any], principal: Principal, request_id: str
    ) -> None:
        execution = self._endpoint.execution
        try:
            prepared = execution.prepare(operation_of(payload))
        except BadRequest as error:
            raise RequestError([coded(ErrorCode.BAD_REQUEST, str(error))]) from None
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
        text = orjson.dumps(message).decode()
        try:
            async with asyncio.timeout(self._endpoint.limits.send_timeout), self._sending:
                await self._socket.send_text(text)
        except TimeoutError:
            raise TOO_SLOW from None

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
