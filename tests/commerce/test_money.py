"""Money: exact, in minor units, every rounding named."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.money import (
    line_total_minor,
    micros_to_decimal,
    minor_digits,
    padded,
    to_decimal,
    to_micros,
    to_minor,
)


@pytest.mark.parametrize(("currency", "digits"), [("THB", 2), ("VND", 0), ("USD", 2), ("JPY", 0)])
def test_each_currency_has_its_own_decimals(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@given(st.integers(-(10**15), 10**15), st.sampled_from(["THB", "VND", "GBP"]))
def test_minor_units_and_amounts_are_the_same_thing(minor: int, currency: str) -> None:
    assert to_minor(to_decimal(minor, currency), currency) == minor


@given(st.integers(-(10**18), 10**18))
def test_micros_and_amounts_are_the_same_thing(micros: int) -> None:
    assert to_micros(micros_to_decimal(micros)) == micros


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("116104", "THB", "116104.00"),
        ("1.16E+5", "THB", "116000.00"),
        ("12.5", "THB", "12.50"),
        ("0.004", "THB", "0.004"),
        ("7", "VND", "7"),
    ],
)
def test_an_amount_shows_its_currencys_decimals_and_keeps_finer_ones(
    amount: str, currency: str, shown: str
) -> None:
    assert str(padded(Decimal(amount), currency)) == shown


def test_more_decimals_than_there_are_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"GBP has 2 decimals; 1\.005 has more\."):
        to_minor(Decimal("1.005"), "GBP")
    with pytest.raises(ValueError, match="at most six decimals"):
        to_micros(Decimal("0.0000001"))


@pytest.mark.parametrize(
    ("quantity", "micros", "minor"),
    [
        (1, 5_000, 0),
        (3, 5_000, 2),
        (1, 15_000, 2),
        (1, 25_000, 2),
        (-1, 15_000, -2),
        (2, 12_345, 2),
    ],
)
def test_half_a_minor_unit_goes_to_the_even_one(quantity: int, micros: int, minor: int) -> None:
    assert line_total_minor(quantity, micros, "GBP") == minor


@pytest.mark.parametrize(
    "amount",
    ["NaN", "sNaN", "Infinity", "1E+999999", "0E+999999", "12345678901234567890123456789.01"],
)
def test_what_is_no_amount_of_money_is_refused_with_a_sentence(amount: str) -> None:
    with pytest.raises(ValueError, match="too large to be kept exactly"):
        to_minor(Decimal(amount), "THB")
    with pytest.raises(ValueError, match="too large to be kept exactly"):
        to_micros(Decimal(amount))


def test_the_thirtieth_digit_is_not_rounded_away() -> None:
    with pytest.raises(ValueError, match="has more"):
        to_minor(Decimal("1.010000000000000000000000000000001"), "THB")


def test_an_exponent_is_only_another_spelling() -> None:
    assert to_minor(Decimal("1E+3"), "VND") == 1000
    assert to_minor(Decimal("0E-400"), "THB") == 0
