"""One order of a mapped table, from its lines.

The order's own fields are those of the first line that has them; its time is the earliest of its
lines (43 invoices of the Online Retail file carry two). All lines are kept, equal ones too:
a file that lists an article twice sold it twice.
"""

from collections.abc import Sequence
from datetime import datetime

from commerce.orders.files.cells import (
    free_text,
    id_text,
    micros_value,
    minor_value,
    quantity_value,
    time_value,
)
from commerce.orders.files.entries import CellFault, Fault, Reading, Row, fault_at, heading_key
from commerce.orders.files.mapped_columns import MappedColumns
from commerce.orders.files.mapping import Rule
from commerce.orders.ingestion import IncomingLine, IncomingOrder, OrderKind, Recipient
from commerce.orders.lifecycle import OrderStatus


def read_mapped_order(table: MappedColumns, order_id: str, rows: Sequence[Row]) -> Reading:
    """The order; or no order and a fault for each bad line."""
    faults: list[Fault] = []
    doubts: list[Fault] = []
    lines: list[IncomingLine] = []
    for number, cells in rows:
        try:
            lines.append(_line(table, cells))
        except CellFault as fault:
            faults.append(fault_at(number, fault))
    if faults:
        return Reading(None, faults, [])
    try:
        kind = _kind(table, rows)
        if kind is OrderKind.CREDIT_NOTE:
            faults = _sold_by_credit_note(table, rows, lines)
        if faults:
            return Reading(None, faults, [])
        order = _order(table, order_id, kind, rows=rows, lines=tuple(lines), doubts=doubts)
    except CellFault as fault:
        return Reading(None, [fault_at(rows[0][0], fault)], [])
    return Reading(order, [], doubts)


def _line(table: MappedColumns, cells: list[str]) -> IncomingLine:
    mapping = table.mapping
    names = mapping.columns
    if len(cells) != table.width:
        raise CellFault("", f"the line has {len(cells)} columns, the headings {table.width}")
    line = IncomingLine(
        seller_sku=id_text(
            cells[table.seller_sku].strip().removesuffix(table.seller_sku_suffix), names.seller_sku
        ),
        quantity=quantity_value(cells[table.quantity], names.quantity),
        unit_price_micros=micros_value(
            cells[table.unit_price],
            names.unit_price,
            currency=mapping.currency,
            decimal_comma=mapping.decimal_comma,
        ),
        **{field: read(cells[column]) for field, column, read in table.line_fields},
        **table.line_constants,
    )
    if not line.seller_sku:
        raise CellFault(names.seller_sku, "the line names no SKU")
    return line


def _kind(table: MappedColumns, rows: Sequence[Row]) -> OrderKind:
    for rule in table.mapping.kinds:
        if _holds(table, rule, rows):
            return rule.kind
    return OrderKind.SALE


def _holds(table: MappedColumns, rule: Rule, rows: Sequence[Row]) -> bool:
    """Whether a rule holds for the order; its lines have to agree."""
    column = table.columns[rule.column]
    cells = {cells[column].strip() for _, cells in rows}
    answers = {
        cell.startswith(rule.prefix) if rule.prefix else cell in (rule.values or ())
        for cell in cells
    }
    if len(answers) > 1:
        both = " and ".join(sorted(cells))
        raise CellFault(rule.column, "the lines of this order do not agree", both)
    return answers == {True}


def _sold_by_credit_note(
    table: MappedColumns, rows: Sequence[Row], lines: Sequence[IncomingLine]
) -> list[Fault]:
    """Goods come back with negative quantities. Sales may have some: corrections of stock."""
    heading = table.mapping.columns.quantity
    reason = "a credit note has negative quantities"
    return [
        fault_at(number, CellFault(heading, reason, str(line.quantity)))
        for (number, _), line in zip(rows, lines, strict=True)
        if line.quantity > 0
    ]


def _order(
    table: MappedColumns,
    order_id: str,
    kind: OrderKind,
    *,
    rows: Sequence[Row],
    lines: tuple[IncomingLine, ...],
    doubts: list[Fault],
) -> IncomingOrder:
    mapping = table.mapping

    def text(field: str) -> str | None:
        return _order_text(table, rows, field, doubts)

    return IncomingOrder(
        channel=mapping.channel,
        external_id=order_id,
        kind=kind,
        site=mapping.site,
        status=_status(table, kind, rows),
        currency=mapping.currency,
        placed_at=_placed_at(table, rows),
        paid_at=_time(table, rows, "paid_at"),
        shipped_at=_time(table, rows, "shipped_at"),
        delivered_at=_time(table, rows, "delivered_at"),
        cancelled_at=_time(table, rows, "cancelled_at"),
        cancel_reason=text("cancel_reason"),
        path=mapping.path,
        buyer_id=text("buyer_id"),
        buyer_nickname=text("buyer_nickname"),
        buyer_message=text("buyer_message"),
        seller_note=text("seller_note"),
        payment_method=text("payment_method"),
        recipient=Recipient(
            name=text("recipient_name"),
            phone=text("phone"),
            country=text("country"),
            region=text("region"),
            city=text("city"),
            district=text("district"),
            postal_code=text("postal_code"),
            address_line=text("address_line"),
        ),
        shipping_fee_minor=_minor(table, rows[0][1], "shipping_fee"),
        tax_minor=_minor(table, rows[0][1], "tax"),
        lines=lines,
    )


def _status(table: MappedColumns, kind: OrderKind, rows: Sequence[Row]) -> OrderStatus:
    mapping = table.mapping
    if mapping.cancelled is not None and _holds(table, mapping.cancelled, rows):
        return OrderStatus.CANCELLED
    word = _agreed(table, rows, "status") if mapping.columns.status else ""
    if not word and kind in mapping.status:
        return mapping.status[kind]
    known = {heading_key(text): status for text, status in mapping.status_words.items()}
    if heading_key(word) not in known:
        words = ", ".join(mapping.status_words)
        reason = f"the status is unknown; the mapping knows {words}"
        raise CellFault(mapping.columns.status or "", reason, word)
    return known[heading_key(word)]


def _agreed(table: MappedColumns, rows: Sequence[Row], field: str) -> str:
    column = table.fields[field]
    values = sorted({cells[column].strip() for _, cells in rows})
    if len(values) > 1:
        heading = getattr(table.mapping.columns, field)
        raise CellFault(heading, "the lines of this order do not agree", " and ".join(values))
    return values[0]


def _placed_at(table: MappedColumns, rows: Sequence[Row]) -> datetime:
    column = table.fields["placed_at"]
    heading = table.mapping.columns.placed_at
    texts = {cells[column] for _, cells in rows}
    return min(
        time_value(text, heading, time_format=table.mapping.time_format, zone=table.zone)
        for text in texts
    )


def _time(table: MappedColumns, rows: Sequence[Row], field: str) -> datetime | None:
    """The earliest of the lines, or None where no line has one."""
    column = table.fields.get(field)
    if column is None:
        return None
    heading = getattr(table.mapping.columns, field)
    texts = {cells[column] for _, cells in rows if cells[column].strip()}
    times = (
        time_value(text, heading, time_format=table.mapping.time_format, zone=table.zone)
        for text in texts
    )
    return min(times, default=None)


def _order_text(
    table: MappedColumns, rows: Sequence[Row], field: str, doubts: list[Fault]
) -> str | None:
    """The constant, or the first text in the column; lines that differ become a doubt."""
    column = table.fields.get(field)
    if column is None:
        return table.mapping.constants.get(field)
    heading = getattr(table.mapping.columns, field)
    suffix = table.mapping.strip_suffix.get(field, "")
    texts = dict.fromkeys(cells[column].strip() for _, cells in rows)
    texts.pop("", None)
    if len(texts) > 1:
        both = " and ".join(texts)
        doubt = CellFault(heading, "the lines of this order do not agree; the first counts", both)
        doubts.append(fault_at(rows[0][0], doubt))
    return free_text(next(iter(texts), "").removesuffix(suffix), heading)


def _minor(table: MappedColumns, cells: list[str], field: str) -> int:
    column = table.fields.get(field)
    if column is None:
        return 0
    return minor_value(
        cells[column],
        getattr(table.mapping.columns, field),
        currency=table.mapping.currency,
        decimal_comma=table.mapping.decimal_comma,
    )
