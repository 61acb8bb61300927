"""Asking through the real HTTP endpoint, and everything that comes of it: answer, headers, log."""

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
import structlog

from api.application import build_application
from api.logs import set_up_logs
from api.parts import Parts

_ANSWER = b"application/graphql-response+json"
_EVENTS = b"text/event-stream"
Header = tuple[bytes, bytes]
_OURS = ("api.", "schema.", "commerce.", "tenants.")


@dataclass(frozen=True)
class Reply:
    """`headers` and `text` are as they came over the wire; `statements` is what the log says."""

    status: int
    headers: str
    text: str
    body: dict[str, Any]
    statements: int | None


class Log:
    """Every line that would be logged at the most talkative level, as it would be written."""

    def __init__(self) -> None:
        self.ours = io.StringIO()
        self.libraries = io.StringIO()
        self._lines: list[str] = []
        self._statements: dict[str, int] = {}

    def lines(self) -> list[str]:
        self._take()
        return self._lines

    def statements(self, request_id: str) -> int | None:
        """How many statements a request took; None where nothing was run."""
        self._take()
        return self._statements.get(request_id)

    def _take(self) -> None:
        for stream in (self.ours, self.libraries):
            fresh = stream.getvalue().splitlines()
            stream.seek(0)
            stream.truncate()
            self._lines += fresh
            for line in fresh:
                if '"statements"' in line:
                    told = json.loads(line)
                    self._statements[told["request_id"]] = told["statements"]


@contextmanager
def listening_to_logs() -> Iterator[Log]:
    """Our loggers write here for a while, through the processors that production has."""
    log = Log()
    set_up_logs(style="json", level="ERROR")
    logger = structlog.wrap_logger(
        structlog.PrintLogger(file=log.ours),
        processors=structlog.get_config()["processors"],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(log.libraries)
    handler.setLevel(logging.WARNING)
    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith(_OURS) and hasattr(module, "log"):
                patch.setattr(module, "log", logger)
        logging.getLogger().addHandler(handler)
        try:
            yield log
        finally:
            logging.getLogger().removeHandler(handler)


class _Answer:
    """What a server would send, put together."""

    def __init__(self, asked: bytes) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self._asked: bytes | None = asked
        self._whole = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if self._asked is None:
            await self._whole.wait()
            return {"type": "http.disconnect"}
        asked, self._asked = self._asked, None
        return {"type": "http.request", "body": asked, "more_body": False}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            return
        self.body += message.get("body", b"")
        if not message.get("more_body", False):
            self._whole.set()


class Endpoint:
    """The application itself, asked by the interface that a server calls; by GET where told so.

    No HTTP client between: it would take half as long again as the answers.
    """

    def __init__(self, parts: Parts, log: Log, *, get: bool = False) -> None:
        self._application = build_application(parts)
        self._log = log
        self._get = get

    async def ask(
        self,
        document: str,
        variables: dict[str, Any],
        authorization: str | None,
        *,
        events: bool = False,
    ) -> Reply:
        """`events`: as a stream of them, of which the first is the reply's body."""
        headers = [(b"host", b"api"), (b"accept", _EVENTS if events else _ANSWER)]
        if authorization is not None:
            headers.append((b"authorization", authorization.encode()))
        answer = await self._sent({"query": document, "variables": variables}, headers)
        told = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        statements = self._log.statements(answer.headers["x-request-id"])
        text = answer.body.decode()
        streamed = answer.headers["content-type"].startswith("text/event-stream")
        body = _first_event(text) if streamed else json.loads(text)
        return Reply(answer.status, told, text, body, statements)

    async def _sent(self, operation: dict[str, Any], headers: list[Header]) -> _Answer:
        if self._get:
            query = urlencode({**operation, "variables": json.dumps(operation["variables"])})
            return await self._called("GET", headers, query=query.encode())
        json_body = (b"content-type", b"application/json")
        return await self._called("POST", [*headers, json_body], body=json.dumps(operation))

    async def _called(
        self, method: str, headers: list[Header], *, query: bytes = b"", body: str = ""
    ) -> _Answer:
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": "/graphql", "raw_path": b"/graphql", "root_path": "",
            "query_string": query, "headers": headers, "client": ("127.0.0.1", 1),
            "server": ("api", 80),
        }  # fmt: skip
        answer = _Answer(body.encode())
        await self._application(scope, answer.receive, answer.send)
        return answer


def _first_event(text: str) -> Any:
    told = [line[5:] for line in text.splitlines() if line.startswith("data:") and line[5:].strip()]
    return json.loads(told[0]) if told else {}
