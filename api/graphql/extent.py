"""How much a document asks for: one walk over it before it is validated, each fragment once.

A few hundred bytes of fragments that spread each other twice can stand for 2^50 fields; walking
them without memory, or running them, blocks the event loop for good.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)
from graphql.type import SchemaMetaFieldDef, TypeMetaFieldDef, TypeNameMetaFieldDef

from commerce.pages import DEFAULT_PAGE, MAX_PAGE
from schema.costs import assumed_size_of, weight_of

MUTATION_COST = 10
INTROSPECTION_COST = 50
_ASSUMED_SIZE = 10
_META = {
    "__schema": SchemaMetaFieldDef,
    "__type": TypeMetaFieldDef,
    "__typename": TypeNameMetaFieldDef,
}


@dataclass(frozen=True, slots=True)
class Extent:
    """What a selection asks for.

    `fields`, `depth`, `aliases` and `directives` are counted as written, fragments written out.
    `values` is how many fields the answer may hold and `cost` the points it may be worth, lists
    multiplied through. In a connection `page_values` and `page_cost` come on top for every entry of
    its page, whose size only the field that leads there knows.
    """

    fields: int = 0
    depth: int = 0
    aliases: int = 0
    directives: int = 0
    values: int = 0
    cost: int = 0
    page_values: int = 0
    page_cost: int = 0

    def __add__(self, other: "Extent") -> "Extent":
        return Extent(
            self.fields + other.fields,
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.values + other.values,
            self.cost + other.cost,
            self.page_values + other.page_values,
            self.page_cost + other.page_cost,
        )


NOTHING = Extent()


@dataclass(frozen=True, slots=True)
class Measured:
    """The extent of each operation of a document, in their order, and the variables that say how
    large a page is: with other values of those, the extents are others."""

    operations: tuple[Extent, ...]
    sized_by: frozenset[str]


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    found = (node for node in document.definitions if isinstance(node, FragmentDefinitionNode))
    return {node.name.value: node for node in found}


def operations_of(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]


def measure(
    schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any] | None
) -> Measured:
    operations = operations_of(document)
    walk = _Walk(schema, fragments_of(document), _sizes(operations, variables or {}))
    extents = tuple(walk.operation(node) for node in operations)
    return Measured(extents, frozenset(walk.sized_by))


def _sizes(
    operations: list[OperationDefinitionNode], variables: Mapping[str, Any]
) -> dict[str, int]:
    """What each variable says where it is a page's size. Operations share fragments, so where
    their defaults differ the largest stands for all; measuring each fragment anew for each
    operation would take its time squared."""
    sizes: dict[str, int] = {}
    for defined in (one for node in operations for one in node.variable_definitions or ()):
        name = defined.variable.name.value
        told = variables[name] if name in variables else _literal(defined.default_value)
        sizes[name] = max(sizes.get(name, 0), told if isinstance(told, int) else DEFAULT_PAGE)
    return sizes


def _literal(value: ValueNode | None) -> int | None:
    if not isinstance(value, IntValueNode):
        return None
    return int(value.value) if len(value.value) <= len(str(MAX_PAGE)) else MAX_PAGE


class _Walk:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: dict[str, FragmentDefinitionNode],
        sizes: dict[str, int],
    ) -> None:
        self.sized_by: set[str] = set()
        self._schema = schema
        self._fragments = fragments
        self._sizes = sizes
        self._measured: dict[str, Extent] = {}

    def operation(self, node: OperationDefinitionNode) -> Extent:
        defined = node.variable_definitions or ()
        directives = len(node.directives or ()) + sum(len(d.directives or ()) for d in defined)
        inner = self._of_set(node.selection_set, self._schema.get_root_type(node.operation))
        roots = len(node.selection_set.selections)
        base = MUTATION_COST * roots if node.operation is OperationType.MUTATION else 1
        return inner + Extent(directives=directives, cost=base)

    def _of_set(self, selected: SelectionSetNode | None, parent: GraphQLNamedType | None) -> Extent:
        nodes: Iterable[SelectionNode] = selected.selections if selected else ()
        return reduce(Extent.__add__, (self._of_one(node, parent) for node in nodes), NOTHING)

    def _of_one(self, node: SelectionNode, parent: GraphQLNamedType | None) -> Extent:
        directives = Extent(directives=len(node.directives or ()))
        if isinstance(node, FieldNode):
            return directives + self._of_field(node, parent)
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            inside = self._schema.get_type(condition.name.value) if condition else parent
            return directives + self._of_set(node.selection_set, inside)
        assert isinstance(node, FragmentSpreadNode)  # noqa: S101 - there is no fourth kind
        return directives + self._of_fragment(node.name.value)

    def _of_fragment(self, name: str) -> Extent:
        fragment = self._fragments.get(name)
        if fragment is not None and name not in self._measured:
            self._measured[name] = NOTHING  # within itself it counts as nothing: it is not valid
            inside = self._schema.get_type(fragment.type_condition.name.value)
            own = Extent(directives=len(fragment.directives or ()))
            self._measured[name] = own + self._of_set(fragment.selection_set, inside)
        return self._measured.get(name, NOTHING)

    def _of_field(self, node: FieldNode, parent: GraphQLNamedType | None) -> Extent:
        field = _META.get(node.name.value) or getattr(parent, "fields", {}).get(node.name.value)
        inside = get_named_type(field.type) if field else None
        inner = self._of_set(node.selection_set, inside)
        page = self._page(node, field) if _is_connection(inside) else 0
        values = 1 + inner.values + page * inner.page_values
        cost = inner.cost + page * inner.page_cost + (1 if is_composite_type(inside) else 0)
        extra = _weight(node.name.value, field)
        many = field is not None and is_list_type(get_nullable_type(field.type))
        written = Extent(
            inner.fields + 1, inner.depth + 1, inner.aliases + bool(node.alias), inner.directives
        )
        if many and _is_connection(parent):
            return written + Extent(cost=extra, page_values=values, page_cost=cost)
        size = self._assumed(node.name.value, field) if many and field else 1
        return written + Extent(values=size * values, cost=size * cost + extra)

    def _page(self, node: FieldNode, field: GraphQLField | None) -> int:
        """The rows that a connection's field asks for; what is refused later counts as a page."""
        if field is None or "first" not in field.args:
            return _ASSUMED_SIZE
        given = [a.value for a in node.arguments or () if a.name.value in {"first", "last"}]
        sizes = [size for size in map(self._number, given) if size is not None]
        return min(MAX_PAGE, max(0, *sizes)) if sizes else DEFAULT_PAGE

    def _number(self, value: ValueNode | None) -> int | None:
        if isinstance(value, VariableNode):
            self.sized_by.add(value.name.value)
            return self._sizes.get(value.name.value)
        return _literal(value)

    def _assumed(self, name: str, field: GraphQLField) -> int:
        if name == "types":  # of introspection, and known
            return len(self._schema.type_map)
        return assumed_size_of(field) or _ASSUMED_SIZE


def _is_connection(type_: GraphQLNamedType | None) -> bool:
    return "pageInfo" in getattr(type_, "fields", ())


def _weight(name: str, field: GraphQLField | None) -> int:
    if name in {"__schema", "__type"}:
        return INTROSPECTION_COST
    return weight_of(field) if field else 0
