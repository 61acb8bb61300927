"""The control: Strawberry served as its documentation teaches, where checks have to find something.

Everything is at its defaults. `/graphql` and every other path answer GraphQL over HTTP, server-sent
events and both WebSocket protocols, for anybody.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

import strawberry
import uvicorn
from strawberry.asgi import GraphQL
from strawberry.subscriptions import (
    GRAPHQL_SSE_PROTOCOL,
    GRAPHQL_TRANSPORT_WS_PROTOCOL,
    GRAPHQL_WS_PROTOCOL,
)

VERSIONS = {"strawberry-graphql": version("strawberry-graphql"), "uvicorn": version("uvicorn")}
# What `broken` raises; an answer that says it lets everybody read what went wrong inside.
SECRET = "password=hunter2"


@strawberry.type
class Product:
    id: strawberry.ID
    title: str

    @strawberry.field
    async def related(self, first: int = 2) -> list["Product"]:
        """Products without end, for documents that go deep and wide."""
        return [_product(f"{self.id}-{n}") for n in range(first)]


def _product(id: str) -> Product:
    return Product(id=strawberry.ID(id), title=f"Product {id}")


@strawberry.type
class Query:
    @strawberry.field
    async def product(self, id: strawberry.ID) -> Product | None:
        return _product(id)

    @strawberry.field
    async def products(self, first: int = 20) -> list[Product]:
        return [_product(str(n)) for n in range(first)]

    @strawberry.field
    async def broken(self) -> str | None:
        raise RuntimeError(SECRET)


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def product_rename(self, id: strawberry.ID, title: str) -> Product:
        return Product(id=id, title=title)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, up_to: int = 3, pause: float = 0.0) -> AsyncGenerator[int, None]:
        for number in range(1, up_to + 1):
            yield number
            await asyncio.sleep(pause)

    @strawberry.subscription
    async def texts(self, length: int = 10_000) -> AsyncGenerator[str, None]:
        """Without end and without pause, for subscribers that stop reading."""
        while True:
            yield "x" * length
            await asyncio.sleep(0)

    @strawberry.subscription
    async def broken(self) -> AsyncGenerator[int, None]:
        yield 1
        raise RuntimeError(SECRET)


@dataclass(frozen=True)
class PlainStrawberry:
    port: int
    server: uvicorn.Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"


def application() -> GraphQL[None, None]:
    schema = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)
    protocols = (GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL)
    return GraphQL(schema, subscription_protocols=protocols)


@asynccontextmanager
async def plain_strawberry() -> AsyncIterator[PlainStrawberry]:
    """Behind a uvicorn at its defaults, on a port of its own, in the loop of the tests.

    When left it waits a second for what is open, and gives the rest up: by default it would wait
    for ever.
    """
    config = uvicorn.Config(application(), port=0, log_config=None, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    try:
        yield PlainStrawberry(server.servers[0].sockets[0].getsockname()[1], server)
    finally:
        server.should_exit = True
        await task
