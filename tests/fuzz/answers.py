"""What is wrong with an answer: its form, its codes, and whether its data are what was asked for.

The document is parsed and validated here again, by graphql-core's own rules, and the data are
walked along it with the schema's types: each selected field is there, in order, nothing else is,
and nothing is null that may not be.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SchemaMetaFieldDef,
    SelectionSetNode,
    TypeMetaFieldDef,
    TypeNameMetaFieldDef,
    ValueNode,
    VariableNode,
    parse,
    validate,
)

from schema.errors import ErrorCode

_META = {
    "__typename": TypeNameMetaFieldDef,
    "__schema": SchemaMetaFieldDef,
    "__type": TypeMetaFieldDef,
}
_OF_US = re.compile(
    r'Traceback \(most recent|File \\?"|\bSELECT\b.*\bFROM\b|\bINSERT INTO\b|\bDELETE FROM\b'
    r"|asyncpg|sqlalchemy|psycopg|strawberry|site-packages| object at 0x|<coroutine|<class '",
    re.DOTALL,
)
_UNASKED = {ErrorCode.GRAPHQL_PARSE_FAILED, ErrorCode.GRAPHQL_VALIDATION_FAILED}


def leaks(text: str) -> list[str]:
    """Tracebacks, SQL and objects of ours, which no answer holds."""
    found = _OF_US.search(text)
    return [f"it tells of our insides: {found[0][:80]!r}"] if found else []


def faults(
    answer: Any, *, schema: GraphQLSchema, query: Any, variables: Any = None, name: Any = None
) -> list[str]:
    """What is wrong with `answer` to that operation; nothing, if all is well."""
    wrong = form_faults(answer)
    if wrong:
        return wrong
    codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
    document = _valid(schema, query)
    if document is None:
        return ["a document that is not valid has data"] if "data" in answer else []
    if codes & _UNASKED:
        return [f"a valid document is refused: {answer['errors'][0]['message'][:300]}"]
    if answer.get("data") is None:
        return []
    operation = _operation(document, name)
    if operation is None:
        return ["there are data, and no operation that was meant"]
    reading = _Reading(schema, document, variables if isinstance(variables, dict) else {})
    return [*reading.of(operation, answer["data"]), *_path_faults(answer)]


def form_faults(answer: Any, *, coded: bool = True) -> list[str]:
    """Against the response format of the specification, and our error codes."""
    if not isinstance(answer, dict):
        return ["an answer is an object"]
    wrong = [f"{key!r} is no part of an answer" for key in answer.keys() - _PARTS]
    errors = answer.get("errors")
    if "errors" in answer and (not isinstance(errors, list) or not errors):
        return [*wrong, "errors is a list of at least one"]
    for error in errors or ():
        wrong += _error_faults(error, within="data" in answer, coded=coded)
    if "data" not in answer and not errors:
        wrong.append("there are neither data nor errors")
    if "data" in answer and not isinstance(answer["data"], dict | None):
        wrong.append("data is an object or null")
    if answer.get("data", 0) is None and not errors:
        wrong.append("data is null, and no error says why")
    return wrong


_PARTS = {"data", "errors", "extensions"}
_CODES = frozenset(code.value for code in ErrorCode) - {ErrorCode.INTERNAL_SERVER_ERROR.value}


def _error_faults(error: Any, *, within: bool, coded: bool) -> Iterator[str]:
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        yield "an error is an object with a message"
        return
    if error.keys() - {"message", "locations", "path", "extensions"}:
        yield f"an error has no {sorted(error)}"
    for location in error.get("locations", ()):
        if not (location["line"] >= 1 and location["column"] >= 1):
            yield f"no location: {location}"
    path = error.get("path")
    if path is not None and not (path and all(isinstance(step, str | int) for step in path)):
        yield f"no path: {path}"
    if within and path is None:
        yield f"beside data, an error without a path: {error['message'][:200]}"
    if not within and path is not None:
        yield f"an error with a path, and no data: {error['message'][:200]}"
    extensions = error.get("extensions")
    if coded and (not isinstance(extensions, dict) or extensions.get("code") not in _CODES):
        yield f"no code that clients know: {str(error)[:300]}"


def _path_faults(answer: dict[str, Any]) -> Iterator[str]:
    """A field that failed is null, or something around it is."""
    for error in answer.get("errors", ()):
        at = answer["data"]
        for step in error["path"]:
            if at is None:
                break
            try:
                at = at[step]
            except (KeyError, IndexError, TypeError):
                yield f"an error's path leads nowhere: {error['path']}"
                break
        else:
            if at is not None:
                yield f"an error where there are data: {error['path']}"


def _valid(schema: GraphQLSchema, query: Any) -> DocumentNode | None:
    if not isinstance(query, str):
        return None
    try:
        document = parse(query)
    except GraphQLError:
        return None
    return None if validate(schema, document) else document


def _operation(document: DocumentNode, name: Any) -> OperationDefinitionNode | None:
    found = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if name:
        found = [d for d in found if d.name is not None and d.name.value == name]
    return found[0] if len(found) == 1 else None


Fields = dict[str, list[FieldNode]]


@dataclass
class _Reading:
    schema: GraphQLSchema
    document: DocumentNode
    variables: Mapping[str, Any]
    _defaults: dict[str, ValueNode | None] = field(default_factory=dict)

    def of(self, operation: OperationDefinitionNode, data: Any) -> list[str]:
        root = self.schema.get_root_type(operation.operation)
        assert root is not None
        for definition in operation.variable_definitions or ():
            self._defaults[definition.variable.name.value] = definition.default_value
        return list(self._object(root, [operation.selection_set], data, "data"))

    def _object(
        self, kind: GraphQLObjectType, sets: Iterable[SelectionSetNode], data: Any, at: str
    ) -> Iterator[str]:
        if not isinstance(data, dict):
            yield f"{at} is a {kind.name}, and no object"
            return
        wanted: Fields = {}
        for selected in sets:
            self._collect(kind, selected, wanted)
        if list(wanted) != list(data):
            yield f"{at} has {list(data)}, and {list(wanted)} were selected of a {kind.name}"
            return
        for key, nodes in wanted.items():
            definition = self._field(kind, nodes[0].name.value)
            yield from self._value(definition.type, nodes, data[key], f"{at}.{key}")

    def _field(self, kind: GraphQLObjectType, name: str) -> GraphQLField:
        return _META[name] if name in _META else kind.fields[name]

    def _value(self, kind: Any, nodes: list[FieldNode], value: Any, at: str) -> Iterator[str]:
        if isinstance(kind, GraphQLNonNull):
            if value is None:
                yield f"{at} is null, and {kind} is never"
                return
            kind = kind.of_type
        if value is None:
            return
        if isinstance(kind, GraphQLList):
            if not isinstance(value, list):
                yield f"{at} is no list"
                return
            for number, one in enumerate(value):
                yield from self._value(kind.of_type, nodes, one, f"{at}.{number}")
        elif isinstance(kind, GraphQLScalarType | GraphQLEnumType):
            if not _is_leaf(kind, value):
                yield f"{at} is no {kind.name}: {str(value)[:80]!r}"
        else:
            sets = [node.selection_set for node in nodes if node.selection_set is not None]
            yield from self._composite(kind, sets, value, at)

    def _composite(
        self, kind: GraphQLNamedType, sets: list[SelectionSetNode], value: Any, at: str
    ) -> Iterator[str]:
        """Without a `__typename`, of whichever type it fits."""
        if isinstance(kind, GraphQLObjectType):
            yield from self._object(kind, sets, value, at)
            return
        assert isinstance(kind, GraphQLInterfaceType | GraphQLUnionType)
        told = [
            list(self._object(one, sets, value, at)) for one in self.schema.get_possible_types(kind)
        ]
        if all(told):
            yield from min(told, key=len)

    def _collect(self, kind: GraphQLObjectType, selected: SelectionSetNode, into: Fields) -> None:
        for node in selected.selections:
            if not self._shown(node.directives or ()):
                continue
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                into.setdefault(key, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if self._applies(node.type_condition, kind):
                    self._collect(kind, node.selection_set, into)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragment(node.name.value)
                if self._applies(fragment.type_condition, kind):
                    self._collect(kind, fragment.selection_set, into)

    def _shown(self, directives: Iterable[DirectiveNode]) -> bool:
        for directive in directives:
            name = directive.name.value
            if name in {"skip", "include"}:
                (argument,) = directive.arguments or ()
                if self._true(argument.value) is (name == "skip"):
                    return False
        return True

    def _true(self, value: ValueNode | None) -> bool:
        if isinstance(value, VariableNode):
            name = value.name.value
            if name in self.variables:
                return self.variables[name] is True
            return self._true(self._defaults.get(name))
        return isinstance(value, BooleanValueNode) and value.value

    def _applies(self, condition: Any, kind: GraphQLObjectType) -> bool:
        if condition is None:
            return True
        named = self.schema.get_type(condition.name.value)
        if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
            return self.schema.is_sub_type(named, kind)
        return named is kind

    def _fragment(self, name: str) -> FragmentDefinitionNode:
        return next(
            d
            for d in self.document.definitions
            if isinstance(d, FragmentDefinitionNode) and d.name.value == name
        )


def _is_leaf(kind: GraphQLScalarType | GraphQLEnumType, value: Any) -> bool:
    if isinstance(kind, GraphQLEnumType):
        return value in kind.values
    return _SCALARS.get(kind.name, _is_text)(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_decimal(value: Any) -> bool:
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False


_SCALARS: dict[str, Callable[[Any], bool]] = {
    "Int": lambda value: type(value) is int and -(2**31) <= value < 2**31,
    "Float": lambda value: type(value) in {int, float},
    "Boolean": lambda value: type(value) is bool,
    "DateTime": _is_moment,
    "Decimal": _is_decimal,
    "JSON": lambda _value: True,
}
