"""GraphQL over HTTP: POST for everything, GET for queries, SSE where the client ranks it first."""

import math
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.access import Access, origin_allowed
from api.graphql.answers import Answer, encoded
from api.graphql.documents import is_query, is_subscription
from api.graphql.execution import Execution, failure
from api.graphql.failures import RequestError, as_error
from api.graphql.media import Media, negotiate
from api.graphql.multipart import Uploads, is_multipart
from api.graphql.operations import Operation
from api.graphql.requests import BadRequest, Batch, from_post, from_query, operations_of
from api.graphql.sse import EventStreams
from schema.errors import ErrorCode, coded
from tenants.identity import NotAuthenticated, Principal

# The newest draft of GraphQL over HTTP says 422 where a document is not valid; the audit suite
# that clients are tested with says 400 (docs/decisions/0004-status-of-invalid-documents.md).
INVALID_DOCUMENT = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpEndpoint:
    """`/graphql` for every request that is no WebSocket."""

    execution: Execution
    access: Access
    uploads: Uploads
    max_body_bytes: int
    max_batch: int
    get_queries: bool
    streams: EventStreams
    allowed_origins: frozenset[str]

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._response(request)
        except Exception as error:  # noqa: BLE001 - nobody else would give it a request id
            refusal = failure([as_error(error)], request.state.request_id)
            return _json(refusal, Media.JSON, _NOT_RUN.get(_code(refusal), 500))

    async def _response(self, request: Request) -> Response:
        request_id = request.state.request_id
        media = negotiate(request.headers.get("accept"))
        if media is None:
            offered = ", ".join(Media)
            return self._refused(Media.JSON, f"We can answer with {offered}.", 406, request_id)
        try:
            self._admit(request)
            principal = await self.access.principal(request.headers.get("authorization"))
            operation = await self._read(request, principal)
        except NotAuthenticated as error:
            return self._unauthenticated(media, error, request_id)
        except BadRequest as error:
            return self._refused(media, str(error), error.status, request_id, **error.headers)
        except RequestError as error:
            return _told(failure(error.errors, request_id), media)
        return await self._answered(request, operation, principal, media)

    def _admit(self, request: Request) -> None:
        if request.method != "POST" and not (request.method == "GET" and self.get_queries):
            allowed = "GET, POST" if self.get_queries else "POST"
            message = f"Only {allowed} is understood; GET is for queries."
            raise BadRequest(message, 405, allow=allowed)
        if not origin_allowed(request, self.allowed_origins):
            raise BadRequest("This origin may not use us.", 403)

    async def _read(self, request: Request, principal: Principal) -> Operation | Batch:
        if request.method == "GET":
            return from_query(request)
        if is_multipart(request):
            given = await self.uploads.read(request, principal.workspace_id)
            return operations_of(given, max_batch=self.max_batch)
        return await from_post(request, max_bytes=self.max_body_bytes, max_batch=self.max_batch)

    async def _answered(
        self, request: Request, operation: Operation | Batch, principal: Principal, media: Media
    ) -> Response:
        request_id = request.state.request_id
        if isinstance(operation, Batch):
            return await self._batch(operation, principal, media, request_id)
        try:
            prepared = await self.execution.prepare(operation, principal)
        except RequestError as error:
            return self._not_prepared(failure(error.errors, request_id), media, request_id)
        streamed = media is Media.EVENTS and is_subscription(prepared.definition)
        if request.method == "GET" and not (is_query(prepared.definition) or streamed):
            message = "Over GET only queries run, and subscriptions as streams; use POST."
            return self._refused(media, message, 405, request_id, allow="POST")
        if media is Media.EVENTS:
            return self.streams.of(prepared, principal, request_id)
        if is_subscription(prepared.definition):
            message = "A subscription needs `Accept: text/event-stream`, or the WebSocket."
            return self._refused(media, message, 406, request_id)
        return _told(await self.execution.run(prepared, principal, request_id=request_id), media)

    async def _batch(
        self, batch: Batch, principal: Principal, media: Media, request_id: str
    ) -> Response:
        """One after the other: a batch takes no more turns than its sender would otherwise have."""
        answers = []
        for number, operation in enumerate(batch.operations):
            id_ = f"{request_id}-{number}"
            try:
                prepared = await self.execution.prepare(operation, principal)
            except RequestError as error:
                answers.append(failure(error.errors, id_))
                continue
            if is_subscription(prepared.definition):
                message = "A batch holds queries and mutations."
                answers.append(failure([coded(ErrorCode.BAD_REQUEST, message)], id_))
                continue
            answers.append(await self.execution.run(prepared, principal, request_id=id_))
        return _json(answers, media, 200)

    def _not_prepared(self, refusal: Answer, media: Media, request_id: str) -> Response:
        """GraphQL over SSE tells what is wrong with a document on an accepted stream; a status is
        for what passes, since its clients ask again after one."""
        if media is Media.EVENTS and _status(refusal, media) == INVALID_DOCUMENT:
            return self.streams.refusing(refusal, request_id)
        return _told(refusal, media)

    def _refused(
        self, media: Media, message: str, status: int, request_id: str, **headers: str
    ) -> Response:
        error = coded(ErrorCode.BAD_REQUEST, message)
        response = _json(failure([error], request_id), media, status)
        response.headers.update(headers)
        return response

    def _unauthenticated(self, media: Media, error: NotAuthenticated, request_id: str) -> Response:
        refusal = failure([coded(ErrorCode.UNAUTHENTICATED, str(error))], request_id)
        return _json(refusal, media, 401)


def _code(refusal: Answer) -> Any:
    return refusal["errors"][0]["extensions"]["code"]


def _status(answer: Answer, media: Media) -> int:
    """The status of an operation that was prepared.

    A membership that has ended is found out by the first statement only; where nothing was
    answered on account of it, clients get the same 401 as for a token that has expired, in both
    media types, since that is what they refresh their tokens on.
    """
    codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
    answered = any(value is not None for value in (answer.get("data") or {}).values())
    if ErrorCode.UNAUTHENTICATED in codes and not answered:
        return 401
    if "data" in answer or media is Media.JSON:
        return 200
    return next((status for code, status in _NOT_RUN.items() if code in codes), INVALID_DOCUMENT)


_NOT_RUN = {
    ErrorCode.INTERNAL_SERVER_ERROR: 500,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.TIMEOUT: 504,
    ErrorCode.THROTTLED: 429,
}


def _told(answer: Answer, media: Media) -> Response:
    response = _json(answer, media, _status(answer, media))
    waits = [error["extensions"].get("retryAfter") for error in answer.get("errors", ())]
    if any(waits):
        response.headers["retry-after"] = str(math.ceil(max(wait for wait in waits if wait)))
    return response


def _json(answer: Answer | list[Answer], media: Media, status: int) -> Response:
    kind = Media.JSON if media is Media.EVENTS else media
    headers = {"content-type": f"{kind.value}; charset=utf-8", "cache-control": "no-store"}
    if status == 401:  # noqa: PLR2004 - Unauthorized
        headers["www-authenticate"] = 'Bearer realm="seller-center"'
    return Response(encoded(answer), status, headers)
