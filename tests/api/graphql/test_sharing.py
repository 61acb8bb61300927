"""Identical subscriptions are answered once per event, and nobody is told what is not theirs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from api.graphql.execution import Execution
from api.graphql.failures import RequestError
from api.graphql.operations import Operation
from api.graphql.sharing import Shared
from schema.context import Context
from tenants.events import Event
from tenants.grants import Role
from tenants.identity import Principal
from tenants.ids import new_id
from tests.world import TestWorkspace, World, an_order

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("relay")]

QUERY = """
subscription ($after: String, $ids: Boolean = true) {
  orderUpdates(after: $after) {
    ... on OrderEvent {
      sequence
      order { id @include(if: $ids) buyerNickname lines { sellerSku } }
    }
  }
}
"""
_END = "UPDATE memberships SET ended_at = now() WHERE user_id = $1"
_RETURN = "UPDATE memberships SET ended_at = NULL WHERE user_id = $1"


@dataclass
class Subscribers:
    """Subscriptions over one execution; `opened` are the contexts that something was asked in."""

    execution: Execution
    opened: list[Context] = field(default_factory=list)
    stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @property
    def statements(self) -> int:
        return sum(context.database.statements for context in self.opened)

    async def listen(self, principal: Principal, **variables: Any) -> "asyncio.Future[Any]":
        """The first answer, once the subscription is live."""
        prepared = await self.execution.prepare(Operation(QUERY, variables), principal)
        source = self.execution.subscribe(prepared, principal, request_id="test")
        self.stack.push_async_callback(source.aclose)
        first = asyncio.ensure_future(anext(source))
        await asyncio.sleep(0.1)
        return first


@pytest.fixture
async def subscribers(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Subscribers]:
    made = Subscribers(replace(world.execution, shared=Shared()))
    initialise = Context.__post_init__

    def noted(context: Context) -> None:
        initialise(context)
        made.opened.append(context)

    monkeypatch.setattr(Context, "__post_init__", noted)
    async with made.stack:
        yield made


async def member(world: World, workspace: TestWorkspace, role: Role) -> Principal:
    return await world.access.principal(f"Bearer {await world.member(workspace, role)}")


async def after_an_order(
    subscribers: Subscribers, workspace: TestWorkspace, *waiting: "asyncio.Future[Any]"
) -> tuple[list[Any], int]:
    """What each is told of a new order, and how many statements it took to tell all of them."""
    before = subscribers.statements
    await workspace.ingest([an_order(buyer_nickname="mali.s")])
    ingested = sum(c.database.statements for c in subscribers.opened) - before
    async with asyncio.timeout(10):
        told = await asyncio.gather(*waiting)
    return told, subscribers.statements - before - ingested


async def test_identical_subscriptions_are_answered_once(
    world: World, subscribers: Subscribers
) -> None:
    workspace = await world.workspace()
    owner = await member(world, workspace, Role.OWNER)
    waiting = [await subscribers.listen(owner) for _ in range(5)]
    told, statements = await after_an_order(subscribers, workspace, *waiting)
    assert statements == 3  # opening, the order, its lines: as for one alone
    assert all(one is told[0] for one in told)
    assert told[0].answer["data"]["orderUpdates"]["order"]["lines"] == [{"sellerSku": "SKU-1"}]


async def test_where_they_began_makes_no_difference(world: World, subscribers: Subscribers) -> None:
    workspace = await world.workspace()
    owner = await member(world, workspace, Role.OWNER)
    waiting = [await subscribers.listen(owner, after=after) for after in (None, "0")]
    told, statements = await after_an_order(subscribers, workspace, *waiting)
    assert statements == 3
    assert told[0] is told[1]


async def test_what_they_ask_of_an_order_does(world: World, subscribers: Subscribers) -> None:
    workspace = await world.workspace()
    owner = await member(world, workspace, Role.OWNER)
    waiting = [await subscribers.listen(owner, ids=ids) for ids in (True, False)]
    told, statements = await after_an_order(subscribers, workspace, *waiting)
    assert statements == 6
    assert ["id" in one.answer["data"]["orderUpdates"]["order"] for one in told] == [True, False]


async def test_other_rights_have_an_answer_of_their_own(
    world: World, subscribers: Subscribers
) -> None:
    workspace = await world.workspace()
    principals = [await member(world, workspace, role) for role in (Role.OWNER, Role.VIEWER)]
    waiting = [await subscribers.listen(each) for each in principals]
    told, statements = await after_an_order(subscribers, workspace, *waiting)
    names = [one.answer["data"]["orderUpdates"]["order"]["buyerNickname"] for one in told]
    assert names[0] == "mali.s"
    assert names[1] != "mali.s"
    assert statements == 6


async def test_another_workspace_hears_nothing(world: World, subscribers: Subscribers) -> None:
    here, there = await world.workspace(), await world.workspace()
    ours = await subscribers.listen(await member(world, here, Role.OWNER))
    theirs = await subscribers.listen(await member(world, there, Role.OWNER))
    await after_an_order(subscribers, here, ours)
    await asyncio.sleep(0.2)
    assert not theirs.done()
    theirs.cancel()
    await asyncio.gather(theirs, return_exceptions=True)


async def test_each_credential_is_checked_although_the_answer_is_shared(
    world: World, subscribers: Subscribers, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    staying, leaving = [await member(world, workspace, Role.OWNER) for _ in range(2)]
    for first, second in ((staying, leaving), (leaving, staying)):
        waiting = {each.id: await subscribers.listen(each) for each in (first, second)}
        await owner.execute(_END, leaving.id)
        told = asyncio.gather(*waiting.values(), return_exceptions=True)
        await workspace.ingest([an_order()])
        async with asyncio.timeout(10):
            answers: dict[Any, Any] = dict(zip(waiting, await told, strict=True))
        assert answers[staying.id].answer["data"]["orderUpdates"]["order"]
        refused = answers[leaving.id]
        assert isinstance(refused, RequestError)
        assert getattr(refused.errors[0].original_error, "code", None) == "UNAUTHENTICATED"
        await owner.execute(_RETURN, leaving.id)


async def test_who_leaves_in_mid_answer_takes_nothing_from_the_others() -> None:
    """The answer is made by a task of its own."""
    event = Event(new_id(), 1, "ORDER_PLACED", new_id(), None, {}, datetime.now(UTC))
    shared, going_on = Shared(), asyncio.Event()
    made = 0

    async def make() -> str:
        nonlocal made
        made += 1
        await going_on.wait()
        return "told"

    first, second = [asyncio.ensure_future(shared.once(event, "same", make)) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    going_on.set()
    assert await second == "told"
    assert (made, first.cancelled()) == (1, True)


async def test_what_failed_is_tried_again_for_who_comes_later() -> None:
    event = Event(new_id(), 1, "ORDER_PLACED", new_id(), None, {}, datetime.now(UTC))
    shared, outcomes = Shared(), iter((ConnectionError("away"), "told"))

    async def make() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with pytest.raises(ConnectionError):
        await shared.once(event, "same", make)
    await asyncio.sleep(0)
    assert await shared.once(event, "same", make) == "told"


async def test_values_nested_too_deeply_are_refused_as_ever(
    world: World, subscribers: Subscribers
) -> None:
    workspace = await world.workspace()
    owner = await member(world, workspace, Role.OWNER)
    nested: Any = 1
    for _ in range(300):
        nested = [nested]
    waiting = await subscribers.listen(owner, ids=nested)
    with pytest.raises(RequestError):
        await waiting


async def test_what_is_no_event_is_never_shared() -> None:
    """Two equal numbers that a subscription brings may be one object to Python."""
    shared, made = Shared(), iter(range(10))

    async def make() -> int:
        return next(made)

    assert [await shared.once(7, "same", make) for _ in range(2)] == [0, 1]
