"""A product as a seller describes it, before it is stored."""

from dataclasses import dataclass
from uuid import UUID

from commerce.catalogue.media import MediaUse
from commerce.shops.sites import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStock:
    warehouse_id: UUID
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSku:
    seller_sku: str
    price_minor: int
    currency: str
    sales_attributes: tuple[tuple[str, str], ...] = ()
    stock: tuple[NewStock, ...] = ()
    external_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTranslation:
    locale: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProduct:
    title: str
    description: str = ""
    brand: str | None = None
    category_id: str | None = None
    external_id: str | None = None
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    skus: tuple[NewSku, ...]
    translations: tuple[NewTranslation, ...] = ()
    media: tuple[tuple[MediaUse, str], ...] = ()
    sites: tuple[Site, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductTexts:
    """What an update may change; None leaves a text as it is."""

    title: str | None = None
    description: str | None = None
    brand: str | None = None
    category_id: str | None = None
    translations: tuple[NewTranslation, ...] = ()
