"""Input objects read by plans that are made once for each type.

Strawberry works out the names and types of an input's fields anew for every object: a tenth of a
millisecond each, so that a thousand small conditions, or an ordinary report of five hundred orders,
hold the event loop for as many tenths. A plan makes the same of them in a fraction of that.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from functools import cache
from typing import Any, cast

import strawberry
from graphql import GraphQLEnumType, GraphQLError
from strawberry.relay import GlobalID
from strawberry.types.arguments import InputContext
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryObjectDefinition,
    StrawberryOptional,
    has_object_definition,
)
from strawberry.types.lazy_type import LazyType

from schema.scalars import shown

Read = Callable[[Any], Any]


def read_by_plan(schema: strawberry.Schema) -> None:
    """From now on read the input types of the schema by plans, and no endless names of enums."""
    for known in schema.schema_converter.type_map.values():
        definition = known.definition
        if isinstance(definition, StrawberryObjectDefinition) and definition.is_input:
            definition.from_input = _from_input
        if isinstance(known.implementation, GraphQLEnumType):
            _refuse_long_names(known.implementation)


def _refuse_long_names(kind: GraphQLEnumType) -> None:
    """graphql-core compares a name that does not exist, however long, with those that do."""
    longest = 2 * max(map(len, kind.values))
    coerce = kind.coerce_input_value

    def coerce_input_value(value: Any, hide_suggestions: bool = False) -> Any:  # noqa: FBT001, FBT002 - as in graphql-core
        if isinstance(value, str) and len(value) > longest:
            raise GraphQLError(f"Value {shown(value)} does not exist in '{kind.name}' enum.")
        return coerce(value, hide_suggestions)

    kind.coerce_input_value = coerce_input_value  # type: ignore[method-assign, assignment]


def _from_input(kind: type, value: Mapping[str, Any], context: InputContext) -> Any:
    return _reader(kind, context.config.name_converter.get_graphql_name)(value)


@cache
def _reader(kind: type, graphql_name: Callable[[Any], str]) -> Read:
    """Makes a `kind` of a value by the names that the schema gives its fields.

    The plan is made at the first value: types may hold themselves.
    """
    plan: list[tuple[str, str, Read | None]] = []
    absent: dict[str, None] = {}
    planned = False

    def make_plan() -> None:
        nonlocal planned
        definition: StrawberryObjectDefinition = kind.__strawberry_definition__  # type: ignore[attr-defined]
        for field in definition.fields:
            inner = _reading(field.resolve_type(type_definition=definition), graphql_name)
            plan.append((graphql_name(field), field.python_name, inner))
            if field.default_value is MISSING and field.default_factory is MISSING:
                absent[field.python_name] = None
        planned = True

    def read(value: Mapping[str, Any]) -> Any:
        if not planned:
            make_plan()
        given: dict[str, Any] = absent.copy()
        for name, python_name, inner in plan:
            if name in value:
                told = value[name]
                given[python_name] = told if inner is None or told is None else inner(told)
        return kind(**given)

    return read


def _reading(kind: Any, graphql_name: Callable[[Any], str]) -> Read | None:
    """How a value of that type, which is not null, is read; None: it stays as it is."""
    while isinstance(kind, (StrawberryOptional, LazyType)):
        kind = kind.resolve_type() if isinstance(kind, LazyType) else kind.of_type
    if isinstance(kind, StrawberryMaybe) or kind is GlobalID:
        raise TypeError(f"Nobody has planned how {kind} is read; schema/inputs.py would have to.")
    if isinstance(kind, StrawberryList):
        inner = _reading(kind.of_type, graphql_name)
        if inner is None:
            return list  # a copy: a default belongs to all requests
        return lambda values: [None if value is None else inner(value) for value in values]
    if has_object_definition(kind):
        return _reader(cast("type", kind), graphql_name)
    return None
