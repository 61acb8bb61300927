"""GraphQL over HTTP as the audits of graphql-http see it: we pass all 61, the control does not."""

from collections import Counter
from typing import Any

import pytest
import pytest_asyncio

from tests.clients.node_project import NodeProject
from tests.world import World
from tests.world.conformance import Finding, tell
from tests.world.plain_strawberry import VERSIONS, PlainStrawberry
from tests.world.served import Served

pytestmark = pytest.mark.timeout(400)

LEVELS = {"MUST": 13, "SHOULD": 23, "MAY": 25}
# Plain Strawberry never sends application/graphql-response+json.
FAILED_BY_THE_CONTROL = {"22EB", "865D", "556A", "D586", "51FE", "74FF", "5E5B", "86EE"}

Results = list[dict[str, str]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def report(node: NodeProject, served: Served, world: World, control: PlainStrawberry) -> Any:
    workspace = await world.workspace()
    endpoints = {
        "ours": {"url": f"{served.url}/graphql", "token": await workspace.token()},
        "without a token": {"url": f"{served.url}/graphql"},
        "control": {"url": f"{control.url}/graphql"},
    }
    return await node.ask("audits.mjs", {"endpoints": endpoints})


def test_the_audits_are_the_61_of_the_version_that_is_locked(report: Any) -> None:
    assert report["versions"]["graphql-http"] == "1.23.1"
    for results in report["endpoints"].values():
        assert Counter(result["name"].split()[0] for result in results) == LEVELS
        assert len({result["id"] for result in results}) == 61


def test_we_pass_every_audit(report: Any) -> None:
    ours, control = report["endpoints"]["ours"], report["endpoints"]["control"]
    passed = 61 - len(_failed(ours))
    tell(
        Finding(
            section="Protocols",
            check="Server audits of graphql-http (GraphQL over HTTP)",
            passed=passed,
            of=len(ours),
            versions=report["versions"] | VERSIONS,
            control=f"plain Strawberry passes {61 - len(_failed(control))} of {len(control)}",
        )
    )
    assert _failed(ours) == {}
    assert passed == 61


def test_the_control_fails_those_that_are_known(report: Any) -> None:
    assert set(_failed(report["endpoints"]["control"])) >= FAILED_BY_THE_CONTROL


def test_the_token_is_what_lets_the_audits_in(report: Any) -> None:
    refused = report["endpoints"]["without a token"]
    assert len(_failed(refused)) > len(_failed(report["endpoints"]["control"]))


def _failed(results: Results) -> dict[str, str]:
    """Reasons by id; whatever is not `ok` has failed, notices and warnings too."""
    return {
        one["id"]: f"{one['name']}: {one['reason']}" for one in results if one["status"] != "ok"
    }
