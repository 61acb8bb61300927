"""Serving with uvicorn: bounded, and gone in time when asked to stop."""

import socket
from typing import Any

import uvicorn

from api.application import Parts, build_application
from api.stalled import protocols


class DrainingServer(uvicorn.Server):
    """Tells the application that it drains as soon as the signal arrives, so that streams end."""

    def __init__(self, config: uvicorn.Config, parts: Parts) -> None:
        super().__init__(config)
        self._parts = parts

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._parts.draining.set()
        super().handle_exit(sig, frame)


def make_server(parts: Parts) -> DrainingServer:
    settings = parts.settings
    # A little later than the application, whose close code may still reach a slow reader.
    http, websockets = protocols(settings.send_timeout + 2)
    config = uvicorn.Config(
        build_application(parts),
        http=http,
        ws=websockets,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        ws_max_size=settings.max_frame_bytes,
        ws_ping_interval=settings.keep_alive,
        ws_ping_timeout=settings.keep_alive,
        timeout_keep_alive=30,
        limit_concurrency=10_000,
        timeout_graceful_shutdown=max(1, int(settings.drain_seconds)),
    )
    return DrainingServer(config, parts)


def port_is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
