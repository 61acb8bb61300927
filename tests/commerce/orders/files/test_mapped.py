"""Mapped tables: Online Retail in full where it is there, and small tables for the rules."""

import gzip
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from commerce.orders.files import mapping as mapping_module
from commerce.orders.files.entries import (
    Entry,
    FileLimits,
    FileRefused,
    ReadOrder,
    Rejection,
    Remark,
)
from commerce.orders.files.mapping import Mapping, load_mapping
from commerce.orders.files.reading import open_orders
from commerce.orders.ingestion import OrderKind
from commerce.orders.lifecycle import OrderStatus

ONLINE_RETAIL = Path(__file__).parents[5] / "shared/data/online-retail/online_retail_all.csv.gz"
RETAIL_MAPPING = Path(mapping_module.__file__).with_name("mappings") / "online-retail.toml"
RETAIL_HEADINGS = (
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
)


def read(path: Path, mapping: Mapping, **options: object) -> list[Entry]:
    with open_orders(path, mapping=mapping, **options) as stream:  # type: ignore[arg-type]
        return list(stream)


@pytest.fixture
def retail() -> Mapping:
    return load_mapping(RETAIL_MAPPING)


def retail_file(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "retail.csv"
    path.write_bytes("\r\n".join([RETAIL_HEADINGS, *lines, ""]).encode())
    return path


def retail_line(invoice: str, *, minute: int = 26, quantity: str = "6", country: str = "") -> str:
    place = country or "United Kingdom"
    return f"{invoice},85123A,,{quantity},2010-12-01 08:{minute}:00,2.55,17850.0,{place}"


@pytest.mark.timeout(120)
def test_online_retail_comes_out_exactly(retail: Mapping) -> None:
    if not ONLINE_RETAIL.exists():
        pytest.skip("shared/data/online-retail is not there")
    value: Counter[OrderKind] = Counter()
    lines: Counter[OrderKind] = Counter()
    orders: Counter[OrderKind] = Counter()
    positive = british = 0
    countries: set[str | None] = set()
    buyers: set[str | None] = set()
    skus: set[str] = set()
    positions = [0]
    with open_orders(ONLINE_RETAIL, mapping=retail) as stream:
        for entry in stream:
            assert isinstance(entry, ReadOrder), entry
            order = entry.order
            amounts = [bought.quantity * bought.unit_price_micros for bought in order.lines]
            orders[order.kind] += 1
            lines[order.kind] += len(amounts)
            value[order.kind] += sum(amounts)
            if order.kind is OrderKind.SALE:
                positive += sum(amount > 0 for amount in amounts)
            if order.recipient.country == "United Kingdom":
                british += sum(amounts)
            countries.add(order.recipient.country)
            buyers.add(order.buyer_id)
            skus.update(bought.seller_sku for bought in order.lines)
            positions.append(entry.position)
        assert positions[-1] == stream.last_line == 541_910
    assert positions == sorted(positions)
    assert sum(value.values()) == 9_747_747_934_000
    assert value[OrderKind.SALE] == 10_655_622_484_000
    assert value[OrderKind.CREDIT_NOTE] == -896_812_490_000
    assert british == 8_187_806_364_000
    assert positive == 530_103
    assert lines == {OrderKind.SALE: 532_618, OrderKind.CREDIT_NOTE: 9_288, OrderKind.ADJUSTMENT: 3}
    assert orders[OrderKind.CREDIT_NOTE] == 3_836
    assert sum(orders.values()) == 25_900
    assert (len(countries), len(skus), len(buyers - {None})) == (38, 4_070, 4_372)
    assert "17850" in buyers


def test_kinds_ids_and_times_of_online_retail(tmp_path: Path, retail: Mapping) -> None:
    path = retail_file(
        tmp_path,
        retail_line("536365", minute=27),
        retail_line("536365", minute=26),
        retail_line("C536379", quantity="-1"),
        "A563185,B,Adjust bad debt,1,2011-08-12 14:50:00,11062.06,,United Kingdom",
    )
    orders = [entry.order for entry in read(path, retail) if isinstance(entry, ReadOrder)]
    kinds = [order.kind for order in orders]
    assert kinds == [OrderKind.SALE, OrderKind.CREDIT_NOTE, OrderKind.ADJUSTMENT]
    sale, credit, adjustment = orders
    assert sale.placed_at == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
    assert len(sale.lines) == 2
    assert sale.lines[0] == sale.lines[1]
    assert sale.lines[0].product_name == ""
    assert (sale.buyer_id, adjustment.buyer_id) == ("17850", None)
    assert credit.status is OrderStatus.COMPLETED
    assert adjustment.placed_at == datetime(2011, 8, 12, 13, 50, tzinfo=UTC)


def test_a_credit_note_that_sells_is_rejected(tmp_path: Path, retail: Mapping) -> None:
    lines = [retail_line("C1", quantity="-2"), retail_line("C1", quantity="2")]
    (entry,) = read(retail_file(tmp_path, *lines), retail)
    assert isinstance(entry, Rejection)
    assert entry.line_numbers == (2, 3)
    assert entry.faults[0].line == 3
    assert "negative quantities" in entry.faults[0].reason


def test_lines_that_disagree_about_the_buyer_are_remarked(tmp_path: Path, retail: Mapping) -> None:
    path = retail_file(tmp_path, retail_line("1"), retail_line("1", country="France"))
    remark, entry = read(path, retail)
    assert isinstance(remark, Remark)
    assert remark.fault.value == "United Kingdom and France"
    assert isinstance(entry, ReadOrder)
    assert entry.order.recipient.country == "United Kingdom"


def test_date_cells_of_a_workbook_are_read_as_serial_numbers(
    tmp_path: Path, retail: Mapping
) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(RETAIL_HEADINGS.split(","))
    when = datetime(2010, 7, 1, 8, 26, 1)  # noqa: DTZ001
    sheet.append([536365, "22728", "ALARM CLOCK", 24, when, 3.75, 12583.0, "France"])
    path = tmp_path / "retail.xlsx"
    book.save(path)
    (entry,) = read(path, retail.model_copy(update={"time_format": "excel-serial"}))
    assert isinstance(entry, ReadOrder)
    assert entry.order.external_id == "536365"
    assert entry.order.placed_at == datetime(2010, 7, 1, 7, 26, 1, tzinfo=UTC)
    assert entry.order.lines[0].unit_price_micros == 3_750_000
    assert entry.order.buyer_id == "12583"


def test_ids_that_only_look_like_numbers_are_kept(tmp_path: Path, retail: Mapping) -> None:
    lost, kept = read(retail_file(tmp_path, retail_line("1.73E+18"), retail_line("1E5")), retail)
    assert isinstance(lost, Rejection)
    assert isinstance(kept, ReadOrder)


def test_scattered_orders_are_whole_or_the_file_is_refused(tmp_path: Path, retail: Mapping) -> None:
    lines = [retail_line(str(1000 + n % 50)) for n in range(200)]
    path = retail_file(tmp_path, *lines)
    orders = [entry for entry in read(path, retail) if isinstance(entry, ReadOrder)]
    assert [len(entry.order.lines) for entry in orders] == [4] * 50
    assert [entry.position for entry in orders] == list(range(152, 202))
    with pytest.raises(FileRefused, match=r"50 orders \(200 lines\).*Sort the file"):
        read(path, retail, limits=FileLimits(scattered_lines=199))


def test_an_order_without_end_refuses_the_file(tmp_path: Path, retail: Mapping) -> None:
    path = retail_file(tmp_path, *[retail_line("1")] * 11)
    with pytest.raises(FileRefused, match=r"order '1' has 11 lines.*Is this the column"):
        read(path, retail, limits=FileLimits(lines_per_order=10))


def test_memory_does_not_grow_with_the_file(tmp_path: Path, retail: Mapping) -> None:
    def peak(orders: int) -> int:
        path = tmp_path / f"{orders}.csv.gz"
        with gzip.open(path, "wt") as file:
            file.write(RETAIL_HEADINGS + "\n")
            file.writelines(f"{retail_line(f'{n:08}')}\n" for n in range(orders))
        tracemalloc.start()
        with open_orders(path, mapping=retail) as stream:
            assert sum(isinstance(entry, ReadOrder) for entry in stream) == orders
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(100)
    assert peak(30_000) < peak(8_000) + 64 * 1024


def test_ten_million_empty_lines_are_read_past(tmp_path: Path, retail: Mapping) -> None:
    path = tmp_path / "empty.csv.gz"
    path.write_bytes(gzip.compress(f"{RETAIL_HEADINGS}\n".encode() + b"\n" * 10_000_000, 1))
    with open_orders(path, mapping=retail) as stream:
        assert list(stream) == []


def test_other_tables_are_described_by_their_mapping(tmp_path: Path) -> None:
    toml = tmp_path / "erp.toml"
    toml.write_text(
        """
        channel = "ERP"
        site = "DE"
        currency = "EUR"
        time_zone = "Europe/Berlin"
        time_format = "%d.%m.%Y"
        encoding = "windows-1252"
        delimiter = ";"
        decimal_comma = true
        [columns]
        order_id = "Auftrag"
        placed_at = "Datum"
        seller_sku = "Artikel"
        quantity = "Menge"
        unit_price = "Preis"
        status = "Status"
        shipping_fee = "Versand"
        variation = "Farbe"
        [constants]
        payment_method = "invoice"
        [strip_suffix]
        order_id = ".0"
        [cancelled]
        column = "Storno"
        values = ["ja"]
        [status_words]
        erledigt = "COMPLETED"
        offen = "AWAITING_SHIPMENT"
        """
    )
    path = tmp_path / "erp.csv"
    path.write_bytes(
        "Bericht vom 3.7.\n"
        "Auftrag;Datum;Artikel;Menge;Preis;Status;Versand;Farbe;Storno\n"
        "7.0;03.07.2026;A1;2;1.234,50 €;erledigt;4,90;grün;\n"
        "8;03.07.2026;A1;1;1,5;offen;;;ja\n"
        "9;03.07.2026;A1;1;1,5;verloren;;;\n".encode("windows-1252")
    )
    done, cancelled, lost = read(path, load_mapping(toml))
    assert isinstance(done, ReadOrder)
    assert done.order.external_id == "7"
    assert done.order.placed_at == datetime(2026, 7, 2, 22, tzinfo=UTC)
    assert done.order.lines[0].unit_price_micros == 1_234_500_000
    assert done.order.lines[0].variation == "grün"
    assert done.order.shipping_fee_minor == 490
    assert done.order.payment_method == "invoice"
    assert isinstance(cancelled, ReadOrder)
    assert cancelled.order.status is OrderStatus.CANCELLED
    assert isinstance(lost, Rejection)
    assert "the mapping knows erledigt, offen" in lost.faults[0].reason


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('site = "GB"', 'site = "XX"', "site: Input should be 'TH', 'VN'"),
        ('site = "GB"', "", "site: this key is missing; add it"),
        ('site = "GB"', 'site = "GB"\ncolour = 1', "colour: this key is unknown"),
        ('currency = "GBP"', 'currency = "gold"', "currency: this is not a currency"),
        ("Europe/London", "Mars/Base", "time_zone: this is no time zone"),
        ("%Y-%m-%d %H:%M:%S", "%H:%M", "time_format: this does not tell year, month and day"),
        ('seller_sku = "StockCode"', "", "columns.seller_sku: this key is missing"),
        ('channel = "ONLINE_RETAIL"', 'channel = "online retail"', "channel: String should match"),
        ('prefix = "C"', "", "kinds.0: give either a prefix or a list of values"),
        ('SALE = "COMPLETED"', "", 'add SALE = "COMPLETED"'),
        ('SALE = "COMPLETED"', 'SALE = "DONE"', "status.SALE: Input should be 'UNPAID'"),
        ('buyer_id = ".0"', 'quantity = ".0"', "strip_suffix: quantity cannot stand here"),
        ('channel = "ONLINE_RETAIL"', "channel = ", "not TOML: Invalid value (at line 10"),
        ('site = "GB"', 'site = "GB"\nencoding = "hex"', "encoding: this is no text encoding"),
        ('site = "GB"', 'site = "GB"\ndelimiter = "ab"', "delimiter: String should have at most"),
    ],
)
def test_a_broken_mapping_is_refused_with_its_key_and_a_remedy(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    path = tmp_path / "broken.toml"
    text = RETAIL_MAPPING.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(mapping_module.MappingRefused) as refusal:
        load_mapping(path)
    assert f"{path}: " in str(refusal.value)
    assert sentence in str(refusal.value)


def test_a_mapping_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(mapping_module.MappingRefused, match="No such file"):
        load_mapping(tmp_path / "none.toml")
