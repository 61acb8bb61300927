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
from uuid import UUID

import asyncpg

from tenants.access_check import access_check
from tenants.changes import Changes
from tenants.connections import FAILURES, acquire, finish, finished, lost
from tenants.connections import DatabaseUnavailable as DatabaseUnavailable  # noqa: PLC0414
from tenants.identity import NotAuthenticated, Principal
from tenants.pool import Connection, Pool, Row

R = TypeVar("R", bound=Row)
T = TypeVar("T")

_RETRIED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_ATTEMPTS = 3
_PATIENCE = 1.0  # seconds for which the end of an operation waits for a question under way
_DOORS = frozenset({"identity", "relay", "staff"})


class OperationOver(RuntimeError):
    """A resolver outlived its operation and asked once more: there is nobody to answer."""


class Reader:
    """Asks questions inside one transaction. Every statement also names its workspace.

    `statements` counts the round trips so far, the opening one included.
    """

    def __init__(
        self,
        pool: Pool,
        principal: Principal,
        *,
        begin: str,
        let_pass: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.workspace_id = principal.workspace_id
        self.statements = 0
        self._pool = pool
        self._principal = principal
        self._begin = begin
        self._let_pass = let_pass
        self._connection: Connection | None = None
        self._closed = False
        self._broken: asyncpg.PostgresError | None = None  # after it, Postgres answers no more
        self._turn = asyncio.Lock()  # loaders ask at the same time; a connection answers in turn

    async def fetch(self, statement: str, *values: Any, row: type[R]) -> list[R]:
        return await self._ask(lambda c: c.fetch(statement, *values, record_class=row))

    async def fetchrow(self, statement: str, *values: Any, row: type[R]) -> R | None:
        return await self._ask(lambda c: c.fetchrow(statement, *values, record_class=row))

    async def fetchval(self, statement: str, *values: Any) -> Any:
        return await self._ask(lambda c: c.fetchval(statement, *values))

    async def open(self) -> None:
        """Open the transaction now: `NotAuthenticated` where the credential is good no more."""
        async with self._turn:
            await self._opened()

    async def close(self, *, end: str = "ROLLBACK") -> None:
        """End the transaction and give the connection back; safe to call twice.

        Whoever asks afterwards, such as a loader whose operation was cancelled, is refused
        rather than given a connection that nobody would return.
        """
        self._closed = True
        if self._connection is not None:
            await asyncio.shield(self._ended(end))

    async def _ended(self, end: str) -> None:
        if self._turn.locked():
            await self._interrupted()
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                await finished(self._pool, connection, end)

    async def _interrupted(self) -> None:
        """Wait for the question under way, and end it if that takes too long."""
        try:
            async with asyncio.timeout(_PATIENCE), self._turn:
                pass
        except TimeoutError:
            if self._connection is not None:
                self._connection.terminate()  # ends the question, and frees the turn

    async def _ask(self, question: Callable[[Any], Awaitable[T]]) -> T:
        async with self._turn:
            await self._others_passed()
            connection = await self._opened()
            self.statements += 1
            try:
                answer = await _answered(connection, question)
            except asyncpg.InFailedSQLTransactionError as error:
                raise (self._broken or error) from None  # for the same reason as the first
            except asyncpg.PostgresError as error:
                self._broken = error
                raise
            await self._others_passed()
            return answer

    async def _others_passed(self) -> None:
        """But not where they may be waiting for this very connection."""
        if self._let_pass is not None and not self._pool.exhausted:
            await self._let_pass()

    async def _opened(self) -> Connection:
        if self._closed:
            raise OperationOver("The operation is over; its database answers no more.")
        if self._connection is None:
            connection = await acquire(self._pool)
            self.statements += 1
            try:
                status = await _answered(connection, lambda c: c.execute(self._begin))
                self._check_opening(str(status))
            except asyncpg.InvalidSQLStatementNameError as error:
                connection.terminate()  # opened before there were tables; the next one knows them
                await finish(self._pool, connection, "ROLLBACK")
                raise DatabaseUnavailable(_UNPREPARED) from error
            except BaseException:
                await finish(self._pool, connection, "ROLLBACK")
                raise
            self._connection = connection
        return self._connection

    def _check_opening(self, status: str) -> None:
        if status != "SELECT 1":
            raise NotAuthenticated(
                "This credential is no longer good: it was revoked, or the membership ended "
                "or changed its role. Sign in again."
            )
        if self._closed:
            raise OperationOver("The operation ended while it waited for the database.")


class Writer(Reader):
    """Changes things inside one transaction, and says so: see `Changes`."""

    def __init__(self, pool: Pool, principal: Principal, *, begin: str, changes: Changes) -> None:
        super().__init__(pool, principal, begin=begin)
        self.principal = principal
        self.changes = changes

    async def execute(self, statement: str, *values: Any) -> int:
        """Run a statement and return how many rows it touched."""
        status: str = await self._ask(lambda c: c.execute(statement, *values))
        count = status.rsplit(" ", 1)[-1]
        return int(count) if count.isdigit() else 0

    @asynccontextmanager
    async def through(self, door: str) -> AsyncIterator[None]:
        """Open a platform door (see `platform_door`) for the statements within, in this same
        transaction: a second connection, taken while this one is held, could starve the pool."""
        await self.execute(f"SET LOCAL app.door = '{_known(door)}'")
        yield
        await self.execute("SET LOCAL app.door = ''")


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
        self.let_pass: Callable[[], Awaitable[None]] | None = None  # around each question
        self._finished_statements = 0
        self._over = False

    @property
    def statements(self) -> int:
        """How many round trips to Postgres this operation has made."""
        return self._finished_statements + (self._reader.statements if self._reader else 0)

    def reading(self) -> Reader:
        """The snapshot of this operation; opened by its first question."""
        if self._over:
            raise OperationOver("The operation is over; its database answers no more.")
        if self._reader is None:
            begin = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {self._check}"
            self._reader = Reader(self._pool, self.principal, begin=begin, let_pass=self.let_pass)
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
        self._over = True
        await self._end_reading()

    async def _end_reading(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()
            self._finished_statements += reader.statements

    async def _attempt(self, action: str, work: Callable[[Writer], Awaitable[T]]) -> T:
        await self._end_reading()
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


@asynccontextmanager
async def platform_door(pool: Pool, door: str) -> AsyncIterator[Any]:
    """A transaction outside any workspace, for the few jobs that have none yet.

    `door` is `identity` (sign-in: find a person and their memberships), `relay` (move events) or
    `staff` (list workspaces); the policies in migrations/ say what each may touch.
    """
    async with _transaction(pool, f"BEGIN; SET LOCAL app.door = '{_known(door)}'") as connection:
        yield connection


@asynccontextmanager
async def statistics_of(pool: Pool, workspace_id: UUID) -> AsyncIterator[Any]:
    """A transaction for figures about use, such as an API key's last one: nothing that a seller
    would look for in the audit log."""
    begin = f"BEGIN; SET LOCAL app.workspace_id = '{UUID(str(workspace_id))}'"
    async with _transaction(pool, begin) as connection:
        yield connection


@asynccontextmanager
async def _transaction(pool: Pool, begin: str) -> AsyncIterator[Any]:
    connection = await acquire(pool)
    try:
        await _answered(connection, lambda c: c.execute(begin))
        yield connection
    except BaseException as error:
        gone = lost(connection, error)
        await finish(pool, connection, "ROLLBACK")
        if gone and not isinstance(error, DatabaseUnavailable):
            raise DatabaseUnavailable(_GONE) from error
        raise
    await finish(pool, connection, "COMMIT")


async def _answered(connection: Any, question: Callable[[Any], Awaitable[T]]) -> T:
    try:
        return await question(connection)
    except FAILURES as error:
        if lost(connection, error):
            raise DatabaseUnavailable(_GONE) from error
        if isinstance(error, asyncpg.LockNotAvailableError):
            raise DatabaseUnavailable(_HELD) from error
        raise


_HELD = "Another change holds what this one needs for too long. Nothing was changed; try again."
_UNPREPARED = "The database was set up while this was asked. Nothing was changed; try again."
_GONE = "The connection to the database was lost. Nothing was changed; try again shortly."


def _known(door: str) -> str:
    if door not in _DOORS:
        raise ValueError(f"There is no door called {door!r}.")
    return door
