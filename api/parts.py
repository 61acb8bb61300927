"""What every process of ours holds open: connections, keys and feeds.

Knows nothing of GraphQL, so that commands and the relay start without it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.rate_limits import RateLimits, open_rate_limits
from api.settings import Settings
from tenants.database import WorkspaceDatabase
from tenants.feed import Feeds
from tenants.identity import Principal
from tenants.pool import Pool, PoolLimits, check_role, open_pool
from tenants.relay import WAKE_CHANNEL
from tenants.sessions import Sessions
from tenants.storage import Storage
from tenants.tokens import AccessTokens, SigningKeys, TokenRules


@dataclass
class Parts:
    """What a running process holds; tests and commands open the same parts."""

    settings: Settings
    pool: Pool
    redis: Redis
    feeds: Feeds
    rate_limits: RateLimits
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    _waking: asyncio.Task[None] | None = None
    _called: bool = False

    @cached_property
    def tokens(self) -> AccessTokens:
        """Read when first asked for: a relay has no business with the signing keys."""
        rules = TokenRules(
            issuer=self.settings.token_issuer,
            audience=self.settings.token_audience,
            lifetime=timedelta(minutes=self.settings.access_token_minutes),
        )
        return AccessTokens(signing_keys(self.settings), rules)

    @cached_property
    def storage(self) -> Storage:
        return Storage.open(self.settings.storage_url, folder=self.settings.state / "files")

    @cached_property
    def sessions(self) -> Sessions:
        lifetime = timedelta(days=self.settings.refresh_token_days)
        return Sessions(self.pool, self.tokens, refresh_lifetime=lifetime)

    def open_database(self, principal: Principal, request_id: str = "") -> WorkspaceDatabase:
        return WorkspaceDatabase(
            self.pool, principal, request_id=request_id, announce=self.wake_relay
        )

    def wake_relay(self) -> None:
        """Tell the relay that there is something; if nobody hears it, it polls.

        One call is under way at a time, however many commits there are and however long Redis
        takes to answer.
        """
        self._called = True
        if self._waking is None or self._waking.done():
            self._waking = asyncio.get_running_loop().create_task(self._wake())

    async def end_wake_up(self) -> None:
        """Give up a call that is still under way: its connection is about to be closed."""
        if self._waking is not None:
            self._waking.cancel()
            await asyncio.gather(self._waking, return_exceptions=True)

    async def _wake(self) -> None:
        while self._called:
            self._called = False
            with contextlib.suppress(RedisError, OSError):
                await self.redis.publish(WAKE_CHANNEL, "")


def pool_limits(settings: Settings) -> PoolLimits:
    return PoolLimits(
        size=settings.pool_size,
        acquire_timeout=settings.acquire_timeout,
        statement_timeout=settings.statement_timeout,
        lock_timeout=settings.lock_timeout,
    )


def signing_keys(settings: Settings) -> SigningKeys:
    return SigningKeys.open(settings.signing_keys or settings.state / "signing-keys.json")


@contextlib.asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Connections and keys of one process, closed again however it ends."""
    if settings.app_database_url is None or settings.redis_url is None:
        raise SystemExit("APP_DATABASE_URL and REDIS_URL are needed; `make run` starts its own.")
    pool = await open_pool(
        settings.app_database_url.get_secret_value(), limits=pool_limits(settings)
    )
    redis_url = settings.redis_url.get_secret_value()
    redis = Redis.from_url(redis_url, socket_connect_timeout=3)
    rate_limits = open_rate_limits(redis_url)
    try:
        await check_role(pool)
        parts = Parts(settings, pool, redis, Feeds(pool, redis), rate_limits)
        try:
            yield parts
        finally:
            await parts.end_wake_up()
    finally:
        await rate_limits.close()
        await redis.aclose()
        try:
            async with asyncio.timeout(3):
                await pool.close()
        except TimeoutError:
            pool.terminate()
