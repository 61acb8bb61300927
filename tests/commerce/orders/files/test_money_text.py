from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.orders.files.money_text import MoneyTextRefused, micros, minor_units, parse_money


@pytest.mark.parametrize(
    ("text", "amount", "mark"),
    [
        ("S$12.30", "12.30", "S$"),
        ("R$ 62,90", "62.90", "R$"),
        ("1,234.50", "1234.50", ""),
        ("1.234,50", "1234.50", ""),
        ("BRL 35,91", "35.91", "BRL"),
        ("Rp 1.234.567", "1234567", "Rp"),
        ("1,234", "1234", ""),
        ("0.001", "0.001", ""),
        ("0,001", "0.001", ""),
        ("62.9", "62.9", ""),
        ("-11062.06", "-11062.06", ""),
        ("-S$12.30", "-12.30", "S$"),
        ("S$-12.30", "-12.30", "S$"),
        ("\u221212,50 €", "-12.50", "€"),
        ("1 234,50", "1234.50", ""),
        ("1\u202f234,50", "1234.50", ""),
        ("  ฿99\t", "99", "฿"),
        (".5", "0.5", ""),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, amount: str, mark: str) -> None:
    money = parse_money(text)
    assert (money.amount, money.mark) == (Decimal(amount), mark)


def test_the_usual_decimal_mark_decides_what_three_digits_mean() -> None:
    assert parse_money("12.500", decimal_comma=True).amount == 12500
    assert parse_money("12.500").amount == Decimal("12.5")
    assert parse_money("12,500", decimal_comma=True).amount == Decimal("12.5")
    assert parse_money("12.5", decimal_comma=True).amount == Decimal("12.5")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "1.2.3",
        "12,34,567",
        "1e5",
        "1.73238E+18",
        "--",
        "1-2",
        "$1$",
        "٣",
        "nan",
        "=1+1",
        "1,23.4",
        "1.234.56",
        "5 6",
        "- -5",
        "9" * 5000,
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(MoneyTextRefused):
        minor_units(text, currency="THB")


def test_an_amount_of_another_currency_is_refused() -> None:
    assert minor_units("S$12.30", currency="SGD") == 1230
    assert minor_units("THB 12.30", currency="THB") == 1230
    with pytest.raises(MoneyTextRefused, match=r"marked S\$, but the order is in THB"):
        minor_units("S$12.30", currency="THB")


def test_nothing_is_rounded() -> None:
    assert minor_units("12", currency="VND") == 12
    assert micros("0.001", currency="GBP") == 1000
    with pytest.raises(MoneyTextRefused, match="0 decimals"):
        minor_units("12.5", currency="VND")
    with pytest.raises(MoneyTextRefused, match="2 decimals"):
        minor_units("0.001", currency="GBP")
    with pytest.raises(MoneyTextRefused, match="six decimals"):
        micros("0.0000001", currency="GBP")


def grouped(whole: int, mark: str) -> str:
    return f"{whole:,}".replace(",", mark)


@given(
    minor=st.integers(min_value=-(10**14), max_value=10**14),
    style=st.sampled_from(
        [(",", ".", False), (".", ",", True), (" ", ",", False), ("", ".", False)]
    ),
    mark=st.sampled_from(["", "S$", "SGD ", "$ "]),
    place=st.sampled_from(["before", "after"]),
)
def test_amounts_come_back_from_every_way_of_writing_them(
    minor: int, style: tuple[str, str, bool], mark: str, place: str
) -> None:
    group, decimal, comma = style
    whole, cents = divmod(abs(minor), 100)
    digits = f"{grouped(whole, group)}{decimal}{cents:02}"
    sign = "-" if minor < 0 else ""
    text = f"{sign}{digits} {mark}" if place == "after" else f"{sign}{mark}{digits}"
    assert minor_units(text, currency="SGD", decimal_comma=comma) == minor


@given(
    minor=st.integers(min_value=-(10**14), max_value=10**14),
    digits=st.sampled_from([0, 1, 2]),
    decimal_mark=st.sampled_from(["point", "comma"]),
)
def test_plain_numbers_mean_the_same_whatever_the_file_is_used_to(
    minor: int, digits: int, decimal_mark: str
) -> None:
    text = str(Decimal(minor).scaleb(-digits))
    comma = decimal_mark == "comma"
    assert minor_units(text, currency="SGD", decimal_comma=comma) == minor * 10 ** (2 - digits)


@given(st.text(max_size=30))
def test_any_text_is_either_an_amount_or_refused(text: str) -> None:
    try:
        amount = minor_units(text, currency="THB")
    except MoneyTextRefused:
        return
    assert any(character in "0123456789" for character in text)
    assert abs(amount) < 2**63
