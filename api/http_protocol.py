"""Uvicorn's HTTP protocol, with what it lacks.

It reads no further than to what it has still to answer. Uvicorn reads on with every answer, however
many requests wait for theirs on the same connection: a megabyte of small ones became a million
objects, which every collection of garbage looked through.
"""

import asyncio
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class HttpProtocol(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self.flow = _Flow(transport, self.pipeline)  # type: ignore[arg-type]

    def _should_upgrade(self) -> bool:
        """WebSockets begin with GET. Who offers to upgrade a POST is answered as by HTTP."""
        return self.scope["method"] == "GET" and super()._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """Such a request is read without its body, which must not be read as the next one."""
        self.cycle.keep_alive = False


class _Flow(FlowControl):
    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()
