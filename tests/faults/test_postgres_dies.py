"""Postgres loses a backend, or dies and comes back, under customers who order and look."""

import asyncio
import os
import random
import signal
import time

import asyncpg
import pytest
import strawberry

from tests.faults.breakable import Breakable
from tests.faults.customers import Customers, Untold, codes_of, customers, noticed
from tests.world.conformance import Finding, tell

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

FIRST_ANSWER = 5.0  # seconds after Postgres is back


async def test_a_backend_that_is_killed_costs_no_order_and_no_customer(platform: Breakable) -> None:
    worker = await platform.start_worker()
    chance = random.Random(1)
    took = []
    async with customers(platform, [worker]) as those, those.busy():
        for _ in range(3):
            await asyncio.sleep(chance.uniform(0.8, 1.2))
            os.kill(chance.choice(await platform.backends()), signal.SIGKILL)
            await asyncio.sleep(0.1)  # now Postgres ends every other backend, and recovers
            took.append(await _until_good(platform, those))

    _told_well(those)
    _tell("kill -9 of a Postgres backend", took, those)


async def test_postgres_restarts_at_once_and_clients_go_on(platform: Breakable) -> None:
    worker = await platform.start_worker()
    took = []
    async with customers(platform, [worker]) as those, those.busy():
        for _ in range(3):
            await asyncio.sleep(1)
            pid = platform.postgres.pid
            assert pid is not None
            os.kill(pid, signal.SIGQUIT)  # pg_ctl stop -m immediate
            await asyncio.sleep(0.7)
            platform.postgres.kill()  # it is gone by now: this waits for the last of it
            platform.postgres.start()
            took.append(await _until_good(platform, those))

    _told_well(those)
    _tell("immediate restart of Postgres", took, those)


async def test_plain_strawberry_says_nothing_that_a_client_could_act_on(
    platform: Breakable,
) -> None:
    """The control of `codes_of`, which judges every answer above."""
    url = platform.app_url

    @strawberry.type
    class Query:
        @strawberry.field
        async def orders(self) -> int:
            connection = await asyncpg.connect(url)
            try:
                pid = await connection.fetchval("SELECT pg_backend_pid()")
                await platform.value("SELECT pg_terminate_backend($1)", pid)
                return int(await connection.fetchval("SELECT 1"))
            finally:
                await connection.close()

    answer = await strawberry.Schema(Query).execute("{ orders }")

    assert answer.errors
    with noticed(Untold):
        codes_of({"errors": [dict(error.formatted) for error in answer.errors]})


async def _until_good(platform: Breakable, those: Customers) -> float:
    """Seconds from the moment Postgres lets a connection in to the next good answer."""
    while True:
        try:
            await platform.value("SELECT 1")
            break
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.01)
    back = time.monotonic()
    placed = those.placed
    while those.placed == placed or those.answered < back:
        assert time.monotonic() < back + FIRST_ANSWER, f"no answer for {FIRST_ANSWER:g} s"
        await asyncio.sleep(0.01)
    return time.monotonic() - back


def _told_well(those: Customers) -> None:
    assert those.codes.keys() == {"UNAVAILABLE"}, those.codes
    assert those.lost == 0, "the worker itself dropped connections"
    assert those.placed > 50
    assert those.asked > 50


def _tell(check: str, took: list[float], those: Customers) -> None:
    tell(
        Finding(
            section="Faults",
            check=f"{check}: acknowledged orders exist once, coded errors, an answer within 5 s",
            passed=len(took),
            of=3,
            versions={"asyncpg": asyncpg.__version__},
            control="plain Strawberry's error for a lost connection has no code: noticed",
            note=f"{those.placed} orders acknowledged, first one {max(took):.2f} s after Postgres "
            f"was back, {those.codes.total()} told to try again, slowest {those.slowest:.1f} s",
        )
    )
