"""CSV and gzipped CSV as rows, with what a stream cannot tell decided before the first row.

The file is looked through once for its encoding: UTF-8 if every byte of it is (with or without
BOM), otherwise the encoding the caller names, otherwise a refusal. Nothing is guessed.

Broken quoting refuses the file, not the line: behind an unclosed quote nobody can say which
orders the swallowed lines belong to.
"""

import codecs
import csv
import gzip
import zlib
from collections.abc import Generator, Iterator
from io import BufferedReader
from pathlib import Path
from typing import TextIO
from unicodedata import normalize

from commerce.orders.files.entries import FileLimits, FileRefused, Row, Table

CHUNK_BYTES = 256 * 1024
GZIP_MAGIC = b"\x1f\x8b"


def csv_table(
    path: Path, *, encoding: str | None = None, delimiter: str = ",", limits: FileLimits
) -> Table:
    """Rows of a CSV file, gzipped or not. Blank lines are left out; their numbers count."""
    compressed = _is_gzip(path)
    before = _version(path)
    chosen, last_line = _decide_encoding(path, encoding, compressed=compressed, limits=limits)

    def rows() -> Generator[Row]:
        if _version(path) != before:
            raise FileRefused("the file was changed while it was read. Start again")
        with _open_text(path, chosen, compressed=compressed) as text:
            yield from csv_rows(text, delimiter=delimiter)

    return Table(rows=rows, last_line=last_line, ragged=False)


def csv_rows(text: TextIO, *, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    before = 0
    try:
        for cells in reader:
            if cells:
                if not "".join(cells).isascii():
                    cells = [normalize("NFC", cell) for cell in cells]  # noqa: PLW2901
                yield before + 1, cells
            before = reader.line_num
    except csv.Error as error:
        raise FileRefused(
            f"the columns cannot be told apart ({error}). Mend the quotation marks of this line, "
            f"or the delimiter, which is taken to be {delimiter!r}",
            line=before + 1,
        ) from error


def _version(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP_MAGIC


def _open_text(path: Path, encoding: str, *, compressed: bool) -> TextIO:
    if compressed:
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def _decide_encoding(
    path: Path, fallback: str | None, *, compressed: bool, limits: FileLimits
) -> tuple[str, int]:
    """The encoding that fits the whole file, and the number of its lines."""
    problem, last_line = _first_undecodable(path, "utf-8", compressed=compressed, limits=limits)
    if problem is None:
        return "utf-8-sig", last_line
    if fallback is None or codecs.lookup(fallback).name == "utf-8":
        raise FileRefused(
            f"the file cannot be read as UTF-8: {problem}. Name the encoding it was saved in, "
            "for example windows-1252, tis-620 or utf-16"
        )
    problem, last_line = _first_undecodable(path, fallback, compressed=compressed, limits=limits)
    if problem is not None:
        raise FileRefused(f"the file can be read neither as UTF-8 nor as {fallback}: {problem}")
    return fallback, last_line


def _first_undecodable(
    path: Path, encoding: str, *, compressed: bool, limits: FileLimits
) -> tuple[str | None, int]:
    """Where decoding fails, as a phrase or None; and how many lines were seen.

    Refuses endless lines on the way, so that csv.reader can take whole lines.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    offset, line, returns, unended = 0, 0, 0, 0
    for chunk in _chunks(path, compressed=compressed, limits=limits):
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n") + 1
            place = offset - pending + error.start
            return f"byte 0x{error.object[error.start]:02x} at offset {place:,}, line {line:,}", 0
        if "\0" in text:
            line += text[: text.index("\0")].count("\n") + 1
            return f"it holds a NUL character in line {line:,}", 0
        line += text.count("\n")
        returns += text.count("\r")
        offset += len(chunk)
        end = max(text.rfind("\n"), text.rfind("\r"))
        unended = len(text) - end - 1 if end >= 0 else unended + len(text)
        if unended > limits.line_characters:
            reason = f"the line is longer than {limits.line_characters:,} characters"
            raise FileRefused(reason, line=max(line, returns) + 1)
    if decoder.getstate()[0]:
        return f"the last character is cut off at offset {offset:,}, line {line + 1:,}", 0
    return None, max(line, returns) + (unended > 0)


def _chunks(path: Path, *, compressed: bool, limits: FileLimits) -> Iterator[bytes]:
    size = 0
    try:
        with _open_bytes(path, compressed=compressed) as file:
            while chunk := file.read(CHUNK_BYTES):
                size += len(chunk)
                if size > limits.uncompressed_bytes:
                    raise FileRefused(
                        f"the file holds more than {limits.uncompressed_bytes:,} bytes "
                        "uncompressed. Split it, or raise the limit uncompressed_bytes"
                    )
                yield chunk
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FileRefused(f"the gzip file is damaged: {error}. Fetch it again") from error


def _open_bytes(path: Path, *, compressed: bool) -> BufferedReader | gzip.GzipFile:
    return gzip.open(path, "rb") if compressed else path.open("rb")
