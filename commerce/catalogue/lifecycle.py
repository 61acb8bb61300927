"""The product state machine and what a seller may do in each state.

Source: requirements section 13. What the platform decides (review, freeze) is not a seller's act.
"""

from enum import StrEnum


class ProductStatus(StrEnum):
    """Where a product stands; only ACTIVATE is on sale. TikTok Shop's names."""

    DRAFT = "DRAFT"
    PENDING = "PENDING"
    FAILED = "FAILED"
    ACTIVATE = "ACTIVATE"
    SELLER_DEACTIVATED = "SELLER_DEACTIVATED"
    PLATFORM_DEACTIVATED = "PLATFORM_DEACTIVATED"
    FREEZE = "FREEZE"
    DELETED = "DELETED"


class ProductAction(StrEnum):
    """What a seller may do to a product."""

    UPDATE = "UPDATE"
    ACTIVATE = "ACTIVATE"
    DEACTIVATE = "DEACTIVATE"


class ListingStatus(StrEnum):
    """Whether a product shows on one site. LOCKED: a rule of that market is not met."""

    LISTED = "LISTED"
    UNLISTED = "UNLISTED"
    LOCKED = "LOCKED"


TRANSITIONS: dict[ProductAction, dict[ProductStatus, ProductStatus]] = {
    ProductAction.UPDATE: {
        status: status
        for status in ProductStatus
        if status not in {ProductStatus.DELETED, ProductStatus.FREEZE}
    },
    ProductAction.ACTIVATE: {
        ProductStatus.DRAFT: ProductStatus.ACTIVATE,
        ProductStatus.SELLER_DEACTIVATED: ProductStatus.ACTIVATE,
    },
    ProductAction.DEACTIVATE: {
        ProductStatus.ACTIVATE: ProductStatus.SELLER_DEACTIVATED,
    },
}


def available_actions(status: ProductStatus) -> list[ProductAction]:
    return [action for action, moves in TRANSITIONS.items() if status in moves]
