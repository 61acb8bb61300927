"""`seller serve` and `seller relay`: the two processes of production."""

import asyncio
import signal

from api.command_line.opening import with_parts


def serve() -> None:
    """Serve HTTP and WebSocket on HOST and PORT, on the servers that the settings name."""
    from api.application import Parts
    from api.logs import set_up_logs
    from api.serving import make_server
    from api.settings import load_settings
    from api.tracing import set_up_tracing

    settings = load_settings()
    set_up_logs(style=settings.log_format, level=settings.log_level)
    set_up_tracing(settings.otlp_endpoint)

    async def work(parts: Parts) -> None:
        await make_server(parts).serve()

    with_parts(work)


def relay() -> None:
    """Move events from the outbox to Redis. One is at work at a time; others stand by."""
    from datetime import timedelta

    from api.application import Parts
    from api.logs import set_up_logs
    from api.metrics import RELAYED
    from api.settings import load_settings
    from tenants.relay import Relay

    settings = load_settings()
    set_up_logs(style=settings.log_format, level=settings.log_level)

    async def work(parts: Parts) -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopping.set)
        mover = Relay(
            parts.pool,
            parts.redis,
            poll=settings.relay_poll,
            batch=settings.relay_batch,
            stream_length=settings.stream_length,
            keep=timedelta(days=settings.event_days),
            moved=RELAYED.inc,
        )
        await mover.run(stopping)

    with_parts(work)
