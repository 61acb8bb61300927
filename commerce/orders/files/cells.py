"""Cells read into values; a cell that cannot be right raises CellFault with its heading.

Shared by the TikTok Shop export and the mapped tables. The parsers are cached because a file
repeats its prices, quantities and times far more often than it changes them.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from commerce.orders.files.entries import CellFault, FileRefused, Row, heading_key
from commerce.orders.files.money_text import MoneyTextRefused, micros, minor_units

LONGEST_ID = 200
LONGEST_TEXT = 10_000
LARGEST_QUANTITY = 2**31 - 1
EXCEL_SERIAL = "excel-serial"
EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - local time, until the zone is applied
EARLIEST_YEAR, LATEST_YEAR = 2000, 2100

_FLOATED_ID = re.compile(r"\d[.,]\d+[eE]\+?\d+|\d[eE]\+\d+", re.ASCII)
_QUANTITY = re.compile(r"([+-]?\d{1,10})(?:\.0+)?", re.ASCII)


class QuantityRefused(ValueError):
    pass


class TimeRefused(ValueError):
    pass


def find_headings(
    first_rows: Sequence[Row], required: Sequence[str], *, known: Sequence[str]
) -> tuple[int, dict[str, int], int]:
    """The line of the headings, the column of each known heading, and the width of the table.

    Columns are found by name, in whatever order they stand.
    """
    wanted = {heading_key(name): name for name in known}
    best: tuple[int, dict[str, int], int] | None = None
    for line, cells in first_rows:
        keys = [heading_key(cell) for cell in cells]
        columns = {wanted[key]: index for index, key in enumerate(keys) if key in wanted}
        if best is None or len(columns) > len(best[1]):
            best = line, columns, len(cells)
            twice = sorted(wanted[key] for key in set(keys) & set(wanted) if keys.count(key) > 1)
            if twice and all(name in columns for name in required):
                raise FileRefused(f"these headings occur twice: {', '.join(twice)}", line=line)
    missing = [name for name in required if best is None or name not in best[1]]
    if best is None or missing:
        raise FileRefused(f"the headings lack: {', '.join(missing)}", line=best and best[0])
    return best


def id_text(text: str, heading: str) -> str:
    """An id as text. Digits that went through a number are gone for good."""
    if len(text) > LONGEST_ID:
        raise CellFault(heading, f"an id has at most {LONGEST_ID} characters", text)
    if reason := floated_reason(text):
        raise CellFault(heading, reason, text)
    return text


def floated_reason(text: str) -> str | None:
    """Why "1.73238E+18" is no id, or None where `text` is not of that shape."""
    if _FLOATED_ID.fullmatch(text):
        return (
            "the id was turned into a number and has lost its last digits. "
            "Export the file again and do not save it from a spreadsheet program"
        )
    return None


def free_text(text: str, heading: str) -> str | None:
    """Text for people; None where the cell is empty. Formulas are text like any other."""
    text = text.strip()
    if len(text) > LONGEST_TEXT:
        raise CellFault(heading, f"the text has more than {LONGEST_TEXT:,} characters", text)
    return text or None


def quantity_value(text: str, heading: str) -> int:
    try:
        return _quantity(text)
    except QuantityRefused as refusal:
        raise CellFault(heading, str(refusal), text) from None


def micros_value(text: str, heading: str, *, currency: str, decimal_comma: bool) -> int:
    try:
        return micros(text, currency=currency, decimal_comma=decimal_comma)
    except MoneyTextRefused as refusal:
        raise CellFault(heading, str(refusal), text) from None


def minor_value(text: str, heading: str, *, currency: str, decimal_comma: bool) -> int:
    """Minor units; an empty cell is nought."""
    if not text or text.isspace():
        return 0
    try:
        return minor_units(text, currency=currency, decimal_comma=decimal_comma)
    except MoneyTextRefused as refusal:
        raise CellFault(heading, str(refusal), text) from None


def time_value(text: str, heading: str, *, time_format: str, zone: ZoneInfo) -> datetime:
    """A local time of `zone`, in UTC. In an hour that a clock change repeats, the first counts."""
    try:
        return _time(text.strip(), time_format, zone)
    except TimeRefused as refusal:
        raise CellFault(heading, str(refusal), text) from None


@lru_cache(maxsize=4_096)
def _quantity(text: str) -> int:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise QuantityRefused("a quantity is a whole number")
    quantity = int(match[1])
    if quantity == 0:
        raise QuantityRefused("a quantity of nought is no line of an order")
    if abs(quantity) > LARGEST_QUANTITY:
        raise QuantityRefused("the quantity is too large to be true")
    return quantity


@lru_cache(maxsize=4_096)
def _time(text: str, time_format: str, zone: ZoneInfo) -> datetime:
    try:
        local = (
            _from_serial(text)
            if time_format == EXCEL_SERIAL
            else datetime.strptime(text, time_format)  # noqa: DTZ007 - the zone is applied below
        )
        aware = local if local.tzinfo else local.replace(tzinfo=zone)
        utc = aware.astimezone(UTC)
    except (ValueError, OverflowError):
        raise TimeRefused(f"this is not a time of the form {time_format}") from None
    if not EARLIEST_YEAR <= utc.year <= LATEST_YEAR:
        raise TimeRefused(f"the year {utc.year} cannot be right")
    return utc


def _from_serial(text: str) -> datetime:
    """Days since 1899-12-30, to the second, as XLSX stores a date cell."""
    return EXCEL_EPOCH + timedelta(seconds=round(float(text) * 86_400))
