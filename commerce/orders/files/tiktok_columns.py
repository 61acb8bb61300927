"""Where the columns of one TikTok Shop order export are, and how its site writes money and time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from commerce.orders.files.cells import (
    find_headings,
    floated_reason,
    free_text,
    id_text,
    minor_value,
    time_value,
)
from commerce.orders.files.entries import Row
from commerce.orders.files.tiktok_words import REQUIRED_HEADINGS, USED_HEADINGS
from commerce.shops.sites import SITES, Site

TIME_FORMAT = "%d/%m/%Y %H:%M:%S"
COMMA_SITES = frozenset({Site.ID, Site.VN, Site.DE, Site.FR})

_TIKTOK_ID = re.compile(r"\d{17,19}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class TikTokColumns:
    """`columns` maps a heading to its place; headings that the file lacks read as empty cells."""

    site: Site
    currency: str
    zone: ZoneInfo
    columns: dict[str, int]
    width: int
    first_data_line: int

    @property
    def order_heading(self) -> str:
        return "Order ID"

    @property
    def order_column(self) -> int:
        return self.columns["Order ID"]

    @property
    def id_suffix(self) -> str:
        return ""

    @property
    def decimal_comma(self) -> bool:
        return self.site in COMMA_SITES

    def id_fault(self, order_id: str) -> str | None:
        if not order_id:
            return "the line names no order"
        if _TIKTOK_ID.fullmatch(order_id):
            return None
        return floated_reason(order_id) or "an order id of TikTok Shop has 17 to 19 digits"

    def text(self, cells: list[str], heading: str) -> str:
        """The cell without blanks and trailing tabs."""
        column = self.columns.get(heading)
        return cells[column].strip() if column is not None else ""

    def optional(self, cells: list[str], heading: str) -> str | None:
        """Text, or None where nothing is left of it but the asterisks that mask it."""
        text = free_text(self.text(cells, heading), heading)
        return text if text and text.strip("* ") else None

    def first(self, cells: list[str], *headings: str) -> str | None:
        """The first of several columns that has text; sites name the same thing differently."""
        return next((text for name in headings if (text := self.optional(cells, name))), None)

    def id(self, cells: list[str], heading: str) -> str | None:
        return id_text(self.text(cells, heading), heading) or None

    def minor(self, cells: list[str], heading: str) -> int:
        """Minor units; an empty cell is nought."""
        text = self.text(cells, heading)
        return minor_value(text, heading, currency=self.currency, decimal_comma=self.decimal_comma)

    def time(self, cells: list[str], heading: str) -> datetime | None:
        text = self.text(cells, heading)
        return time_value(text, heading, time_format=TIME_FORMAT, zone=self.zone) if text else None


def tiktok_columns(
    first_rows: Sequence[Row], *, site: Site, zone: ZoneInfo | None = None
) -> TikTokColumns:
    """Find the headings among the first rows. `zone` is the site's unless given."""
    line, columns, width = find_headings(first_rows, REQUIRED_HEADINGS, known=USED_HEADINGS)
    below = next((row for row in first_rows if row[0] > line), None)
    described = below is not None and _describes(below[1], columns["Order ID"])
    return TikTokColumns(
        site=site,
        currency=SITES[site].currency,
        zone=zone or SITES[site].time_zone,
        columns=columns,
        width=width,
        first_data_line=(below[0] if below and described else line) + 1,
    )


def _describes(cells: list[str], order_column: int) -> bool:
    """Whether the row below the headings explains them: words stand where an order has its id."""
    text = cells[order_column].strip() if order_column < len(cells) else ""
    return bool(text) and not any(map(str.isdigit, text))
