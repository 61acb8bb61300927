"""Automatic persisted queries of Apollo Client: the hash first, and the text too on a miss."""

import secrets
from typing import Any

import pytest
import pytest_asyncio

from tests.clients.node_project import NodeProject
from tests.world import World
from tests.world.conformance import Finding, tell
from tests.world.plain_strawberry import VERSIONS, PlainStrawberry
from tests.world.served import Served

pytestmark = pytest.mark.timeout(400)

ANSWER = {"viewer": {"role": "OWNER", "__typename": "Viewer"}}
MISS = ["PERSISTED_QUERY_NOT_FOUND"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def report(node: NodeProject, served: Served, world: World, control: PlainStrawberry) -> Any:
    workspace = await world.workspace()
    name = f"Never{secrets.token_hex(8)}"  # which nobody has registered before
    endpoints = {
        "ours": {
            "url": f"{served.url}/graphql",
            "token": await workspace.token(),
            "document": f"query {name} {{ viewer {{ role }} }}",
        },
        "control": {
            "url": f"{control.url}/graphql",
            "document": f"query {name} {{ product(id: 1) {{ id }} }}",
        },
    }
    return await node.ask("persisted.mjs", {"endpoints": endpoints})


def test_a_query_is_registered_on_a_miss_and_then_known_by_its_hash(report: Any) -> None:
    ours, control = report["endpoints"]["ours"], report["endpoints"]["control"]
    parts = {
        "first": [("POST", False, MISS), ("POST", True, [])],
        "second": [("POST", False, [])],
        "overGet": [("GET", False, [])],
    }
    passed = [part for part, wanted in parts.items() if _exchanges(ours[part]) == wanted]
    of_control = [part for part, wanted in parts.items() if _exchanges(control[part]) == wanted]
    tell(
        Finding(
            section="Clients",
            check="Apollo Client, persisted queries: a miss, a hit, a hit over GET",
            passed=len(passed),
            of=len(parts),
            versions=report["versions"] | VERSIONS,
            control=f"with plain Strawberry {len(of_control)} of {len(parts)}",
        )
    )
    for part, wanted in parts.items():
        assert _exchanges(ours[part]) == wanted
        assert ours[part]["answer"] == {"data": ANSWER}
    assert of_control == []


def _exchanges(saw: Any) -> list[tuple[str, bool, list[str]]]:
    """Method, whether the query's text was sent, and the codes that came back, of each request."""
    return [(one["method"], one["query"], one["codes"]) for one in saw["exchanges"]]
