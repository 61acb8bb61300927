"""Money: integer minor units and an ISO 4217 currency. Never a float, every rounding named."""

from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache

from babel.numbers import get_currency_precision

MICROS = 1_000_000


@cache
def minor_digits(currency: str) -> int:
    """How many decimals the currency's minor unit has (CLDR): 2 for USD, 0 for VND."""
    return get_currency_precision(currency)


def to_decimal(minor: int, currency: str) -> Decimal:
    """Minor units as an amount in the major unit, with the currency's number of decimals."""
    return Decimal(minor).scaleb(-minor_digits(currency))


def micros_to_decimal(micros: int) -> Decimal:
    """Millionths of the major unit as an exact amount, without needless zeros."""
    return Decimal(micros) / MICROS


def to_minor(amount: Decimal, currency: str) -> int:
    """An amount in the major unit as minor units; more decimals than the currency has is an error.

    Raises ValueError with a sentence.
    """
    scaled = amount.scaleb(minor_digits(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{currency} has {minor_digits(currency)} decimals; {amount} has more.")
    return int(scaled)


def to_micros(amount: Decimal) -> int:
    """An amount as millionths; more than six decimals is an error (ValueError)."""
    scaled = amount.scaleb(6)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"A unit price has at most six decimals; {amount} has more.")
    return int(scaled)


def line_total_minor(quantity: int, unit_price_micros: int, currency: str) -> int:
    """Quantity times unit price in minor units, rounded half-even (banker's rounding)."""
    exact = Decimal(quantity * unit_price_micros).scaleb(minor_digits(currency) - 6)
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
