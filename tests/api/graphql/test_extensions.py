"""Schema extensions do what they would in Strawberry's own pipeline; most leave plans running."""

from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError, ValidationRule
from strawberry.extensions import (
    AddValidationRules,
    DisableValidation,
    MaskErrors,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
    ValidationCache,
)

from api import metrics
from api.graphql.execution import Execution
from api.graphql.failures import RequestError
from api.graphql.operations import Operation
from api.graphql.set_up import build_execution
from api.parts import Parts
from execution import Plans
from tests.world import World


@strawberry.type
class Inner:
    id: int = 2


@strawberry.type
class Query:
    inner: Inner = strawberry.field(resolver=Inner)

    @strawberry.field
    def number(self) -> int:
        return 1


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def numbers(self) -> AsyncGenerator[int, None]:
        for number in (1, 2):
            yield number


class Noting(SchemaExtension):
    """Every hook of a request."""

    seen: list[str]

    def on_operation(self) -> Iterator[None]:
        self.seen = ["operation"]
        yield
        self.seen.append("over")

    def on_parse(self) -> Iterator[None]:
        self.seen.append("parse")
        yield

    async def on_validate(self) -> Any:
        self.seen.append("validate")
        yield

    def on_execute(self) -> Iterator[None]:
        self.seen.append("execute")
        yield
        assert self.execution_context.result is not None

    def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **named: Any) -> Any:
        self.seen.append(info.field_name)
        return _next(root, info, *args, **named)

    def get_results(self) -> dict[str, Any]:
        return {"seen": self.seen}


class NoNumbers(ValidationRule):
    def enter_field(self, node: Any, *_: Any) -> None:
        if node.name.value.startswith("number"):
            self.report_error(GraphQLError("No numbers here.", node))


class RulesOfTheMoment(AddValidationRules):
    """They may be others for each operation: not to be looked at once for all."""

    def __init__(self) -> None:
        super().__init__([])

    def on_operation(self) -> Iterator[None]:
        self.execution_context.validation_rules += (NoNumbers,)
        yield


def executing(parts: Parts, *extensions: Any) -> Execution:
    schema = strawberry.Schema(Query, subscription=Subscription, extensions=extensions)
    execution = build_execution(parts, schema)
    plans = Plans(execution.engine.schema, compile_at=1)
    return replace(execution, engine=replace(execution.engine, plans=plans))


class Client:
    def __init__(self, execution: Execution, who: Any) -> None:
        self.execution, self.who = execution, who

    async def ask(self, text: str) -> Any:
        try:
            prepared = await self.execution.prepare(Operation(text), self.who)
        except RequestError as refusal:
            return [error.message for error in refusal.errors]
        answer = await self.execution.run(prepared, self.who, request_id="test")
        del answer["extensions"]["cost"]
        return answer

    async def stream(self, text: str) -> list[Any]:
        prepared = await self.execution.prepare(Operation(text), self.who)
        told = self.execution.subscribe(prepared, self.who, request_id="test")
        return [one.answer async for one in told]

    def compiled(self) -> int:
        plans = self.execution.engine.plans
        assert plans is not None
        return len(plans)


@pytest.fixture
async def who(world: World) -> Any:
    workspace = await world.workspace()
    return await world.access.principal(f"Bearer {await workspace.token()}")


async def test_without_extensions_operations_are_plans(parts: Parts, who: Any) -> None:
    client = Client(executing(parts), who)
    assert await client.ask("{ number }") == {"data": {"number": 1}, "extensions": {}}
    assert client.compiled() == 1


@pytest.mark.parametrize(
    ("extension", "refusal"),
    [
        (lambda: AddValidationRules([NoNumbers]), "No numbers here."),
        (lambda: MaxAliasesLimiter(max_alias_count=1), "2 aliases found. Allowed: 1"),
        (lambda: QueryDepthLimiter(max_depth=0), "'anonymous' exceeds maximum operation depth"),
        (ParserCache, None),
        (ValidationCache, None),
    ],
)
async def test_what_depends_on_the_document_alone_leaves_plans_running(
    parts: Parts, who: Any, extension: Any, refusal: str | None
) -> None:
    client = Client(executing(parts, extension), who)
    answer = await client.ask("{ a: number b: number inner { id } }")
    if refusal is None:
        assert answer == {"data": {"a": 1, "b": 1, "inner": {"id": 2}}, "extensions": {}}
    else:
        assert answer[0].startswith(refusal)
    await client.ask("{ __typename }")
    assert client.compiled() == (1 if refusal else 2)


async def test_any_other_sees_every_step_and_no_plan_runs(parts: Parts, who: Any) -> None:
    client = Client(executing(parts, Noting), who)
    before = metrics.NOT_COMPILED.labels("Noting")._value.get()
    answer = await client.ask("{ number }")
    steps = ["operation", "parse", "validate", "execute", "number", "over"]
    assert answer == {"data": {"number": 1}, "extensions": {"seen": steps}}
    assert client.compiled() == 0
    assert metrics.NOT_COMPILED.labels("Noting")._value.get() - before == 1


async def test_each_event_of_a_subscription_is_an_operation_to_it(parts: Parts, who: Any) -> None:
    told = await Client(executing(parts, Noting), who).stream("subscription { numbers }")
    assert [one["data"] for one in told] == [{"numbers": 1}, {"numbers": 2}]
    assert [one["extensions"]["seen"][0] for one in told] == ["operation"] * 2


async def test_rules_that_are_added_for_an_operation_are_held_against_it(
    parts: Parts, who: Any
) -> None:
    client = Client(executing(parts, RulesOfTheMoment), who)
    answer = await client.ask("{ number }")
    assert [error["message"] for error in answer["errors"]] == ["No numbers here."]
    assert "data" not in answer
    assert client.compiled() == 0


@pytest.mark.parametrize(
    ("extension", "instead"),
    [
        (lambda: MaxTokensLimiter(5), "set SELLER_MAX_QUERY_TOKENS instead"),
        (DisableValidation, "every document is validated"),
        (MaskErrors, "bugs are masked as it is"),
    ],
)
def test_what_would_be_in_vain_is_refused_at_the_start(
    parts: Parts, extension: Any, instead: str
) -> None:
    with pytest.raises(ValueError, match=instead):
        executing(parts, extension)
