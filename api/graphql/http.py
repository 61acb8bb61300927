"""GraphQL over HTTP: POST for everything, GET for queries, SSE where the client ranks it first."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.access import Access, origin_allowed
from api.graphql.documents import is_query, is_subscription
from api.graphql.execution import Answer, Execution, Operation, Prepared, RequestError, failure
from api.graphql.media import Media, negotiate
from api.graphql.requests import BadRequest, from_post, from_query
from api.graphql.sse import stream_of
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
            prepared = self.execution.prepare(operation)
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
        status = 200 if "data" in answer_data or media is Media.JSON else INVALID_DOCUMENT
        return _json(answer_data, media, status)

    def _streamed(self, prepared: Prepared, principal: Principal, request_id: str) -> Response:
        answers = self._answers(prepared, principal, request_id)
        body = stream_of(
            answers,
            keep_alive=self.keep_alive,
            until=principal.expires_at,
            draining=self.draining,
        )
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(body, media_type="text/event-stream", headers=headers)

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
        answer = _json(refusal, media, 401)
        answer.headers["www-authenticate"] = 'Bearer realm="seller-center"'
        return answer


def _json(answer: Answer, media: Media, status: int) -> Response:
    kind = Media.JSON if media is Media.EVENTS else media
    headers = {"content-type": f"{kind.value}; charset=utf-8", "cache-control": "no-store"}
    return Response(orjson.dumps(answer), status, headers)
