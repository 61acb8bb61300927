"""The roots of the zoo, and its schema."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLSchema

from tests.execution.zoo.animals import (
    Anything,
    Being,
    Bell,
    Horn,
    Inhabitant,
    Keeper,
    Lion,
    Parrot,
    Snail,
    Sounding,
    Turtle,
    being,
    keeper,
)
from tests.execution.zoo.arguments import Choice, Style, told
from tests.execution.zoo.cages import Cage, cage
from tests.execution.zoo.gates import Gate, gate
from tests.execution.zoo.leaves import CONFIG, Diet, Rank
from tests.execution.zoo.tickets import Ticket, ticket
from tests.execution.zoo.whims import Loading, Whims


@dataclass
class Context:
    """What resolvers of the zoo share; `done` are the mutations so far."""

    whims: Whims
    loading: Loading
    done: list[str] = field(default_factory=list)


def opened(whims: Whims) -> Context:
    return Context(whims, Loading(whims))


async def _brought(info: strawberry.Info, name: str, usual: Any) -> Any:
    return await info.context.whims.brought(name, usual)


@strawberry.type
class Query:
    founder: str | None  # of no root value, so it fails

    @strawberry.field
    @staticmethod
    def name() -> str:
        return "the zoo"

    @strawberry.field
    async def beings(self, info: strawberry.Info, first: int = 3) -> list[Being]:
        whims = info.context.whims
        made = [being(whims, f"beings.{n}") for n in range(min(first, 6))]
        found: list[Being] = await _brought(info, "beings", whims.items("beings", made))
        return found

    @strawberry.field
    def inhabitants(self, info: strawberry.Info) -> list[Inhabitant | None] | None:
        whims = info.context.whims
        made = [being(whims, f"inhabitants.{n}") for n in range(4)]
        found: list[Any] = whims.told("inhabitants", whims.items("inhabitants", made))
        return found

    @strawberry.field
    async def anything(self, info: strawberry.Info, id: strawberry.ID) -> Anything | None:
        usual = being(info.context.whims, f"anything.{id}")
        found: Anything | None = await _brought(info, "anything", usual)
        return found

    @strawberry.field
    async def lion(self, info: strawberry.Info, id: int = 1) -> Lion:
        whims = info.context.whims
        name = whims.column(f"lion.{id}.name", f"Lion {id}")
        usual = Lion(id=strawberry.ID(str(id)), name=name, age=3, place=f"lion.{id}", whims=whims)
        found: Lion = await _brought(info, f"lion.{id}", usual)
        return found

    @strawberry.field
    def tickets(self, info: strawberry.Info, first: int = 4) -> list[Ticket]:
        whims = info.context.whims
        made = [ticket(whims, f"tickets.{n}") for n in range(min(first, 9))]
        found: list[Ticket] = whims.told("tickets", whims.items("tickets", made))
        return found

    @strawberry.field
    def ticket(self, info: strawberry.Info, id: int = 1) -> Ticket | None:
        found: Ticket | None = info.context.whims.told(
            f"ticket.{id}", ticket(info.context.whims, f"ticket.{id}")
        )
        return found

    @strawberry.field
    def keepers(self, info: strawberry.Info) -> list[Keeper]:
        return [keeper(info.context.whims, f"keepers.{n}") for n in range(2)]

    @strawberry.field
    def cage(self, info: strawberry.Info) -> Cage:
        found: Cage = cage(info.context.whims, "cage")
        return found

    @strawberry.field
    async def cages(self, info: strawberry.Info) -> list[Cage | None] | None:
        whims = info.context.whims
        made = [cage(whims, f"cages.{n}") for n in range(3)]
        found: list[Any] = await _brought(info, "cages", whims.items("cages", made))
        return found

    @strawberry.field
    def gates(self, info: strawberry.Info) -> list[Gate]:
        return [gate(info.context.whims, f"gates.{n}") for n in range(3)]

    @strawberry.field
    async def gate(self, info: strawberry.Info) -> Gate | None:
        found: Gate | None = await _brought(info, "gate", gate(info.context.whims, "gate"))
        return found

    @strawberry.field
    def echo(
        self,
        style: Style,
        numbers: list[int] | None = None,
        when: datetime | None = None,
        grid: list[list[int | None]] | None = None,
    ) -> str:
        return ", ".join(map(told, (style, numbers, when, grid)))

    @strawberry.field
    def chosen(self, choice: Choice) -> str:
        return told(choice)

    @strawberry.field
    async def scalars(
        self,
        whole: int | None = 7,
        broken: float | None = None,
        text: str | None = strawberry.UNSET,
        yes: bool | None = None,  # noqa: FBT001
        id: strawberry.ID | None = None,
        price: Decimal | None = None,
        diet: Diet | None = Diet.MEAT,
        rank: Rank = Rank.SENIOR,
        code: UUID | None = None,
        day: date | None = None,
    ) -> str:
        return ", ".join(map(told, (whole, broken, text, yes, id, price, diet, rank, code, day)))


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def admit(self, info: strawberry.Info, id: int) -> Ticket:
        whims = info.context.whims
        info.context.done.append(f"admit {id} begun")
        found: Ticket = await whims.brought(f"admit.{id}", ticket(whims, f"admit.{id}"))
        info.context.done.append(f"admit {id}")
        return found

    @strawberry.mutation
    def feed(self, info: strawberry.Info, id: int) -> Being | None:
        whims = info.context.whims
        info.context.done.append(f"feed {id}")
        found: Being | None = whims.told(f"feed.{id}", being(whims, f"feed.{id}"))
        return found

    @strawberry.mutation
    async def done(self, info: strawberry.Info, id: int) -> list[str]:
        found: list[str] = await _brought(info, f"done.{id}", [*info.context.done])
        return found


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def arrivals(self, info: strawberry.Info) -> AsyncIterator[Being]:
        for n in range(3):
            yield being(info.context.whims, f"arrivals.{n}")


ZOO = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Lion, Parrot, Turtle, Snail, Bell, Horn, Sounding],
    config=CONFIG,
)


def core_schema() -> GraphQLSchema:
    return ZOO._schema
