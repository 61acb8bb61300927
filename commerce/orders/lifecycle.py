"""The order and package state machines, as tables, with TikTok Shop's status codes.

Source: requirements section 13. Cancelling from PARTIALLY_SHIPPING is undocumented and refused.
"""

from enum import StrEnum


class OrderStatus(StrEnum):
    UNPAID = "UNPAID"
    ON_HOLD = "ON_HOLD"
    AWAITING_SHIPMENT = "AWAITING_SHIPMENT"
    PARTIALLY_SHIPPING = "PARTIALLY_SHIPPING"
    AWAITING_COLLECTION = "AWAITING_COLLECTION"
    IN_TRANSIT = "IN_TRANSIT"
    DELIVERED = "DELIVERED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


STATUS_CODES: dict[OrderStatus, int] = {
    OrderStatus.UNPAID: 100,
    OrderStatus.ON_HOLD: 105,
    OrderStatus.AWAITING_SHIPMENT: 111,
    OrderStatus.AWAITING_COLLECTION: 112,
    OrderStatus.PARTIALLY_SHIPPING: 114,
    OrderStatus.IN_TRANSIT: 121,
    OrderStatus.DELIVERED: 122,
    OrderStatus.COMPLETED: 130,
    OrderStatus.CANCELLED: 140,
}


class PackageStatus(StrEnum):
    TO_FULFILL = "TO_FULFILL"
    PROCESSING = "PROCESSING"
    FULFILLING = "FULFILLING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class FulfilmentPath(StrEnum):
    """Who ships a package. Named in full because TTS means three things at TikTok."""

    TIKTOK_SHIPPING = "TIKTOK_SHIPPING"
    LOCAL_WAREHOUSE = "LOCAL_WAREHOUSE"


class Actor(StrEnum):
    BUYER = "BUYER"
    SELLER = "SELLER"
    OPERATOR = "OPERATOR"
    SYSTEM = "SYSTEM"
