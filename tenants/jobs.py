"""Jobs: put in line in the transaction of the change that needs them, run by `tenants/worker.py`.

A job is a row that its workspace sees, and an entry in the queue, which is pgqueuer's and holds
nothing but the ids of both. Whoever commits the change has committed the job.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from pgqueuer.adapters.persistence.qb import DBSettings, QueryBuilderEnvironment, QueryQueueBuilder
from pgqueuer.queries import Queries

from tenants.database import Reader, Writer
from tenants.ids import new_id
from tenants.job_tables import JobStatus
from tenants.pool import Row

QUEUE = DBSettings(db_schema="queue")
WORKSPACE = "workspace"  # the header of an entry by which row security tells whose it is
JOB_CHANGED = "JOB_CHANGED"
OVER = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED})

_INSERT = """
INSERT INTO jobs (workspace_id, id, kind, status, arguments, done, attempts, failures, created_by,
                  created_at)
VALUES ($1, $2, $3, 'CREATED', $4, 0, 0, 0, $5, $6)
"""
_ACTIVE = """
SELECT count(*) FROM jobs WHERE workspace_id = $1 AND status IN ('CREATED', 'RUNNING')
"""
_OLD = "SELECT * FROM jobs WHERE workspace_id = $1 AND ended_at < $2"
_FORGET = "DELETE FROM jobs WHERE workspace_id = $1 AND id = ANY($2)"
_BY_ID = "SELECT * FROM jobs WHERE workspace_id = $1 AND id = ANY($2)"
_CANCEL = """
UPDATE jobs SET cancel_requested_at = coalesce(cancel_requested_at, $3),
       status = CASE status WHEN 'CREATED' THEN 'CANCELED' ELSE status END,
       ended_at = CASE status WHEN 'CREATED' THEN $3 ELSE ended_at END
 WHERE workspace_id = $1 AND id = $2 AND status IN ('CREATED', 'RUNNING') RETURNING *
"""


class JobRow(Row):
    id: UUID
    kind: str
    status: str
    arguments: dict[str, Any]
    checkpoint: Any
    result: Any
    reason: str | None
    done: int
    total: int | None
    attempts: int
    failures: int
    cancel_requested_at: datetime | None
    created_by: UUID
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


async def enqueue(
    writer: Writer, kind: str, arguments: dict[str, Any], *, after: timedelta | None = None
) -> UUID:
    """Have a job of that kind run once the change is committed, or so long after it. The more of
    them its workspace has, the later they come: one that has few does not wait for those."""
    job_id, at = new_id(), writer.changes.at
    others = await active_jobs(writer)
    maker = writer.principal.id
    await writer.execute(_INSERT, writer.workspace_id, job_id, kind, arguments, maker, at)
    await queue(_WithinTransaction(writer)).enqueue(
        kind,
        orjson.dumps({"job_id": job_id, "workspace_id": writer.workspace_id}),
        priority=-others,
        execute_after=after,
        headers={WORKSPACE: str(writer.workspace_id)},
    )
    writer.changes.audit("Job", job_id, after={"kind": kind, "status": JobStatus.CREATED})
    tell(writer, job_id, JobStatus.CREATED)
    return job_id


async def active_jobs(reader: Reader) -> int:
    """How many jobs of the workspace wait or run."""
    return int(await reader.fetchval(_ACTIVE, reader.workspace_id))


async def old_jobs(reader: Reader, *, before: datetime) -> list[JobRow]:
    """Those that ended before."""
    return await reader.fetch(_OLD, reader.workspace_id, before, row=JobRow)


async def forget_jobs(writer: Writer, rows: Sequence[JobRow]) -> None:
    """Their files are to be deleted before: nobody would know of them afterwards."""
    await writer.execute(_FORGET, writer.workspace_id, [row.id for row in rows])
    for row in rows:
        writer.changes.audit("Job", row.id, before={"kind": row.kind, "status": row.status})


async def ask_to_cancel(writer: Writer, job_id: UUID) -> JobRow | None:
    """End a job that has not begun, and ask one that runs to end; None where there is none that
    could."""
    row = await writer.fetchrow(_CANCEL, writer.workspace_id, job_id, writer.changes.at, row=JobRow)
    if row is not None:
        writer.changes.audit("Job", job_id, after={"cancel_requested": True, "status": row.status})
        tell(writer, job_id, JobStatus(row.status))
    return row


async def jobs_by_id(reader: Reader, ids: Sequence[UUID]) -> list[JobRow]:
    return await reader.fetch(_BY_ID, reader.workspace_id, list(ids), row=JobRow)


def tell(writer: Writer, job_id: UUID, status: JobStatus) -> None:
    writer.changes.emit(JOB_CHANGED, job_id, payload={"status": status.value})


def queue(driver: Any) -> Queries:
    """Pgqueuer's queue, as one of its drivers reaches it."""
    return Queries(driver, qbe=QueryBuilderEnvironment(QUEUE), qbq=QueryQueueBuilder(QUEUE))


class _WithinTransaction:
    """pgqueuer's driver over a transaction of ours, as far as enqueueing needs one."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def fetch(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        # The headers come as text; our connections encode JSON themselves.
        *others, headers = values
        told = [orjson.loads(one) for one in headers]
        rows = await self._writer.fetch(statement, *others, told, row=Row)
        return [dict(row) for row in rows]
