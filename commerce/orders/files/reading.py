"""`open_orders`: a file of orders as a stream of orders, rejections and remarks.

    with open_orders(path, site=Site.TH) as stream:
        for entry in stream:
            match entry:
                case ReadOrder(): ...
                case Rejection(): ...
                case Remark(): ...

What a file is, is told by its first bytes, not by its name. The file is read twice (see
gathering.py): everything that condemns it as a whole is found before the first order comes.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from commerce.orders.files.csv_rows import csv_table
from commerce.orders.files.entries import (
    Entry,
    Fault,
    FileLimits,
    FileRefused,
    Reading,
    ReadOrder,
    Rejection,
    Remark,
    Row,
    Table,
    shown,
)
from commerce.orders.files.gathering import Gathered, OrderIds, gather, scattered_orders
from commerce.orders.files.mapped import read_mapped_order
from commerce.orders.files.mapped_columns import mapped_columns, mapped_headings
from commerce.orders.files.mapping import Mapping
from commerce.orders.files.tiktok_columns import tiktok_columns
from commerce.orders.files.tiktok_export import read_tiktok_order
from commerce.orders.files.tiktok_words import REQUIRED_HEADINGS
from commerce.orders.files.xlsx_rows import ZIP_MAGIC, xlsx_table
from commerce.shops.sites import Site

OLD_EXCEL_MAGIC = b"\xd0\xcf\x11\xe0"
DEFAULT_LIMITS = FileLimits()


class Layout(OrderIds, Protocol):
    @property
    def order_heading(self) -> str: ...

    @property
    def width(self) -> int: ...


ReadOneOrder = Callable[[str, Sequence[Row]], Reading]


@dataclass(slots=True)
class OrderStream:
    """Iterate it once. `last_line` is the number of lines, to compare positions with."""

    last_line: int
    entries: Iterator[Entry]

    def __iter__(self) -> Iterator[Entry]:
        return self.entries


@contextmanager
def open_orders(
    path: Path,
    *,
    site: Site | None = None,
    mapping: Mapping | None = None,
    zone: ZoneInfo | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    after: int = 0,
    limits: FileLimits = DEFAULT_LIMITS,
) -> Iterator[OrderStream]:
    """Orders of TikTok Shop's own export of `site`, or of any table that `mapping` describes.

    `zone` is the clock of the export where it is not the site's; `encoding` is tried where the
    file is not UTF-8; `sheet` names one of several. `after` is the position of an entry already
    dealt with: entries up to there are left out. Raises FileRefused on entering.
    """
    wanted = _wanted(site, mapping, zone)
    with _open_table(
        path,
        headings=wanted.headings,
        encoding=encoding or (mapping.encoding if mapping else None),
        delimiter=mapping.delimiter if mapping else ",",
        sheet=sheet or (mapping.sheet if mapping else None),
        limits=limits,
    ) as table:
        with closing(table.rows()) as rows:
            first_rows = list(islice(rows, limits.heading_search_rows))
        if not first_rows:
            raise FileRefused("the file is empty")
        layout, read = wanted.find(first_rows)
        with closing(_padded(table, layout)) as rows:
            last_lines = scattered_orders(rows, layout, limits)
        with closing(_padded(table, layout)) as rows:
            gathered = gather(rows, layout, last_lines, limits)
            entries = (e for found in gathered for e in _entries(found, layout, read, after))
            yield OrderStream(table.last_line, entries)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The headings to look for, and what to do once they are found."""

    headings: Sequence[str]
    find: Callable[[Sequence[Row]], tuple[Layout, ReadOneOrder]]


def _wanted(site: Site | None, mapping: Mapping | None, zone: ZoneInfo | None) -> _Wanted:
    if mapping is not None:

        def find_mapped(first_rows: Sequence[Row]) -> tuple[Layout, ReadOneOrder]:
            columns = mapped_columns(first_rows, mapping=mapping)
            return columns, partial(read_mapped_order, columns)

        return _Wanted(mapped_headings(mapping), find_mapped)
    if site is None:
        raise FileRefused("say of which site the export is, or give a mapping")

    def find_tiktok(first_rows: Sequence[Row]) -> tuple[Layout, ReadOneOrder]:
        columns = tiktok_columns(first_rows, site=site, zone=zone)
        return columns, partial(read_tiktok_order, columns)

    return _Wanted(REQUIRED_HEADINGS, find_tiktok)


@contextmanager
def _open_table(
    path: Path,
    *,
    headings: Sequence[str],
    encoding: str | None,
    delimiter: str,
    sheet: str | None,
    limits: FileLimits,
) -> Iterator[Table]:
    try:
        zipped = _first_bytes(path, limits) == ZIP_MAGIC
        plain = (
            None
            if zipped
            else csv_table(path, encoding=encoding, delimiter=delimiter, limits=limits)
        )
    except OSError as error:
        raise FileRefused(f"{path.name}: {error.strerror}") from error
    if plain is not None:
        yield plain
    else:
        with xlsx_table(path, headings=headings, sheet=sheet, limits=limits) as table:
            yield table


def _first_bytes(path: Path, limits: FileLimits) -> bytes:
    if not path.is_file():
        raise FileRefused(f"{path.name} is not a file")
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise FileRefused(
            f"the file has {size:,} bytes; the limit is {limits.file_bytes:,} file_bytes. Split it"
        )
    with path.open("rb") as file:
        start = file.read(len(ZIP_MAGIC))
    if start == OLD_EXCEL_MAGIC:
        raise FileRefused("this is an XLS file of Excel 2003, or is encrypted; save it as XLSX")
    return start


def _padded(table: Table, layout: Layout) -> Generator[Row]:
    """Rows as wide as the headings where the file merely left out empty cells at the end."""
    width = layout.width
    for row in table.rows():
        line, cells = row
        if len(cells) == width:
            yield row
        elif len(cells) > width and not any(map(str.strip, cells[width:])):
            yield line, cells[:width]
        elif table.ragged:
            yield line, cells + [""] * (width - len(cells))
        else:
            yield row


def _entries(found: Gathered, layout: Layout, read: ReadOneOrder, after: int) -> Iterator[Entry]:
    if found.position <= after:
        return
    line_numbers = tuple(line for line, _ in found.rows)
    if found.fault is not None:
        fault = Fault(line_numbers[0], layout.order_heading, found.fault, shown(found.order_id))
        reading = Reading(None, [fault], [])
    else:
        reading = read(found.order_id, found.rows)
    for doubt in reading.doubts:
        yield Remark(order_id=found.order_id, fault=doubt, position=found.position)
    if reading.order is not None:
        yield ReadOrder(order=reading.order, line_numbers=line_numbers, position=found.position)
        return
    yield Rejection(
        order_id=shown(found.order_id) or None,
        line_numbers=line_numbers,
        faults=tuple(reading.faults),
        position=found.position,
    )
