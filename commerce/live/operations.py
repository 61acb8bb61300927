"""Starting and ending a LIVE room, and counting who watches."""

from uuid import UUID

from commerce.live.tables import LiveAccount
from commerce.shops.sites import Site
from tenants.database import Writer
from tenants.ids import new_id

_INSERT = """
INSERT INTO live_rooms (workspace_id, id, external_id, site, title, host, account, viewers,
                        started_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)
"""
_COUNT = "UPDATE live_rooms SET viewers = $3 WHERE workspace_id = $1 AND id = $2"


async def start_room(
    writer: Writer,
    *,
    external_id: str,
    site: Site,
    title: str,
    host: str,
    account: LiveAccount = LiveAccount.OFFICIAL_ACCOUNTS,
) -> UUID:
    room_id = new_id()
    await writer.execute(
        _INSERT, writer.workspace_id, room_id, external_id, site.value, title, host,
        account.value, writer.changes.at,
    )  # fmt: skip
    writer.changes.audit("LiveRoom", room_id, after={"title": title})
    return room_id


async def count_viewers(writer: Writer, room_id: UUID, viewers: int) -> None:
    await writer.execute(_COUNT, writer.workspace_id, room_id, viewers)
    writer.changes.audit("LiveRoom", room_id, after={"viewers": viewers})
