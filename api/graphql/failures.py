"""What went wrong below GraphQL, told as an error that a client can act on."""

import asyncio

import asyncpg
import structlog
from graphql import GraphQLError

from schema.errors import ErrorCode
from tenants.database import DatabaseUnavailable

log = structlog.get_logger()


class RequestError(Exception):
    """The request as such is refused; nothing was run. `errors` are ready to be told, once the
    refusal was `held_back`."""

    def __init__(self, *errors: GraphQLError, reluctance: float = 0.0) -> None:
        """`reluctance` in seconds."""
        super().__init__("; ".join(error.message for error in errors))
        self.errors = list(errors)
        self._reluctance = reluctance

    def says(self, code: ErrorCode) -> bool:
        """Whether any of its errors has that code."""
        return any((error.extensions or {}).get("code") == code for error in self.errors)

    async def held_back(self) -> None:
        if self._reluctance:
            await asyncio.sleep(self._reluctance)


def rejected(errors: list[GraphQLError], code: ErrorCode) -> RequestError:
    """What graphql-core says against a document, with our code."""
    for error in errors:
        error.extensions = {"code": code.value}
    return RequestError(*errors)


def as_error(error: Exception) -> GraphQLError:
    return translated(GraphQLError(str(error), original_error=error))


def translated(error: GraphQLError) -> GraphQLError:
    """An error of the driver or of the interpreter as ours, where the client can act on it."""
    original = _cause(error)
    better: Exception | None = None
    if isinstance(original, (DatabaseUnavailable, TimeoutError)):
        return error
    if isinstance(original, _UNSTORABLE):
        better = UnusableValue(
            "A value in your request cannot be stored or compared: it holds a NUL character or "
            "half a surrogate pair, or is out of range."
        )
    elif isinstance(original, (RecursionError, asyncpg.StatementTooComplexError)):
        better = TooDeep("The request is nested too deeply.")
    elif isinstance(original, asyncpg.QueryCanceledError):
        better = TimeoutError("The database took too long to answer.")
    elif isinstance(original, _AWAY):
        better = DatabaseUnavailable("The database was lost in mid-operation; try again shortly.")
    if better is None:
        return error
    return GraphQLError(str(better), path=error.path, nodes=error.nodes, original_error=better)


def _cause(error: GraphQLError) -> Exception | None:
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    return original


class UnusableValue(ValueError):
    """A value that GraphQL's types allow and Postgres does not."""

    code = "BAD_USER_INPUT"


class TooDeep(ValueError):
    """Nested more deeply than can be worked on."""

    code = "LIMIT_EXCEEDED"


_UNSTORABLE = (asyncpg.exceptions._base.DataError, asyncpg.DataError, UnicodeEncodeError)  # noqa: SLF001
_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was lost between two states
    OSError,
)
