"""What stays open for long is ended when its credential is good no more, or the server stops.

A subscription asks for its rights at every event; one that is told nothing would keep them. Here
each credential is looked at every so often, once for all that it holds open.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from enum import Enum, auto

import structlog

from tenants.database import WorkspaceDatabase
from tenants.identity import NotAuthenticated, Principal

log = structlog.get_logger()

OpenDatabase = Callable[[Principal, str], WorkspaceDatabase]


class Ending(Enum):
    """Why something is ended."""

    EXPIRED = auto()
    REVOKED = auto()
    DRAINING = auto()


End = Callable[[Ending], None]


class Vigil:
    """`good` tells whether a credential is; each is asked about every `every` seconds."""

    def __init__(
        self, *, draining: asyncio.Event, good: Callable[[Principal], Awaitable[bool]], every: float
    ) -> None:
        self._draining = draining
        self._good = good
        self._every = every
        self._held: OrderedDict[Principal | None, set[End]] = OrderedDict()
        self._tasks: list[asyncio.Task[None]] = []
        self._blind = False

    def watch(self, principal: Principal | None, end: End) -> Callable[[], None]:
        """Call `end` when the time has come, perhaps more than once, until what this returns is
        called. Without a principal, only a stop of the server ends it."""
        loop = asyncio.get_running_loop()
        self._held.setdefault(principal, set()).add(end)
        timer: asyncio.TimerHandle | None = None
        if principal is not None and principal.expires_at is not None:
            seconds = (principal.expires_at - datetime.now(UTC)).total_seconds()
            timer = loop.call_later(max(0.0, seconds), end, Ending.EXPIRED)
        if not self._tasks:
            self._tasks = [loop.create_task(self._wait()), loop.create_task(self._look())]

        def leave() -> None:
            if timer is not None:
                timer.cancel()
            self._held[principal].discard(end)
            if not self._held[principal]:
                del self._held[principal]
            if not self._held:
                self._rest()

        return leave

    def _rest(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    async def _wait(self) -> None:
        while True:
            await self._draining.wait()
            for principal in list(self._held):
                self._end(principal, Ending.DRAINING)
            await asyncio.sleep(0.1)  # for them to leave

    async def _look(self) -> None:
        while True:
            credentials = len(self._held) - (None in self._held)
            await asyncio.sleep(self._every / max(1, credentials))
            await self._look_at_next()

    async def _look_at_next(self) -> None:
        """At the credential that was not looked at for longest."""
        principal = next((key for key in self._held if key is not None), None)
        if principal is None:
            return
        self._held.move_to_end(principal)
        try:
            good = await self._good(principal)
        except Exception as error:  # noqa: BLE001 - who cannot be asked has not said no
            if not self._blind:
                log.warning("vigil.blind", reason=f"{type(error).__name__}: {error}")
            self._blind = True
            return
        self._blind = False
        if not good:
            self._end(principal, Ending.REVOKED)

    def _end(self, principal: Principal | None, why: Ending) -> None:
        for end in list(self._held.get(principal, ())):
            end(why)


def still_good(open_database: OpenDatabase) -> Callable[[Principal], Awaitable[bool]]:
    """Asks Postgres, in one statement, as every transaction does when it opens."""

    async def good(principal: Principal) -> bool:
        database = open_database(principal, "vigil")
        try:
            await database.reading().open()
        except NotAuthenticated:
            return False
        finally:
            await database.close()
        return True

    return good
