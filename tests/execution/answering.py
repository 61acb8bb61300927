"""Answers to one operation: graphql-core's, and a plan's."""

import asyncio
import warnings
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import isawaitable
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution import Executor

from execution import NotCompiled, Plans
from tests.execution.comparing import Answer, answer_of, differences
from tests.execution.zoo.root import Context, core_schema, opened
from tests.execution.zoo.whims import Whims

_PROPAGATES_NOT = DirectiveNode(
    name=NameNode(value="experimental_disableErrorPropagation"), arguments=()
)


@dataclass(frozen=True)
class Asked:
    """An operation, and the seed of the whims it meets: without one, all goes well."""

    query: str
    variables: dict[str, Any] | None = None
    seed: int | None = None
    often: int = 80
    cancelling: bool = False
    name: str | None = None

    @property
    def whims(self) -> Whims:
        return Whims(self.seed, self.often, self.cancelling)


@dataclass
class Compared:
    """What is different; `refused` is why there is no plan, and `answer` the plan's."""

    wrong: list[str] = field(default_factory=list)
    refused: str | None = None
    answer: Answer | None = None


class Zoo:
    """A schema, and the plans of it."""

    def __init__(self, schema: GraphQLSchema | None = None, **plans: Any) -> None:
        self.schema = schema or core_schema()
        self.plans = Plans(self.schema, **{"compile_at": 1, **plans})

    async def compared(self, asked: Asked) -> Compared:
        document = parse(asked.query)
        if validate(self.schema, document):
            return Compared(refused="invalid")
        operation = get_operation_ast(document, asked.name)
        assert operation is not None, "no such operation"
        plan = self.plans.plan(document, operation, asked.variables)
        if isinstance(plan, NotCompiled):
            return Compared(refused=plan.reason)
        whims, reference_whims = asked.whims, asked.whims
        run = partial(self.by_graphql_core, document, asked)
        reference = await run(operation, reference_whims)
        possible = await run(_without_propagation(operation), asked.whims)
        # Twice: what a plan has learnt in a run may not change the next.
        for context in (opened(asked.whims), opened(whims)):
            before = asyncio.all_tasks()
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                answer = await _by_plan(plan, asked, context)
            wrong = differences(reference, answer, possible=possible)
            wrong += [
                f"warned: {one.message}" for one in warned if not is_known_to_stay(one.message)
            ]
            if not answer.raised:
                wrong += [f"left: {task}" for task in await tasks_that_stay(before)]
            if wrong:
                return Compared(wrong, answer=answer)
        if not reference.errors and not reference.raised and whims.asked != reference_whims.asked:
            return Compared([f"asked: {whims.asked} not {reference_whims.asked}"], answer=answer)
        return Compared(answer=answer)

    async def by_graphql_core(
        self,
        document: DocumentNode,
        asked: Asked,
        operation: OperationDefinitionNode,
        whims: Whims,
    ) -> Answer:
        definitions = [
            operation if isinstance(one, OperationDefinitionNode) else one
            for one in document.definitions
            if not isinstance(one, OperationDefinitionNode) or one.name == operation.name
        ]
        context = opened(whims)
        executor = Executor.build(
            self.schema,
            DocumentNode(definitions=tuple(definitions)),
            context_value=context,
            raw_variable_values=asked.variables,
            hide_suggestions=True,
        )
        if isinstance(executor, list):
            return answer_of(None, executor)
        if operation.operation is OperationType.SUBSCRIPTION:
            executor = executor.build_per_event_executor(_event(context))
        return await _answered(_core_result(executor, operation))


def is_known_to_stay(warning: Warning | str) -> bool:
    """Whether graphql-core, or Strawberry around a resolver, left a coroutine unawaited; both do so
    without plans too, where something is cancelled or fails in the middle of a list."""
    return any(known in str(warning) for known in ("Executor.", "GraphQLCoreConverter."))


async def tasks_that_stay(before: "set[asyncio.Task[Any]]") -> "set[asyncio.Task[Any]]":
    """Tasks that are new and stay, though graphql-core settles some after its answer."""
    for _ in range(20):
        if not asyncio.all_tasks() - before:
            break
        await asyncio.sleep(0)
    return asyncio.all_tasks() - before


async def _core_result(executor: Executor[Any], operation: OperationDefinitionNode) -> Any:
    result: Any = executor.execute_operation(operation.operation is OperationType.MUTATION)
    return await result if isawaitable(result) else result


async def _by_plan(plan: Any, asked: Asked, context: Context) -> Answer:
    is_event = plan.operation.operation is OperationType.SUBSCRIPTION
    root = _event(context) if is_event else None
    return await _answered(plan.run(asked.variables, context=context, root=root))


def _event(context: Context) -> Any:
    from tests.execution.zoo.animals import being

    return being(context.whims, "arrivals.0")


async def _answered(running: Awaitable[Any]) -> Answer:
    try:
        outcome = await running
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - it is what is compared
        return Answer("null", raised=type(error).__name__)
    return answer_of(outcome.data, outcome.errors or ())


def _without_propagation(operation: OperationDefinitionNode) -> OperationDefinitionNode:
    return replace(operation, directives=(_PROPAGATES_NOT,))
