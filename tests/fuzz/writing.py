"""Writing an operation out as text, and what of GraphQL's language is used in doing so."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from graphql import (
    ArgumentNode,
    EnumValueNode,
    FieldNode,
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    get_named_type,
    get_nullable_type,
    print_ast,
)
from graphql.utilities import value_from_ast_untyped
from hypothesis import strategies as st

from tests.fuzz.values import PAGED, anything, cursor_of, node_types, own, placeholder

_INTROSPECTION = (
    "__schema { queryType { name } types { kind name fields(includeDeprecated: true) { name } } }",
    '__type(name: "Order") { name fields { name type { kind name ofType { name } } } }',
    '__type(name: "") { name }',
    "__schema { directives { name locations args { name defaultValue } } }",
)
_DIRECTIVES = (
    "@skip(if: false)",
    "@include(if: true)",
    "@include(if: $shown)",
    "@skip(if: $hidden)",
    "@include(if: false)",
)


class Writing:
    """One operation; `twists` are used here and there, `mishap` once, and `fitting` of a hundred
    arguments that are ids get one of the kind that they want."""

    def __init__(
        self,
        draw: st.DrawFn,
        schema: GraphQLSchema,
        *,
        twists: AbstractSet[str],
        mishap: str | None,
        fitting: int,
    ) -> None:
        self._draw = draw
        self._schema = schema
        self._twists = twists
        self._mishap = mishap
        self._fit = fitting
        self._kinds = set(node_types(schema))
        self._fragments: list[str] = []
        self._declared: dict[str, str] = {}
        self._count = 0
        self.given: dict[str, Any] = {}
        self.name: str | None = None

    def operation(self, keyword: str, shape: OperationDefinitionNode) -> str:
        root = self._schema.get_root_type(OperationType(keyword))
        assert root is not None
        selected: Iterable[SelectionNode] = shape.selection_set.selections
        if keyword == "subscription":
            selected = list(selected)[:1]
        body = self._selected(selected, root, top=keyword == "query")
        if self._mishap == "an endless fragment":
            body = f"{body} ...Endless"
            self._fragments.append(f"fragment Endless on {root.name} {{ ...Endless }}")
        if self._mishap == "no fragment":
            body = f"{body} ...Nowhere"
        if self._mishap == "an unknown field":
            body = f"{body} nope"
        self.name = "Asked" if self._happens(50) else None
        declared = ", ".join(f"${name}: {kind}" for name, kind in self._declared.items())
        head = f"{keyword} {self.name or ''}{f'({declared})' if declared else ''}"
        return "\n".join([f"{head} {{ {body} }}", *self._fragments])

    def _selected(
        self, nodes: Iterable[SelectionNode], parent: GraphQLNamedType, *, top: bool = False
    ) -> str:
        written = [self._one(node, parent) for node in nodes]
        if "typenames" in self._twists and self._happens(40):
            written.append("__typename")
        if top and "introspection" in self._twists and self._happens(30):
            written.append(self._draw(st.sampled_from(_INTROSPECTION)))
        return " ".join(written)

    def _set(self, selected: SelectionSetNode, parent: GraphQLNamedType) -> str:
        body = self._selected(selected.selections, parent)
        if "fragments" not in self._twists or not self._happens(40):
            return f"{{ {body} }}"
        way = self._draw(st.sampled_from(["named", "inline", "bare"]))
        if way == "named":
            name = self._next("F")
            self._fragments.append(f"fragment {name} on {parent.name} {{ {body} }}")
            return f"{{ ...{name}{self._directive()} }}"
        condition = f" on {parent.name}" if way == "inline" else ""
        return f"{{ ...{condition}{self._directive()} {{ {body} }} }}"

    def _one(self, node: SelectionNode, parent: GraphQLNamedType) -> str:
        if isinstance(node, InlineFragmentNode):
            assert node.type_condition is not None
            name = node.type_condition.name.value
            kind = self._schema.type_map[name]
            return f"... on {name}{self._directive()} {self._set(node.selection_set, kind)}"
        assert isinstance(node, FieldNode)
        name = node.name.value
        field = parent.fields[name]  # type: ignore[attr-defined]
        alias = node.alias.value if node.alias else None
        if "aliases" in self._twists and self._happens(25):
            alias = self._next("a")
        text = f"{alias}: {name}" if alias else name
        returned = get_named_type(field.type)
        text += self._arguments(node.arguments or (), field.args, name, returned.name)
        text += self._directive()
        if node.selection_set is not None:
            text += f" {self._set(node.selection_set, returned)}"
        return text

    def _arguments(
        self,
        nodes: Iterable[ArgumentNode],
        known: Mapping[str, GraphQLArgument],
        field: str,
        returned: str,
    ) -> str:
        values = {node.name.value: node.value for node in nodes}
        if {"first", "last"} <= known.keys() and self._happens(85):
            values = self._page(values, field)
        written = [
            f"{name}: {self._value(name, value, known.get(name), returned)}"
            for name, value in values.items()
        ]
        if self._mishap == "an unknown argument" and self._happens(20):
            written.append("nope: 1")
        return f"({', '.join(written)})" if written else ""

    def _page(self, values: dict[str, ValueNode], field: str) -> dict[str, ValueNode]:
        """One direction only, and a cursor of this list if any: the rest is refused unread."""
        way, edge = ("last", "before") if self._happens(20) else ("first", "after")
        kept = {n: v for n, v in values.items() if n not in {"first", "last", "after", "before"}}
        size = values.get(way)
        if size is not None:
            kept[way] = size
        if field in PAGED and self._happens(35):
            kept[edge] = StringValueNode(value=cursor_of(field))
            kept.pop("orderBy", None)  # a cursor goes with the order that it was made in
        return kept

    def _value(
        self,
        name: str,
        value: ValueNode,
        declared: GraphQLArgument | GraphQLInputField | None,
        returned: str,
    ) -> str:
        if declared is None:
            return print_ast(value)
        fitting = self._fitting(name, returned)
        if fitting is not None and self._happens(self._fit):
            value = StringValueNode(value=fitting)
        if "variables" in self._twists and self._happens(30):
            return self._variable(value, declared.type)
        if isinstance(value, ObjectValueNode):
            return self._object(value, declared.type)
        if isinstance(value, ListValueNode):
            inner = get_nullable_type(declared.type)
            kind = inner.of_type if isinstance(inner, GraphQLList) else declared.type
            items = [
                self._value(name, one, GraphQLArgument(kind), returned) for one in value.values
            ]
            return f"[{', '.join(items)}]"
        if isinstance(value, EnumValueNode) and self._mishap == "case of an enum":
            return value.value.swapcase()
        return print_ast(value)

    def _object(self, value: ObjectValueNode, declared: GraphQLInputType) -> str:
        kind = get_nullable_type(declared)
        fields = kind.fields if isinstance(kind, GraphQLInputObjectType) else {}
        written = [
            f"{f.name.value}: {self._value(f.name.value, f.value, fields.get(f.name.value), '')}"
            for f in value.fields
        ]
        return f"{{{', '.join(written)}}}"

    def _fitting(self, name: str, returned: str) -> str | None:
        """An id of the kind that an argument of that name wants."""
        kind = returned if name == "id" else name.removesuffix("Id")
        if name == "after" and returned == "OrderStreamItem":
            return placeholder("sequence")
        if name != "id" and not name.endswith("Id"):
            return None
        kind = {"room": "LiveRoom"}.get(kind, kind[:1].upper() + kind[1:])
        return own(kind) if kind in self._kinds else None

    def _variable(self, value: ValueNode, kind: GraphQLInputType) -> str:
        name, declared = self._next("v"), str(kind)
        if self._mishap == "a wrong type" and self._happens(50):
            declared = self._draw(st.sampled_from(["Int", "[String!]", "Nope", "Query", "ID!"]))
        elif isinstance(kind, GraphQLNonNull) and self._happens(10):
            declared += f" = {print_ast(value)}"
        self._declared[name] = declared
        if self._mishap == "a wrong variable" and self._happens(50):
            self.given[name] = self._draw(anything())
        elif not (self._mishap == "a variable not given" and self._happens(50)):
            self.given[name] = None if isinstance(value, NullValueNode) else _plain(value)
        return f"${name}"

    def _directive(self) -> str:
        if self._mishap == "an unknown directive" and self._happens(10):
            return " @nope"
        if self._mishap == "@defer" and self._happens(10):
            return self._draw(st.sampled_from([" @defer", ' @defer(label: "x")', " @stream"]))
        if "directives" not in self._twists or not self._happens(20):
            return ""
        directive = self._draw(st.sampled_from(_DIRECTIVES))
        for name, value in (("shown", True), ("hidden", False)):
            if f"${name}" in directive:
                self._declared[name] = "Boolean!"
                self.given[name] = value
        return f" {directive}"

    def _happens(self, percent: int) -> bool:
        return self._draw(st.integers(0, 99)) >= 100 - percent

    def _next(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"


def _plain(value: ValueNode) -> Any:
    return value_from_ast_untyped(value)
