"""Warehouses and stock."""

from datetime import datetime
from typing import Any

import strawberry

from commerce.stock import queries
from commerce.stock.queries import WarehouseRow
from commerce.stock.tables import WarehousePurpose, WarehouseStatus, WarehouseType
from schema.context import Info
from schema.loaders import relation
from schema.nodes import Node, instances_of, node_id
from tenants.grants import Grant


@strawberry.type(description="Where stock lies, or where returns go.")
class Warehouse(Node):
    id: strawberry.ID = node_id("Warehouse", relation="warehouse")
    name: str
    purpose: WarehousePurpose
    type: WarehouseType
    status: WarehouseStatus

    is_type_of = instances_of(WarehouseRow)


@strawberry.type(description="Pieces of one SKU in one warehouse.")
class StockLevel:
    available: int
    reserved: int
    updated_at: datetime
    warehouse: Warehouse = relation("warehouse", key="warehouse_id")
    warehouse_name: str


async def warehouses(info: Info) -> Any:
    return await queries.warehouses(info.context.reading(Grant.CATALOGUE_READ))
