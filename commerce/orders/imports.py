"""Import an order file into a workspace: read in a thread, stored in batches, in bounded memory.

Each batch is a transaction of its own, and ingest() stores an order once: an import that was
killed is simply run again. While one batch is stored, the next is read; no more are held.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import stamina

from commerce.orders.files.entries import Entry, ReadOrder, Rejection, Remark
from commerce.orders.files.mapping import Mapping
from commerce.orders.files.reading import OrderStream, open_orders
from commerce.orders.ingest import MAX_ORDERS_PER_CALL, IngestOutcome, IngestResult, ingest
from commerce.orders.ingestion import IncomingOrder
from commerce.shops.sites import Site
from tenants.database import WorkspaceDatabase

_PASSING = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresConnectionError,
)


_Fault = tuple[str, str, str]
"""Column, value and reason of what is wrong in a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLimits:
    """A batch ends at so many orders or lines; `attempts` to store it while Postgres is away."""

    orders: int = MAX_ORDERS_PER_CALL
    lines: int = 10_000
    attempts: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedLine:
    """A line of the file that was not taken. `order_id` is None where it names no order."""

    line: int
    order_id: str | None
    column: str
    value: str
    reason: str


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What became of a file so far. `line` of `last_line` is how far it is read and stored.

    An order counts as stored, updated, known or rejected; `rejected_lines` are all lines of
    rejected orders and those that name no order.
    """

    last_line: int
    line: int = 0
    stored: int = 0
    stored_lines: int = 0
    updated: int = 0
    known: int = 0
    rejected: int = 0
    rejected_lines: int = 0
    remarks: int = 0


async def import_orders(
    database: WorkspaceDatabase,
    path: Path,
    *,
    site: Site | None = None,
    mapping: Mapping | None = None,
    after: int = 0,
    limits: ImportLimits | None = None,
    on_refused: Callable[[RefusedLine], None] = lambda _line: None,
    on_remark: Callable[[Remark], None] = lambda _remark: None,
    on_progress: Callable[[ImportReport], None] = lambda _report: None,
) -> ImportReport:
    """Store every order of the file that is new and move on those that are known.

    `site` is that of a TikTok Shop export, `mapping` describes any other table; `after` is the
    `line` of an earlier report of the same file, to go on from there. The callbacks run in the
    event loop. Raises FileRefused before anything is stored, or where the file changes meanwhile.
    """
    limits = limits or ImportLimits()
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, "order-file") as thread, ExitStack() as file:
        opening = open_orders(path, site=site, mapping=mapping, after=after)
        stream = await loop.run_in_executor(thread, file.enter_context, opening)
        work = _Import(database, ImportReport(last_line=stream.last_line), limits, on_refused)
        batches = _batches(stream, limits)
        reading = loop.run_in_executor(thread, next, batches, None)
        try:
            while (batch := await reading) is not None:
                reading = loop.run_in_executor(thread, next, batches, None)
                await work.take(batch, on_remark)
                on_progress(work.report)
        finally:
            await asyncio.wait([reading])
            await loop.run_in_executor(thread, file.close)
    work.report.line = stream.last_line
    on_progress(work.report)
    return work.report


def _batches(stream: OrderStream, limits: ImportLimits) -> Iterator[list[Entry]]:
    """Entries in lots of so many lines, with no more orders than one call of ingest() takes."""
    batch: list[Entry] = []
    orders = lines = 0
    for entry in stream:
        batch.append(entry)
        if isinstance(entry, ReadOrder):
            orders += 1
            lines += len(entry.order.lines)
        else:
            lines += 1
        if orders >= limits.orders or lines >= limits.lines:
            yield batch
            batch, orders, lines = [], 0, 0
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class _Import:
    database: WorkspaceDatabase
    report: ImportReport
    limits: ImportLimits
    on_refused: Callable[[RefusedLine], None]

    async def take(self, batch: Sequence[Entry], on_remark: Callable[[Remark], None]) -> None:
        read = [entry for entry in batch if isinstance(entry, ReadOrder)]
        if read:
            results = await self._store([entry.order for entry in read])
            for one, result in zip(read, results, strict=True):
                self._count(one, result)
        for entry in batch:
            if isinstance(entry, Rejection):
                self._refuse(entry.order_id, entry.line_numbers, _faulty(entry))
            elif isinstance(entry, Remark):
                self.report.remarks += 1
                on_remark(entry)
        self.report.line = batch[-1].position

    async def _store(self, orders: list[IncomingOrder]) -> list[IngestResult]:
        """One transaction; sent again where Postgres was away, which ingest() makes harmless."""
        async for attempt in stamina.retry_context(
            on=_PASSING, attempts=self.limits.attempts, timeout=None
        ):
            with attempt:
                return await self.database.change(
                    "orderImport", lambda writer: ingest(writer, orders)
                )
        raise AssertionError("unreachable")

    def _count(self, entry: ReadOrder, result: IngestResult) -> None:
        report = self.report
        match result.outcome:
            case IngestOutcome.STORED:
                report.stored += 1
                report.stored_lines += len(entry.order.lines)
            case IngestOutcome.UPDATED:
                report.updated += 1
            case IngestOutcome.ALREADY_KNOWN:
                report.known += 1
            case IngestOutcome.REJECTED:
                first = entry.line_numbers[0]
                faults = {first: [("", "", f"the order was rejected: {result.reason}")]}
                self._refuse(entry.order.external_id, entry.line_numbers, faults)

    def _refuse(
        self, order_id: str | None, lines: Sequence[int], faulty: dict[int, list[_Fault]]
    ) -> None:
        """Every line of the order is told, those that are right with where the fault is."""
        self.report.rejected += order_id is not None
        self.report.rejected_lines += len(lines)
        elsewhere = ("", "", f"goes with its order, which is at fault in line {min(faulty)}")
        for line in lines:
            for column, value, reason in faulty.get(line, [elsewhere]):
                self.on_refused(
                    RefusedLine(
                        line=line, order_id=order_id, column=column, value=value, reason=reason
                    )
                )


def _faulty(rejection: Rejection) -> dict[int, list[_Fault]]:
    faulty: dict[int, list[_Fault]] = {}
    for fault in rejection.faults:
        faulty.setdefault(fault.line, []).append((fault.column, fault.value, fault.reason))
    return faulty
