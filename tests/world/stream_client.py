"""Subscribers of the order stream as a dashboard has them: cut now and then, always resuming."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

LIVE_ORDERS = """
subscription ($room: ID!, $after: String) {
  liveOrders(roomId: $room, after: $after) {
    ... on OrderEvent { eventId sequence occurredAt kind status version }
    ... on EventGap { firstSequence lastSequence }
  }
}
"""
ORDER_UPDATES = """
subscription ($after: String) {
  orderUpdates(after: $after) {
    ... on OrderEvent { eventId sequence kind status order { id externalId } }
    ... on EventGap { firstSequence lastSequence }
  }
}
"""


class StreamError(Exception):
    """The server ended a subscription with an error; `code` is the first one's."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(str(errors))
        self.code: str = errors[0]["extensions"]["code"]


@asynccontextmanager
async def connected(url: str, token: str, **options: Any) -> AsyncIterator[ClientConnection]:
    """A graphql-transport-ws connection, acknowledged."""
    protocols: Any = ["graphql-transport-ws"]
    async with connect(url, subprotocols=protocols, close_timeout=1, **options) as socket:
        hello = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
        await socket.send(json.dumps(hello))
        acknowledged = json.loads(await socket.recv())
        assert acknowledged["type"] == "connection_ack"
        yield socket


async def subscribe(
    socket: ClientConnection, query: str, variables: dict[str, Any]
) -> AsyncGenerator[dict[str, Any], None]:
    """What the one subscription of this connection yields; `StreamError` where it is ended."""
    payload = {"query": query, "variables": variables}
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
    async for text in socket:
        message = json.loads(text)
        if message["type"] == "ping":
            await socket.send('{"type": "pong"}')
        elif message["type"] == "next":
            answer = message["payload"]
            if answer.get("data") is None:
                raise StreamError(answer["errors"])
            (item,) = answer["data"].values()
            yield item
        elif message["type"] == "error":
            raise StreamError(message["payload"])
        else:
            return


async def server_sent(
    url: str, token: str, query: str, variables: dict[str, Any]
) -> AsyncGenerator[dict[str, Any], None]:
    """The same over server-sent events."""
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    body = {"query": query, "variables": variables}
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("POST", f"{url}/graphql", json=body, headers=headers) as response,
    ):
        assert response.status_code == 200, await response.aread()
        async for line in response.aiter_lines():
            if line.startswith("data:") and line[5:].strip():
                answer = json.loads(line[5:])
                if answer.get("data") is None:
                    raise StreamError(answer["errors"])
                (item,) = answer["data"].values()
                yield item


@dataclass
class Dashboard:
    """Subscribes, is cut at moments of its seed's choosing, and resumes after what it saw last.

    `items` is everything it was told, in order; `cuts` how often it began anew, `errors` the codes
    with which the server ended it.
    """

    url: str
    token: str
    room: str
    seed: int
    after: str = "0"
    mean_life: float | None = 0.5
    resumes: bool = (
        True  # a client that does not is the control: it misses what it was not there for
    )
    items: list[dict[str, Any]] = field(default_factory=list)
    cuts: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def sequences(self) -> list[int]:
        return [int(item["sequence"]) for item in self.items]

    async def watch(self, *, until: int) -> None:
        """Until that many items were seen."""
        chance = random.Random(self.seed)
        while len(self.items) < until:
            life = chance.expovariate(1 / self.mean_life) if self.mean_life else None
            try:
                async with asyncio.timeout(life):
                    await self._watch_once(until)
            except TimeoutError:
                self.cuts += 1
            except StreamError as error:
                self.errors.append(error.code)
                await asyncio.sleep(0.05)
            except (ConnectionClosed, OSError) as error:
                self.errors.append(type(error).__name__)
                await asyncio.sleep(0.05)

    async def sees(self, *, more: int) -> None:
        """Wait until that many further items were seen."""
        wanted = len(self.items) + more
        while len(self.items) < wanted:  # noqa: ASYNC110 - whoever watches is not asked to tell
            await asyncio.sleep(0.02)

    async def _watch_once(self, until: int) -> None:
        variables = {"room": self.room, "after": self.after if self.resumes else None}
        async with connected(self.url, self.token) as socket:
            with contextlib.closing(_Abort(socket)):
                async with aclosing(subscribe(socket, LIVE_ORDERS, variables)) as items:
                    async for item in items:
                        self.items.append(item)
                        self.after = item.get("sequence") or item["lastSequence"]
                        if len(self.items) >= until:
                            return


class _Abort:
    """Cuts the wire without a goodbye, as a lost network does."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def close(self) -> None:
        self._socket.transport.abort()
