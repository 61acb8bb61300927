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
_LOOKED_AT_AGAIN = timedelta(seconds=30)
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
_FAILED = """
UPDATE jobs SET status = CASE WHEN failures < $4 THEN 'CREATED' ELSE status END,
       failures = failures + 1
 WHERE workspace_id = $1 AND id = $2 AND attempts = $3 AND status = 'RUNNING' RETURNING *
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
                _PROGRESS, *_mine(writer, self), done, total, checkpoint, row=JobRow
            )
            if row is not None and checkpoint is not None:
                tell(writer, self.job.id, JobStatus.RUNNING)
            return row

        row = await self.changed("job.progress", note)
        if row is None or row.cancel_requested_at is not None:
            raise Canceled

    async def changed(self, action: str, work: Callable[[Writer], Awaitable[Any]]) -> Any:
        """Run a change in a transaction of its own."""
        return await self.database().change(action, work)


Handler = Callable[[Run], Awaitable[dict[str, Any] | None]]


@dataclass(frozen=True)
class Attempt:
    """Moves the row of a job on."""

    job_id: UUID
    principal: Principal
    database: Callable[[], WorkspaceDatabase]

    async def run(self, handler: Handler, *, beside: int) -> None:
        """Begin the job, run its handler and store what came of it; `Later` where it has to be
        begun again. `beside` are how many others of its workspace may run meanwhile."""
        run = await self.begin(beside=beside)
        if run is None:
            return
        if run.job.cancel_requested_at is not None:
            await self.end(run, JobStatus.CANCELED)
        elif run.job.attempts > _MOST_ATTEMPTS:
            await self.end(run, JobStatus.FAILED, reason=_POISON)
        else:
            await self._handled(run, handler)

    async def _handled(self, run: Run, handler: Handler) -> None:
        try:
            result = await handler(run)
        except Canceled:
            await self.end(run, JobStatus.CANCELED)
        except JobRefused as refusal:
            await self.end(run, JobStatus.FAILED, reason=str(refusal).replace("\0", ""))
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - `_failed` logs it, and has it tried again
            await self._failed(run, error)
        else:
            await self.end(run, JobStatus.COMPLETED, result=result)

    async def _failed(self, run: Run, error: Exception) -> None:
        """What is not for the last time waits to be begun again, rather than runs."""

        async def note(writer: Writer) -> JobRow | None:
            writer.changes.routine = True
            return await writer.fetchrow(_FAILED, *_mine(writer, run), len(PAUSES), row=JobRow)

        row = await self.database().change("job.failed", note)
        if row is None:
            raise _overtaken()
        if row.failures <= len(PAUSES):
            log.warning("job.retried", job=str(run.job.id), kind=run.job.kind, reason=repr(error))
            raise Later(PAUSES[row.failures - 1], repr(error)) from error
        log.error("job.failed", job=str(run.job.id), kind=run.job.kind, exc_info=error)
        await self.end(run, JobStatus.FAILED, reason=_BUG.format(row.failures))

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

        job = await self.database().change("job.begin", begin)
        return None if job is None else Run(job, self.principal, self.database)

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
            told = (status.value, result, reason, writer.changes.at)
            if not await writer.execute(_END, *_mine(writer, run), *told):
                raise _overtaken()
            self._note(writer, status, {"reason": reason})

        await self.database().change("job.end", end)

    def _note(self, writer: Writer, status: JobStatus, more: dict[str, Any]) -> None:
        writer.changes.audit("Job", self.job_id, after={"status": status, **more})
        tell(writer, self.job_id, status)


def _mine(writer: Writer, run: Run) -> tuple[UUID, UUID, int]:
    """The row, as long as no other attempt has begun."""
    return writer.workspace_id, run.job.id, run.job.attempts


def _overtaken() -> Later:
    """The entry must not be taken for done: whoever has the job now may die yet."""
    return Later(_LOOKED_AT_AGAIN, "Another attempt has the job.")
