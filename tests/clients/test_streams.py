"""Streams of graphql-ws and graphql-sse that outlive a restart of the server and their token."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from api.parts import Parts
from tests.clients.conversation import Conversation, conversation, conversation_with_control, seen
from tests.clients.node_project import NodeProject
from tests.world import World
from tests.world.conformance import Finding, tell
from tests.world.plain_strawberry import PlainStrawberry
from tests.world.served import Served

pytestmark = pytest.mark.timeout(400)

PROTOCOLS = {"graphql-ws": "ws", "graphql-sse": "sse"}
LIFETIME = timedelta(seconds=5)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def watched(served: Served, world: World) -> dict[str, Conversation]:
    return {name: await conversation(world, served) for name in PROTOCOLS}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def restarted(node: NodeProject, parts: Parts, watched: dict[str, Conversation]) -> Any:
    """What dashboards saw of a server that said it drains, and served on a moment later."""
    before = parts.feeds.subscribers
    seeing = asyncio.create_task(_seen(node, watched))
    try:
        await _until(lambda: seeing.done() or parts.feeds.subscribers >= before + len(watched))
        await asyncio.sleep(0.5)  # for the first event of each to arrive
        parts.draining.set()
        await _until(lambda: seeing.done() or parts.feeds.subscribers <= before)
    finally:
        parts.draining.clear()
    return await seeing


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def expiring(served: Served, world: World) -> dict[str, Conversation]:
    return {name: await conversation(world, served, lifetime=LIFETIME) for name in PROTOCOLS}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def expired(node: NodeProject, expiring: dict[str, Conversation]) -> Any:
    """What dashboards saw that were given another token once the first had expired."""
    return await _seen(node, expiring)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_stream_goes_on_after_a_restart(
    restarted: Any, watched: dict[str, Conversation], name: str
) -> None:
    saw = restarted["streams"][name]
    _tell(name, "resumes after a restart without loss or repetition", saw, watched, restarted)
    assert "failed" not in saw, saw
    assert seen(saw)["events"] == watched[name].expected["events"]
    assert saw["returns"] >= 1
    if name == "graphql-ws":
        assert {(close["code"], close["reason"]) for close in saw["closes"]} == {
            (1012, "Service restart")
        }


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_stream_goes_on_with_a_new_token_once_its_own_has_expired(
    expired: Any, expiring: dict[str, Conversation], name: str
) -> None:
    saw = expired["streams"][name]
    _tell(name, "resumes with a new token once its own has expired", saw, expiring, expired)
    assert "failed" not in saw, saw
    assert seen(saw)["events"] == expiring[name].expected["events"]
    assert saw["returns"] == 1
    if name == "graphql-ws":
        assert saw["closes"] == [{"code": 4403, "reason": "The credential has expired"}]


async def test_a_stream_that_the_server_completes_is_not_taken_up_again(
    node: NodeProject, control: PlainStrawberry
) -> None:
    """Ending a stream with `complete` on a restart would leave dashboards standing still."""
    ending = conversation_with_control(control)
    ending.question["documents"] = {"subscription": "subscription One { count(upTo: 1) }"}
    report = await _seen(node, dict.fromkeys(PROTOCOLS, ending))
    for name in PROTOCOLS:
        saw = report["streams"][name]
        assert (saw["failed"], saw["returns"]) == ("complete", 0)
        assert saw["events"] == [{"data": {"count": 1}}]


async def _seen(node: NodeProject, streams: dict[str, Conversation]) -> Any:
    asked = {name: {**one.question, "protocol": PROTOCOLS[name]} for name, one in streams.items()}
    return await node.ask("streams.mjs", {"streams": asked})


def _tell(name: str, what: str, saw: Any, streams: dict[str, Conversation], report: Any) -> None:
    expected = streams[name].expected["events"]
    tell(
        Finding(
            section="Clients",
            check=f"{name}: a subscription {what}",
            passed=sum(a == b for a, b in zip(seen(saw)["events"], expected, strict=False)),
            of=len(expected),
            versions={name: report["versions"][name]},
            control="a stream that the server completes instead is not taken up again",
        )
    )


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.02)
