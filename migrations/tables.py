"""Every table of the product, gathered for Alembic and the architecture tests."""

from sqlmodel import SQLModel

import commerce.catalogue.tables
import commerce.live.tables
import commerce.orders.tables
import commerce.shops.tables
import commerce.stock.tables
import tenants.job_tables
import tenants.tables

assert commerce and tenants  # noqa: S101, PT018 - imported for the tables they declare

metadata = SQLModel.metadata
