"""XLSX as rows: a child process copies one sheet into a temporary table, which is then read.

The child has limits on memory, processor time, wall time and output, and dies with its parent.
Copying first instead of piping means that the time limit measures the file and not how fast the
orders are stored, and that the rows can be read twice. The temporary file has no name.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

from commerce.orders.files.csv_rows import csv_rows
from commerce.orders.files.entries import FileLimits, FileRefused, Row, Table, heading_key

CHECKOUT = Path(__file__).parents[3]
CHILD = "import sys; sys.path.insert(0, sys.argv.pop(1)); from commerce.orders.files.xlsx_child "
CHILD += "import main; main()"
ZIP_MAGIC = b"PK\x03\x04"


@contextmanager
def xlsx_table(
    path: Path, *, headings: Sequence[str], sheet: str | None = None, limits: FileLimits
) -> Iterator[Table]:
    """The sheet called `sheet`, or the one that has all `headings`. FileRefused if neither."""
    with tempfile.TemporaryFile("w+b") as file:
        answer = _copy_sheet(path, file, headings=headings, sheet=sheet, limits=limits)

        def rows() -> Generator[Row]:
            file.seek(0)
            text = TextIOWrapper(file, encoding="utf-8", newline="")
            try:
                for _, (number, *cells) in csv_rows(text, delimiter=","):
                    yield int(number), cells
            finally:
                text.detach()

        yield Table(rows=rows, last_line=answer["last_row"], ragged=True)


def _copy_sheet(
    path: Path,
    table: IO[bytes],
    *,
    headings: Sequence[str],
    sheet: str | None,
    limits: FileLimits,
) -> dict[str, Any]:
    job = {
        "path": str(path.resolve()),
        "table_fd": table.fileno(),
        "headings": [heading_key(heading) for heading in headings],
        "sheet": sheet,
        "limits": _child_limits(limits),
    }
    command = [
        sys.executable,
        "-I",
        "-S",
        "-X",
        "utf8",
        "-c",
        CHILD,
        str(CHECKOUT),
        json.dumps(job),
    ]
    with subprocess.Popen(  # noqa: S603 - our own program, with a list of arguments
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=(table.fileno(),),
    ) as child:
        try:
            child.wait(limits.xlsx_seconds)
        except subprocess.TimeoutExpired:
            raise FileRefused(
                f"reading the XLSX file took longer than {limits.xlsx_seconds:g} seconds. "
                "Split it, or save it as CSV"
            ) from None
        finally:
            child.kill()
        output = child.stdout.read() if child.stdout else b""
    return _understood(child.returncode, output)


def _child_limits(limits: FileLimits) -> dict[str, int]:
    return {
        "entries": limits.xlsx_entries,
        "uncompressed_bytes": limits.xlsx_uncompressed_bytes,
        "ratio": limits.xlsx_ratio,
        "rows": limits.xlsx_rows,
        "columns": limits.xlsx_columns,
        "cell_characters": limits.xlsx_cell_characters,
        "memory_bytes": limits.xlsx_memory_bytes,
        "table_bytes": limits.xlsx_table_bytes,
        "seconds": int(limits.xlsx_seconds),
    }


def _understood(exit_code: int, output: bytes) -> dict[str, Any]:
    if exit_code != 0 or not output:
        raise FileRefused(
            "the XLSX file could not be read within the limits of memory and time "
            f"(the reading process ended with {exit_code}). Save it as CSV"
        )
    answer: dict[str, Any] = json.loads(output)
    if "refused" in answer:
        raise FileRefused(f"the XLSX file was refused: {answer['refused']}")
    return answer
