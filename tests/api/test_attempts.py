"""Attempts to sign in are limited: by account and address, over all processes, Redis or not."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.requests import HTTPConnection

from api.attempts import address_of
from api.parts import Parts, open_parts
from api.settings import Settings
from tenants.database import Writer
from tenants.grants import Role
from tenants.invitations import invite
from tenants.passwords import hash_password
from tenants.workspaces import ensure_user, join
from tests.world import TestWorkspace, World
from tests.world.served import quick

PASSWORD = "correct horse battery staple"
HASHED = hash_password(PASSWORD)
PROXY = {"trusted_proxies": [ip_network("127.0.0.1/32")]}


def an_address() -> str:
    """One that no other test, and no run within this minute, has used."""
    return f"2001:db8:{secrets.randbelow(65_536):x}:{secrets.randbelow(65_536):x}::1"


@dataclass
class Visitor:
    """Somebody at an address of their own, which our proxy names."""

    client: httpx.AsyncClient
    address: str = field(default_factory=an_address)

    async def post(self, path: str, **form: str) -> httpx.Response:
        headers = {"x-forwarded-for": self.address}
        return await self.client.post(path, data=form, headers=headers)

    async def sign_in(self, email: str, password: str = "wrong") -> httpx.Response:
        return await self.post(
            "/auth/token", grant_type="password", username=email, password=password
        )

    async def refresh(self, token: str) -> httpx.Response:
        return await self.post("/auth/token", grant_type="refresh_token", refresh_token=token)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def workspace(world: World) -> TestWorkspace:
    workspace = await world.workspace()
    await workspace.token()
    return workspace


async def somebody(workspace: TestWorkspace) -> str:
    """The e-mail address of a member with a password."""
    email = f"{secrets.token_hex(4)}@{workspace.slug}.example"
    user_id = await ensure_user(
        workspace.world.parts.pool, email=email, name="S", password_hash=HASHED, at=now()
    )

    async def work(writer: Writer) -> None:
        await join(writer, user_id, Role.ORDERS)

    await workspace.system().change("test", work)
    return email


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def behind_a_proxy(parts: Parts, **changed: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        quick(parts, **PROXY, **changed) as served,
        httpx.AsyncClient(base_url=served.url, timeout=20) as client,
    ):
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def client(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    limits = {"sign_in_attempts_per_minute": 3, "sign_in_attempts_per_address": 12}
    async with behind_a_proxy(parts, **limits) as opened:
        yield opened


def assert_limited(response: httpx.Response) -> None:
    assert response.status_code == 429
    assert response.json()["error"] == "slow_down"
    assert response.json()["error_description"]
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert response.headers["cache-control"] == "no-store"


async def test_after_so_many_failures_an_address_may_not_even_try_the_right_password(
    client: httpx.AsyncClient, workspace: TestWorkspace
) -> None:
    email, attacker = await somebody(workspace), Visitor(client)
    failures = [await attacker.sign_in(email) for _ in range(3)]
    assert [response.status_code for response in failures] == [400] * 3
    assert_limited(await attacker.sign_in(email))
    assert_limited(await attacker.sign_in(f" {email.upper()} ", PASSWORD))

    owner = await Visitor(client).sign_in(email, PASSWORD)
    assert owner.status_code == 200, "elsewhere, nobody is locked out of their account"
    other = await attacker.sign_in(await somebody(workspace), PASSWORD)
    assert other.status_code == 200, "nor are colleagues at the same address"


async def test_unknown_accounts_are_limited_alike(client: httpx.AsyncClient) -> None:
    visitor = Visitor(client)
    statuses = [
        (await visitor.sign_in("nobody@nowhere.example", PASSWORD)).status_code for _ in range(5)
    ]
    assert statuses == [400, 400, 400, 429, 429]


async def test_success_does_not_count_against_the_account_nor_forgive_failures(
    client: httpx.AsyncClient, workspace: TestWorkspace
) -> None:
    email, visitor = await somebody(workspace), Visitor(client)
    given = [PASSWORD, "wrong", PASSWORD, PASSWORD, "wrong", PASSWORD, "wrong", PASSWORD]
    statuses = [(await visitor.sign_in(email, password)).status_code for password in given]
    assert statuses == [200, 400, 200, 200, 400, 200, 400, 429]


async def test_many_guesses_at_once_are_not_let_through_together(
    client: httpx.AsyncClient, workspace: TestWorkspace
) -> None:
    email, visitor = await somebody(workspace), Visitor(client)
    answers = await asyncio.gather(*(visitor.sign_in(email) for _ in range(20)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(400), statuses.count(429)) == (3, 17)


async def test_an_address_may_try_only_so_many_accounts(
    client: httpx.AsyncClient, workspace: TestWorkspace
) -> None:
    visitor = Visitor(client)
    emails = [f"{number}@{workspace.slug}.example" for number in range(13)]
    answers = [await visitor.sign_in(email) for email in emails]
    assert [answer.status_code for answer in answers] == [400] * 12 + [429]
    assert_limited(answers[-1])
    neighbour = Visitor(client, visitor.address.replace("::1", "::2:3:4"))
    assert_limited(await neighbour.sign_in(emails[0]))
    assert (await Visitor(client).sign_in(emails[0])).status_code == 400


async def test_refreshing_is_limited_only_where_it_fails(
    client: httpx.AsyncClient, workspace: TestWorkspace
) -> None:
    visitor = Visitor(client)
    told = (await visitor.sign_in(await somebody(workspace), PASSWORD)).json()
    first = told["refresh_token"]
    for _ in range(20):
        answer = await visitor.refresh(told["refresh_token"])
        assert answer.status_code == 200
        told = answer.json()
    answers = [await visitor.refresh(first) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429, 429]
    assert_limited(answers[-1])
    others = [await visitor.refresh(f"scr_{number}") for number in range(10)]
    assert [answer.status_code for answer in others] == [400] * 9 + [429]


async def test_the_password_behind_an_invitation_cannot_be_guessed_at_length(
    client: httpx.AsyncClient, world: World
) -> None:
    elsewhere, inviting = await world.workspace(), await world.workspace()
    await inviting.token()
    email = await somebody(elsewhere)

    async def work(writer: Writer) -> Any:
        return await invite(writer, email=email, role=Role.CATALOG, lifetime=timedelta(days=1))

    invited = await inviting.system().change("test", work)
    guess = {"token": invited.token, "name": "S", "password": "not this one"}
    visitor = Visitor(client)
    answers = [await visitor.post("/auth/accept-invitation", **guess) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]
    assert_limited(answers[-1])
    right = await Visitor(client).post("/auth/accept-invitation", **guess | {"password": PASSWORD})
    assert right.json() == {"accepted": True}


async def test_what_is_no_attempt_does_not_count(client: httpx.AsyncClient) -> None:
    visitor = Visitor(client)
    for _ in range(20):
        assert (await visitor.post("/auth/token", grant_type="magic")).status_code == 400
        assert (await visitor.post("/auth/accept-invitation", token="x")).status_code == 400
    assert (await visitor.sign_in("nobody@nowhere.example")).status_code == 400


async def test_two_processes_share_the_limit(settings: Settings, workspace: TestWorkspace) -> None:
    email, address = await somebody(workspace), an_address()
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            parts = await stack.enter_async_context(open_parts(settings))
            serving = behind_a_proxy(parts, sign_in_attempts_per_minute=4)
            clients.append(await stack.enter_async_context(serving))
        answers = [await Visitor(clients[n % 2], address).sign_in(email) for n in range(6)]
    assert [answer.status_code for answer in answers] == [400] * 4 + [429] * 2


async def test_without_redis_people_sign_in_and_are_still_limited(
    settings: Settings, workspace: TestWorkspace, unused_tcp_port: int
) -> None:
    email = await somebody(workspace)
    nowhere = SecretStr(f"redis://127.0.0.1:{unused_tcp_port}/0")
    async with (
        open_parts(settings.model_copy(update={"redis_url": nowhere})) as parts,
        behind_a_proxy(parts, sign_in_attempts_per_minute=3) as client,
    ):
        visitor = Visitor(client)
        assert (await visitor.sign_in(email, PASSWORD)).status_code == 200
        answers = [await visitor.sign_in(email) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]
    assert_limited(answers[-1])


async def test_what_a_stranger_says_about_its_address_is_not_believed(
    parts: Parts, workspace: TestWorkspace
) -> None:
    email = await somebody(workspace)
    async with (
        quick(parts, sign_in_attempts_per_minute=3) as served,
        httpx.AsyncClient(base_url=served.url, timeout=20) as client,
    ):
        answers = [await Visitor(client).sign_in(email) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429]


async def test_redis_tells_nobody_who_tried(
    client: httpx.AsyncClient, workspace: TestWorkspace, parts: Parts
) -> None:
    email, visitor = await somebody(workspace), Visitor(client)
    await visitor.sign_in(email)
    keys = [key async for key in parts.redis.scan_iter("seller:limits*", count=10_000)]
    assert keys
    seen = str(keys)
    assert email not in seen
    assert "2001:db8" not in seen
    assert "20010db8" not in seen


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "20010db800010002::/64"),
        ("2001:0db8:0001:0002::ff", "20010db800010002::/64"),
        ("2001:db8:1:3::ff", "20010db800010003::/64"),
        ("fe80::1%eth0", "fe80000000000000::/64"),
        ("unix", "unix"),
    ],
)
def test_an_ipv6_site_counts_as_one_address(host: str, address: str) -> None:
    assert address_of(HTTPConnection({"type": "http", "client": (host, 1)})) == address
    assert address_of(HTTPConnection({"type": "http", "client": None})) == ""
