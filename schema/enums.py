"""The business's enumerations, as GraphQL knows them. TikTok Shop's spellings are kept."""

import inspect

import strawberry

from commerce.catalogue.lifecycle import ListingStatus, ProductAction, ProductStatus
from commerce.catalogue.media import MediaUse
from commerce.live.tables import LiveAccount
from commerce.orders.events import OrderEventKind
from commerce.orders.ingest import IngestOutcome
from commerce.orders.ingestion import OrderKind
from commerce.orders.lifecycle import (
    Actor,
    FulfilmentPath,
    OrderAction,
    OrderStatus,
    PackageStatus,
    TrackingCode,
)
from commerce.orders.privacy import AddressView
from commerce.shops.sites import Site
from commerce.stock.tables import WarehousePurpose, WarehouseStatus, WarehouseType
from tenants.grants import Role
from tenants.identity import PrincipalKind
from tenants.workspaces import SellerProfile

_ENUMERATIONS = (
    Actor,
    AddressView,
    FulfilmentPath,
    IngestOutcome,
    ListingStatus,
    LiveAccount,
    MediaUse,
    OrderAction,
    OrderEventKind,
    OrderKind,
    OrderStatus,
    PackageStatus,
    PrincipalKind,
    ProductAction,
    ProductStatus,
    Role,
    SellerProfile,
    Site,
    TrackingCode,
    WarehousePurpose,
    WarehouseStatus,
    WarehouseType,
)

for _enumeration in _ENUMERATIONS:
    _said = vars(_enumeration).get("__doc__")  # its own words, not those of StrEnum
    strawberry.enum(_enumeration, description=inspect.cleandoc(_said) if _said else None)
