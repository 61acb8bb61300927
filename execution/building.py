"""Building plans: from a validated operation to selections and fields, by graphql-core's own
collection of fields, so that fragments, aliases and conditions mean what they mean there."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution import default_field_resolver
from graphql.execution.collect_fields import (
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

from execution import strawberry_fields
from execution.arguments import Arguments
from execution.leaves import may_be_an_object
from execution.resolving import Call, DefaultRead, PlainRead, Resolve, resolve_plainly
from execution.running import Plan
from execution.selections import Field, Selection
from execution.variables import Variables

_MOST_FIELDS = 1_000  # of a plan; fragments on interfaces multiply


class NotCompiled(Exception):
    """graphql-core has to run the operation; the reason is one of a few words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def conditions(
    operation: OperationDefinitionNode, fragments: dict[str, FragmentDetails]
) -> tuple[str, ...]:
    """The variables that `@skip` and `@include` depend on: a plan is for certain values of these.

    `NotCompiled` where the operation has other directives, or fragments with variables.
    """
    if operation.directives:
        raise NotCompiled("directive")
    names: set[str] = set()
    for node in _selected(operation.selection_set, fragments, set()):
        for directive in node.directives or ():
            if directive.name.value not in {"skip", "include"}:
                raise NotCompiled(_KNOWN.get(directive.name.value, "directive"))
            values = [argument.value for argument in directive.arguments or ()]
            names |= {value.name.value for value in values if isinstance(value, VariableNode)}
    return tuple(sorted(names))


_KNOWN = {"defer": "incremental", "stream": "incremental"}


def _selected(
    selection_set: SelectionSetNode, fragments: dict[str, FragmentDetails], seen: set[str]
) -> Iterator[Any]:
    for node in selection_set.selections:
        yield node
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name in seen or name not in fragments:
                continue
            seen.add(name)
            definition = fragments[name].definition
            if getattr(node, "arguments", None) or definition.variable_definitions:
                raise NotCompiled("fragment variables")
            yield from _selected(definition.selection_set, fragments, seen)
        elif isinstance(node, (FieldNode, InlineFragmentNode)) and node.selection_set:
            yield from _selected(node.selection_set, fragments, seen)


@dataclass(kw_only=True)
class Building:
    """Builds the plan of one operation; `variables` are read for its conditions only."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    variables: VariableValues
    hide_suggestions: bool
    _fields: int = field(default=0, init=False)
    _countable: bool = field(default=True, init=False)

    def plan(self) -> Plan:
        root = self.schema.get_root_type(self.operation.operation)
        if root is None:
            raise NotCompiled("no root type")
        try:
            collected = collect_fields(
                self.schema,
                self.fragments,
                self.variables,
                root,
                self.operation,
                self.hide_suggestions,
            )
            selection = self._selection(root, collected.grouped_field_set)
        except GraphQLError:  # of a condition; graphql-core tells it when the operation runs
            raise NotCompiled("condition") from None
        except RecursionError:
            raise NotCompiled("too deep") from None
        definitions: dict[str, FragmentDefinitionNode] = {
            name: details.definition for name, details in self.fragments.items()
        }
        return Plan(
            schema=self.schema,
            operation=self.operation,
            fragments=self.fragments,
            fragment_definitions=definitions,
            selection=selection,
            variables=Variables(
                self.schema, self.operation, hide_suggestions=self.hide_suggestions
            ),
            hide_suggestions=self.hide_suggestions,
            countable=self._countable,
        )

    def _selection(self, kind: GraphQLObjectType, grouped: dict[str, Any]) -> Selection:
        fields = (self._field(kind, key, details) for key, details in grouped.items())
        selection = Selection(kind, [each for each in fields if each is not None])
        selection.generate()
        return selection

    def _field(self, parent: GraphQLObjectType, key: str, details: Any) -> Field | None:
        name = details[0].node.name.value
        definition = self.schema.get_field(parent, name)
        if definition is None:
            return None
        if name.startswith("__") and name != "__typename":
            raise NotCompiled("introspection")
        self._fields += 1
        if self._fields > _MOST_FIELDS:
            raise NotCompiled("too large")
        nullable, inner = _levels(definition.type)
        made = Field(
            key=key,
            name=name,
            parent_type=parent,
            definition=definition,
            details=details,
            nodes=[one.node for one in details],
            nullable=nullable,
        )
        if is_leaf_type(inner):
            made.leaf = inner
            self._countable = self._countable and not may_be_an_object(inner)
        else:
            made.abstract = inner if is_abstract_type(inner) else None
            made.selections = {kind.name: self._below(kind, details) for kind in self._kinds(inner)}
        made.plain = self._plain(made)
        made.resolve = resolve_plainly if made.plain else self._resolve(made)
        return made

    def _kinds(self, inner: Any) -> list[GraphQLObjectType]:
        if not is_abstract_type(inner):
            kinds = [inner]
        elif inspect.iscoroutinefunction(inner.resolve_type):
            raise NotCompiled("asynchronous type resolution")
        else:
            kinds = list(self.schema.get_possible_types(inner))
        if any(inspect.iscoroutinefunction(kind.is_type_of) for kind in kinds):
            raise NotCompiled("asynchronous type resolution")
        return kinds

    def _below(self, kind: GraphQLObjectType, details: Any) -> Selection:
        collected = collect_subfields(
            self.schema,
            self.fragments,
            self.variables,
            self.operation,
            kind,
            details,
            self.hide_suggestions,
        )
        return self._selection(kind, collected.grouped_field_set)

    def _plain(self, made: Field) -> PlainRead | None:
        known = strawberry_fields.strawberry_field(made.definition)
        if known is not None:
            return strawberry_fields.plain_read(known, made.definition)
        if made.definition.resolve is None and not made.definition.args:
            return DefaultRead(made.name)
        return None

    def _resolve(self, made: Field) -> Resolve:
        definition, node = made.definition, made.nodes[0]
        if made.name == "__typename":
            return resolve_plainly  # never asked: it is read with its row
        known = strawberry_fields.strawberry_field(definition)
        if known is not None and strawberry_fields.generates(known):
            raise NotCompiled("async-iterable list")
        schema = getattr(self.schema, "_strawberry_schema", None)
        if known is not None and schema is not None:
            resolve = strawberry_fields.resolver(known, definition, node, schema)
            if resolve is not None:
                return resolve
        return _called_as_graphql_core_does(made)


def _called_as_graphql_core_does(made: Field) -> Call:
    definition = made.definition
    function: Any = definition.resolve or default_field_resolver
    return Call(
        invoke=lambda parent, info, given: function(parent, info, **given),
        info=lambda run, field, batch, made: run.raw_info(field, batch, made),
        arguments=Arguments(definition, made.nodes[0], None) if definition.args else None,
        is_async=inspect.iscoroutinefunction(function),
    )


def _levels(kind: Any) -> tuple[tuple[bool, ...], Any]:
    """Whether null may stand at each level of a type, and its innermost type."""
    nullable = []
    while True:
        nullable.append(not is_non_null_type(kind))
        if is_non_null_type(kind):
            kind = kind.of_type
        if not is_list_type(kind):
            return tuple(nullable), kind
        kind = kind.of_type
