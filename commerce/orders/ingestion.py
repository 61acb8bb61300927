"""An order as a channel reports it, before it is stored: the one shape every source is read into.

GraphQL's `orderIngest`, the file importers and the simulator all build these. Amounts are integer
minor units of the order's currency; unit prices are integer millionths of its major unit, because
wholesale files carry prices finer than the minor unit (0.001 GBP). Times are UTC.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from commerce.orders.lifecycle import Actor, FulfilmentPath, OrderStatus
from commerce.shops.sites import Site


class OrderKind(StrEnum):
    """What a document of the channel stands for.

    SALE is an ordinary order. CREDIT_NOTE takes goods of earlier sales back: its lines have
    negative quantities. ADJUSTMENT is a booking without goods, such as a bad debt.
    """

    SALE = "SALE"
    CREDIT_NOTE = "CREDIT_NOTE"
    ADJUSTMENT = "ADJUSTMENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingLine:
    """`external_id` is the channel's line id, where it has one; `quantity` is never zero."""

    external_id: str | None = None
    external_sku_id: str | None = None
    seller_sku: str
    product_name: str
    variation: str | None = None
    quantity: int
    unit_price_micros: int
    seller_discount_minor: int = 0
    platform_discount_minor: int = 0
    package_external_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingPackage:
    external_id: str
    path: FulfilmentPath
    carrier: str | None = None
    tracking_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Where an order goes. `country` is stored as the channel spells it."""

    name: str | None = None
    phone: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    district: str | None = None
    postal_code: str | None = None
    address_line: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingOrder:
    """`external_id` is unique per workspace and channel; reading it twice stores it once.
    `ship_by` is the channel's deadline for handing it over (TikTok's rts_sla)."""

    channel: str
    external_id: str
    kind: OrderKind = OrderKind.SALE
    site: Site
    status: OrderStatus
    currency: str
    placed_at: datetime
    paid_at: datetime | None = None
    ready_to_ship_at: datetime | None = None
    ship_by: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancelled_by: Actor | None = None
    cancel_reason: str | None = None
    path: FulfilmentPath = FulfilmentPath.TIKTOK_SHIPPING
    buyer_id: str | None = None
    buyer_nickname: str | None = None
    buyer_message: str | None = None
    seller_note: str | None = None
    payment_method: str | None = None
    recipient: Recipient = Recipient()
    shipping_fee_minor: int = 0
    tax_minor: int = 0
    live_room_id: str | None = None
    lines: tuple[IncomingLine, ...]
    packages: tuple[IncomingPackage, ...] = ()
