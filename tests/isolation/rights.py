"""What each field requires, found by watching what it asks of its context while the owner runs it.

A field that asks the database and nobody for a right, or a change that a reader may make, is a
finding by itself: no role would be refused.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from graphql import GraphQLEnumType, GraphQLScalarType, get_named_type

from api.graphql.engine import Prepared
from api.graphql.execution import Execution
from api.graphql.operations import Operation
from api.graphql.set_up import build_execution
from schema.context import Context
from tenants.grants import Grant
from tenants.identity import Principal
from tests.isolation.attempts import Plan
from tests.isolation.documents import NAMED
from tests.isolation.harvest import Harvest
from tests.isolation.neighbourhood import Neighbourhood
from tests.isolation.places import Place, fields_below_query, slots
from tests.isolation.supply import GLOBAL

# Counted through the reader that its page was read with, for which its right was asked.
ASKS_WITH_ITS_PARENT = {"totalCount"}
_LISTENED = 0.3  # seconds; whoever is refused is told at once


@dataclass(frozen=True)
class Need:
    """`required` grants are refused without; `asked` ones only change what is answered."""

    place: Place
    kind: str | None  # of the id, where the place takes every kind
    given: dict[str, Any]
    required: frozenset[Grant]
    asked: frozenset[Grant]
    times: int  # that a grant was required
    statements: int
    answer: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.place.name} of {self.kind}" if self.kind else self.place.name

    @property
    def found(self) -> list[Any]:
        return at_place(self.answer, self.place)


class _Watched(Context):
    """A context that notes which grants it is asked for."""

    required: list[Grant]
    asked: list[Grant]

    def require(self, grant: Grant) -> None:
        if grant not in self.asked:
            self.required.append(grant)
        Context.require(self, grant)

    def allows(self, grant: Grant) -> bool:
        self.asked.append(grant)
        return Context.allows(self, grant)


class Watch:
    """Runs operations as the owner, and sees what they need."""

    def __init__(self, here: Neighbourhood, plan: Plan) -> None:
        self._here = here
        self._plan = plan
        self._bare: Execution = build_execution(here.ground.parts)
        self._opened: list[_Watched] = []
        self._watched = replace(self._bare, open_context=self._open)

    async def need(self, place: Place, given: dict[str, Any], *, kind: str | None = None) -> Need:
        """Of the place alone: of what is below it no more than its type is asked."""
        self._opened.clear()
        document = self._here.documents.of(place, 1, depth=NAMED)
        variables = document.variables([given], self._plan.arguments.on_the_way(place))
        principal = await self._here.ground.world.access.principal(self._here.owner.authorization)
        prepared = await self._watched.prepare(Operation(document.text, variables), principal)
        answer = await self._answer(prepared, principal)
        (seen,) = self._opened
        required = frozenset(seen.required)
        return Need(
            place, kind, given, required, frozenset(seen.asked) - required, len(seen.required),
            seen.database.statements, answer,
        )  # fmt: skip

    async def _answer(self, prepared: Prepared, principal: Principal) -> dict[str, Any]:
        if prepared.definition.operation.value != "subscription":
            return await self._watched.run(prepared, principal, request_id="rights")
        source = self._watched.subscribe(prepared, principal, request_id="rights")
        async with aclosing(source) as answers:
            try:
                async with asyncio.timeout(_LISTENED):
                    return (await anext(answers)).answer
            except TimeoutError:
                return {}  # it listens

    def _open(self, who: Principal, request_id: str) -> Context:
        platform = self._bare.open_context(who, request_id).platform
        watched = _Watched(principal=who, platform=platform, request_id=request_id)
        watched.required, watched.asked = [], []
        self._opened.append(watched)
        return watched


async def needs(here: Neighbourhood, plan: Plan) -> tuple[list[Need], list[str]]:
    """What each field that can be reached from Query needs, those first that lead to others; and
    what is missing of it. `plan` gives ids of things that lack nothing."""
    watch, found = Watch(here, plan), []
    known: dict[tuple[Any, ...], Need] = {}
    for _, name, place in fields_below_query(here.schema):
        need = await _found(watch, plan, place, here.a.harvest)
        above = known.get(place.steps[:-1])
        known[place.steps] = need
        found += list(_unproven(need))
        if need.statements and not need.required:
            found.append(f"rights: {place.name} asks the database, and nobody for a right")
        elif above and _asks_silently(need, above) and name not in ASKS_WITH_ITS_PARENT:
            found.append(f"rights: {place.name} asks the database, and for no right of its own")
    kinds = [need async for need in _of_every_kind(here, watch, plan)]
    found += [problem for need in kinds for problem in _unproven(need)]
    return [*known.values(), *kinds], found


async def _of_every_kind(here: Neighbourhood, watch: Watch, plan: Plan) -> AsyncIterator[Need]:
    """Where any kind of id is taken, each kind has a right of its own."""
    for place in here.places("query"):
        for slot in slots(place):
            if slot.type.name == "ID" and here.kinds.of(place, slot.path) is None:
                for kind in here.kinds.all:
                    if kind not in GLOBAL:
                        given = plan.arguments.of(place, slot.path, plan.id_of(kind))
                        yield await watch.need(place, given, kind=kind)


async def _found(watch: Watch, plan: Plan, place: Place, own: Harvest) -> Need:
    """With arguments that lead to something: a text may have to be one of A's own."""
    need = await watch.need(place, plan.arguments.of(place))
    for slot in slots(place):
        if slot.type.name == "String" and need.found == [None]:
            for text in own.called(slot.path[-1]):
                given = plan.arguments.of(place, slot.path, text)
                need = await watch.need(place, given)
                if need.found != [None]:
                    return need
    return need


def telling(needs: list[Need]) -> list[Need]:
    """Those that need another right than what leads to them; each kind instead of any."""
    by_kind = {need.place for need in needs if need.kind}
    needs = [need for need in needs if need.kind or need.place not in by_kind]
    above = {need.place.steps: need for need in needs if need.kind is None}
    return [
        need
        for need in needs
        if len(need.place.steps) == 1
        or need.required != above[need.place.steps[:-1]].required
        or need.asked - above[need.place.steps[:-1]].asked
    ]


def _asks_silently(need: Need, above: Need) -> bool:
    return need.statements > above.statements and need.times <= above.times


def _unproven(need: Need) -> Iterator[str]:
    """Where the owner finds nothing, what lies below was never asked for."""
    leaf = isinstance(get_named_type(need.place.field.type), GraphQLScalarType | GraphQLEnumType)
    if need.answer.get("errors"):
        yield f"rights: {need.place.name} fails for the owner: {need.answer['errors']}"
    elif not leaf and not any(value is not None for value in need.found):
        yield f"rights: {need.place.name} holds nothing for the owner, so nothing is proven"


def at_place(answer: dict[str, Any], place: Place) -> list[Any]:
    """The values of a place in an answer, those of lists one by one."""
    values = _each((answer.get("data") or {}).get("a0"))
    for step in place.steps[1:]:
        values = [
            inner
            for value in values
            if isinstance(value, dict)
            for inner in _each(value.get(step.name))
        ]
    return values


def _each(value: Any) -> list[Any]:
    return [inner for one in value for inner in _each(one)] if isinstance(value, list) else [value]
