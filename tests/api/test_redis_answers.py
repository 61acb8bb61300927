"""Who is called off while Redis is asked stops, at whatever moment that comes."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from api.graphql.budgets import Allowance, Budgets
from api.graphql.operations import Operation
from api.graphql.persisted import Automatic
from api.parts import Parts
from api.redis_answers import answer_within
from tenants.identity import Principal, PrincipalKind

_STEPS = 60  # of the loop; more than any of these takes, but for the time that Redis takes


def somebody() -> Principal:
    return Principal(
        kind=PrincipalKind.API_KEY, id=uuid4(), workspace_id=uuid4(), grants=frozenset()
    )


async def went_on(begin: Callable[[], Awaitable[Any]]) -> list[int]:
    """After how many steps a cancellation was swallowed."""
    swallowed = []
    for steps in range(_STEPS):
        task = asyncio.ensure_future(begin())
        for _ in range(steps):
            await asyncio.sleep(0)
        if task.cancel():
            await asyncio.wait({task}, timeout=2)
            if not task.cancelled():
                swallowed.append(steps)
    return swallowed


async def test_a_charge_is_called_off_at_any_moment(parts: Parts) -> None:
    plenty = Allowance(1_000, 1_000)
    budgets = Budgets(parts.redis, key=plenty, workspace=plenty)
    assert await went_on(lambda: budgets.charge(somebody(), 1)) == []


async def test_looking_for_a_persisted_operation_is_called_off_at_any_moment(parts: Parts) -> None:
    persisted = Automatic(parts.redis, most=10, days=1)
    known = Operation(query=None, persisted="0" * 64)

    async def looked_up() -> None:
        with pytest.raises(Exception, match="PersistedQueryNotFound"):
            await persisted.text(known, somebody())

    assert await went_on(looked_up) == []


async def test_remembering_an_operation_is_called_off_at_any_moment(parts: Parts) -> None:
    persisted = Automatic(parts.redis, most=10, days=1)

    async def remembered() -> None:
        named = Operation(query="{ viewer { role } }", persisted=secrets.token_hex(32))
        await persisted.ran(named, somebody())

    assert await went_on(remembered) == []


async def test_whoever_does_not_answer_is_not_waited_for() -> None:
    with pytest.raises(TimeoutError):
        await answer_within(0.01, asyncio.sleep(10))
