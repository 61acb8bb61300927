"""One embedded Valkey: what it acknowledged, it keeps."""

from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Unreachable

from api.embedded.process import ServerFailedError
from api.embedded.valkey import EmbeddedValkey


async def test_what_was_acknowledged_survives_sigkill_on_the_same_port(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path)
    valkey.start()
    url, pid = valkey.url, valkey.pid
    try:
        async with Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as redis:
            for number in range(500):
                await redis.xadd("orders", {"number": number})
            valkey.kill()
            with pytest.raises(Unreachable):
                await redis.ping()
            valkey.start()
            assert (valkey.url, valkey.pid == pid) == (url, False)
            assert await redis.xlen("orders") == 500
    finally:
        valkey.stop()


async def test_settings_are_as_asked_and_a_bad_one_is_shown(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(
        tmp_path, settings={"maxmemory-policy": "noeviction", "maxclients": "77"}
    )
    valkey.start()
    try:
        async with Redis.from_url(valkey.url, decode_responses=True) as redis:
            asked = await redis.config_get("maxclients", "appendonly", "bind")
            assert asked == {"maxclients": "77", "appendonly": "yes", "bind": "127.0.0.1"}
    finally:
        valkey.stop()
    with pytest.raises(ServerFailedError, match="maxclients"):
        EmbeddedValkey(tmp_path, settings={"maxclients": "many"}).start()
