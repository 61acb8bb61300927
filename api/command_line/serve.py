"""`seller serve`, `seller relay` and `seller worker`: the processes of production."""

import asyncio

from api.command_line.opening import with_parts


def serve() -> None:
    """Serve HTTP and WebSocket on HOST and PORT, on the servers that the settings name.

    SIGTERM drains: `/ready` turns false, queries are answered, sockets are closed with 1012, and
    the process is gone within SELLER_DRAIN_SECONDS and a few more. Run as many as are needed:
    they keep no state. Each set-up also needs a `seller relay` and
    a `seller worker`.

    Example: `APP_DATABASE_URL=... REDIS_URL=... HOST=0.0.0.0 seller serve`
    """
    from api.logs import set_up_logs
    from api.parts import Parts
    from api.serving import serve_until_told
    from api.settings import load_settings
    from api.tracing import set_up_tracing

    settings = load_settings()
    set_up_logs(style=settings.log_format, level=settings.log_level)
    set_up_tracing(settings.otlp_endpoint)

    async def work(parts: Parts) -> None:
        await serve_until_told(parts)

    with_parts(work)


def relay() -> None:
    """Move events from the outbox to Redis. One is at work at a time; others stand by.

    Without one, orders are taken but no subscription hears of them. It waits out failures of
    Postgres and Redis, and ends at SIGTERM. SELLER_RELAY_METRICS_PORT lets Prometheus read it.
    """
    from datetime import timedelta

    from api.logs import set_up_logs
    from api.metrics import RELAYED, serve_metrics
    from api.parts import Parts
    from api.serving import when_told_to_stop
    from api.settings import load_settings
    from tenants.relay import Relay

    settings = load_settings()
    set_up_logs(style=settings.log_format, level=settings.log_level)

    async def work(parts: Parts) -> None:
        stopping = asyncio.Event()
        when_told_to_stop(stopping.set)
        mover = Relay(
            parts.pool,
            parts.redis,
            poll=settings.relay_poll,
            batch=settings.relay_batch,
            stream_length=settings.stream_length,
            keep=timedelta(days=settings.event_days),
            moved=RELAYED.inc,
        )
        with serve_metrics(settings.host, settings.relay_metrics_port):
            await mover.run(stopping)

    with_parts(work)


def worker() -> None:
    """Run jobs: whatever takes longer than a request may. Run as many as are needed.

    One that is killed leaves its jobs to the others, or to the next one; SIGTERM lets them go on
    for SELLER_DRAIN_SECONDS. It waits out failures of Postgres.
    """
    from api.jobs import build_worker
    from api.logs import set_up_logs
    from api.parts import Parts
    from api.serving import when_told_to_stop
    from api.settings import load_settings

    settings = load_settings()
    set_up_logs(style=settings.log_format, level=settings.log_level)

    async def work(parts: Parts) -> None:
        stopping = asyncio.Event()
        when_told_to_stop(stopping.set)
        await build_worker(parts).run(stopping)

    with_parts(work)
