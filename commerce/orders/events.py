"""What the order stream tells: one event per order placed or changed."""

from enum import StrEnum
from uuid import UUID

from tenants.changes import Changes


class OrderEventKind(StrEnum):
    """What happened. PACKAGE_UPDATE: a package changed and the order's status did not."""

    ORDER_PLACED = "ORDER_PLACED"
    ORDER_STATUS_CHANGE = "ORDER_STATUS_CHANGE"
    PACKAGE_UPDATE = "PACKAGE_UPDATE"


def tell(
    changes: Changes,
    kind: OrderEventKind,
    order_id: UUID,
    *,
    status: str,
    version: int,
    live_room_id: UUID | None,
) -> None:
    """Note an event; `status` and `version` are the order's as this change left it."""
    changes.emit(
        kind.value,
        order_id,
        payload={"status": status, "version": version},
        live_room_id=live_room_id,
    )
