"""How much of a buyer's address a seller sees. Source: requirement F6 [T].

Hidden while an order is unpaid or on hold; masked where the platform ships; in full where the
seller ships, and then only to roles that may read buyers.
"""

from enum import StrEnum

from commerce.orders.lifecycle import FulfilmentPath, OrderStatus

HIDDEN_WHILE = frozenset({OrderStatus.UNPAID, OrderStatus.ON_HOLD})


class AddressView(StrEnum):
    """How much of an address you see: nothing, its beginnings, or all."""

    HIDDEN = "HIDDEN"
    MASKED = "MASKED"
    FULL = "FULL"


def address_view(
    status: OrderStatus, path: FulfilmentPath, *, may_read_buyers: bool
) -> AddressView:
    if status in HIDDEN_WHILE:
        return AddressView.HIDDEN
    if path is FulfilmentPath.TIKTOK_SHIPPING or not may_read_buyers:
        return AddressView.MASKED
    return AddressView.FULL


def masked(text: str | None, *, keep: int = 1) -> str | None:
    """The first `keep` characters of each word, then three stars, whatever the word's length."""
    if not text:
        return text
    return " ".join(f"{word[:keep]}***" for word in text.split())


def masked_phone(phone: str | None) -> str | None:
    """Stars, and the last two digits, as couriers' labels show them."""
    digits = [character for character in phone or "" if character.isdigit()]
    return f"***{''.join(digits[-2:])}" if len(digits) > 4 else ("***" if phone else phone)  # noqa: PLR2004
