"""Jobs whose worker is killed: another one goes on from where it was."""

import json
import time
from typing import Any

import httpx
import pytest

from tests.api.test_bulk_queries import LOOK, RUN
from tests.faults.breakable import Breakable, until
from tests.world import TestWorkspace, an_order
from tests.world.conformance import Finding, tell

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

ORDERS, WITHIN = 400, 10.0
QUERY = "{ orders { nodes { externalId } } }"


async def looked(workspace: TestWorkspace, url: str, job: str) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {await workspace.token()}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        body = {"query": LOOK, "variables": {"id": job}}
        told: dict[str, Any] = (await client.post("/graphql", json=body)).json()["data"]["node"]
    return told


async def test_a_job_whose_worker_is_killed_is_taken_up_by_another(platform: Breakable) -> None:
    workspace, serving = await platform.world.workspace(), await platform.start_worker()
    names = [str(number) for number in range(ORDERS)]
    for start in range(0, ORDERS, 100):
        await workspace.ingest([an_order(external_id=one) for one in names[start : start + 100]])
    first = platform.start_job_worker()
    async with platform.looking() as owner, owner.transaction():
        await owner.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")  # it cannot get on
        job = await _begun(workspace, serving.url)
        await until(lambda: _is_running(workspace, serving.url, job), within=20)
        first.kill()
        killed = time.monotonic()
        platform.start_job_worker()
    await until(lambda: _begun_again(workspace, serving.url, job), within=30)
    taken_up = time.monotonic() - killed
    await until(lambda: _is_over(workspace, serving.url, job), within=30)

    told = await looked(workspace, serving.url, job)
    async with httpx.AsyncClient(base_url=serving.url) as client:
        lines = (await client.get(told["downloadUrl"])).text.splitlines()
    assert (told["status"], told["attempts"]) == ("COMPLETED", 2)
    assert sorted(names) == sorted(json.loads(line)["externalId"] for line in lines)
    tell(
        Finding(
            section="Faults",
            check=f"a worker killed in mid-job: the job is taken up by another within {WITHIN:g} s "
            "and writes every row once",
            passed=int(taken_up < WITHIN),
            of=1,
            control="while the first worker lived, the job was begun once",
            note=f"{taken_up:.1f} s",
        )
    )
    assert taken_up < WITHIN


async def _begun(workspace: TestWorkspace, url: str) -> str:
    headers = {"authorization": f"Bearer {await workspace.token()}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        body = {"query": RUN, "variables": {"query": QUERY}}
        answer = (await client.post("/graphql", json=body)).json()
    return str(answer["data"]["bulkQueryRun"]["job"]["id"])


async def _is_running(workspace: TestWorkspace, url: str, job: str) -> bool:
    told = await looked(workspace, url, job)
    return (told["status"], told["attempts"]) == ("RUNNING", 1)


async def _begun_again(workspace: TestWorkspace, url: str, job: str) -> bool:
    return bool((await looked(workspace, url, job))["attempts"] == 2)


async def _is_over(workspace: TestWorkspace, url: str, job: str) -> bool:
    return (await looked(workspace, url, job))["endedAt"] is not None
