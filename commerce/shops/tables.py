"""One shop per site."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from commerce.shops.sites import Site
from tenants.tables import TEXT, TenantTable, moment, of_workspace, one_of


class Shop(TenantTable, table=True):
    """`external_id` is TikTok Shop's shop id; `legacy_id` the id of the former back office."""

    __tablename__ = "shops"
    __table_args__ = (
        of_workspace(),
        one_of("site", Site),
        UniqueConstraint("workspace_id", "site"),
        UniqueConstraint("workspace_id", "external_id"),
        UniqueConstraint("workspace_id", "legacy_id"),
    )

    id: UUID = Field(primary_key=True)
    site: str = Field(sa_type=TEXT)
    name: str = Field(sa_type=TEXT)
    external_id: str | None = Field(default=None, sa_type=TEXT)
    legacy_id: str | None = Field(default=None, sa_type=TEXT)
    created_at: datetime = moment()
