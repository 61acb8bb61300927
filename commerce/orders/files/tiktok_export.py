"""One order of TikTok Shop's own order export, from its lines.

The export has one line for each order and SKU. What concerns the order (amount, shipping fee,
taxes, times, recipient) is repeated on each of its lines and read from the first. `Order Amount`
is never summed; it is only compared with what the lines come to.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from commerce.orders.files.cells import id_text, micros_value, quantity_value
from commerce.orders.files.entries import CellFault, Fault, Reading, Row, fault_at, heading_key
from commerce.orders.files.tiktok_columns import TikTokColumns
from commerce.orders.files.tiktok_identities import order_doubts
from commerce.orders.files.tiktok_words import (
    CANCELLER_BY_KEY,
    PATH_BY_KEY,
    STATUS_BY_KEY,
    STATUS_WORDS,
    SUBSTATUSES,
)
from commerce.orders.ingestion import IncomingLine, IncomingOrder, IncomingPackage, Recipient
from commerce.orders.lifecycle import FulfilmentPath, OrderStatus

CHANNEL = "TIKTOK_SHOP"

Meaning = TypeVar("Meaning")


def read_tiktok_order(columns: TikTokColumns, order_id: str, rows: Sequence[Row]) -> Reading:
    """The order; or no order and a fault for each bad line. Unknown side words become doubts."""
    lines: list[IncomingLine] = []
    faults: list[Fault] = []
    for number, cells in rows:
        try:
            lines.append(_line(columns, cells))
            _agree_on_status(columns, cells, rows[0][1])
        except CellFault as fault:
            faults.append(fault_at(number, fault))
    if faults:
        return Reading(None, faults, [])
    doubts: list[Fault] = []
    try:
        order = _order(columns, order_id, rows, tuple(lines), doubts)
    except CellFault as fault:
        return Reading(None, [fault_at(rows[0][0], fault)], [])
    return Reading(order, [], doubts + order_doubts(columns, order, rows))


def _line(columns: TikTokColumns, cells: list[str]) -> IncomingLine:
    if len(cells) != columns.width:
        raise CellFault("", f"the line has {len(cells)} columns, the headings {columns.width}")
    quantity = quantity_value(columns.text(cells, "Quantity"), "Quantity")
    if quantity < 0:
        raise CellFault("Quantity", "a sale has a positive quantity", str(quantity))
    sku_id = columns.id(cells, "SKU ID")
    # Sellers need not give their SKU a name of their own; TikTok's id of it stands in.
    seller_sku = columns.id(cells, "Seller SKU") or sku_id
    if not seller_sku:
        raise CellFault("SKU ID", "the line names no SKU")
    price = "SKU Unit Original Price"
    return IncomingLine(
        external_sku_id=sku_id,
        seller_sku=seller_sku,
        product_name=columns.optional(cells, "Product Name") or "",
        variation=columns.optional(cells, "Variation"),
        quantity=quantity,
        unit_price_micros=micros_value(
            columns.text(cells, price),
            price,
            currency=columns.currency,
            decimal_comma=columns.decimal_comma,
        ),
        seller_discount_minor=columns.minor(cells, "SKU Seller Discount"),
        platform_discount_minor=columns.minor(cells, "SKU Platform Discount"),
        package_external_id=columns.id(cells, "Package ID"),
    )


def _agree_on_status(columns: TikTokColumns, cells: list[str], first: list[str]) -> None:
    here, there = columns.text(cells, "Order Status"), columns.text(first, "Order Status")
    if here != there:
        raise CellFault("Order Status", f"another line of this order says {there!r}", here)


def _order(
    columns: TikTokColumns,
    order_id: str,
    rows: Sequence[Row],
    lines: tuple[IncomingLine, ...],
    doubts: list[Fault],
) -> IncomingOrder:
    cells = rows[0][1]
    path = _word(columns, rows[0], "Fulfillment Type", PATH_BY_KEY, doubts)
    path = path or FulfilmentPath.TIKTOK_SHIPPING
    username = columns.optional(cells, "Buyer Username")
    return IncomingOrder(
        channel=CHANNEL,
        external_id=order_id,
        site=columns.site,
        status=_status(columns, rows[0], doubts),
        currency=columns.currency,
        placed_at=_placed_at(columns, cells),
        paid_at=columns.time(cells, "Paid Time"),
        ready_to_ship_at=columns.time(cells, "RTS Time"),
        shipped_at=columns.time(cells, "Shipped Time"),
        delivered_at=columns.time(cells, "Delivered Time"),
        cancelled_at=columns.time(cells, "Cancelled Time"),
        cancelled_by=_word(columns, rows[0], "Cancel By", CANCELLER_BY_KEY, doubts),
        cancel_reason=columns.optional(cells, "Cancel Reason"),
        path=path,
        # A masked name is shared by many buyers, so it identifies none.
        buyer_id=username if username and "*" not in username else None,
        buyer_nickname=columns.optional(cells, "Buyer Nickname") or username,
        buyer_message=columns.optional(cells, "Buyer Message"),
        seller_note=columns.optional(cells, "Seller Note"),
        payment_method=columns.optional(cells, "Payment Method"),
        recipient=_recipient(columns, cells),
        shipping_fee_minor=columns.minor(cells, "Shipping Fee After Discount"),
        tax_minor=columns.minor(cells, "Taxes"),
        lines=lines,
        packages=_packages(columns, rows, path),
    )


def _placed_at(columns: TikTokColumns, cells: list[str]) -> datetime:
    placed_at = columns.time(cells, "Created Time")
    if placed_at is None:
        raise CellFault("Created Time", "the order has no time")
    return placed_at


def _status(columns: TikTokColumns, row: Row, doubts: list[Fault]) -> OrderStatus:
    word = columns.text(row[1], "Order Status")
    status = STATUS_BY_KEY.get(heading_key(word))
    if status is None:
        known = ", ".join(STATUS_WORDS)
        raise CellFault("Order Status", f"the status is unknown; known are {known}", word)
    finer = _word(columns, row, "Order Substatus", STATUS_BY_KEY, doubts)
    return finer if finer and finer in SUBSTATUSES.get(status, ()) else status


def _word(
    columns: TikTokColumns,
    row: Row,
    heading: str,
    meanings: dict[str, Meaning],
    doubts: list[Fault],
) -> Meaning | None:
    """What a word means that the order can do without; an unknown one becomes a doubt."""
    word = columns.text(row[1], heading)
    meaning = meanings.get(heading_key(word))
    if word and meaning is None:
        doubts.append(fault_at(row[0], CellFault(heading, "the word is unknown; left out", word)))
    return meaning


def _recipient(columns: TikTokColumns, cells: list[str]) -> Recipient:
    address = [
        columns.optional(cells, heading)
        for heading in (
            "Detail Address",
            "Address Line 1",
            "Address Line 2",
            "Villages",
            "Additional address information",
        )
    ]
    return Recipient(
        name=columns.optional(cells, "Recipient"),
        phone=columns.optional(cells, "Phone #"),
        country=columns.optional(cells, "Country"),
        region=columns.first(cells, "Province", "State"),
        city=columns.first(cells, "City", "Regency and City"),
        district=columns.first(cells, "District", "Districts"),
        postal_code=columns.optional(cells, "Zipcode"),
        address_line=", ".join(part for part in address if part) or None,
    )


def _packages(
    columns: TikTokColumns, rows: Sequence[Row], path: FulfilmentPath
) -> tuple[IncomingPackage, ...]:
    packages: dict[str, IncomingPackage] = {}
    for _, cells in rows:
        package_id = columns.text(cells, "Package ID")
        if package_id and package_id not in packages:
            tracking = id_text(columns.text(cells, "Tracking ID"), "Tracking ID")
            packages[package_id] = IncomingPackage(
                external_id=package_id,
                path=path,
                carrier=columns.optional(cells, "Shipping Provider Name"),
                tracking_number=tracking or None,
            )
    return tuple(packages.values())
