"""What a plan consists of: selections of object types, and their fields."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, GraphQLField, GraphQLLeafType, GraphQLObjectType
from graphql.type import GraphQLAbstractType

from execution.source import Generated, reader, serialiser

if TYPE_CHECKING:
    from execution.resolving import PlainRead, Resolve


@dataclass(eq=False)
class Field:
    """One response key of a selection.

    `depth` is how many lists its type has around its inner type, and `nullable` tells for each
    level, from the outermost to the inner type, whether null may stand there.
    """

    key: str
    name: str
    parent_type: GraphQLObjectType
    definition: GraphQLField
    details: Any
    nodes: list[FieldNode]
    nullable: tuple[bool, ...]
    leaf: GraphQLLeafType | None = None
    abstract: GraphQLAbstractType | None = None
    selections: dict[str, "Selection"] = field(default_factory=dict)
    plain: "PlainRead | None" = None
    resolve: "Resolve | None" = None
    # Classes whose every object belongs to one selection, as they are met.
    by_class: dict[type, "Selection"] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        return len(self.nullable) - 1

    @property
    def read_with_its_row(self) -> bool:
        """Whether `Selection.read` reads it already."""
        return self.name == "__typename" or (
            self.plain is not None and self.leaf is not None and self.depth == 0
        )

    @cached_property
    def serialise(self) -> Generated:
        return serialiser(self)


@dataclass(eq=False)
class Selection:
    """What is asked of the objects of one type at one place."""

    type: GraphQLObjectType
    fields: list[Field]

    @cached_property
    def read(self) -> Generated:
        return reader(self)

    def generate(self) -> None:
        """Make now, rather than when it is first run, whatever source is compiled for it."""
        made = [self.read]
        made += [field.serialise for field in self.rest if field.leaf and field.depth <= 1]
        assert made  # noqa: S101 - and kept, by the properties

    @cached_property
    def keys(self) -> tuple[str, ...]:
        return tuple(field.key for field in self.fields)

    @cached_property
    def rest(self) -> list[Field]:
        """The fields that are not read together with their row."""
        return [field for field in self.fields if not field.read_with_its_row]
