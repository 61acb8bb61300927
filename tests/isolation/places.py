"""Where a client can put a value: every argument of every field, found by introspection.

Nothing here knows a field by name, so a field that is added is a place from then on.
"""

import dataclasses
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_client_schema,
    get_introspection_query,
    get_named_type,
    is_input_object_type,
)

INTROSPECTION = get_introspection_query(descriptions=False)
Path = tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One field on the way from the root; `on` is its type where a fragment has to say it."""

    name: str
    on: str | None
    field: GraphQLField = dataclasses.field(compare=False)


@dataclass(frozen=True)
class Place:
    """A field that can be asked, by the way to it. `operation` is query, mutation, ..."""

    operation: str
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        return ".".join(step.name for step in self.steps)

    @property
    def field(self) -> GraphQLField:
        return self.steps[-1].field

    @property
    def top(self) -> Step:
        return self.steps[0]


@dataclass(frozen=True)
class Slot:
    """One value within a place's arguments: the names that lead to it, and its type."""

    place: Place
    path: Path
    type: GraphQLNamedType = dataclasses.field(compare=False)
    many: bool
    wrapped: bool  # reached through an input within itself, such as `and`, `or` and `not`

    @property
    def name(self) -> str:
        return f"{self.place.name}({'.'.join(self.path)})"


@dataclass(frozen=True)
class Way:
    """How to get to a type; `on` where it is one of several that may be found there."""

    type: GraphQLObjectType
    steps: tuple[Step, ...]
    on: str | None


def read_schema(answer: Any) -> GraphQLSchema:
    """The schema as a client reads it, from the answer to `INTROSPECTION`."""
    return build_client_schema(answer)


def roots(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLObjectType]]:
    for operation, root in (
        ("query", schema.query_type),
        ("mutation", schema.mutation_type),
        ("subscription", schema.subscription_type),
    ):
        if root is not None:
            yield operation, root


def places(schema: GraphQLSchema) -> list[Place]:
    """Every field of the root types, and every field below Query that takes arguments."""
    found = [
        Place(operation, (Step(name, None, field),))
        for operation, root in roots(schema)
        for name, field in root.fields.items()
    ]
    below = [place for _, _, place in fields_below_query(schema)]
    return found + [place for place in below if len(place.steps) > 1 and place.field.args]


def fields_below_query(
    schema: GraphQLSchema,
) -> Iterator[tuple[GraphQLObjectType, str, Place]]:
    """Each field of each type that can be reached from Query, once, by a shortest way; through an
    interface or a union only where no other way leads there."""
    if schema.query_type is None:
        return
    waiting = deque([Way(schema.query_type, (), None)])
    through_others: deque[Way] = deque()
    seen: set[str] = set()
    while waiting or through_others:
        here = waiting.popleft() if waiting else through_others.popleft()
        if here.type.name in seen:
            continue
        seen.add(here.type.name)
        for name, field in here.type.fields.items():
            steps = (*here.steps, Step(name, here.on, field))
            yield here.type, name, Place("query", steps)
            named = get_named_type(field.type)
            for target in objects_of(schema, named):
                ways = waiting if target is named else through_others
                ways.append(Way(target, steps, None if target is named else target.name))


def unreached(schema: GraphQLSchema) -> list[str]:
    """Fields with arguments that no place leads to: nobody would try them."""
    known = {id(place.field) for place in places(schema)}
    return [
        f"{one.name}.{name}"
        for one in schema.type_map.values()
        if isinstance(one, GraphQLObjectType) and not one.name.startswith("__")
        for name, field in one.fields.items()
        if field.args and id(field) not in known
    ]


def objects_of(schema: GraphQLSchema, named: GraphQLNamedType) -> list[GraphQLObjectType]:
    """The object types that a value of a type can have."""
    if isinstance(named, GraphQLObjectType):
        return [named]
    if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
        return list(schema.get_possible_types(named))
    return []


def slots(place: Place) -> list[Slot]:
    """Every leaf of a place's arguments. What lies within itself is entered once more."""
    return [
        slot
        for name, argument in place.field.args.items()
        for slot in _leaves(place, argument.type, (name,), within=(), many=False)
    ]


def _leaves(
    place: Place, type: Any, path: Path, *, within: tuple[str, ...], many: bool
) -> Iterator[Slot]:
    named = get_named_type(type)
    many = isinstance(_bare(type), GraphQLList)
    if not is_input_object_type(named):
        yield Slot(place, path, named, many, wrapped=len(set(within)) < len(within))
        return
    if within.count(named.name) > 1:
        return
    for name, field in named.fields.items():
        inner = (*within, named.name)
        yield from _leaves(place, field.type, (*path, name), within=inner, many=many)


def required(type: Any) -> bool:
    return isinstance(type, GraphQLNonNull)


def _bare(type: Any) -> Any:
    return type.of_type if isinstance(type, GraphQLNonNull) else type


def is_list(type: Any) -> bool:
    return isinstance(_bare(type), GraphQLList)
