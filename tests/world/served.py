"""The application behind a real uvicorn, on a port of its own, in the loop of the tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from api.parts import Parts
from api.serving import DrainingServer, make_server


@dataclass(frozen=True)
class Served:
    port: int
    server: DrainingServer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"


@asynccontextmanager
async def serve(parts: Parts) -> AsyncIterator[Served]:
    settings = parts.settings.model_copy(update={"port": 0})
    parts.settings, before = settings, parts.settings
    server = make_server(parts)
    parts.settings = before
    server.config.lifespan = "off"  # the feeds run already, and outlive this server
    task = asyncio.create_task(server._serve())
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(port, server)
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def quick(parts: Parts, **changed: Any) -> AsyncIterator[Served]:
    """A server of the test's own, with settings that do not make it wait."""
    before = parts.settings
    parts.settings = before.model_copy(update=changed)
    try:
        async with serve(parts) as running:
            yield running
    finally:
        parts.settings = before
