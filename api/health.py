"""/live says that the process turns its loop; /ready that it can serve right now."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tenants.pool import Pool

_PATIENCE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    pool: Pool
    redis: "Redis"
    draining: Callable[[], bool]

    def routes(self) -> list[BaseRoute]:
        return [Route("/live", self.live), Route("/ready", self.ready)]

    async def live(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """503 while draining or without Postgres. Without Redis we still serve: degraded."""
        postgres, redis = await asyncio.gather(self._postgres(), self._redis())
        parts: dict[str, Any] = {"postgres": postgres, "redis": redis}
        if self.draining():
            return JSONResponse({"status": "draining", **parts}, 503)
        if postgres != "ok":
            return JSONResponse({"status": "unavailable", **parts}, 503)
        status = "ok" if redis == "ok" else "degraded"
        return JSONResponse({"status": status, **parts})

    async def _postgres(self) -> str:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.pool.fetchval("SELECT 1")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return "unreachable"
        return "ok"

    async def _redis(self) -> str:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.redis.execute_command("PING")
        except (OSError, TimeoutError, RedisError):
            return "unreachable"
        return "ok"
