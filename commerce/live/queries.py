"""Questions about LIVE rooms."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, func

from commerce.live.tables import LiveRoom
from commerce.pages import Listing, OrderBy
from tenants.database import Reader
from tenants.pool import Row


class LiveRoomRow(Row):
    id: UUID
    external_id: str
    site: str
    title: str
    host: str
    account: str
    viewers: int
    started_at: datetime
    ended_at: datetime | None


_rooms: Any = LiveRoom.__table__  # type: ignore[attr-defined]


def _titled(words: BindParameter[Any]) -> ColumnElement[bool]:
    """Rooms are few: a scan of the workspace's own is quick, and finds any part of a title."""
    return func.strpos(func.lower(_rooms.c.title), func.lower(words)) > 0


LIVE_ROOMS = Listing(
    table=_rooms,
    row=LiveRoomRow,
    rules={
        "site": _rooms.c.site,
        "external_id": _rooms.c.external_id,
        "started_at": _rooms.c.started_at,
        "ended_at": _rooms.c.ended_at,
        "search": _titled,
    },
    orders={"STARTED_AT": _rooms.c.started_at},
    default_order=(OrderBy("STARTED_AT", descending=True),),
)

_BY_ID = "SELECT * FROM live_rooms WHERE workspace_id = $1 AND id = ANY($2)"
_BY_EXTERNAL_ID = """
SELECT * FROM live_rooms WHERE workspace_id = $1 AND external_id = ANY($2)
"""


async def live_rooms_by_id(reader: Reader, ids: Sequence[UUID]) -> list[LiveRoomRow]:
    return await reader.fetch(_BY_ID, reader.workspace_id, ids, row=LiveRoomRow)


async def live_rooms_by_external_id(reader: Reader, ids: Sequence[str]) -> list[LiveRoomRow]:
    return await reader.fetch(_BY_EXTERNAL_ID, reader.workspace_id, ids, row=LiveRoomRow)
