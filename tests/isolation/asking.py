"""Asking through the real HTTP endpoint, and everything that comes of it: answer, headers, log."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import structlog

from api.application import build_application
from api.logs import set_up_logs
from api.parts import Parts

_ANSWER = "application/graphql-response+json"
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


class Endpoint:
    """The application itself, asked over HTTP within this process; by GET where told so."""

    def __init__(self, parts: Parts, log: Log, *, get: bool = False) -> None:
        transport = httpx.ASGITransport(app=build_application(parts))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://api", timeout=60)
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
        headers = {"accept": "text/event-stream" if events else _ANSWER}
        if authorization is not None:
            headers["authorization"] = authorization
        answer = await self._sent({"query": document, "variables": variables}, headers)
        told = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        statements = self._log.statements(answer.headers["x-request-id"])
        streamed = answer.headers["content-type"].startswith("text/event-stream")
        body = _first_event(answer.text) if streamed else answer.json()
        return Reply(answer.status_code, told, answer.text, body, statements)

    async def _sent(self, operation: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
        if not self._get:
            return await self._client.post("/graphql", json=operation, headers=headers)
        told = {**operation, "variables": json.dumps(operation["variables"])}
        return await self._client.get("/graphql", params=told, headers=headers)

    async def close(self) -> None:
        await self._client.aclose()


def _first_event(text: str) -> Any:
    told = [line[5:] for line in text.splitlines() if line.startswith("data:") and line[5:].strip()]
    return json.loads(told[0]) if told else {}
