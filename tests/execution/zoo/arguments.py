"""Arguments of the zoo's fields: inputs within inputs, lists, enumerations and defaults."""

from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

import strawberry

from tests.execution.zoo.leaves import Diet, Size


@strawberry.input
class Range:
    low: int | None = None
    high: int | None = 10


@strawberry.input
class Style:
    sizes: list[Size] | None = None
    prefix: str | None = strawberry.UNSET
    range: Range = strawberry.field(default_factory=Range)
    since: datetime | None = None
    diet: Diet = Diet.ANYTHING


@strawberry.input(one_of=True)
class Choice:
    number: int | None = strawberry.UNSET
    text: str | None = strawberry.UNSET


def styled(name: Any, style: Style | None) -> str:
    return f"{name} {told(style)}"


def told(value: Any) -> str:
    """What a resolver was given, with the classes it was given in."""
    if is_dataclass(value):
        inner = ", ".join(f"{one.name}={told(getattr(value, one.name))}" for one in fields(value))
        return f"{type(value).__name__}({inner})"
    if isinstance(value, list):
        return f"[{', '.join(map(told, value))}]"
    return f"{type(value).__name__} {value!r}"
