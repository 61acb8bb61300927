"""Server-sent events, distinct connections mode of the GraphQL over SSE protocol.

Frames end with LF LF: urql's reader does not split CRLF CRLF.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.graphql.answers import encoded

_COMPLETE = b"event: complete\ndata:\n\n"
_ALIVE = b":\n\n"
_LOOK_EVERY = 0.5


class EventStream(Response):
    """Sends frames until they end or the client leaves, and closes their source either way.

    Starlette's own streaming response leaves the source open when it is cut in mid-send.
    """

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncGenerator[bytes, None]) -> None:
        self._frames = frames
        self.status_code = 200
        self.background = None
        # A proxy that collects answers before it passes them on would hold events back.
        self.init_headers({"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
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


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def stream_of(
    answers: AsyncGenerator[dict[str, Any], None],
    *,
    keep_alive: float,
    until: datetime | None,
    draining: Callable[[], bool],
) -> AsyncGenerator[bytes, None]:
    """Frames of `next` events and a `complete`; a comment whenever nothing else was sent.

    Ends when the credential expires and when the server drains, and then without a `complete`:
    that would tell clients that nothing more comes, and they would not be back to resume.
    """
    upcoming: asyncio.Task[Any] = asyncio.ensure_future(anext(answers))
    quiet = 0.0
    try:
        yield _ALIVE
        while not draining() and (until is None or datetime.now(UTC) < until):
            done, _ = await asyncio.wait({upcoming}, timeout=_LOOK_EVERY)
            if not done:
                quiet += _LOOK_EVERY
                if quiet >= keep_alive:
                    quiet = 0.0
                    yield _ALIVE
                continue
            try:
                answer = upcoming.result()
            except StopAsyncIteration:
                yield _COMPLETE
                return
            quiet = 0.0
            yield b"event: next\ndata: " + encoded(answer) + b"\n\n"
            upcoming = asyncio.ensure_future(anext(answers))
    finally:
        upcoming.cancel()
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration, Exception):
            await upcoming
        await answers.aclose()
