"""Errors as clients see them: coded where the client can act, masked where the bug is ours."""

from enum import StrEnum
from typing import Any

import structlog
from graphql import GraphQLError

log = structlog.get_logger()


class ErrorCode(StrEnum):
    """`extensions.code` of a top-level error. Stable; safe to compare with."""

    BAD_REQUEST = "BAD_REQUEST"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    THROTTLED = "THROTTLED"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
    OPERATION_NOT_REGISTERED = "OPERATION_NOT_REGISTERED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    TIMEOUT = "TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"
    SLOW_CONSUMER = "SLOW_CONSUMER"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


_TELLABLE = frozenset(code.value for code in ErrorCode) - {ErrorCode.INTERNAL_SERVER_ERROR}
_RETRYABLE = frozenset(
    {ErrorCode.UNAVAILABLE, ErrorCode.TIMEOUT, ErrorCode.SLOW_CONSUMER, ErrorCode.THROTTLED}
)
_MASK = "Something went wrong on our side. Tell us the request id, and we will find it."


def coded(code: ErrorCode, message: str, **more: Any) -> GraphQLError:
    """An error of the request itself, rather than of one of its fields."""
    return GraphQLError(message, extensions={"code": code.value, **more})


def told(error: GraphQLError, *, request_id: str) -> dict[str, Any]:
    """An error as it leaves us. What has no code that a client can act on is masked and logged."""
    formatted: dict[str, Any] = dict(error.formatted)
    extensions = dict(formatted.get("extensions") or {})
    code = extensions.get("code") or _code_of(error)
    if code == ErrorCode.INTERNAL_SERVER_ERROR:
        cause = error.original_error or error
        log.error("graphql.bug", request_id=request_id, path=error.path, exc_info=cause)
        formatted["message"] = _MASK
        extensions = {}
    extensions |= {"code": code, "requestId": request_id}
    if code in _RETRYABLE:
        extensions["retryable"] = True
    return {**formatted, "extensions": extensions}


def code_of_exception(error: BaseException) -> str:
    """The code of an exception of ours; a bug's is INTERNAL_SERVER_ERROR."""
    code = getattr(error, "code", None)
    if isinstance(error, TimeoutError):
        return ErrorCode.TIMEOUT
    return code if isinstance(code, str) and code in _TELLABLE else ErrorCode.INTERNAL_SERVER_ERROR


def _code_of(error: GraphQLError) -> str:
    if error.path is None and error.nodes:
        return ErrorCode.BAD_USER_INPUT  # a variable; what its scalar raised is the reason
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    if original is not None:
        return code_of_exception(original)
    # Without a cause, the error is graphql-core's own judgement: of the client's values before a
    # field was resolved, of ours (a list that is none, an enum without that member) after it.
    ours = error.path is not None and not error.message.startswith("Argument ")
    return ErrorCode.INTERNAL_SERVER_ERROR if ours else ErrorCode.BAD_USER_INPUT
