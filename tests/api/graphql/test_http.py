"""GraphQL over HTTP: what is answered to whom, in which media type and with which status."""

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from api.parts import Parts
from tenants.api_keys import PREFIX as API_KEY_PREFIX
from tenants.ids import new_id
from tenants.secrets import new_secret
from tests.world import TestWorkspace, World
from tests.world.served import Served

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
EVENTS = "text/event-stream"
URQL = f"{GRAPHQL}, application/graphql+json, {JSON}, {EVENTS}, multipart/mixed"
ROLE = {"query": "{ viewer { role } }"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def workspace(world: World) -> TestWorkspace:
    return await world.workspace()


@pytest_asyncio.fixture(loop_scope="session")
async def client(served: Served, workspace: TestWorkspace) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {await workspace.token()}"}
    async with httpx.AsyncClient(base_url=served.url, headers=headers, timeout=20) as opened:
        yield opened


async def post(client: httpx.AsyncClient, body: Any = None, **headers: str) -> httpx.Response:
    given = {"content-type": JSON} | {k.replace("_", "-"): v for k, v in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body or ROLE).encode()
    return await client.post("/graphql", content=content, headers=given)


def code(response: httpx.Response) -> str:
    (error, *_) = response.json()["errors"]
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    return str(error["extensions"]["code"])


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8", GRAPHQL),
        (f"{JSON};q=0.5, {GRAPHQL};q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0.5, {JSON};q=0.9", JSON),
        (f"{EVENTS};q=0.2, {JSON};q=0.1", EVENTS),
        (f"{JSON};q=nonsense, {GRAPHQL};q=0.1", GRAPHQL),
        ("text/html, */*;q=0.1", JSON),
        (URQL, GRAPHQL),
        (f"{EVENTS}, {JSON}", EVENTS),
        (f"{JSON}, {EVENTS}", JSON),
    ],
)
async def test_the_media_type_is_the_one_that_accept_ranks_first(
    client: httpx.AsyncClient, accept: str, expected: str
) -> None:
    response = await post(client, accept=accept)
    assert response.status_code == 200
    assert response.headers["content-type"].partition(";")[0] == expected
    assert '{"viewer":{"role":"OWNER"}}' in response.text


@pytest.mark.parametrize("accept", ["text/html", f"{JSON};q=0", "image/*"])
async def test_an_accept_that_we_cannot_meet_is_refused(
    client: httpx.AsyncClient, accept: str
) -> None:
    response = await post(client, accept=accept)
    assert (response.status_code, code(response)) == (406, "BAD_REQUEST")


async def test_without_an_accept_header_it_is_json(served: Served, client: Any) -> None:
    """Httpx always sends one; this is written by hand."""
    body = json.dumps(ROLE).encode()
    status, headers, answer = await by_hand(
        served,
        b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        b"authorization: %b\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
        % (client.headers["authorization"].encode(), len(body), body),
    )
    assert status == 200
    assert b"content-type: application/json" in headers
    assert json.loads(answer)["data"] == {"viewer": {"role": "OWNER"}}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_refused_with_what_is_allowed(
    client: httpx.AsyncClient, method: str
) -> None:
    response = await client.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


async def test_get_runs_queries_and_nothing_else(client: httpx.AsyncClient) -> None:
    query = "query A($id: ID!) { node(id: $id) { id } } query B { viewer { role } }"
    good = await client.get("/graphql", params={"query": query, "operationName": "B"})
    assert (good.status_code, good.json()["data"]) == (200, {"viewer": {"role": "OWNER"}})

    mutation = 'mutation { apiKeyRevoke(input: { apiKeyId: "x" }) { done } }'
    refused = await client.get("/graphql", params={"query": mutation})
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")

    subscription = {"query": "subscription { orderUpdates { __typename } }"}
    refused = await client.get("/graphql", params=subscription)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    streamed = await client.get("/graphql", params={"query": mutation}, headers={"accept": EVENTS})
    assert streamed.status_code == 405

    broken = await client.get("/graphql", params={"query": query, "variables": "{"})
    assert (broken.status_code, code(broken)) == (400, "BAD_REQUEST")
    assert (await client.get("/graphql")).status_code == 400


async def test_a_subscription_that_is_posted_plainly_is_refused(client: httpx.AsyncClient) -> None:
    response = await post(client, {"query": "subscription { orderUpdates { __typename } }"})
    assert (response.status_code, code(response)) == (406, "BAD_REQUEST")
    assert EVENTS in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "Authorization"),
        ("Basic b3duZXI6c2VjcmV0", "Authorization"),
        ("Bearer", "Authorization"),
        ("Bearer not.a.token", "access token"),
        ("Bearer " + "x" * 5_000, "Authorization"),
        ("Bearer sck_nothing", "key"),
    ],
)
async def test_who_has_no_good_credential_gets_401(
    served: Served, authorization: str | None, reason: str
) -> None:
    headers = {"authorization": authorization} if authorization else {}
    async with httpx.AsyncClient(base_url=served.url, headers=headers) as client:
        for accept in (JSON, GRAPHQL):
            response = await post(client, accept=accept)
            assert (response.status_code, code(response)) == (401, "UNAUTHENTICATED")
            assert response.headers["www-authenticate"].startswith("Bearer")
            assert reason in response.json()["errors"][0]["message"]


async def test_a_membership_that_ended_is_refused_at_once_with_401(
    world: World, client: httpx.AsyncClient, workspace: TestWorkspace, owner: asyncpg.Connection
) -> None:
    from tenants.grants import Role

    token = await world.member(workspace, Role.ORDERS)
    headers = {"authorization": f"Bearer {token}"}
    assert (await post(client, **headers)).status_code == 200

    user_id = (await world.access.principal(f"Bearer {token}")).id
    await owner.execute(
        "UPDATE memberships SET ended_at = $2 WHERE user_id = $1", user_id, datetime.now(UTC)
    )

    body = {"query": "{ viewer { role } orders { nodes { id } } }"}
    for accept in (JSON, GRAPHQL):
        response = await post(client, body, accept=accept, **headers)
        assert (response.status_code, code(response)) == (401, "UNAUTHENTICATED")
        assert "www-authenticate" in response.headers
        assert not response.json()["data"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://evil.example", 403), ("null", 403), (None, 200)],
)
async def test_pages_of_other_origins_are_refused(
    client: httpx.AsyncClient, served: Served, origin: str | None, status: int
) -> None:
    response = await post(client, origin=origin or served.url)
    assert response.status_code == status


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "json"])
async def test_other_content_types_are_refused(client: httpx.AsyncClient, kind: str) -> None:
    response = await post(client, content_type=kind)
    assert (response.status_code, code(response)) == (415, "BAD_REQUEST")


async def test_compressed_bodies_are_refused(client: httpx.AsyncClient) -> None:
    body = gzip.compress(json.dumps(ROLE).encode())
    response = await post(client, body, content_encoding="gzip")
    assert (response.status_code, code(response)) == (415, "BAD_REQUEST")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"true",
        b"3",
        b'"{ viewer { role } }"',
        b"[]",
        json.dumps([ROLE, ROLE]).encode(),
        b'{"query": "\xff\xfe"}',
        b'{"query": "{ viewer { role } }", "variables": {"a": "\\ud800"}}',
        b'{"query": "{ viewer { role } }", "variables": {"a": ' + b"9" * 5_000 + b"}}",
        b'{"query": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"{}",
        b'{"query": null}',
        b'{"query": 3}',
        b'{"query": "  "}',
        b'{"query": "{ viewer { role } }", "variables": []}',
        b'{"query": "{ viewer { role } }", "variables": "x"}',
        b'{"query": "{ viewer { role } }", "operationName": 3}',
        b'{"query": "{ viewer { role } }", "extensions": []}',
        b'{"query": "{ viewer { role } }", "operationName": "Missing"}',
        b'{"query": "query A { viewer { role } } query B { viewer { role } }"}',
        b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "00"}}}',
    ],
    ids=lambda body: body[:40].decode("latin-1"),
)
async def test_bodies_that_are_no_operation_are_refused(
    client: httpx.AsyncClient, body: bytes
) -> None:
    response = await post(client, body, accept=GRAPHQL)
    assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
    assert response.headers["content-type"].startswith(GRAPHQL)


@pytest.mark.parametrize(
    "body",
    [
        {**ROLE, "variables": None, "operationName": None, "extensions": None},
        {**ROLE, "variables": {}, "operationName": "", "extensions": {"a": 1}},
        {**ROLE, "somethingElse": 3},
    ],
)
async def test_optional_members_may_be_null_empty_or_unknown(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    assert (await post(client, body)).json()["data"] == {"viewer": {"role": "OWNER"}}


async def test_the_body_is_bounded_with_and_without_a_length(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    limit = parts.settings.max_body_bytes
    declared = await post(client, b" " * (limit + 1))
    assert (declared.status_code, code(declared)) == (413, "BAD_REQUEST")

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(limit // 65_536 + 2):
            yield b" " * 65_536

    streamed = await client.post("/graphql", content=chunks(), headers={"content-type": JSON})
    assert "content-length" not in streamed.request.headers
    assert (streamed.status_code, code(streamed)) == (413, "BAD_REQUEST")

    text = json.dumps(ROLE).encode()
    assert (await post(client, text + b" " * (limit - len(text)))).status_code == 200


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ viewer { ", "GRAPHQL_PARSE_FAILED"),
        ("{ viewer { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ products(first: %s) { nodes { id } } }" % ("9" * 5_000), "GRAPHQL_VALIDATION_FAILED"),
        ("{ " + "viewer { role } " * 2_000 + "}", "LIMIT_EXCEEDED"),
        ("#" * 30_000, "LIMIT_EXCEEDED"),
    ],
)
async def test_documents_that_are_not_valid(
    client: httpx.AsyncClient, query: str, expected: str
) -> None:
    response = await post(client, {"query": query}, accept=GRAPHQL)
    assert (response.status_code, code(response)) == (400, expected)
    assert "data" not in response.json()

    response = await post(client, {"query": query}, accept=JSON)
    assert (response.status_code, code(response)) == (200, expected)


async def test_a_wrong_field_is_answered_with_a_suggestion(client: httpx.AsyncClient) -> None:
    response = await post(client, {"query": "{ viewer { roles } }"})
    assert "Did you mean 'role'?" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("declared", "where", "value"),
    [
        ("$v: Int", "products(first: $v)", "5"),
        ("$v: Int", "products(first: $v)", 2**70),
        ("$v: Int", "products(first: $v)", 1.5),
        ("$v: ProductWhere", "products(where: $v)", {"nothing": 1}),
        ("$v: ProductWhere", "products(where: $v)", {"status": {"eq": "NONE"}}),
        ("$v: ProductWhere", "products(where: $v)", {"createdAt": {"gte": "yesterday"}}),
        ("$v: ProductWhere", "products(where: $v)", {"createdAt": {"gte": 5}}),
        ("$v: ProductWhere", "products(where: $v)", {"createdAt": {"gte": {"a": 1}}}),
        ("$v: OrderLineWhere", "orderLineFigures(where: $v)", {"unitPrice": {"eq": "abc"}}),
        ("$v: OrderLineWhere", "orderLineFigures(where: $v)", {"unitPrice": {"eq": [1]}}),
        ("$v: ID!", "product(id: $v)", {"a": 1}),
        ("$v: ID!", "product(id: $v)", None),
    ],
    ids=repr,
)
async def test_variables_of_the_wrong_type_are_the_clients_fault(
    client: httpx.AsyncClient, declared: str, where: str, value: Any
) -> None:
    selection = {"products": "{ nodes { id } }", "product": "{ id }"}.get(
        where.partition("(")[0], "{ lines }"
    )
    body = {"query": f"query ({declared}) {{ {where} {selection} }}", "variables": {"v": value}}
    response = await post(client, body, accept=GRAPHQL)
    assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT")
    assert "data" not in response.json()
    message = response.json()["errors"][0]["message"]
    assert "$v" in message
    for word in ("Traceback", "object has no attribute", "strawberry", "ConversionSyntax"):
        assert word not in message

    assert (await post(client, body, accept=JSON)).status_code == 200


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("query ($v: String!) { shopByLegacyId(legacyId: $v) { id } }", "a\x00b"),
        ("query ($v: String) { products(where: { search: $v }) { nodes { id } } }", "a\x00b"),
        ("query ($v: String) { orders(where: { search: $v }) { nodes { id } } }", "\x00"),
        ("query ($v: String) { orders(where: { sellerSku: $v }) { nodes { id } } }", "\x00"),
        ("query ($v: ID!) { node(id: $v) { id } }", "\x00"),
        ("query ($v: ID!) { node(id: $v) { id } }", "UHJvZHVjdDoA"),
        ("query ($v: ID!) { node(id: $v) { id } }", "Q2F0ZWdvcnk6AA=="),
        ("query ($v: String) { orders(after: $v) { nodes { id } } }", "\x00"),
        ("query ($v: String) { orders(after: $v) { nodes { id } } }", "W10="),
        ("query ($v: Int) { orders(first: $v) { nodes { id } } }", 2_000_000_000),
        ("query ($v: Int) { orders(first: $v) { nodes { id } } }", -1),
        (
            "query ($v: DateTime) { orders(where: { placedAt: { gte: $v } }) { nodes { id } } }",
            "0001-01-01T00:00:00+14:00",
        ),
        (
            "query ($v: Decimal) { orderLineFigures(where: { unitPrice: { gte: $v } }) { lines } }",
            "1e30",
        ),
        (
            "query ($v: Decimal) { orderLineFigures(where: { unitPrice: { gte: $v } }) { lines } }",
            "NaN",
        ),
    ],
)
async def test_values_that_cannot_be_stored_or_compared_are_the_clients_fault(
    client: httpx.AsyncClient, query: str, value: Any
) -> None:
    response = await post(client, {"query": query, "variables": {"v": value}}, accept=GRAPHQL)
    body = response.json()
    assert response.status_code in {200, 400}
    if "errors" in body:
        assert code(response) == "BAD_USER_INPUT"


@pytest.mark.parametrize("value", ["a\x00b", "ไทย \u202e 👩‍👩‍👧"])
async def test_any_text_can_be_sent_as_a_title(client: httpx.AsyncClient, value: str) -> None:
    query = """
    mutation ($input: ProductCreateInput!) {
      productCreate(input: $input) { product { title } userErrors { code } }
    }
    """
    sku = {"sellerSku": "A", "price": {"amount": "1.00", "currencyCode": "THB"}}
    given = {"title": value, "skus": [sku], "idempotencyKey": f"title-{value!r}"}
    response = await post(client, {"query": query, "variables": {"input": given}})
    body = response.json()
    if "\x00" in value:
        refused = "errors" in body or body["data"]["productCreate"]["userErrors"]
        assert refused
        assert "INTERNAL_SERVER_ERROR" not in response.text
    else:
        assert body["data"]["productCreate"]["product"] == {"title": value}


async def test_filters_nested_too_deeply_are_refused(client: httpx.AsyncClient) -> None:
    where: Any = {"status": {"eq": "DRAFT"}}
    for _ in range(400):
        where = {"and": [where]}
    query = "query ($w: ProductWhere) { products(where: $w) { nodes { id } } }"
    response = await post(client, {"query": query, "variables": {"w": where}})
    assert response.status_code == 200
    assert code(response) in {"LIMIT_EXCEEDED", "BAD_USER_INPUT"}


async def by_hand(served: Served, request: bytes) -> tuple[int, bytes, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), head.lower(), body


async def test_json_of_too_many_pieces_is_refused_before_it_is_decoded(
    client: httpx.AsyncClient,
) -> None:
    body = b'{"query": "{ viewer { role } }", "x": [' + b"[]," * 100_000 + b"1]}"
    response = await client.post(
        "/graphql", content=body, headers={"content-type": "application/json"}
    )
    assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
    assert "100,000 commas" in response.json()["errors"][0]["message"]


async def test_an_error_before_any_operation_is_told_with_a_request_id(
    served: Served, parts: Parts
) -> None:
    """A key is looked up in the database, and all its connections are taken."""
    key = new_secret(API_KEY_PREFIX, workspace_id=new_id(), id=new_id()).text()
    async with contextlib.AsyncExitStack() as stack, httpx.AsyncClient(timeout=30) as client:
        with contextlib.suppress(TimeoutError):
            while True:
                connection = await parts.pool.acquire(timeout=0.5)
                stack.push_async_callback(parts.pool.release, connection)
        response = await client.post(
            f"{served.url}/graphql",
            json={"query": "{ viewer { role } }"},
            headers={"authorization": f"Bearer {key}"},
        )
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (503, "UNAVAILABLE")
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
