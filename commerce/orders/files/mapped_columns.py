"""Where the columns of a mapped table are, looked up once for the whole file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from commerce.orders.files.cells import (
    LONGEST_ID,
    find_headings,
    floated_reason,
    free_text,
    id_text,
    minor_value,
)
from commerce.orders.files.entries import Row
from commerce.orders.files.mapping import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedColumns:
    """Where the columns are: by heading (`columns`) and by field of the mapping (`fields`).

    `line_fields` are the optional fields of a line that the file has: the field of IncomingLine,
    its column, and how to read it. Looking these up once and not for each line halves the time.
    """

    mapping: Mapping
    zone: ZoneInfo
    columns: dict[str, int]
    fields: dict[str, int]
    seller_sku: int
    seller_sku_suffix: str
    quantity: int
    unit_price: int
    line_fields: tuple[tuple[str, int, Callable[[str], Any]], ...]
    line_constants: dict[str, Any]
    width: int
    first_data_line: int

    @property
    def order_heading(self) -> str:
        return self.mapping.columns.order_id

    @property
    def order_column(self) -> int:
        return self.columns[self.order_heading]

    @property
    def id_suffix(self) -> str:
        return self.mapping.strip_suffix.get("order_id", "")

    def id_fault(self, order_id: str) -> str | None:
        if not order_id:
            return "the line names no order"
        if len(order_id) > LONGEST_ID:
            return f"an id has at most {LONGEST_ID} characters"
        return floated_reason(order_id)


def mapped_headings(mapping: Mapping) -> list[str]:
    """Every heading that the mapping speaks of; the file must have them all."""
    named = [*mapping.columns.model_dump(exclude_none=True).values()]
    rules = [*mapping.kinds, *([mapping.cancelled] if mapping.cancelled else [])]
    return list(dict.fromkeys([*named, *(rule.column for rule in rules)]))


def mapped_columns(first_rows: Sequence[Row], *, mapping: Mapping) -> MappedColumns:
    headings = mapped_headings(mapping)
    line, columns, width = find_headings(first_rows, headings, known=headings)
    fields = mapping.columns.model_dump(exclude_none=True)
    return MappedColumns(
        mapping=mapping,
        zone=mapping.zone,
        columns=columns,
        fields={field: columns[heading] for field, heading in fields.items()},
        seller_sku=columns[mapping.columns.seller_sku],
        seller_sku_suffix=mapping.strip_suffix.get("seller_sku", ""),
        quantity=columns[mapping.columns.quantity],
        unit_price=columns[mapping.columns.unit_price],
        line_fields=tuple(_line_fields(mapping, columns)),
        line_constants=_line_constants(mapping),
        width=width,
        first_data_line=line + 1,
    )


def _line_fields(
    mapping: Mapping, columns: dict[str, int]
) -> Iterator[tuple[str, int, Callable[[str], Any]]]:
    names = mapping.columns
    minor = partial(minor_value, currency=mapping.currency, decimal_comma=mapping.decimal_comma)
    readers: tuple[tuple[str, str, str | None, Callable[[str, str], Any]], ...] = (
        ("line_id", "external_id", names.line_id, _optional_id),
        ("external_sku_id", "external_sku_id", names.external_sku_id, _optional_id),
        ("product_name", "product_name", names.product_name, _plain_text),
        ("variation", "variation", names.variation, free_text),
        ("", "seller_discount_minor", names.seller_discount, minor),
        ("", "platform_discount_minor", names.platform_discount, minor),
    )
    for field, attribute, heading, read in readers:
        if heading is not None:
            suffix = mapping.strip_suffix.get(field, "")
            yield attribute, columns[heading], _reader(heading, suffix, read)


def _reader(heading: str, suffix: str, read: Callable[[str, str], Any]) -> Callable[[str], Any]:
    if suffix:
        return lambda cell: read(cell.strip().removesuffix(suffix), heading)
    return lambda cell: read(cell, heading)


def _line_constants(mapping: Mapping) -> dict[str, Any]:
    fields = {"product_name": "", **mapping.constants}
    return {
        field: fields[field]
        for field in ("product_name", "variation")
        if field in fields and getattr(mapping.columns, field) is None
    }


def _optional_id(text: str, heading: str) -> str | None:
    return id_text(text.strip(), heading) or None


def _plain_text(text: str, heading: str) -> str:
    return free_text(text, heading) or ""
