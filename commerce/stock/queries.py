"""Questions about warehouses and stock."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tenants.database import Reader
from tenants.pool import Row


class WarehouseRow(Row):
    id: UUID
    name: str
    purpose: str
    type: str
    status: str


class StockRow(Row):
    sku_id: UUID
    warehouse_id: UUID
    available: int
    reserved: int
    updated_at: datetime
    warehouse_name: str


_STOCK = """
SELECT s.*, w.name AS warehouse_name FROM stock_levels s
  JOIN warehouses w ON w.workspace_id = s.workspace_id AND w.id = s.warehouse_id
 WHERE s.workspace_id = $1 AND w.workspace_id = $1 AND s.sku_id = ANY($2)
 ORDER BY s.sku_id, w.name
"""
_WAREHOUSES = "SELECT * FROM warehouses WHERE workspace_id = $1 ORDER BY name"
_WAREHOUSES_BY_ID = "SELECT * FROM warehouses WHERE workspace_id = $1 AND id = ANY($2)"


async def stock_by_sku(reader: Reader, sku_ids: Sequence[UUID]) -> list[StockRow]:
    return await reader.fetch(_STOCK, reader.workspace_id, sku_ids, row=StockRow)


async def warehouses(reader: Reader) -> list[WarehouseRow]:
    return await reader.fetch(_WAREHOUSES, reader.workspace_id, row=WarehouseRow)


async def warehouses_by_id(reader: Reader, ids: Sequence[UUID]) -> list[WarehouseRow]:
    return await reader.fetch(_WAREHOUSES_BY_ID, reader.workspace_id, ids, row=WarehouseRow)
