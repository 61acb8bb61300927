"""The lines of one order brought together, wherever in the file they stand, in bounded memory.

Exports keep the lines of an order next to each other, nearly always: in the Online Retail file one
order of 25,900 has another in between. A single pass cannot know that an order is complete before
the file ends, so there are two. The first counts the lines of every order and notes its last one
(in SQLite's temporary storage, which spills to disk: memory does not grow with the file). The
second hands an order out at its last line; only orders with lines apart are held meanwhile, and
the file is refused beforehand if those have more than `scattered_lines` lines together.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from commerce.orders.files.entries import FileLimits, FileRefused, Row, shown

SQLITE_CACHE_KIB = 16 * 1024


class OrderIds(Protocol):
    """How the rows of a layout name their order."""

    @property
    def first_data_line(self) -> int: ...

    @property
    def order_column(self) -> int: ...

    @property
    def id_suffix(self) -> str:
        """What a program added to every id ("1001.0"); '' as a rule."""

    def id_fault(self, order_id: str) -> str | None:
        """Why this cannot be an order id, or None."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Lines that are handed out together. `fault` says why `order_id` names no order."""

    order_id: str
    rows: list[Row]
    fault: str | None
    position: int


def scattered_orders(rows: Iterator[Row], ids: OrderIds, limits: FileLimits) -> dict[str, int]:
    """The orders whose lines lie apart, with the last line of each. Refuses what is not bounded."""
    with closing(sqlite3.connect("")) as counts:
        counts.execute(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}")
        counts.execute("PRAGMA journal_mode = OFF")
        counts.execute(
            "CREATE TABLE orders (id TEXT PRIMARY KEY, last INT, lines INT, runs INT DEFAULT 1)"
            " WITHOUT ROWID"
        )
        counts.executemany(
            "INSERT INTO orders (id, last, lines) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " last = excluded.last, lines = lines + excluded.lines, runs = runs + 1",
            _runs(rows, ids),
        )
        _refuse_unbounded(counts, limits)
        return dict(counts.execute("SELECT id, last FROM orders WHERE runs > 1"))


def _runs(rows: Iterator[Row], ids: OrderIds) -> Iterator[tuple[str, int, int]]:
    """(order id, last line, number of lines) for each run of adjacent lines of one order."""
    column, suffix = ids.order_column, ids.id_suffix
    current, last, count = "", 0, 0
    for line, cells in _data(rows, ids):
        order_id = cells[column].strip().removesuffix(suffix) if column < len(cells) else ""
        if order_id != current:
            if count and ids.id_fault(current) is None:
                yield current, last, count
            current, count = order_id, 0
        count += 1
        last = line
    if count and ids.id_fault(current) is None:
        yield current, last, count


def _refuse_unbounded(counts: sqlite3.Connection, limits: FileLimits) -> None:
    largest = counts.execute("SELECT id, lines FROM orders ORDER BY lines DESC LIMIT 1").fetchone()
    if largest and largest[1] > limits.lines_per_order:
        raise FileRefused(
            f"order {shown(largest[0])!r} has {largest[1]:,} lines; the limit is "
            f"{limits.lines_per_order:,} lines_per_order. Is this the column of the order id?"
        )
    orders, lines = counts.execute(
        "SELECT count(*), coalesce(sum(lines), 0) FROM orders WHERE runs > 1"
    ).fetchone()
    if lines > limits.scattered_lines:
        raise FileRefused(
            f"the lines of {orders:,} orders ({lines:,} lines) do not stand together; the limit is "
            f"{limits.scattered_lines:,} scattered_lines. Sort the file by the order id"
        )


def gather(
    rows: Iterator[Row], ids: OrderIds, last_lines: Mapping[str, int], limits: FileLimits
) -> Iterator[Gathered]:
    """Orders whole, in the order of their last lines. Lines that name no order come alone."""
    held: dict[str, list[Row]] = {}
    for order_id, run in _adjacent(rows, ids, limits):
        last = run[-1][0]
        fault = ids.id_fault(order_id)
        if fault is not None or order_id not in last_lines:
            yield Gathered(order_id, run, fault, last)
            continue
        held.setdefault(order_id, []).extend(run)
        if last >= last_lines[order_id]:
            yield Gathered(order_id, held.pop(order_id), None, last)


def _adjacent(
    rows: Iterator[Row], ids: OrderIds, limits: FileLimits
) -> Iterator[tuple[str, list[Row]]]:
    """Runs of lines with one id; a line without one, and the 10,001st of a bad id, is cut off."""
    column, suffix = ids.order_column, ids.id_suffix
    current, run = "", list[Row]()
    for row in _data(rows, ids):
        cells = row[1]
        order_id = cells[column].strip().removesuffix(suffix) if column < len(cells) else ""
        if order_id != current or not order_id or len(run) > limits.lines_per_order:
            if run:
                yield current, run
            current, run = order_id, []
        run.append(row)
    if run:
        yield current, run


def _data(rows: Iterator[Row], ids: OrderIds) -> Iterator[Row]:
    """Rows below the headings that are not blank all over."""
    first = ids.first_data_line
    for row in rows:
        cells = row[1]
        if row[0] >= first and any(map(str.strip, cells)):
            yield row
