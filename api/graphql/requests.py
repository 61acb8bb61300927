"""Reading an operation out of a request: bounded, and refused with what is wrong with it."""

from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from api.graphql.execution import Operation


class BadRequest(ValueError):
    """The request is no GraphQL request; `status` is the HTTP status that says so."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def from_post(request: Request, *, max_bytes: int) -> Operation:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BadRequest("Send the operation as JSON: `Content-Type: application/json`.", 415)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise BadRequest("Compressed bodies are not accepted; send it as it is.", 415)
    return operation_of(_json(await _body(request, max_bytes)))


def from_query(request: Request) -> Operation:
    given = request.query_params
    variables = given.get("variables")
    return operation_of(
        {
            "query": given.get("query"),
            "operationName": given.get("operationName") or None,
            "variables": _json(variables.encode()) if variables else None,
        }
    )


def operation_of(given: Any) -> Operation:
    """The operation of a decoded JSON body, or of a `subscribe` message's payload."""
    if isinstance(given, list):
        raise BadRequest("Batches are not accepted; send one operation a request.")
    if not isinstance(given, dict):
        raise BadRequest("The body has to be a JSON object with a `query`.")
    query = given.get("query")
    variables = given.get("variables")
    name = given.get("operationName")
    extensions = given.get("extensions")
    if not isinstance(query, str) or not query.strip():
        raise BadRequest("`query` is missing: the text of a GraphQL document.")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest("`variables` has to be a JSON object.")
    if name is not None and not isinstance(name, str):
        raise BadRequest("`operationName` has to be a string.")
    if extensions is not None and not isinstance(extensions, dict):
        raise BadRequest("`extensions` has to be a JSON object.")
    return Operation(query, variables, name or None)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise BadRequest(f"This is no JSON: {error}.") from None


async def _body(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            parts.append(part)
    except ClientDisconnect:
        raise BadRequest("The client left before the request was complete.") from None
    return b"".join(parts)


def _too_large(limit: int) -> BadRequest:
    return BadRequest(f"The body is larger than the limit of {limit:,} bytes.", 413)
