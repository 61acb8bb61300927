"""What reading an order file gives: orders, rejections, remarks; and how a whole file is refused.

Line numbers are those of the file as a spreadsheet or an editor shows them, from 1. For XLSX they
are row numbers.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from commerce.orders.ingestion import IncomingOrder

SHOWN_CHARACTERS = 60

Row = tuple[int, list[str]]
"""A line number and its cells. Cells are NFC text, neither stripped nor interpreted."""


class FileRefused(Exception):
    """The file cannot be read as a whole. Raised before the first order is handed out.

    Only a file that is changed while it is read is refused later.

    `line` is where the trouble is, where there is one line to blame.
    """

    def __init__(self, reason: str, *, line: int | None = None) -> None:
        super().__init__(f"Line {line}: {reason}" if line else reason)
        self.reason = reason
        self.line = line


class CellFault(Exception):
    """One value that cannot be right. `column` is the heading as the file spells it."""

    def __init__(self, column: str, reason: str, value: str = "") -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason
        self.value = value


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLimits:
    """How much of a file is worth reading. The defaults read the largest known exports.

    Memory: rows pass through one at a time; what is held is one order, plus the lines of orders
    whose lines lie apart (`scattered_lines`). `xlsx_memory_bytes` is the address space of the
    child process that parses XLSX; `xlsx_table_bytes` what it may write to a temporary file.
    `line_characters` is checked by the chunk: a line somewhat longer may pass.
    """

    file_bytes: int = 512 * 1024**2
    uncompressed_bytes: int = 1024**3
    line_characters: int = 1024**2
    heading_search_rows: int = 10
    lines_per_order: int = 10_000
    scattered_lines: int = 20_000
    xlsx_entries: int = 2_000
    xlsx_uncompressed_bytes: int = 512 * 1024**2
    xlsx_ratio: int = 200
    xlsx_columns: int = 1_000
    xlsx_rows: int = 1_048_576
    xlsx_cell_characters: int = 32_767
    xlsx_memory_bytes: int = 512 * 1024**2
    xlsx_table_bytes: int = 1024**3
    xlsx_seconds: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows that can be read more than once, which is how scattered orders are found.

    `ragged` says that missing cells at the end of a row are merely empty (XLSX leaves them out).
    `last_line` is the number of lines in the file, for a progress bar.
    """

    rows: Callable[[], Generator[Row]]
    last_line: int
    ragged: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one line is wrong. `value` is shortened, because it is shown and logged."""

    line: int
    column: str
    reason: str
    value: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What the lines of one order came to: an order and doubts about it, or only faults."""

    order: IncomingOrder | None
    faults: list[Fault]
    doubts: list[Fault]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrder:
    """`position`: every order that ends at or before this line has been handed out."""

    order: IncomingOrder
    line_numbers: tuple[int, ...]
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An order none of whose lines is taken, because some are wrong: part of it is wrong money.

    `order_id` is None for a line that names no order. `line_numbers` are all lines of the order,
    `faults` the reasons, one for each bad line.
    """

    order_id: str | None
    line_numbers: tuple[int, ...]
    faults: tuple[Fault, ...]
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something odd about an order that is taken nevertheless. Comes just before the order."""

    order_id: str
    fault: Fault
    position: int


Entry = ReadOrder | Rejection | Remark


def fault_at(line: int, fault: CellFault) -> Fault:
    return Fault(line, fault.column, fault.reason, shown(fault.value))


def shown(value: str) -> str:
    """Text fit for one line of a report."""
    text = value if len(value) <= SHOWN_CHARACTERS else value[: SHOWN_CHARACTERS - 1] + "…"
    return text if text.isprintable() else ascii(text)[1:-1]


def heading_key(cell: str) -> str:
    """How headings are compared: case, runs of blanks and a trailing tab do not count."""
    return " ".join(cell.split()).casefold()
