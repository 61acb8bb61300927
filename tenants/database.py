"""The one door to Postgres.

A request gets a `WorkspaceDatabase` bound to its principal. `reading()` is one lazy, read-only,
repeatable-read transaction per operation, so that every figure of a response comes from one
snapshot. `change()` is the transaction of one mutation: leaving it commits, nobody calls commit.

Both open with one round trip that sets the workspace and checks, in the same snapshot, that the
credential is still good; a membership that ended is refused at once. Nothing slow (network,
files) belongs inside.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncpg

from tenants.access_check import access_check
from tenants.changes import Changes
from tenants.identity import NotAuthenticated, Principal
from tenants.pool import Connection, Pool, Row

R = TypeVar("R", bound=Row)
T = TypeVar("T")

_LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, ConnectionError)
_RETRIED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_ATTEMPTS = 3


class DatabaseUnavailable(ConnectionError):  # noqa: N818 - reads as a sentence where it is raised
    """Postgres cannot be reached, or has no connection to spare. Trying again may help."""

    code = "UNAVAILABLE"


class Reader:
    """Asks questions inside one transaction. Every statement also names its workspace.

    `statements` counts the round trips so far, the opening one included.
    """

    def __init__(self, pool: Pool, principal: Principal, *, begin: str) -> None:
        self.workspace_id = principal.workspace_id
        self.statements = 0
        self._pool = pool
        self._principal = principal
        self._begin = begin
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()  # loaders ask at the same time; a connection answers in turn

    async def fetch(self, statement: str, *values: Any, row: type[R]) -> list[R]:
        async with self._turn:
            connection = await self._opened()
            self.statements += 1
            return await connection.fetch(statement, *values, record_class=row)

    async def fetchrow(self, statement: str, *values: Any, row: type[R]) -> R | None:
        async with self._turn:
            connection = await self._opened()
            self.statements += 1
            return await connection.fetchrow(statement, *values, record_class=row)

    async def fetchval(self, statement: str, *values: Any) -> Any:
        async with self._turn:
            connection = await self._opened()
            self.statements += 1
            return await connection.fetchval(statement, *values)

    async def open(self) -> None:
        """Open the transaction now: `NotAuthenticated` where the credential is good no more."""
        async with self._turn:
            await self._opened()

    async def close(self, *, end: str = "ROLLBACK") -> None:
        """End the transaction and give the connection back; safe to call twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.shield(_finish(self._pool, connection, end))

    async def _opened(self) -> Connection:
        if self._connection is None:
            connection = await acquire(self._pool)
            self.statements += 1
            try:
                status = await connection.execute(self._begin)
            except BaseException:
                await asyncio.shield(_finish(self._pool, connection, "ROLLBACK"))
                raise
            self._connection = connection
            if status != "SELECT 1":
                await self.close()
                raise NotAuthenticated(
                    "This credential is no longer good: it was revoked, or the membership ended "
                    "or changed its role. Sign in again."
                )
        return self._connection


class Writer(Reader):
    """Changes things inside one transaction, and says so: see `Changes`."""

    def __init__(self, pool: Pool, principal: Principal, *, begin: str, changes: Changes) -> None:
        super().__init__(pool, principal, begin=begin)
        self.principal = principal
        self.changes = changes

    async def execute(self, statement: str, *values: Any) -> int:
        """Run a statement and return how many rows it touched."""
        async with self._turn:
            connection = await self._opened()
            self.statements += 1
            status = await connection.execute(statement, *values)
        count = status.rsplit(" ", 1)[-1]
        return int(count) if count.isdigit() else 0

    @property
    def connection_lost(self) -> bool:
        return self._connection is not None and self._connection.is_closed()


class WorkspaceDatabase:
    """The database as one principal sees it, for the length of one operation."""

    def __init__(
        self,
        pool: Pool,
        principal: Principal,
        *,
        request_id: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        self.principal = principal
        self._pool = pool
        self._request_id = request_id
        self._clock = clock
        self._announce = announce  # wakes the relay; without it the relay finds out by itself
        self._check = access_check(principal)
        self._reader: Reader | None = None
        self._finished_statements = 0

    @property
    def statements(self) -> int:
        """How many round trips to Postgres this operation has made."""
        return self._finished_statements + (self._reader.statements if self._reader else 0)

    def reading(self) -> Reader:
        """The snapshot of this operation; opened by its first question."""
        if self._reader is None:
            begin = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {self._check}"
            self._reader = Reader(self._pool, self.principal, begin=begin)
        return self._reader

    async def change(self, action: str, work: Callable[[Writer], Awaitable[T]]) -> T:
        """Run `work` in one transaction, with its audit entries and events, and commit.

        Deadlocks and serialization failures run the whole of `work` again, up to three times in
        all. What this operation reads afterwards comes from a new snapshot.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._attempt(action, work)
            except _RETRIED as error:
                if attempt == _ATTEMPTS:
                    raise DatabaseUnavailable(
                        f"{action} met other changes of the same rows {_ATTEMPTS} times. "
                        "Nothing was changed; try again."
                    ) from error
                await asyncio.sleep(0.01 * attempt)
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Give back what the operation holds. Called once, at its end, however it ends."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()
            self._finished_statements += reader.statements

    async def _attempt(self, action: str, work: Callable[[Writer], Awaitable[T]]) -> T:
        await self.close()
        changes = Changes(
            principal=self.principal,
            action=action,
            request_id=self._request_id,
            at=self._clock(),
        )
        writer = Writer(self._pool, self.principal, begin=f"BEGIN; {self._check}", changes=changes)
        try:
            result = await work(writer)
            await changes.write(writer)
            await writer.close(end="COMMIT")
        except BaseException:
            await writer.close()
            raise
        finally:
            self._finished_statements += writer.statements
        if changes.emitted:
            self._announce()
        return result


async def acquire(pool: Pool, *, timeout: float = 5.0) -> Any:
    try:
        return await pool.acquire(timeout=timeout)
    except (TimeoutError, OSError, *_LOST) as error:
        raise DatabaseUnavailable(
            "The database cannot be reached right now. Nothing was changed; try again shortly."
        ) from error


@asynccontextmanager
async def platform_door(pool: Pool, door: str) -> AsyncIterator[Any]:
    """A transaction outside any workspace, for the few jobs that have none yet.

    `door` is `identity` (sign-in: find a person and their memberships), `relay` (move events) or
    `staff` (list workspaces); the policies in migrations/ say what each may touch.
    """
    if door not in {"identity", "relay", "staff"}:
        raise ValueError(f"There is no door called {door!r}.")
    connection = await acquire(pool)
    try:
        await connection.execute(f"BEGIN; SET LOCAL app.door = '{door}'")
        yield connection
    except BaseException:
        await asyncio.shield(_finish(pool, connection, "ROLLBACK"))
        raise
    await asyncio.shield(_finish(pool, connection, "COMMIT"))


async def _finish(pool: Pool, connection: Any, end: str) -> None:
    """End the transaction; a connection that cannot even do that is thrown away."""
    try:
        if connection.is_closed():
            if end == "COMMIT":
                raise DatabaseUnavailable(
                    "The connection to the database was lost before the change was committed. "
                    "Nothing was changed; try again."
                )
            return
        status = await connection.execute(end)
        if end == "COMMIT" and status != "COMMIT":
            raise DatabaseUnavailable("The change was rolled back. Nothing was changed; try again.")
    except _LOST as error:
        connection.terminate()
        if end == "COMMIT" and not isinstance(error, DatabaseUnavailable):
            raise DatabaseUnavailable(
                "The connection to the database was lost while the change was committed. It may "
                "have been stored; send it again with the same idempotency key."
            ) from error
        if end == "COMMIT":
            raise
    finally:
        await pool.release(connection)
