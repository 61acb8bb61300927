"""Runs bulk queries: page after page through the plan of the query, into files of JSON lines."""

import asyncio
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import structlog

from api.graphql.engine import Prepared
from api.graphql.execution import Execution
from api.graphql.failures import RequestError, translated
from api.graphql.operations import Operation
from execution import Outcome
from schema.bulk_queries import AFTER, PAGE, SIZE, folder
from schema.errors import ErrorCode, told
from tenants.identity import principal_of
from tenants.job_runs import JobRefused, Run
from tenants.jobs import forget_jobs, old_jobs
from tenants.storage import Storage

log = structlog.get_logger()

_SIZES = (100, 50, 20, 10, 5, 1)
_FILE_BYTES = 4_000_000  # from which on a file is stored, and the next one begun
_AGAIN = {ErrorCode.TIMEOUT, ErrorCode.UNAVAILABLE, ErrorCode.INTERNAL_SERVER_ERROR}


@dataclass(slots=True)
class _Went:
    """How far a job is. `files` are the names of those that are stored."""

    after: str | None = None
    rows: int = 0
    written: int = 0
    more: bool = True
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BulkQueries:
    """Each file holds whole pages and is stored before the checkpoint that names it, so an attempt
    that goes on from there writes no line twice; and each attempt has names of its own, so one that
    was overtaken spoils nothing. `most` is how many bytes a job may write."""

    execution: Execution
    storage: Storage
    kept: timedelta
    most: int

    async def run(self, run: Run) -> dict[str, Any]:
        """`rows` that were written, and the names of the `files` of this job."""
        went = _Went(**(run.job.checkpoint or {}))
        prepared = await self._prepared(run)
        while went.more:
            lines = await self._filled(prepared, run, went)
            name = f"{folder(run.job.id)}/{run.job.attempts:04}-{len(went.files):06}.jsonl"
            await self.storage.put(run.principal.workspace_id, name, lines)
            went.files.append(name)
            await run.progress(went.rows, checkpoint=asdict(went))
        await self._forget_old(run)
        return {"rows": went.rows, "files": went.files}

    async def _filled(self, prepared: Prepared, run: Run, went: _Went) -> bytes:
        """The lines of the next file; `went` is moved on to where they end."""
        lines = bytearray()
        while went.more and len(lines) < _FILE_BYTES:
            answer = await self._page(prepared, run, went.after)
            for node in answer["nodes"]:
                lines += orjson.dumps(node, option=orjson.OPT_APPEND_NEWLINE)
            if went.written + len(lines) > self.most:
                raise JobRefused(
                    f"It would be more than {self.most:,} bytes. Select fewer fields, or filter "
                    "and read it in parts."
                )
            went.rows += len(answer["nodes"])
            went.after, went.more = answer[PAGE]["endCursor"], answer[PAGE]["hasNextPage"]
            await run.progress(went.rows)
        went.written += len(lines)
        return bytes(lines)

    async def _prepared(self, run: Run) -> Prepared:
        """The query with the largest page whose cost is within the limits."""
        refused: RequestError | None = None
        for size in _SIZES:
            operation = Operation(run.job.arguments["query"], {SIZE: size, AFTER: None})
            reader = run.principal.workspace_id
            try:
                text = str(operation.query)
                prepared = await self.execution.read(operation, text, reader=reader, pay=_free)
                return replace(prepared, dear=True)  # it has its plan built at once
            except RequestError as error:
                if error.says(ErrorCode.THROTTLED):
                    raise  # it may pass
                refused = error
        raise JobRefused(str(refused))

    async def _page(self, prepared: Prepared, run: Run, after: str | None) -> dict[str, Any]:
        variables = {**(prepared.operation.variables or {}), AFTER: after}
        page = replace(prepared, operation=Operation(prepared.operation.query, variables))
        # In the name of whoever wanted it: a credential that has ended reads no further.
        maker = principal_of(run.job.arguments["maker"])
        context = self.execution.open_context(maker, f"job-{run.job.id}")
        context.database.let_pass = self.execution.courtesy.of_one()
        try:
            async with asyncio.timeout(self.execution.timeout):
                outcome = await self.execution.engine.outcome(page, context)
        finally:
            await context.close()
        return _connection(outcome, run)

    async def _forget_old(self, run: Run) -> None:
        """Whoever makes new files has its old ones deleted, with the jobs that made them. What goes
        wrong with that is no failure of this job."""
        try:
            database = run.database()
            try:
                before = datetime.now(UTC) - self.kept
                rows = await old_jobs(database.reading(), before=before)
            finally:
                await database.close()
            for row in rows:
                await self.storage.delete_all(run.principal.workspace_id, folder(row.id))
            if rows:
                await run.changed("job.forget", lambda writer: forget_jobs(writer, rows))
        except Exception:
            log.exception("bulk_queries.not_forgotten", workspace=str(run.principal.workspace_id))


async def _free(_points: int) -> None:
    """Whoever runs a job does not pay for it by points."""


def _connection(outcome: Outcome, run: Run) -> dict[str, Any]:
    if outcome.errors:
        error = told(translated(outcome.errors[0]), request_id=f"job-{run.job.id}")
        if error["extensions"]["code"] in _AGAIN:
            raise RuntimeError(error["message"])
        raise JobRefused(error["message"])
    data: dict[str, Any] = outcome.data or {}
    connection: dict[str, Any] = data[run.job.arguments["field"]]
    return connection
