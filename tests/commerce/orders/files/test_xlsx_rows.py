"""Workbooks as TikTok Shop, openpyxl and attackers write them, read by the real child process."""

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from xml.sax.saxutils import escape

import openpyxl
import pytest

from commerce.orders.files import xlsx_rows
from commerce.orders.files.entries import Entry, FileLimits, FileRefused, ReadOrder, Rejection, Row
from commerce.orders.files.reading import open_orders
from commerce.shops.sites import Site

SHEET = "xl/worksheets/sheet1.xml"
NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

Line = Callable[..., dict[str, str]]
ExportRows = Callable[..., list[list[str]]]
Answer = TypeVar("Answer")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.xlsx"


def rows_of(
    path: Path, headings: tuple[str, ...] = (), limits: FileLimits | None = None
) -> list[Row]:
    with xlsx_rows.xlsx_table(path, headings=headings, limits=limits or FileLimits()) as table:
        return list(table.rows())


def orders_of(path: Path, **options: object) -> list[Entry]:
    with open_orders(path, site=Site.TH, **options) as stream:  # type: ignore[arg-type]
        return list(stream)


def write(path: Path, sheet_data: str, *, part: str = SHEET, before: str = "") -> Path:
    xml = f'{before}<worksheet xmlns="{NAMESPACE}">{sheet_data}</worksheet>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(part, xml)
    return path


def column_letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def cell(row: int, column: int, text: str) -> str:
    reference = f"{column_letters(column)}{row}"
    return f'<c r="{reference}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def scattered_cells(rows: list[list[str]]) -> str:
    """As TikTok Shop writes a sheet: a row element for each cell, and a stale dimension."""
    cells = (
        f'<row r="{r}">{cell(r, c, text)}</row>'
        for r, row in enumerate(rows, 1)
        for c, text in enumerate(row, 1)
        if text
    )
    return f'<dimension ref="A1:A1"/><sheetData>{"".join(cells)}</sheetData>'


def workbook(path: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_an_ordinary_workbook(path: Path, export_rows: ExportRows, line: Line) -> None:
    rows: list[list[object]] = [list(row) for row in export_rows(line())]
    (entry,) = orders_of(workbook(path, OrderSKUList=rows))
    assert isinstance(entry, ReadOrder)
    assert entry.line_numbers == (3,)
    assert entry.order.external_id == "576461413038785752"


def test_rows_in_pieces_and_data_in_the_second_sheet(
    path: Path, export_rows: ExportRows, line: Line
) -> None:
    sheet = scattered_cells(export_rows(line(), line(Order_ID="576461413038785753")))
    write(path, sheet, part="xl/worksheets/sheet2.xml")
    first, second = orders_of(path)
    assert isinstance(first, ReadOrder)
    assert isinstance(second, ReadOrder)
    assert (first.line_numbers, second.line_numbers) == ((3,), (4,))
    ordinary = workbook(path, Data=[list(row) for row in export_rows(line())])
    assert orders_of(ordinary) == [first]


def test_the_sheet_with_the_headings_is_read(
    path: Path, export_rows: ExportRows, line: Line
) -> None:
    rows: list[list[object]] = [list(row) for row in export_rows(line())]
    workbook(path, Notes=[["read me"]], Orders=rows)
    assert len(orders_of(path)) == 1
    workbook(path, Shop1=rows, Shop2=rows)
    with pytest.raises(FileRefused, match=r"several sheets hold orders: \['Shop1', 'Shop2'\]"):
        orders_of(path)
    assert len(orders_of(path, sheet="Shop2")) == 1
    with pytest.raises(FileRefused, match="no sheet 'Shop3'"):
        orders_of(path, sheet="Shop3")
    workbook(path, Notes=[["read me"]])
    with pytest.raises(FileRefused, match="the headings lack: Order ID"):
        orders_of(path)


def test_ids_in_number_cells_are_rejected_not_rounded(
    path: Path, export_rows: ExportRows, line: Line
) -> None:
    rows: list[list[object]] = [list(row) for row in export_rows(line())]
    rows[2][0] = 576461413038785752
    (entry,) = orders_of(workbook(path, Orders=rows))
    assert isinstance(entry, Rejection)
    assert entry.faults[0].value == "5.76461413038786E+17"
    assert "turned into a number and has lost its last digits" in entry.faults[0].reason


def test_number_cells_read_as_excel_shows_them(path: Path) -> None:
    numbers = ["12", "17850.0", "0.30000000000000004", "1E3", "1E-7", "123456789012345", "1e999"]
    cells = "".join(f"<c><v>{number}</v></c>" for number in numbers)
    write(path, f"<sheetData><row>{cells}</row></sheetData>")
    shown = ["12", "17850", "0.3", "1000", "0.0000001", "123456789012345", "INF"]
    assert rows_of(path) == [(1, shown)]


def test_every_kind_of_cell(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["shared", 1.5, True, None, "=1+1", "tab\t", "line\nbreak", "é"])
    sheet["J3"] = "far"
    book.save(path)
    first, second = rows_of(path)
    assert first == (1, ["shared", "1.5", "TRUE", "", "", "tab\t", "line\nbreak", "é"])
    assert second == (3, [""] * 9 + ["far"])
    rich = "<is><r><t>ri</t></r><r><t>ch_x0009_</t></r><rPh><t>no</t></rPh></is>"
    write(path, f'<sheetData><row><c t="inlineStr">{rich}</c></row></sheetData>')
    assert rows_of(path) == [(1, ["rich\t"])]


def test_rows_without_numbers_and_prefixed_names(path: Path) -> None:
    xml = (
        "<x:sheetData><x:row><x:c><x:v>1</x:v></x:c></x:row><x:row><x:c><x:v>2</x:v></x:c></x:row>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            SHEET, f'<x:worksheet xmlns:x="{NAMESPACE}">{xml}</x:sheetData></x:worksheet>'
        )
    assert rows_of(path) == [(1, ["1"]), (2, ["2"])]


def test_a_cell_in_the_far_corner_costs_nothing(path: Path) -> None:
    write(path, '<sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>')
    assert path.stat().st_size < 1024
    with pytest.raises(FileRefused, match=r"row 1048576 has a value in column 16,384; the limit"):
        rows_of(path)
    write(path, '<sheetData><row r="1"><c r="ZZZZZZZ1"><v>1</v></c></row></sheetData>')
    with pytest.raises(FileRefused, match="no place in a sheet"):
        rows_of(path)
    write(path, '<sheetData><row r="99999999"><c><v>1</v></c></row></sheetData>')
    with pytest.raises(FileRefused, match="row 99,999,999; the limit is 1,048,576"):
        rows_of(path)


def test_ten_million_empty_rows_are_read_past(path: Path) -> None:
    limits = FileLimits(xlsx_ratio=2_000, xlsx_memory_bytes=128 * 1024**2)
    write(path, f"<sheetData>{'<row/>' * 10_000_000}<row><c><v>1</v></c></row></sheetData>")
    assert rows_of(path, limits=limits) == [(1, ["1"])]


def test_bombs_are_refused_by_what_they_declare(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(SHEET, b" " * 64 * 1024**2)
    with pytest.raises(FileRefused, match="times its size; the limit is 200"):
        rows_of(path)
    with pytest.raises(FileRefused, match="it unpacks to 67,108,864 bytes; the limit is 1,000,000"):
        rows_of(path, limits=FileLimits(xlsx_uncompressed_bytes=1_000_000))
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2_001):
            archive.writestr(f"{number}", b"")
    with pytest.raises(FileRefused, match="2,001 parts; the limit is 2,000"):
        rows_of(path)


def test_a_bomb_that_lies_about_its_size_is_refused(path: Path) -> None:
    write(path, f"<sheetData><row><c><v>{'1' * 4_000_000}</v></c></row></sheetData>")
    content = bytearray(path.read_bytes())
    size = (4_000_000).to_bytes(4, "little")[1:]
    entry = content.rindex(b"PK\x01\x02")
    assert content[entry + 25 : entry + 28] == size
    content[entry + 24 : entry + 28] = (1_000).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(FileRefused, match="was refused"):
        rows_of(path)


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ('<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>', "&b;"),
        ('<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;"),
        ('<!DOCTYPE w SYSTEM "http://127.0.0.1:9/x.dtd">', "1"),
    ],
)
def test_hostile_entities_are_refused(path: Path, before: str, body: str) -> None:
    sheet = f"<sheetData><row><c><v>{body}</v></c></row></sheetData>"
    with pytest.raises(FileRefused, match="declares a document type"):
        rows_of(write(path, sheet, before=before))


@pytest.mark.parametrize(
    ("sheet", "reason"),
    [
        ("<sheetData><row>", "malformed"),
        (
            '<sheetData><row r="2"><c><v>1</v></c></row><row r="1"/></sheetData>',
            "row 1 comes after",
        ),
        ('<sheetData><row><c t="s"><v>7</v></c></row></sheetData>', "shared string"),
        (f"<sheetData><row><c><v>{'x' * 40_000}</v></c></row></sheetData>", "40,000 characters"),
    ],
)
def test_malformed_sheets_are_refused(path: Path, sheet: str, reason: str) -> None:
    with pytest.raises(FileRefused, match=reason):
        rows_of(write(path, sheet))


def test_what_is_no_workbook_is_refused(path: Path) -> None:
    with pytest.raises(FileRefused, match="the file is empty"):
        orders_of(write(path, "<sheetData/>"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    with pytest.raises(FileRefused, match="none of its sheets holds a row"):
        rows_of(path)
    write(path, scattered_cells([["text"] * 50] * 50))
    content = bytearray(path.read_bytes())
    content[400:500] = b"\0" * 100
    path.write_bytes(content)
    with pytest.raises(FileRefused, match="was refused"):
        rows_of(path)


def test_memory_of_the_child_is_bounded_and_small(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            SHEET, "<worksheet><sheetData><row><c><v>1</v></c></row></sheetData></worksheet>"
        )
        items = (f"<si><t>text number {number}</t></si>" for number in range(1_500_000))
        archive.writestr("xl/sharedStrings.xml", f"<sst>{''.join(items)}</sst>")
    with pytest.raises(FileRefused, match="needs more than 100,663,296 bytes of memory"):
        rows_of(path, limits=FileLimits(xlsx_memory_bytes=96 * 1024**2))
    rows = [[f"value {row} {column}" for column in range(10)] for row in range(20_000)]
    write(path, scattered_cells(rows))
    with Path(os.devnull).open("r+b") as nowhere:
        answer = xlsx_rows._copy_sheet(path, nowhere, headings=(), sheet=None, limits=FileLimits())
    assert answer["rows"] == 20_000
    assert answer["peak_kib"] < 40 * 1024


def test_a_table_that_grows_too_large_is_refused(path: Path) -> None:
    write(path, scattered_cells([["x" * 1000] * 10] * 100))
    with pytest.raises(FileRefused, match="could not be unpacked: File too large"):
        rows_of(path, limits=FileLimits(xlsx_table_bytes=100_000))


def slow_workbook(path: Path) -> Path:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(SHEET, "w") as sheet,
    ):
        sheet.write(b"<worksheet><sheetData>")
        for _ in range(60):
            sheet.write(b"<row/>" * 1_000_000)
        sheet.write(b"</sheetData></worksheet>")
    return path


def test_a_child_that_takes_too_long_is_killed(path: Path) -> None:
    slow_workbook(path)
    limits = FileLimits(xlsx_seconds=0.5, xlsx_ratio=10_000)
    with pytest.raises(FileRefused, match=r"longer than 0\.5 seconds"):
        rows_of(path, limits=limits)
    assert str(path) not in commands_of_children()


def test_the_child_dies_with_its_parent(path: Path) -> None:
    slow_workbook(path)
    program = (
        "import sys, pathlib; from commerce.orders.files.xlsx_rows import xlsx_table;"
        "from commerce.orders.files.entries import FileLimits;"
        "xlsx_table(pathlib.Path(sys.argv[1]), headings=(), "
        "limits=FileLimits(xlsx_ratio=10_000)).__enter__()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], cwd=xlsx_rows.CHECKOUT
    ) as parent:
        child = awaited(lambda: child_of(parent.pid))
        os.kill(parent.pid, signal.SIGKILL)
    awaited(lambda: not Path(f"/proc/{child}/exe").exists())


def commands_of_children() -> str:
    pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return " ".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in pids)


def child_of(pid: int) -> str:
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    return listing.read_text().strip() if listing.exists() else ""


def awaited(question: Callable[[], Answer]) -> Answer:
    deadline = time.monotonic() + 20
    while not (answer := question()):
        assert time.monotonic() < deadline, "it did not come about within 20 seconds"
        time.sleep(0.02)
    return answer
