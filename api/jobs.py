"""Which kinds of jobs there are, and what runs them."""

from collections.abc import Mapping
from datetime import timedelta

from api.bulk_queries import BulkQueries
from api.graphql.set_up import build_execution
from api.parts import Parts
from schema.jobs import JobKind
from tenants.job_runs import Handler
from tenants.worker import Worker, connect_worker


def handlers(parts: Parts) -> Mapping[str, Handler]:
    return {
        JobKind.BULK_QUERY: BulkQueries(
            build_execution(parts),
            parts.storage,
            kept=timedelta(days=parts.settings.job_days),
            most=parts.settings.bulk_query_bytes,
        ).run
    }


def build_worker(parts: Parts) -> Worker:
    settings = parts.settings
    url = settings.app_database_url
    assert url is not None  # noqa: S101 - parts were opened with it
    return Worker(
        connect=lambda: connect_worker(url.get_secret_value()),
        open_database=parts.open_database,
        handlers=handlers(parts),
        at_once=settings.jobs_at_once,
        of_workspace=settings.jobs_of_workspace,
        lease=settings.job_lease,
        patience=settings.drain_seconds,
    )
