"""The worker: takes jobs off the queue and runs them, again where it was killed in between.

pgqueuer hands each entry to one worker at a time and to another one when the first has not been
heard of for `lease`. A job therefore may begin more than once: it goes on from its checkpoint, and
what it changes has to be the same the second time.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
from pgqueuer.core.qm import QueueManager
from pgqueuer.db import AsyncpgDriver
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job as Entry
from pgqueuer.queries import Queries

from tenants.connections import FAILURES, DatabaseUnavailable
from tenants.database import WorkspaceDatabase, Writer
from tenants.identity import Principal, system_principal
from tenants.job_tables import JobStatus
from tenants.jobs import OVER, QUEUE, JobRow, tell

log = structlog.get_logger()

_BATCH = 2
_PAUSES = (timedelta(seconds=1), timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10))

_BEGIN = """
UPDATE jobs SET status = 'RUNNING', attempts = attempts + 1, started_at = coalesce(started_at, $3)
 WHERE workspace_id = $1 AND id = $2 AND status IN ('CREATED', 'RUNNING') RETURNING *
"""
# One of a workspace begins at a time, so that it does not take all places of all workers.
_IN_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('jobs ' || $1, 0))"
_OTHERS = """
SELECT count(*) FROM jobs
 WHERE workspace_id = $1 AND id <> $2 AND status = 'RUNNING'
"""
_PROGRESS = """
UPDATE jobs SET done = $3, total = coalesce($4, total), checkpoint = coalesce($5, checkpoint)
 WHERE workspace_id = $1 AND id = $2 AND status = 'RUNNING' RETURNING *
"""
_END = """
UPDATE jobs SET status = $3, result = $4, reason = $5, ended_at = $6
 WHERE workspace_id = $1 AND id = $2 AND status = 'RUNNING'
"""
_TURN = timedelta(seconds=1)
_BUG = "Something went wrong on our side; the job was tried {} times. Tell us its id."


class JobRefused(Exception):
    """The job cannot be done, now or later; the message is told to the client."""


class Canceled(Exception):
    """Somebody has asked for the job to end; raised by `Run.progress`."""


@dataclass
class Run:
    """One attempt at a job. `job` is as it was when the attempt began."""

    job: JobRow
    principal: Principal
    database: Callable[[], WorkspaceDatabase]

    async def progress(self, done: int, total: int | None = None, checkpoint: Any = None) -> None:
        """Tell how far the job is and from where it would go on, where that is given; `Canceled`
        where it shall not go on."""

        async def note(writer: Writer) -> JobRow | None:
            writer.changes.routine = True
            values = (done, total, checkpoint)
            row = await writer.fetchrow(
                _PROGRESS, writer.workspace_id, self.job.id, *values, row=JobRow
            )
            tell(writer, self.job.id, JobStatus.RUNNING)
            return row

        row = await self.changed("job.progress", note)
        if row is None or row.cancel_requested_at is not None:
            raise Canceled

    async def changed(self, action: str, work: Callable[[Writer], Awaitable[Any]]) -> Any:
        """Run a change in a transaction of its own."""
        return await _changed(self.database(), action, work)


Handler = Callable[[Run], Awaitable[dict[str, Any] | None]]


class Worker:
    """Runs the jobs of all workspaces until it is stopped. `lease` is in seconds."""

    def __init__(
        self,
        *,
        connect: Callable[[], Awaitable[Any]],
        open_database: Callable[[Principal, str], WorkspaceDatabase],
        handlers: Mapping[str, Handler],
        at_once: int = 4,
        of_workspace: int = 2,
        lease: float = 5.0,
        patience: float = 5.0,
    ) -> None:
        """`connect` opens a connection of the worker's own, through the door `worker`. It runs
        jobs `at_once`, and all workers together so many `of_workspace`. A worker that stops lets
        them go on for `patience` seconds, and then leaves them to others."""
        self._connect = connect
        self._open_database = open_database
        self._handlers = handlers
        self._at_once = max(at_once, 2 * _BATCH)
        self._of_workspace = of_workspace
        self._lease = timedelta(seconds=lease)
        self._patience = patience
        self._attempts: set[asyncio.Task[Any]] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, through every failure of Postgres."""
        while not stopping.is_set():
            try:
                async with self._connection() as connection:
                    await self._work(connection, stopping)
            except (*FAILURES, DatabaseUnavailable, TimeoutError) as error:
                log.warning("worker.interrupted", reason=f"{type(error).__name__}: {error}")
                await _pause(stopping, 0.5)
            except Exception:  # a bug of ours must not end the only worker
                log.exception("worker.failed")
                await _pause(stopping, 1.0)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        connection = await self._connect()
        try:
            yield connection
        finally:
            connection.terminate()

    async def _work(self, connection: Any, stopping: asyncio.Event) -> None:
        queries = Queries(
            AsyncpgDriver(connection),
            qbe=QueryBuilderEnvironment(QUEUE),
            qbq=QueryQueueBuilder(QUEUE),
        )
        manager = QueueManager(queries, channel=QUEUE.channel)
        for kind, handler in self._handlers.items():
            manager.entrypoint(kind, accepts_context=False)(self._running(handler))
        running = asyncio.create_task(
            manager.run(
                dequeue_timeout=self._lease / 2,
                batch_size=_BATCH,
                max_concurrent_tasks=self._at_once,
                heartbeat_timeout=self._lease,
                shutdown_on_listener_failure=True,
            )
        )
        told = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED)
            manager.shutdown.set()
            await asyncio.wait({running}, timeout=self._patience)
            for attempt in self._attempts:
                attempt.cancel()
            await running
        finally:
            told.cancel()
            running.cancel()
            await asyncio.gather(told, running, return_exceptions=True)

    def _running(self, handler: Handler) -> Callable[[Entry], Awaitable[None]]:
        async def run(entry: Entry) -> None:
            told = orjson.loads(entry.payload or b"{}")
            workspace_id, job_id = UUID(told["workspace_id"]), UUID(told["job_id"])
            attempt = asyncio.create_task(self._attempt(handler, workspace_id, job_id))
            self._attempts.add(attempt)
            attempt.add_done_callback(self._attempts.discard)
            await asyncio.wait({attempt})
            if attempt.cancelled():  # pgqueuer would take a cancelled job for one that is over
                raise RetryRequested(timedelta(0), "The worker stops.")
            attempt.result()

        return run

    async def _attempt(self, handler: Handler, workspace_id: UUID, job_id: UUID) -> None:
        principal = system_principal(workspace_id)
        attempt = _Attempt(lambda: self._open_database(principal, f"job-{job_id}"), job_id)
        try:
            job = await attempt.begin(beside=self._of_workspace - 1)
            if job is not None:
                await _ended(attempt, handler, Run(job, principal, attempt.database))
        except DatabaseUnavailable as error:
            raise RetryRequested(timedelta(seconds=1), str(error)) from error


async def _ended(attempt: "_Attempt", handler: Handler, run: Run) -> None:
    """Run the handler, and store what came of it."""
    if run.job.cancel_requested_at is not None:
        await attempt.end(JobStatus.CANCELED)
        return
    try:
        result = await handler(run)
    except Canceled:
        await attempt.end(JobStatus.CANCELED)
    except JobRefused as refusal:
        await attempt.end(JobStatus.FAILED, reason=str(refusal))
    except DatabaseUnavailable:
        raise
    except Exception as error:
        attempts = run.job.attempts
        if attempts <= len(_PAUSES):
            log.warning("job.retried", job=str(run.job.id), kind=run.job.kind, reason=repr(error))
            raise RetryRequested(_PAUSES[attempts - 1], repr(error)) from error
        log.exception("job.failed", job=str(run.job.id), kind=run.job.kind)
        await attempt.end(JobStatus.FAILED, reason=_BUG.format(attempts))
    else:
        await attempt.end(JobStatus.COMPLETED, result=result)


class _Attempt:
    """The row of a job, as an attempt moves it on."""

    def __init__(self, database: Callable[[], WorkspaceDatabase], job_id: UUID) -> None:
        self.database = database
        self._job_id = job_id

    async def begin(self, *, beside: int) -> JobRow | None:
        """The job, RUNNING; None where it is over already. `beside` are how many others of its
        workspace may run meanwhile; it comes again later where more do."""

        async def begin(writer: Writer) -> JobRow | None:
            await writer.fetchval(_IN_TURN, str(writer.workspace_id))
            others = await writer.fetchval(_OTHERS, writer.workspace_id, self._job_id)
            if others > beside:
                raise RetryRequested(_TURN, "Enough jobs of this workspace are running.")
            row = await writer.fetchrow(
                _BEGIN, writer.workspace_id, self._job_id, writer.changes.at, row=JobRow
            )
            if row is None:
                writer.changes.idle = True
                return None
            self._note(writer, JobStatus.RUNNING, {"attempt": row.attempts})
            return row

        job: JobRow | None = await _changed(self.database(), "job.begin", begin)
        return job

    async def end(
        self, status: JobStatus, *, result: dict[str, Any] | None = None, reason: str | None = None
    ) -> None:
        assert status in OVER  # noqa: S101 - nothing else is an end

        async def end(writer: Writer) -> None:
            told = (status.value, result, reason, writer.changes.at)
            if not await writer.execute(_END, writer.workspace_id, self._job_id, *told):
                writer.changes.idle = True  # another attempt has ended it
                return
            self._note(writer, status, {"reason": reason})

        await _changed(self.database(), "job.end", end)

    def _note(self, writer: Writer, status: JobStatus, more: dict[str, Any]) -> None:
        writer.changes.audit("Job", self._job_id, after={"status": status, **more})
        tell(writer, self._job_id, status)


async def _changed(
    database: WorkspaceDatabase, action: str, work: Callable[[Writer], Awaitable[Any]]
) -> Any:
    try:
        return await database.change(action, work)
    finally:
        await database.close()


async def connect_worker(url: str) -> Any:
    """A connection through the door `worker`, which sees the queue of all workspaces."""
    connection = await asyncpg.connect(
        url, timeout=5, command_timeout=15, server_settings={"application_name": "seller-worker"}
    )
    await connection.execute("SET app.door = 'worker'")
    return connection


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
