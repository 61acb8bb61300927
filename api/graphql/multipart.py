"""Operations that bring files, by the GraphQL multipart request specification.

https://github.com/jaydenseric/graphql-multipart-request-spec: a form of `operations` (the JSON that
would else be the body), `map` (which file goes where) and the files, in this order. A page of any
origin can make a browser send such a form, so it needs a header that no form can send without leave
being asked first.

Files lie in memory while they are small, then in files of the disk that have no name: whatever
happens to us, nothing is left of them.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from api.graphql.failures import RequestError
from api.graphql.form import Form, FormLimits
from api.graphql.requests import BadRequest, too_large
from schema.errors import ErrorCode, coded

# Each makes a browser ask first. The last two are what clients of Apollo send anyway.
FORCE_PREFLIGHT = (
    "graphql-require-preflight",
    "apollo-require-preflight",
    "x-apollo-operation-name",
)
AT_ONCE = 4  # requests with files, of one workspace
_LONGEST_BOUNDARY = 70  # RFC 2046


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """`body_bytes` are those of the whole request. A client that says nothing for `silence`
    seconds is given up; a workspace has `at_once` requests with files open at a time."""

    form: FormLimits
    body_bytes: int
    silence: float = 30.0
    at_once: int = AT_ONCE


class Uploads:
    """Reads requests with files."""

    def __init__(self, limits: UploadLimits) -> None:
        self._limits = limits
        self._open: Counter[UUID] = Counter()

    async def read(self, request: Request, workspace_id: UUID) -> Any:
        """The decoded `operations`, with an `UploadedFile` wherever `map` says.

        The files last until `discard_files`. Raises `BadRequest`, or `RequestError` where the
        same request may pass later.
        """
        _check_preflight(request)
        boundary = _boundary(request)
        _check_declared(request, self._limits.body_bytes)
        if self._open[workspace_id] >= self._limits.at_once:
            raise RequestError(_TOO_MANY)
        self._open[workspace_id] += 1
        form = Form(self._limits.form)
        request.scope[_DISCARD] = lambda: self._discard(form, workspace_id)
        return await self._filled(form, boundary, request)

    async def _filled(self, form: Form, boundary: bytes, request: Request) -> Any:
        parser = MultipartParser(boundary, form.callbacks())
        left = self._limits.body_bytes
        stream = aiter(request.stream())
        try:
            while True:
                async with asyncio.timeout(self._limits.silence):
                    part = await anext(stream, None)
                if part is None:
                    return form.result()
                left -= len(part)
                if left < 0:
                    raise too_large(self._limits.body_bytes)
                parser.write(part)
                await form.store()
        except FormParserError:
            raise BadRequest("This is no well-formed multipart/form-data.") from None
        except ClientDisconnect:
            raise BadRequest("The client left before the request was complete.") from None
        except TimeoutError:
            message = f"Nothing came for {self._limits.silence:g} seconds."
            raise BadRequest(message, 408) from None
        except OSError:
            raise RequestError(_NO_ROOM) from None

    def _discard(self, form: Form, workspace_id: UUID) -> None:
        form.close()
        self._open[workspace_id] -= 1
        if not self._open[workspace_id]:
            del self._open[workspace_id]


def is_multipart(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "multipart/form-data"


def discard_files(request: Request) -> None:
    """Remove what came with a request, once it is answered, refused or given up."""
    discard: Callable[[], None] | None = request.scope.pop(_DISCARD, None)
    if discard is not None:
        discard()


_DISCARD = "api.graphql.multipart.discard"
_TOO_MANY = coded(
    ErrorCode.THROTTLED,
    "Your workspace is sending as many files as it may at once; try again when some are through.",
    retryAfter=1,
)
_NO_ROOM = coded(ErrorCode.UNAVAILABLE, "There is no room for your files now; try again shortly.")


def _check_preflight(request: Request) -> None:
    if not any(request.headers.get(name, "").strip() for name in FORCE_PREFLIGHT):
        named = ", ".join(f"`{name}`" for name in FORCE_PREFLIGHT)
        raise BadRequest(
            "A form with files needs a header that a page of another site cannot send without "
            f"leave: one of {named}, with any value, such as `{FORCE_PREFLIGHT[0]}: 1`."
        )


def _check_declared(request: Request, limit: int) -> None:
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        message = "Compressed bodies are not accepted; send it as it is."
        raise BadRequest(message, 415, accept_encoding="identity")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large(limit)


def _boundary(request: Request) -> bytes:
    _, given = parse_options_header(request.headers["content-type"])
    boundary = given.get(b"boundary", b"")
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        longest = f"a `boundary` of 1 to {_LONGEST_BOUNDARY} characters"
        raise BadRequest(f"`Content-Type: multipart/form-data` needs {longest}.")
    return boundary
