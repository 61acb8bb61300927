import csv
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unicodedata import normalize

import pytest

from commerce.orders.files.entries import Entry, FileRefused, ReadOrder, Rejection, Remark
from commerce.orders.files.reading import open_orders
from commerce.orders.ingestion import IncomingOrder
from commerce.orders.lifecycle import Actor, FulfilmentPath, OrderStatus
from commerce.orders.rules import problem_with
from commerce.shops.sites import Site

TIKTOK = Path(__file__).parents[5] / "shared/data/tiktok-exports"
OTHER_ID = "576461413038785753"

Line = Callable[..., dict[str, str]]
Export = Callable[..., Path]


def read(path: Path, *, site: Site = Site.TH, **options: object) -> list[Entry]:
    with open_orders(path, site=site, **options) as stream:  # type: ignore[arg-type]
        return list(stream)


def only_order(entries: list[Entry]) -> IncomingOrder:
    (entry,) = entries
    assert isinstance(entry, ReadOrder), entry
    return entry.order


def only_rejection(entries: list[Entry]) -> Rejection:
    (entry,) = entries
    assert isinstance(entry, Rejection), entry
    return entry


def test_an_order_is_read_whole(export: Export, line: Line) -> None:
    order = only_order(read(export(line())))
    assert order.external_id == "576461413038785752"
    assert order.channel == "TIKTOK_SHOP"
    assert order.status is OrderStatus.AWAITING_COLLECTION
    assert order.currency == "THB"
    assert order.placed_at == datetime(2026, 1, 31, 17, 30, tzinfo=UTC)
    assert order.paid_at == datetime(2026, 1, 31, 17, 31, 5, tzinfo=UTC)
    assert order.path is FulfilmentPath.LOCAL_WAREHOUSE
    assert order.shipping_fee_minor == 3000
    assert order.tax_minor == 500
    (bought,) = order.lines
    assert bought.external_sku_id == "1729384756102938475"
    assert bought.seller_sku == "TEE-RED-M"
    assert bought.quantity == 2
    assert bought.unit_price_micros == 100_000_000
    assert (bought.platform_discount_minor, bought.seller_discount_minor) == (1000, 2000)
    assert bought.package_external_id == order.packages[0].external_id == "1151234567890123456"
    assert order.packages[0].tracking_number == "TH0123456789"


def test_the_id_of_tiktok_stands_in_for_a_missing_seller_sku(export: Export, line: Line) -> None:
    order = only_order(read(export(line(Seller_SKU=""))))
    assert order.lines[0].seller_sku == "1729384756102938475"
    assert problem_with(order) is None


def test_masked_fields_identify_nobody(export: Export, line: Line) -> None:
    order = only_order(read(export(line())))
    assert order.buyer_id is None
    assert order.buyer_nickname == "k****t"
    assert order.recipient.name == "S*** P***"
    assert order.recipient.phone is None


def test_the_lines_of_an_order_come_together_and_its_amount_is_not_summed(
    export: Export, line: Line
) -> None:
    path = export(
        line(Order_Amount="376.00"),
        line(Order_Amount="฿376.00", Seller_SKU="TEE-BLUE-M", SKU_ID="1729384756102938476"),
        line(Order_ID=OTHER_ID),
    )
    first, second = read(path)
    assert isinstance(first, ReadOrder)
    assert isinstance(second, ReadOrder)
    assert [bought.seller_sku for bought in first.order.lines] == ["TEE-RED-M", "TEE-BLUE-M"]
    assert (first.line_numbers, first.position) == ((3, 4), 4)
    assert (second.line_numbers, second.position) == ((5,), 5)


def test_lines_that_stand_apart_still_make_one_order(export: Export, line: Line) -> None:
    path = export(line(Order_Amount="376.00"), line(Order_ID=OTHER_ID), line(Order_Amount="376.00"))
    other, whole = read(path)
    assert isinstance(other, ReadOrder)
    assert isinstance(whole, ReadOrder)
    assert (other.line_numbers, whole.line_numbers) == ((4,), (3, 5))
    assert len(whole.order.lines) == 2


def test_columns_are_found_by_name(export: Export, line: Line, headings: list[str]) -> None:
    usual = only_order(read(export(line())))
    assert only_order(read(export(line(), headings=headings[::-1]))) == usual


def test_a_blank_first_line_no_bom_and_gzip_change_nothing(
    export: Export, line: Line, tmp_path: Path
) -> None:
    path = export(line())
    usual = only_order(read(path))
    plain = tmp_path / "plain.csv"
    plain.write_text("\r\n" + path.read_text("utf-8-sig"), "utf-8", newline="")
    assert only_order(read(plain)) == usual
    packed = tmp_path / "orders-without-the-usual-ending"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert only_order(read(packed)) == usual


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("Unpaid", ""), OrderStatus.UNPAID),
        (("To ship", "Awaiting Shipment"), OrderStatus.AWAITING_SHIPMENT),
        (("Awaiting Collection", ""), OrderStatus.AWAITING_COLLECTION),
        (("Shipped", "Delivered"), OrderStatus.DELIVERED),
        (("In Transit", ""), OrderStatus.IN_TRANSIT),
        (("Completed", "Delivered"), OrderStatus.COMPLETED),
        (("Cancelled", ""), OrderStatus.CANCELLED),
        (("ที่จะจัดส่ง", ""), OrderStatus.AWAITING_SHIPMENT),
        (("จัดส่งแล้ว", ""), OrderStatus.IN_TRANSIT),
        (("เสร็จสมบูรณ์", ""), OrderStatus.COMPLETED),
        (("ยกเลิกแล้ว", ""), OrderStatus.CANCELLED),
        (("ค้างชำระ", ""), OrderStatus.UNPAID),
    ],
)
def test_status_words(
    export: Export, line: Line, words: tuple[str, str], status: OrderStatus
) -> None:
    path = export(line(Order_Status=words[0], Order_Substatus=words[1]))
    assert only_order(read(path)).status is status


def test_who_cancelled_is_kept(export: Export, line: Line) -> None:
    path = export(
        line(Order_Status="Cancelled", Cancel_By="User", Cancelled_Time="02/02/2026 10:00:00")
    )
    order = only_order(read(path))
    assert order.cancelled_by is Actor.BUYER
    assert order.cancelled_at == datetime(2026, 2, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        ({"Order_Status": "Teleported"}, "Order Status", "known are Unpaid, On hold, To ship"),
        ({"Order_ID": "1.73238E+18"}, "Order ID", "turned into a number and has lost"),
        ({"SKU_ID": "1.72938E+18"}, "SKU ID", "turned into a number and has lost"),
        ({"Order_ID": "12345"}, "Order ID", "17 to 19 digits"),
        ({"Order_ID": ""}, "Order ID", "names no order"),
        ({"Quantity": "0"}, "Quantity", "nought"),
        ({"Quantity": "-1"}, "Quantity", "positive"),
        ({"Quantity": "2.5"}, "Quantity", "whole number"),
        ({"Quantity": "99999999999"}, "Quantity", "whole number"),
        ({"SKU_Unit_Original_Price": "free"}, "SKU Unit Original Price", "not an amount"),
        ({"Taxes": "S$1.00"}, "Taxes", "marked S$, but the order is in THB"),
        ({"Created_Time": "2026-02-01"}, "Created Time", "%d/%m/%Y %H:%M:%S"),
        ({"Created_Time": "31/02/2026 10:00:00"}, "Created Time", "not a time"),
        ({"Created_Time": "01/01/0001 00:00:00"}, "Created Time", "not a time"),
        ({"Created_Time": ""}, "Created Time", "no time"),
        ({"Seller_SKU": "", "SKU_ID": ""}, "SKU ID", "names no SKU"),
    ],
)
def test_a_bad_cell_rejects_the_order(
    export: Export, line: Line, cells: dict[str, str], column: str, reason: str
) -> None:
    rejection = only_rejection(read(export(line(**cells))))
    (fault,) = rejection.faults
    assert fault.line == 3
    assert fault.column == column
    assert reason in fault.reason


def test_one_bad_line_rejects_all_lines_of_its_order_and_no_other(
    export: Export, line: Line
) -> None:
    path = export(line(), line(Quantity="two"), line(), line(Order_ID=OTHER_ID))
    rejection, other = read(path)
    assert isinstance(rejection, Rejection)
    assert rejection.order_id == "576461413038785752"
    assert rejection.line_numbers == (3, 4, 5)
    assert [fault.line for fault in rejection.faults] == [4]
    assert isinstance(other, ReadOrder)


def test_a_line_with_a_column_too_many_rejects_its_order(export: Export, line: Line) -> None:
    path = export(line())
    path.write_text(path.read_text("utf-8-sig").rstrip() + ",surplus\n", "utf-8")
    (fault,) = only_rejection(read(path)).faults
    assert "31 columns, the headings 30" in fault.reason


def test_long_and_unprintable_values_are_shortened_in_reports(export: Export, line: Line) -> None:
    (fault,) = only_rejection(read(export(line(Quantity="x" * 500)))).faults
    assert len(fault.value) == 60
    (fault,) = only_rejection(read(export(line(Quantity="a\x1b[31mb")))).faults
    assert fault.value == "a\\x1b[31mb"


@pytest.mark.parametrize(
    ("cells", "column", "reason"),
    [
        ({"Order_Amount": "206.01"}, "Order Amount", "the difference is +0.01 THB"),
        ({"SKU_Subtotal_After_Discount": "171.00"}, "SKU Subtotal After Discount", "+1.00"),
        ({"SKU_Subtotal_Before_Discount": "190"}, "SKU Subtotal Before Discount", "-10.00"),
        ({"Order_Substatus": "Abducted"}, "Order Substatus", "unknown"),
        ({"Fulfillment_Type": "Pigeon"}, "Fulfillment Type", "unknown"),
    ],
)
def test_what_does_not_add_up_is_remarked_and_taken(
    export: Export, line: Line, cells: dict[str, str], column: str, reason: str
) -> None:
    remark, order = read(export(line(**cells)))
    assert isinstance(remark, Remark)
    assert (remark.fault.line, remark.fault.column) == (3, column)
    assert reason in remark.fault.reason
    assert isinstance(order, ReadOrder)


def test_money_is_read_in_the_manner_of_the_site(export: Export, line: Line) -> None:
    price = {"SKU_Unit_Original_Price": "Rp 12.500", "SKU_Subtotal_Before_Discount": "25000"}
    free = dict.fromkeys(("SKU_Platform_Discount", "SKU_Seller_Discount", "Taxes"), "")
    rest = {"Small_Order_Fee": "", "SKU_Subtotal_After_Discount": "Rp25.000"}
    fees = {"Shipping_Fee_After_Discount": "9,000", "Order_Amount": "25.009"}
    order = only_order(read(export(line(**price, **free, **rest, **fees)), site=Site.ID))
    assert order.currency == "IDR"
    assert order.lines[0].unit_price_micros == 12_500_000_000
    assert order.shipping_fee_minor == 900
    assert order.placed_at.hour == 17


def test_text_is_normalised_and_formulas_stay_text(export: Export, line: Line) -> None:
    name = '=HYPERLINK("http://example.com")'
    order = only_order(read(export(line(Product_Name=name, Variation=normalize("NFD", "é")))))
    assert order.lines[0].product_name == name
    assert order.lines[0].variation == "é"


def test_reading_resumes_after_a_position(export: Export, line: Line) -> None:
    path = export(*(line(Order_ID=f"57646141303878575{n}") for n in range(5)))
    entries = read(path, after=5)
    ids = [entry.order.external_id[-1] for entry in entries if isinstance(entry, ReadOrder)]
    assert ids == ["3", "4"]


def test_missing_and_doubled_headings_refuse_the_file(
    export: Export, line: Line, headings: list[str]
) -> None:
    with pytest.raises(FileRefused, match="the headings lack: Quantity, Created Time"):
        read(
            export(line(), headings=[h for h in headings if h not in {"Quantity", "Created Time"}])
        )
    with pytest.raises(FileRefused, match="occur twice: Quantity"):
        read(export(line(), headings=[*headings, "quantity "]))


def test_the_headings_of_real_exports_are_known(tmp_path: Path) -> None:
    if not TIKTOK.exists():
        pytest.skip("shared/data/tiktok-exports is not there")
    assert read(TIKTOK / "order_export_TH_header_only.csv") == []
    known = json.loads((TIKTOK / "headings.json").read_text("utf-8"))["order_export"]
    for extra in ("ID_additional_columns", "US_additional_columns"):
        path = tmp_path / f"{extra}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow([*known["TH_columns"], *known[extra]])
        assert read(path) == []
