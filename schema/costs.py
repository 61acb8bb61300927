"""What fields cost, told to clients by directives in the schema.

An operation is charged one point for every object that it may return, and what `@cost` adds. The
size of a connection's page is its `first` or `last`; of any other list it is assumed, since the
rows are not known before they are read. `docs/API.md` explains points and budgets.
"""

from typing import Any, TypeVar

import strawberry
from graphql import GraphQLField
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField

D = TypeVar("D")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="cost",
    description="Points charged for this field, beside one for every object in its answer.",
)
class Cost:
    weight: int


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="How many entries this list is taken to have when an operation's cost is told.",
)
class ListSize:
    assumed_size: int


def cost(weight: int) -> list[object]:
    """For `directives=` of a field whose work is more than its answer shows."""
    return [Cost(weight=weight)]


def list_size(assumed: int) -> list[object]:
    """For `directives=` of a list that is usually shorter or longer than lists are."""
    return [ListSize(assumed_size=assumed)]


def weight_of(field: GraphQLField) -> int:
    told = _told(field, Cost)
    return told.weight if told else 0


def assumed_size_of(field: GraphQLField) -> int | None:
    told = _told(field, ListSize)
    return told.assumed_size if told else None


def _told(field: GraphQLField, kind: type[D]) -> D | None:
    definition: Any = field.extensions.get("strawberry-definition")
    if not isinstance(definition, StrawberryField):
        return None
    return next((found for found in definition.directives if isinstance(found, kind)), None)
