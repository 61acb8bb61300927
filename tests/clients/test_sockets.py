"""graphql-ws on one socket of ours: ids used again, pings both ways, a refusal it understands."""

from typing import Any

import pytest
import pytest_asyncio

from api.parts import Parts
from tests.clients.node_project import NodeProject
from tests.world import World
from tests.world.conformance import Finding, tell
from tests.world.plain_strawberry import VERSIONS, PlainStrawberry
from tests.world.served import quick

pytestmark = pytest.mark.timeout(400)

NONSENSE = {"query": "query Nonsense { nonsense }"}
ROLE = {"query": "query Mine { viewer { role } }"}
ANSWER = {"viewer": {"role": "OWNER"}}
PRODUCT = {"query": "query One { product(id: 1) { id } }"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def report(node: NodeProject, world: World, parts: Parts, control: PlainStrawberry) -> Any:
    workspace = await world.workspace()
    async with quick(parts, keep_alive=0.5) as served:
        ours = {
            "websocketUrl": served.websocket_url,
            "token": await workspace.token(),
            "requests": [ROLE, NONSENSE, ROLE, ROLE],
            "patience": 15_000,
        }
        other = {
            "websocketUrl": control.websocket_url,
            "requests": [PRODUCT, NONSENSE, PRODUCT, PRODUCT],
            "patience": 2_000,
        }
        return await node.ask("sockets.mjs", {"ours": ours, "control": other})


def test_an_id_is_used_again_after_an_answer_and_after_an_error(report: Any) -> None:
    saw = report["ours"]["oneId"]
    assert saw["connections"] == 1
    assert set(saw["ids"]) == {"the one"}
    assert len(saw["ids"]) == 7  # three answers with their completion, and one error
    first, refused, *others = saw["answers"]
    assert [answer["data"] for answer in (first, *others)] == [ANSWER] * 3
    assert [error["extensions"]["code"] for error in refused["errors"]] == [
        "GRAPHQL_VALIDATION_FAILED"
    ]


def test_pings_are_answered_both_ways_and_the_socket_lives(report: Any) -> None:
    saw = report["ours"]["pings"]
    assert saw["ponged"] >= 3
    assert saw["pinged"] >= 2
    assert saw["answer"]["data"] == ANSWER
    assert saw["closed"] == [], "closed before the client was disposed of"


def test_a_token_that_is_no_good_is_told_by_its_close_code(report: Any) -> None:
    assert report["ours"]["refused"] == {"code": 4403, "reason": "Forbidden"}


def test_the_control_codes_no_error_sends_no_ping_and_lets_anybody_in(report: Any) -> None:
    ours, control = _holds(report["ours"]), _holds(report["control"])
    tell(
        Finding(
            section="Clients",
            check="graphql-ws: ids used again, pings both ways, a refusal it understands",
            passed=sum(ours),
            of=len(ours),
            versions=report["versions"] | VERSIONS,
            control=f"with plain Strawberry {sum(control)} of {len(control)}",
        )
    )
    assert ours == [True, True, True]
    assert control == [False, False, False]


def _holds(saw: Any) -> list[bool]:
    _, refused, *_ = saw["oneId"]["answers"]
    return [
        refused["errors"][0].get("extensions", {}).get("code") == "GRAPHQL_VALIDATION_FAILED",
        saw["pings"]["ponged"] >= 3 and saw["pings"]["pinged"] >= 2,
        saw["refused"] == {"code": 4403, "reason": "Forbidden"},
    ]
