"""Subscriptions over the real WebSocket: A listens with everything that is B's while B's orders
come and go, and must hear none of it."""

import asyncio
import contextlib
import dataclasses
import functools
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection

from commerce.orders.lifecycle import OrderStatus
from tests.isolation.actors import Actor
from tests.isolation.attempts import Attempt
from tests.isolation.documents import Documents
from tests.isolation.leaks import without
from tests.isolation.neighbourhood import Neighbourhood
from tests.isolation.neighbours import Side, a_marked_order
from tests.isolation.places import slots
from tests.world.served import serve
from tests.world.stream_client import connected

_ON_ONE_SOCKET = 50
_PATIENCE = 10.0
_QUIET = 0.5
_DEAF = "A does not hear its own orders, so nothing is proven"


@dataclass
class Ear:
    """One subscription: what it heard, and what ended it."""

    attempt: Attempt
    heard: list[Any] = field(default_factory=list)
    ended: list[Any] = field(default_factory=list)

    @property
    def raw(self) -> str:
        return json.dumps([self.heard, self.ended], ensure_ascii=False)

    @property
    def plain(self) -> str:
        """How it began: refused, and why, or listening. What it heard is judged by itself."""
        reasons = [(error["message"], error["extensions"]["code"]) for error in self.ended]
        return without(json.dumps(reasons, ensure_ascii=False), self.attempt.sent)


@asynccontextmanager
async def at_work(here: Neighbourhood) -> AsyncIterator[str]:
    """A server, and a relay in a process of its own; the address of the WebSocket."""
    parts = here.ground.parts
    here.ground.platform.start_relay()
    parts.feeds.start()
    try:
        async with serve(parts) as running:
            yield running.websocket_url
    finally:
        here.ground.platform.end_relays()
        await parts.feeds.stop()


async def eavesdropping(
    here: Neighbourhood, url: str, *, patience: float = _PATIENCE
) -> tuple[list[str], int]:
    """What A heard of B that it must not, and how many subscriptions tried. A has `patience`
    seconds to hear its own orders."""
    own = [Ear(here.plan.own(place)) for place in here.places("subscription")]
    tried = [Ear(attempt) for attempt in here.attempts("subscription")]
    never = {ear.attempt.sort: Ear(_instead(ear.attempt)) for ear in tried}
    theirs = [Ear(ear.attempt) for ear in (*own, *tried) if _is_open_to_b(ear.attempt)]
    b = Actor("B", await here.b.owner_token())
    async with AsyncExitStack() as stack:
        listen = functools.partial(_listen, stack, url, here.documents)
        await listen(here.owner, [*own, *tried, *never.values()])
        await listen(b, theirs)
        await _quiet([*own, *tried, *never.values(), *theirs])
        await _busy(here.b)
        await _busy(here.a)
        hears = await _holds(lambda: all(ear.heard for ear in own), patience)
        found = [] if hears else [_DEAF]
        await _quiet([*own, *tried, *never.values(), *theirs])
    await here.b.take_stock(here.ground.owner)
    marks = here.b.harvest.marks(here.b.canary, apart_from=here.a.harvest)
    here.b.marks = here.walk.marks = marks
    for ear in (*own, *tried):
        told = marks.found_in(ear.raw, sent=ear.attempt.sent)
        found += [f"A: {ear.attempt.told} heard {where}" for where in told]
    for ear in tried:
        should = never[ear.attempt.sort].plain
        if ear.plain != should:
            found.append(
                f"A: {ear.attempt.told} is not answered as what never was: {ear.plain} / {should}"
            )
    for place in here.places("subscription"):
        if not any(ear.attempt.place == place and marks.found_in(ear.raw) for ear in theirs):
            found.append(f"{place.name} tells B nothing of its own, so nothing is proven")
    return found, len(tried)


def _is_open_to_b(attempt: Attempt) -> bool:
    """What names a row of B, or none at all."""
    if attempt.shape == "plain":
        return not any(slot.type.name == "ID" for slot in slots(attempt.place))
    return attempt.kind is not None and attempt.shape == f"{attempt.kind} id"


def _instead(attempt: Attempt) -> Attempt:
    assert attempt.instead is not None
    return attempt.instead()


async def _listen(
    stack: AsyncExitStack, url: str, documents: Documents, actor: Actor, ears: Sequence[Ear]
) -> None:
    """Subscribe with each, as many to a socket as it takes."""
    token = str(actor.authorization).removeprefix("Bearer ")
    for start in range(0, len(ears), _ON_ONE_SOCKET):
        some = ears[start : start + _ON_ONE_SOCKET]
        socket = await stack.enter_async_context(connected(url, token))
        for number, ear in enumerate(some):
            await socket.send(json.dumps(_subscribe(number, ear.attempt, documents)))
        task = asyncio.create_task(_hear(socket, some))
        stack.push_async_callback(_ended, task)


def _subscribe(number: int, attempt: Attempt, documents: Documents) -> dict[str, Any]:
    document = documents.of(attempt.place, 1)
    payload = {"query": document.text, "variables": document.variables([attempt.given], {})}
    return {"id": str(number), "type": "subscribe", "payload": payload}


async def _hear(socket: ClientConnection, ears: Sequence[Ear]) -> None:
    async for text in socket:
        message = json.loads(text)
        if message["type"] == "ping":
            await socket.send('{"type": "pong"}')
        elif message["type"] == "next":
            ears[int(message["id"])].heard.append(message["payload"])
        elif message["type"] == "error":
            ears[int(message["id"])].ended += message["payload"]


async def _ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _busy(side: Side) -> None:
    """Orders placed in the room, and one of them on its way."""
    placed = [a_marked_order(side, n, OrderStatus.AWAITING_SHIPMENT) for n in range(3)]
    await side.workspace.ingest(placed)
    moved = dataclasses.replace(placed[0], status=OrderStatus.IN_TRANSIT)
    await side.workspace.ingest([moved])


async def _holds(condition: Callable[[], bool], patience: float) -> bool:
    """Whether it does, before patience is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while not condition():  # noqa: ASYNC110 - whoever hears does not tell
                await asyncio.sleep(0.02)
    return condition()


async def _quiet(ears: Iterable[Ear]) -> None:
    """Wait until nobody has heard anything for a while."""
    ears, before = list(ears), -1
    async with asyncio.timeout(_PATIENCE):
        while (now := sum(len(ear.heard) + len(ear.ended) for ear in ears)) != before:
            before = now
            await asyncio.sleep(_QUIET)
