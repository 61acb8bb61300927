"""Counters that several processes share, and what counts while Redis is away or stalled."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from limits import RateLimitItemPerMinute, RateLimitItemPerSecond
from redis.asyncio import Redis

from api.embedded.servers import EmbeddedServers
from api.embedded.valkey import EmbeddedValkey
from api.rate_limits import RateLimits, open_rate_limits
from tenants.ids import new_id

THREE = RateLimitItemPerMinute(3)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    valkey = EmbeddedValkey(tmp_path / "valkey")
    valkey.start()
    yield valkey
    valkey.stop()


@asynccontextmanager
async def counting(url: str, pause: float = 3.0) -> AsyncIterator[RateLimits]:
    """The counters of one process."""
    limits = open_rate_limits(url, pause=pause)
    yield limits
    await limits.close()


async def within(limits: RateLimits, key: str, times: int, limit: RateLimitItemPerMinute) -> int:
    """How many of so many uses at once were within the limit."""
    waits = await asyncio.gather(*(limits.spend(limit, key) for _ in range(times)))
    return waits.count(0.0)


async def test_what_is_over_the_limit_waits_for_the_end_of_the_minute(
    servers: EmbeddedServers,
) -> None:
    key = str(new_id())
    async with counting(servers.redis_url) as limits:
        assert [await limits.spend(THREE, key) for _ in range(3)] == [0.0] * 3
        assert 1.0 <= await limits.spend(THREE, key) <= 60.0
        assert await limits.spend(THREE, f"{key}-other") == 0.0


async def test_the_limit_holds_over_processes_and_for_many_at_once(
    servers: EmbeddedServers,
) -> None:
    key, limit = str(new_id()), RateLimitItemPerMinute(20)
    async with counting(servers.redis_url) as one, counting(servers.redis_url) as two:
        let_through = await asyncio.gather(*(within(each, key, 50, limit) for each in (one, two)))
        assert sum(let_through) == 20
        assert min(let_through) > 0


async def test_what_is_given_back_or_refused_costs_nothing(servers: EmbeddedServers) -> None:
    key = str(new_id())
    async with counting(servers.redis_url) as limits:
        assert await limits.spend(THREE, key, cost=2) == 0.0
        assert await limits.spend(THREE, key, cost=2) > 0.0
        assert await limits.spend(THREE, key, cost=1) == 0.0
        await limits.give_back(THREE, key, cost=3)
        assert await limits.spend(THREE, key, cost=3) == 0.0


async def test_a_window_that_ended_is_forgotten_even_when_something_is_given_back_late(
    servers: EmbeddedServers,
) -> None:
    key, limit = str(new_id()), RateLimitItemPerSecond(2)
    async with counting(servers.redis_url) as limits, Redis.from_url(servers.redis_url) as redis:
        assert await limits.spend(limit, key, cost=2) == 0.0
        await asyncio.sleep(1.2)
        await limits.give_back(limit, key)
        (left,) = [name async for name in redis.scan_iter(f"*{key}*", count=10_000)]
        assert 0 < await redis.pttl(left) <= 1_000, "what is counted ends by itself"
        assert await limits.spend(limit, key, cost=2) == 0.0


async def test_while_redis_is_away_each_process_counts_by_itself_and_then_returns(
    own_valkey: EmbeddedValkey,
) -> None:
    async with counting(own_valkey.url, pause=0.2) as limits:
        assert await within(limits, "shared", 2, THREE) == 2
        own_valkey.kill()
        assert await within(limits, "shared", 8, THREE) == 3, "from zero, in our own memory"
        assert await limits.spend(THREE, "shared") > 1.0
        own_valkey.start()
        await asyncio.sleep(0.3)
        assert await limits.spend(THREE, "another") == 0.0, "one asks whether Redis is back"
        assert await within(limits, "back", 5, THREE) == 3
        async with Redis.from_url(own_valkey.url) as redis:
            assert [name async for name in redis.scan_iter("*back*")], "counted in Redis again"


async def test_a_stalled_redis_holds_one_caller_up_and_only_for_moments() -> None:
    silent = _Silent()
    async with silent.listening() as url, counting(url, pause=30) as limits:
        async with asyncio.timeout(5):  # a guard; it takes 0.3 s
            assert await limits.spend(THREE, "key") == 0.0
            assert [await limits.spend(THREE, "key") == 0.0 for _ in range(10)].count(True) == 2
        assert silent.connections == 1, "who comes within the pause does not ask"


async def test_whoever_was_caught_in_a_stall_or_left_in_it_gives_the_connections_back(
    own_valkey: EmbeddedValkey,
) -> None:
    limit = RateLimitItemPerMinute(1_000)
    async with counting(own_valkey.url, pause=0.2) as limits:
        assert await within(limits, "before", 50, limit) == 50
        assert own_valkey.pid is not None
        os.kill(own_valkey.pid, signal.SIGSTOP)
        try:
            leaving = [asyncio.create_task(limits.spend(limit, "left")) for _ in range(4)]
            await asyncio.sleep(0.05)
            for task in leaving:
                task.cancel()
            assert await within(limits, "stalled", 50, limit) == 50
        finally:
            os.kill(own_valkey.pid, signal.SIGCONT)
        await asyncio.sleep(0.5)
        assert await limits.spend(limit, "another") == 0.0
        assert await within(limits, "after", 50, limit) == 50
        assert not limits._connections._in_use_connections
        async with Redis.from_url(own_valkey.url) as redis:
            (after,) = [name async for name in redis.scan_iter("*after*")]
            assert await redis.get(after) == b"50"


async def test_what_a_caller_does_wrong_is_no_outage(servers: EmbeddedServers) -> None:
    async with counting(servers.redis_url) as limits:

        async def wrong(_storage: object) -> None:
            raise ValueError

        with pytest.raises(ValueError):  # noqa: PT011 - any
            await limits.asked(wrong)
        key = str(new_id())
        assert await limits.spend(THREE, key) == 0.0
        async with Redis.from_url(servers.redis_url) as redis:
            assert [name async for name in redis.scan_iter(f"*{key}*", count=10_000)]


class _Silent:
    """A server that takes connections and never answers, as behind a stalled network."""

    def __init__(self) -> None:
        self.connections = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._hold, "127.0.0.1", 0)
        async with server:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError):
            await reader.read(-1)
        writer.close()
