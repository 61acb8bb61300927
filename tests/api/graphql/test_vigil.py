"""What is told nothing is ended as well once its credential has lost its rights."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from api.graphql.vigil import Ending, Vigil, still_good
from api.parts import Parts
from tenants.api_keys import create_key
from tenants.database import DatabaseUnavailable, WorkspaceDatabase, Writer
from tenants.grants import GRANTS_BY_ROLE, Grant, Role
from tenants.identity import Principal, PrincipalKind
from tests.api.graphql.protocols.event_source import streamed
from tests.api.graphql.protocols.socket_rules import INIT, heard, subscribe
from tests.api.graphql.protocols.wire import opened
from tests.world import TestWorkspace, World
from tests.world.conformance import Finding, tell
from tests.world.served import quick

UPDATES = {"query": "subscription { orderUpdates { __typename } }"}
Loss = Callable[[asyncpg.Connection, Principal], Awaitable[object]]


async def key_revoked(owner: asyncpg.Connection, principal: Principal) -> None:
    await owner.execute("UPDATE api_keys SET revoked_at = now() WHERE id = $1", principal.id)


async def membership_ended(owner: asyncpg.Connection, principal: Principal) -> None:
    await owner.execute("UPDATE memberships SET ended_at = now() WHERE user_id = $1", principal.id)


async def role_changed(owner: asyncpg.Connection, principal: Principal) -> None:
    await owner.execute("UPDATE memberships SET role = 'VIEWER' WHERE user_id = $1", principal.id)


async def session_revoked(owner: asyncpg.Connection, principal: Principal) -> None:
    await owner.execute("UPDATE sessions SET revoked_at = now() WHERE user_id = $1", principal.id)


LOSSES: list[Loss] = [key_revoked, membership_ended, role_changed, session_revoked]


async def credential(world: World, workspace: TestWorkspace, loss: Loss) -> str:
    if loss is not key_revoked:
        return await world.member(workspace, Role.ORDERS)

    async def work(writer: Writer) -> str:
        scopes = [Grant.ORDERS_READ]
        _, key = await create_key(writer, name="A till", scopes=scopes, expires_at=None)
        return key

    return await workspace.system().change("test", work)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def workspace(world: World) -> TestWorkspace:
    return await world.workspace()


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
async def test_an_idle_socket_and_an_idle_stream_are_ended(
    parts: Parts, world: World, workspace: TestWorkspace, owner: asyncpg.Connection, loss: Loss
) -> None:
    bearer = f"Bearer {await credential(world, workspace, loss)}"
    principal = await world.access.principal(bearer)
    async with (
        quick(parts, recheck_rights=0.2) as served,
        opened(served.websocket_url) as socket,
        opened(served.websocket_url) as silent,
        streamed(f"{served.url}/graphql", UPDATES, authorization=bearer) as stream,
    ):
        for wire in (socket, silent):
            wire.send({**INIT, "payload": {"authorization": bearer}})
            assert (await wire.receive())["type"] == "connection_ack"
        socket.send(subscribe(UPDATES))
        await asyncio.sleep(0.7)  # some looks at a credential that is good
        assert await heard(socket) == []
        await loss(owner, principal)
        assert await socket.closed() == (4403, "Forbidden")
        assert await silent.closed() == (4403, "Forbidden")
        (event, data), last = await stream.events()
        assert (event, last) == ("next", ("complete", ""))
        answer = json.loads(data)
        assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert "data" not in answer
    tell(
        Finding(
            section="Limits",
            check=f"{loss.__name__.replace('_', ' ')}: idle sockets close with 4403, an idle "
            "stream ends with UNAUTHENTICATED",
            passed=3,
            of=3,
            control="before that they were looked at and stayed, as do those of others",
        )
    )


async def test_another_credential_of_the_workspace_stays(
    parts: Parts, world: World, workspace: TestWorkspace, owner: asyncpg.Connection
) -> None:
    lost, kept = [f"Bearer {await world.member(workspace, Role.ORDERS)}" for _ in range(2)]
    async with (
        quick(parts, recheck_rights=0.2) as served,
        opened(served.websocket_url, Authorization=lost) as ending,
        opened(served.websocket_url, Authorization=kept) as staying,
    ):
        ending.send(INIT)
        staying.send(INIT, subscribe(UPDATES))
        await membership_ended(owner, await world.access.principal(lost))
        assert (await ending.closed())[0] == 4403
        await asyncio.sleep(0.5)
        assert (await staying.receive())["type"] == "connection_ack"
        assert await heard(staying) == []


def a_principal(*, expires_at: datetime | None = None) -> Principal:
    return Principal(
        kind=PrincipalKind.USER,
        id=uuid4(),
        workspace_id=UUID(int=1),
        grants=GRANTS_BY_ROLE[Role.VIEWER],
        expires_at=expires_at,
    )


async def test_each_credential_is_asked_about_once_for_all_that_it_holds_open() -> None:
    asked: list[Principal] = []

    async def good(principal: Principal) -> bool:
        asked.append(principal)
        return True

    vigil = Vigil(draining=asyncio.Event(), good=good, every=0.3)
    credentials = [a_principal() for _ in range(3)]
    leaving = [vigil.watch(one, lambda _: None) for one in credentials for _ in range(20)]
    leaving.append(vigil.watch(None, lambda _: None))
    while len(asked) < 7:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)
    assert asked[:7] == [*credentials, *credentials, credentials[0]]
    for leave in leaving:
        leave()
    before = len(asked)
    await asyncio.sleep(0.4)
    assert len(asked) == before
    assert not vigil._tasks, "nobody watches where nothing is watched"


async def test_who_cannot_be_asked_has_not_said_no() -> None:
    answers = iter([DatabaseUnavailable("away"), TimeoutError(), OSError(), True, False])
    seen: list[Ending] = []

    async def good(_: Principal) -> bool:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        assert seen == []
        return bool(answer)

    leave = Vigil(draining=asyncio.Event(), good=good, every=0.01).watch(a_principal(), seen.append)
    while not seen:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.01)
    leave()
    assert seen[0] is Ending.REVOKED
    assert list(answers) == []


async def test_a_look_that_hangs_does_not_hold_up_a_stop() -> None:
    draining = asyncio.Event()
    looking = asyncio.Event()

    async def good(_: Principal) -> bool:
        looking.set()
        await asyncio.sleep(60)
        return True

    ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def end(why: Ending) -> None:
        if not ended.done():
            ended.set_result(why)

    leave = Vigil(draining=draining, good=good, every=0.01).watch(a_principal(), end)
    await looking.wait()
    draining.set()
    async with asyncio.timeout(2):
        assert await ended is Ending.DRAINING
    leave()


async def test_what_expires_is_ended_on_time_and_what_has_left_is_not() -> None:
    async def good(_: Principal) -> bool:
        return True

    vigil = Vigil(draining=asyncio.Event(), good=good, every=60)
    soon = a_principal(expires_at=datetime.now(UTC) + timedelta(seconds=0.2))
    seen: list[Ending] = []
    too_late: list[Ending] = []
    leave, leave_early = vigil.watch(soon, seen.append), vigil.watch(soon, too_late.append)
    leave_early()
    while not seen:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.01)
    leave()
    assert soon.expires_at is not None
    assert datetime.now(UTC) >= soon.expires_at
    assert (seen, too_late) == ([Ending.EXPIRED], [])


async def test_a_look_takes_one_statement_and_leaves_nothing_open(
    parts: Parts, world: World, workspace: TestWorkspace
) -> None:
    principal = await world.access.principal(f"Bearer {await workspace.token()}")
    made: list[WorkspaceDatabase] = []

    def open_database(who: Principal, request_id: str) -> WorkspaceDatabase:
        made.append(parts.open_database(who, request_id))
        return made[-1]

    assert await still_good(open_database)(principal)
    (database,) = made
    assert database.statements == 1
