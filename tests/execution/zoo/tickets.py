"""Tickets: rows of plain columns, in every shape that rows come in."""

from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID
from zlib import crc32

import strawberry
from strawberry.scalars import JSON

from tests.execution.zoo.leaves import Colour, Diet, Rank, Size, Weight, columns
from tests.execution.zoo.relations import batched_relation, relation
from tests.execution.zoo.whims import Misfortune, Whims

if TYPE_CHECKING:
    from tests.execution.zoo.animals import Keeper

_Keeper = Annotated["Keeper", strawberry.lazy("tests.execution.zoo.animals")]


class Record:
    """A row that gives its columns as items and as attributes, as the product's rows do."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"no column {name}") from None

    def keys(self) -> Iterator[str]:
        return iter(self._values)


class Faded:
    """A row whose columns are read with effort, and some not at all."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = self._values[name]
        if isinstance(value, Misfortune):
            raise value
        return value

    @property
    def day(self) -> Any:
        return self._values["day"]

    @property
    def code(self) -> Any:
        raise Misfortune(f"{self._values['place']} is faded")


@strawberry.type
class Ticket:
    place: strawberry.Private[str]
    whims: strawberry.Private[Whims]
    holder_id: strawberry.Private[Any]
    id: strawberry.ID
    seats: int
    discount: float | None
    note: str | None
    valid: bool
    price: Decimal
    opened: datetime
    day: date | None
    closing: time | None
    code: UUID | None
    extras: JSON | None
    weight: Weight | None
    diet: Diet
    size: Size | None
    colour: Colour | None
    rank: Rank | None
    tags: list[str]
    marks: list[int | None] | None
    missing: str | None

    @strawberry.field
    def shown(self) -> str | None:
        place: str = self.place
        told: str | None = self.whims.told(f"{place}.shown", f"shown {place}")
        return told

    holder: _Keeper = relation("holder", key="holder_id")
    many_holders: list[_Keeper | None] = relation("many_holders", key="holder_id")
    batched_holder: _Keeper | None = batched_relation("holder", key="holder_id")
    batched_sure_holder: _Keeper = batched_relation("holder", key="holder_id")
    batched_holders: list[_Keeper] = batched_relation("many_holders", key="holder_id")


def ticket(whims: Whims, place: str) -> Any:
    values = {"place": place, "whims": whims, **columns(whims, place)}
    shape = crc32(f"{whims.seed} {place} row".encode()) % 12
    if shape < 5:
        return Ticket(**values)
    if shape < 9:
        absent = {0: "note", 1: "seats", 2: "tags"}.get(crc32(place.encode()) % 20)
        return Record({name: value for name, value in values.items() if name != absent})
    if shape < 11:
        return SimpleNamespace(**values)
    return Faded(values)
