"""Values for arguments: valid ones of a workspace's own, and what may be put in their place.

Whatever is not known here stops the harness by name: nothing is left out in silence.
"""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    is_required_argument,
    is_required_input_field,
)

from tests.isolation.places import Path, Place, Slot

TEXTS = {"ID", "String"}
ORDERED = {"Int", "Float", "Decimal", "DateTime"}
CHOICES: dict[str, tuple[Any, ...]] = {
    "Boolean": (True, False),
    "CurrencyCode": ("THB", "USD"),
    "Document": ("{ orders { nodes { id } } }", "{ products { nodes { id } } }"),
}
# Texts that have a form of their own, by the name of the argument or input field.
FORMS: dict[str, Callable[[int], str]] = {
    "email": lambda n: f"somebody-{n}@shop.example",
    "url": lambda n: f"https://shop.example/{n}.png",
    "locale": lambda _: "th-TH",
    "scopes": lambda _: "orders:read",
}
_PAGE = 2


class UnknownValue(AssertionError):
    """A place cannot be tried: a value is missing for what it names."""


def choices(type: GraphQLNamedType) -> tuple[Any, ...]:
    """Every value of a type that has few; empty for others."""
    if isinstance(type, GraphQLEnumType):
        return tuple(type.values)
    return CHOICES.get(type.name, ())


def check_known(slot: Slot) -> None:
    """`UnknownValue` for a type that nobody told the harness how to fill."""
    if slot.type.name not in TEXTS | ORDERED and not choices(slot.type):
        raise _unknown(slot.place, slot.path, slot.type)


class Arguments:
    """Builds the arguments of a place: what it requires, and at one path a value of the caller's.

    `own_id` gives an id of the workspace's own for the path of an ID, of a type where only that
    one will do.
    """

    def __init__(self, own_id: Callable[[Place, Path, str | None], str], *, mark: str) -> None:
        self._own_id = own_id
        self._mark = mark
        self._numbers = itertools.count(1)
        self._on: str | None = None
        self.also: dict[str, Path] = {}  # what a place wants though it does not require it

    def of(self, place: Place, path: Path = (), value: Any = None) -> dict[str, Any]:
        wanted = [one for one in (path, self.also.get(place.name, ())) if one]
        built = {
            name: self._built(place, argument.type, (name,), {path: value}, wanted)
            for name, argument in place.field.args.items()
            if is_required_argument(argument) or _leads((name,), wanted)
        }
        return _page(place, path) | built

    def on_the_way(self, place: Place) -> dict[str, Any]:
        """What the fields above the place require, by step."""
        given: dict[str, Any] = {}
        for step, below in enumerate(place.steps[1:]):
            above = Place(place.operation, place.steps[: step + 1])
            self._on = below.on
            given |= {
                f"{step}_{name}": value
                for name, value in self.of(above).items()
                if is_required_argument(above.field.args[name])
            }
        self._on = None
        return given

    def _built(
        self, place: Place, type: Any, here: Path, given: dict[Path, Any], wanted: list[Path]
    ) -> Any:
        bare = type.of_type if isinstance(type, GraphQLNonNull) else type
        if isinstance(bare, GraphQLList):
            if isinstance(given.get(here), list):
                return given[here]
            return [self._built(place, bare.of_type, here, given, wanted)]
        if here in given:
            return given[here]
        if isinstance(bare, GraphQLInputObjectType):
            return {
                name: self._built(place, field.type, (*here, name), given, wanted)
                for name, field in bare.fields.items()
                if is_required_input_field(field) or _leads((*here, name), wanted)
            }
        return self._leaf(place, bare, here)

    def _leaf(self, place: Place, type: Any, path: Path) -> Any:
        if type.name == "ID":
            return self._own_id(place, path, self._on)
        if type.name == "String":
            number = next(self._numbers)
            form = FORMS.get(path[-1])
            return form(number) if form else f"{path[-1]}-{self._mark}-{number}"
        if choices(type):
            return choices(type)[0]
        plain = {"Int": 1, "Float": 1.5, "Decimal": "1.25", "DateTime": _now()}
        if type.name not in plain:
            raise _unknown(place, path, type)
        return plain[type.name]


def _leads(here: Path, wanted: list[Path]) -> bool:
    return any(path[: len(here)] == here for path in wanted)


def _page(place: Place, path: Path) -> dict[str, Any]:
    """The size of a page, as Relay's connections take it: `last` goes with `before`."""
    if path[:1] in {("first",), ("last",)} or not {"first", "last"} <= set(place.field.args):
        return {}
    return {"last" if path[:1] == ("before",) else "first": _PAGE}


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _unknown(place: Place, path: Path, type: GraphQLNamedType) -> UnknownValue:
    return UnknownValue(
        f"{place.name}({'.'.join(path)}): no value is known for the type {type.name}; "
        "add one to tests/isolation/values.py."
    )
