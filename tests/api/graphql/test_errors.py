"""Errors: the client's are coded, ours are masked and logged, and nothing of ours leaks."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import strawberry
from graphql import get_introspection_query
from strawberry.scalars import JSON
from structlog.testing import capture_logs

from api.graphql.answers import encoded
from api.graphql.execution import Execution, failure
from api.graphql.failures import RequestError
from api.graphql.http import _status
from api.graphql.media import Media
from api.graphql.operations import Operation
from api.parts import Parts
from execution import Plans
from tenants.database import DatabaseUnavailable
from tenants.grants import Grant
from tenants.identity import AccessDenied, NotAuthenticated, system_principal
from tests.api.graphql.reading import documents_of
from tests.world import World

SECRET = "password=hunter2 at 10.0.0.1"


class Invented(ValueError):
    code = "NOT_ONE_OF_OURS"


RAISED: dict[str, BaseException] = {
    "bug": RuntimeError(SECRET),
    "invented": Invented(SECRET),
    "denied": AccessDenied(Grant.ORDERS_READ),
    "ended": NotAuthenticated("The membership ended."),
    "away": DatabaseUnavailable("Try again shortly."),
    "reset": ConnectionResetError(SECRET),
    "shutdown": asyncpg.AdminShutdownError(SECRET),
    "slow": TimeoutError(),
    "cancelled": asyncpg.QueryCanceledError(SECRET),
    "nul": asyncpg.CharacterNotInRepertoireError(SECRET),
    "range": asyncpg.NumericValueOutOfRangeError(SECRET),
    "surrogate": UnicodeEncodeError("utf-8", "\ud800", 0, 1, SECRET),
    "deep": RecursionError(SECRET),
    "complex": asyncpg.StatementTooComplexError(SECRET),
}


@strawberry.type
class Query:
    @strawberry.field
    def fails(self, how: str) -> str | None:
        raise RAISED[how]

    @strawberry.field
    def no_list(self) -> list[str] | None:
        return 3  # type: ignore[return-value]

    @strawberry.field
    def no_number(self) -> int | None:
        return SECRET  # type: ignore[return-value]

    @strawberry.field
    def wants(self, number: int) -> int:
        return number

    @strawberry.field
    def echo(self, given: JSON) -> JSON:
        return given

    @strawberry.field
    async def sleeps(self) -> str:
        await asyncio.sleep(30)
        return "awake"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def fails(self, how: str) -> AsyncGenerator[str, None]:
        yield "first"
        raise RAISED[how]


SCHEMA = strawberry.Schema(query=Query, subscription=Subscription)


@pytest.fixture
def execution(world: World) -> Execution:
    return _execution(world, introspection=True)


def _execution(world: World, *, introspection: bool, timeout: float = 5.0) -> Execution:
    schema = SCHEMA._schema
    documents = documents_of(schema=schema, introspection=introspection)
    plans = Plans(schema, compile_at=1)
    engine = replace(world.execution.engine, schema=schema, plans=plans)
    return replace(world.execution, engine=engine, documents=documents, timeout=timeout)


NOBODY = system_principal(UUID(int=7))


async def run(execution: Execution, query: str, variables: Any = None) -> dict[str, Any]:
    try:
        prepared = await execution.prepare(Operation(query, variables), NOBODY)
    except RequestError as error:
        return failure(error.errors, "r1")
    answer = await execution.run(prepared, NOBODY, request_id="r1")
    assert answer.pop("extensions").keys() == {"cost"}
    return answer


@pytest.mark.parametrize(
    ("how", "code", "retryable"),
    [
        ("bug", "INTERNAL_SERVER_ERROR", False),
        ("invented", "INTERNAL_SERVER_ERROR", False),
        ("denied", "FORBIDDEN", False),
        ("ended", "UNAUTHENTICATED", False),
        ("away", "UNAVAILABLE", True),
        ("reset", "UNAVAILABLE", True),
        ("shutdown", "UNAVAILABLE", True),
        ("slow", "TIMEOUT", True),
        ("cancelled", "TIMEOUT", True),
        ("nul", "BAD_USER_INPUT", False),
        ("range", "BAD_USER_INPUT", False),
        ("surrogate", "BAD_USER_INPUT", False),
        ("deep", "LIMIT_EXCEEDED", False),
        ("complex", "LIMIT_EXCEEDED", False),
    ],
)
async def test_what_resolvers_raise_is_coded_and_never_leaks(
    execution: Execution, how: str, code: str, *, retryable: bool
) -> None:
    answer = await run(execution, "query ($how: String!) { fails(how: $how) }", {"how": how})
    (error,) = answer["errors"]
    expected = {"code": code, "requestId": "r1"} | ({"retryable": True} if retryable else {})
    assert error["extensions"] == expected
    assert error["path"] == ["fails"]
    assert error["message"]
    assert answer["data"] == {"fails": None}
    assert SECRET not in encoded(answer).decode()

    with pytest.raises(RequestError) as refused:
        await _second(execution, how)
    told = failure(refused.value.errors, "r1")["errors"][0]
    assert told["extensions"] == expected
    assert told["message"]
    assert SECRET not in encoded(told).decode()


async def _second(execution: Execution, how: str) -> None:
    query = "subscription ($how: String!) { fails(how: $how) }"
    prepared = await execution.prepare(Operation(query, {"how": how}), NOBODY)
    answers = execution.subscribe(prepared, NOBODY, request_id="r1")
    try:
        async for told in answers:
            assert told.answer == {"data": {"fails": "first"}}
    finally:
        await answers.aclose()


async def test_a_bug_is_logged_with_the_request_id_that_the_client_sees(
    execution: Execution,
) -> None:
    with capture_logs() as logged:
        await run(execution, '{ fails(how: "bug") }')
    (bug,) = [entry for entry in logged if entry["event"] == "graphql.bug"]
    assert (bug["request_id"], bug["log_level"]) == ("r1", "error")
    assert bug["exc_info"] is RAISED["bug"]


@pytest.mark.parametrize("query", ["{ noList }", "{ noNumber }"])
async def test_a_resolver_that_breaks_its_own_type_is_our_bug(
    execution: Execution, query: str
) -> None:
    (error,) = (await run(execution, query))["errors"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert SECRET not in error["message"]


async def test_a_required_argument_whose_variable_is_missing_is_the_clients_fault(
    execution: Execution,
) -> None:
    answer = await run(execution, "query ($n: Int = 1) { wants(number: $n) }", {"n": None})
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_an_operation_that_takes_too_long_is_ended(world: World) -> None:
    execution = _execution(world, introspection=True, timeout=0.1)
    answer = await run(execution, "{ sleeps }")
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "TIMEOUT"
    assert error["extensions"]["retryable"] is True
    assert _status(answer, Media.GRAPHQL) == 504


async def test_introspection_can_be_switched_off(world: World) -> None:
    closed = _execution(world, introspection=False)
    for query in ("{ __schema { types { name } } }", '{ __type(name: "Query") { name } }'):
        (error, *_) = (await run(closed, query))["errors"]
        assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert (await run(closed, "{ __typename }"))["data"] == {"__typename": "Query"}


@pytest.mark.parametrize("value", [2**70, -(2**70), 1e308, {"a": [2**64]}, "\u2028", [None]])
async def test_any_json_value_can_be_answered(execution: Execution, value: Any) -> None:
    answer = await run(execution, "query ($v: JSON!) { echo(given: $v) }", {"v": value})
    assert json.loads(encoded(answer)) == {"data": {"echo": value}}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**70, b'{"a":1180591620717411303424}'),
        ("\ud800", b'{"a":"\\ud800"}'),
        (Decimal("1.50"), b'{"a":"1.50"}'),
        (float("nan"), b'{"a":null}'),
        (UUID(int=1), b'{"a":"00000000-0000-0000-0000-000000000001"}'),
    ],
)
def test_answers_can_always_be_encoded(value: Any, text: bytes) -> None:
    assert encoded({"a": value}) == text


async def test_postgres_that_is_gone_is_unavailable_and_back_again(
    world: World, parts: Parts, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    await workspace.token()
    query = "{ viewer { role workspace { name } } }"
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE usename = 'seller_test_login' AND pid <> pg_backend_pid()"
    )
    answers = [await workspace.ask(query) for _ in range(parts.settings.pool_size + 2)]
    for answer in answers:
        assert answer.code in {None, "UNAVAILABLE"}
        if answer.code:
            assert answer.errors[0]["extensions"]["retryable"] is True
    assert answers[-1].code is None


FAN_OUT = "query { order(id: 1) { ...A0 } } " + " ".join(
    f"fragment A{n} on Order {{ a: packages {{ order {{ ...A{n + 1} }} }} "
    f"b: packages {{ order {{ ...A{n + 1} }} }} }}"
    for n in range(50)
)


LIMIT, PARSE = "LIMIT_EXCEEDED", "GRAPHQL_PARSE_FAILED"
COSTLY = {
    "fan-out": (LIMIT, FAN_OUT + " fragment A50 on Order { id }"),
    "deep": (LIMIT, "{ " + "a { " * 30 + "b" + " }" * 31),
    "many": (LIMIT, "{ " + "x " * 2_500 + "}"),
    "fragments": (
        LIMIT,
        "{ viewer { role } } "
        + " ".join(f"fragment F{n} on Query {{ viewer {{ role }} }}" for n in range(300)),
    ),
    "inline": (PARSE, "{ " + "...on Query { " * 900 + "viewer { role }" + " }" * 901),
    "list": (PARSE, "{ x(a: " + "[" * 3_000),
    "tokens": (PARSE, "{ " + "viewer { role } " * 1_200 + "}"),
}


@pytest.mark.parametrize(("code", "query"), COSTLY.values(), ids=COSTLY.keys())
async def test_documents_that_cost_too_much_are_refused_at_once(
    world: World, code: str, query: str
) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(RequestError) as refused:
        await world.execution.prepare(Operation(query), NOBODY)
    assert loop.time() - started < 1
    assert [error.extensions for error in refused.value.errors] == [{"code": code}]


async def test_a_fragment_within_itself_is_told_and_not_followed(world: World) -> None:
    query = "{ ...A } fragment A on Query { viewer { role } ...B } fragment B on Query { ...A }"
    with pytest.raises(RequestError, match="Cannot spread fragment"):
        await world.execution.prepare(Operation(query), NOBODY)


async def test_graphiqls_own_introspection_is_within_the_limits(world: World) -> None:
    query = get_introspection_query(
        descriptions=True, input_value_deprecation=True, specified_by_url=True
    )
    prepared = await world.execution.prepare(Operation(query), NOBODY)
    assert prepared.definition.name is not None
