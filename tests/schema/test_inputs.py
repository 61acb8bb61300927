"""Inputs read by plans are what Strawberry itself would make of them."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
)
from graphql.utilities import coerce_input_value
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryObjectDefinition

from schema.root import SCHEMA

_CONVERTER = SCHEMA.schema_converter
_SCALARS: dict[str, Any] = {
    "Boolean": True,
    "CurrencyCode": "THB",
    "DateTime": "2026-05-01T08:00:00Z",
    "Decimal": "12.50",
    "Document": "{ viewer { role } }",
    "ID": "an id",
    "Int": 7,
    "String": "a text",
}
_INPUTS = sorted(
    name
    for name, known in _CONVERTER.type_map.items()
    if isinstance(known.implementation, GraphQLInputObjectType)
)


def a_value(kind: GraphQLInputType, depth: int, *, nulls: bool = False) -> Any:
    """A value with every field that `depth` leaves room for; null wherever `nulls` may be."""
    if isinstance(kind, GraphQLNonNull):
        return a_value(kind.of_type, depth)
    if nulls:
        return None
    if isinstance(kind, GraphQLList):
        return [a_value(kind.of_type, depth), a_value(kind.of_type, depth, nulls=True)]
    if isinstance(kind, GraphQLInputObjectType):
        return {
            name: a_value(field.type, depth - 1, nulls=depth == 1)
            for name, field in kind.fields.items()
            if depth > 0 or isinstance(field.type, GraphQLNonNull)
        }
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    return _SCALARS[kind.name]


def definitions() -> Iterator[StrawberryObjectDefinition]:
    for name in _INPUTS:
        definition = _CONVERTER.type_map[name].definition
        assert isinstance(definition, StrawberryObjectDefinition)
        yield definition


def converted(name: str, value: Any) -> Any:
    known = _CONVERTER.type_map[name]
    implementation: Any = known.implementation
    definition: Any = known.definition
    coerced = coerce_input_value(value, implementation)
    assert isinstance(coerced, dict), value
    return convert_argument(
        coerced, definition.origin, _CONVERTER.scalar_registry, _CONVERTER.config
    )


def test_every_input_is_read_by_a_plan() -> None:
    assert len(_INPUTS) > 20
    assert [one.name for one in definitions() if one.from_input is None] == []


@pytest.mark.parametrize("depth", [0, 1, 2, 4])
@pytest.mark.parametrize("name", _INPUTS)
def test_a_plan_makes_what_strawberry_makes(
    name: str, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = a_value(_CONVERTER.type_map[name].implementation, depth)  # type: ignore[arg-type]
    by_plan = converted(name, value)
    for definition in definitions():
        monkeypatch.setattr(definition, "from_input", None)

    by_strawberry = converted(name, value)

    assert by_plan == by_strawberry
    assert type(by_plan) is type(by_strawberry)


def test_a_default_list_is_copied() -> None:
    value = a_value(_CONVERTER.type_map["ProductCreateInput"].implementation, 0)  # type: ignore[arg-type]
    del value["sites"]
    first, second = converted("ProductCreateInput", value), converted("ProductCreateInput", value)

    first.sites.append("TH")

    assert second.sites == []


@pytest.mark.parametrize("text", ["DELIVERED ", "DELIVERD", "x" * 40, " " * 1_000_000])
def test_a_name_that_no_enum_has_is_refused_and_cut_where_it_is_long(text: str) -> None:
    kind: Any = _CONVERTER.type_map["OrderStatus"].implementation

    with pytest.raises(GraphQLError, match="does not exist in 'OrderStatus' enum") as refused:
        kind.coerce_input_value(text)

    assert len(refused.value.message) < 200
    assert ("Did you mean" in refused.value.message) == text.startswith("DELIV")
    assert kind.coerce_input_value("DELIVERED").value == "DELIVERED"


@pytest.mark.parametrize(
    "value", ["x" * 1_000_000, ["x"] * 1_000, {"a": "x" * 1_000}, "2026-05-01", 7, None, True]
)
def test_a_moment_that_is_none_is_not_sent_back_as_a_whole(value: Any) -> None:
    kind: Any = _CONVERTER.type_map["DateTime"].implementation

    with pytest.raises((ValueError, GraphQLError)) as refused:
        kind.coerce_input_value(value)

    assert len(str(refused.value)) < 200
