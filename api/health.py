"""/live says that the process turns its loop; /ready that it can serve right now."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tenants.pool import Pool

_PATIENCE = 2.0


@dataclass(slots=True, kw_only=True)
class Health:
    """Every answer is given within about two seconds, also when a server hangs."""

    pool: Pool
    redis: "Redis"
    draining: Callable[[], bool]
    _asking: dict[str, asyncio.Future[bool]] = field(default_factory=dict)

    def routes(self) -> list[BaseRoute]:
        return [Route("/live", self.live), Route("/ready", self.ready)]

    async def live(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """503 while draining or without Postgres. Without Redis we still serve: degraded."""
        if self.draining():
            return JSONResponse({"status": "draining"}, 503)
        postgres, redis = await asyncio.gather(
            self._state("postgres", self._ask_postgres), self._state("redis", self._ask_redis)
        )
        parts = {"postgres": postgres, "redis": redis}
        if postgres != "ok":
            return JSONResponse({"status": "unavailable", **parts}, 503)
        status = "ok" if redis == "ok" else "degraded"
        return JSONResponse({"status": status, **parts})

    async def _state(self, name: str, ask: Callable[[], Awaitable[Any]]) -> str:
        """Ask once at a time: however often we are asked, a server that hangs holds one task.

        The question is not cancelled when we stop waiting: asyncpg would then wait for the
        server that does not answer.
        """
        if name not in self._asking or self._asking[name].done():
            self._asking[name] = asyncio.ensure_future(_succeeds(ask))
        task = self._asking[name]
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE)
        return "ok" if done and task.result() else "unreachable"

    async def _ask_postgres(self) -> None:
        await self.pool.fetchval("SELECT 1", timeout=10)

    async def _ask_redis(self) -> None:
        async with asyncio.timeout(10):
            await self.redis.execute_command("PING")  # type: ignore[no-untyped-call]


async def _succeeds(ask: Callable[[], Awaitable[Any]]) -> bool:
    try:
        await ask()
    except Exception:  # noqa: BLE001 - whatever it is, the server did not answer
        return False
    return True
