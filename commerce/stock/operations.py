"""Adding a warehouse."""

from uuid import UUID

from commerce.stock.tables import WarehousePurpose, WarehouseStatus, WarehouseType
from tenants.database import Writer
from tenants.ids import new_id

_INSERT = """
INSERT INTO warehouses (workspace_id, id, name, purpose, type, status, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


async def add_warehouse(
    writer: Writer,
    *,
    name: str,
    purpose: WarehousePurpose = WarehousePurpose.SALES,
    type: WarehouseType = WarehouseType.CB_OVERSEA,
) -> UUID:
    warehouse_id = new_id()
    await writer.execute(
        _INSERT, writer.workspace_id, warehouse_id, name, purpose.value, type.value,
        WarehouseStatus.ENABLED.value, writer.changes.at,
    )  # fmt: skip
    writer.changes.audit("Warehouse", warehouse_id, after={"name": name})
    return warehouse_id
