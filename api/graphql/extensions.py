"""Strawberry's schema extensions, for whoever adds one to the schema.

Documents are read once and operations run as plans, which passes Strawberry's pipeline by. What an
extension would have done there is done all the same: rules of documents are checked when these are
read, and where any other extension is there, graphql-core runs every operation, with the hooks of
all of them around it.

Extensions see operations that are run: a document that is refused never reaches them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import ASTValidationRule, ExecutionResult, GraphQLError, specified_rules, validate
from graphql.execution import MiddlewareManager
from strawberry.extensions import (
    AddValidationRules,
    DisableValidation,
    MaskErrors,
    MaxTokensLimiter,
    ParserCache,
    SchemaExtension,
    ValidationCache,
)
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from api.graphql.failures import rejected
from execution import Outcome
from schema.errors import ErrorCode

_HOOKS = (
    "on_operation", "on_parse", "on_validate", "on_execute", "on_stream_result", "resolve",
    "get_results",
)  # fmt: skip
_NEEDLESS = (ParserCache, ValidationCache)  # documents are remembered as it is
_IN_VAIN = {
    MaxTokensLimiter: "set SELLER_MAX_QUERY_TOKENS instead",
    DisableValidation: "every document is validated",
    MaskErrors: "bugs are masked as it is, see schema/errors.py",
}
Execute = Callable[[MiddlewareManager | None], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What extensions are told of an operation, or of the event that a subscription answers."""

    text: str
    document: Any
    name: str | None
    variables: dict[str, Any] | None
    context: Any
    event: Any = None


@dataclass(frozen=True, slots=True)
class Extensions:
    """`rules` are for reading documents. `watching` names an extension that has to see each step of
    every operation."""

    schema: strawberry.Schema
    rules: tuple[type[ASTValidationRule], ...]
    watching: str | None

    async def run(self, asked: Asked, execute: Execute) -> Outcome:
        """Have `execute` run the operation, with the hooks of all extensions around it."""
        extensions = self.schema.get_extensions()
        told = self._told(asked)
        for extension in extensions:
            extension.execution_context = told
        runner = self.schema.create_extensions_runner(told, extensions)
        async with runner.operation():
            async with runner.parsing():
                pass  # that was done before
            async with runner.validation():
                told.pre_execution_errors = self._errors(told)
            async with runner.executing():
                if told.pre_execution_errors:
                    told.result = ExecutionResult(None, told.pre_execution_errors)
                elif told.result is None:
                    told.result = await execute(_middleware(extensions))
            if asked.event is not None:
                async with runner.on_stream_result(told.result):  # type: ignore[arg-type]
                    pass
        more = await runner.get_extensions_results(told)
        ended: Any = told.result
        return Outcome(ended.data, list(ended.errors or ()), extensions=more or None)

    def _told(self, asked: Asked) -> ExecutionContext:
        return ExecutionContext(
            query=asked.text,
            schema=self.schema,
            allowed_operations=tuple(OperationType),
            context=asked.context,
            variables=asked.variables,
            root_value=asked.event,
            provided_operation_name=asked.name,
            graphql_document=asked.document,
        )

    def _errors(self, told: ExecutionContext) -> list[GraphQLError] | None:
        """Of rules that an extension has added for this operation, and of its own making."""
        added = [rule for rule in told.validation_rules if rule not in specified_rules]
        document: Any = told.graphql_document
        found = validate(self.schema._schema, document, added) if added else []  # noqa: SLF001
        if found:
            found = rejected(found, ErrorCode.GRAPHQL_VALIDATION_FAILED).errors
        return [*(told.pre_execution_errors or ()), *found] or None


def extensions_of(schema: strawberry.Schema) -> Extensions | None:
    """What the schema's extensions need; None where it has none. `ValueError` for one that would be
    in vain here."""
    extensions = [one for one in schema.get_extensions() if not isinstance(one, _NEEDLESS)]
    for one in extensions:
        if type(one) in _IN_VAIN:
            reason = _IN_VAIN[type(one)]
            raise ValueError(f"The extension {type(one).__name__} is in vain: {reason}.")
    if not extensions:
        return None
    rules: list[type[ASTValidationRule]] = []
    watching = None
    for one in extensions:
        if isinstance(one, AddValidationRules) and _only_adds_rules(one):
            rules += one.validation_rules
        else:
            watching = type(one).__name__
    return Extensions(schema, tuple(rules), watching)


def _only_adds_rules(extension: AddValidationRules) -> bool:
    """Those that it is made with, and does nothing else."""
    kind = type(extension)
    return all(getattr(kind, hook) is getattr(AddValidationRules, hook) for hook in _HOOKS)


def _middleware(extensions: list[SchemaExtension]) -> MiddlewareManager | None:
    resolving = [one for one in extensions if type(one).resolve is not SchemaExtension.resolve]
    return MiddlewareManager(*resolving) if resolving else None
