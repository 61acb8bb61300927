"""Running a plan: batches are filled until something has to be waited for, and then again."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
)
from graphql.execution import Executor, default_field_resolver, default_type_resolver
from graphql.execution.values import VariableValues

from execution.batches import Batch, Made
from execution.careful import fail
from execution.completing import complete_awaited, fill, make
from execution.selections import Field, Selection
from execution.variables import Variables

if TYPE_CHECKING:
    from execution.arguments import Arguments


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation came to. Without data, and with errors that have no path, it was not run:
    its variables are not what it takes.

    `made` counts the objects of the answer: the keys that they have, and how many have these. None
    where errors, graphql-core or a scalar that may be an object had a hand in it. `extensions` is
    what others add to the answer.
    """

    data: dict[str, Any] | None
    errors: list[GraphQLError]
    made: list[tuple[tuple[str, ...], int]] | None = None
    extensions: dict[str, Any] | None = None


@dataclass(eq=False, slots=True, kw_only=True)
class Plan:
    """How one operation is run, for any values of its variables but those of its conditions."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, Any]
    fragment_definitions: dict[str, FragmentDefinitionNode]
    selection: Selection
    variables: Variables
    hide_suggestions: bool
    countable: bool  # whether all objects of its answers are made by it

    async def run(
        self, variables: dict[str, Any] | None, *, context: Any, root: Any = None
    ) -> Outcome:
        """Answer the operation. Errors of resolvers are in the outcome, in no certain order."""
        coerced = self.variables.coerced(variables)
        if isinstance(coerced, list):
            return Outcome(None, coerced)
        return await Run(self, coerced, context, root).outcome()


class _Over(Exception):
    """An error has put null over the whole answer: nobody waits for the rest of it."""


class Run:
    """One run of a plan."""

    def __init__(self, plan: Plan, variables: VariableValues, context: Any, root: Any) -> None:
        self.plan = plan
        self.variables = variables
        self.context = context
        self.root = root
        self.errors: list[GraphQLError] = []
        self.nothing = False  # an error has put null over the whole answer
        self.made: list[tuple[tuple[str, ...], int]] = []
        self.careful = False  # graphql-core has completed something
        self.given: dict[Arguments, dict[str, Any]] = {}
        self._waiting: list[_Waiting] = []

    async def outcome(self) -> Outcome:
        batch = Batch(self.plan.selection, [self.root])
        make(self, batch)
        with suppress(_Over):
            if self.plan.operation.operation is OperationType.MUTATION:
                await self._one_after_the_other(batch)
            else:
                fill(self, batch)
                await self._settle(self._taken())
        if self.careful:
            self.errors += self.executor.collected_errors.errors
        if self.careful or self.errors or not self.plan.countable:
            return Outcome(None if self.nothing else batch.dicts[0], self.errors)
        return Outcome(batch.dicts[0], self.errors, self.made)

    async def _one_after_the_other(self, batch: Batch) -> None:
        for each in batch.selection.rest:
            each.resolve(self, each, batch)  # type: ignore[misc]
            await self._settle(self._taken())

    def careful_executor(self) -> Executor[Any]:
        """graphql-core's, about to complete something."""
        self.careful = True
        return self.executor

    @cached_property
    def executor(self) -> Executor[Any]:
        """graphql-core's, for what this package leaves to it."""
        plan = self.plan
        return Executor(
            plan.schema,
            plan.fragment_definitions,
            plan.fragments,
            self.root,
            self.context,
            plan.operation,
            self.variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            hide_suggestions=plan.hide_suggestions,
        )

    def raw_info(self, field: Field, batch: Batch, made: Made) -> Any:
        """graphql-core's info of that field of one of the batch's objects."""
        return self.executor.build_resolve_info(
            field.definition, field.nodes, field.parent_type, batch.path(made, field)
        )

    def wait(
        self, field: Field, batch: Batch, dicts: list[Made], awaitables: list[Awaitable[Any]]
    ) -> None:
        """Complete the values of the field when all of them are there."""
        self._waiting.append(_Values(field, batch, dicts, awaitables))

    def wait_for_all(
        self, field: Field, batch: Batch, dicts: list[Made], loading: Awaitable[Any]
    ) -> None:
        """Complete the values of the field, which come as one list."""
        self._waiting.append(_Loading(field, batch, dicts, [loading]))

    def wait_for_completed(
        self, field: Field, batch: Batch, made: Made, completed: Awaitable[Any]
    ) -> None:
        """Put what graphql-core goes on to complete into its place."""
        self._waiting.append(_Completed(field, batch, [made], [completed]))

    def _taken(self) -> "list[_Waiting]":
        taken, self._waiting = self._waiting, []
        return taken

    async def _settle(self, waiting: "list[_Waiting]") -> None:
        """Wait for all of these, and for all that follows from each as soon as it is there.

        No error ends the others, unless nothing is left of the answer that they could stand in.
        """
        while len(waiting) == 1 and not self.nothing:
            (one,) = waiting
            try:
                found = await one.found()
            except BaseException:
                one.close(self)
                raise
            one.finish(self, found)
            waiting = self._taken()
        if self.nothing:
            for one in waiting:
                one.close(self)
            raise _Over
        if not waiting:
            return
        tasks = [asyncio.ensure_future(self._settle([one])) for one in waiting]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                if not task.cancelling():  # twice would end its clearing up
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for one in waiting:
                one.close(self)
            raise


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Values of one field that are on their way."""

    field: Field
    batch: Batch
    dicts: list[Made]
    awaitables: list[Awaitable[Any]]

    async def found(self) -> list[Any]:
        """The values; an exception where there was one."""
        if len(self.awaitables) == 1:
            try:
                return [await self.awaitables[0]]
            except Exception as error:  # noqa: BLE001 - a value too
                return [error]
        found = await asyncio.gather(*self.awaitables, return_exceptions=True)
        for one in found:
            if isinstance(one, BaseException) and not isinstance(one, Exception):
                raise one
        return found

    def finish(self, run: Run, found: list[Any]) -> None:
        raise NotImplementedError

    def close(self, run: Run) -> None:  # noqa: ARG002
        """End coroutines that nobody awaits any more."""
        for one in self.awaitables:
            if asyncio.iscoroutine(one):
                one.close()


class _Values(_Waiting):
    def finish(self, run: Run, found: list[Any]) -> None:
        complete_awaited(run, self.field, self.batch, self.dicts, found)


class _Loading(_Waiting):
    def finish(self, run: Run, found: list[Any]) -> None:
        (values,) = found
        if isinstance(values, Exception):
            values = [values] * len(self.dicts)
        complete_awaited(run, self.field, self.batch, self.dicts, values)


class _Completed(_Waiting):
    def finish(self, run: Run, found: list[Any]) -> None:
        (completed,) = found
        (made,) = self.dicts
        if isinstance(completed, Exception):
            fail(run, self.field, self.batch, made, completed)
        elif not run.nothing and self.batch.attached(made):
            made[self.field.key] = completed

    def close(self, run: Run) -> None:
        """What graphql-core awaits holds coroutines of its own: it has a way of its own, too."""
        run.executor.settle_in_background(self.awaitables)
