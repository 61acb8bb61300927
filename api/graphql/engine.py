"""Runs operations: as a plan where there is one, by graphql-core where there is none."""

import asyncio
import functools
from collections.abc import AsyncGenerator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from graphql import ExecutionResult, GraphQLSchema, OperationDefinitionNode, execute
from graphql.execution import MiddlewareManager, create_source_event_stream
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental

from api import metrics
from api.graphql.documents import Document, is_subscription
from api.graphql.extensions import Asked, Extensions
from api.graphql.failures import RequestError, translated
from api.graphql.operations import Operation
from execution import NotCompiled, Outcome, Plan, Plans
from schema.context import Context
from schema.errors import ErrorCode, coded


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation whose document is good, ready to run; `cost` in points. `dear`: for the
    event loop, which other operations wait for."""

    operation: Operation
    document: Document
    definition: OperationDefinitionNode
    introspects: bool
    cost: int
    dear: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """`beside` runs what waits for nothing, and takes long."""

    schema: GraphQLSchema
    beside: Executor
    plans: Plans | None = None
    extensions: Extensions | None = None
    suggestions: bool = False

    @property
    def watching(self) -> bool:
        """Whether an extension sees every step, and may make a difference between two callers."""
        return self.extensions is not None and self.extensions.watching is not None

    async def outcome(self, prepared: Prepared, context: Context, root: Any = None) -> Outcome:
        """What the operation comes to; with `root`, what a subscription answers to that event."""
        if self.extensions is not None and self.extensions.watching:
            metrics.NOT_COMPILED.labels(self.extensions.watching).inc()
            run = functools.partial(self._by_graphql_core, prepared, context, root)
            return await self.extensions.run(_asked(prepared, context, root), run)
        plan = await self._plan(prepared)
        if plan is not None:
            return await plan.run(prepared.operation.variables, context=context, root=root)
        result = await self._by_graphql_core(prepared, context, root)
        return Outcome(result.data, result.errors or [])

    async def _by_graphql_core(
        self,
        prepared: Prepared,
        context: Context,
        root: Any,
        middleware: MiddlewareManager | None = None,
    ) -> Any:
        run = functools.partial(self._execute, prepared, context, root, middleware)
        if prepared.introspects:  # much work, and none of it waits for anything
            loop = asyncio.get_running_loop()
            result = await loop.run_in_executor(self.beside, run)
        else:
            result = run()
        return await result if hasattr(result, "__await__") else result

    async def _plan(self, prepared: Prepared) -> Plan | None:
        if self.plans is None:
            return None
        asked = prepared.document.node, prepared.definition, prepared.operation.variables
        if prepared.dear and not prepared.introspects:
            found = await self.plans.awaited(*asked)
        else:
            found = self.plans.plan(*asked)
        if isinstance(found, NotCompiled):
            metrics.NOT_COMPILED.labels(found.reason).inc()
            return None
        return found

    def _execute(
        self,
        prepared: Prepared,
        context: Context,
        root: Any,
        middleware: MiddlewareManager | None,
    ) -> Any:
        return execute(
            self.schema,
            prepared.document.node,
            root_value=root,
            context_value=context,
            variable_values=prepared.operation.variables,
            operation_name=prepared.operation.name,
            middleware=middleware,
            hide_suggestions=not self.suggestions,
        )

    async def source(self, prepared: Prepared, context: Context) -> AsyncGenerator[Any, None]:
        """The events of a subscription; `RequestError` where it cannot begin."""
        if not is_subscription(prepared.definition):
            raise RequestError(coded(ErrorCode.BAD_REQUEST, "This is no subscription."))
        executor: Any = ExecutorThrowingOnIncremental.build(
            self.schema,
            prepared.document.node,
            None,
            context,
            prepared.operation.variables,
            prepared.operation.name,
            hide_suggestions=not self.suggestions,
        )
        if isinstance(executor, list):
            raise RequestError(*executor)
        source: Any = create_source_event_stream(executor)
        if hasattr(source, "__await__"):
            source = await source
        if isinstance(source, ExecutionResult):
            raise RequestError(*map(translated, source.errors or ()))
        return source  # type: ignore[no-any-return]


def _asked(prepared: Prepared, context: Context, root: Any) -> Asked:
    document, operation = prepared.document.node, prepared.operation
    text = document.loc.source.body if document.loc else ""
    return Asked(text, document, operation.name, operation.variables, context, root)
