"""The arguments of a field: the same for all parents, so worked out once in a run."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from graphql import FieldNode, GraphQLField, VariableNode, Visitor, visit
from graphql.execution.values import get_argument_values

if TYPE_CHECKING:
    from execution.running import Run

Convert = Callable[[dict[str, Any]], dict[str, Any]]
_IMMUTABLE = (str, int, float, bool, type(None), Decimal, datetime, date, UUID, Enum)


class Arguments:
    """What a field is given; `convert` makes Python's values of graphql-core's, if that differs.

    Values that somebody could change are made anew for each parent.
    """

    def __init__(self, definition: GraphQLField, node: FieldNode, convert: Convert | None) -> None:
        self._definition = definition
        self._node = node
        self._convert = convert
        self._constant = not _has_variables(node)
        self._always: dict[str, Any] | None = None

    def given(self, run: "Run") -> dict[str, Any]:
        """By name; a `GraphQLError` where they are not what the field takes."""
        known = run.given.get(self) if self._always is None else self._always
        if known is not None:
            return known
        given = get_argument_values(
            self._definition,
            self._node,
            run.variables,
            None,
            run.plan.hide_suggestions,
        )
        if self._convert is not None:
            given = self._convert(given)
        if all(isinstance(value, _IMMUTABLE) for value in given.values()):
            run.given[self] = given
            if self._constant:
                self._always = given
        return given


def _has_variables(node: FieldNode) -> bool:
    found = False

    class Looking(Visitor):
        def enter_variable(self, _node: VariableNode, *_rest: Any) -> None:
            nonlocal found
            found = True

    for argument in node.arguments or ():
        visit(argument, Looking())
    return found
