"""Filters as clients write them, and their translation into conditions.

An absent or null filter narrows nothing. Every input of the form `XWhere` is a dataclass whose
fields are filters, plus `and`, `or` and `not`.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Generic, TypeVar

import strawberry

from commerce.conditions import All, Any_, Compare, Condition, Not, Shape, split
from commerce.pages import BadArgument

T = TypeVar("T")
MAX_VALUES = 500
MAX_DEPTH = 5
MAX_PARTS = 20
MAX_COMPARISONS = 50
MAX_CONDITIONS = 200  # comparisons, and what joins them


@strawberry.input(description="Equal to a value, or to one of several.")
class Filter(Generic[T]):
    eq: T | None = None
    one_of: list[T] | None = None


@strawberry.input(description="Equal to a text, or to one of several.")
class StringFilter:
    eq: str | None = None
    one_of: list[str] | None = None


@strawberry.input(description="Equal to an id, or to one of several.")
class IDFilter:
    eq: strawberry.ID | None = None
    one_of: list[strawberry.ID] | None = None


@strawberry.input(description="Within a span of time; `gte` and `lt` make it half-open.")
class DateTimeFilter:
    gte: datetime | None = None
    gt: datetime | None = None
    lte: datetime | None = None
    lt: datetime | None = None
    is_null: bool | None = None


@strawberry.input(description="Within a span of whole numbers.")
class IntFilter:
    eq: int | None = None
    gte: int | None = None
    gt: int | None = None
    lte: int | None = None
    lt: int | None = None


@strawberry.input(description="Within a span of amounts in the major unit.")
class DecimalFilter:
    eq: Decimal | None = None
    gte: Decimal | None = None
    gt: Decimal | None = None
    lte: Decimal | None = None
    lt: Decimal | None = None


Translate = Callable[[Any], Condition]
_JOINED = {"and_": All, "or_": Any_}


def condition(
    where: Any, special: Mapping[str, Translate] | None = None, *, depth: int = 1
) -> Condition:
    """A `where` input as a condition; `special` translates the fields that are no plain filter."""
    if where is None:
        return All()
    if depth > MAX_DEPTH:
        raise BadArgument("where", f"is nested more than {MAX_DEPTH} deep.")
    special = special or {}
    parts: list[Condition] = []
    for spec in fields(where):
        value = getattr(where, spec.name)
        if value is None:
            continue
        if spec.name in _JOINED:
            if len(value) > MAX_PARTS:
                raise BadArgument(f"where.{spec.name[:-1]}", f"has more than {MAX_PARTS} parts.")
            inner = tuple(condition(part, special, depth=depth + 1) for part in value)
            parts.append(_JOINED[spec.name](inner))
        elif spec.name == "not_":
            parts.append(Not(condition(value, special, depth=depth + 1)))
        elif spec.name in special:
            parts.append(special[spec.name](value))
        else:
            parts += comparisons(spec.name, value)
    found = All(tuple(parts))
    if depth == 1:
        _check_size(found)
    return found


def _check_size(found: Condition) -> None:
    """The statement for a shape that is new has to be composed, which takes its time."""
    shape, values = split(found)
    if len(values) > MAX_COMPARISONS:
        raise BadArgument("where", f"makes more than {MAX_COMPARISONS} comparisons.")
    if _conditions(shape) > MAX_CONDITIONS:
        raise BadArgument("where", f"has more than {MAX_CONDITIONS} conditions, empty ones too.")


def _conditions(shape: Shape) -> int:
    return 1 + sum(_conditions(part) for part in shape[1:] if isinstance(part, tuple))


def comparisons(
    field: str, given: Any, read: Callable[[Any], Any] = lambda value: value
) -> list[Condition]:
    """The comparisons that one filter stands for; `read` turns a client's value into a stored."""
    parts: list[Condition] = []
    for spec in fields(given):
        value = getattr(given, spec.name)
        if value is None:
            continue
        if isinstance(value, list):
            if len(value) > MAX_VALUES:
                raise BadArgument(f"{field}.oneOf", f"holds more than {MAX_VALUES} values.")
            stored: Any = [_plain(read(item)) for item in value]
        else:
            stored = _plain(read(value))
        parts.append(Compare(field, spec.name, stored))
    return parts


def _plain(value: Any) -> Any:
    if isinstance(value, str) and "\x00" in value:
        raise BadArgument("where", "holds a NUL character, which no stored text has.")
    return value.value if isinstance(value, Enum) else value
