"""Runs bulk queries: page after page through the plan of the query, into files of JSON lines."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from api.graphql.engine import Prepared
from api.graphql.execution import Execution
from api.graphql.failures import RequestError
from api.graphql.operations import Operation
from execution import Outcome
from schema.bulk_queries import AFTER, PAGE, SIZE, file_name
from schema.errors import told
from tenants.database import Writer
from tenants.grants import Grant
from tenants.identity import Principal, PrincipalKind
from tenants.jobs import JobRow, forget_old_jobs
from tenants.storage import Storage
from tenants.worker import JobRefused, Run

_SIZES = (100, 50, 20, 10, 5, 1)
_FILE_BYTES = 4_000_000  # from which on a file is stored, and the next one begun
_AGAIN = {"TIMEOUT", "UNAVAILABLE", "INTERNAL_SERVER_ERROR"}


@dataclass(frozen=True, slots=True)
class BulkQueries:
    """Each file holds whole pages and is stored before the checkpoint that names it, so an attempt
    that goes on from there writes no line twice."""

    execution: Execution
    storage: Storage
    kept: timedelta

    async def run(self, run: Run) -> dict[str, Any]:
        """`rows` and `files` that were written, of this job."""
        went = {"after": None, "rows": 0, "files": 0, "more": True} | (run.job.checkpoint or {})
        prepared = await self._prepared(run)
        while went["more"]:
            lines = await self._filled(prepared, run, went)
            name = file_name(str(run.job.id), went["files"])
            await self.storage.put(run.principal.workspace_id, name, lines)
            went["files"] += 1
            await run.progress(went["rows"], checkpoint=went)
        await self._forget_old(run)
        return {"rows": went["rows"], "files": went["files"]}

    async def _forget_old(self, run: Run) -> None:
        """Whoever makes new files has its old ones deleted, with the jobs that made them."""
        before = datetime.now(UTC) - self.kept

        async def forget(writer: Writer) -> list[JobRow]:
            return await forget_old_jobs(writer, before=before)

        for row in await run.changed("job.forget", forget):
            for number in range((row.result or {}).get("files", 0)):
                name = file_name(str(row.id), number)
                await self.storage.delete(run.principal.workspace_id, name)

    async def _filled(self, prepared: Prepared, run: Run, went: dict[str, Any]) -> bytes:
        """The lines of the next file; `went` is moved on to where they end."""
        lines = bytearray()
        while went["more"] and len(lines) < _FILE_BYTES:
            answer = await self._page(prepared, run, went["after"])
            page = answer[PAGE]
            for node in answer["nodes"]:
                lines += orjson.dumps(node, option=orjson.OPT_APPEND_NEWLINE)
            went["rows"] += len(answer["nodes"])
            went["after"], went["more"] = page["endCursor"], page["hasNextPage"]
            await run.progress(went["rows"])
        return bytes(lines)

    async def _prepared(self, run: Run) -> Prepared:
        """The query with the largest page whose cost is within the limits."""
        refused: RequestError | None = None
        for size in _SIZES:
            operation = Operation(run.job.arguments["query"], {SIZE: size, AFTER: None})
            try:
                return await self._read(operation, run)
            except RequestError as error:
                refused = error
        raise JobRefused(str(refused))

    async def _read(self, operation: Operation, run: Run) -> Prepared:
        documents = self.execution.documents

        async def free(_points: int) -> None:
            pass

        reader = run.principal.workspace_id
        document = await documents.get(
            str(operation.query), operation.variables, reader=reader, pay=free
        )
        definition = document.operation(None)
        cost = documents.extent(document, definition, operation.variables).cost
        return Prepared(operation, document, definition, introspects=False, cost=cost, dear=True)

    async def _page(self, prepared: Prepared, run: Run, after: str | None) -> dict[str, Any]:
        variables = {**(prepared.operation.variables or {}), AFTER: after}
        page = Prepared(
            Operation(prepared.operation.query, variables), prepared.document,
            prepared.definition, introspects=False, cost=prepared.cost, dear=True,
        )  # fmt: skip
        context = self.execution.open_context(_maker(run), f"job-{run.job.id}")
        try:
            outcome = await self.execution.engine.outcome(page, context)
        finally:
            await context.close()
        return _connection(outcome, run)


def _maker(run: Run) -> Principal:
    """The platform at work, with no more rights than whoever wanted the job had."""
    grants = frozenset(Grant(one) for one in run.job.arguments["grants"])
    return Principal(
        kind=PrincipalKind.SYSTEM,
        id=run.principal.id,
        workspace_id=run.principal.workspace_id,
        grants=grants,
    )


def _connection(outcome: Outcome, run: Run) -> dict[str, Any]:
    if outcome.errors:
        error = told(outcome.errors[0], request_id=f"job-{run.job.id}")
        if error["extensions"]["code"] in _AGAIN:
            raise RuntimeError(error["message"])
        raise JobRefused(error["message"])
    data: dict[str, Any] = outcome.data or {}
    connection: dict[str, Any] = data[run.job.arguments["field"]]
    return connection
