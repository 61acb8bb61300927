"""Bulk queries: a connection read to its end by a job, and fetched as lines of JSON."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

import api.bulk_queries as bulk
from api.downloads import downloads
from api.graphql.operations import Operation
from api.jobs import build_worker
from api.parts import Parts
from schema.nodes import local_id
from tenants.grants import Role
from tenants.identity import system_principal
from tests.world import TestWorkspace, World, an_order
from tests.world.served import quick

RUN = """
mutation ($query: Document!) {
  bulkQueryRun(input: {query: $query}) { job { id status } userErrors { field message } }
}
"""
LOOK = """
query ($id: ID!) { node(id: $id) { ... on Job { kind status done total attempts reason downloadUrl
  createdAt startedAt endedAt } } }
"""
ORDERS = "{ orders(where: {site: {eq: TH}}) { nodes { id externalId lines { sellerSku } } } }"


@asynccontextmanager
async def working(parts: Parts) -> AsyncIterator[None]:
    settings = parts.settings.model_copy(update={"job_lease": 2.0, "drain_seconds": 0.2})
    changed = Parts(settings, parts.pool, parts.redis, parts.feeds, parts.rate_limits)
    async with asyncio.timeout(40), build_worker(changed).at_work():
        yield


async def begun(workspace: TestWorkspace, query: str, role: Role = Role.OWNER) -> str:
    answer = await workspace.ask(RUN, {"query": query}, role=role)
    assert answer.errors == []
    told = answer.data["bulkQueryRun"]
    assert told["userErrors"] == []
    return str(told["job"]["id"])


async def ended(workspace: TestWorkspace, job_id: str, role: Role = Role.OWNER) -> dict[str, Any]:
    """Asked one way only: it may change in between, and each address is signed anew."""
    world = workspace.world
    who = await world.access.principal(f"Bearer {await workspace.token(role)}")
    async with asyncio.timeout(20):
        while True:
            prepared = await world.execution.prepare(Operation(LOOK, {"id": job_id}), who)
            told = await world.execution.run(prepared, who, request_id="test")
            if told["data"]["node"]["endedAt"] is not None:
                return dict(told["data"]["node"])
            await asyncio.sleep(0.05)


async def fetched(parts: Parts, url: str) -> httpx.Response:
    async with quick(parts) as server, httpx.AsyncClient(base_url=server.url) as client:
        return await client.get(url)


async def test_every_row_is_written_once_across_pages_and_files(
    world: World, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_SIZES", (7,))
    monkeypatch.setattr(bulk, "_FILE_BYTES", 2_000)
    workspace = await world.workspace()
    await workspace.ingest([an_order(external_id=str(number)) for number in range(50)])
    async with working(parts):
        job = await ended(workspace, await begun(workspace, ORDERS))
    assert (job["status"], job["done"], job["attempts"]) == ("COMPLETED", 50, 1)
    answer = await fetched(parts, job["downloadUrl"])
    assert answer.headers["content-type"] == "application/jsonl"
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert sorted(int(row["externalId"]) for row in rows) == list(range(50))
    assert rows[0]["lines"] == [{"sellerSku": "SKU-1"}]


async def test_an_empty_connection_makes_an_empty_file(world: World, parts: Parts) -> None:
    workspace = await world.workspace()
    async with working(parts):
        job = await ended(workspace, await begun(workspace, "{ all: orders { nodes { id } } }"))
    assert (job["status"], job["done"]) == ("COMPLETED", 0)
    answer = await fetched(parts, job["downloadUrl"])
    assert (answer.status_code, answer.text) == (200, "")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{", "Syntax Error"),
        ("{ nothing { id } }", "Cannot query field 'nothing'"),
        ("mutation { apiKeyRevoke(input: {apiKeyId: 1}) { done } }", "One query is wanted."),
        ("query A { viewer { role } } query B { viewer { role } }", "One query is wanted."),
        ("query ($n: String) { orders(after: $n) { nodes { id } } }", "It takes no variables"),
        ("{ viewer { role } }", "`viewer` is no connection."),
        ("{ orders { nodes { id } } products { nodes { id } } }", "and nothing beside it"),
        ("{ orders(first: 3) { nodes { id } } }", "leave out `first`"),
        ("{ orders { edges { node { id } } } }", "has to select `nodes`"),
        ("{ orders { all: nodes { id } } }", "has to select `nodes`"),
        ("{ orders { nodes { id } totalCount } }", "as they are, and no more"),
        ("{ orders { nodes { id } bulkPage: totalCount } }", "as they are, and no more"),
        ("{ orders(orderBy: [{field: UPDATED_AT}]) { nodes { id } } }", "leave out `orderBy`"),
        ("{ __typename }", "`__typename` is no connection"),
        ("{ __schema { types { name } } }", "`__schema` is no connection"),
        ("{ orders { nodes @skip(if: true) { id } } }", "has to select `nodes`"),
        ("{ orders @skip(if: true) { nodes { id } } }", "Leave out the directives"),
        ("query @include(if: true) { orders { nodes { id } } }", "may not be used on"),
    ],
)
async def test_what_is_no_bulk_query_is_refused_with_the_reason(
    world: World, query: str, reason: str
) -> None:
    answer = await (await world.workspace()).ask(RUN, {"query": query})
    (error,) = answer.data["bulkQueryRun"]["userErrors"]
    assert answer.data["bulkQueryRun"]["job"] is None
    assert error["field"] == ["query"]
    assert reason in error["message"]


async def test_it_is_run_with_the_rights_of_whoever_wanted_it(world: World, parts: Parts) -> None:
    workspace = await world.workspace()
    await workspace.ingest([an_order()])
    query = "{ orders { nodes { recipient { name } } } }"
    async with working(parts):
        plain = "{ products { nodes { id } } }"
        own = await ended(workspace, await begun(workspace, plain, Role.CATALOG), Role.CATALOG)
        job_id = await begun(workspace, query, Role.CATALOG)
        job = await ended(workspace, job_id)
    assert job["status"] == "FAILED"
    assert "orders:read" in job["reason"]
    assert own["downloadUrl"] is not None


async def test_whoever_holds_fewer_rights_is_given_no_address(world: World, parts: Parts) -> None:
    workspace = await world.workspace()
    async with working(parts):
        job_id = await begun(workspace, "{ orders { nodes { id } } }")
        assert (await ended(workspace, job_id))["downloadUrl"] is not None
    assert (await ended(workspace, job_id, Role.VIEWER))["downloadUrl"] is None


async def test_an_address_is_good_for_its_job_only_and_not_for_ever(
    world: World, parts: Parts
) -> None:
    workspace, other = await world.workspace(), await world.workspace()
    async with working(parts):
        job_id = await begun(workspace, "{ orders { nodes { id } } }")
        job = await ended(workspace, job_id)
    row = local_id("Job", job_id, argument="id")
    assert isinstance(row, UUID)
    download = world.execution.open_context(system_principal(other.id), "").platform.download_url
    late = parts.settings.model_copy(update={"download_hours": -1})
    expired = Parts(late, parts.pool, parts.redis, parts.feeds, parts.rate_limits)
    addresses = [
        download(system_principal(other.id), row),  # signed, and of another workspace
        downloads(expired).url(system_principal(workspace.id), row),
        job["downloadUrl"] + "x",
        "/files/" + (await workspace.token()),
    ]
    for address in addresses:
        assert (await fetched(parts, address)).status_code == 404
    async with quick(parts) as server, httpx.AsyncClient(base_url=server.url) as client:
        token = job["downloadUrl"].removeprefix("/files/")
        headers = {"authorization": f"Bearer {token}"}
        opened = await client.post(
            "/graphql", json={"query": "{ viewer { role } }"}, headers=headers
        )
    assert opened.status_code == 401


async def test_a_failure_that_may_pass_is_tried_again(
    world: World, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = await world.workspace()
    await workspace.ingest([an_order() for _ in range(5)])
    page, failed = bulk.BulkQueries._page, list[bool]()

    async def stumbling(self: Any, *given: Any) -> Any:
        if not failed:
            failed.append(True)
            raise RuntimeError("The database was lost.")
        return await page(self, *given)

    monkeypatch.setattr(bulk.BulkQueries, "_page", stumbling)
    async with working(parts):
        job = await ended(workspace, await begun(workspace, ORDERS))
    assert (job["status"], job["done"], job["attempts"]) == ("COMPLETED", 5, 2)


async def test_more_jobs_than_may_wait_are_refused(world: World) -> None:
    workspace = await world.workspace()
    for _ in range(world.parts.settings.jobs_waiting):
        await begun(workspace, ORDERS)
    answer = await workspace.ask(RUN, {"query": ORDERS})
    (error,) = answer.data["bulkQueryRun"]["userErrors"]
    assert error["message"].startswith("20 jobs of this workspace wait or run")


async def test_old_jobs_are_forgotten_and_their_files_deleted(
    world: World, parts: Parts, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    async with working(parts):
        old, young = [await begun(workspace, ORDERS) for _ in range(2)]
        for one in (old, young):
            await ended(workspace, one)
        long_ago = "UPDATE jobs SET ended_at = now() - interval '15 days' WHERE id = $1"
        await owner.execute(long_ago, local_id("Job", old, argument="id"))
        await ended(workspace, await begun(workspace, ORDERS))
    kept = [path.parent.name for path in (parts.settings.state / "files").rglob("*.jsonl")]
    rows = [str(local_id("Job", one, argument="id")) for one in (old, young)]
    assert [row in kept for row in rows] == [False, True]
    assert (await workspace.ask(LOOK, {"id": old})).data["node"] is None


KEY = """
mutation { apiKeyCreate(input: {name: "Reader", scopes: ["orders:read", "jobs:read",
  "jobs:manage"]}) { key apiKeyId } }
"""
REVOKE = "mutation ($id: ID!) { apiKeyRevoke(input: {apiKeyId: $id}) { done } }"


async def test_a_credential_that_has_ended_reads_nothing_any_more(
    world: World, parts: Parts
) -> None:
    workspace = await world.workspace()
    await workspace.ingest([an_order()])
    key = (await workspace.ask(KEY)).data["apiKeyCreate"]
    authorization = f"Bearer {key['key']}"
    who = await world.access.principal(authorization)

    async def begun_by_key() -> str:
        answer = await workspace.ask(RUN, {"query": ORDERS}, authorization=authorization)
        return str(answer.data["bulkQueryRun"]["job"]["id"])

    async with working(parts):
        done = await begun_by_key()
        await ended(workspace, done)
    row = local_id("Job", done, argument="id")
    address = downloads(parts).url(who, row)
    assert (await fetched(parts, address)).status_code == 200
    waiting = await begun_by_key()
    await workspace.ask(REVOKE, {"id": key["apiKeyId"]})
    async with working(parts):
        job = await ended(workspace, waiting)
    assert (job["status"], job["done"]) == ("FAILED", 0)
    assert "no longer good" in job["reason"]
    assert (await fetched(parts, address)).status_code == 404


async def test_what_would_be_too_large_is_refused(world: World, parts: Parts) -> None:
    workspace = await world.workspace()
    await workspace.ingest([an_order() for _ in range(5)])
    small = parts.settings.model_copy(update={"bulk_query_bytes": 300})
    async with working(Parts(small, parts.pool, parts.redis, parts.feeds, parts.rate_limits)):
        job = await ended(workspace, await begun(workspace, ORDERS))
    assert job["status"] == "FAILED"
    assert "more than 300 bytes" in job["reason"]


async def test_a_value_that_postgres_cannot_hold_is_told_and_not_tried_again(
    world: World, parts: Parts
) -> None:
    workspace = await world.workspace()
    query = '{ orders(where: {externalId: {eq: "a\\u0000b"}}) { nodes { id } } }'
    async with working(parts):
        job = await ended(workspace, await begun(workspace, query))
    assert (job["status"], job["attempts"]) == ("FAILED", 1)
    assert "NUL character" in job["reason"]
