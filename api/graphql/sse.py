"""Server-sent events, distinct connections mode of the GraphQL over SSE protocol.

Frames end with LF LF: urql's reader does not split CRLF CRLF.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Any

import orjson

_COMPLETE = b"event: complete\ndata:\n\n"
_ALIVE = b":\n\n"
_LOOK_EVERY = 0.5


async def stream_of(
    answers: AsyncGenerator[dict[str, Any], None],
    *,
    keep_alive: float,
    until: datetime | None,
    draining: Callable[[], bool],
) -> AsyncGenerator[bytes, None]:
    """Frames of `next` events and a `complete`; a comment whenever nothing else was sent.

    Ends when the credential expires and when the server drains; the client resumes with `after`.
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
                break
            quiet = 0.0
            yield b"event: next\ndata: " + orjson.dumps(answer) + b"\n\n"
            upcoming = asyncio.ensure_future(anext(answers))
        yield _COMPLETE
    finally:
        upcoming.cancel()
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration, Exception):
            await upcoming
        await answers.aclose()
