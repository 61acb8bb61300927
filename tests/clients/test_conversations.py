"""Clients as front-end teams have them: with us, each does what its documentation says.

A query; a subscription, during which a mutation makes an event; a field that is refused beside one
that is answered; a document that is not valid.
"""

from typing import Any

import pytest
import pytest_asyncio

from tests.clients.conversation import Conversation, conversation, conversation_with_control, seen
from tests.clients.node_project import NodeProject
from tests.world import World
from tests.world.conformance import Finding, tell
from tests.world.plain_strawberry import SECRET, VERSIONS, PlainStrawberry
from tests.world.served import Served

pytestmark = pytest.mark.timeout(400)

CLIENTS = {
    "Apollo Client": "@apollo/client",
    "urql over GET, with SSE": "@urql/core",
    "urql over POST, with SSE": "@urql/core",
    "urql with graphql-ws": "@urql/core",
    "graphql-ws": "graphql-ws",
    "graphql-sse": "graphql-sse",
}
LOCKED = {
    "@apollo/client": "4.3.8",
    "@urql/core": "6.0.3",
    "graphql-ws": "6.4.2",
    "graphql-sse": "2.6.1",
}
# Plain Strawberry's errors have no code; and it streams to urql, in frames that urql cannot split.
FAILED_WITH_CONTROL = {"refused", "invalid"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ours(served: Served, world: World) -> dict[str, Conversation]:
    return {name: await conversation(world, served) for name in CLIENTS}


@pytest.fixture(scope="module")
def with_control(control: PlainStrawberry) -> Conversation:
    return conversation_with_control(control)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def report(
    node: NodeProject, ours: dict[str, Conversation], with_control: Conversation
) -> Any:
    asked = {
        "ours": {name: one.question for name, one in ours.items()},
        "control": dict.fromkeys(CLIENTS, with_control.question),
    }
    return await node.ask("conversations.mjs", asked)


def test_the_clients_are_those_that_are_locked(report: Any) -> None:
    assert {name: report["versions"][name] for name in LOCKED} == LOCKED


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_converses_with_us(
    report: Any, ours: dict[str, Conversation], with_control: Conversation, name: str
) -> None:
    saw, expected = report["ours"][name], ours[name].expected
    passed = ours[name].passed(saw)
    of_control = with_control.passed(report["control"][name])
    package = CLIENTS[name]
    tell(
        Finding(
            section="Clients",
            check=f"{name}: query, subscription, mutation, refused field, invalid document",
            passed=len(passed),
            of=len(expected),
            versions={package: report["versions"][package], **VERSIONS},
            control=f"with plain Strawberry {len(of_control)} of {len(expected)}",
        )
    )
    assert seen(saw) == expected
    assert len(passed) == 5


@pytest.mark.parametrize("name", CLIENTS)
def test_the_same_conversation_fails_with_the_control(
    report: Any, with_control: Conversation, name: str
) -> None:
    saw = report["control"][name]
    failed = with_control.expected.keys() - with_control.passed(saw)
    if name.startswith("urql"):
        assert "failed" in saw
        assert failed == with_control.expected.keys()
    else:
        assert failed >= FAILED_WITH_CONTROL  # a busy machine costs the control more
        assert SECRET in str(saw["refused"]["errors"])
