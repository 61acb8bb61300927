"""What a list is narrowed by: a tree of comparisons that knows no GraphQL and no SQL text.

A condition splits into its shape (which fields, which operators, how nested) and its values, so
that the statement for a shape is composed once and its values are always parameters.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Boolean,
    Column,
    ColumnElement,
    Text,
    and_,
    any_,
    bindparam,
    false,
    not_,
    or_,
    true,
)

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": lambda column, value: column == value,
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "one_of": lambda column, value: column == any_(value),
    "is_null": lambda column, value: column.is_(None) == value,
}

Rule = Column[Any] | Callable[[BindParameter[Any]], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Compare:
    field: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple["Condition", ...] = ()


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801 - typing owns the plain name
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


Condition = Compare | All | Any_ | Not
EVERYTHING = All()
Shape = tuple[Any, ...]


def split(condition: Condition) -> tuple[Shape, dict[str, Any]]:
    """The shape of a condition, and its values by the names of the parameters of `to_sql`."""
    values: list[Any] = []
    shape = _shape(condition, values)
    return shape, {f"v{n}": value for n, value in enumerate(values)}


def to_sql(shape: Shape, rules: Mapping[str, Rule]) -> ColumnElement[bool]:
    """The shape as an expression over parameters named v0, v1, ... in the order of its values."""
    return _expression(shape, rules, iter(range(10_000)))


def _shape(condition: Condition, values: list[Any]) -> Shape:
    match condition:
        case Compare(field, operator, value):
            values.append(value)
            return ("compare", field, operator)
        case All(parts):
            return ("all", *(_shape(part, values) for part in parts))
        case Any_(parts):
            return ("any", *(_shape(part, values) for part in parts))
        case Not(part):
            return ("not", _shape(part, values))


def _expression(shape: Shape, rules: Mapping[str, Rule], numbers: Any) -> ColumnElement[bool]:
    kind, *rest = shape
    if kind == "compare":
        field, operator = rest
        return _comparison(rules[field], operator, f"v{next(numbers)}")
    parts = [_expression(part, rules, numbers) for part in rest]
    if kind == "not":
        return not_(parts[0])
    # All of nothing holds for everything, any of nothing for nothing.
    return and_(true(), *parts) if kind == "all" else or_(false(), *parts)


def _comparison(rule: Rule, operator: str, name: str) -> ColumnElement[bool]:
    if not isinstance(rule, Column):
        return rule(bindparam(name, type_=Text()))
    kind: Any = rule.type
    if operator == "one_of":
        kind = ARRAY(rule.type)
    elif operator == "is_null":
        return _null(rule, name)
    return OPERATORS[operator](rule, bindparam(name, type_=kind))  # type: ignore[no-any-return]


def _null(column: Column[Any], name: str) -> ColumnElement[bool]:
    return column.is_(None) == bindparam(name, type_=Boolean())
