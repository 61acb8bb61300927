"""Running operations: what every transport calls."""

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from graphql import GraphQLError

from api import metrics
from api.graphql.actual_cost import actual_cost
from api.graphql.answers import Answer
from api.graphql.budgets import Budgets
from api.graphql.channels import Channels, Push
from api.graphql.documents import Documents, Pay, introspects
from api.graphql.engine import Engine, Prepared
from api.graphql.extent import INTROSPECTION_COST
from api.graphql.failures import RequestError, as_error, translated
from api.graphql.limits import count_variables
from api.graphql.operations import Operation
from api.graphql.persisted import PersistedOperations
from api.graphql.sharing import Shared, Told, choice, sameness
from api.graphql.turns import Courtesy, Turns
from api.tracing import span
from execution import Outcome
from schema.context import Context
from schema.errors import ErrorCode, coded, told
from tenants.identity import Principal

log = structlog.get_logger()

_VALUES_A_POINT = 20  # of the variables: what is sent is work too


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """`open_context` makes the context of one operation; `timeout` is in seconds."""

    engine: Engine
    documents: Documents
    open_context: Callable[[Principal, str], Context]
    persisted: PersistedOperations
    budgets: Budgets
    turns: Turns
    dear_turns: Turns
    event_turns: Turns  # events cost no points, and each subscription may differ from the others
    dear: int  # points from which on an operation is dear
    courtesy: Courtesy
    shared: Shared = field(default_factory=Shared)
    channels: Channels = field(default_factory=Channels)
    timeout: float = field(default=15.0)

    async def prepare(self, operation: Operation, principal: Principal) -> Prepared:
        """Find, read and judge what `principal` wants run, or `RequestError`."""
        try:
            return await self._prepared(operation, principal)
        except RequestError as refusal:
            await refusal.held_back()
            raise

    async def _prepared(self, operation: Operation, principal: Principal) -> Prepared:
        values = count_variables(operation.variables, self.documents.limits)
        text = await self.persisted.text(operation, principal)

        async def pay(points: int) -> None:
            if not self.persisted.vetted:
                await self.budgets.charge(principal, points, what="Reading the document")

        read = await self.read(
            operation, text, reader=principal.workspace_id, pay=pay, more=values // _VALUES_A_POINT
        )
        await self.persisted.ran(operation, principal)
        return read

    async def read(
        self, operation: Operation, text: str, *, reader: UUID, pay: Pay, more: int = 0
    ) -> Prepared:
        """Read an operation's document and judge what it asks for, `more` points on top."""
        variables = operation.variables
        document = await self.documents.get(text, variables, reader=reader, pay=pay)
        definition = document.operation(operation.name)
        introspecting, cost = introspects(definition), INTROSPECTION_COST + more
        if not introspecting:
            cost = self.documents.extent(document, definition, variables).cost + more
        return Prepared(operation, document, definition, introspecting, cost, cost >= self.dear)

    async def run(self, prepared: Prepared, principal: Principal, *, request_id: str) -> Answer:
        """Pay for a query or a mutation, wait its turn and run it; every failure is an answer."""
        try:
            charge = await self.budgets.charge(principal, prepared.cost)
            async with self._turn(prepared, principal):
                answer, outcome = await self._run(prepared, principal, request_id)
        except RequestError as refusal:
            await refusal.held_back()
            return failure(refusal.errors, request_id)
        if not prepared.introspects:
            kind, weights = prepared.definition.operation, prepared.document.weights
            charge.settle(actual_cost(kind, outcome, weights))
        answer.setdefault("extensions", {})["cost"] = charge.told()
        return answer

    @contextlib.asynccontextmanager
    async def _turn(self, prepared: Prepared, principal: Principal) -> AsyncIterator[None]:
        """Dear operations hold the loop for milliseconds at a stretch: of those, a workspace has
        one at a time, which lets light ones pass."""
        workspace = principal.workspace_id
        if prepared.dear:
            async with self.dear_turns.turn(workspace), self.turns.turn(workspace):
                yield
        else:
            async with self.turns.turn(workspace):
                with self.courtesy.passing():
                    yield

    async def _run(
        self, prepared: Prepared, principal: Principal, request_id: str
    ) -> tuple[Answer, Outcome]:
        context = self.open_context(principal, request_id)
        if prepared.dear:
            context.database.let_pass = self.courtesy.of_one()
        started = time.perf_counter()
        kind = prepared.definition.operation.value
        with span(f"graphql {kind}", operation=prepared.operation.name or "") as current:
            try:
                outcome = await self._outcome(prepared, context)
            finally:
                await _closed(context)
            current.set_attribute("statements", context.database.statements)
        answer = _answer(outcome, request_id)
        _note(prepared, context, answer, time.perf_counter() - started)
        return answer, outcome

    async def _outcome(self, prepared: Prepared, context: Context) -> Outcome:
        try:
            async with asyncio.timeout(self.timeout):
                return await self.engine.outcome(prepared, context)
        except TimeoutError:
            return Outcome(None, [self._too_long()])
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            return Outcome(None, [as_error(error)])

    async def subscribe(
        self, prepared: Prepared, principal: Principal, *, request_id: str, push: Push | None = None
    ) -> AsyncGenerator[Told, None]:
        """Answers of a subscription, one per event; `RequestError` where it cannot begin.

        Those that `push` took are not told again. Each event is answered in a context of its own:
        the credential is checked and rows are read anew. The stream ends with an error when the
        credential is good no more.
        """
        try:
            await self.budgets.charge(principal, prepared.cost)
        except RequestError as refusal:
            await refusal.held_back()
            raise
        context = self.open_context(principal, request_id)
        variables = prepared.operation.variables
        metrics.SUBSCRIPTIONS.inc()
        try:
            source = await self.engine.source(prepared, context)
            same = self._sameness(prepared, principal)
            told = self.channels.answers(
                source,
                lambda event: self._told(prepared, context, event, same),
                what=(same, choice(prepared.definition, variables), principal),
                limit=context.platform.subscriber_queue,
                push=push,
            )
            async with aclosing(told) as answers:
                async for answer in answers:
                    yield answer
        except RequestError:
            raise
        except TimeoutError:
            raise RequestError(self._too_long()) from None
        except Exception as error:
            raise RequestError(as_error(error)) from error
        finally:
            metrics.SUBSCRIPTIONS.dec()
            await _closed(context)

    def _sameness(self, prepared: Prepared, principal: Principal) -> Hashable:
        """What subscriptions have in common that are answered alike: nothing, where an extension
        may make a difference."""
        if self.engine.watching:
            return object()
        variables = prepared.operation.variables
        return sameness(prepared.document, prepared.definition, variables, principal)

    async def _told(self, prepared: Prepared, context: Context, event: Any, same: Hashable) -> Told:
        """The answer to an event, made for this subscription or for one that is the same."""
        who = context.principal

        async def make() -> tuple[Principal, Told]:
            return who, Told(await self._answer_event(prepared, context.renewed(), event))

        try:
            maker, told = await self.shared.once(event, same, make)
        except Exception:  # noqa: BLE001 - of whoever came first: its credential, its connection
            _, told = await self.shared.once(event, (same, who), make)
            return told
        if maker != who:
            await self.shared.once(event, who, lambda: self._check(context.renewed()))
        return told

    async def _check(self, context: Context) -> None:
        """`NotAuthenticated` where the credential is good no more."""
        try:
            turn = self.event_turns.turn(context.principal.workspace_id)
            async with turn, asyncio.timeout(self.timeout):
                await context.database.reading().open()
        finally:
            await _closed(context)

    async def _answer_event(self, prepared: Prepared, context: Context, event: Any) -> Answer:
        started = time.perf_counter()
        try:
            turn = self.event_turns.turn(context.principal.workspace_id)
            async with turn, asyncio.timeout(self.timeout):
                await context.database.reading().open()
                outcome = await self.engine.outcome(prepared, context, event)
                answer = _answer(outcome, context.request_id)
        finally:
            await _closed(context)
        metrics.EVENTS.observe(time.perf_counter() - started)
        return answer

    def _too_long(self) -> GraphQLError:
        message = f"The operation took longer than {self.timeout:g} seconds."
        return coded(ErrorCode.TIMEOUT, message)


def failure(errors: list[GraphQLError], request_id: str) -> Answer:
    """An answer to a request of which nothing was run."""
    return {"errors": [told(error, request_id=request_id) for error in errors]}


def _answer(outcome: Outcome, request_id: str) -> Answer:
    """`data` is absent, not null, where the variables kept the operation from being run."""
    answer = _data_and_errors(outcome, request_id)
    if outcome.extensions:
        answer["extensions"] = outcome.extensions
    return answer


def _data_and_errors(outcome: Outcome, request_id: str) -> Answer:
    if not outcome.errors:
        return {"data": outcome.data}
    errors = [told(translated(error), request_id=request_id) for error in outcome.errors]
    if outcome.data is None and all(error.path is None for error in outcome.errors):
        return {"errors": errors}
    return {"data": outcome.data, "errors": errors}


async def _closed(context: Context) -> None:
    """Give back what an operation holds. What goes wrong then cannot change its answer."""
    try:
        await context.close()
    except Exception as error:  # noqa: BLE001 - the connection is discarded by whoever lent it
        log.warning("graphql.close_failed", request_id=context.request_id, reason=repr(error))


@functools.cache
def _seconds(kind: str, outcome: str) -> Any:
    return metrics.OPERATIONS.labels(kind, outcome)


def _note(prepared: Prepared, context: Context, answer: Answer, seconds: float) -> None:
    kind = prepared.definition.operation.value
    name = prepared.definition.name.value if prepared.definition.name else ""
    errors = [error["extensions"]["code"] for error in answer.get("errors", ())]
    _seconds(kind, "error" if errors else "ok").observe(seconds)
    metrics.STATEMENTS.observe(context.database.statements)
    log.info(
        "graphql.operation",
        request_id=context.request_id,
        workspace=str(context.principal.workspace_id),
        operation=name[:100],
        kind=kind,
        milliseconds=round(seconds * 1000, 2),
        statements=context.database.statements,
        errors=errors or None,
    )
