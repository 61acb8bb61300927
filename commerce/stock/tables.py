"""Warehouses (F7) and the stock of each SKU in them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from tenants.tables import TEXT, TenantTable, moment, of_workspace, one_of, within_workspace


class WarehousePurpose(StrEnum):
    """Whether goods are sent from it or come back to it."""

    SALES = "SALES"
    RETURN = "RETURN"


class WarehouseType(StrEnum):
    """Where it lies, seen from the seller: at home, overseas, or shipping across the border."""

    DOMESTIC = "DOMESTIC"
    CB_OVERSEA = "CB_OVERSEA"
    CB_DIRECT_SHIPPING = "CB_DIRECT_SHIPPING"


class WarehouseStatus(StrEnum):
    """RESTRICTED: on holiday, or at its limit of orders."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    RESTRICTED = "RESTRICTED"


class Warehouse(TenantTable, table=True):
    __tablename__ = "warehouses"
    __table_args__ = (
        of_workspace(),
        one_of("purpose", WarehousePurpose),
        one_of("type", WarehouseType),
        one_of("status", WarehouseStatus),
        UniqueConstraint("workspace_id", "name"),
    )

    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=TEXT)
    purpose: str = Field(sa_type=TEXT)
    type: str = Field(sa_type=TEXT)
    status: str = Field(sa_type=TEXT)
    created_at: datetime = moment()


class StockLevel(TenantTable, table=True):
    """Pieces of one SKU in one warehouse."""

    __tablename__ = "stock_levels"
    __table_args__ = (
        within_workspace(["sku_id"], "skus"),
        within_workspace(["warehouse_id"], "warehouses"),
        CheckConstraint("available >= 0", name="available"),
        CheckConstraint("reserved >= 0", name="reserved"),
        Index("ix_stock_levels_warehouse_id", "workspace_id", "warehouse_id"),
    )

    sku_id: UUID = Field(primary_key=True)
    warehouse_id: UUID = Field(primary_key=True)
    available: int
    reserved: int = Field(default=0)
    updated_at: datetime = moment()
