"""Budgets: charged before the work, refunded after it, refused with when to come again."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis

from api.graphql.budgets import Allowance, Budgets
from api.graphql.execution import Execution
from api.graphql.failures import RequestError
from api.graphql.operations import Operation
from api.graphql.persisted import Locked, Unpersisted
from api.parts import Parts
from tenants.identity import Principal, PrincipalKind
from tests.world import World
from tests.world.conformance import Finding, tell
from tests.world.served import Served, quick

PLENTY = Allowance(1_000_000, 1_000_000)


def somebody(workspace: UUID | None = None) -> Principal:
    return Principal(
        kind=PrincipalKind.API_KEY,
        id=uuid4(),
        workspace_id=workspace or uuid4(),
        grants=frozenset(),
    )


async def paid(budgets: Budgets, who: Principal, points: int, *, most: int = 1_000) -> int:
    """How often those points could be paid."""
    for count in range(most):
        try:
            await budgets.charge(who, points)
        except RequestError:
            return count
    return most


async def test_a_bucket_holds_what_it_holds_and_no_more(parts: Parts) -> None:
    budgets = Budgets(parts.redis, key=Allowance(1_000, 1), workspace=PLENTY)
    assert await paid(budgets, somebody(), 10) in {100, 101}


async def test_processes_share_a_bucket(parts: Parts) -> None:
    who, key = somebody(), Allowance(1_000, 1)
    first = Budgets(parts.redis, key=key, workspace=PLENTY)
    second = Budgets(parts.redis, key=key, workspace=PLENTY)
    counts = [0, 0]
    for _ in range(200):
        for n, budgets in enumerate((first, second)):
            counts[n] += await paid(budgets, who, 10, most=1)
    assert 96 <= sum(counts) <= 102  # an advance of 20 points may lie unused in either
    assert min(counts) > 40


async def test_credentials_have_buckets_of_their_own_within_that_of_their_workspace(
    parts: Parts,
) -> None:
    budgets = Budgets(parts.redis, key=Allowance(1_000, 1), workspace=Allowance(1_500, 1))
    workspace = uuid4()
    one, two = somebody(workspace), somebody(workspace)
    assert await paid(budgets, one, 10) in {100, 101}
    assert 48 <= await paid(budgets, two, 10) <= 51
    assert await paid(budgets, somebody(), 10) in {100, 101}


async def test_points_are_restored_as_time_goes_by(parts: Parts) -> None:
    budgets = Budgets(parts.redis, key=Allowance(100, 200), workspace=PLENTY)
    who = somebody()
    await budgets.charge(who, 100)
    with pytest.raises(RequestError) as refused:
        await budgets.charge(who, 80)
    (error,) = refused.value.errors
    assert error.extensions is not None
    assert error.extensions["code"] == "THROTTLED"
    assert 0.1 <= error.extensions["retryAfter"] <= 0.4
    await asyncio.sleep(error.extensions["retryAfter"] + 0.05)
    await budgets.charge(who, 80)


async def test_what_was_not_used_comes_back(parts: Parts) -> None:
    budgets = Budgets(parts.redis, key=Allowance(1_000, 1), workspace=PLENTY)
    who = somebody()
    for _ in range(50):
        charge = await budgets.charge(who, 900)
        charge.settle(2)
    told = charge.told()
    assert (told["requested"], told["actual"], told["capacity"]) == (900, 2, 1_000)
    assert 899 <= told["available"] <= 902


async def test_a_refusal_is_held_back_for_no_longer_than_it_says_to_wait(parts: Parts) -> None:
    slow = Budgets(parts.redis, key=Allowance(100, 100), workspace=PLENTY, reluctance=5)
    who, loop = somebody(), asyncio.get_running_loop()
    await slow.charge(who, 100)
    began = loop.time()
    with pytest.raises(RequestError) as refused:
        await slow.charge(who, 30)
    (error,) = refused.value.errors
    assert error.extensions is not None
    await refused.value.held_back()
    assert loop.time() - began == pytest.approx(error.extensions["retryAfter"], abs=0.2)
    assert error.extensions["retryAfter"] <= 0.3
    assert (await slow.charge(who, 30)).requested == 30


async def test_refused_operations_do_not_ask_redis(parts: Parts) -> None:
    budgets = Budgets(parts.redis, key=Allowance(100, 1), workspace=PLENTY)
    who = somebody()
    await budgets.charge(who, 100)
    asked = 0
    take = budgets._take

    async def counted(**given: object) -> object:
        nonlocal asked
        asked += 1
        return await take(**given)

    budgets._take = counted
    assert [await paid(budgets, who, 50, most=1) for _ in range(20)] == [0] * 20
    assert asked == 0


async def test_without_redis_a_process_keeps_buckets_of_its_own() -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    budgets = Budgets(nowhere, key=Allowance(1_000, 1), workspace=PLENTY)
    assert await paid(budgets, somebody(), 10) in {100, 101}
    await nowhere.aclose()


async def test_every_answer_tells_its_cost(world: World, served: Served) -> None:
    workspace = await world.workspace()
    for _ in range(3):
        await workspace.product(skus=2)
    query = "{ products(first: 50) { totalCount nodes { skus { id } } } }"
    async with httpx.AsyncClient(base_url=served.url) as client:
        client.headers["authorization"] = f"Bearer {await workspace.token()}"
        before = (await client.post("/graphql", json={"query": query})).json()
        answer = (await client.post("/graphql", json={"query": query})).json()
    cost = answer["extensions"]["cost"]
    for told in (before["extensions"]["cost"], cost):  # reading the document is not the operation
        assert (told["requested"], told["actual"]) == (cost["requested"], cost["actual"])
    assert cost["requested"] == 1 + 1 + 5 + 50 * (1 + 5)
    assert cost["actual"] == 1 + 1 + 5 + 3 * (1 + 2)
    assert (cost["capacity"], cost["restoreRate"]) == (20_000, 2_000)
    read = 10 + len(query) // 5
    assert 20_000 - 2 * cost["actual"] - read <= cost["available"] <= 20_000


async def test_over_budget_is_told_with_when_to_come_again(world: World, parts: Parts) -> None:
    workspace = await world.workspace()
    little = {"max_operation_cost": 60, "budget_points": 60, "budget_restore": 1}
    body = {"query": "{ categories { id name } warehouses { id } }"}  # 21 points at most
    async with (
        quick(parts, **little) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        client.headers["authorization"] = f"Bearer {await workspace.token()}"
        client.headers["accept"] = "application/graphql-response+json"
        answers = [await client.post("/graphql", json=body) for _ in range(60)]
        last = answers[-1]
        assert last.status_code == 429
        (error,) = last.json()["errors"]
        assert error["extensions"]["code"] == "THROTTLED"
        assert error["extensions"]["retryable"] is True
        assert 0 < error["extensions"]["retryAfter"] <= 21
        assert int(last.headers["retry-after"]) >= error["extensions"]["retryAfter"]
        assert {a.status_code for a in answers} == {200, 429}
        client.headers["accept"] = "application/json"
        again = await client.post("/graphql", json=body)
        assert (again.status_code, again.json()["errors"][0]["extensions"]["code"]) == (
            200,
            "THROTTLED",
        )


async def code_of_one(execution: Execution, who: Principal) -> str | None:
    prepared = await execution.prepare(Operation("{ warehouses { id } }"), who)
    answer = await execution.run(prepared, who, request_id="test")
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None


READ = {
    "refused": ("#" + "x" * 2_000 + "\n{ warehouses { id }", "GRAPHQL_PARSE_FAILED"),
    "unknown field": (
        "{ warehouses { nothing } }" + "#" + "x" * 1_996,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "good": ("{ warehouses { id } }" + "#" + "x" * 1_999, None),
}


@pytest.mark.parametrize("kind", READ)
async def test_reading_a_document_is_paid_for_before_it_is_read(
    world: World, parts: Parts, kind: str
) -> None:
    text, code = READ[kind]
    workspace = await world.workspace()
    who = await world.access.principal(f"Bearer {await workspace.token()}")
    little = Budgets(parts.redis, key=Allowance(1_250, 1), workspace=Allowance(10_000, 1))
    execution = replace(world.execution, budgets=little)
    codes: list[object] = []
    for number in range(5):
        try:
            await execution.prepare(Operation(f"{text}{number}"), who)
            codes.append(None)
        except RequestError as error:
            codes.append((error.errors[0].extensions or {}).get("code"))
            message = error.errors[0].message
    assert codes == [code] * 3 + ["THROTTLED"] * 2, "414 points each"
    assert message.startswith("Reading the document costs 414 points and ")


async def test_what_is_registered_is_read_at_no_cost(world: World, parts: Parts) -> None:
    text = "{ warehouses { id } } # vetted"
    workspace = await world.workspace()
    who = await world.access.principal(f"Bearer {await workspace.token()}")
    nothing = Budgets(parts.redis, key=Allowance(1, 1), workspace=Allowance(1, 1))
    locked = replace(world.execution, budgets=nothing, persisted=Locked({"a": text}))
    with pytest.raises(RequestError, match="Reading the document costs"):
        await replace(locked, persisted=Unpersisted()).prepare(Operation(text), who)
    assert (await locked.prepare(Operation(text), who)).cost > 1


async def test_every_way_to_be_refused_holds_the_refusal_back(
    world: World, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, held = await world.workspace(), []

    async def held_back(refusal: RequestError) -> None:
        held.append(refusal)

    monkeypatch.setattr(RequestError, "held_back", held_back)
    who = await world.access.principal(f"Bearer {await workspace.token()}")
    query = Operation("{ warehouses { id } }")
    stream = Operation("subscription { orderUpdates { __typename } }")
    prepared = [await world.execution.prepare(one, who) for one in (query, stream)]
    nothing = Budgets(parts.redis, key=Allowance(1, 1), workspace=Allowance(1, 1))
    poor = replace(world.execution, budgets=nothing)
    await nothing.charge(who, 1)

    with pytest.raises(RequestError):
        await poor.prepare(Operation(f"{query.query} # unread"), who)
    assert "errors" in await poor.run(prepared[0], who, request_id="test")
    with pytest.raises(RequestError):
        await anext(poor.subscribe(prepared[1], who, request_id="test"))
    assert len(held) == 3


async def test_a_workspace_without_points_leaves_another_alone(world: World, parts: Parts) -> None:
    noisy, quiet = await world.workspace(), await world.workspace()
    little = Budgets(parts.redis, key=Allowance(50, 1), workspace=Allowance(50, 1))
    execution = replace(world.execution, budgets=little)
    one, other = [
        await world.access.principal(f"Bearer {await workspace.token()}")
        for workspace in (noisy, quiet)
    ]
    codes = [await code_of_one(execution, one) for _ in range(40)]
    assert codes[-1] == "THROTTLED"
    assert await code_of_one(execution, other) is None
    good = codes.count(None)
    assert codes == [None] * good + ["THROTTLED"] * (len(codes) - good)
    tell(
        Finding(
            section="Limits",
            check="Over budget every operation is refused as THROTTLED, and another workspace is "
            "answered",
            passed=len(codes) - good,
            of=len(codes) - good,
            control=f"within it the first {good} were answered",
        )
    )


async def test_redis_tells_no_secret(parts: Parts) -> None:
    who = somebody()
    await Budgets(parts.redis, key=PLENTY, workspace=PLENTY).charge(who, 10)
    keys = [key.decode() async for key in parts.redis.scan_iter(f"budget:*{who.workspace_id}*")]
    assert sorted(keys) == [
        f"budget:{{{who.workspace_id}}}",
        f"budget:{{{who.workspace_id}}}:API_KEY:{who.id}",
    ]
    assert all([0 < await parts.redis.pttl(key) <= 3_000 for key in keys])
