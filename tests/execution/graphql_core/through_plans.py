"""A plugin of pytest under which graphql-core's tests execute through plans.

It stands in a process of its own (`test_graphql_core.py`), whose folder `tests` is graphql-core's.
What it may not change, such as executors, hooks and middleware that a test brings, runs on
graphql-core as before. The outcomes, and how often each way was gone, are written to the file
`THROUGH_PLANS_TOLD`.
"""

import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Generator
from inspect import isawaitable
from pathlib import Path
from typing import Any

import graphql
import graphql.execution
import pytest
from graphql import DocumentNode, ExecutionResult, GraphQLSchema, get_operation_ast, validate
from graphql.type import assert_valid_schema

from execution import NotCompiled, Plan, Plans
from execution.running import Run

_EXECUTE, _EXECUTE_SYNC = graphql.execution.execute, graphql.execution.execute_sync
_ways: Counter[str] = Counter()
_outcomes: dict[str, str] = {}


def pytest_configure() -> None:
    for module in (graphql, graphql.execution):
        module.execute = execute  # type: ignore[attr-defined]
        module.execute_sync = execute_sync  # type: ignore[attr-defined]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        _outcomes[report.nodeid] = report.outcome


def pytest_unconfigure() -> None:
    told = {"outcomes": _outcomes, "ways": _ways}
    Path(os.environ["THROUGH_PLANS_TOLD"]).write_text(json.dumps(told))


def execute(
    schema: GraphQLSchema,
    document: DocumentNode,
    root_value: Any = None,
    context_value: Any = None,
    variable_values: dict[str, Any] | None = None,
    operation_name: str | None = None,
    *,
    otherwise: Callable[..., Any] = _EXECUTE,
    **others: Any,
) -> Any:
    """`otherwise`: who runs what no plan covers."""
    assert_valid_schema(schema)
    plan = _plan(schema, document, variable_values, operation_name, others)
    if plan is None:
        given = (root_value, context_value, variable_values, operation_name)
        return otherwise(schema, document, *given, **others)
    return _run(plan, root_value, context_value, variable_values)


def execute_sync(schema: GraphQLSchema, document: DocumentNode, *given: Any, **others: Any) -> Any:
    result = execute(schema, document, *given, otherwise=_EXECUTE_SYNC, **others)
    if isawaitable(result):
        result.close()  # type: ignore[attr-defined]
        raise RuntimeError("GraphQL execution failed to complete synchronously.")
    return result


def _plan(
    schema: GraphQLSchema,
    document: DocumentNode,
    variables: dict[str, Any] | None,
    name: str | None,
    others: dict[str, Any],
) -> Plan | None:
    operation = get_operation_ast(document, name)
    if any(value is not None for value in others.values()):
        reason = "of its own: " + ", ".join(sorted(others))
    elif operation is None:
        reason = "no operation"
    elif validate(schema, document):
        reason = "invalid"
    else:
        plans = Plans(schema, compile_at=1, hide_suggestions=False)
        plan = plans.plan(document, operation, variables)
        if not isinstance(plan, NotCompiled):
            _ways["plan"] += 1
            return plan
        reason = plan.reason
    _ways[reason] += 1
    return None


def _run(plan: Plan, root: Any, context: Any, variables: dict[str, Any] | None) -> Any:
    """The result if nothing has to be awaited for it, as graphql-core has it; else an awaitable."""
    coerced = plan.variables.coerced(variables)
    if isinstance(coerced, list):
        return ExecutionResult(None, coerced)
    run = _WatchedRun(plan, coerced, context, root)
    coroutine = _result(run)
    try:
        waits_for = coroutine.send(None)
    except StopIteration as ended:
        return _at_once(ended.value) if run.waited else ended.value
    return _rest(coroutine, waits_for)


class _WatchedRun(Run):
    waited = False

    async def _settle(self, waiting: Any) -> None:
        self.waited = self.waited or bool(waiting)
        await super()._settle(waiting)


async def _result(run: Run) -> ExecutionResult:
    outcome = await run.outcome()
    return ExecutionResult(outcome.data, outcome.errors or None)


async def _at_once(result: ExecutionResult) -> ExecutionResult:
    return result


async def _rest(coroutine: Coroutine[Any, Any, ExecutionResult], waits_for: Any) -> Any:
    return await _Rest(coroutine, waits_for)


class _Rest(Awaitable[ExecutionResult]):
    """A coroutine that has been begun already: its first wait is handed on, then the others."""

    def __init__(self, coroutine: Coroutine[Any, Any, ExecutionResult], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, ExecutionResult]:
        waits_for = self._waits_for
        step: Callable[[], Any]
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001 - cancellation too goes into it
                raised = error
                step = lambda: self._coroutine.throw(raised)  # noqa: E731, B023
            else:
                step = lambda: self._coroutine.send(sent)  # noqa: E731, B023
            try:
                waits_for = step()
            except StopIteration as ended:
                return ended.value  # type: ignore[no-any-return]
