"""The order and package state machines, as tables, with TikTok Shop's status codes.

Source: requirements section 13. Cancelling from PARTIALLY_SHIPPING is undocumented and refused.
"""

from collections.abc import Collection
from enum import StrEnum

from commerce.refusals import Refusal


class OrderStatus(StrEnum):
    """Where an order stands; TikTok Shop's names, with its numbers in `statusCode`."""

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
    """Where a package stands. TO_FULFILL: not handed over; CANCELLED also if lost or damaged."""

    TO_FULFILL = "TO_FULFILL"
    PROCESSING = "PROCESSING"
    FULFILLING = "FULFILLING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class FulfilmentPath(StrEnum):
    """Who ships a package. Named in full because TTS means three things at TikTok."""

    TIKTOK_SHIPPING = "TIKTOK_SHIPPING"
    LOCAL_WAREHOUSE = "LOCAL_WAREHOUSE"


class TrackingCode(StrEnum):
    """What a carrier reports of a package; LOST and DAMAGED cancel it."""

    COLLECTED = "COLLECTED"
    IN_TRANSIT = "IN_TRANSIT"
    OUT_FOR_DELIVERY = "OUT_FOR_DELIVERY"
    DELIVERED = "DELIVERED"
    DELIVERY_FAILED = "DELIVERY_FAILED"
    LOST = "LOST"
    DAMAGED = "DAMAGED"


class Actor(StrEnum):
    """Who did it: SYSTEM is a deadline that passed, OPERATOR the platform's staff."""

    BUYER = "BUYER"
    SELLER = "SELLER"
    OPERATOR = "OPERATOR"
    SYSTEM = "SYSTEM"


class OrderAction(StrEnum):
    """What a seller, or the platform for them, can do to an order."""

    PAY = "PAY"
    HOLD = "HOLD"
    RELEASE = "RELEASE"
    SHIP = "SHIP"
    SHIP_PART = "SHIP_PART"
    COLLECT = "COLLECT"
    DELIVER = "DELIVER"
    COMPLETE = "COMPLETE"
    CANCEL = "CANCEL"
    CANCEL_UNDELIVERED = "CANCEL_UNDELIVERED"


_S = OrderStatus

TRANSITIONS: dict[OrderAction, dict[OrderStatus, OrderStatus]] = {
    OrderAction.PAY: {_S.UNPAID: _S.AWAITING_SHIPMENT},
    OrderAction.HOLD: {_S.UNPAID: _S.ON_HOLD},
    OrderAction.RELEASE: {_S.ON_HOLD: _S.AWAITING_SHIPMENT},
    OrderAction.SHIP: {
        _S.AWAITING_SHIPMENT: _S.AWAITING_COLLECTION,
        _S.PARTIALLY_SHIPPING: _S.AWAITING_COLLECTION,
    },
    OrderAction.SHIP_PART: {
        _S.AWAITING_SHIPMENT: _S.PARTIALLY_SHIPPING,
        _S.PARTIALLY_SHIPPING: _S.PARTIALLY_SHIPPING,
    },
    OrderAction.COLLECT: {
        _S.AWAITING_COLLECTION: _S.IN_TRANSIT,
        _S.IN_TRANSIT: _S.IN_TRANSIT,
    },
    OrderAction.DELIVER: {
        _S.AWAITING_COLLECTION: _S.DELIVERED,
        _S.IN_TRANSIT: _S.DELIVERED,
    },
    OrderAction.COMPLETE: {_S.DELIVERED: _S.COMPLETED},
    OrderAction.CANCEL: {
        _S.UNPAID: _S.CANCELLED,
        _S.ON_HOLD: _S.CANCELLED,
        _S.AWAITING_SHIPMENT: _S.CANCELLED,
        _S.AWAITING_COLLECTION: _S.CANCELLED,
    },
    OrderAction.CANCEL_UNDELIVERED: {_S.IN_TRANSIT: _S.CANCELLED},
}

SELLER_ACTIONS = frozenset({OrderAction.SHIP, OrderAction.CANCEL})

TRACKING: dict[TrackingCode, tuple[PackageStatus, OrderAction | None]] = {
    TrackingCode.COLLECTED: (PackageStatus.FULFILLING, OrderAction.COLLECT),
    TrackingCode.IN_TRANSIT: (PackageStatus.FULFILLING, OrderAction.COLLECT),
    TrackingCode.OUT_FOR_DELIVERY: (PackageStatus.FULFILLING, OrderAction.COLLECT),
    TrackingCode.DELIVERY_FAILED: (PackageStatus.FULFILLING, None),
    TrackingCode.DELIVERED: (PackageStatus.COMPLETED, OrderAction.DELIVER),
    TrackingCode.LOST: (PackageStatus.CANCELLED, None),
    TrackingCode.DAMAGED: (PackageStatus.CANCELLED, None),
}


class TransitionRefused(Refusal):
    """The state machine has no such move; `allowed` lists what a seller may do instead."""

    code = "TRANSITION_REFUSED"

    def __init__(self, status: OrderStatus, action: OrderAction) -> None:
        self.status = status
        self.action = action
        self.allowed = available_actions(status)
        instead = ", ".join(self.allowed) or "nothing more"
        super().__init__(f"An order that is {status} cannot {action}; possible now: {instead}.")


def advance(status: OrderStatus, action: OrderAction) -> OrderStatus:
    """The status after `action`, or `TransitionRefused`."""
    try:
        return TRANSITIONS[action][status]
    except KeyError:
        raise TransitionRefused(status, action) from None


def available_actions(status: OrderStatus) -> list[OrderAction]:
    """What a seller may do to an order in this status."""
    return [a for a, moves in TRANSITIONS.items() if a in SELLER_ACTIONS and status in moves]


_PACKAGE_ENDS = frozenset({PackageStatus.COMPLETED, PackageStatus.CANCELLED})
_ORDER_ENDS = frozenset({OrderStatus.DELIVERED, OrderStatus.COMPLETED, OrderStatus.CANCELLED})


def after_tracking(
    code: TrackingCode,
    *,
    order: OrderStatus,
    package: PackageStatus,
    others: Collection[PackageStatus],
) -> tuple[OrderStatus, PackageStatus]:
    """Where a carrier's report leaves an order and one of its packages; `others` are the rest.

    Carriers report late and out of turn: a package that has ended, or an order that has, stays as
    it is. An order is delivered when its last package is, and one that is still being shipped in
    parts waits for the rest. A report on an order that was never shipped is `TransitionRefused`.
    """
    package_after, action = TRACKING[code]
    if package in _PACKAGE_ENDS or order in _ORDER_ENDS:
        return order, package
    if action is OrderAction.DELIVER and not set(others) <= _PACKAGE_ENDS:
        action = OrderAction.COLLECT
    if action is None or order is OrderStatus.PARTIALLY_SHIPPING:
        return order, package_after
    return advance(order, action), package_after
