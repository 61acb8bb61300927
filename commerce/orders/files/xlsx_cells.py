"""The rows of one sheet of an XLSX file, joined from its cells as the XML streams by.

Runs in the child process of xlsx_child.py, whose docstring says why it is as it is.
"""

import re
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple
from xml.parsers import expat

CHUNK_BYTES = 64 * 1024
EXACT_DIGITS = 15

Attributes = dict[str, str]

_ESCAPED_BLANK = re.compile(r"_x00(09|0A|0D|20)_", re.IGNORECASE)


class Refused(Exception):
    pass


class Limits(NamedTuple):
    entries: int
    uncompressed_bytes: int
    ratio: int
    rows: int
    columns: int
    cell_characters: int
    memory_bytes: int
    table_bytes: int
    seconds: int


def read_rows(
    archive: zipfile.ZipFile,
    part: str,
    strings: list[str],
    keep: Callable[[int, list[str]], None],
    limits: Limits,
) -> None:
    """Call `keep(row number, cells)` for every row that has a value, in the order of the file."""
    reader = RowReader(strings, keep, limits)
    parse(archive, part, reader.start, reader.end, reader.text.add)
    reader.flush()


class RowReader:
    """Joins `<c>` elements to rows by the row number, whatever `<row>` they stand in."""

    def __init__(
        self, strings: list[str], keep: Callable[[int, list[str]], None], limits: Limits
    ) -> None:
        self.strings, self.keep, self.limits = strings, keep, limits
        self.text = TextCollector()
        self.row = 0
        self.row_named = False
        self.column = -1
        self.kind = ""
        self.cells: dict[int, str] = {}

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "c":
            self.begin_cell(attributes)
        elif tag == "row":
            number = attributes.get("r", "")
            self.row_named = number.isdecimal()
            if self.row_named:
                self.go_to_row(int(number))
            elif self.cells:
                self.go_to_row(self.row + 1)
        else:
            self.text.start(tag)

    def end(self, tag: str) -> None:
        if tag == "c":
            value = self.value()
            if value:
                self.cells[self.column] = value
        else:
            self.text.end(tag)

    def begin_cell(self, attributes: Attributes) -> None:
        self.text.clear()
        self.kind = attributes.get("t", "n")
        letters, digits = split_reference(attributes.get("r", ""))
        if not self.row_named and (digits or not self.row):
            self.go_to_row(digits or 1)
        self.column = letters - 1 if letters else self.column + 1

    def go_to_row(self, number: int) -> None:
        if number == self.row:
            return
        self.flush()
        if number < self.row:
            raise Refused(f"row {number} comes after row {self.row}; save it anew in Excel")
        if number > self.limits.rows:
            raise Refused(f"it has a row {number:,}; the limit is {self.limits.rows:,}")
        self.row, self.column = number, -1

    def flush(self) -> None:
        if not self.cells:
            return
        width = max(self.cells) + 1
        if width > self.limits.columns:
            raise Refused(
                f"row {self.row} has a value in column {width:,}; the limit is "
                f"{self.limits.columns:,}. Delete what stands to the right of the table"
            )
        self.keep(self.row, [self.cells.get(column, "") for column in range(width)])
        self.cells = {}

    def value(self) -> str:
        text = self.text.take()
        if self.kind == "s" and text:
            index = int(text) if text.isdecimal() else len(self.strings)
            if index >= len(self.strings):
                raise Refused(f"row {self.row} refers to a shared string that is not there")
            text = self.strings[index]
        elif self.kind == "n" and text:
            text = number_text(text)
        elif self.kind == "b":
            text = "TRUE" if text == "1" else "FALSE"
        if len(text) > self.limits.cell_characters:
            raise Refused(
                f"a cell of row {self.row} holds {len(text):,} characters; "
                f"the limit is {self.limits.cell_characters:,}"
            )
        return text


class TextCollector:
    """Joins the text of `<t>` and `<v>` elements, leaving out phonetic readings (`<rPh>`)."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.open = False
        self.phonetic = False

    def start(self, tag: str) -> None:
        if tag == "rPh":
            self.phonetic = True
        elif tag in {"t", "v"}:
            self.open = not self.phonetic

    def end(self, tag: str) -> None:
        if tag == "rPh":
            self.phonetic = False
        elif tag in {"t", "v"}:
            self.open = False

    def add(self, text: str) -> None:
        if self.open:
            self.parts.append(text)

    def clear(self) -> None:
        self.parts.clear()

    def take(self) -> str:
        text = "".join(self.parts)
        self.parts.clear()
        return unescaped(text) if "_x" in text else text


def number_text(text: str) -> str:
    """A number as Excel would show it: at most 15 significant digits, whole where it is whole."""
    try:
        shown = format(float(text), f".{EXACT_DIGITS}g")
    except ValueError:
        return text
    if "e-" in shown:
        return format(Decimal(shown), "f")
    return shown.upper()


def split_reference(reference: str) -> tuple[int, int]:
    """Column and row of "AB12", from 1; 0 for a part that is missing."""
    letters = reference.rstrip("0123456789")
    digits = reference[len(letters) :]
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - 64
        if not "A" <= letter <= "Z" or column > 1_000_000:  # noqa: PLR2004
            raise Refused(f"it has a cell at {reference[:20]!r}, which is no place in a sheet")
    return column, int(digits[:9] or 0)


def unescaped(text: str) -> str:
    """`_x0009_` is how XLSX spells a tab. Only blanks are turned back; the rest is text."""
    return _ESCAPED_BLANK.sub(lambda found: chr(int(found[1], 16)), text)


def parse(
    archive: zipfile.ZipFile,
    part: str,
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    """Feed one part to expat in chunks. The prefix of the root is taken off every name."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def no_doctype(*_: object) -> None:
        raise Refused(f"{part} declares a document type, which no spreadsheet program writes")

    def first(root: str, attributes: Attributes) -> None:
        prefix = root[: root.find(":") + 1]
        if prefix:
            parser.StartElementHandler = lambda tag, found: start(tag.removeprefix(prefix), found)
        else:
            parser.StartElementHandler = start
        if end is not None:
            parser.EndElementHandler = (
                (lambda tag: end(tag.removeprefix(prefix))) if prefix else end
            )
        start(root.removeprefix(prefix), attributes)

    parser.StartDoctypeDeclHandler = no_doctype
    parser.StartElementHandler = first
    if text is not None:
        parser.CharacterDataHandler = text
    for chunk in _chunks(archive, part):
        parser.Parse(chunk, False)
    parser.Parse(b"", True)


def _chunks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    with archive.open(part) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
