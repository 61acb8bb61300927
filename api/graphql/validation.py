"""Validation by graphql-core, bounded, with nothing of it left to the garbage collector.

A rule keeps the methods by which it visits, which keep the rule: only a full collection would give
back what it had gathered, and a full collection holds the event loop. Rules are therefore emptied
as soon as they are done.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSchema, validate
from graphql.validation import (
    ASTValidationRule,
    NoSchemaIntrospectionCustomRule,
    OverlappingFieldsCanBeMergedRule,
    ValidationContext,
    ValuesOfCorrectTypeRule,
    specified_rules,
)
from graphql.validation.validate import ValidationAbortedError

from api.graphql.limits import LimitExceeded

_Begin = Callable[[ValidationContext], ASTValidationRule]
_MOST_ERRORS = 20
_TOLD = 10_000  # characters of what is wrong with the values of a document


class Validation:
    """The rules of one schema; `comparisons` is in graphql-core's units, two for each pair."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        introspection: bool,
        suggestions: bool,
        comparisons: int,
        more: Iterable[type[ASTValidationRule]] = (),
    ) -> None:
        """`more` are rules beside those of the specification."""
        self._schema = schema
        self._suggestions = suggestions
        ours: dict[Any, _Begin] = {
            OverlappingFieldsCanBeMergedRule: partial(_Comparing, comparisons=comparisons),
            ValuesOfCorrectTypeRule: _Values,
        }
        self._rules: list[_Begin] = [ours.get(rule, rule) for rule in specified_rules]
        self._rules += more
        if not introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)

    def errors(self, document: DocumentNode) -> list[GraphQLError]:
        """What is wrong, at most twenty errors; `LimitExceeded` where it would take too long."""
        begun: list[ASTValidationRule] = []
        rules: Any = [_noted(begin, begun) for begin in self._rules]
        try:
            return validate(
                self._schema,
                document,
                rules,
                max_errors=_MOST_ERRORS,
                hide_suggestions=not self._suggestions,
            )
        finally:
            for rule in begun:
                vars(rule.context).clear()
                vars(rule).clear()


def _noted(begin: _Begin, begun: list[ASTValidationRule]) -> _Begin:
    def noted(context: ValidationContext) -> ASTValidationRule:
        begun.append(begin(context))
        return begun[-1]

    return noted


class _Comparing(OverlappingFieldsCanBeMergedRule):
    """Compares every two fields that answer under one name: n of them take n^2 / 2."""

    def __init__(self, context: ValidationContext, *, comparisons: int) -> None:
        super().__init__(context)
        self._allowed = self.rule_context.remaining_complexity_budget = comparisons

    def enter_selection_set(self, *visited: Any) -> None:
        try:
            super().enter_selection_set(*visited)
        except ValidationAbortedError:
            if self.rule_context.remaining_complexity_budget >= 0:
                raise
            raise LimitExceeded(
                "Comparisons of fields that answer under one name",
                f"more than {self._allowed:,}",
                self._allowed,
                " Select a field once in each place, and spread fewer fragments in one.",
            ) from None


class _Values(ValuesOfCorrectTypeRule):
    """Each error quotes the value it is about, which may be as long as the document."""

    _told = 0

    def report_error(self, error: GraphQLError) -> None:
        super().report_error(error)
        self._told += len(error.message)
        if self._told > _TOLD:
            message = "The other errors are not told: these are long enough. Validation aborted."
            raise ValidationAbortedError(message)
