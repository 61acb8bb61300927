"""A workspace's own things by kind, as the API knows them, for what mutations use up."""

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
from graphql import GraphQLInterfaceType, GraphQLSchema

from schema.nodes import global_id
from tests.isolation.asking import Endpoint
from tests.isolation.documents import Document
from tests.isolation.harvest import Column
from tests.isolation.neighbours import Side
from tests.isolation.places import Path, Place, Slot, slots
from tests.isolation.values import Arguments, UnknownValue

NEVER = UUID("0193ffff-ffff-7fff-bfff-ffffffffffff")
GLOBAL = {"Category"}  # kinds that are the same for everybody
_TRIED_AT_ONCE = 20
_WANTED = re.compile(r"`(?P<name>[\w.]+)` is the id of an? \w+; the id of an? (?P<kind>\w+) is")
_STATES = ("status", "role")


def node_kinds(schema: GraphQLSchema) -> list[str]:
    """The types that `node` can find."""
    node = schema.get_type("Node")
    assert isinstance(node, GraphQLInterfaceType)
    return sorted(one.name for one in schema.get_possible_types(node))


async def homes_of(kinds: list[str], side: Side, endpoint: Endpoint) -> dict[str, Column]:
    """In which column the ids of a kind are, found by asking `node` for every id there is."""
    tried = [
        (kind, column, ids[0])
        for column, ids in side.harvest.ids.items()
        if column in side.harvest.row_keys
        for kind in kinds
    ]
    found: dict[str, Column] = {}
    token = await side.owner_token()
    for start in range(0, len(tried), _TRIED_AT_ONCE):
        some = tried[start : start + _TRIED_AT_ONCE]
        declared = ", ".join(f"$a{n}: ID!" for n in range(len(some)))
        asked = " ".join(f"a{n}: node(id: $a{n}) {{ __typename }}" for n in range(len(some)))
        variables = {f"a{n}": global_id(kind, row) for n, (kind, _, row) in enumerate(some)}
        reply = await endpoint.ask(f"query ({declared}) {{ {asked} }}", variables, token)
        for n, (kind, column, _) in enumerate(some):
            if (reply.body["data"][f"a{n}"] or {}).get("__typename") == kind:
                found[kind] = column
    missing = set(kinds) - set(found) - GLOBAL
    if missing:
        raise UnknownValue(
            f"The workspace has no {', '.join(sorted(missing))}; tests/isolation/neighbours.py "
            "makes one of everything."
        )
    return found


@dataclass
class Supply:
    """Own ids by kind and state; whoever takes one has it to itself."""

    ids: dict[str, dict[str, deque[str]]] = field(default_factory=dict)
    chosen: dict[tuple[str, str], str] = field(default_factory=dict)  # place, kind: state

    def states(self, kind: str) -> list[str]:
        """The states in which there is one, those with most of them first."""
        here = self.ids.get(kind, {})
        return sorted((state for state in here if here[state]), key=lambda state: -len(here[state]))

    def peek(self, place: Place, kind: str) -> str:
        return self._waiting(place, kind)[0]

    def take(self, place: Place, kind: str) -> str:
        return self._waiting(place, kind).popleft()

    def _waiting(self, place: Place, kind: str) -> deque[str]:
        states = self.states(kind)
        state = self.chosen.get((place.name, kind), states[0] if states else "")
        ids = self.ids.get(kind, {}).get(state)
        if not ids:
            raise UnknownValue(
                f"{place.name}: the workspace has no {kind} {state} left of its own; "
                "tests/isolation/neighbours.py makes them."
            )
        return ids


async def stocked(
    owner: asyncpg.Connection,
    side: Side,
    homes: dict[str, Column],
    *,
    apart_from: set[str],
    by_state: bool = True,
) -> Supply:
    """All that a workspace has, but for the ids (hexadecimal) that it still needs: the newest
    first by their state, or without that the oldest."""
    supply = Supply()
    for kind, (table, column) in homes.items():
        if table == "workspaces":
            supply.ids[kind] = {"": deque([global_id(kind, side.id)])}
            continue
        rows = await owner.fetch(
            f"SELECT * FROM {table} WHERE workspace_id = $1 "
            f"ORDER BY {column} {'DESC' if by_state else 'ASC'}",
            side.id,
        )
        for row in rows:
            if row[column].hex not in apart_from:
                states = [str(row[name]) for name in _STATES if name in dict(row)]
                state = states[0] if states and by_state else ""
                ids = supply.ids.setdefault(kind, {}).setdefault(state, deque())
                ids.append(global_id(kind, row[column]))
    return supply


class Kinds:
    """Which kind of id each place takes, found by trying ids that never were."""

    def __init__(self, kinds: list[str], endpoint: Endpoint, authorization: str) -> None:
        self.all = kinds
        self._endpoint = endpoint
        self._authorization = authorization
        self._known: dict[tuple[str, Path], str | None] = {}

    def of(self, place: Place, path: Path) -> str | None:
        """None where every kind is taken."""
        return self._known[place.name, path]

    async def learn(self, place: Place, document: Document) -> None:
        """Ask with ids that never were: whoever wants another kind says which."""
        ids = [slot for slot in slots(place) if slot.type.name == "ID"]
        for slot in sorted(ids, key=lambda one: one.wrapped):
            first, second = [await self._wanted(slot, kind, document) for kind in self.all[:2]]
            self._known[place.name, slot.path] = first or (second and self.all[0])

    async def _wanted(self, slot: Slot, kind: str, document: Document) -> str | None:
        """The kind that is wanted instead of this one; None where this one will do."""
        for _ in slots(slot.place):
            told = await self._told(slot, kind, document)
            found = [one for text in told if (one := _WANTED.search(text)) is not None]
            if not found:
                return None
            name = found[0]["name"].split(".")[-1]
            if name in slot.path:
                return found[0]["kind"]
            for beside in slots(slot.place):
                if name in beside.path:
                    self._known[slot.place.name, beside.path] = found[0]["kind"]
        return None

    async def _told(self, slot: Slot, kind: str, document: Document) -> list[str]:
        def own_id(place: Place, path: Path, _on: str | None) -> str:
            return global_id(self._known.get((place.name, path)) or kind, NEVER)

        arguments = Arguments(own_id, mark="kinds")
        given = arguments.of(slot.place, slot.path, global_id(kind, NEVER))
        variables = document.variables([given], arguments.on_the_way(slot.place))
        events = slot.place.operation == "subscription"
        async with asyncio.timeout(10):
            reply = await self._endpoint.ask(
                document.text, variables, self._authorization, events=events
            )
        return [error["message"] for error in reply.body.get("errors", ())]
