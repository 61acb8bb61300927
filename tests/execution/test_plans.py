"""Which operations get a plan, when, for what, and for how long."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
import strawberry
from graphql import (
    DocumentNode,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    parse,
)
from graphql.execution.values import VariableValues

from execution import NotCompiled, Plan, Plans
from execution.resolving import Call
from execution.running import Run
from tests.execution.zoo.root import core_schema

T = TypeVar("T")


def _read(text: str) -> tuple[DocumentNode, OperationDefinitionNode]:
    document = parse(text, experimental_fragment_arguments=True)
    (operation,) = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    return document, operation


def _reason(found: Plan | NotCompiled) -> str:
    assert isinstance(found, NotCompiled), "there is a plan"
    return found.reason


def test_an_operation_is_compiled_when_it_is_met_the_second_time() -> None:
    plans, asked = Plans(core_schema()), _read("{ name }")

    assert _reason(plans.plan(*asked)) == "first sight"
    plan = plans.plan(*asked)
    assert isinstance(plan, Plan)
    assert plans.plan(*asked) is plan


def test_a_text_that_is_parsed_anew_is_met_anew() -> None:
    plans = Plans(core_schema())

    assert [_reason(plans.plan(*_read("{ name }"))) for _ in range(3)] == ["first sight"] * 3
    assert len(plans) == 0


def test_each_operation_of_a_document_has_a_plan_of_its_own() -> None:
    document = parse("query A { name } query B { lion { name } }")
    plans = Plans(core_schema(), compile_at=1)

    first, second = (plans.plan(document, one) for one in document.definitions)  # type: ignore[arg-type]

    assert isinstance(first, Plan)
    assert isinstance(second, Plan)
    assert (first.selection.keys, second.selection.keys) == (("name",), ("lion",))


def test_the_least_recently_used_is_forgotten() -> None:
    plans = Plans(core_schema(), most=3, compile_at=1)
    asked = [_read(f"{{ a{n}: name }}") for n in range(4)]
    kept = [plans.plan(*one) for one in asked[:3]]
    plans.plan(*asked[0])

    plans.plan(*asked[3])

    assert len(plans) == 3
    assert plans.plan(*asked[0]) is kept[0]
    assert plans.plan(*asked[2]) is kept[2]
    assert plans.plan(*asked[1]) is not kept[1]


def test_operations_that_come_once_are_forgotten_too() -> None:
    plans = Plans(core_schema(), most=10)
    kept = [_read(f"{{ a{n}: name }}") for n in range(100)]

    for one in kept:
        plans.plan(*one)

    assert len(plans._seen) == 10
    assert len(plans) == 0


CONDITIONAL = "query ($a: Boolean!, $b: Boolean = true) { name @skip(if: $a) ...f } "
CONDITIONAL += "fragment f on Query { lion(id: 1) @include(if: $b) { name } }"


def test_a_plan_is_for_the_values_of_its_conditions() -> None:
    plans, asked = Plans(core_schema(), compile_at=1), _read(CONDITIONAL)

    def keys(**variables: Any) -> tuple[str, ...]:
        plan = plans.plan(*asked, variables)
        assert isinstance(plan, Plan)
        return plan.selection.keys

    assert keys(a=True) == ("lion",)
    assert keys(a=False) == ("name", "lion")
    assert keys(a=False, b=False) == ("name",)
    assert keys(a=True, b=False) == ()
    assert keys(a=True, b=True) == ("lion",)
    assert len(plans) == 4


def test_other_variables_make_no_other_plan() -> None:
    plans = Plans(core_schema(), compile_at=1)
    asked = _read("query ($id: Int!, $a: Boolean!) { lion(id: $id) { name @skip(if: $a) } }")

    found = {id(plans.plan(*asked, {"id": n, "a": n % 2 == 0})) for n in range(10)}

    assert len(found) == 2


def test_the_variants_of_one_operation_are_bounded() -> None:
    names = [f"v{n}" for n in range(6)]
    defined = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"a{name}: name @skip(if: ${name})" for name in names)
    plans, asked = Plans(core_schema(), compile_at=1), _read(f"query ({defined}) {{ {fields} }}")

    for number in range(64):
        variables = {name: bool(number >> bit & 1) for bit, name in enumerate(names)}
        plan = plans.plan(*asked, variables)
        if number < 16:
            assert isinstance(plan, Plan)
            assert len(plan.selection.keys) == 6 - number.bit_count()
        else:
            assert _reason(plan) == "variants"

    assert len(plans) == 16


def test_what_plans_hold_is_bounded_by_the_texts_of_their_documents() -> None:
    plans = Plans(core_schema(), characters=1_000, compile_at=1)
    asked = [_read(f"{{ a{n}: name {' ' * 400} }}") for n in range(10)]

    for one in asked:
        assert isinstance(plans.plan(*one), Plan)

    assert len(plans) == 1  # its nodes and its plan: twice its text
    assert plans._held == 2 * len(asked[-1][0].loc.source.body)  # type: ignore[union-attr]


def test_no_more_plans_wait_to_be_built_than_a_few() -> None:
    going_on = threading.Event()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(going_on.wait)
        plans = Plans(core_schema(), compile_at=1, beside=thread)
        asked = [_read(f"{{ a{n}: name }}") for n in range(6)]
        reasons = [_reason(plans.plan(*one)) for one in asked]
        going_on.set()
    assert reasons == ["being built"] * 4 + ["busy"] * 2
    assert all(isinstance(plans.plan(*one), Plan) for one in asked[:4])


def test_a_plan_that_cannot_be_built_is_logged_and_left_to_graphql_core(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("execution.building.collect_fields", lambda *_: 1 / 0)
    plans = Plans(core_schema(), compile_at=1)

    assert _reason(plans.plan(*_read("{ name }"))) == "bug"
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("variables", [{}, {"a": None}, {"a": "yes"}, {"a": True, "b": None}, None])
def test_conditions_without_a_value_are_graphql_cores_to_refuse(
    variables: dict[str, Any] | None,
) -> None:
    plans = Plans(core_schema(), compile_at=1)

    assert _reason(plans.plan(*_read(CONDITIONAL), variables)) == "condition"


FRAGMENTS = "fragment f on Query { name }"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{ __schema { queryType { name } } }", "introspection"),
        ('{ name __type(name: "Lion") { name } }', "introspection"),
        ("{ ...f @defer } " + FRAGMENTS, "incremental"),
        ("{ ... @defer { name } }", "incremental"),
        ("{ tickets @stream { id } }", "incremental"),
        ("{ lion { ... { tickets @stream { id } } } }", "incremental"),
        ("{ name @upper }", "directive"),
        ("{ ...f @upper } " + FRAGMENTS, "directive"),
        ("{ lion { ...g } } fragment g on Lion { name @upper }", "directive"),
        ("query @upper { name }", "directive"),
        ("query @experimental_disableErrorPropagation { name }", "directive"),
        (
            "{ ...f(a: 1) } fragment f($a: Int) on Query { lion(id: $a) { id } }",
            "fragment variables",
        ),
        ("{ ...f } fragment f($a: Int = 1) on Query { lion(id: $a) { id } }", "fragment variables"),
        ("{ a: name " + " ".join(f"a{n}: name" for n in range(5_000)) + "}", "too large"),
    ],
    ids=lambda value: value[:40],
)
def test_what_is_no_plans_business_is_refused_with_a_reason(text: str, reason: str) -> None:
    plans, asked = Plans(core_schema(), compile_at=1), _read(text)

    assert _reason(plans.plan(*asked)) == reason
    assert _reason(plans.plan(*asked)) == reason


def test_an_operation_that_the_schema_has_no_root_for_is_refused() -> None:
    query = GraphQLObjectType("Query", {"name": GraphQLField(GraphQLString)})
    plans = Plans(GraphQLSchema(query), compile_at=1)

    assert _reason(plans.plan(*_read("mutation { name }"))) == "no root type"


def test_types_that_are_told_by_waiting_are_refused() -> None:
    async def told(*_given: Any) -> Any:
        return True

    fields = {"name": GraphQLField(GraphQLString)}
    by_interface = GraphQLInterfaceType("Named", fields, resolve_type=told)
    by_object = GraphQLInterfaceType("Called", fields)
    dog = GraphQLObjectType("Dog", fields, interfaces=[by_interface])
    cat = GraphQLObjectType("Cat", fields, interfaces=[by_object], is_type_of=told)
    query = GraphQLObjectType(
        "Query",
        {name: GraphQLField(kind) for name, kind in (("a", by_interface), ("b", by_object))},
    )
    plans = Plans(GraphQLSchema(query, types=[dog, cat]), compile_at=1)

    for text in ("{ a { name } }", "{ b { name } }"):
        assert _reason(plans.plan(*_read(text))) == "asynchronous type resolution"


def test_lists_that_are_generated_by_waiting_are_refused() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        async def numbers(self) -> AsyncIterator[int]:
            yield 1

    plans = Plans(strawberry.Schema(Query)._schema, compile_at=1)

    assert _reason(plans.plan(*_read("{ numbers }"))) == "async-iterable list"


class _AtOnce(Executor):
    """A thread that is done before whoever ordered has gone on."""

    def submit(self, function: Callable[..., T], /, *given: Any, **named: Any) -> Future[T]:
        done: Future[T] = Future()
        done.set_result(function(*given, **named))
        return done


def test_a_plan_that_is_built_beside_is_not_there_at_once() -> None:
    asked = _read("{ name }")
    with ThreadPoolExecutor(1) as thread:
        plans = Plans(core_schema(), compile_at=1, beside=thread)
        assert _reason(plans.plan(*asked)) == "being built"

    assert isinstance(plans.plan(*asked), Plan)


async def test_a_plan_can_be_waited_for_at_first_sight() -> None:
    asked = _read("{ name }")
    with ThreadPoolExecutor(1) as thread:
        plans = Plans(core_schema(), beside=thread)
        both = await asyncio.gather(plans.awaited(*asked), plans.awaited(*asked))

    assert isinstance(both[0], Plan)
    assert both[0] is both[1] is plans.plan(*asked)


async def test_who_waits_for_a_plan_no_longer_leaves_it_to_the_others() -> None:
    going_on, asked = threading.Event(), _read("{ name }")
    with ThreadPoolExecutor(1) as thread:
        thread.submit(going_on.wait)
        plans = Plans(core_schema(), beside=thread)
        leaving = asyncio.create_task(plans.awaited(*asked))
        staying = asyncio.create_task(plans.awaited(*asked))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.sleep(0)
        going_on.set()

        assert isinstance(await staying, Plan)
    assert leaving.cancelled()


async def test_what_cannot_be_compiled_is_refused_to_whoever_waits_too() -> None:
    with ThreadPoolExecutor(1) as thread:
        plans = Plans(core_schema(), beside=thread)
        found = await plans.awaited(*_read("{ __schema { queryType { name } } }"))

    assert _reason(found) == "introspection"


def test_a_plan_that_is_built_quickly_is_not_lost() -> None:
    plans, asked = Plans(core_schema(), compile_at=1, beside=_AtOnce()), _read("{ name }")

    plans.plan(*asked)

    assert isinstance(plans.plan(*asked), Plan)


def test_what_is_refused_beside_stays_refused_with_its_reason() -> None:
    plans = Plans(core_schema(), compile_at=1, beside=_AtOnce())
    asked = _read("{ __schema { queryType { name } } }")

    plans.plan(*asked)

    assert _reason(plans.plan(*asked)) == "introspection"


async def test_a_list_of_leaves_is_no_reason_to_read_its_row_carefully() -> None:
    @strawberry.type
    class Attribute:
        name: str
        values: list[str]

    @strawberry.type
    class Query:
        @strawberry.field
        def attributes(self) -> list[Attribute]:
            return [Attribute(name="colour", values=["red", "blue"])]

    plans = Plans(strawberry.Schema(Query)._schema, compile_at=1)
    plan = plans.plan(*_read("{ attributes { name values } }"))
    assert isinstance(plan, Plan)

    outcome = await plan.run(None, context=None)

    assert outcome.data == {"attributes": [{"name": "colour", "values": ["red", "blue"]}]}
    assert outcome.made == [(("attributes",), 1), (("name", "values"), 1)]


def test_arguments_that_nobody_gives_are_worked_out_once() -> None:
    query = GraphQLObjectType(
        "Query",
        {"name": GraphQLField(GraphQLString, {"short": GraphQLArgument(GraphQLBoolean)})},
    )
    plan = Plans(GraphQLSchema(query), compile_at=1).plan(*_read("{ name }"))
    assert isinstance(plan, Plan)
    (field,) = plan.selection.fields
    assert isinstance(field.resolve, Call)
    assert field.resolve.arguments is not None

    given = [field.resolve.arguments.given(_run_of(plan)) for _ in range(2)]

    assert given == [{}, {}]
    assert given[0] is given[1]


def _run_of(plan: Plan) -> Run:
    return Run(plan, VariableValues({}, {}), None, None)
