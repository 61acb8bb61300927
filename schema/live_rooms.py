"""LIVE rooms."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from commerce.conditions import Compare, Condition
from commerce.live.queries import LIVE_ROOMS, LiveRoomRow
from commerce.live.tables import LiveAccount
from commerce.pages import Window
from commerce.shops.sites import Site
from schema.connections import Connection, connect
from schema.context import Info
from schema.filters import DateTimeFilter, Filter, StringFilter, Translate, condition
from schema.nodes import Node, instances_of, local_id, node_id
from schema.products import Direction, ordering
from tenants.grants import Grant


@strawberry.type(description="A LIVE room; on air until it has an end.")
class LiveRoom(Node):
    id: strawberry.ID = node_id("LiveRoom", relation="live_room")
    external_id: str = strawberry.field(description="TikTok's room_id.")
    title: str
    host: str
    site: Site
    account: LiveAccount
    viewers: int
    started_at: datetime
    ended_at: datetime | None

    is_type_of = instances_of(LiveRoomRow)


@strawberry.enum(description="What LIVE rooms can be sorted by.")
class LiveRoomOrderField(Enum):
    STARTED_AT = "STARTED_AT"


@strawberry.input(description="One level of sorting.")
class LiveRoomOrder:
    field: LiveRoomOrderField
    direction: Direction = Direction.ASC


@strawberry.input(description="Which rooms; all that is given must hold.")
class LiveRoomWhere:
    site: Filter[Site] | None = None
    external_id: StringFilter | None = None
    search: str | None = strawberry.field(default=None, description="Any part of a title.")
    started_at: DateTimeFilter | None = None
    ended_at: DateTimeFilter | None = None
    and_: list["LiveRoomWhere"] | None = strawberry.field(name="and", default=None)
    or_: list["LiveRoomWhere"] | None = strawberry.field(name="or", default=None)
    not_: "LiveRoomWhere | None" = strawberry.field(name="not", default=None)


def _search(words: str) -> Condition:
    return Compare("search", "eq", words)


_SPECIAL: dict[str, Translate] = {"search": _search}


async def live_rooms(
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    where: LiveRoomWhere | None = None,
    order_by: list[LiveRoomOrder] | None = None,
) -> Any:
    return await connect(
        info.context.reading(Grant.LIVE_READ),
        LIVE_ROOMS,
        where=condition(where, _SPECIAL),
        order_by=ordering(order_by),
        window=Window(first=first, after=after, last=last, before=before),
    )


async def live_room(info: Info, id: strawberry.ID) -> Any:
    return await info.context.load("live_room", local_id("LiveRoom", id, argument="id"))


LiveRoomConnection = Connection[LiveRoom]
