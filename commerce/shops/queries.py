"""Questions about shops."""

from datetime import datetime
from uuid import UUID

from tenants.database import Reader
from tenants.pool import Row


class ShopRow(Row):
    id: UUID
    site: str
    name: str
    external_id: str | None
    legacy_id: str | None
    created_at: datetime


_SHOPS = "SELECT * FROM shops WHERE workspace_id = $1 ORDER BY site"
_BY_LEGACY_ID = "SELECT * FROM shops WHERE workspace_id = $1 AND legacy_id = $2"
_BY_ID = "SELECT * FROM shops WHERE workspace_id = $1 AND id = ANY($2)"


async def shops(reader: Reader) -> list[ShopRow]:
    return await reader.fetch(_SHOPS, reader.workspace_id, row=ShopRow)


async def shops_by_id(reader: Reader, ids: list[UUID]) -> list[ShopRow]:
    return await reader.fetch(_BY_ID, reader.workspace_id, ids, row=ShopRow)


async def shop_by_legacy_id(reader: Reader, legacy_id: str) -> ShopRow | None:
    return await reader.fetchrow(_BY_LEGACY_ID, reader.workspace_id, legacy_id, row=ShopRow)
