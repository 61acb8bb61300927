"""What must add up in an order of TikTok Shop's export (requirement Q5), where it can be checked.

Lines: subtotal before discount = unit price x quantity; after = before - both discounts.
Order: amount = subtotals after discount + shipping fee + taxes + local fees - payment discount.
An order that does not add up is taken as it is, with a remark: the export rounds, and the fees of
a site that we do not know yet would otherwise keep its orders out.
"""

from collections.abc import Sequence

from commerce.money import minor_digits
from commerce.orders.files.entries import CellFault, Fault, Row, fault_at
from commerce.orders.files.tiktok_columns import TikTokColumns
from commerce.orders.ingestion import IncomingLine, IncomingOrder

FEES = (
    "Shipping Fee After Discount",
    "Taxes",
    "Small Order Fee",
    "Buyer Service Fee",
    "Handling Fee",
    "Shipping Insurance",
    "Item Insurance",
    "Distance Shipping Fee",
    "Distance Fee",
)


def order_doubts(columns: TikTokColumns, order: IncomingOrder, rows: Sequence[Row]) -> list[Fault]:
    """One fault for each identity that does not hold, on the line where it was looked for."""
    doubts: list[Fault] = []
    for (number, cells), line in zip(rows, order.lines, strict=True):
        try:
            _check_line(columns, cells, line)
        except CellFault as doubt:
            doubts.append(fault_at(number, doubt))
    try:
        _check_order(columns, rows, order)
    except CellFault as doubt:
        doubts.append(fault_at(rows[0][0], doubt))
    return doubts


def _check_line(columns: TikTokColumns, cells: list[str], line: IncomingLine) -> None:
    listed = line.unit_price_micros * line.quantity
    discounts = line.seller_discount_minor + line.platform_discount_minor
    _compare(columns, cells, "SKU Subtotal Before Discount", listed, "price x quantity")
    _compare(
        columns,
        cells,
        "SKU Subtotal After Discount",
        listed - discounts * _micros_per_minor(columns.currency),
        "price x quantity - discounts",
    )


def _check_order(columns: TikTokColumns, rows: Sequence[Row], order: IncomingOrder) -> None:
    cells = rows[0][1]
    per_minor = _micros_per_minor(columns.currency)
    goods = sum(
        line.unit_price_micros * line.quantity
        - (line.seller_discount_minor + line.platform_discount_minor) * per_minor
        for line in order.lines
    )
    fees = sum(columns.minor(cells, fee) for fee in FEES)
    fees -= abs(columns.minor(cells, "Payment platform discount"))
    for _, other in rows:
        if columns.minor(other, "Order Amount") != columns.minor(cells, "Order Amount"):
            raise CellFault("Order Amount", "the lines of this order give different amounts")
    sums = "goods + shipping + taxes + fees - payment discount"
    _compare(columns, cells, "Order Amount", goods + fees * per_minor, sums)


def _compare(
    columns: TikTokColumns, cells: list[str], heading: str, expected_micros: int, sums: str
) -> None:
    text = columns.text(cells, heading)
    if text:
        micros = columns.minor(cells, heading) * _micros_per_minor(columns.currency)
        if micros != expected_micros:
            difference = (micros - expected_micros) / 1_000_000
            reason = f"it is not {sums}: the difference is {difference:+,.2f} {columns.currency}"
            raise CellFault(heading, reason, text)


def _micros_per_minor(currency: str) -> int:
    return int(10 ** (6 - minor_digits(currency)))
