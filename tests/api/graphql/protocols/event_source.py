"""Event streams read as the specification of server-sent events has it, and as urql reads them."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

EVENTS = "text/event-stream"
_END_OF_LINE = re.compile("\r\n|\n|\r(?!$)")  # after the last one, its LF may be still to come


@dataclass
class EventSource:
    """WHATWG HTML, 9.2.6: what a stream dispatches, whatever portions it comes in."""

    dispatched: list[tuple[str, str]] = field(default_factory=list)
    comments: int = 0
    _rest: str = ""
    _event: str = ""
    _data: str = ""

    def feed(self, text: str) -> None:
        *lines, self._rest = re.split(_END_OF_LINE, self._rest + text)
        for line in lines:
            self._take(line)

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if self._data:  # without any, nothing is dispatched
                self.dispatched.append((self._event or "message", self._data.removesuffix("\n")))
            self._event = self._data = ""
        elif not name:
            self.comments += 1
        elif name == "event":
            self._event = value
        elif name == "data":
            self._data += value + "\n"


def as_urql_reads(text: str) -> list[str]:
    """What urql 6 takes for events: what stands before each LF LF."""
    *events, _rest = text.split("\n\n")
    return [event for event in events if not event.startswith(":")]


@dataclass
class Stream:
    """An answer, as far as it has come."""

    response: httpx.Response
    source: EventSource = field(default_factory=EventSource)
    raw: str = ""
    ended: bool = False

    def __post_init__(self) -> None:
        self._parts: AsyncIterator[bytes] = self.response.aiter_raw()

    @property
    def kind(self) -> str:
        return self.response.headers["content-type"].partition(";")[0]

    async def events(self, count: int | None = None) -> list[tuple[str, str]]:
        """So many events, or all until the end."""
        while not self.ended and (count is None or len(self.source.dispatched) < count):
            try:
                text = (await anext(self._parts)).decode()
            except StopAsyncIteration:
                self.ended = True
            else:
                self.raw += text
                self.source.feed(text)
        return self.source.dispatched

    async def results(self) -> list[Any]:
        """The results of a stream that ends as it has to: with one `complete`."""
        *nexts, last = await self.events()
        assert last == ("complete", ""), last
        assert {event for event, _ in nexts} <= {"next"}
        return [json.loads(data) for _, data in nexts]


@asynccontextmanager
async def streamed(
    url: str, operation: dict[str, Any], *, method: str = "POST", **headers: str
) -> AsyncIterator[Stream]:
    given = {"params": _flat(operation)} if method == "GET" else {"json": operation}
    async with (
        httpx.AsyncClient(headers={"accept": EVENTS, **headers}, timeout=8) as client,
        client.stream(method, url, **given) as response,
    ):
        yield Stream(response)


def _flat(operation: dict[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in operation.items()
    }
