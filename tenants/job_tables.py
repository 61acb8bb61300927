"""Background work as a workspace sees it; the queue itself is pgqueuer's (`tenants/jobs.py`).

The states are those of requirements section 13.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from tenants.tables import TEXT, TenantTable, moment, of_workspace, one_of


class JobStatus(StrEnum):
    """How far a job is; COMPLETED, FAILED and CANCELED are for good."""

    CREATED = "CREATED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


class Job(TenantTable, table=True):
    """`done` of `total` is its progress in units of its own; `checkpoint` is what it goes on from
    when it is started again; `result` and `reason` are for the client to read. `attempts` are
    counted from the first, `failures` since the last checkpoint."""

    __tablename__ = "jobs"
    __table_args__ = (
        of_workspace(),
        one_of("status", JobStatus),
        Index("ix_jobs_created_at", "workspace_id", "created_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=TEXT)
    status: str = Field(sa_type=TEXT)
    arguments: Any = Field(sa_column=Column(JSONB, nullable=False))
    checkpoint: Any = Field(default=None, sa_column=Column(JSONB, nullable=True))
    result: Any = Field(default=None, sa_column=Column(JSONB, nullable=True))
    reason: str | None = Field(default=None, sa_type=TEXT)
    done: int = Field(default=0)
    total: int | None = Field(default=None)
    attempts: int = Field(default=0)
    failures: int = Field(default=0)
    cancel_requested_at: datetime | None = moment(default=None, nullable=True)
    created_by: UUID
    created_at: datetime = moment()
    started_at: datetime | None = moment(default=None, nullable=True)
    ended_at: datetime | None = moment(default=None, nullable=True)
