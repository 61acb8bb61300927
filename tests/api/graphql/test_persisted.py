"""Persisted operations and batches, over HTTP as clients send them."""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.graphql.persisted import Automatic, BadManifest, read_manifest
from api.graphql.set_up import build_execution
from api.parts import Parts
from schema.root import SCHEMA
from tests.world import TestWorkspace, World
from tests.world.conformance import Finding, tell
from tests.world.served import Served, quick


def a_document() -> tuple[str, str]:
    """One that nobody has registered, and its hash."""
    text = f"query Q{secrets.token_hex(8)} {{ viewer {{ role }} }}"
    return text, hashlib.sha256(text.encode()).hexdigest()


def by_hash(hashed: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hashed}}, **more}


@asynccontextmanager
async def client_of(server: Served, workspace: TestWorkspace) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url) as client:
        client.headers["authorization"] = f"Bearer {await workspace.token()}"
        yield client


async def ask(client: httpx.AsyncClient, body: Any) -> tuple[int, Any]:
    response = await client.post("/graphql", json=body)
    answer = response.json()
    if isinstance(answer, list):
        return response.status_code, [told(one) for one in answer]
    return response.status_code, told(answer)


def told(answer: dict[str, Any]) -> Any:
    """The data, or the code of the error."""
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else answer["data"]


OWNER = {"viewer": {"role": "OWNER"}}


async def test_hash_first_then_text_then_hash_alone(served: Served, world: World) -> None:
    text, hashed = a_document()
    async with client_of(served, await world.workspace()) as client:
        assert await ask(client, by_hash(hashed)) == (200, "PERSISTED_QUERY_NOT_FOUND")
        assert await ask(client, by_hash(hashed, query=text)) == (200, OWNER)
        assert await ask(client, by_hash(hashed)) == (200, OWNER)
        assert await ask(client, {"documentId": f"sha256:{hashed}"}) == (200, OWNER)
        given = {"extensions": json.dumps(by_hash(hashed)["extensions"])}
        assert (await client.get("/graphql", params=given)).json()["data"] == OWNER


async def test_another_workspace_cannot_tell_what_is_registered(
    served: Served, world: World
) -> None:
    text, hashed = a_document()
    async with client_of(served, await world.workspace()) as client:
        assert await ask(client, by_hash(hashed, query=text)) == (200, OWNER)
    async with client_of(served, await world.workspace()) as client:
        assert await ask(client, by_hash(hashed)) == (200, "PERSISTED_QUERY_NOT_FOUND")


async def test_another_process_knows_what_one_was_told(served: Served, world: World) -> None:
    workspace = await world.workspace()
    text, hashed = a_document()
    async with client_of(served, workspace) as client:
        await ask(client, by_hash(hashed, query=text))
    async with quick(world.parts) as other, client_of(other, workspace) as client:
        assert await ask(client, by_hash(hashed)) == (200, OWNER)


@pytest.mark.parametrize(
    "persisted",
    [
        [],
        {},
        {"version": 1},
        {"version": 2, "sha256Hash": "a" * 64},
        {"version": 1, "sha256Hash": "A" * 64},
        {"version": 1, "sha256Hash": "a" * 63},
        {"version": 1, "sha256Hash": 7},
    ],
)
async def test_a_malformed_hash_is_refused(served: Served, world: World, persisted: Any) -> None:
    async with client_of(served, await world.workspace()) as client:
        body = {"query": "{ __typename }", "extensions": {"persistedQuery": persisted}}
        assert await ask(client, body) == (400, "BAD_REQUEST")
        for id_ in ("", 7, "x" * 201):
            assert await ask(client, {"documentId": id_}) == (400, "BAD_REQUEST")


async def test_a_text_that_is_not_the_hash_is_refused_and_not_registered(
    served: Served, world: World
) -> None:
    text, hashed = a_document()
    async with client_of(served, await world.workspace()) as client:
        assert await ask(client, by_hash(hashed, query=text + " ")) == (200, "BAD_REQUEST")
        assert await ask(client, by_hash(hashed)) == (200, "PERSISTED_QUERY_NOT_FOUND")


async def test_an_invalid_document_is_not_registered(served: Served, world: World) -> None:
    text = f"query Q{secrets.token_hex(8)} {{ nothingOfThatName }}"
    hashed = hashlib.sha256(text.encode()).hexdigest()
    async with client_of(served, await world.workspace()) as client:
        assert await ask(client, by_hash(hashed, query=text)) == (200, "GRAPHQL_VALIDATION_FAILED")
        assert await ask(client, by_hash(hashed)) == (200, "PERSISTED_QUERY_NOT_FOUND")


async def test_a_workspace_registers_so_many(parts: Parts, world: World) -> None:
    workspace = await world.workspace()
    execution = build_execution(parts)
    persisted = Automatic(parts.redis, most=5, days=1)
    principal = await world.access.principal(f"Bearer {await workspace.token()}")
    from api.graphql.operations import Operation

    for _ in range(12):
        text, hashed = a_document()
        await persisted.ran(Operation(text, persisted=hashed), principal)
    assert isinstance(execution.persisted, Automatic)
    length: Any = parts.redis.hlen(f"operations:{{{workspace.id}}}")
    assert await length == 5


async def test_switched_off_hashes_are_not_supported(world: World) -> None:
    text, hashed = a_document()
    off = quick(world.parts, persisted_operations="off")
    async with off as server, client_of(server, await world.workspace()) as client:
        assert await ask(client, by_hash(hashed)) == (200, "PERSISTED_QUERY_NOT_SUPPORTED")
        assert await ask(client, by_hash(hashed, query=text)) == (200, OWNER)


@pytest.mark.parametrize("form", ["relay", "apollo"])
async def test_locked_only_registered_operations_run(
    world: World, tmp_path: Path, form: str
) -> None:
    text, hashed = a_document()
    manifest = tmp_path / "operations.json"
    apollo = {"format": "apollo-persisted-query-manifest", "version": 1}
    apollo_form = {**apollo, "operations": [{"id": hashed, "body": text}]}
    manifest.write_text(json.dumps({hashed: text} if form == "relay" else apollo_form))
    locked = quick(world.parts, persisted_operations="locked", operations_manifest=manifest)
    workspace = await world.workspace()
    registered = [{"documentId": hashed}, by_hash(hashed), {"query": text}]
    strange = ["{ viewer { role } }", "{ __schema { queryType { name } } }", "{ nothing }", "{"]
    others = [{"query": query} for query in strange] + [
        by_hash(hashlib.sha256(query.encode()).hexdigest(), query=query) for query in strange
    ]
    async with locked as server, client_of(server, workspace) as client:
        run = [await ask(client, body) for body in registered]
        refused = [await ask(client, body) for body in others]
    async with quick(world.parts) as server, client_of(server, workspace) as client:
        unlocked = [await ask(client, body) for body in others]
    unregistered = (200, "OPERATION_NOT_REGISTERED")
    tell(
        Finding(
            section="Protocols",
            check=f"Locked, with a manifest of {form}: only registered operations run",
            passed=run.count((200, OWNER)) + refused.count(unregistered),
            of=len(run) + len(refused),
            control=f"unlocked, {sum(one != unregistered for one in unlocked)} of the "
            f"{len(others)} others are read",
        )
    )
    assert (run, refused) == ([(200, OWNER)] * 3, [unregistered] * 8)
    assert unregistered not in unlocked


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be read as JSON"),
        ("{}", "holds no operations"),
        ("[]", "holds no operations"),
        ('{"a": 1}', "'a' is no text"),
        ('{"a": "{ nothing }"}', "'a' is not valid: Cannot query field 'nothing'"),
        ('{"a": "{"}', "'a' is not valid: Syntax Error"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused_with_the_reason(
    tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "operations.json"
    file.write_text(content)
    with pytest.raises(BadManifest, match=message):
        read_manifest(file, SCHEMA._schema)


async def test_batches_run_where_they_are_switched_on_and_not_beyond_their_limit(
    served: Served, world: World
) -> None:
    workspace = await world.workspace()
    role, wrong = {"query": "{ viewer { role } }"}, {"query": "{ nothing }"}
    stream = {"query": "subscription { orderUpdates { __typename } }"}
    async with client_of(served, workspace) as client:
        assert await ask(client, [role]) == (400, "BAD_REQUEST")
    on = quick(world.parts, max_batch=3)
    async with on as server, client_of(server, workspace) as client:
        assert await ask(client, [role, wrong, stream]) == (
            200,
            [OWNER, "GRAPHQL_VALIDATION_FAILED", "BAD_REQUEST"],
        )
        for bad in ([], [role] * 4, [role, 7], [[role]]):
            assert await ask(client, bad) == (400, "BAD_REQUEST")


async def test_get_can_be_switched_off(world: World) -> None:
    off = quick(world.parts, get_queries=False)
    async with off as server, client_of(server, await world.workspace()) as client:
        response = await client.get("/graphql", params={"query": "{ viewer { role } }"})
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
        assert await ask(client, {"query": "{ viewer { role } }"}) == (200, OWNER)
