"""Redis or Valkey: reachable, new enough, and set up to lose nothing."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError

from api.command_line.checks.finding import Finding, broken, doubtful, fine

_PATIENCE = 5.0
_OLDEST = {"redis": 7, "valkey": 8}


async def check_redis(url: str) -> AsyncIterator[Finding]:
    place = urlsplit(url)
    where = f"{place.hostname}:{place.port or 6379}"
    redis: Redis = Redis.from_url(
        url,
        socket_connect_timeout=_PATIENCE,
        socket_timeout=_PATIENCE,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    try:
        info: dict[str, Any] = await redis.info()
        yield _version(info)
        yield _append_only(info)
        yield _eviction(info)
    except AuthenticationError:
        mend = "Correct the password in REDIS_URL: redis://:PASSWORD@host:6379/0."
        yield broken("redis", f"{where} refuses the password", mend)
    except (OSError, RedisError) as error:
        mend = "Start Redis or Valkey there, or correct REDIS_URL. Until then live events wait."
        yield broken("redis", f"{where}: {type(error).__name__}: {error}", mend)
    finally:
        await redis.aclose()


def _version(info: dict[str, Any]) -> Finding:
    kind = "valkey" if "valkey_version" in info else "redis"
    number = str(info.get(f"{kind}_version", "0"))
    said = f"{kind.capitalize()} {number}"
    if int(number.split(".", maxsplit=1)[0]) < _OLDEST[kind]:
        return broken("redis", said, "Redis 7, Valkey 8 or newer is needed.")
    return fine("redis", said)


def _append_only(info: dict[str, Any]) -> Finding:
    if info.get("aof_enabled"):
        return fine("append-only file", "on")
    mend = "Set `appendonly yes`: without it a crash loses a third of the recent events."
    return doubtful("append-only file", "off", mend)


def _eviction(info: dict[str, Any]) -> Finding:
    policy = str(info.get("maxmemory_policy", "unknown"))
    if policy == "noeviction":
        return fine("eviction", policy)
    mend = "Set `maxmemory-policy noeviction`: streams that vanish are gaps for every subscriber."
    return doubtful("eviction", policy, mend)
