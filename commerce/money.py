"""Money: integer minor units and an ISO 4217 currency. Never a float, every rounding named."""

from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache

from babel.numbers import get_currency_precision

MICROS = 1_000_000
_MAX_DIGITS = 18  # before the point
_BIGINT = 2**63
_TOO_LARGE = "The amount is too large to be kept exactly."


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


def padded(amount: Decimal, currency: str) -> Decimal:
    """The amount with at least the currency's number of decimals; finer ones stay."""
    missing = minor_digits(currency) + int(amount.as_tuple().exponent)
    return amount.quantize(Decimal(1).scaleb(-minor_digits(currency))) if missing > 0 else amount


def to_minor(amount: Decimal, currency: str) -> int:
    """An amount in the major unit as minor units; more decimals than the currency has is an error.

    Raises ValueError with a sentence.
    """
    digits = minor_digits(currency)
    return _scaled(amount, digits, f"{currency} has {digits} decimals; {amount} has more.")


def to_micros(amount: Decimal) -> int:
    """An amount as millionths; more than six decimals is an error (ValueError)."""
    return _scaled(amount, 6, f"A unit price has at most six decimals; {amount} has more.")


def line_total_minor(quantity: int, unit_price_micros: int, currency: str) -> int:
    """Quantity times unit price in minor units, rounded half-even (banker's rounding)."""
    exact = Decimal(quantity * unit_price_micros).scaleb(minor_digits(currency) - 6)
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def _scaled(amount: Decimal, places: int, too_fine: str) -> int:
    """The amount times 10**places, exactly. Python's decimals would round at 28 digits instead,
    and an exponent of a million would be written out."""
    if not amount.is_finite() or amount.adjusted() >= _MAX_DIGITS:
        raise ValueError(_TOO_LARGE)
    sign, digits, exponent = amount.as_tuple()
    kept = "".join(map(str, digits)).rstrip("0")
    if not kept:
        return 0
    shift = int(exponent) + len(digits) - len(kept) + places
    if shift < 0:
        raise ValueError(too_fine)
    value: int = int(kept) * 10**shift
    if value >= _BIGINT:
        raise ValueError(_TOO_LARGE)
    return -value if sign else value
