"""Two neighbours on a platform of their own, and all that is needed to set one at the other."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from graphql import GraphQLSchema

from api.parts import Parts
from tests.isolation import actors
from tests.isolation.actors import Actor
from tests.isolation.asking import Endpoint, Log, listening_to_logs
from tests.isolation.attempts import ANY, Attempt, Plan
from tests.isolation.documents import DEEP, Documents
from tests.isolation.hostile import Cursor, Hostile
from tests.isolation.neighbours import Side, fill, settle, stock_up, tell_apart
from tests.isolation.places import INTROSPECTION, Place, places, read_schema, unreached
from tests.isolation.statements import Statements, noting_statements
from tests.isolation.supply import Kinds, Supply, homes_of, node_kinds, stocked
from tests.isolation.values import UnknownValue
from tests.isolation.walk import Walk
from tests.world import World
from tests.world.own_platform import OwnPlatform, own_platform

# What a client may send at a time is tried elsewhere; here it has to be let through.
_GENEROUS: dict[str, Any] = {
    "introspection": True,
    "max_operation_cost": 10**7,
    "max_query_values": 10**7,
    "max_query_aliases": 10**4,
    "budget_points": 10**9,
    "budget_restore": 10**8,
    "workspace_budget_points": 10**9,
    "workspace_budget_restore": 10**8,
    "max_subscriptions_per_socket": 1_000,
    "operations_waiting": 10_000,
}


@dataclass
class Ground:
    """A platform of its own, all of whose statements and log lines are noted."""

    platform: OwnPlatform
    world: World
    log: Log
    noted: Statements

    @property
    def owner(self) -> asyncpg.Connection:
        return self.platform.owner

    @property
    def parts(self) -> Parts:
        return self.platform.parts


@asynccontextmanager
async def ground(owner_url: str, folder: Path, *, name: str) -> AsyncIterator[Ground]:
    with noting_statements() as noted, listening_to_logs() as log:
        async with own_platform(owner_url, folder, name=name) as platform:
            platform.parts.settings = platform.parts.settings.model_copy(update=_GENEROUS)
            yield Ground(platform, World(platform.parts), log, noted)


@dataclass
class Neighbourhood:
    """A, who tries, and B, who holds one of everything."""

    ground: Ground
    endpoint: Endpoint
    schema: GraphQLSchema
    documents: Documents
    a: Side
    b: Side
    members: list[Actor]
    kinds: Kinds
    supply: Supply
    plan: Plan
    walk: Walk
    hostile: Hostile
    own: list[Attempt]
    settled: set[str] = field(default_factory=set)  # mutations that succeed with A's own

    @property
    def owner(self) -> Actor:
        return self.members[0]

    def places(self, operation: str) -> list[Place]:
        return [place for place in places(self.schema) if place.operation == operation]

    def attempts(
        self, operation: str, types: frozenset[str] = ANY, *, few: int | None = None
    ) -> Iterator[Attempt]:
        """A's attempts with what is B's; see `Plan.hostile`."""
        for place in self.places(operation):
            yield from self.plan.hostile(place, self.hostile, types, few=few)


async def neighbourhood(ground: Ground, *, small: bool = False) -> Neighbourhood:
    """Both, with A's answers remembered from before B had anything; where small, without them and
    with little to use up."""
    a, b = await settle(ground.world, "a"), await settle(ground.world, "b")
    await fill(a, ground.owner)
    members = await actors.members(a)
    kept = await actors.kept(members, a)
    less = {"products": 20, "placed": 12} if small else {}
    await stock_up(a, ground.owner, **less)
    await a.take_stock(ground.owner)
    endpoint = Endpoint(ground.parts, ground.log)
    token = members[0].authorization
    schema = read_schema((await endpoint.ask(INTROSPECTION, {}, token)).body["data"])
    if unreached(schema):
        raise UnknownValue(f"No way leads to {', '.join(unreached(schema))}.")
    documents = Documents(schema)
    kinds = Kinds(node_kinds(schema), endpoint, str(token))
    for place in places(schema):
        await kinds.learn(place, documents.of(place, 1))
    homes = await homes_of(kinds.all, a, endpoint)
    supply = await stocked(ground.owner, a, homes, apart_from=kept)
    plan = Plan(kinds, supply)
    walk = Walk(endpoint, documents, plan.arguments, a.marks)
    queries = [place for place in places(schema) if place.operation == "query"]
    own = [attempt for place in queries for attempt in plan.nobodys(place)]
    if not small:
        await walk.remember(members[0], own)
        await walk.remember(members[0], plain(own), depth=DEEP)
    await fill(b, ground.owner)
    tell_apart(a, b)
    walk.marks = b.marks
    hostile = await hostile_to(a, b, homes, endpoint, documents, plan)
    return Neighbourhood(
        ground, endpoint, schema, documents, a, b, members, kinds, supply, plan, walk, hostile, own
    )


async def showcase(here: Neighbourhood) -> Plan:
    """A plan over the oldest of A's things, which lack nothing; it uses nothing up."""
    homes = await homes_of(here.kinds.all, here.a, here.endpoint)
    supply = await stocked(here.ground.owner, here.a, homes, apart_from=set(), by_state=False)
    return Plan(here.kinds, supply)


async def hostile_to(
    own: Side,
    other: Side,
    homes: dict[str, tuple[str, str]],
    endpoint: Endpoint,
    documents: Documents,
    plan: Plan,
) -> Hostile:
    """What the other has, with the cursors of its pages in every order."""
    theirs = {kind: other.filled.ids[column] for kind, column in homes.items()}
    cursors = []
    token = await other.owner_token()
    for place in documents.connections():
        for attempt in plan.nobodys(place):
            beside = {k: v for k, v in attempt.given.items() if k == "orderBy"}
            if attempt.shape != "plain" and not beside:
                continue
            document = documents.of(place, 1)
            reply = await endpoint.ask(
                document.text, document.variables([attempt.given], {}), token
            )
            found = dict.fromkeys(_cursors(reply.body["data"]["a0"]))
            cursors += [Cursor(place.name, beside, text) for text in found]
    return Hostile(own.harvest, other.filled, theirs, cursors)


def _cursors(value: Any) -> Iterable[str]:
    if isinstance(value, list):
        for one in value:
            yield from _cursors(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name.lower().endswith("cursor") and isinstance(one, str):
                yield one
            else:
                yield from _cursors(one)


def plain(attempts: Iterable[Attempt]) -> list[Attempt]:
    return [attempt for attempt in attempts if attempt.shape == "plain"]
