"""Amounts as people and exports write them, read without ever passing through a float.

Which mark is the decimal one:
- where both "," and "." occur, the last one is;
- a mark that occurs more than once separates thousands;
- a single mark followed by exactly three digits separates thousands if it is not the usual
  decimal mark of the file ("1,234" is 1234 and "0.001" is a thousandth, unless `decimal_comma`);
- any other single mark is decimal, so that "62,90" and 62.9 may stand in one column.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from commerce.money import minor_digits

LARGEST = 2**63 - 1

_AMOUNT = re.compile(
    r"""(?P<sign>[-\u2212+]?)\s*
        (?P<before>[^\d\s.,'+\-\u2212][^\d,'+\-\u2212]*?)?\s*
        (?P<inner_sign>[-\u2212]?)
        (?P<digits>\d[\d.,'\u2019\u0020\u00a0\u202f]*?|[.,]\d+)\s*
        (?P<after>[^\d\s.,'+\-\u2212][^\d,'+\-\u2212]*)?""",
    re.ASCII | re.VERBOSE,
)
_GROUPED = re.compile(r"\d{1,3}(?:([.,'\u2019\u0020\u00a0\u202f])\d{3})(?:\1\d{3})*", re.ASCII)
_PLAIN = re.compile(r"-?\d{1,15}(?:\.\d{1,6})?", re.ASCII)

CURRENCY_MARKS: dict[str, frozenset[str]] = {
    "THB": frozenset({"฿", "บาท"}),
    "VND": frozenset({"₫", "đ"}),
    "MYR": frozenset({"rm"}),
    "IDR": frozenset({"rp", "rp."}),
    "PHP": frozenset({"₱"}),
    "SGD": frozenset({"s$", "$"}),
    "GBP": frozenset({"£"}),
    "USD": frozenset({"us$", "$"}),
    "EUR": frozenset({"€"}),
    "BRL": frozenset({"r$"}),
}


class MoneyTextRefused(ValueError):
    """Not an amount, or not of this currency. The message is a sentence for the seller."""


@dataclass(frozen=True, slots=True)
class MoneyText:
    """`mark` is the currency sign or code beside the digits, as written, or ''."""

    amount: Decimal
    mark: str


def parse_money(text: str, *, decimal_comma: bool = False) -> MoneyText:
    """Read one amount; blanks around it do not count."""
    text = text.strip()
    if _PLAIN.fullmatch(text) and not (decimal_comma and "." in text):
        return MoneyText(Decimal(text), "")
    match = _AMOUNT.fullmatch(text)
    if match is None or (match["before"] and match["after"]):
        raise MoneyTextRefused("this is not an amount of money")
    if match["sign"] and match["inner_sign"]:
        raise MoneyTextRefused("an amount has one sign")
    amount = Decimal(_plain_digits(match["digits"], decimal_comma=decimal_comma))
    negative = (match["sign"] or match["inner_sign"]) in {"-", "\u2212"}
    mark = (match["before"] or match["after"] or "").strip()
    return MoneyText(-amount if negative else amount, mark)


@lru_cache(maxsize=65_536)
def minor_units(text: str, *, currency: str, decimal_comma: bool = False) -> int:
    """Minor units of `currency`; refuses another currency and a fraction of a minor unit."""
    digits = minor_digits(currency)
    scaled = _amount_in(text, currency, decimal_comma=decimal_comma).scaleb(digits)
    return _whole(scaled, f"{currency} has {digits} decimals, this amount has more")


@lru_cache(maxsize=65_536)
def micros(text: str, *, currency: str, decimal_comma: bool = False) -> int:
    """Millionths of the major unit; refuses another currency and anything finer."""
    scaled = _amount_in(text, currency, decimal_comma=decimal_comma).scaleb(6)
    return _whole(scaled, "a unit price has at most six decimals")


def _amount_in(text: str, currency: str, *, decimal_comma: bool) -> Decimal:
    money = parse_money(text, decimal_comma=decimal_comma)
    mark = money.mark.casefold()
    if mark and mark != currency.casefold() and mark not in CURRENCY_MARKS.get(currency, ()):
        raise MoneyTextRefused(f"the amount is marked {money.mark}, but the order is in {currency}")
    return money.amount


def _whole(scaled: Decimal, reason: str) -> int:
    whole = int(scaled)
    if whole != scaled:
        raise MoneyTextRefused(reason)
    if abs(whole) > LARGEST:
        raise MoneyTextRefused("the amount is too large to be true")
    return whole


def _plain_digits(digits: str, *, decimal_comma: bool) -> str:
    """`digits` with "." as the only mark."""
    comma, point = digits.rfind(","), digits.rfind(".")
    mark = "," if comma > point else "."
    head, found, tail = digits.rpartition(mark)
    if not found:
        return _ungrouped(digits)
    both = comma >= 0 and point >= 0
    usual = "," if decimal_comma else "."
    repeated = mark in head
    could_group = len(tail) == 3 and _GROUPED.fullmatch(digits) and digits[0] != "0"  # noqa: PLR2004
    if repeated or (could_group and not both and mark != usual):
        return _ungrouped(digits)
    if not tail.isdigit():
        raise MoneyTextRefused("this is not an amount of money")
    return f"{_ungrouped(head) if head else '0'}.{tail}"


def _ungrouped(digits: str) -> str:
    if digits.isdigit():
        return digits
    if not _GROUPED.fullmatch(digits):
        raise MoneyTextRefused("the thousands of this amount are not in groups of three")
    return re.sub(r"\D", "", digits)
