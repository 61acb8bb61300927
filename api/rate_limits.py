"""Counters that all processes share, for limits of how often something may be done.

    limits = open_rate_limits(redis_url)             # one a process: `Parts.rate_limits`
    wait = await limits.spend(limit, "sign-in", address)         # 0.0, or seconds to wait
    await limits.give_back(limit, "sign-in", address)            # it did not count after all
    await limits.asked(lambda storage: SomeLimiter(storage).hit(limit, *key, cost=7))

`limit` is a `RateLimitItem` of the library `limits`, such as `RateLimitItemPerMinute(10)`. `spend`
and `give_back` use its fixed window, which begins with the first use; `asked` lends the storage to
any other strategy of `limits.aio.strategies`. Never by way of the moving window, which keeps an
entry for each unit of cost. Parts of a key hold no secret and no address of a person: Redis shows
them to its operator.

The counters lie in Redis. While it is away, or does not answer within `patience` seconds, they lie
in this process's memory: limits are then looser by the number of processes, and nobody waits.
`pause` seconds later one caller tries Redis again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = structlog.get_logger()

Answer = TypeVar("Answer")

_CONNECTIONS = 8
_PREFIX = "seller:limits"


def open_rate_limits(redis_url: str, *, patience: float = 0.3, pause: float = 3.0) -> "RateLimits":
    """Counters over connections of their own, so that a stalled stream never holds them up."""
    connections = BlockingConnectionPool.from_url(
        redis_url,
        max_connections=_CONNECTIONS,
        timeout=patience,
        socket_timeout=patience,
        socket_connect_timeout=patience,
        retry=Retry(NoBackoff(), 0),
    )
    return RateLimits(connections, patience=patience, pause=pause)


class RateLimits:
    def __init__(
        self, connections: BlockingConnectionPool, *, patience: float, pause: float
    ) -> None:
        self._connections = connections
        self._shared = RedisStorage(
            "redis://",  # the pool knows where
            implementation="redispy",
            key_prefix=_PREFIX,
            connection_pool=connections,  # type: ignore[arg-type] # narrower than what it takes
        )
        self._own = MemoryStorage()
        self._patience = patience
        self._pause = pause
        self._away_until: float | None = None
        self._asking: set[asyncio.Future[Any]] = set()

    async def spend(self, limit: RateLimitItem, *key: str, cost: int = 1) -> float:
        """Count `cost` against a limit: 0.0 where that is within it, else seconds to wait.

        What is refused costs nothing.
        """

        async def count(storage: Storage) -> float:
            limiter = FixedWindowRateLimiter(storage)
            if await limiter.hit(limit, *key, cost=cost):
                return 0.0
            await storage.incr(limit.key_for(*key), limit.get_expiry(), amount=-cost)
            stats = await limiter.get_window_stats(limit, *key)
            return min(max(stats.reset_time - time.time(), 1.0), float(limit.get_expiry()))

        return await self.asked(count)

    async def give_back(self, limit: RateLimitItem, *key: str, cost: int = 1) -> None:
        """Undo a `spend`."""

        async def uncount(storage: Storage) -> None:
            await storage.incr(limit.key_for(*key), limit.get_expiry(), amount=-cost)

        await self.asked(uncount)

    async def asked(self, ask: Callable[[Storage], Awaitable[Answer]]) -> Answer:
        """What `ask` finds in Redis, or in our own memory where Redis does not answer."""
        if self._worth_asking():
            try:
                answer = await self._answer_of(ask)
            except (RedisError, OSError, TimeoutError) as error:
                self._note_away(error)
            else:
                self._note_back()
                return answer
        return await ask(self._own)

    async def close(self) -> None:
        """Ends what is still under way, which the connections' own time-outs bound."""
        await asyncio.gather(*self._asking, return_exceptions=True)
        await self._connections.aclose()

    async def _answer_of(self, ask: Callable[[Storage], Awaitable[Answer]]) -> Answer:
        """Waits no longer than our patience, yet cancels nothing: a call that is cancelled while
        its connection times out never gives the connection back to the pool."""
        asking = asyncio.ensure_future(ask(self._shared))
        self._asking.add(asking)
        asking.add_done_callback(self._asked)
        done, _ = await asyncio.wait({asking}, timeout=self._patience)
        if not done:
            raise TimeoutError(f"Redis did not answer within {self._patience:g} seconds.")
        return await asking

    def _asked(self, asking: asyncio.Future[Any]) -> None:
        self._asking.discard(asking)
        if not asking.cancelled():
            asking.exception()  # looked at: nobody may wait for it any more

    def _worth_asking(self) -> bool:
        now = asyncio.get_running_loop().time()
        if self._away_until is None:
            return True
        if now < self._away_until:
            return False
        self._away_until = now + self._pause  # one tries; the others do not wait with it
        return True

    def _note_away(self, error: Exception) -> None:
        if self._away_until is None:
            log.warning("rate_limits.redis_away", reason=repr(error))
        self._away_until = asyncio.get_running_loop().time() + self._pause

    def _note_back(self) -> None:
        if self._away_until is not None:
            log.info("rate_limits.redis_back")
        self._away_until = None
