"""graphql-transport-ws and RFC 6455, sentence by sentence, with us and with plain Strawberry."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest_asyncio

from tests.api.graphql.protocols import frame_rules, malformed, socket_rules
from tests.api.graphql.protocols.socket_rules import PING, Speaker, ready
from tests.api.graphql.protocols.wire import DROPPED, TEXT, Wire, opened, text
from tests.world import World
from tests.world.conformance import Finding, tell
from tests.world.plain_strawberry import VERSIONS, plain_strawberry
from tests.world.served import Served

GOES_ON = 0  # in place of a close code: the connection goes on
DROPPED_BY_CONTROL = {"an array", "a string", "null", "complete, id a list"}
PROTOCOL = {"graphql-transport-ws": "PROTOCOL.md of graphql-ws, with Ping and Pong"}
ENDLESS = 'subscription { orderUpdates(after: "0") { ... on OrderEvent { sequence } } }'


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ours(served: Served, world: World) -> Speaker:
    workspace = await world.workspace()
    for _ in range(3):
        await workspace.order()
    return Speaker(
        served.websocket_url,
        query={"query": "{ viewer { role } }"},
        endless={"query": ENDLESS},
        invalid={"query": "{ nonsense }"},
        headers={"Authorization": f"Bearer {await workspace.token()}"},
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def control() -> AsyncIterator[Speaker]:
    async with plain_strawberry() as running:
        yield Speaker(
            running.websocket_url,
            query={"query": '{ product(id: "1") { title } }'},
            endless={"query": "subscription { count(upTo: 1000, pause: 0.02) }"},
            invalid={"query": "{ nonsense }"},
        )


Rules = Mapping[str, Callable[[Speaker], Awaitable[None]]]


async def broken(speaker: Speaker, rules: Rules) -> dict[str, str]:
    """The rules that a server does not keep, and how that shows."""
    failed = {}
    for sentence, check in rules.items():
        try:
            async with asyncio.timeout(20):
                await check(speaker)
        except Exception as error:  # noqa: BLE001 - whatever it is, the rule is not kept
            failed[sentence] = f"{type(error).__name__}: {error}"
    return failed


async def test_every_rule_of_graphql_transport_ws_is_kept(ours: Speaker, control: Speaker) -> None:
    rules = socket_rules.RULES
    failed, failed_by_control = await broken(ours, rules), await broken(control, rules)
    tell(
        Finding(
            section="Protocols",
            check="Rules of graphql-transport-ws",
            passed=len(rules) - len(failed),
            of=len(rules),
            versions=PROTOCOL | VERSIONS,
            control=f"plain Strawberry keeps {len(rules) - len(failed_by_control)}",
        )
    )
    assert len(rules) == 28
    assert failed == {}
    assert failed_by_control, "the control keeps everything: these checks find nothing"


async def test_every_frame_that_is_no_message_is_closed_with_4400(
    ours: Speaker, control: Speaker
) -> None:
    codes, of_control = await malformed_codes(ours), await malformed_codes(control)
    dropped = [name for name, code in of_control.items() if code == DROPPED]
    tell(
        Finding(
            section="Protocols",
            check="Malformed messages of graphql-transport-ws that are closed with 4400",
            passed=list(codes.values()).count(4400),
            of=len(codes),
            versions=PROTOCOL | VERSIONS,
            control=f"plain Strawberry closes {list(of_control.values()).count(4400)} of them "
            f"with 4400 and drops {len(dropped)} with 1006",
        )
    )
    assert {name: code for name, code in codes.items() if code != 4400} == {}
    assert len(codes) == 2 * len(malformed.ANYTIME) + 29
    assert set(dropped) >= DROPPED_BY_CONTROL


async def test_every_rule_of_frames_is_kept(ours: Speaker, control: Speaker) -> None:
    async def passed(speaker: Speaker) -> set[str]:
        failed = await broken(speaker, frame_rules.RULES)
        return frame_rules.RULES.keys() - failed.keys()

    async def right(speaker: Speaker) -> dict[str, int]:
        """The codes that are not as the RFC wants them."""
        seen = {
            name: await frame_rules.closes_with(speaker, data)
            for name, (data, _) in frame_rules.WRONG.items()
        }
        return {name: code for name, code in seen.items() if code != frame_rules.WRONG[name][1]}

    wrong, wrong_of_control = await right(ours), await right(control)
    kept, of = await passed(ours), len(frame_rules.WRONG) + len(frame_rules.RULES)
    tell(
        Finding(
            section="Protocols",
            check="Rules of RFC 6455: frames that close, with their code, and frames that do not",
            passed=len(kept) + len(frame_rules.WRONG) - len(wrong),
            of=of,
            versions=VERSIONS,
            control=f"uvicorn by itself answers {len(wrong_of_control)} with another code",
        )
    )
    assert wrong == {}
    assert kept == set(frame_rules.RULES)
    assert wrong_of_control.get("7.4.1 a message over the limit") == DROPPED


async def malformed_codes(speaker: Speaker) -> dict[str, int]:
    codes = {}
    for name, data in {**malformed.ANYTIME, **malformed.BEFORE_ACK}.items():
        async with opened(speaker.url, **speaker.headers) as wire:
            codes[f"{name}, before the ack"] = await _code(wire, data)
    for name, data in {**malformed.ANYTIME, **malformed.AFTER_ACK}.items():
        async with ready(speaker) as wire:
            codes[name] = await _code(wire, data)
    return codes


async def _code(wire: Wire, data: bytes) -> int:
    """The code with which these bytes are closed; `GOES_ON` where they are not."""
    wire.raw(data + text(PING))
    while (got := await wire.frame()) is not None:
        if got.opcode == TEXT and json.loads(got.data)["type"] == "pong":
            return GOES_ON
    return (wire.close or (DROPPED, ""))[0]
