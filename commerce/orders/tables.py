"""Orders, their lines, packages and tracking events."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from commerce.orders.ingestion import OrderKind
from commerce.orders.lifecycle import (
    Actor,
    FulfilmentPath,
    OrderStatus,
    PackageStatus,
    TrackingCode,
)
from commerce.shops.sites import Site
from tenants.tables import TEXT, TenantTable, moment, of_workspace, one_of, within_workspace


def text_or_none() -> str | None:
    return Field(default=None, sa_type=TEXT)  # type: ignore[no-any-return]


class Order(TenantTable, table=True):
    """An order. Amounts are integer minor units of `currency`; `total_minor` is what the buyer
    pays: subtotal + shipping fee + tax (Q5). `external_id` is the channel's order id."""

    __tablename__ = "orders"
    __table_args__ = (
        of_workspace(),
        within_workspace(["live_room_id"], "live_rooms", on_delete="NO ACTION"),
        one_of("kind", OrderKind),
        one_of("site", Site),
        one_of("status", OrderStatus),
        one_of("path", FulfilmentPath),
        one_of("cancelled_by", Actor),
        CheckConstraint(
            "subtotal_minor = list_minor - seller_discount_minor - platform_discount_minor",
            name="subtotal",
        ),
        CheckConstraint(
            "total_minor = subtotal_minor + shipping_fee_minor + tax_minor", name="total"
        ),
        UniqueConstraint("workspace_id", "channel", "external_id"),
        Index("ix_orders_external_id", "workspace_id", "external_id"),
        Index("ix_orders_placed_at", "workspace_id", "placed_at", "id"),
        Index("ix_orders_updated_at", "workspace_id", "updated_at", "id"),
        Index("ix_orders_status", "workspace_id", "status", "placed_at", "id"),
        Index("ix_orders_live_room_id", "workspace_id", "live_room_id", "placed_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    channel: str = Field(sa_type=TEXT)
    external_id: str = Field(sa_type=TEXT)
    kind: str = Field(sa_type=TEXT)
    site: str = Field(sa_type=TEXT)
    status: str = Field(sa_type=TEXT)
    path: str = Field(sa_type=TEXT)
    currency: str = Field(sa_type=TEXT)
    list_minor: int = Field(sa_type=BigInteger)
    seller_discount_minor: int = Field(sa_type=BigInteger)
    platform_discount_minor: int = Field(sa_type=BigInteger)
    subtotal_minor: int = Field(sa_type=BigInteger)
    shipping_fee_minor: int = Field(sa_type=BigInteger)
    tax_minor: int = Field(sa_type=BigInteger)
    total_minor: int = Field(sa_type=BigInteger)
    live_room_id: UUID | None = None
    buyer_id: str | None = text_or_none()
    buyer_nickname: str | None = text_or_none()
    buyer_message: str | None = text_or_none()
    seller_note: str | None = text_or_none()
    payment_method: str | None = text_or_none()
    recipient_name: str | None = text_or_none()
    recipient_phone: str | None = text_or_none()
    recipient_country: str | None = text_or_none()
    recipient_region: str | None = text_or_none()
    recipient_city: str | None = text_or_none()
    recipient_district: str | None = text_or_none()
    recipient_postal_code: str | None = text_or_none()
    recipient_address_line: str | None = text_or_none()
    placed_at: datetime = moment()
    paid_at: datetime | None = moment(default=None, nullable=True)
    ready_to_ship_at: datetime | None = moment(default=None, nullable=True)
    ship_by: datetime | None = moment(default=None, nullable=True)
    shipped_at: datetime | None = moment(default=None, nullable=True)
    delivered_at: datetime | None = moment(default=None, nullable=True)
    completed_at: datetime | None = moment(default=None, nullable=True)
    cancelled_at: datetime | None = moment(default=None, nullable=True)
    cancelled_by: str | None = text_or_none()
    cancel_reason: str | None = text_or_none()
    created_at: datetime = moment()
    updated_at: datetime = moment()
    version: int = Field(default=1)


class OrderLine(TenantTable, table=True):
    """`unit_price_micros` is exact, in millionths of the major unit; `list_minor` is quantity
    times that, rounded half-even to the minor unit of the order's currency."""

    __tablename__ = "order_lines"
    __table_args__ = (
        within_workspace(["order_id"], "orders"),
        within_workspace(["package_id"], "packages", on_delete="NO ACTION"),
        CheckConstraint("quantity <> 0", name="quantity"),
        Index("ix_order_lines_seller_sku", "workspace_id", "seller_sku", "order_id"),
        Index("ix_order_lines_package_id", "workspace_id", "package_id"),
    )

    order_id: UUID = Field(primary_key=True)
    place: int = Field(primary_key=True)
    external_id: str | None = text_or_none()
    external_sku_id: str | None = text_or_none()
    seller_sku: str = Field(sa_type=TEXT)
    product_name: str = Field(sa_type=TEXT)
    variation: str | None = text_or_none()
    quantity: int
    unit_price_micros: int = Field(sa_type=BigInteger)
    list_minor: int = Field(sa_type=BigInteger)
    seller_discount_minor: int = Field(default=0, sa_type=BigInteger)
    platform_discount_minor: int = Field(default=0, sa_type=BigInteger)
    package_id: UUID | None = None


class Package(TenantTable, table=True):
    __tablename__ = "packages"
    __table_args__ = (
        within_workspace(["order_id"], "orders"),
        one_of("status", PackageStatus),
        one_of("path", FulfilmentPath),
        Index("ix_packages_order_id", "workspace_id", "order_id", "id"),
        Index("ix_packages_tracking_number", "workspace_id", "tracking_number"),
        UniqueConstraint("workspace_id", "order_id", "external_id"),
    )

    id: UUID = Field(primary_key=True)
    order_id: UUID
    external_id: str | None = text_or_none()
    status: str = Field(sa_type=TEXT)
    path: str = Field(sa_type=TEXT)
    carrier: str | None = text_or_none()
    tracking_number: str | None = text_or_none()
    created_at: datetime = moment()
    updated_at: datetime = moment()


class TrackingEvent(TenantTable, table=True):
    """Where a package was seen. The same report read twice is stored once."""

    __tablename__ = "tracking_events"
    __table_args__ = (
        within_workspace(["package_id"], "packages"),
        one_of("code", TrackingCode),
        UniqueConstraint("workspace_id", "package_id", "occurred_at", "code"),
    )

    id: UUID = Field(primary_key=True)
    package_id: UUID
    occurred_at: datetime = moment()
    code: str = Field(sa_type=TEXT)
    description: str = Field(default="", sa_type=TEXT)
    location: str | None = text_or_none()
