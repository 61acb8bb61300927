"""One attempt at a job: what its handler is given, and how its row is moved on.

An attempt may be overtaken by another, when its worker was taken for dead and is not. The number of
the attempt is the fence: whoever has not the newest one changes nothing any more.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from tenants.connections import DatabaseUnavailable
from tenants.database import WorkspaceDatabase, Writer
from tenants.identity import Principal
from tenants.job_tables import JobStatus
from tenants.jobs import OVER, JobRow, tell

log = structlog.get_logger()

PAUSES = (timedelta(seconds=1), timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10))
_MOST_ATTEMPTS = 50  # a job that ends its worker each time would be begun for ever

_BEGIN = """
UPDATE jobs SET status = 'RUNNING', attempts = attempts + 1, started_at = coalesce(started_at, $3)
 WHERE workspace_id = $1 AND id = $2 AND status IN ('CREATED', 'RUNNING') RETURNING *
"""
# One of a workspace begins at a time, so that it does not take all places of all workers.
_IN_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('jobs ' || $1, 0))"
_OTHERS = """
SELECT count(*) FROM jobs WHERE workspace_id = $1 AND id <> $2 AND status = 'RUNNING'
"""
_PROGRESS = """
UPDATE jobs SET done = $4, total = coalesce($5, total), checkpoint = coalesce($6, checkpoint),
       failures = CASE WHEN $6::jsonb IS NULL THEN failures ELSE 0 END
 WHERE workspace_id = $1 AND id = $2 AND attempts = $3 AND status = 'RUNNING' RETURNING *
"""
_CURRENT = "SELECT * FROM jobs WHERE workspace_id = $1 AND id = $2"
_AGAIN = """
UPDATE jobs SET status = 'CREATED', failures = failures + 1
 WHERE workspace_id = $1 AND id = $2 AND attempts = $3 AND status = 'RUNNING'
"""
_END = """
UPDATE jobs SET status = $4, result = $5, reason = $6, ended_at = $7
 WHERE workspace_id = $1 AND id = $2 AND attempts = $3 AND status = 'RUNNING'
"""
_BUG = "Something went wrong on our side, {} times in a row. Tell us the id of the job."
_POISON = "The job was begun too often without an end. Tell us its id."


class JobRefused(Exception):
    """The job cannot be done, now or later; the message is told to the client."""


class Canceled(Exception):
    """The attempt shall not go on: somebody has asked for the job to end, or another attempt has
    taken it over. Raised by `Run.progress`."""


class Later(Exception):
    """The job is to be begun again after `pause`."""

    def __init__(self, pause: timedelta, reason: str) -> None:
        super().__init__(reason)
        self.pause = pause


@dataclass(frozen=True)
class Run:
    """What a handler is given. `job` is as it was when the attempt began."""

    job: JobRow
    principal: Principal
    database: Callable[[], WorkspaceDatabase]

    async def progress(self, done: int, total: int | None = None, checkpoint: Any = None) -> None:
        """Tell how far the job is and from where it would go on, where that is given; `Canceled`
        where it shall not go on."""

        async def note(writer: Writer) -> JobRow | None:
            writer.changes.routine = True
            row = await writer.fetchrow(
                _PROGRESS, writer.workspace_id, self.job.id, self.job.attempts, done, total,
                checkpoint, row=JobRow,
            )  # fmt: skip
            if row is not None and checkpoint is not None:
                tell(writer, self.job.id, JobStatus.RUNNING)
            return row

        row = await self.changed("job.progress", note)
        if row is None or row.cancel_requested_at is not None:
            raise Canceled

    async def changed(self, action: str, work: Callable[[Writer], Awaitable[Any]]) -> Any:
        """Run a change in a transaction of its own."""
        return await _changed(self.database(), action, work)


Handler = Callable[[Run], Awaitable[dict[str, Any] | None]]


async def attempt(run_of: "Attempt", handler: Handler, *, beside: int) -> None:
    """Begin a job, run its handler and store what came of it; `Later` where it has to be begun
    again. `beside` are how many others of its workspace may run meanwhile."""
    run = await run_of.begin(beside=beside)
    if run is None:
        return
    if run.job.cancel_requested_at is not None:
        await run_of.end(run, JobStatus.CANCELED)
    elif run.job.attempts > _MOST_ATTEMPTS:
        await run_of.end(run, JobStatus.FAILED, reason=_POISON)
    else:
        await _handled(run_of, run, handler)


async def _handled(run_of: "Attempt", run: Run, handler: Handler) -> None:
    try:
        result = await handler(run)
    except Canceled:
        await run_of.end(run, JobStatus.CANCELED)
    except JobRefused as refusal:
        await run_of.end(run, JobStatus.FAILED, reason=str(refusal).replace("\0", ""))
    except DatabaseUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - `_failed` logs it, and has it tried again
        await _failed(run_of, run, error)
    else:
        await run_of.end(run, JobStatus.COMPLETED, result=result)


async def _failed(run_of: "Attempt", run: Run, error: Exception) -> None:
    failures = await run_of.failed(run)
    if failures < len(PAUSES):
        log.warning("job.retried", job=str(run.job.id), kind=run.job.kind, reason=repr(error))
        raise Later(PAUSES[failures], repr(error)) from error
    log.error("job.failed", job=str(run.job.id), kind=run.job.kind, exc_info=error)
    await run_of.end(run, JobStatus.FAILED, reason=_BUG.format(failures + 1))


@dataclass(frozen=True)
class Attempt:
    """Moves the row of a job on."""

    job_id: UUID
    principal: Principal
    database: Callable[[], WorkspaceDatabase]

    async def begin(self, *, beside: int) -> Run | None:
        """The job, RUNNING; None where it is over already."""

        async def begin(writer: Writer) -> JobRow | None:
            await writer.fetchval(_IN_TURN, str(writer.workspace_id))
            if await writer.fetchval(_OTHERS, writer.workspace_id, self.job_id) > beside:
                raise Later(timedelta(), "Enough jobs of this workspace are running.")
            row = await writer.fetchrow(
                _BEGIN, writer.workspace_id, self.job_id, writer.changes.at, row=JobRow
            )
            if row is None:
                writer.changes.idle = True
                return None
            self._note(writer, JobStatus.RUNNING, {"attempt": row.attempts})
            return row

        job: JobRow | None = await _changed(self.database(), "job.begin", begin)
        return None if job is None else Run(job, self.principal, self.database)

    async def failed(self, run: Run) -> int:
        """How often in a row the handler had failed before. What is not for the last time waits,
        rather than runs."""

        async def note(writer: Writer) -> int:
            writer.changes.routine = True
            (now,) = await writer.fetch(_CURRENT, writer.workspace_id, run.job.id, row=JobRow)
            if now.failures < len(PAUSES):
                mine = (writer.workspace_id, run.job.id, run.job.attempts)
                await writer.execute(_AGAIN, *mine)
            return now.failures

        return int(await _changed(self.database(), "job.failed", note))

    async def end(
        self,
        run: Run,
        status: JobStatus,
        *,
        result: dict[str, Any] | None = None,
        reason: str | None = None,
    ) -> None:
        assert status in OVER  # noqa: S101 - nothing else is an end

        async def end(writer: Writer) -> None:
            mine = (writer.workspace_id, run.job.id, run.job.attempts)
            told = (status.value, result, reason, writer.changes.at)
            if not await writer.execute(_END, *mine, *told):
                writer.changes.idle = True  # another attempt has it
                return
            self._note(writer, status, {"reason": reason})

        await _changed(self.database(), "job.end", end)

    def _note(self, writer: Writer, status: JobStatus, more: dict[str, Any]) -> None:
        writer.changes.audit("Job", self.job_id, after={"status": status, **more})
        tell(writer, self.job_id, status)


async def _changed(
    database: WorkspaceDatabase, action: str, work: Callable[[Writer], Awaitable[Any]]
) -> Any:
    try:
        return await database.change(action, work)
    finally:
        await database.close()
