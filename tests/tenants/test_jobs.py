"""Jobs: as certain as the change that needs them, run to an end that their workspace can read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from api.parts import Parts
from tenants import job_runs, worker
from tenants.database import Writer
from tenants.identity import system_principal
from tenants.job_runs import Canceled, Handler, JobRefused, Run
from tenants.job_tables import JobStatus
from tenants.jobs import OVER, JobRow, ask_to_cancel, enqueue, jobs_by_id
from tenants.worker import Worker, connect_worker
from tests.world import TestWorkspace, World


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_runs, "PAUSES", (timedelta(milliseconds=1),) * 2)


def worker_of(parts: Parts, **handlers: Handler) -> Worker:
    url = parts.settings.app_database_url
    assert url is not None
    return Worker(
        connect=lambda: connect_worker(url.get_secret_value()),
        open_database=parts.open_database,
        handlers=handlers,
        lease=1.0,
        patience=0.2,
    )


@asynccontextmanager
async def at_work(parts: Parts, **handlers: Handler) -> AsyncIterator[None]:
    async with asyncio.timeout(40), worker_of(parts, **handlers).at_work():
        yield


async def changed(workspace: TestWorkspace, work: Callable[[Writer], Awaitable[Any]]) -> Any:
    return await workspace.system().change("test", work)


async def enqueued(workspace: TestWorkspace, kind: str, **arguments: Any) -> UUID:
    made = await changed(workspace, lambda writer: enqueue(writer, kind, arguments))
    assert isinstance(made, UUID)
    return made


async def job(workspace: TestWorkspace, job_id: UUID) -> JobRow:
    database = workspace.system()
    try:
        (row,) = await jobs_by_id(database.reading(), [job_id])
        return row
    finally:
        await database.close()


async def ended(workspace: TestWorkspace, job_id: UUID) -> JobRow:
    async with asyncio.timeout(15):
        while (row := await job(workspace, job_id)).ended_at is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return row


async def test_a_job_runs_once_its_change_is_committed(world: World, parts: Parts) -> None:
    workspace = await world.workspace()

    async def double(run: Run) -> dict[str, Any]:
        await run.progress(1, 2, checkpoint={"at": 1})
        return {"doubled": 2 * run.job.arguments["number"]}

    async with at_work(parts, runs_once=double):
        job_id = await enqueued(workspace, "runs_once", number=21)
        row = await ended(workspace, job_id)
    assert (row.status, row.result, row.attempts) == ("COMPLETED", {"doubled": 42}, 1)
    assert (row.done, row.total, row.checkpoint) == (1, 2, {"at": 1})


async def test_a_change_that_is_not_committed_leaves_no_job(world: World, parts: Parts) -> None:
    workspace, ran = await world.workspace(), []

    async def note(run: Run) -> None:
        ran.append(run.job.id)

    async def fail(writer: Writer) -> None:
        await enqueue(writer, "never", {})
        raise RuntimeError

    async with at_work(parts, never=note):
        with pytest.raises(RuntimeError):
            await changed(workspace, fail)
        after = await enqueued(workspace, "never")
        await ended(workspace, after)
    assert ran == [after]


async def test_what_fails_is_tried_again_and_goes_on_from_its_checkpoint(
    world: World, parts: Parts
) -> None:
    workspace, seen = await world.workspace(), []

    async def stumble(run: Run) -> dict[str, Any]:
        seen.append(run.job.checkpoint)
        await run.progress(len(seen), checkpoint={"rows": len(seen)})
        if len(seen) == 1:
            raise RuntimeError("Once.")
        return {}

    async with at_work(parts, stumbles=stumble):
        row = await ended(workspace, await enqueued(workspace, "stumbles"))
    assert seen == [None, {"rows": 1}]
    assert (row.status, row.attempts) == ("COMPLETED", 2)


async def test_what_always_fails_ends_with_a_reason_that_tells_no_secret(
    world: World, parts: Parts
) -> None:
    workspace = await world.workspace()

    async def fail(_run: Run) -> None:
        raise RuntimeError("password=hunter2")

    async with at_work(parts, always_fails=fail):
        row = await ended(workspace, await enqueued(workspace, "always_fails"))
    assert (row.status, row.attempts) == ("FAILED", 3)
    assert row.reason == job_runs._BUG.format(3)


async def test_what_is_refused_is_not_tried_again(world: World, parts: Parts) -> None:
    workspace = await world.workspace()

    async def refuse(_run: Run) -> None:
        raise JobRefused("The file has no rows.")

    async with at_work(parts, refused=refuse):
        row = await ended(workspace, await enqueued(workspace, "refused"))
    assert (row.status, row.attempts, row.reason) == ("FAILED", 1, "The file has no rows.")


async def test_a_job_is_cancelled_before_it_begins_and_while_it_runs(
    world: World, parts: Parts
) -> None:
    workspace, begun = await world.workspace(), asyncio.Event()

    async def go_on(run: Run) -> None:
        begun.set()
        while True:
            await run.progress(1)
            await asyncio.sleep(0.02)

    waiting = await enqueued(workspace, "goes_on")
    cancelled = await changed(workspace, lambda writer: ask_to_cancel(writer, waiting))
    assert cancelled.status == "CANCELED"
    async with at_work(parts, goes_on=go_on):
        running = await enqueued(workspace, "goes_on")
        await begun.wait()
        await changed(workspace, lambda writer: ask_to_cancel(writer, running))
        row = await ended(workspace, running)
    assert row.status == "CANCELED"
    assert (await job(workspace, waiting)).attempts == 0
    assert await changed(workspace, lambda w: _cancelled_once_more(w, running)) is None


async def _cancelled_once_more(writer: Writer, job_id: UUID) -> JobRow | None:
    writer.changes.idle = True
    return await ask_to_cancel(writer, job_id)


async def test_a_worker_that_stops_leaves_its_job_to_the_next(world: World, parts: Parts) -> None:
    workspace, begun = await world.workspace(), asyncio.Event()

    async def linger(run: Run) -> dict[str, Any]:
        begun.set()
        if run.job.attempts == 1:
            await asyncio.sleep(60)
        return {"attempt": run.job.attempts}

    async with at_work(parts, lingers=linger):
        job_id = await enqueued(workspace, "lingers")
        await begun.wait()
    async with at_work(parts, lingers=linger):
        row = await ended(workspace, job_id)
    assert (row.status, row.result) == ("COMPLETED", {"attempt": 2})


async def test_a_workspace_sees_no_entry_of_another_in_the_queue(
    world: World, parts: Parts
) -> None:
    one, other = await world.workspace(), await world.workspace()
    await enqueued(one, "seen")
    counts = []
    for side in (one, other):
        database = parts.open_database(system_principal(side.id))
        try:
            statement = "SELECT count(*) FROM queue.pgqueuer WHERE entrypoint = 'seen'"
            counts.append(await database.reading().fetchval(statement))
        finally:
            await database.close()
    assert counts == [1, 0]


async def test_a_job_that_is_due_later_waits(world: World, parts: Parts) -> None:
    workspace = await world.workspace()

    async def nothing(_run: Run) -> None:
        pass

    due = timedelta(seconds=0.7)
    job_id = await changed(workspace, lambda w: enqueue(w, "later", {}, after=due))
    async with at_work(parts, later=nothing):
        row = await ended(workspace, job_id)
    assert row.started_at is not None
    assert row.started_at - row.created_at >= due


def test_every_status_that_ends_a_job_is_known() -> None:
    assert set(JobStatus) - OVER == {JobStatus.CREATED, JobStatus.RUNNING}


async def test_a_workspace_runs_so_many_and_leaves_room_for_another(
    world: World, parts: Parts
) -> None:
    """Four places, of which one workspace takes two."""
    greedy, other = await world.workspace(), await world.workspace()
    running, most = set[UUID](), 0

    async def linger(run: Run) -> None:
        nonlocal most
        running.add(run.job.id)
        most = max(most, len(running))
        await asyncio.sleep(0.3)
        running.discard(run.job.id)

    async def at_once(_run: Run) -> None:
        pass

    async with at_work(parts, lingering=linger, quick=at_once):
        those = [await enqueued(greedy, "lingering") for _ in range(6)]
        await ended(other, await enqueued(other, "quick"))
        waiting = [await job(greedy, one) for one in those]
        assert sum(row.ended_at is None for row in waiting) >= 2, "it waited for none of them"
        rows = [await ended(greedy, one) for one in those]
    assert {row.status for row in rows} == {"COMPLETED"}
    assert most == 2


async def test_a_worker_taken_for_dead_changes_nothing_any_more(
    world: World, parts: Parts, owner: asyncpg.Connection
) -> None:
    """Its connection to the queue is gone, and so is its job, which the next attempt ends."""
    workspace, begun = await world.workspace(), asyncio.Event()
    seen: list[str] = []

    async def stubborn(run: Run) -> dict[str, Any]:
        begun.set()
        try:
            if run.job.attempts == 1:
                await asyncio.sleep(60)
        except asyncio.CancelledError:
            try:
                await run.progress(99, checkpoint={"of": "the first"})
                seen.append("went on")
            except Canceled:
                seen.append("fenced off")
            raise
        await asyncio.sleep(0.5)
        return {"attempt": run.job.attempts}

    async with at_work(parts, stubborn=stubborn):
        job_id = await enqueued(workspace, "stubborn")
        await begun.wait()
        # As if another worker had taken it up meanwhile.
        await owner.execute("UPDATE jobs SET attempts = attempts + 1 WHERE id = $1", job_id)
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'seller-worker' AND datname = current_database()"
        )
        row = await ended(workspace, job_id)
    assert seen == ["fenced off"]
    assert (row.status, row.result, row.checkpoint) == ("COMPLETED", {"attempt": 3}, None)


async def test_what_cannot_be_stored_loses_no_job(
    world: World, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, failed = await world.workspace(), list[bool]()
    end = job_runs.Attempt.end

    async def stumbling(self: Any, *given: Any, **named: Any) -> None:
        if not failed:
            failed.append(True)
            raise asyncpg.DiskFullError("No space left on device.")
        await end(self, *given, **named)

    async def nothing(_run: Run) -> None:
        pass

    monkeypatch.setattr(job_runs.Attempt, "end", stumbling)
    async with at_work(parts, stored_late=nothing):
        row = await ended(workspace, await enqueued(workspace, "stored_late"))
    assert (row.status, row.attempts) == ("COMPLETED", 2)


async def test_a_job_that_waits_to_be_tried_again_is_cancelled_at_once(
    world: World, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_runs, "PAUSES", (timedelta(minutes=1),))
    workspace, failing = await world.workspace(), asyncio.Event()

    async def fail(_run: Run) -> None:
        failing.set()
        raise RuntimeError("Not now.")

    async with at_work(parts, pausing=fail):
        job_id = await enqueued(workspace, "pausing")
        await failing.wait()
        async with asyncio.timeout(10):
            while (await job(workspace, job_id)).status != "CREATED":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await changed(workspace, lambda writer: ask_to_cancel(writer, job_id))
    assert (await job(workspace, job_id)).status == "CANCELED"


async def test_a_worker_tidies_up_after_the_library(
    world: World, parts: Parts, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the library held back after a failure of its own runs; what it logged long ago goes."""
    monkeypatch.setattr(worker, "_TIDY_EVERY", 0.2)
    workspace = await world.workspace()
    job_id = await enqueued(workspace, "held_back")
    held = "UPDATE queue.pgqueuer SET status = 'failed' WHERE entrypoint = 'held_back'"
    await owner.execute(held)
    await owner.execute(
        "INSERT INTO queue.pgqueuer_log (created, job_id, status, priority, entrypoint) "
        "VALUES (now() - interval '2 days', 1, 'queued', 0, 'long ago')"
    )

    async def nothing(_run: Run) -> None:
        pass

    async with at_work(parts, held_back=nothing):
        row = await ended(workspace, job_id)
    assert row.status == "COMPLETED"
    logged = "SELECT count(*) FROM queue.pgqueuer_log WHERE entrypoint = 'long ago'"
    assert await owner.fetchval(logged) == 0


async def test_an_attempt_that_was_overtaken_does_not_take_the_job_for_done(
    world: World, parts: Parts, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has it now may die yet: the entry has to be there for the next."""
    monkeypatch.setattr(job_runs, "_LOOKED_AT_AGAIN", timedelta(milliseconds=100))
    workspace = await world.workspace()

    async def slow(run: Run) -> dict[str, Any]:
        if run.job.attempts == 1:
            overtaken = "UPDATE jobs SET attempts = attempts + 1 WHERE id = $1"
            await owner.execute(overtaken, run.job.id)
        return {"attempt": run.job.attempts}

    async with at_work(parts, overtaken=slow):
        row = await ended(workspace, await enqueued(workspace, "overtaken"))
    assert (row.status, row.result) == ("COMPLETED", {"attempt": 3})
