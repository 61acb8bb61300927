"""Tokens over HTTP: sign in, refresh, sign out, join; and the keys that prove them."""

import json
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import KeySet

from tenants.database import Writer
from tenants.grants import Role
from tenants.invitations import invite
from tenants.passwords import hash_password
from tenants.workspaces import ensure_user, join
from tests.world import TestWorkspace, World
from tests.world.served import Served

PASSWORD = "correct horse battery staple"
HASHED = hash_password(PASSWORD)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def workspace(world: World) -> TestWorkspace:
    return await world.workspace()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def email(world: World, workspace: TestWorkspace) -> str:
    """Somebody with a password and the role ORDERS."""
    address = f"lin@{workspace.slug}.example"
    user_id = await ensure_user(
        world.parts.pool, email=address, name="Lin", password_hash=HASHED, at=datetime.now(UTC)
    )

    async def work(writer: Writer) -> None:
        await join(writer, user_id, Role.ORDERS)

    await workspace.system().change("test", work)
    return address


@pytest_asyncio.fixture(loop_scope="session")
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.url, timeout=20) as opened:
        yield opened


async def sign_in(client: httpx.AsyncClient, email: str, **given: str) -> httpx.Response:
    form = {"grant_type": "password", "username": email, "password": PASSWORD, **given}
    return await client.post("/auth/token", data=form)


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return await client.post("/auth/token", data=form)


async def role(client: httpx.AsyncClient, token: str) -> Any:
    response = await client.post(
        "/graphql",
        json={"query": "{ viewer { role user { name } } }"},
        headers={"authorization": f"Bearer {token}"},
    )
    if response.status_code == 401:
        return None
    return response.json()["data"]["viewer"]["role"]


async def test_a_password_gives_tokens_that_open_the_workspace(
    client: httpx.AsyncClient, email: str, workspace: TestWorkspace
) -> None:
    response = await sign_in(client, email.upper())
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    told = response.json()
    assert told["token_type"] == "Bearer"
    assert told["workspace_id"] == str(workspace.id)
    assert 0 < told["expires_in"] <= 3_600
    assert await role(client, told["access_token"]) == "ORDERS"


async def test_json_is_taken_as_well_as_a_form(
    client: httpx.AsyncClient, email: str, workspace: TestWorkspace
) -> None:
    body = {"grant_type": "password", "username": email, "password": PASSWORD}
    response = await client.post("/auth/token", json={**body, "workspace": workspace.slug})
    assert response.status_code == 200


async def test_every_wrong_thing_is_refused_in_the_same_words(
    client: httpx.AsyncClient, email: str
) -> None:
    answers = [
        await sign_in(client, email, password="wrong"),
        await sign_in(client, email, password=""),
        await sign_in(client, "nobody@nowhere.example"),
        await sign_in(client, email, workspace="no-such-workspace"),
    ]
    assert [answer.status_code for answer in answers] == [400] * 4
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["error"] == "invalid_grant"


async def test_a_refresh_token_is_replaced_by_each_use(
    client: httpx.AsyncClient, email: str
) -> None:
    first = (await sign_in(client, email)).json()
    second = (await refresh(client, first["refresh_token"])).json()
    third = (await refresh(client, second["refresh_token"])).json()
    assert len({told["refresh_token"] for told in (first, second, third)}) == 3
    assert await role(client, third["access_token"]) == "ORDERS"


async def test_a_refresh_token_that_comes_twice_ends_the_session(
    client: httpx.AsyncClient, email: str
) -> None:
    first = (await sign_in(client, email)).json()
    second = (await refresh(client, first["refresh_token"])).json()

    again = await refresh(client, first["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")

    assert (await refresh(client, second["refresh_token"])).status_code == 400
    assert await role(client, second["access_token"]) is None


async def test_signing_out_ends_the_session_at_once(client: httpx.AsyncClient, email: str) -> None:
    told = (await sign_in(client, email)).json()
    other = (await sign_in(client, email)).json()
    for _ in range(2):  # the second time is no error (RFC 7009)
        response = await client.post("/auth/revoke", data={"token": told["refresh_token"]})
        assert response.status_code == 200
    assert await role(client, told["access_token"]) is None
    assert (await refresh(client, told["refresh_token"])).status_code == 400
    assert await role(client, other["access_token"]) == "ORDERS"
    assert (await client.post("/auth/revoke", data={"token": "nonsense"})).status_code == 200


async def test_an_invitation_is_accepted_once_and_opens_the_workspace(
    client: httpx.AsyncClient, workspace: TestWorkspace
) -> None:
    address = f"new-{secrets.token_hex(3)}@{workspace.slug}.example"

    async def work(writer: Writer) -> Any:
        return await invite(writer, email=address, role=Role.CATALOG, lifetime=timedelta(days=1))

    await workspace.token()
    invited = await workspace.system().change("test", work)
    form = {"token": invited.token, "name": "Somchai", "password": PASSWORD}

    short = await client.post("/auth/accept-invitation", data={**form, "password": "short"})
    assert (short.status_code, short.json()["error"]) == (400, "invalid_request")
    assert (await client.post("/auth/accept-invitation", data=form)).json() == {"accepted": True}
    again = await client.post("/auth/accept-invitation", data=form)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")

    told = (await sign_in(client, address)).json()
    assert await role(client, told["access_token"]) == "CATALOG"


async def test_the_published_keys_verify_a_token_and_hold_nothing_private(
    client: httpx.AsyncClient, email: str
) -> None:
    response = await client.get("/.well-known/jwks.json")
    assert "max-age" in response.headers["cache-control"]
    published = response.json()
    assert all({"kid", "x", "y"} <= set(key) and "d" not in key for key in published["keys"])

    token = (await sign_in(client, email)).json()["access_token"]
    decoded = jwt.decode(token, KeySet.import_key_set(published), ["ES256"])
    assert decoded.claims["role"] == "ORDERS"
    assert {"iss", "aud", "exp", "iat", "sub"} <= set(decoded.claims)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/plain", b"grant_type=password", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("", b"grant_type=password", 415),
        ("application/json", b"{", 400),
        ("application/json", b"[]", 400),
        ("application/json", b"null", 400),
        ("application/json", b"[" * 10_000, 400),
        ("application/json", b'{"grant_type": ["password"]}', 400),
        ("application/json", b'{"grant_type":"password","username":"a\\u0000b"}', 400),
        ("application/x-www-form-urlencoded", b"", 400),
        ("application/x-www-form-urlencoded", b"\xff\xfe=1", 400),
        ("application/x-www-form-urlencoded", b"grant_type=password&username=%00", 400),
        ("application/x-www-form-urlencoded", b"grant_type=magic", 400),
        ("application/x-www-form-urlencoded", b"a=1&" * 100, 400),
        ("application/x-www-form-urlencoded", b"x" * 20_000, 413),
    ],
)
@pytest.mark.parametrize("path", ["/auth/token", "/auth/accept-invitation"])
async def test_bodies_that_cannot_be_used_are_refused(
    client: httpx.AsyncClient, path: str, content_type: str, body: bytes, status: int
) -> None:
    response = await client.post(path, content=body, headers={"content-type": content_type})
    assert response.status_code == status
    assert json.loads(response.content)["error"]
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("token", ["", "x", "scr_", "scr_a_b_c", "é", "scr_" + "x" * 5_000])
async def test_refresh_tokens_that_never_were_are_refused(
    client: httpx.AsyncClient, token: str
) -> None:
    response = await refresh(client, token)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


async def test_other_methods_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/auth/token")).status_code == 405
    assert (await client.post("/.well-known/jwks.json")).status_code == 405
