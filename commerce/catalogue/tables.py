"""Products, SKUs, translations, media, listings and the words they are found by."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from commerce.catalogue.lifecycle import ListingStatus, ProductStatus
from commerce.shops.sites import Site
from tenants.tables import TEXT, TenantTable, moment, of_workspace, one_of, within_workspace


class Category(SQLModel, table=True):
    """A node of the platform's category tree: the same for everybody, read-only for the app."""

    __tablename__ = "categories"

    id: str = Field(sa_type=TEXT, primary_key=True)
    parent_id: str | None = Field(default=None, sa_type=TEXT, foreign_key="categories.id")
    name: str = Field(sa_type=TEXT)


class Product(TenantTable, table=True):
    """A product (SPU). `attributes` is a list of {name, values}."""

    __tablename__ = "products"
    __table_args__ = (
        of_workspace(),
        one_of("status", ProductStatus),
        UniqueConstraint("workspace_id", "external_id"),
        Index("ix_products_created_at", "workspace_id", "created_at", "id"),
        Index("ix_products_updated_at", "workspace_id", "updated_at", "id"),
        Index("ix_products_title", "workspace_id", "title", "id"),
    )

    id: UUID = Field(primary_key=True)
    external_id: str | None = Field(default=None, sa_type=TEXT)
    title: str = Field(sa_type=TEXT)
    description: str = Field(default="", sa_type=TEXT)
    brand: str | None = Field(default=None, sa_type=TEXT)
    category_id: str | None = Field(default=None, sa_type=TEXT, foreign_key="categories.id")
    status: str = Field(sa_type=TEXT)
    attributes: Any = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = moment()
    updated_at: datetime = moment()
    version: int = Field(default=1)


class ProductTranslation(TenantTable, table=True):
    __tablename__ = "product_translations"
    __table_args__ = (within_workspace(["product_id"], "products"),)

    product_id: UUID = Field(primary_key=True)
    locale: str = Field(sa_type=TEXT, primary_key=True)
    title: str = Field(sa_type=TEXT)
    description: str = Field(default="", sa_type=TEXT)


class ProductMedia(TenantTable, table=True):
    """A reference to an image or a video, in the order in which it is shown."""

    __tablename__ = "product_media"
    __table_args__ = (within_workspace(["product_id"], "products"),)

    product_id: UUID = Field(primary_key=True)
    place: int = Field(primary_key=True)
    kind: str = Field(sa_type=TEXT)
    url: str = Field(sa_type=TEXT)


class Sku(TenantTable, table=True):
    """A variation on sale. `sales_attributes` is a list of up to three {name, value}."""

    __tablename__ = "skus"
    __table_args__ = (
        within_workspace(["product_id"], "products"),
        CheckConstraint("price_minor >= 0", name="price_minor"),
        UniqueConstraint("workspace_id", "external_id"),
        Index("uq_skus_seller_sku", "workspace_id", "seller_sku", unique=True),
        Index("ix_skus_product_id", "workspace_id", "product_id", "place"),
    )

    id: UUID = Field(primary_key=True)
    product_id: UUID
    place: int
    external_id: str | None = Field(default=None, sa_type=TEXT)
    seller_sku: str = Field(sa_type=TEXT)
    sales_attributes: Any = Field(sa_column=Column(JSONB, nullable=False))
    price_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=TEXT)
    created_at: datetime = moment()


class Listing(TenantTable, table=True):
    __tablename__ = "listings"
    __table_args__ = (
        within_workspace(["product_id"], "products"),
        one_of("site", Site),
        one_of("status", ListingStatus),
        Index("ix_listings_site", "workspace_id", "site", "status", "product_id"),
    )

    product_id: UUID = Field(primary_key=True)
    site: str = Field(sa_type=TEXT, primary_key=True)
    status: str = Field(sa_type=TEXT)
    updated_at: datetime = moment()


class ProductTerm(TenantTable, table=True):
    """A word that a product is found by (`search_terms.py`). Compared byte by byte, so that a
    prefix is a range of the primary key: row security lets no other search use an index."""

    __tablename__ = "product_terms"
    __table_args__ = (within_workspace(["product_id"], "products"),)

    term: str = Field(sa_type=Text(collation="C"), primary_key=True)
    product_id: UUID = Field(primary_key=True)
