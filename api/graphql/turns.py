"""Taking turns: a workspace runs so many operations at a time, and its others wait behind them.

Without this, whoever sends a thousand operations at once has all connections to Postgres and most
of the processor, and its neighbours wait behind it. And a dear operation, which holds the event
loop for milliseconds again and again, lets light ones pass before each question to the database.
"""

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

from api.graphql.failures import RequestError
from schema.errors import ErrorCode, coded

_IN_PASSING = 0.1  # seconds that a cheap operation takes, and more


@dataclass(slots=True)
class _Queue:
    running: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Turns:
    """The operations of this process, `at_once` of a workspace running and `waiting` in line."""

    def __init__(
        self, *, at_once: int, waiting: int = sys.maxsize, patience: float | None = None
    ) -> None:
        """`patience` is how long one waits, in seconds; None for as long as it takes."""
        self._at_once = at_once
        self._waiting = waiting
        self._patience = patience
        self._queues: dict[UUID, _Queue] = {}

    @asynccontextmanager
    async def turn(self, workspace_id: UUID) -> AsyncIterator[None]:
        """Wait for a turn, first come first served; `RequestError` where too many wait already."""
        queue = self._queues.setdefault(workspace_id, _Queue())
        if queue.running < self._at_once:
            queue.running += 1
        else:
            await self._wait(queue)
        try:
            yield
        finally:
            self._pass_on(workspace_id, queue)

    async def _wait(self, queue: _Queue) -> None:
        if len(queue.waiting) >= self._waiting:
            message = (
                f"{len(queue.waiting):,} operations of this workspace wait already; the limit is "
                f"{self._waiting:,}. Send fewer at once."
            )
            raise RequestError(coded(ErrorCode.THROTTLED, message, retryAfter=1))
        turn = asyncio.get_running_loop().create_future()
        queue.waiting.append(turn)
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except (asyncio.CancelledError, TimeoutError) as given_up:
            if turn.done() and not turn.cancelled():
                self._next(queue)  # it was ours already
            elif turn in queue.waiting:  # else whoever ended meanwhile has passed it by
                queue.waiting.remove(turn)
            if isinstance(given_up, TimeoutError):
                message = f"No turn within {self._patience:g} seconds; send fewer at once."
                raise RequestError(coded(ErrorCode.THROTTLED, message, retryAfter=1)) from None
            raise

    def _pass_on(self, workspace_id: UUID, queue: _Queue) -> None:
        self._next(queue)
        if not queue.running:
            self._queues.pop(workspace_id, None)

    def _next(self, queue: _Queue) -> None:
        while queue.waiting:
            turn = queue.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        queue.running -= 1


class Courtesy:
    """Who has much to do lets those pass who have little, whichever workspace they are of."""

    def __init__(self, *, patience: float, in_all: float = 1.0) -> None:
        """`patience` is for how long one lets others pass at a time, and `in_all` for how long one
        operation does, in seconds."""
        self._patience = patience
        self._in_all = in_all
        self._passing: dict[object, float] = {}  # since when; the latest comes last
        self._all_passed = asyncio.Event()

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Have those wait that let others pass."""
        me = object()
        self._passing[me] = time.monotonic()
        self._all_passed.clear()
        try:
            yield
        finally:
            del self._passing[me]
            if not self._passing:
                self._all_passed.set()

    async def let_pass(self) -> None:
        if self._somebody_passes():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await self._all_passed.wait()

    def of_one(self) -> Callable[[], Awaitable[None]]:
        """`let_pass` for one operation, which in the end has to get on itself."""
        left = self._in_all

        async def let_pass() -> None:
            nonlocal left
            if left > 0:
                since = time.monotonic()
                await self.let_pass()
                left -= time.monotonic() - since

        return let_pass

    def _somebody_passes(self) -> bool:
        """Whoever takes long waits for something itself, such as a lock."""
        if not self._passing:
            return False
        return time.monotonic() - next(reversed(self._passing.values())) < _IN_PASSING
