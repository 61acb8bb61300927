"""Taking a connection from the pool and giving it back, whatever happens in between."""

import asyncio
from typing import Any

import asyncpg

from tenants.pool import Pool


class DatabaseUnavailable(ConnectionError):
    """Postgres cannot be reached, or has no connection to spare. Trying again may help."""

    code = "UNAVAILABLE"


_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # asyncpg, when Postgres ends the connection under a question
    ConnectionError,
)
_PATIENCE = 2.0  # seconds for a transaction to be given up by a server that may not answer
FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


async def acquire(pool: Pool) -> Any:
    """A connection, within the pool's `acquire_timeout`; else `DatabaseUnavailable`."""
    try:
        return await pool.one()
    except (*_AWAY, asyncpg.InterfaceError, OSError) as error:
        raise DatabaseUnavailable(
            "The database cannot be reached right now. Nothing was changed; try again shortly."
        ) from error


def lost(connection: Any, error: BaseException) -> bool:
    """Whether a statement failed because the connection is no more."""
    return isinstance(error, _AWAY) or (isinstance(error, Exception) and _gone(connection))


def _gone(connection: Any) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # the pool has taken it back: it was terminated
        return True


async def finish(pool: Pool, connection: Any, end: str) -> None:
    """End the transaction; a connection that cannot even do that is thrown away.

    Shielded: a cancelled caller gives its connection back all the same.
    """
    await asyncio.shield(finished(pool, connection, end))


async def finished(pool: Pool, connection: Any, end: str) -> None:
    """`finish`, for callers that are shielded already."""
    try:
        if end == "COMMIT":
            await _commit(connection)
        elif not _gone(connection):
            await _roll_back(connection)
    finally:
        await pool.release(connection)


async def _roll_back(connection: Any) -> None:
    try:
        # Whoever waits for this has waited already; and asyncpg first cancels, without a limit
        # of its own, the question that was given up.
        async with asyncio.timeout(_PATIENCE):
            await connection.execute("ROLLBACK")
    except FAILURES:
        connection.terminate()  # Postgres rolls back what has lost its client


async def _commit(connection: Any) -> None:
    if _gone(connection):
        raise DatabaseUnavailable(
            "The connection to the database was lost before the change was committed. "
            "Nothing was changed; try again."
        )
    try:
        status = await connection.execute("COMMIT")
    except FAILURES as error:
        if not (lost(connection, error) or isinstance(error, OSError)):
            raise  # refused by Postgres, which has rolled back
        connection.terminate()
        raise DatabaseUnavailable(
            "The connection to the database was lost while the change was committed. It may "
            "have been stored; send it again with the same idempotency key."
        ) from error
    if status != "COMMIT":
        raise DatabaseUnavailable("The change was rolled back. Nothing was changed; try again.")
