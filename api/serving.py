"""Serving with uvicorn: bounded, and gone in time when asked to stop."""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterator

import structlog
import uvicorn

from api.application import build_application
from api.listening import listen
from api.parts import Parts
from api.stalled import protocols

log = structlog.get_logger()


class DrainingServer(uvicorn.Server):
    """Tells the application that it drains as soon as it shall stop, so that streams end."""

    def __init__(self, config: uvicorn.Config, parts: Parts) -> None:
        super().__init__(config)
        self._parts = parts
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    def drain(self) -> None:
        """Take nothing new, end what runs. Asked a second time: end at once."""
        self._parts.draining.set()
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `when_told_to_stop`: uvicorn's way ends the process by the signal,
        before connections are closed."""
        yield


def make_server(parts: Parts) -> DrainingServer:
    settings = parts.settings
    # A little later than the application, whose close code may still reach a slow reader.
    http, websockets = protocols(settings.send_timeout + 2, parts.draining)
    config = uvicorn.Config(
        build_application(parts),
        http=http,
        ws=websockets,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[str(network) for network in settings.trusted_proxies],
        lifespan="on",
        ws_max_size=settings.max_frame_bytes,
        # A megabyte that inflates a thousandfold holds the loop for a second, and each socket's
        # compressor its memory; what we send is small.
        ws_per_message_deflate=False,
        ws_ping_interval=settings.keep_alive,
        ws_ping_timeout=settings.keep_alive,
        timeout_keep_alive=30,
        limit_concurrency=settings.max_connections,
        timeout_graceful_shutdown=max(1, int(settings.drain_seconds)),
    )
    return DrainingServer(config, parts)


def calm_collector() -> None:
    """Leave what the start made out of garbage collection: to look through the schema and its
    modules holds the loop for a tenth of a second. What comes later is looked at by the 5,000, and
    what outlived that by the 25,000: to free 20,000 at once took up to 34 ms. Of what outlived that
    too, Python looks at all once it has grown by a quarter."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 5, 10)


def quick_turns() -> None:
    """The event loop gives the interpreter up whenever it reads or writes, and gets it back from a
    thread that computes (documents, plans, passwords) only after the switch interval: with
    Python's 5 ms, an operation waited 80 ms for another one's plan to be built."""
    sys.setswitchinterval(0.0005)


async def serve_until_told(parts: Parts) -> None:
    """Serve on the settings' host and port until SIGINT, SIGTERM or SIGHUP."""
    settings = parts.settings
    listening = listen(settings.host, settings.port)
    server = make_server(parts)
    calm_collector()
    quick_turns()
    when_told_to_stop(server.drain)
    log.info("serving", host=settings.host, port=listening.getsockname()[1])
    await server.serve(sockets=[listening])
    log.info("stopped")


def when_told_to_stop(act: Callable[[], object]) -> None:
    """Do `act` at SIGINT, SIGTERM and when the terminal closes, in place of what was done."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, act)
