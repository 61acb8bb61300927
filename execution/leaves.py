"""Values of leaf types as JSON has them.

Each type has an expression of Python that passes on, or looks up, a value that is as expected. A
value that is not goes to a function that coerces what is harmless, as graphql-core does, and raises
for the rest, which makes the plan give all values concerned to graphql-core.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)
from graphql.pyutils import is_awaitable

_LARGEST_INT = 2**31 - 1
_LEAVES = 512  # of which what plans share is kept
_PLAIN = frozenset(
    {str, int, float, bool, bytes, dict, list, tuple, Decimal, datetime, date, time, UUID}
)


_BUILT_IN = (
    (GraphQLString, "type(v := {}) is str"),
    (GraphQLID, "type(v := {}) is str"),
    (GraphQLInt, f"type(v := {{}}) is int and {-_LARGEST_INT - 1} <= v <= {_LARGEST_INT}"),
    (GraphQLFloat, "type(v := {}) is float and v - v == 0.0"),  # neither infinite nor NaN
    (GraphQLBoolean, "type(v := {}) is bool"),
)


class Unusual(Exception):
    """A value that graphql-core has to look at."""


class Constants(dict[str, Any]):
    """What generated source refers to by name."""

    def name(self, prefix: str, value: Any) -> str:
        name = f"{prefix}_{len(self)}"
        self[name] = value
        return name


def expression(leaf: GraphQLLeafType, value: str, *, nullable: bool, constants: Constants) -> str:
    """Source of what the value (source too, evaluated once) is in the answer."""
    usual = _usual(leaf, value, constants)
    other = constants.name("coerced", _coercing(leaf, nullable=nullable))
    if usual is None:
        return f"{other}({value})"
    outcome, condition = usual
    null = " or v is None" if nullable and outcome == "v" else ""
    return f"{outcome} if {condition}{null} else {other}(v)"


def _usual(leaf: GraphQLLeafType, value: str, constants: Constants) -> tuple[str, str] | None:
    """The answer `v` becomes, and the condition (which binds `v`) under which it does."""
    for known, condition in _BUILT_IN:
        if leaf is known:
            return "v", condition.format(value)
    if isinstance(leaf, GraphQLEnumType):
        names = constants.name("names", enum_names(leaf))
        return f"{names}[v]", f"(v := {value}) in {names}"
    if getattr(leaf, "serialize", None) is datetime.isoformat:
        # The encoder of the answer writes it, ten times as fast and to the same text.
        moment, utc = constants.name("datetime", datetime), constants.name("utc", UTC)
        return "v", f"type(v := {value}) is {moment} and v.tzinfo is {utc}"
    if getattr(leaf, "serialize", None) is str:
        decimal = constants.name("decimal", Decimal)
        return "str(v)", f"type(v := {value}) is str or type(v) is {decimal}"
    return None


def may_be_an_object(leaf: GraphQLLeafType) -> bool:
    """Whether values of the type may be JSON objects, as those of a scalar named JSON are."""
    return _usual(leaf, "value", Constants()) is None


@lru_cache(_LEAVES)
def enum_names(leaf: GraphQLEnumType) -> dict[Any, str]:
    """The name in the answer for every value, and for every member, that stands for one."""
    names: dict[Any, str] = {}
    for name, told in leaf.values.items():
        try:
            names[told.value] = name
        except TypeError:  # cannot be looked up; graphql-core compares with each
            continue
    members: type[Enum] | None = getattr(leaf, "wrapped_cls", None)  # Strawberry's
    if members is not None:
        for member in members:
            names[member] = leaf.coerce_output_value(member)
    return names


@lru_cache(_LEAVES)
def _coercing(leaf: GraphQLLeafType, *, nullable: bool) -> Callable[[Any], Any]:
    coerce = leaf.coerce_output_value

    def coerced(value: Any) -> Any:
        if value is None and nullable:
            return None
        if value is None or (
            type(value) not in _PLAIN and (isinstance(value, Exception) or is_awaitable(value))
        ):
            raise Unusual
        result = coerce(value)
        if result is None or result is Undefined:
            raise Unusual
        return result

    return coerced
