"""The order stream: every order placed or changed, resumable by `after`."""

from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Annotated, Any

import strawberry

from commerce.orders.events import OrderEventKind
from commerce.orders.lifecycle import OrderStatus
from commerce.pages import BadArgument
from schema.context import Info
from schema.filters import Filter
from schema.nodes import global_id, instances_of, local_id
from schema.orders import Order
from tenants.events import Event, Gap
from tenants.grants import Grant


async def _order(root: strawberry.Parent[Event], info: Info) -> Any:
    return await info.context.load("order", root.entity_id)


def _event_id(root: strawberry.Parent[Event]) -> strawberry.ID:
    return global_id("OrderEvent", root.id)


def _sequence(root: strawberry.Parent[Event]) -> str:
    return str(root.sequence)


def _kind(root: strawberry.Parent[Event]) -> OrderEventKind:
    return OrderEventKind(root.kind)


def _status(root: strawberry.Parent[Event]) -> OrderStatus:
    return OrderStatus(root.payload["status"])


def _version(root: strawberry.Parent[Event]) -> int:
    return int(root.payload["version"])


@strawberry.type(description="An order was placed or changed.")
class OrderEvent:
    event_id: strawberry.ID = strawberry.field(resolver=_event_id)
    sequence: str = strawberry.field(
        resolver=_sequence,
        description="Rises from event to event of a workspace; pass it as `after` to resume.",
    )
    occurred_at: datetime
    kind: OrderEventKind = strawberry.field(resolver=_kind)
    status: OrderStatus = strawberry.field(
        resolver=_status, description="The order's status as this event left it."
    )
    version: int = strawberry.field(resolver=_version)
    order: Order | None = strawberry.field(
        resolver=_order, description="The order as it is now, which may be newer than the event."
    )

    is_type_of = instances_of(Event)


@strawberry.type(
    description="Events that can no longer be replayed, both ends included. Load afresh what "
    "you show; the stream goes on after them."
)
class EventGap:
    first_sequence: str
    last_sequence: str


OrderStreamItem = Annotated[
    OrderEvent | EventGap,
    strawberry.union("OrderStreamItem", description="What the order stream brings."),
]


_KINDS = frozenset(kind.value for kind in OrderEventKind)


@strawberry.input(description="Which events; all that is given must hold.")
class OrderEventWhere:
    kind: Filter[OrderEventKind] | None = None
    status: Filter[OrderStatus] | None = None


async def live_orders(
    info: Info, room_id: strawberry.ID, after: str | None = None
) -> AsyncGenerator[OrderStreamItem, None]:
    room = local_id("LiveRoom", room_id, argument="roomId")
    info.context.require(Grant.LIVE_READ)
    known = await info.context.load("live_room", room)
    if known is None:
        raise BadArgument("roomId", "names no LIVE room of this workspace.")
    async for item in _stream(info, after, lambda event: event.live_room_id == room):
        yield item


async def order_updates(
    info: Info, after: str | None = None, where: OrderEventWhere | None = None
) -> AsyncGenerator[OrderStreamItem, None]:
    kinds = _wanted(where.kind if where else None)
    statuses = _wanted(where.status if where else None)

    def wanted(event: Event) -> bool:
        return (kinds is None or event.kind in kinds) and (
            statuses is None or event.payload["status"] in statuses
        )

    async for item in _stream(info, after, wanted):
        yield item


async def _stream(
    info: Info, after: str | None, wanted: Callable[[Event], bool]
) -> AsyncGenerator[Any, None]:
    context = info.context
    context.require(Grant.ORDERS_READ)
    position = _position(after)
    await context.database.reading().open()  # a credential that is good no more hears it at once
    await context.close()  # a subscription lasts for hours; a snapshot must not
    events = context.platform.feeds.events(
        context.principal.workspace_id, after=position, limit=context.platform.subscriber_queue
    )
    try:
        async for item in events:
            if isinstance(item, Gap):
                yield EventGap(first_sequence=str(item.first), last_sequence=str(item.last))
            elif item.kind in _KINDS and wanted(item):
                yield item
    finally:
        await events.aclose()


def _position(after: str | None) -> int | None:
    if after is None:
        return None
    if not after.isascii() or not after.isdigit() or len(after) > 18:  # noqa: PLR2004
        raise BadArgument("after", 'is the `sequence` of an event, such as "42".')
    return int(after)


def _wanted(given: Any) -> frozenset[str] | None:
    """The values that a filter lets through; None for all. `eq` and `oneOf` both have to hold."""
    if given is None:
        return None
    parts = [[given.eq]] if given.eq is not None else []
    parts += [given.one_of] if given.one_of is not None else []
    sets = [frozenset(value.value for value in part) for part in parts]
    return frozenset.intersection(*sets) if sets else None
