"""Other actors than A's owner, and many at once: on one connection, and both workspaces busy."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from api.parts import open_parts
from commerce.orders.lifecycle import OrderStatus
from tests.isolation.actors import Actor
from tests.isolation.asking import Endpoint
from tests.isolation.attempts import Attempt, Plan
from tests.isolation.examination import IDS, TEXTS
from tests.isolation.harvest import rows_of
from tests.isolation.hostile import Hostile
from tests.isolation.neighbourhood import Neighbourhood, hostile_to
from tests.isolation.neighbours import Side, a_marked_order
from tests.isolation.places import Place
from tests.isolation.supply import homes_of, stocked
from tests.isolation.walk import Walk

_PATIENCE = 5.0
_A_FEW = 2
_PASSED_ON = {"outbox_events", "event_counters"}  # by the relay, and by every order


def a_few(here: Neighbourhood) -> list[Attempt]:
    """Some of everything that is B's, in every slot of A's queries and of A's changes by id."""
    return [*here.attempts("query", few=1), *here.attempts("mutation", IDS, few=1)]


async def turned_away(
    here: Neighbourhood,
    actors: Iterable[Actor],
    operations: Sequence[str] = ("query", "mutation", "subscription"),
) -> list[str]:
    """Whoever is good no more is told so, whatever is asked, and nothing else."""
    found = []
    for actor in actors:
        for operation in operations:
            for place in here.places(operation):
                told = await _told(here, actor, place)
                if told != ("UNAUTHENTICATED", None):
                    found.append(f"{actor.name} is not turned away by {place.name}: {told}")
    return found


async def _told(here: Neighbourhood, actor: Actor, place: Place) -> tuple[Any, Any]:
    """The codes of the errors, and what was answered all the same."""
    document, events = here.documents.of(place, 1), place.operation == "subscription"
    variables = document.variables([here.plan.arguments.of(place)], {})
    try:
        async with asyncio.timeout(_PATIENCE):
            reply = await here.endpoint.ask(
                document.text, variables, actor.authorization, events=events
            )
    except TimeoutError:
        return None, "it goes on and on"
    codes = [error["extensions"]["code"] for error in reply.body.get("errors", ())]
    return ", ".join(codes), (reply.body.get("data") or {}).get("a0")


@asynccontextmanager
async def on_connections(here: Neighbourhood, count: int) -> AsyncIterator[Endpoint]:
    """The same application on a pool of that size."""
    settings = here.ground.parts.settings.model_copy(update={"pool_size": count})
    async with open_parts(settings) as parts:
        yield Endpoint(parts, here.ground.log)


async def by_get(here: Neighbourhood, attempts: Sequence[Attempt]) -> tuple[int, list[str]]:
    """How many A's owner tried with GET, and what was found."""
    endpoint = Endpoint(here.ground.parts, here.ground.log, get=True)
    walk = Walk(endpoint, here.documents, here.plan.arguments, here.b.marks)
    await walk.run(here.owner, attempts)
    return walk.counted, walk.taken()


Attack = tuple[Walk, Actor, list[Attempt]]


async def both_ways(here: Neighbourhood, endpoint: Endpoint) -> tuple[Attack, Attack]:
    """A against B, and B against A, such that neither minds what the other makes meanwhile."""
    walk = Walk(endpoint, here.documents, here.plan.arguments, here.b.marks)
    homes = await homes_of(here.kinds.all, here.b, endpoint)
    supply = await stocked(here.ground.owner, here.b, homes, apart_from=set())
    plan = Plan(here.kinds, supply)
    hostile = await hostile_to(here.b, here.a, homes, endpoint, here.documents, plan)
    back = Walk(endpoint, here.documents, plan.arguments, here.a.marks)
    b = Actor("B", await here.b.owner_token())
    return (
        (walk, here.owner, _steady(here, here.plan, here.hostile)),
        (back, b, _steady(here, plan, hostile)),
    )


def _steady(here: Neighbourhood, plan: Plan, hostile: Hostile) -> list[Attempt]:
    """What finds nothing of one's own, however much one makes meanwhile."""
    return [
        attempt
        for operation, types in (("query", IDS | TEXTS), ("mutation", IDS))
        for place in here.places(operation)
        for attempt in plan.hostile(place, hostile, types, few=_A_FEW)
        if attempt.shape == "text" or attempt.shape.endswith(" id")
    ]


async def busy(side: Side, until: asyncio.Event) -> None:
    """Orders of its own, as long as the others are at it."""
    while not until.is_set():
        made = [a_marked_order(side, n, OrderStatus.AWAITING_SHIPMENT) for n in range(3)]
        await side.workspace.ingest(made)
        await asyncio.sleep(0.02)


async def kept_rows(here: Neighbourhood, side: Side) -> dict[str, set[str]]:
    found = await rows_of(here.ground.owner, side.id)
    return {table: rows for table, rows in found.items() if table not in _PASSED_ON}


def lost(before: dict[str, set[str]], after: dict[str, set[str]]) -> list[str]:
    """Tables of which a row that was there is gone or another; new ones are the side's own."""
    return sorted(table for table, rows in before.items() if rows - after[table])
