"""Relations whose fields were given up before their rows came."""

import asyncio
import gc
from typing import Any

from api.graphql.operations import Operation
from schema.nodes import global_id
from tests.world import World

# `bad` is refused at once and may not be null, so that everything is given up, the rows of
# `order` too, which are asked for already.
GIVEN_UP = """
query ($id: ID!) {
  order(id: $id) { liveRoom { id } packages { order { id } } }
  bad: products(first: -1) { nodes { id } }
}
"""


async def test_rows_that_nobody_waits_for_any_more_are_no_errors(world: World) -> None:
    workspace = await world.workspace()
    order = global_id("Order", await workspace.order())
    await workspace.token()
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, context: told.append(context))
    try:
        for _ in range(5):
            answer = await workspace.ask(GIVEN_UP, {"id": order})
            assert (answer.data, answer.code) == (None, "BAD_USER_INPUT")
        await asyncio.sleep(0.1)
        gc.collect()
    finally:
        loop.set_exception_handler(before)
    assert told == []


async def test_an_operation_leaves_nothing_to_the_garbage_collector(world: World) -> None:
    workspace = await world.workspace()
    await workspace.product(skus=2)
    who = await world.access.principal(f"Bearer {await workspace.token()}")
    query = Operation("{ products { nodes { id skus { id stock { available } } } } }", {})

    async def ask() -> int:
        prepared = await world.execution.prepare(query, who)
        answer = await world.execution.run(prepared, who, request_id="test")
        return len(answer["data"]["products"]["nodes"][0]["skus"])

    for _ in range(5):  # until its plan is built
        assert await ask() == 2
        await asyncio.sleep(0.1)
    gc.collect()
    gc.disable()
    try:
        assert await ask() == 2
        await asyncio.sleep(0.1)
        assert gc.collect() < 20, "but for what runs beside it"
    finally:
        gc.enable()
