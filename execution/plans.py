"""The plans of a schema, kept for as long as they are used."""

from collections import OrderedDict
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues, get_variable_values

from execution.building import Building, NotCompiled, conditions
from execution.running import Plan

__all__ = ["NotCompiled", "Plans"]

_FIRST_SIGHT = NotCompiled("first sight")
_BEING_BUILT = NotCompiled("being built")
_CONDITION = NotCompiled("condition")
_NO_VALUES = VariableValues({}, {})
_MOST_VARIANTS = 16  # of one operation, by the values of its conditions


@dataclass(eq=False, slots=True)
class _Known:
    """An operation that was seen; `plans` by the values of its conditions."""

    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    conditions: tuple[str, ...] = ()
    refused: NotCompiled | None = None
    plans: dict[tuple[Any, ...], Plan | NotCompiled] = field(default_factory=dict)


class Plans:
    """Plans by operation. The least recently used are forgotten, `most` operations are kept.

    An operation is compiled when it is met the second time: most that come once come never again.
    The operation's node stands for the document's text and the operation's name: whoever parses a
    text anew each time gets a plan for none of them.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        most: int = 512,
        hide_suggestions: bool = True,
        compile_at: int = 2,
        beside: Executor | None = None,
    ) -> None:
        """`compile_at`: at which meeting an operation is compiled; by a
        thread of `beside`, while graphql-core runs it once more, or at once where that is None."""
        self._schema = schema
        self._most = most
        self._hide_suggestions = hide_suggestions
        self._compile_at = compile_at
        self._beside = beside
        self._seen: OrderedDict[int, tuple[OperationDefinitionNode, int]] = OrderedDict()
        self._known: OrderedDict[int, _Known] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(known.plans) for known in self._known.values())

    def plan(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: dict[str, Any] | None = None,
    ) -> Plan | NotCompiled:
        """The plan of a valid operation of the document, or why there is none."""
        known = self._known.get(id(operation)) or self._met(document, operation)
        if known is None:
            return _FIRST_SIGHT
        self._known.move_to_end(id(operation))
        if known.refused is not None:
            return known.refused
        values = self._condition_values(known, variables)
        if isinstance(values, list):
            return _CONDITION
        case = tuple(map(values.coerced.get, known.conditions))
        plan = known.plans.get(case)
        if plan is None:
            if len(known.plans) >= _MOST_VARIANTS:
                known.plans.clear()
            plan = self._ordered(known, values, case)
        return plan

    def _met(self, document: DocumentNode, operation: OperationDefinitionNode) -> _Known | None:
        """The operation, known from now on; None where it comes for the first time."""
        _, times = self._seen.pop(id(operation), (operation, 0))
        if times + 1 < self._compile_at:
            self._seen[id(operation)] = (operation, times + 1)
            if len(self._seen) > self._most:
                self._seen.popitem(last=False)
            return None
        known = self._known[id(operation)] = _Known(operation, _fragments(document))
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        try:
            known.conditions = conditions(operation, known.fragments)
        except NotCompiled as reason:
            known.refused = reason
        except RecursionError:
            known.refused = NotCompiled("too deep")
        return known

    def _condition_values(
        self, known: _Known, variables: dict[str, Any] | None
    ) -> VariableValues | list[GraphQLError]:
        """The values, by default too, of the variables that decide its conditions."""
        if not known.conditions:
            return _NO_VALUES
        definitions = known.operation.variable_definitions or ()
        wanted = [one for one in definitions if one.variable.name.value in known.conditions]
        return get_variable_values(self._schema, wanted, variables or {})

    def _ordered(
        self, known: _Known, values: VariableValues, case: tuple[Any, ...]
    ) -> Plan | NotCompiled:
        """The plan, or, where somebody builds it meanwhile, that it is not there yet."""
        building = Building(
            schema=self._schema,
            operation=known.operation,
            fragments=known.fragments,
            variables=values,
            hide_suggestions=self._hide_suggestions,
        )

        def build() -> None:
            known.plans[case] = _built(building)

        if self._beside is None:
            build()
            return known.plans[case]
        known.plans[case] = _BEING_BUILT  # before anybody builds it: that may take no time at all
        self._beside.submit(build)
        return _BEING_BUILT


def _built(building: Building) -> Plan | NotCompiled:
    try:
        return building.plan()
    except NotCompiled as reason:
        return reason


def _fragments(document: DocumentNode) -> dict[str, FragmentDetails]:
    return {
        definition.name.value: FragmentDetails(definition, None)
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
