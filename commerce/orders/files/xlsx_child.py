"""The program that copies one sheet of an XLSX file, row by row, into a CSV file.

It and its neighbours import nothing but the standard library: it starts in milliseconds and has
nothing to lose. Its parent (xlsx_rows.py) passes one JSON argument and reads one JSON answer:
`{"refused": reason}` or `{"sheet": name, "rows": n, "last_row": n, "peak_kib": n}`.

Why a reader of our own and not openpyxl: exports of TikTok Shop put every cell into a `<row>` of
its own and declare the dimension A1:A1. openpyxl's read-only mode then sees one cell a row, and
its ordinary mode holds the whole sheet in memory. Here cells are joined by row number as they
stream by, and the declared dimension is not read at all. Why not a tree: no part of the file
decides how much memory is used, except the shared strings, which the memory limit bounds.

Hostile XML: a document type is refused where it begins, and without one there are no entities to
expand or to fetch. Hostile archives: entry count, declared sizes and ratio are checked before
anything is unpacked, and zipfile never unpacks more than declared.

Number cells hold what Excel holds: 15 significant digits. A longer whole number has already lost
its last digits, so it is handed on as 1.73238E+18 for the reader of ids to refuse.
"""

import csv
import json
import os
import resource
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any
from xml.parsers import expat

from commerce.orders.files.xlsx_cells import Limits, Refused, read_rows
from commerce.orders.files.xlsx_workbook import (
    check_declared_sizes,
    choose_sheet,
    shared_strings,
)

LONGEST_REFUSAL = 1_000


def main() -> None:
    job: dict[str, Any] = json.loads(sys.argv[1])
    limits = Limits(**job["limits"])
    _bound_this_process(limits)
    try:
        answer = copy_sheet(job["path"], job["table_fd"], job["headings"], job["sheet"], limits)
    except Refused as refusal:
        answer = {"refused": str(refusal)[:LONGEST_REFUSAL]}
    except MemoryError:
        answer = {"refused": f"it needs more than {limits.memory_bytes:,} bytes of memory to read"}
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        answer = {"refused": f"the XLSX archive is damaged or encrypted: {error}"}
    except expat.ExpatError as error:
        answer = {"refused": f"the XML inside is malformed: {error}"}
    except OSError as error:
        answer = {"refused": f"it could not be unpacked: {error.strerror}"}
    except Exception as error:  # noqa: BLE001 - zlib and codecs raise what they like on damage
        answer = {"refused": f"it is damaged: {type(error).__name__}"}
    answer["peak_kib"] = _peak_kib()
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # the watching thread sits in a read that nothing ends


def _bound_this_process(limits: Limits) -> None:
    """Memory, processor time and output are bounded, and the parent's death is ours."""
    seconds = limits.seconds + 1
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.table_bytes, limits.table_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """The parent holds the other end of standard input; it closes when the parent is gone."""
    os.read(0, 1)
    os._exit(1)


def _peak_kib() -> int:
    """The most memory held. Linux counts the parent's in `ru_maxrss`, hence the longer way."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def copy_sheet(
    path: str, table_fd: int, headings: list[str], sheet: str | None, limits: Limits
) -> dict[str, Any]:
    """Write the chosen sheet as CSV: the row number first, then the cells from column A on."""
    with zipfile.ZipFile(path) as archive:
        check_declared_sizes(archive, limits)
        strings = shared_strings(archive)
        chosen = choose_sheet(archive, strings, headings, sheet, limits)
        rows = last_row = 0
        with os.fdopen(table_fd, "w", encoding="utf-8", newline="", closefd=False) as table:
            write = csv.writer(table, lineterminator="\n").writerow

            def keep(number: int, cells: list[str]) -> None:
                nonlocal rows, last_row
                rows, last_row = rows + 1, number
                write([str(number), *cells])

            read_rows(archive, chosen.part, strings, keep, limits)
    return {"sheet": chosen.name, "rows": rows, "last_row": last_row}
