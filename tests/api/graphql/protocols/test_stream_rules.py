"""GraphQL over SSE, sentence by sentence, with us and with plain Strawberry."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from schema.nodes import global_id
from tests.api.graphql.protocols.stream_rules import RULES, Streamer
from tests.world import World
from tests.world.conformance import Finding, tell
from tests.world.plain_strawberry import VERSIONS, plain_strawberry
from tests.world.served import Served

ACTIVATE = "mutation ($id: ID!) { productActivate(input: { productId: $id }) { __typename } }"
UPDATES = 'subscription { orderUpdates(after: "0") { ... on OrderEvent { sequence } } }'
NOT_VALID = ({"query": "{"}, {"query": "{ nonsense }"}, {"query": "subscription { nonsense }"})
FAILED_BY_CONTROL = {
    "Frames end with LF LF, at which urql splits them",
    "A server agrees with Accept: no stream where another type ranks first",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ours(served: Served, world: World) -> Streamer:
    workspace = await world.workspace()
    for _ in range(3):
        await workspace.order()
    unnamed = {"query": "query A { viewer { role } }", "operationName": "B"}
    variable = {"query": ACTIVATE, "variables": {}}
    return Streamer(
        f"{served.url}/graphql",
        query={"query": "{ viewer { role } }"},
        mutation={"query": ACTIVATE, "variables": {"id": global_id("Product", uuid4())}},
        subscription={"query": UPDATES},
        invalid=(*NOT_VALID, unnamed, variable),
        headers={"authorization": f"Bearer {await workspace.token()}"},
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def control() -> AsyncIterator[Streamer]:
    async with plain_strawberry() as running:
        yield Streamer(
            f"{running.url}/graphql",
            query={"query": '{ product(id: "1") { title } }'},
            mutation={"query": 'mutation { productRename(id: "1", title: "a") { title } }'},
            subscription={"query": "subscription { count }"},
            invalid=NOT_VALID,
        )


async def test_every_rule_of_graphql_over_sse_is_kept(ours: Streamer, control: Streamer) -> None:
    failed, failed_by_control = await broken(ours), await broken(control)
    tell(
        Finding(
            section="Protocols",
            check="Rules of GraphQL over SSE, distinct connections mode",
            passed=len(RULES) - len(failed),
            of=len(RULES),
            versions={"graphql-sse": "PROTOCOL.md"} | VERSIONS,
            control=f"plain Strawberry keeps {len(RULES) - len(failed_by_control)}",
        )
    )
    assert len(RULES) == 14
    assert failed == {}
    assert set(failed_by_control) >= FAILED_BY_CONTROL


async def broken(server: Streamer) -> dict[str, str]:
    """The rules that a server does not keep, and how that shows."""
    failed = {}
    for sentence, check in RULES.items():
        try:
            async with asyncio.timeout(20):
                await check(server)
        except Exception as error:  # noqa: BLE001 - whatever it is, the rule is not kept
            failed[sentence] = f"{type(error).__name__}: {error}"
    return failed
