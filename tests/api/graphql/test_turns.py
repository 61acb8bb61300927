"""Turns: a workspace runs so many operations at a time, whoever else waits."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest

from api import metrics
from api.graphql.failures import RequestError
from api.graphql.operations import Operation
from api.graphql.set_up import build_execution
from api.graphql.turns import Courtesy, Turns
from api.parts import Parts, open_parts
from execution import Plans
from tests.world import World


async def test_so_many_run_and_the_others_follow_in_order() -> None:
    turns, workspace = Turns(at_once=2, waiting=10), uuid4()
    running, most, order = 0, 0, []

    async def work(number: int) -> None:
        nonlocal running, most
        async with turns.turn(workspace):
            running += 1
            most = max(most, running)
            order.append(number)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(work(n) for n in range(10)))
    assert (most, order) == (2, list(range(10)))
    assert turns._queues == {}


async def test_another_workspace_does_not_wait() -> None:
    turns = Turns(at_once=1, waiting=10)
    async with asyncio.timeout(1), turns.turn(uuid4()), turns.turn(uuid4()):
        await asyncio.sleep(0)


async def test_a_line_too_long_is_refused_and_one_too_slow_given_up() -> None:
    turns, workspace = Turns(at_once=1, waiting=1, patience=0.05), uuid4()

    async def wait() -> None:
        async with turns.turn(workspace):
            pass

    async with turns.turn(workspace):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        with pytest.raises(RequestError, match="wait already; the limit is 1"):
            await wait()
        with pytest.raises(RequestError, match=r"No turn within 0\.05 seconds"):
            await waiting
    await wait()
    assert turns._queues == {}


async def test_who_gives_up_passes_the_turn_on() -> None:
    turns, workspace = Turns(at_once=1, waiting=10), uuid4()
    done = []

    async def work(number: int) -> None:
        async with turns.turn(workspace):
            done.append(number)

    async with turns.turn(workspace):
        tasks = [asyncio.create_task(work(n)) for n in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
    tasks[0].cancel()  # just when its turn has come
    await asyncio.gather(*tasks, return_exceptions=True)
    assert done == [2, 3]
    assert turns._queues == {}


async def test_who_gives_up_while_a_turn_is_passed_on_gives_up_quietly() -> None:
    turns, workspace = Turns(at_once=1, waiting=10), uuid4()

    async def work() -> None:
        async with turns.turn(workspace):
            pass

    async with turns.turn(workspace):
        tasks = [asyncio.create_task(work()) for _ in range(3)]
        await asyncio.sleep(0)
        for task in tasks[:2]:
            task.cancel()  # what they wait for is cancelled at once, they hear of it later
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in ended] == [
        asyncio.CancelledError,
        asyncio.CancelledError,
        type(None),
    ]
    assert turns._queues == {}


async def test_a_dear_operation_waits_for_another_and_a_cheap_one_does_not(world: World) -> None:
    workspace = await world.workspace()
    await workspace.token()
    async with world.execution.dear_turns.turn(workspace.id):
        page = "{ products(first: 100) { nodes { id skus { id } } } }"
        dear = asyncio.create_task(workspace.ask(page))
        assert (await workspace.ask("{ viewer { role } }")).errors == []
        await asyncio.sleep(0.05)
        assert not dear.done()
    assert (await dear).errors == []


async def test_who_is_courteous_lets_others_pass_for_so_long() -> None:
    patient, brief = Courtesy(patience=60), Courtesy(patience=0.1)
    async with asyncio.timeout(30):
        with patient.passing():
            with patient.passing():
                waiting = asyncio.create_task(patient.let_pass())
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.05)
            assert not waiting.done(), "the first one is still passing"
        await waiting
        await patient.let_pass()  # nobody is passing
        with brief.passing():
            waiting = asyncio.create_task(brief.let_pass())
            await asyncio.sleep(0.05)
            assert not waiting.done()
            await waiting  # not for ever


async def test_a_dear_operation_lets_a_cheap_one_of_another_workspace_pass(world: World) -> None:
    workspace = await world.workspace()
    await workspace.product()
    await workspace.token()
    world.execution = replace(world.execution, courtesy=Courtesy(patience=20), timeout=30)
    with world.execution.courtesy.passing():
        page = "{ products(first: 100) { nodes { id skus { id } } } }"
        dear = asyncio.create_task(workspace.ask(page))
        assert (await workspace.ask("{ viewer { role } }")).errors == []
        await asyncio.sleep(0.1)
        assert not dear.done()
    answer = await dear
    assert len(answer.data["products"]["nodes"]) == 1


async def test_one_operation_lets_others_pass_for_so_long_in_all() -> None:
    courtesy = Courtesy(patience=0.02, in_all=0.05)
    let_pass, waited = courtesy.of_one(), 0
    with courtesy.passing():
        for _ in range(10):
            since = time.monotonic()
            await let_pass()
            waited += time.monotonic() - since > 0.01
    assert waited == 3, "at 0.02 seconds a time"


async def test_nobody_waits_for_what_takes_long_itself() -> None:
    courtesy = Courtesy(patience=60)
    async with asyncio.timeout(30):
        with courtesy.passing():
            await asyncio.sleep(0.15)
            await courtesy.let_pass()


async def test_events_of_one_workspace_are_answered_so_many_at_a_time(world: World) -> None:
    workspace = await world.workspace()
    who = await world.access.principal(f"Bearer {await workspace.token()}")
    turns = Turns(at_once=1)
    execution = replace(world.execution, event_turns=turns)
    operation = Operation("subscription { orderUpdates { __typename } }", None)
    prepared = await execution.prepare(operation, who)
    async with turns.turn(workspace.id):
        context = execution.open_context(who, "test")
        answering = asyncio.create_task(execution._answer_event(prepared, context, None))
        checking = asyncio.create_task(execution._check(execution.open_context(who, "test")))
        await asyncio.sleep(0.05)
        assert not answering.done()
        assert not checking.done()
    await asyncio.gather(answering, checking)


@pytest.mark.parametrize(("dear", "first_sights"), [(10, 0), (10**6, 1)])
async def test_only_a_dear_operation_runs_as_a_plan_when_it_is_met_first(
    world: World, dear: int, first_sights: int
) -> None:
    workspace = await world.workspace()
    who = await world.access.principal(f"Bearer {await workspace.token()}")
    page = Operation(f"{{ products(first: 100) {{ nodes {{ id }} }} }} # {dear}", None)
    counted = metrics.NOT_COMPILED.labels("first sight")._value
    with ThreadPoolExecutor(1) as thread:
        plans = Plans(world.execution.engine.schema, beside=thread)
        execution = replace(
            world.execution, engine=replace(world.execution.engine, plans=plans), dear=dear
        )
        prepared = await execution.prepare(page, who)
        before = counted.get()

        answer = await execution.run(prepared, who, request_id="test")

    assert "errors" not in answer
    assert counted.get() - before == first_sights


class Counting(Courtesy):
    asked = 0

    async def let_pass(self) -> None:
        self.asked += 1


async def test_nobody_lets_others_pass_who_holds_the_connection_they_wait_for(
    world: World, parts: Parts
) -> None:
    workspace = await world.workspace()
    who = await world.access.principal(f"Bearer {await workspace.token()}")
    await workspace.product()
    page = Operation("{ products(first: 100) { nodes { id skus { id } } } }", None)
    settings = parts.settings.model_copy(update={"pool_size": 1})
    async with open_parts(settings) as narrow:
        courtesy = Counting(patience=0)
        execution = replace(build_execution(narrow), courtesy=courtesy)
        prepared = await execution.prepare(page, who)
        answer = await execution.run(prepared, who, request_id="test")
        assert "errors" not in answer
        assert courtesy.asked == 1, "before its first question, when it holds nothing yet"

    execution = replace(world.execution, courtesy=courtesy)
    answer = await execution.run(prepared, who, request_id="test")
    assert "errors" not in answer
    assert courtesy.asked > 4, "the control: before and after each, where there are others"
