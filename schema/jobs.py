"""Background work: what a workspace's jobs are and how far they are."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import strawberry

from commerce.pages import Listing, OrderBy, Window
from commerce.refusals import NotFound
from schema.connections import Connection, connect
from schema.context import Info
from schema.filters import DateTimeFilter, Filter, condition
from schema.mutations import UserError, entity, perform
from schema.nodes import Node, instances_of, local_id, node_id
from tenants.database import Writer
from tenants.grants import Grant
from tenants.identity import principal_of
from tenants.job_tables import Job as JobTable
from tenants.job_tables import JobStatus
from tenants.jobs import JobRow, ask_to_cancel


@strawberry.enum(description="What a job does. BULK_QUERY: it reads a connection to its end.")
class JobKind(StrEnum):
    BULK_QUERY = "BULK_QUERY"


strawberry.enum(JobStatus, description=JobStatus.__doc__)

_jobs: Any = JobTable.__table__  # type: ignore[attr-defined]
JOBS = Listing(
    table=_jobs,
    row=JobRow,
    rules={
        "kind": _jobs.c.kind,
        "status": _jobs.c.status,
        "created_at": _jobs.c.created_at,
    },
    orders={"CREATED_AT": _jobs.c.created_at},
    default_order=(OrderBy("CREATED_AT", descending=True),),
)


def _download_url(root: strawberry.Parent[JobRow], info: Info) -> str | None:
    """To whoever holds all the rights that the job was run with."""
    asker = info.context.principal
    if not (root.result or {}).get("files"):
        return None
    if not principal_of(root.arguments["maker"]).grants <= asker.grants:
        return None
    return info.context.platform.download_url(asker, root.id)


@strawberry.type(description="Work that goes on in the background.")
class Job(Node):
    id: strawberry.ID = node_id("Job", relation="job")
    kind: JobKind
    status: JobStatus
    done: int = strawberry.field(description="How far it is, in units of its own, such as rows.")
    total: int | None = strawberry.field(description="Of how many, where that is known.")
    attempts: int = strawberry.field(description="How often it was begun.")
    reason: str | None = strawberry.field(description="Why it failed.")
    download_url: str | None = strawberry.field(
        resolver=_download_url,
        description="Where to fetch what it made, good for a day; for those who hold the rights "
        "that it was run with.",
    )
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    is_type_of = instances_of(JobRow)


JobConnection = Connection[Job]


@strawberry.input(description="Which jobs; all that is given must hold.")
class JobWhere:
    kind: Filter[JobKind] | None = None
    status: Filter[JobStatus] | None = None
    created_at: DateTimeFilter | None = None
    and_: list["JobWhere"] | None = strawberry.field(name="and", default=None)
    or_: list["JobWhere"] | None = strawberry.field(name="or", default=None)
    not_: "JobWhere | None" = strawberry.field(name="not", default=None)


async def jobs(
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    where: JobWhere | None = None,
) -> Any:
    return await connect(
        info.context.reading(Grant.JOBS_READ),
        JOBS,
        where=condition(where),
        order_by=[],
        window=Window(first=first, after=after, last=last, before=before),
    )


@strawberry.input(description="The job to end.")
class JobCancelInput:
    job_id: strawberry.ID


@strawberry.type(description="The job, which may take a moment to end, or why it cannot.")
class JobPayload:
    job: Job | None = None
    user_errors: list[UserError]


async def job_cancel(info: Info, input: JobCancelInput) -> JobPayload:
    job_id: UUID = local_id("Job", input.job_id, argument="input.jobId")

    async def work(writer: Writer) -> UUID:
        if await ask_to_cancel(writer, job_id) is None:
            raise NotFound("job that has not ended", field=("jobId",))
        return job_id

    return await perform(
        info,
        JobPayload,
        grant=Grant.JOBS_MANAGE,
        action="jobCancel",
        work=work,
        answer=entity(info, "job"),
    )
