"""Connections whose other end has stopped reading are cut.

uvicorn closes a connection once what it has written is taken, which a client that does not read
never does; a send time-out in the application cannot help there. Here the transport is dropped
when its buffer has stood full for as long as that. Where the buffer is not full, Linux itself gives
a connection up of which nothing was taken for twice as long.
"""

import asyncio
import contextlib
import socket
from typing import Any

from api.http_protocol import HttpProtocol
from api.socket_protocol import SocketProtocol

READ_AT_ONCE = 32 * 1024  # bytes


def protocols(
    patience: float, draining: asyncio.Event
) -> tuple[type[asyncio.Protocol], type[asyncio.Protocol]]:
    """Uvicorn's protocols for HTTP and for WebSockets, which cut off after `patience` seconds."""

    class Http(_Cutting, HttpProtocol):
        pass

    class WebSockets(_Cutting, SocketProtocol):
        pass

    Http.patience = WebSockets.patience = patience
    WebSockets.draining = draining
    return Http, WebSockets


class _Cutting(asyncio.Protocol):
    patience: float
    loop: asyncio.AbstractEventLoop
    transport: Any
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio reads 256 KiB at once: so many tiny requests or chunks hold the loop for long.
        if hasattr(transport, "max_size"):
            transport.max_size = READ_AT_ONCE
        super().connection_made(transport)
        option = getattr(socket, "TCP_USER_TIMEOUT", None)
        if option is not None:
            milliseconds = int(2_000 * self.patience)
            with contextlib.suppress(OSError):
                connected = transport.get_extra_info("socket")
                connected.setsockopt(socket.IPPROTO_TCP, option, milliseconds)

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
