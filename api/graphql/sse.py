"""Server-sent events, distinct connections mode of the GraphQL over SSE protocol.

Frames end with LF LF: urql's reader does not split CRLF CRLF. A stream that breaks off without
`complete` is taken up again by clients, which is what they shall do when the server restarts or the
credential has expired.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.graphql.answers import Answer, encoded
from api.graphql.documents import is_subscription
from api.graphql.engine import Prepared
from api.graphql.execution import Execution, failure
from api.graphql.failures import RequestError, as_error
from api.graphql.occupancy import Full, Occupancy
from api.graphql.sharing import Told
from api.graphql.vigil import Ending, Vigil
from schema.errors import ErrorCode, coded
from tenants.identity import Principal

_COMPLETE = b"event: complete\ndata:\n\n"  # without data, browsers would not tell of the event
_ALIVE = b":\n\n"


class EventStream(Response):
    """Sends frames until they end or the client leaves, and closes their source either way.

    Starlette's own streaming response leaves the source open when it is cut in mid-send. The stream
    takes `place` as long as it lasts; where there is none, the answer is 429.
    """

    media_type = "text/event-stream"

    def __init__(
        self, frames: AsyncGenerator[bytes, None], place: AbstractContextManager[None], id_: str
    ) -> None:
        self._frames = frames
        self._place = place
        self._request_id = id_
        self.status_code = 200
        self.background = None
        # A proxy that collects answers before it passes them on would hold events back.
        self.init_headers({"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._place:
                await self._stream(receive, send)
        except Full as full:
            await _too_many(full, self._request_id)(scope, receive, send)

    async def _stream(self, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_all(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        async with aclosing(self._frames) as frames:
            await send(start)
            async for frame in frames:
                await send({"type": "http.response.body", "body": frame, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStreams:
    """Answers as streams of events. `keep_alive` in seconds."""

    execution: Execution
    occupancy: Occupancy
    vigil: Vigil
    keep_alive: float

    def of(self, prepared: Prepared, principal: Principal, request_id: str) -> Response:
        """Whatever comes of an operation; status 429 where the workspace has too many streams."""
        if is_subscription(prepared.definition):
            frames = self._subscription(prepared, principal, request_id)
        else:
            frames = self._single(prepared, principal, request_id)
        return EventStream(frames, self.occupancy.subscription(principal.workspace_id), request_id)

    def refusing(self, refusal: Answer, request_id: str) -> Response:
        """Why an operation was not run: the protocol wants that told within a stream."""

        async def frames() -> AsyncGenerator[bytes, None]:
            yield _next(Told(refusal))
            yield _COMPLETE

        return EventStream(frames(), nullcontext(), request_id)

    async def _single(
        self, prepared: Prepared, principal: Principal, request_id: str
    ) -> AsyncGenerator[bytes, None]:
        """Soon over, and answered although the server stops or the credential expires meanwhile."""

        async def answers() -> AsyncGenerator[Told, None]:
            yield Told(await self.execution.run(prepared, principal, request_id=request_id))

        never: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        async with aclosing(_frames(answers(), never, keep_alive=self.keep_alive)) as frames:
            async for frame in frames:
                yield frame
        yield _COMPLETE

    async def _subscription(
        self, prepared: Prepared, principal: Principal, request_id: str
    ) -> AsyncGenerator[bytes, None]:
        ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

        def end(why: Ending) -> None:
            if not ended.done():
                ended.set_result(why)

        leave = self.vigil.watch(principal, end)
        answers = self._answers(prepared, principal, request_id)
        try:
            async with aclosing(_frames(answers, ended, keep_alive=self.keep_alive)) as frames:
                async for frame in frames:
                    yield frame
            if not ended.done():
                yield _COMPLETE
            elif ended.result() is Ending.REVOKED:
                revoked = coded(ErrorCode.UNAUTHENTICATED, "This credential is no longer good.")
                yield _next(Told(failure([revoked], request_id))) + _COMPLETE
        finally:
            leave()

    async def _answers(
        self, prepared: Prepared, principal: Principal, request_id: str
    ) -> AsyncGenerator[Told, None]:
        try:
            source = self.execution.subscribe(prepared, principal, request_id=request_id)
            async with aclosing(source) as answers:
                async for told in answers:
                    yield told
        except RequestError as error:
            yield Told(failure(error.errors, request_id))


async def _frames(
    answers: AsyncGenerator[Told, None], ended: asyncio.Future[Ending], *, keep_alive: float
) -> AsyncGenerator[bytes, None]:
    """A `next` for each answer until `ended`; a comment whenever nothing else is to be sent."""
    upcoming = asyncio.ensure_future(anext(answers))
    try:
        yield _ALIVE
        while True:
            ends: set[asyncio.Future[Any]] = {upcoming, ended}
            await asyncio.wait(ends, timeout=keep_alive, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return
            if not upcoming.done():
                yield _ALIVE
                continue
            try:
                told = upcoming.result()
            except StopAsyncIteration:
                return
            yield _next(told)
            upcoming = asyncio.ensure_future(anext(answers))
    finally:
        upcoming.cancel()
        with suppress(asyncio.CancelledError, StopAsyncIteration, Exception):
            await upcoming
        await answers.aclose()


def _next(told: Told) -> bytes:
    return f"event: next\ndata: {told.json}\n\n".encode()


def _too_many(full: Full, request_id: str) -> Response:
    headers = {
        "content-type": "application/json; charset=utf-8",
        "cache-control": "no-store",
        "retry-after": "10",
    }
    return Response(encoded(failure([as_error(full)], request_id)), 429, headers)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
