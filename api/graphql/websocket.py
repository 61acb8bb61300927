"""GraphQL over WebSocket: the graphql-transport-ws protocol."""

import asyncio
import contextlib
import itertools
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError
from starlette.websockets import WebSocket, WebSocketDisconnect

from api import metrics
from api.access import Access, origin_allowed
from api.graphql import closes
from api.graphql.answers import encoded
from api.graphql.closes import Close
from api.graphql.documents import is_subscription
from api.graphql.engine import Prepared
from api.graphql.execution import Execution, failure
from api.graphql.failures import RequestError, as_error
from api.graphql.messages import Message, Payload, message_in
from api.graphql.occupancy import Full, Occupancy
from api.graphql.pace import Pace
from api.graphql.pushing import Nexts
from api.graphql.requests import BadRequest, operation_of
from api.graphql.vigil import Ending, Vigil
from api.socket_protocol import FAREWELL
from schema.errors import ErrorCode, coded
from tenants.identity import NotAuthenticated, Principal

PROTOCOL = "graphql-transport-ws"
_CLOSES = {
    Ending.EXPIRED: closes.EXPIRED,
    Ending.REVOKED: closes.FORBIDDEN,
    Ending.DRAINING: closes.GOING_AWAY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """Times in seconds. `drain` is for answers under way when the server stops."""

    init_timeout: float
    keep_alive: float
    send_timeout: float
    drain: float
    operations: int
    messages_a_second: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketEndpoint:
    """`/graphql` for WebSockets."""

    execution: Execution
    access: Access
    limits: SocketLimits
    occupancy: Occupancy
    vigil: Vigil
    allowed_origins: frozenset[str]

    async def __call__(self, socket: WebSocket) -> None:
        chosen = PROTOCOL if PROTOCOL in socket.scope.get("subprotocols", ()) else None
        await socket.accept(chosen)
        connection = _Connection(self, socket)
        with metrics.SOCKETS.track_inprogress():
            try:
                self._check(socket)
                await connection.serve()
            except Close as close:
                await _close(socket, close)
            except WebSocketDisconnect:
                pass
            except Exception as error:  # noqa: BLE001 - nobody is dropped without a word
                await _close(socket, _apology(error, socket.state.request_id))
            finally:
                await connection.end()

    def _check(self, socket: WebSocket) -> None:
        """Asked after the handshake, since only a close code tells a client why: a refused
        handshake reads as 1006, which clients retry for ever."""
        if not origin_allowed(socket, self.allowed_origins):
            raise Close(*closes.FORBIDDEN)
        if PROTOCOL not in socket.scope.get("subprotocols", ()):
            raise Close(*closes.BAD_PROTOCOL)


class _Connection:
    """One socket: its principal once it is initialised, and its operations by id.

    An operation that is in `_running` no more sends nothing more; its task is one of `_tasks` until
    it has given back what it holds.
    """

    def __init__(self, endpoint: WebSocketEndpoint, socket: WebSocket) -> None:
        self._endpoint = endpoint
        self._limits = endpoint.limits
        self._socket = socket
        self._principal: Principal | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[Any]] = set()  # of queries and mutations
        self._numbers = itertools.count(1)
        self._sending = asyncio.Lock()
        self._closing: asyncio.Future[Close] = asyncio.get_running_loop().create_future()
        self._held = contextlib.ExitStack()

    async def serve(self) -> None:
        """Until the client leaves, or `Close`."""
        loop = asyncio.get_running_loop()
        late = Close(*closes.NOT_INITIALISED)
        self._patience = loop.call_later(self._limits.init_timeout, self._close, late)
        self._held.callback(self._patience.cancel)
        self._held.callback(self._endpoint.vigil.watch(None, self._ended))
        reading = asyncio.create_task(self._read())
        try:
            await self._ping_until({reading, self._closing})
            if not self._closing.done():
                return reading.result()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if self._closing.result().code == closes.GOING_AWAY[0]:
            await self._last_answers()
        raise self._closing.result()

    async def end(self) -> None:
        """Stop what is still running, and wait until it has given back what it holds."""
        self._running.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._held.close()

    async def _ping_until(self, ends: set[asyncio.Future[Any]]) -> None:
        while not any(end.done() for end in ends):
            every = self._limits.keep_alive
            await asyncio.wait(ends, timeout=every, return_when=asyncio.FIRST_COMPLETED)
            if self._principal is not None and not any(end.done() for end in ends):
                await self._send({"type": "ping"})

    async def _last_answers(self) -> None:
        """A client that lost the answer to its mutation would send it again."""
        if self._answering:
            await asyncio.wait(self._answering, timeout=self._limits.drain)

    async def _read(self) -> None:
        pace = Pace(self._limits.messages_a_second)
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(received.get("code") or 1005)
            await self._take(message_in(received))
            await pace.step()

    async def _take(self, message: Message) -> None:
        match message.kind:
            case "connection_init":
                await self._initialise(message.payload or {})
            case "ping":
                given = {} if message.payload is None else {"payload": message.payload}
                await self._send({"type": "pong", **given})
            case "subscribe":
                await self._subscribe(message.id, message.payload or {})
            case "complete":
                task = self._running.pop(message.id, None)
                if task is not None:
                    task.cancel()

    async def _initialise(self, payload: Payload) -> None:
        if self._principal is not None:
            raise Close(*closes.TOO_MANY_INITS)
        self._patience.cancel()
        given = {name.lower(): value for name, value in payload.items()}.get("authorization")
        authorization = given if isinstance(given, str) else None
        try:
            principal = await self._endpoint.access.principal(
                authorization or self._socket.headers.get("authorization")
            )
            self._held.enter_context(self._endpoint.occupancy.socket(principal.workspace_id))
        except NotAuthenticated:
            raise Close(*closes.FORBIDDEN) from None
        except Full:
            raise Close(*closes.TOO_MANY_SOCKETS) from None
        self._held.callback(self._endpoint.vigil.watch(principal, self._ended))
        self._principal = principal
        await self._send({"type": "connection_ack"})

    async def _subscribe(self, id: str, payload: Payload) -> None:
        if self._principal is None:
            raise Close(*closes.UNAUTHORIZED)
        if id in self._running:
            raise closes.id_in_use(id)
        most, request_id = self._limits.operations, self._request_id()
        if len(self._running) >= most:
            message = f"{most:,} operations run on this socket, and that is the limit."
            refusal = failure([coded(ErrorCode.LIMIT_EXCEEDED, message)], request_id)
            await self._send({"type": "error", "id": id, "payload": refusal["errors"]})
            return
        while len(self._tasks) >= most:  # what was completed gives back what it holds first
            ending = self._tasks.difference(self._running.values())
            await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(self._run(id, payload, self._principal, request_id))
        self._running[id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, id: str, payload: Payload, principal: Principal, request_id: str) -> None:
        try:
            errors = await self._answered(id, payload, principal, request_id)
            if any(e["extensions"]["code"] == ErrorCode.UNAUTHENTICATED for e in errors):
                self._close(Close(*closes.FORBIDDEN))
        except Close as close:
            self._close(close)
        except WebSocketDisconnect:
            pass  # whoever reads the socket notices
        finally:
            if self._running.get(id) is asyncio.current_task():
                del self._running[id]

    async def _answered(
        self, id: str, payload: Payload, principal: Principal, request_id: str
    ) -> list[Any]:
        """Send all that comes of an operation; the errors that ended it, if any did."""
        try:
            with self._endpoint.occupancy.subscription(principal.workspace_id):
                prepared = await self._endpoint.execution.prepare(operation_of(payload), principal)
                if is_subscription(prepared.definition):
                    await self._stream(id, prepared, principal, request_id)
                    return []
                return await self._result(id, prepared, principal, request_id)
        except (Close, WebSocketDisconnect):
            raise
        except Exception as error:  # noqa: BLE001 - a client must not wait for an answer for ever
            return await self._refuse(id, _errors(error), request_id)

    async def _stream(
        self, id: str, prepared: Prepared, principal: Principal, request_id: str
    ) -> None:
        task = asyncio.current_task()
        nexts = Nexts(id, self._socket, lambda: self._running.get(id) is task)
        source = self._endpoint.execution.subscribe(
            prepared, principal, request_id=request_id, push=nexts.push
        )
        async with aclosing(source) as answers:
            async for told in answers:
                await self._tell(id, nexts.text(told))
        await self._tell(id, {"type": "complete", "id": id}, last=True)

    async def _result(
        self, id: str, prepared: Prepared, principal: Principal, request_id: str
    ) -> list[Any]:
        self._answering.add(task := self._running[id])
        task.add_done_callback(self._answering.discard)
        answer = await self._endpoint.execution.run(prepared, principal, request_id=request_id)
        errors: list[Any] = answer.get("errors", [])
        if "data" not in answer:  # nothing was run
            await self._tell(id, {"type": "error", "id": id, "payload": errors}, last=True)
        else:
            await self._tell(id, {"type": "next", "id": id, "payload": answer})
            await self._tell(id, {"type": "complete", "id": id}, last=True)
        return errors

    async def _refuse(self, id: str, errors: list[GraphQLError], request_id: str) -> list[Any]:
        told: list[Any] = failure(errors, request_id)["errors"]
        await self._tell(id, {"type": "error", "id": id, "payload": told}, last=True)
        return told

    async def _tell(self, id: str, message: dict[str, Any] | str, *, last: bool = False) -> None:
        """Send what belongs to an operation, unless the client has completed it meanwhile.

        Its id is free with the last message: a client may use it again as soon as it reads that.
        """
        text = message if isinstance(message, str) else encoded(message).decode()
        await self._in_turn(text, id, last=last)

    async def _send(self, message: dict[str, Any]) -> None:
        await self._in_turn(encoded(message).decode())

    async def _in_turn(self, text: str, id: str | None = None, *, last: bool = False) -> None:
        """One after the other; a client that does not read is given up, and eats no memory."""
        try:
            async with asyncio.timeout(self._limits.send_timeout), self._sending:
                if id is None or self._running.get(id) is asyncio.current_task():
                    await self._socket.send_text(text)
                    if id is not None and last:
                        del self._running[id]
        except TimeoutError:
            raise Close(*closes.TOO_SLOW) from None
        except RuntimeError:  # Starlette's, of a socket that is closed already
            raise WebSocketDisconnect(1006) from None

    def _request_id(self) -> str:
        return f"{self._socket.state.request_id}-{next(self._numbers)}"

    def _ended(self, why: Ending) -> None:
        self._close(Close(*_CLOSES[why]))

    def _close(self, close: Close) -> None:
        if not self._closing.done():
            self._closing.set_result(close)


def _errors(error: Exception) -> list[GraphQLError]:
    if isinstance(error, RequestError):
        return error.errors
    if isinstance(error, BadRequest):
        return [coded(ErrorCode.BAD_REQUEST, str(error))]
    return [as_error(error)]


def _apology(error: Exception, request_id: str) -> Close:
    """What a client is told of an error that no operation made: come again, if that may help."""
    (told,) = failure([as_error(error)], request_id)["errors"]
    return Close(*(closes.NOT_NOW if told["extensions"].get("retryable") else closes.BUG))


async def _close(socket: WebSocket, close: Close) -> None:
    with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect, OSError):
        async with asyncio.timeout(FAREWELL):
            await socket.close(close.code, close.reason)
