"""GraphQL over HTTP: POST for everything, GET for queries, SSE where the client ranks it first."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from api.access import Access, origin_allowed
from api.graphql.answers import encoded
from api.graphql.documents import is_query, is_subscription
from api.graphql.execution import Answer, Execution, Operation, Prepared, RequestError, failure
from api.graphql.media import Media, negotiate
from api.graphql.requests import BadRequest, from_post, from_query
from api.graphql.sse import EventStream, stream_of
from schema.errors import ErrorCode, coded
from tenants.identity import NotAuthenticated, Principal

ALLOWED = "GET, POST"
# The newest draft of GraphQL over HTTP says 422 where a document is not valid; the audit suite
# that clients are tested with says 400 (docs/decisions/0004-status-of-invalid-documents.md).
INVALID_DOCUMENT = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpEndpoint:
    """`/graphql` for every request that is no WebSocket."""

    execution: Execution
    access: Access
    max_body_bytes: int
    keep_alive: float
    allowed_origins: frozenset[str]
    draining: Callable[[], bool]

    async def __call__(self, request: Request) -> Response:
        request_id = request.state.request_id
        media = negotiate(request.headers.get("accept"))
        if media is None:
            offered = ", ".join(Media)
            return self._refused(Media.JSON, f"We can answer with {offered}.", 406, request_id)
        if request.method not in {"GET", "POST"}:
            answer = self._refused(media, "Use POST, or GET for queries.", 405, request_id)
            answer.headers["allow"] = ALLOWED
            return answer
        if not origin_allowed(request, self.allowed_origins):
            return self._refused(media, "This origin may not use us.", 403, request_id)
        try:
            principal = await self.access.principal(request.headers.get("authorization"))
            operation = await self._read(request)
        except NotAuthenticated as error:
            return self._unauthenticated(media, error, request_id)
        except BadRequest as error:
            return self._refused(media, str(error), error.status, request_id)
        return await self._answered(request, operation, principal, media)

    async def _read(self, request: Request) -> Operation:
        if request.method == "GET":
            return from_query(request)
        return await from_post(request, max_bytes=self.max_body_bytes)

    async def _answered(
        self, request: Request, operation: Operation, principal: Principal, media: Media
    ) -> Response:
        request_id = request.state.request_id
        try:
            prepared = await self.execution.prepare(operation, principal)
        except RequestError as error:
            status = 200 if media is Media.JSON else INVALID_DOCUMENT
            return _json(failure(error.errors, request_id), media, status)
        if request.method == "GET" and not is_query(prepared.definition):
            answer = self._refused(media, "Over GET only queries run; use POST.", 405, request_id)
            answer.headers["allow"] = "POST"
            return answer
        if media is Media.EVENTS:
            return self._streamed(prepared, principal, request_id)
        if is_subscription(prepared.definition):
            message = "A subscription needs `Accept: text/event-stream`, or the WebSocket."
            return self._refused(media, message, 406, request_id)
        answer_data = await self.execution.run(prepared, principal, request_id=request_id)
        return _json(answer_data, media, _status(answer_data, media))

    def _streamed(self, prepared: Prepared, principal: Principal, request_id: str) -> Response:
        answers = self._answers(prepared, principal, request_id)
        body = stream_of(
            answers,
            keep_alive=self.keep_alive,
            until=principal.expires_at,
            draining=self.draining,
        )
        return EventStream(body)

    async def _answers(
        self, prepared: Prepared, principal: Principal, request_id: str
    ) -> AsyncGenerator[Answer, None]:
        if not is_subscription(prepared.definition):
            yield await self.execution.run(prepared, principal, request_id=request_id)
            return
        try:
            source = self.execution.subscribe(prepared, principal, request_id=request_id)
            async with aclosing(source) as answers:
                async for answer in answers:
                    yield answer
        except RequestError as error:
            yield failure(error.errors, request_id)

    def _refused(self, media: Media, message: str, status: int, request_id: str) -> Response:
        error = coded(ErrorCode.BAD_REQUEST, message)
        return _json(failure([error], request_id), media, status)

    def _unauthenticated(self, media: Media, error: NotAuthenticated, request_id: str) -> Response:
        refusal = failure([coded(ErrorCode.UNAUTHENTICATED, str(error))], request_id)
        return _json(refusal, media, 401)


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
}


def _json(answer: Answer, media: Media, status: int) -> Response:
    kind = Media.JSON if media is Media.EVENTS else media
    headers = {"content-type": f"{kind.value}; charset=utf-8", "cache-control": "no-store"}
    if status == 401:  # noqa: PLR2004 - Unauthorized
        headers["www-authenticate"] = 'Bearer realm="seller-center"'
    return Response(encoded(answer), status, headers)
