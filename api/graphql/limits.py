"""The limits on what a client sends, and what they say when one is passed."""

from dataclasses import dataclass
from typing import Any

from api.graphql.extent import Extent
from api.graphql.failures import RequestError
from schema.errors import ErrorCode, coded


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Fields, aliases and directives are counted with every fragment written out where it is
    spread; `values` and `cost` with the sizes of pages and lists multiplied through."""

    characters: int = 20_000
    tokens: int = 4_000
    fragments: int = 100
    depth: int = 20
    fields: int = 2_000
    aliases: int = 200
    directives: int = 200
    comparisons: int = 50_000
    values: int = 50_000
    cost: int = 10_000
    variable_values: int = 50_000
    variable_objects: int = 2_000


class LimitExceeded(RequestError):
    """A limit is passed; the message names it, the value and the limit."""

    def __init__(self, what: str, value: str, limit: int, mend: str = "") -> None:
        message = f"{what}: {value}; the limit is {limit:,}.{mend}"
        super().__init__(coded(ErrorCode.LIMIT_EXCEEDED, message))


def check_text(text: str, limits: Limits) -> None:
    if len(text) > limits.characters:
        told = _of(len(text), "characters")
        raise LimitExceeded("Length of the document", told, limits.characters)


def check_fragments(count: int, limits: Limits) -> None:
    if count > limits.fragments:
        raise LimitExceeded("Fragments of the document", _of(count, "fragments"), limits.fragments)


def check_extent(extent: Extent, limits: Limits, *, introspects: bool = False) -> None:
    """What is counted without the sizes of lists comes first: those figures are never estimates.

    An operation that only introspects reads no rows; what it may say of the schema is bounded by
    graphql-core's own rule on its depth.
    """
    if extent.depth > limits.depth:
        raise LimitExceeded("Depth of the operation", _of(extent.depth, "levels"), limits.depth)
    if extent.fields > limits.fields:
        raise LimitExceeded(
            "Fields, with fragments written out", _of(extent.fields, "fields"), limits.fields
        )
    if extent.aliases > limits.aliases:
        raise LimitExceeded("Aliases", _of(extent.aliases, "aliases"), limits.aliases)
    if extent.directives > limits.directives:
        raise LimitExceeded("Directives", _of(extent.directives, "directives"), limits.directives)
    if introspects:
        return
    if extent.values > limits.values:
        raise LimitExceeded(
            "Values that the answer may hold, sizes of pages multiplied through",
            _of(extent.values, "values"),
            limits.values,
            " Ask for smaller pages (`first`), or for fewer fields in them.",
        )
    if extent.cost > limits.cost:
        raise LimitExceeded(
            "Cost of the operation",
            _of(extent.cost, "points"),
            limits.cost,
            " Ask for smaller pages (`first`), or split the operation.",
        )


def count_variables(variables: dict[str, Any] | None, limits: Limits) -> int:
    """How many values the variables hold; `LimitExceeded` as soon as there are too many.

    Objects have a limit of their own: reading one as an input type takes as long as fifty scalars.
    """
    count = objects = 0
    waiting: list[Any] = [variables] if variables else []
    while waiting:
        value = waiting.pop()
        inner = value.values() if isinstance(value, dict) else value
        count += len(inner)
        objects += isinstance(value, dict)
        if objects > limits.variable_objects:
            raise LimitExceeded(
                "Objects in the variables",
                f"more than {limits.variable_objects:,}",
                limits.variable_objects,
                " Send them in several requests.",
            )
        if count > limits.variable_values:
            raise LimitExceeded(
                "Values in the variables",
                f"more than {limits.variable_values:,}",
                limits.variable_values,
                " Send them in several requests.",
            )
        waiting.extend(one for one in inner if isinstance(one, (dict, list)))
    return count


def _of(count: int, unit: str) -> str:
    """A fragment that spreads itself twice, twenty times over, makes figures nobody reads."""
    return f"more than 10^15 {unit}" if count > 10**15 else f"{count:,} {unit}"
