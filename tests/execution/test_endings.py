"""However an operation ends, nothing of it stays: no task, and no coroutine that nobody awaited."""

import asyncio
import contextlib
import gc
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
import strawberry
from graphql import GraphQLSchema, get_operation_ast, parse

from execution import Plan, Plans
from tests.execution.answering import Asked, Zoo, is_known_to_stay, tasks_that_stay
from tests.execution.operations import QUERIES
from tests.execution.zoo.root import opened

# A loop of its own: on the session's, feeds and relays go about their business meanwhile.
pytestmark = pytest.mark.asyncio(loop_scope="module")

_MOST_TURNS = 12


@strawberry.type
class Leaf:
    name: str

    @strawberry.field
    async def slow(self) -> str:
        await asyncio.Event().wait()
        return "never"

    @strawberry.field
    def promised(self) -> int:
        async def number() -> int:
            await asyncio.Event().wait()
            return 1

        return number()  # type: ignore[return-value]

    @strawberry.field
    async def failing(self) -> str:
        raise ValueError(self.name)

    @strawberry.field
    async def deeper(self) -> "Leaf":
        await asyncio.sleep(0)
        return Leaf(name=f"{self.name}.")


@strawberry.type
class Query:
    @strawberry.field
    async def leaf(self) -> Leaf:
        return Leaf(name="leaf")

    @strawberry.field
    def maybe(self) -> Leaf | None:
        return Leaf(name="maybe")

    @strawberry.field
    async def leaves(self) -> list[Leaf]:
        return [Leaf(name=str(n)) for n in range(3)]

    @strawberry.field
    async def failing(self) -> str:
        await asyncio.sleep(0)
        raise ValueError("failing")


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def fail(self) -> str:
        raise ValueError("failed")

    @strawberry.mutation
    async def leaf(self) -> Leaf:
        raise AssertionError("runs after one that failed")


SCHEMA = strawberry.Schema(Query, Mutation)._schema


def _plan(
    text: str, schema: GraphQLSchema = SCHEMA, variables: dict[str, Any] | None = None
) -> Plan:
    document = parse(text)
    operation = get_operation_ast(document)
    assert operation is not None
    plan = Plans(schema, compile_at=1).plan(document, operation, variables)
    assert isinstance(plan, Plan)
    return plan


@contextlib.asynccontextmanager
async def _nothing_stays() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, context: told.append(context))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            yield
            stays = await tasks_that_stay(before)
            gc.collect()
            await asyncio.sleep(0)
        finally:
            loop.set_exception_handler(handler)
    assert stays == set()
    assert [str(one.message) for one in warned if not is_known_to_stay(one.message)] == []
    assert told == []


WAITING = (
    "{ leaf { slow } }",
    "{ leaf { slow promised } maybe { slow } }",
    "{ leaves { deeper { deeper { slow } slow } promised } maybe { promised } }",
)


@pytest.mark.parametrize("text", WAITING)
async def test_a_time_out_leaves_nothing(text: str) -> None:
    plan = _plan(text)
    async with _nothing_stays():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(plan.run(None, context=None), 0.02)


@pytest.mark.parametrize("text", WAITING)
@pytest.mark.parametrize("turns", range(8))
async def test_being_cancelled_leaves_nothing(text: str, turns: int) -> None:
    plan = _plan(text)
    async with _nothing_stays():
        task = asyncio.create_task(plan.run(None, context=None))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_run_that_nobody_begins_leaves_nothing() -> None:
    plan = _plan(WAITING[1])
    async with _nothing_stays():
        plan.run(None, context=None).close()


async def test_an_answer_that_is_null_as_a_whole_waits_for_none_of_its_fields() -> None:
    plan = _plan("{ failing leaf { slow } leaves { promised } }")
    async with _nothing_stays():
        outcome = await asyncio.wait_for(plan.run(None, context=None), 5)
    assert outcome.data is None
    assert [error.message for error in outcome.errors] == ["failing"]


async def test_errors_below_a_null_leave_nothing() -> None:
    plan = _plan("{ maybe { failing deeper { failing name } } leaf { name } }")
    async with _nothing_stays():
        outcome = await plan.run(None, context=None)
    assert outcome.data == {"maybe": None, "leaf": {"name": "leaf"}}


async def test_a_mutation_after_one_that_failed_is_not_run() -> None:
    plan = _plan("mutation { fail leaf { name } b: leaf { slow } }")
    async with _nothing_stays():
        outcome = await plan.run(None, context=None)
    assert outcome.data is None
    assert [error.message for error in outcome.errors] == ["failed"]


@pytest.mark.parametrize("number", range(len(QUERIES)))
async def test_operations_on_the_zoo_can_be_cancelled_at_any_turn(zoo: Zoo, number: int) -> None:
    query, variables = QUERIES[number]
    asked = Asked(query, variables, seed=number, often=100)
    plan = _plan(query, zoo.schema, variables)
    async with _nothing_stays():
        for turns in range(_MOST_TURNS):
            running = plan.run(variables, context=opened(asked.whims))
            task = asyncio.create_task(running)
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
