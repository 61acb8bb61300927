"""`seller doctor` on set-ups that are broken in one way each."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest_asyncio

from api.command_line.checks.postgres import check_postgres
from api.command_line.checks.redis import check_redis
from api.settings import Settings
from tests.command_line.conftest import Seller, free_port


def found(findings: list[Any]) -> dict[str, str]:
    """Verdict and sentence of each thing, by its name."""
    return {one.what: f"{one.verdict}: {one.said} -> {one.mend}" for one in findings}


async def asked(owner_url: str | None, app_url: str) -> dict[str, str]:
    return found([finding async for finding in check_postgres(owner_url, app_url)])


def urls_of(settings: Settings) -> tuple[str, str]:
    assert settings.database_url is not None
    assert settings.app_database_url is not None
    return settings.database_url.get_secret_value(), settings.app_database_url.get_secret_value()


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database(owner: asyncpg.Connection, settings: Settings) -> AsyncIterator[str]:
    await owner.execute("CREATE DATABASE seller_empty")
    yield urlsplit(urls_of(settings)[0])._replace(path="/seller_empty").geturl()
    await owner.execute("DROP DATABASE seller_empty WITH (FORCE)")


def test_a_good_set_up_has_nothing_broken(seller: Seller) -> None:
    done = seller("doctor", "--json")
    verdicts = {one["what"]: one["verdict"] for one in json.loads(done.out)}
    assert done.code == 0, done.out
    for what in ("postgres", "role", "walls", "migrations", "clock", "relay", "redis"):
        assert verdicts[what] in {"ok", "warn"}, done.out
    assert verdicts["walls"] == verdicts["migrations"] == verdicts["role"] == "ok"


def test_the_table_says_what_to_do_and_the_code_is_1(seller: Seller) -> None:
    done = seller("doctor", also={"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"})
    assert done.code == 1
    assert "fail  redis" in done.out
    assert "-> Start Redis or Valkey there" in done.out


async def test_a_wrong_password(settings: Settings) -> None:
    owner_url, app_url = urls_of(settings)
    wrong = app_url.replace(":secret@", ":wrong@")
    told = await asked(owner_url, wrong)
    assert "fail" in told["postgres"]
    assert "refuses the password" in told["postgres"]
    assert "wrong" not in told["postgres"]
    assert "ok" in told["migrations"], "the rest is still looked at"


async def test_a_superuser_as_the_application(settings: Settings) -> None:
    owner_url, _ = urls_of(settings)
    told = await asked(owner_url, owner_url)
    assert told["role"].startswith("fail")
    assert "superuser" in told["role"]


async def test_a_database_without_tables(empty_database: str, settings: Settings) -> None:
    _, app_url = urls_of(settings)
    told = await asked(empty_database, urlsplit(app_url)._replace(path="/seller_empty").geturl())
    assert told["tables"].startswith("fail: there are none -> Run `seller migrate`")
    assert told["migrations"].startswith("fail: the tables are at nothing")


async def test_a_wall_that_is_down(empty_database: str) -> None:
    connection = await asyncpg.connect(empty_database)
    await connection.execute("CREATE TABLE workspaces (id uuid)")
    await connection.execute("CREATE TABLE orders (workspace_id uuid)")
    await connection.execute("ALTER TABLE workspaces ENABLE ROW LEVEL SECURITY")
    await connection.execute(
        "CREATE TABLE outbox_events (sent_at timestamptz, occurred_at timestamptz)"
    )
    await connection.execute("INSERT INTO outbox_events VALUES (NULL, now() - interval '1 hour')")
    await connection.close()
    told = await asked(None, empty_database)
    assert told["walls"].startswith("fail: row security is not forced on orders, workspaces")
    assert told["relay"].startswith("warn: 1 events wait, the oldest for 3600 s")
    assert told["migrations"].startswith("warn")


async def test_servers_that_are_away() -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    told = await asked(None, f"postgresql://x:secret@{nowhere}/x")
    assert told["postgres"].startswith(f"fail: APP_DATABASE_URL: {nowhere}")
    assert "secret" not in told["postgres"]
    redis = found([one async for one in check_redis(f"redis://:secret@{nowhere}/0")])
    assert redis["redis"].startswith(f"fail: {nowhere}")


async def test_redis_with_a_wrong_password_or_one_that_forgets(settings: Settings) -> None:
    assert settings.redis_url is not None
    url = settings.redis_url.get_secret_value()
    told = found([one async for one in check_redis(url)])
    assert told["append-only file"].startswith("ok")
    assert told["eviction"].startswith("ok")
    place = urlsplit(url)
    wrong = url.replace(str(place.password), "wrong") if place.password else url
    if place.password:
        told = found([one async for one in check_redis(wrong)])
        assert "refuses the password" in told["redis"]
