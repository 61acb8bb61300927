"""What an XLSX archive holds, and which of its sheets to read.

Runs in the child process of xlsx_child.py.
"""

import contextlib
import re
import zipfile
from typing import NamedTuple

from commerce.orders.files.xlsx_cells import (
    CHUNK_BYTES,
    Attributes,
    Limits,
    Refused,
    TextCollector,
    parse,
    read_rows,
)

PEEKED_ROWS = 10
WORKBOOK = "xl/workbook.xml"
RELATIONS = "xl/_rels/workbook.xml.rels"
STRINGS = "xl/sharedStrings.xml"


class EnoughRows(Exception):
    pass


class Sheet(NamedTuple):
    name: str
    part: str


def check_declared_sizes(archive: zipfile.ZipFile, limits: Limits) -> None:
    entries = archive.infolist()
    if len(entries) > limits.entries:
        raise Refused(f"it holds {len(entries):,} parts; the limit is {limits.entries:,}")
    size = sum(entry.file_size for entry in entries)
    if size > limits.uncompressed_bytes:
        raise Refused(f"it unpacks to {size:,} bytes; the limit is {limits.uncompressed_bytes:,}")
    packed = sum(entry.compress_size for entry in entries)
    if size > limits.ratio * max(packed, CHUNK_BYTES):
        raise Refused(
            f"it unpacks to {size // max(packed, 1):,} times its size; the limit is {limits.ratio}"
        )


def choose_sheet(
    archive: zipfile.ZipFile,
    strings: list[str],
    headings: list[str],
    wanted: str | None,
    limits: Limits,
) -> Sheet:
    """The sheet asked for by name, or the only one with all headings, or the first with rows.

    The last is handed on so that the parent can say which headings it lacks.
    """
    sheets = sheets_of(archive)
    if wanted is not None:
        named = [sheet for sheet in sheets if sheet.name == wanted]
        if not named:
            raise Refused(f"it has no sheet {wanted!r}; it has {[s.name for s in sheets]}")
        return named[0]
    if len(sheets) == 1:
        return sheets[0]
    filled, fitting = [], []
    for sheet in sheets:
        first_rows = peek(archive, sheet.part, strings, limits)
        if first_rows:
            filled.append(sheet)
        if any(row.issuperset(headings) for row in first_rows):
            fitting.append(sheet)
    if len(fitting) > 1:
        raise Refused(f"several sheets hold orders: {[s.name for s in fitting]}. Name one of them")
    if not filled:
        raise Refused("none of its sheets holds a row")
    return (fitting or filled)[0]


def peek(archive: zipfile.ZipFile, part: str, strings: list[str], limits: Limits) -> list[set[str]]:
    """The first rows as sets of headings, compared as entries.heading_key compares them."""
    rows: list[set[str]] = []

    def keep(_number: int, cells: list[str]) -> None:
        rows.append({" ".join(cell.split()).casefold() for cell in cells})
        if len(rows) == PEEKED_ROWS:
            raise EnoughRows

    with contextlib.suppress(EnoughRows):
        read_rows(archive, part, strings, keep, limits)
    return rows


def sheets_of(archive: zipfile.ZipFile) -> list[Sheet]:
    """Sheets in the order of the workbook; parts that it does not name come after those."""
    names = set(archive.namelist())
    targets: dict[str, str] = {}
    sheets: list[Sheet] = []

    def relation(tag: str, attributes: Attributes) -> None:
        if tag == "Relationship":
            target = attributes.get("Target", "")
            targets[attributes.get("Id", "")] = (
                target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            )

    def sheet(tag: str, attributes: Attributes) -> None:
        if tag == "sheet":
            part = next((targets[v] for k, v in attributes.items() if k.endswith(":id")), "")
            if part in names and part.startswith("xl/worksheets/"):
                sheets.append(Sheet(attributes.get("name", part), part))

    for part, handler in ((RELATIONS, relation), (WORKBOOK, sheet)):
        if part in names:
            parse(archive, part, handler)
    known = {found.part for found in sheets}
    loose = sorted(n for n in names - known if re.fullmatch(r"xl/worksheets/[^/]+\.xml", n))
    return sheets + [Sheet(part, part) for part in loose]


def shared_strings(archive: zipfile.ZipFile) -> list[str]:
    strings: list[str] = []
    if STRINGS in archive.namelist():
        text = TextCollector()

        def start(tag: str, _attributes: Attributes) -> None:
            text.start(tag)
            if tag == "si":
                text.clear()

        def end(tag: str) -> None:
            text.end(tag)
            if tag == "si":
                strings.append(text.take())

        parse(archive, STRINGS, start, end, text.add)
    return strings
