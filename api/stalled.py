"""Connections whose other end has stopped reading are cut.

uvicorn closes a connection once what it has written is taken, which a client that does not read
never does; a send time-out in the application cannot help there. Here the transport is dropped
when its buffer has stood full for as long as that.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


def protocols(patience: float) -> tuple[type[asyncio.Protocol], type[asyncio.Protocol]]:
    """Uvicorn's protocols for HTTP and for WebSockets, which cut off after `patience` seconds."""

    class Http(_Cutting, HttpToolsProtocol):
        pass

    class WebSockets(_Cutting, WebSocketsSansIOProtocol):
        pass

    Http.patience = WebSockets.patience = patience
    return Http, WebSockets


class _Cutting(asyncio.Protocol):
    patience: float
    loop: asyncio.AbstractEventLoop
    transport: Any
    _deadline: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.patience, self.transport.abort)

    def resume_writing(self) -> None:
        self._forget()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
