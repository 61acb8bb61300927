import csv
import io
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

HEADINGS = [
    "Order ID",
    "Order Status",
    "Order Substatus",
    "SKU ID",
    "Seller SKU",
    "Product Name",
    "Variation",
    "Quantity",
    "SKU Unit Original Price",
    "SKU Subtotal Before Discount",
    "SKU Platform Discount",
    "SKU Seller Discount",
    "SKU Subtotal After Discount",
    "Shipping Fee After Discount",
    "Taxes",
    "Small Order Fee",
    "Order Amount",
    "Created Time",
    "Paid Time",
    "Cancelled Time",
    "Cancel By",
    "Fulfillment Type",
    "Tracking ID",
    "Shipping Provider Name",
    "Buyer Username",
    "Recipient",
    "Phone #",
    "Province",
    "Detail Address",
    "Package ID",
]

LINE = {
    "Order ID": "576461413038785752",
    "Order Status": "To ship",
    "Order Substatus": "Awaiting Collection",
    "SKU ID": "1729384756102938475",
    "Seller SKU": "TEE-RED-M",
    "Product Name": "Tee",
    "Variation": "Red, M",
    "Quantity": "2",
    "SKU Unit Original Price": "100.00",
    "SKU Subtotal Before Discount": "200.00",
    "SKU Platform Discount": "10.00",
    "SKU Seller Discount": "20.00",
    "SKU Subtotal After Discount": "170.00",
    "Shipping Fee After Discount": "30.00",
    "Taxes": "5.00",
    "Small Order Fee": "1.00",
    "Order Amount": "206.00",
    "Created Time": "01/02/2026 00:30:00",
    "Paid Time": "01/02/2026 00:31:05",
    "Fulfillment Type": "Seller Shipping",
    "Tracking ID": "TH0123456789",
    "Shipping Provider Name": "Flash Express",
    "Buyer Username": "k****t",
    "Recipient": "S*** P***",
    "Phone #": "********",
    "Province": "Bangkok",
    "Detail Address": "1 Rama IV",
    "Package ID": "1151234567890123456",
}

DESCRIPTION = {
    "Order ID": "Platform unique order ID.",
    "Order Status": "Current order status.",
    "SKU ID": "Platform SKU ID.",
}

Cells = dict[str, str]


def table_of(lines: list[Cells], headings: list[str]) -> list[list[str]]:
    return [headings, *([line.get(name, "") for name in headings] for line in lines)]


def csv_text(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


@pytest.fixture
def headings() -> list[str]:
    return list(HEADINGS)


@pytest.fixture
def line() -> Callable[..., Cells]:
    """One line of an export; keyword arguments replace cells, with `_` for a blank."""

    def made(**cells: str) -> Cells:
        return {**LINE, **{name.replace("_", " "): value for name, value in cells.items()}}

    return made


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Path]:
    """Writes a CSV export with the description row, every cell with a trailing tab."""

    def written(*lines: Cells, headings: list[str] | None = None) -> Path:
        rows = table_of([DESCRIPTION, *lines], headings or HEADINGS)
        rows[2:] = [[f"{cell}\t" for cell in row] for row in rows[2:]]
        path = tmp_path / "orders.csv"
        path.write_bytes(csv_text(rows).encode("utf-8-sig"))
        return path

    return written


@pytest.fixture
def export_rows() -> Callable[..., list[list[str]]]:
    def rows(*lines: Cells) -> list[list[str]]:
        return table_of([DESCRIPTION, *lines], HEADINGS)

    return rows


@pytest.fixture(scope="session")
def workbook_bytes() -> bytes:
    book = openpyxl.Workbook()
    for row in table_of([DESCRIPTION, LINE, LINE], HEADINGS):
        book.worksheets[0].append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
