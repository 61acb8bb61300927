"""A field that fails gives up its siblings, but not what others wait for too.

graphql-core cancels the siblings of a non-null field that failed, and with them the futures they
wait for. One that a data loader handed to several fields is cancelled for all of these.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import strawberry
from aiodataloader import DataLoader
from graphql import execute, parse
from strawberry.dataloader import DataLoader as StrawberrysLoader

from execution import Plan, Plans
from schema import loaders
from tenants.grants import Grant

Load = Callable[[int], Awaitable[str]]
SHARING = "{ x { boom name } y { name } }"
ANSWER = {"x": None, "y": {"name": "row 1"}}


@strawberry.type
class Thing:
    @strawberry.field
    async def boom(self) -> str:
        await asyncio.sleep(0.001)
        raise ValueError("boom")

    @strawberry.field
    async def name(self, info: strawberry.Info) -> str:
        found: str = await info.context(1)
        return found


@strawberry.type
class Query:
    @strawberry.field
    def x(self) -> Thing | None:
        return Thing()

    @strawberry.field
    def y(self) -> Thing | None:
        return Thing()


SCHEMA = strawberry.Schema(Query)._schema


async def _rows(keys: list[int]) -> list[str]:
    await asyncio.sleep(0.01)
    return [f"row {key}" for key in keys]


def _aiodataloader() -> Load:
    load: Load = DataLoader(_rows).load
    return load


def _strawberrys() -> Load:
    return StrawberrysLoader(_rows).load


def _products(monkeypatch: pytest.MonkeyPatch) -> Load:
    class Context:
        def reading(self, _grant: Grant) -> None:
            return None

    async def query(_reader: Any, keys: list[int]) -> list[dict[str, Any]]:
        return [
            {"key": key, "name": name} for key, name in zip(keys, await _rows(keys), strict=True)
        ]

    made = loaders.Relation(query=query, by="key", many=False, grant=Grant.CATALOGUE_READ)
    monkeypatch.setitem(loaders._relations, "things", made)
    known = loaders.Loaders()
    context: Any = Context()

    async def load(key: int) -> str:
        name: str = (await known.load(context, "things", key))["name"]
        return name

    return load


async def _by_graphql_core(load: Load) -> Any:
    result: Any = execute(SCHEMA, parse(SHARING), context_value=load)
    return await result


async def _by_plan(load: Load) -> Any:
    document = parse(SHARING)
    plan = Plans(SCHEMA, compile_at=1).plan(document, document.definitions[0])  # type: ignore[arg-type]
    assert isinstance(plan, Plan)
    return await plan.run(None, context=load)


@pytest.mark.parametrize("loader", [_aiodataloader, _strawberrys])
async def test_graphql_core_cancels_a_row_that_another_field_waits_for(
    loader: Callable[[], Load],
) -> None:
    with pytest.raises(asyncio.CancelledError):
        await _by_graphql_core(loader())


@pytest.mark.parametrize("loader", [_aiodataloader, _strawberrys])
async def test_a_plan_answers_the_other_field(loader: Callable[[], Load]) -> None:
    outcome = await _by_plan(loader())

    assert outcome.data == ANSWER
    assert [error.message for error in outcome.errors] == ["boom"]


async def test_the_products_loaders_answer_the_other_field_on_graphql_core_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = await _by_graphql_core(_products(monkeypatch))

    assert result.data == ANSWER
    assert [error.message for error in result.errors] == ["boom"]


async def test_the_products_loaders_answer_the_other_field_in_a_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (await _by_plan(_products(monkeypatch))).data == ANSWER
