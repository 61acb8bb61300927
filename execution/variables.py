"""The values of an operation's variables, as graphql-core coerces them.

Most are text and numbers that stay as they are; seeing that takes a tenth of the time that coercing
them does. Whatever else there is, defaults and faults included, is graphql-core's to say.
"""

from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLInt,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
    is_non_null_type,
)
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

# No floats: JSON has whole numbers where those are meant.
_STAYS = {GraphQLString: str, GraphQLID: str, GraphQLInt: int, GraphQLBoolean: bool}
_LARGEST_INT = 2**31 - 1
_MOST_ERRORS = 50


@dataclass(frozen=True, slots=True)
class VariableTaken:
    """What is known of a variable before it has a value."""

    name: str
    absent: VariableValueSource
    signature: GraphQLVariableSignature
    stays: type | None  # the class of values that need no coercion
    nullable: bool
    has_default: bool


class Variables:
    """The variables of one operation."""

    def __init__(
        self, schema: GraphQLSchema, operation: OperationDefinitionNode, *, hide_suggestions: bool
    ) -> None:
        self._schema = schema
        self._definitions = operation.variable_definitions or ()
        self._hide_suggestions = hide_suggestions
        self._variables = self._read()

    def coerced(self, given: dict[str, Any] | None) -> VariableValues | list[GraphQLError]:
        """By name, or what is wrong with them."""
        given = given or {}
        return self._as_they_are(given) or get_variable_values(
            self._schema,
            self._definitions,
            given,
            max_errors=_MOST_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )

    def _as_they_are(self, given: dict[str, Any]) -> VariableValues | None:
        """None where one of them needs a closer look."""
        if self._variables is None:
            return None
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for variable in self._variables:
            value = given.get(variable.name, Undefined)
            if value is Undefined:
                if variable.has_default or not variable.nullable:
                    return None
                sources[variable.name] = variable.absent
                continue
            stays = type(value) is variable.stays or (value is None and variable.nullable)
            if not stays or (variable.stays is int and not _fits(value)):
                return None
            sources[variable.name] = VariableValueSource(variable.signature, value)
            coerced[variable.name] = value
        return VariableValues(sources, coerced)

    def _read(self) -> list[VariableTaken] | None:
        """None where graphql-core would have to coerce one of them whatever it is."""
        found = []
        for definition in self._definitions:
            signature = get_variable_signature(self._schema, definition)
            if isinstance(signature, GraphQLError):
                return None
            kind: Any = signature.type
            nullable = not is_non_null_type(kind)
            stays = _STAYS.get(kind if nullable else kind.of_type)
            found.append(
                VariableTaken(
                    name=signature.name,
                    absent=VariableValueSource(signature),
                    signature=signature,
                    stays=stays,
                    nullable=nullable,
                    has_default=definition.default_value is not None,
                )
            )
        return found


def _fits(value: int | None) -> bool:
    return value is None or -_LARGEST_INT - 1 <= value <= _LARGEST_INT
