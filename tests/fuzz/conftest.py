"""What every fuzzer stands on: a server with generous limits, a ground, and a watch over both."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio

from api.parts import Parts
from tenants.relay import Relay
from tests.fuzz.ground import Ground, furnish
from tests.fuzz.watching import Errors, Rest, errors_logged
from tests.world import World
from tests.world.served import Served, quick

# Refusals are right answers, and yet a fuzzer that is only ever refused tests nothing else.
_PLENTY = 10**9
_GENEROUS = {
    "introspection": True,
    "suggestions": True,
    "graphiql": True,
    "max_batch": 3,
    "max_query_aliases": 1_000,
    "max_query_directives": 1_000,
    "max_operation_cost": 100_000,
    "budget_points": _PLENTY,
    "budget_restore": _PLENTY,
    "workspace_budget_points": _PLENTY,
    "workspace_budget_restore": _PLENTY,
    "sign_in_attempts_per_minute": _PLENTY,
    "sign_in_attempts_per_address": _PLENTY,
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def loop() -> asyncio.AbstractEventLoop:
    """Hypothesis calls plain functions; they run what is asynchronous in here."""
    return asyncio.get_running_loop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ground(world: World, relay: Relay) -> Ground:
    del relay  # brings what subscriptions tell of
    return await furnish(world)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fuzzed(parts: Parts, relay: Relay) -> AsyncIterator[Served]:
    del relay
    async with quick(parts, **_GENEROUS) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def client(fuzzed: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=fuzzed.url, timeout=30) as opened:
        yield opened


@pytest.fixture
def errors() -> Iterator[Errors]:
    with errors_logged() as watched:
        yield watched


@pytest_asyncio.fixture(loop_scope="session")
async def rest(parts: Parts, owner: asyncpg.Connection, fuzzed: Served) -> Rest:
    del fuzzed  # its tasks are there before the run
    return await Rest.now(parts, owner)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Random input has a process of its own: amid the whole suite each input takes many times as
    long, since what the others left in memory is looked through after every one."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.fuzz)
