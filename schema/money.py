"""Money as clients see it."""

from decimal import Decimal
from typing import Any, NewType

import strawberry
from babel.numbers import is_currency

from commerce.money import micros_to_decimal, padded, to_decimal
from schema.scalars import shown

CurrencyCode = NewType("CurrencyCode", str)


def _read_currency(value: Any) -> str:
    if not isinstance(value, str) or not is_currency(value):
        raise ValueError(f"{shown(value)} is no ISO 4217 currency code, such as THB.")
    return value


CURRENCY_CODE = strawberry.scalar(
    name="CurrencyCode",
    description="An ISO 4217 currency code, such as THB.",
    serialize=str,
    parse_value=_read_currency,
)


@strawberry.type(description="An exact amount in the major unit of a currency.")
class Money:
    amount: Decimal
    currency_code: CurrencyCode


def money(minor: int, currency: str) -> Money:
    return Money(amount=to_decimal(minor, currency), currency_code=CurrencyCode(currency))


def exact_money(micros: int, currency: str) -> Money:
    """An amount that may be finer than the minor unit."""
    amount = padded(micros_to_decimal(micros), currency)
    return Money(amount=amount, currency_code=CurrencyCode(currency))


@strawberry.input(description="An amount in the major unit, with its currency.")
class MoneyInput:
    amount: Decimal
    currency_code: CurrencyCode
