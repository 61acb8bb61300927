"""Reading operations out of a request: bounded, and refused with what is wrong with it."""

import re
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from api.graphql.operations import Operation

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_ID = 200
# Half a million empty lists in a megabyte take a third of a second to decode.
_SMALL_BODY = 64 * 1024
_MOST_PIECES = 100_000


class BadRequest(ValueError):
    """The request is no GraphQL request; `status` is the HTTP status that says so."""

    def __init__(self, message: str, status: int = 400, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True, slots=True)
class Batch:
    """Operations sent in one request, answered in one list."""

    operations: list[Operation]


async def from_post(request: Request, *, max_bytes: int, max_batch: int) -> Operation | Batch:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BadRequest("Send the operation as JSON: `Content-Type: application/json`.", 415)
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        message = "Compressed bodies are not accepted; send it as it is."
        raise BadRequest(message, 415, accept_encoding="identity")  # as RFC 9110 (12.5.3) asks
    return operations_of(json_of(await _body(request, max_bytes)), max_batch=max_batch)


def from_query(request: Request) -> Operation:
    given = request.query_params
    variables, extensions = given.get("variables"), given.get("extensions")
    return operation_of(
        {
            "query": given.get("query"),
            "documentId": given.get("documentId"),
            "operationName": given.get("operationName") or None,
            "variables": json_of(variables.encode()) if variables else None,
            "extensions": json_of(extensions.encode()) if extensions else None,
        }
    )


def operations_of(given: Any, *, max_batch: int) -> Operation | Batch:
    """What a decoded body asks for."""
    return batch_of(given, max_batch) if isinstance(given, list) else operation_of(given)


def batch_of(given: list[Any], most: int) -> Batch:
    if most <= 1:
        raise BadRequest("Batches are not accepted; send one operation a request.")
    if not 1 <= len(given) <= most:
        raise BadRequest(f"A batch has 1 to {most} operations; this one has {len(given)}.")
    return Batch([operation_of(one) for one in given])


def operation_of(given: Any) -> Operation:
    """The operation of a decoded JSON body, or of a `subscribe` message's payload."""
    if isinstance(given, list):
        raise BadRequest("Batches are not accepted; send one operation a request.")
    if not isinstance(given, dict):
        raise BadRequest("The body has to be a JSON object with a `query`.")
    query = given.get("query")
    variables = given.get("variables")
    name = given.get("operationName")
    persisted = _persisted(given)
    if query is not None and not isinstance(query, str):
        raise BadRequest("`query` has to be a string: the text of a GraphQL document.")
    if persisted is None and (query is None or not query.strip()):
        raise BadRequest("`query` is missing: the text of a GraphQL document.")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest("`variables` has to be a JSON object.")
    if name is not None and not isinstance(name, str):
        raise BadRequest("`operationName` has to be a string.")
    return Operation(query or None, variables, name or None, persisted)


def _persisted(given: dict[str, Any]) -> str | None:
    """The id of a persisted operation: `documentId`, as the draft of GraphQL over HTTP has it, or
    `extensions.persistedQuery.sha256Hash`, as Apollo's clients send it."""
    extensions, id_ = given.get("extensions"), given.get("documentId")
    if extensions is not None and not isinstance(extensions, dict):
        raise BadRequest("`extensions` has to be a JSON object.")
    if id_ is not None:
        if not isinstance(id_, str) or not 0 < len(id_) <= _LONGEST_ID:
            raise BadRequest(f"`documentId` has to be a string of 1 to {_LONGEST_ID} characters.")
        return id_.removeprefix("sha256:")
    apollo = (extensions or {}).get("persistedQuery")
    if apollo is None:
        return None
    hashed = apollo.get("sha256Hash") if isinstance(apollo, dict) else None
    if not isinstance(hashed, str) or not _SHA256.fullmatch(hashed) or apollo.get("version") != 1:
        raise BadRequest(
            "`extensions.persistedQuery` has to be `version` 1 and a `sha256Hash` of 64 "
            "small hexadecimals."
        )
    return hashed


def json_of(body: bytes) -> Any:
    if len(body) > _SMALL_BODY and sum(map(body.count, b"[{,")) > _MOST_PIECES:
        message = f"The JSON has more than {_MOST_PIECES:,} commas, brackets and braces."
        raise BadRequest(f"{message} Send it in several requests.")
    try:
        return orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise BadRequest(f"This is no JSON: {error}.") from None


async def _body(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large(limit)
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise too_large(limit)
            parts.append(part)
    except ClientDisconnect:
        raise BadRequest("The client left before the request was complete.") from None
    return b"".join(parts)


def too_large(limit: int) -> BadRequest:
    return BadRequest(f"The body is larger than the limit of {limit:,} bytes.", 413)
