"""LIVE rooms."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from commerce.shops.sites import Site
from tenants.tables import TEXT, TenantTable, moment, of_workspace, one_of


class LiveAccount(StrEnum):
    """Whose account a LIVE room runs on."""

    OFFICIAL_ACCOUNTS = "OFFICIAL_ACCOUNTS"
    MARKETING_ACCOUNTS = "MARKETING_ACCOUNTS"
    AFFILIATE_ACCOUNTS = "AFFILIATE_ACCOUNTS"


class LiveRoom(TenantTable, table=True):
    """`external_id` is TikTok's room_id; a room without `ended_at` is on air once it started."""

    __tablename__ = "live_rooms"
    __table_args__ = (
        of_workspace(),
        one_of("site", Site),
        one_of("account", LiveAccount),
        UniqueConstraint("workspace_id", "external_id"),
        Index("ix_live_rooms_started_at", "workspace_id", "started_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    external_id: str = Field(sa_type=TEXT)
    site: str = Field(sa_type=TEXT)
    title: str = Field(sa_type=TEXT)
    host: str = Field(sa_type=TEXT)
    account: str = Field(sa_type=TEXT)
    viewers: int = Field(default=0)
    started_at: datetime = moment()
    ended_at: datetime | None = moment(default=None, nullable=True)
