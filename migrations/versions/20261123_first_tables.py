"""Workspaces, access, catalogue, orders and events, with the walls between workspaces."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.walls import admit, enclose, enclose_people, enclose_workspaces, publish

revision = "20261123"
down_revision = None


TENANT_TABLES = (
    "memberships",
    "invitations",
    "sessions",
    "api_keys",
    "outbox_events",
    "event_counters",
    "idempotency_records",
    "shops",
    "products",
    "product_translations",
    "product_media",
    "product_terms",
    "skus",
    "listings",
    "warehouses",
    "stock_levels",
    "live_rooms",
    "orders",
    "order_lines",
    "packages",
    "tracking_events",
)


def upgrade() -> None:
    _make_tables()
    enclose_workspaces()
    for table in TENANT_TABLES:
        enclose(table)
    enclose("audit_entries", rights="SELECT, INSERT")
    enclose_people()
    publish("categories")
    _fill_categories()
    admit("workspaces", door="identity", command="SELECT")
    admit("workspaces", door="staff", command="SELECT")
    admit("memberships", door="identity", command="SELECT")
    admit("outbox_events", door="relay", command="ALL")
    admit("event_counters", door="relay", command="ALL")


# The top of TikTok Shop's category tree with the leaves that the demo sells in; a later migration
# brings the whole tree.
CATEGORIES = (
    ("600001", None, "Home Supplies"),
    ("600942", None, "Household Appliances"),
    ("601152", None, "Womenswear & Underwear"),
    ("601226", "601152", "Womenswear"),
    ("601352", None, "Shoes"),
    ("601450", None, "Beauty & Personal Care"),
    ("601739", None, "Phones & Electronics"),
    ("824328", None, "Menswear & Underwear"),
)


def _fill_categories() -> None:
    table = sa.table("categories", sa.column("id"), sa.column("parent_id"), sa.column("name"))
    rows = [{"id": one, "parent_id": parent, "name": name} for one, parent, name in CATEGORIES]
    op.bulk_insert(table, rows)


def _make_tables() -> None:
    op.create_table(
        "categories",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["categories.id"], name=op.f("fk_categories_parent_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_categories")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "workspaces",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("legacy_id", sa.Text(), nullable=True),
        sa.Column("seller_profile", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{1,62}$'", name=op.f("ck_workspaces_slug")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspaces")),
        sa.UniqueConstraint("legacy_id", name=op.f("uq_workspaces_legacy_id")),
        sa.UniqueConstraint("slug", name=op.f("uq_workspaces_slug")),
    )
    op.create_table(
        "api_keys",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_api_keys_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_api_keys")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=True),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_audit_entries_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_audit_entries")),
    )
    op.create_index(
        "ix_audit_entries_entity",
        "audit_entries",
        ["workspace_id", "entity_type", "entity_id"],
        unique=False,
    )
    op.create_index(
        "ix_audit_entries_occurred_at",
        "audit_entries",
        ["workspace_id", "occurred_at", "id"],
        unique=False,
    )
    op.create_table(
        "event_counters",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("oldest_sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_event_counters_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_event_counters")),
    )
    op.create_table(
        "idempotency_records",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "length(key) BETWEEN 1 AND 255", name=op.f("ck_idempotency_records_key")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_idempotency_records_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "key", name=op.f("pk_idempotency_records")),
    )
    op.create_index(
        "ix_idempotency_records_created_at", "idempotency_records", ["created_at"], unique=False
    )
    op.create_table(
        "invitations",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('OWNER', 'ADMIN', 'CATALOG', 'ORDERS', 'MARKETING', 'FINANCE', 'COMPLIANCE', 'LIVE_HOST', 'VIEWER')",
            name=op.f("ck_invitations_role"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_invitations_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_invitations")),
    )
    op.create_table(
        "live_rooms",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("viewers", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "account IN ('OFFICIAL_ACCOUNTS', 'MARKETING_ACCOUNTS', 'AFFILIATE_ACCOUNTS')",
            name=op.f("ck_live_rooms_account"),
        ),
        sa.CheckConstraint(
            "site IN ('TH', 'VN', 'MY', 'ID', 'PH', 'SG', 'GB', 'US', 'DE', 'FR')",
            name=op.f("ck_live_rooms_site"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_live_rooms_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_live_rooms")),
        sa.UniqueConstraint(
            "workspace_id", "external_id", name=op.f("uq_live_rooms_workspace_id_external_id")
        ),
    )
    op.create_index(
        "ix_live_rooms_started_at", "live_rooms", ["workspace_id", "started_at", "id"], unique=False
    )
    op.create_table(
        "memberships",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "role IN ('OWNER', 'ADMIN', 'CATALOG', 'ORDERS', 'MARKETING', 'FINANCE', 'COMPLIANCE', 'LIVE_HOST', 'VIEWER')",
            name=op.f("ck_memberships_role"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_memberships_user_id")),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_memberships_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "user_id", name=op.f("pk_memberships")),
    )
    op.create_index("ix_memberships_user_id", "memberships", ["user_id"], unique=False)
    op.create_table(
        "outbox_events",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("live_room_id", sa.Uuid(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_outbox_events_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_outbox_events")),
    )
    op.create_index("ix_outbox_events_sent_at", "outbox_events", ["sent_at"], unique=False)
    op.create_index(
        "ix_outbox_events_unsent",
        "outbox_events",
        ["position"],
        unique=False,
        postgresql_where=sa.text("sent_at IS NULL AND sequence IS NOT NULL"),
    )
    op.create_index(
        "ix_outbox_events_unsequenced",
        "outbox_events",
        ["position"],
        unique=False,
        postgresql_where=sa.text("sequence IS NULL"),
    )
    op.create_index(
        "uq_outbox_events_sequence", "outbox_events", ["workspace_id", "sequence"], unique=True
    )
    op.create_table(
        "products",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("category_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status IN ('DRAFT', 'PENDING', 'FAILED', 'ACTIVATE', 'SELLER_DEACTIVATED', 'PLATFORM_DEACTIVATED', 'FREEZE', 'DELETED')",
            name=op.f("ck_products_status"),
        ),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id"], name=op.f("fk_products_category_id")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_products_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_products")),
        sa.UniqueConstraint(
            "workspace_id", "external_id", name=op.f("uq_products_workspace_id_external_id")
        ),
    )
    op.create_index(
        "ix_products_created_at", "products", ["workspace_id", "created_at", "id"], unique=False
    )
    op.create_index("ix_products_title", "products", ["workspace_id", "title", "id"], unique=False)
    op.create_index(
        "ix_products_updated_at", "products", ["workspace_id", "updated_at", "id"], unique=False
    )
    op.create_table(
        "sessions",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("refresh_hash", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id")),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_sessions_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["workspace_id", "user_id"], unique=False)
    op.create_table(
        "shops",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("legacy_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "site IN ('TH', 'VN', 'MY', 'ID', 'PH', 'SG', 'GB', 'US', 'DE', 'FR')",
            name=op.f("ck_shops_site"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_shops_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_shops")),
        sa.UniqueConstraint(
            "workspace_id", "external_id", name=op.f("uq_shops_workspace_id_external_id")
        ),
        sa.UniqueConstraint(
            "workspace_id", "legacy_id", name=op.f("uq_shops_workspace_id_legacy_id")
        ),
        sa.UniqueConstraint("workspace_id", "site", name=op.f("uq_shops_workspace_id_site")),
    )
    op.create_table(
        "staff_members",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_staff_members_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_staff_members")),
    )
    op.create_table(
        "warehouses",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("purpose IN ('SALES', 'RETURN')", name=op.f("ck_warehouses_purpose")),
        sa.CheckConstraint(
            "status IN ('ENABLED', 'DISABLED', 'RESTRICTED')", name=op.f("ck_warehouses_status")
        ),
        sa.CheckConstraint(
            "type IN ('DOMESTIC', 'CB_OVERSEA', 'CB_DIRECT_SHIPPING')",
            name=op.f("ck_warehouses_type"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_warehouses_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_warehouses")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_warehouses_workspace_id_name")),
    )
    op.create_table(
        "listings",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "site IN ('TH', 'VN', 'MY', 'ID', 'PH', 'SG', 'GB', 'US', 'DE', 'FR')",
            name=op.f("ck_listings_site"),
        ),
        sa.CheckConstraint(
            "status IN ('LISTED', 'UNLISTED', 'LOCKED')", name=op.f("ck_listings_status")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "product_id"],
            ["products.workspace_id", "products.id"],
            name=op.f("fk_listings_workspace_id_product_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "product_id", "site", name=op.f("pk_listings")),
    )
    op.create_index(
        "ix_listings_site",
        "listings",
        ["workspace_id", "site", "status", "product_id"],
        unique=False,
    )
    op.create_table(
        "orders",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("list_minor", sa.BigInteger(), nullable=False),
        sa.Column("seller_discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("platform_discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("subtotal_minor", sa.BigInteger(), nullable=False),
        sa.Column("shipping_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("live_room_id", sa.Uuid(), nullable=True),
        sa.Column("buyer_id", sa.Text(), nullable=True),
        sa.Column("buyer_nickname", sa.Text(), nullable=True),
        sa.Column("buyer_message", sa.Text(), nullable=True),
        sa.Column("seller_note", sa.Text(), nullable=True),
        sa.Column("payment_method", sa.Text(), nullable=True),
        sa.Column("recipient_name", sa.Text(), nullable=True),
        sa.Column("recipient_phone", sa.Text(), nullable=True),
        sa.Column("recipient_country", sa.Text(), nullable=True),
        sa.Column("recipient_region", sa.Text(), nullable=True),
        sa.Column("recipient_city", sa.Text(), nullable=True),
        sa.Column("recipient_district", sa.Text(), nullable=True),
        sa.Column("recipient_postal_code", sa.Text(), nullable=True),
        sa.Column("recipient_address_line", sa.Text(), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ready_to_ship_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.Text(), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "cancelled_by IN ('BUYER', 'SELLER', 'OPERATOR', 'SYSTEM')",
            name=op.f("ck_orders_cancelled_by"),
        ),
        sa.CheckConstraint(
            "kind IN ('SALE', 'CREDIT_NOTE', 'ADJUSTMENT')", name=op.f("ck_orders_kind")
        ),
        sa.CheckConstraint(
            "path IN ('TIKTOK_SHIPPING', 'LOCAL_WAREHOUSE')", name=op.f("ck_orders_path")
        ),
        sa.CheckConstraint(
            "site IN ('TH', 'VN', 'MY', 'ID', 'PH', 'SG', 'GB', 'US', 'DE', 'FR')",
            name=op.f("ck_orders_site"),
        ),
        sa.CheckConstraint(
            "status IN ('UNPAID', 'ON_HOLD', 'AWAITING_SHIPMENT', 'PARTIALLY_SHIPPING', 'AWAITING_COLLECTION', 'IN_TRANSIT', 'DELIVERED', 'COMPLETED', 'CANCELLED')",
            name=op.f("ck_orders_status"),
        ),
        sa.CheckConstraint(
            "subtotal_minor = list_minor - seller_discount_minor - platform_discount_minor",
            name=op.f("ck_orders_subtotal"),
        ),
        sa.CheckConstraint(
            "total_minor = subtotal_minor + shipping_fee_minor + tax_minor",
            name=op.f("ck_orders_total"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "live_room_id"],
            ["live_rooms.workspace_id", "live_rooms.id"],
            name=op.f("fk_orders_workspace_id_live_room_id"),
            ondelete="NO ACTION",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspaces.id"],
            name=op.f("fk_orders_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "workspace_id",
            "channel",
            "external_id",
            name=op.f("uq_orders_workspace_id_channel_external_id"),
        ),
    )
    op.create_index(
        "ix_orders_external_id", "orders", ["workspace_id", "external_id"], unique=False
    )
    op.create_index(
        "ix_orders_live_room_id",
        "orders",
        ["workspace_id", "live_room_id", "placed_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_orders_placed_at", "orders", ["workspace_id", "placed_at", "id"], unique=False
    )
    op.create_index(
        "ix_orders_status", "orders", ["workspace_id", "status", "placed_at", "id"], unique=False
    )
    op.create_index(
        "ix_orders_updated_at", "orders", ["workspace_id", "updated_at", "id"], unique=False
    )
    op.create_table(
        "product_media",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "product_id"],
            ["products.workspace_id", "products.id"],
            name=op.f("fk_product_media_workspace_id_product_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "product_id", "place", name=op.f("pk_product_media")
        ),
    )
    op.create_table(
        "product_terms",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("term", sa.Text(collation="C"), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "product_id"],
            ["products.workspace_id", "products.id"],
            name=op.f("fk_product_terms_workspace_id_product_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "term", "product_id", name=op.f("pk_product_terms")
        ),
    )
    op.create_table(
        "product_translations",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "product_id"],
            ["products.workspace_id", "products.id"],
            name=op.f("fk_product_translations_workspace_id_product_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "product_id", "locale", name=op.f("pk_product_translations")
        ),
    )
    op.create_table(
        "skus",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("seller_sku", sa.Text(), nullable=False),
        sa.Column("sales_attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_skus_price_minor")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "product_id"],
            ["products.workspace_id", "products.id"],
            name=op.f("fk_skus_workspace_id_product_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_skus")),
        sa.UniqueConstraint(
            "workspace_id", "external_id", name=op.f("uq_skus_workspace_id_external_id")
        ),
    )
    op.create_index(
        "ix_skus_product_id", "skus", ["workspace_id", "product_id", "place"], unique=False
    )
    op.create_index("uq_skus_seller_sku", "skus", ["workspace_id", "seller_sku"], unique=True)
    op.create_table(
        "packages",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking_number", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "path IN ('TIKTOK_SHIPPING', 'LOCAL_WAREHOUSE')", name=op.f("ck_packages_path")
        ),
        sa.CheckConstraint(
            "status IN ('TO_FULFILL', 'PROCESSING', 'FULFILLING', 'COMPLETED', 'CANCELLED')",
            name=op.f("ck_packages_status"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "order_id"],
            ["orders.workspace_id", "orders.id"],
            name=op.f("fk_packages_workspace_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_packages")),
        sa.UniqueConstraint(
            "workspace_id",
            "order_id",
            "external_id",
            name=op.f("uq_packages_workspace_id_order_id_external_id"),
        ),
    )
    op.create_index(
        "ix_packages_order_id", "packages", ["workspace_id", "order_id", "id"], unique=False
    )
    op.create_index(
        "ix_packages_tracking_number", "packages", ["workspace_id", "tracking_number"], unique=False
    )
    op.create_table(
        "stock_levels",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("warehouse_id", sa.Uuid(), nullable=False),
        sa.Column("available", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("available >= 0", name=op.f("ck_stock_levels_available")),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_stock_levels_reserved")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "sku_id"],
            ["skus.workspace_id", "skus.id"],
            name=op.f("fk_stock_levels_workspace_id_sku_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "warehouse_id"],
            ["warehouses.workspace_id", "warehouses.id"],
            name=op.f("fk_stock_levels_workspace_id_warehouse_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "sku_id", "warehouse_id", name=op.f("pk_stock_levels")
        ),
    )
    op.create_index(
        "ix_stock_levels_warehouse_id",
        "stock_levels",
        ["workspace_id", "warehouse_id"],
        unique=False,
    )
    op.create_table(
        "order_lines",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("external_sku_id", sa.Text(), nullable=True),
        sa.Column("seller_sku", sa.Text(), nullable=False),
        sa.Column("product_name", sa.Text(), nullable=False),
        sa.Column("variation", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_micros", sa.BigInteger(), nullable=False),
        sa.Column("list_minor", sa.BigInteger(), nullable=False),
        sa.Column("seller_discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("platform_discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("quantity <> 0", name=op.f("ck_order_lines_quantity")),
        sa.ForeignKeyConstraint(
            ["workspace_id", "order_id"],
            ["orders.workspace_id", "orders.id"],
            name=op.f("fk_order_lines_workspace_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "package_id"],
            ["packages.workspace_id", "packages.id"],
            name=op.f("fk_order_lines_workspace_id_package_id"),
            ondelete="NO ACTION",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "order_id", "place", name=op.f("pk_order_lines")),
    )
    op.create_index(
        "ix_order_lines_package_id", "order_lines", ["workspace_id", "package_id"], unique=False
    )
    op.create_index(
        "ix_order_lines_seller_sku",
        "order_lines",
        ["workspace_id", "seller_sku", "order_id"],
        unique=False,
    )
    op.create_table(
        "tracking_events",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "code IN ('COLLECTED', 'IN_TRANSIT', 'OUT_FOR_DELIVERY', 'DELIVERED', 'DELIVERY_FAILED', 'LOST', 'DAMAGED')",
            name=op.f("ck_tracking_events_code"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "package_id"],
            ["packages.workspace_id", "packages.id"],
            name=op.f("fk_tracking_events_workspace_id_package_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_tracking_events")),
        sa.UniqueConstraint(
            "workspace_id",
            "package_id",
            "occurred_at",
            "code",
            name=op.f("uq_tracking_events_workspace_id_package_id_occurred_at_code"),
        ),
    )


def downgrade() -> None:
    op.execute("DROP POLICY members ON users")
    op.drop_table("tracking_events")
    op.drop_index("ix_order_lines_seller_sku", table_name="order_lines")
    op.drop_index("ix_order_lines_package_id", table_name="order_lines")
    op.drop_table("order_lines")
    op.drop_index("ix_stock_levels_warehouse_id", table_name="stock_levels")
    op.drop_table("stock_levels")
    op.drop_index("ix_packages_tracking_number", table_name="packages")
    op.drop_index("ix_packages_order_id", table_name="packages")
    op.drop_table("packages")
    op.drop_index("uq_skus_seller_sku", table_name="skus")
    op.drop_index("ix_skus_product_id", table_name="skus")
    op.drop_table("skus")
    op.drop_table("product_translations")
    op.drop_table("product_terms")
    op.drop_table("product_media")
    op.drop_index("ix_orders_updated_at", table_name="orders")
    op.drop_index("ix_orders_status", table_name="orders")
    op.drop_index("ix_orders_placed_at", table_name="orders")
    op.drop_index("ix_orders_live_room_id", table_name="orders")
    op.drop_index("ix_orders_external_id", table_name="orders")
    op.drop_table("orders")
    op.drop_index("ix_listings_site", table_name="listings")
    op.drop_table("listings")
    op.drop_table("warehouses")
    op.drop_table("staff_members")
    op.drop_table("shops")
    op.drop_index("ix_sessions_user_id", table_name="sessions")
    op.drop_table("sessions")
    op.drop_index("ix_products_updated_at", table_name="products")
    op.drop_index("ix_products_title", table_name="products")
    op.drop_index("ix_products_created_at", table_name="products")
    op.drop_table("products")
    op.drop_index("uq_outbox_events_sequence", table_name="outbox_events")
    op.drop_index(
        "ix_outbox_events_unsequenced",
        table_name="outbox_events",
        postgresql_where=sa.text("sequence IS NULL"),
    )
    op.drop_index(
        "ix_outbox_events_unsent",
        table_name="outbox_events",
        postgresql_where=sa.text("sent_at IS NULL AND sequence IS NOT NULL"),
    )
    op.drop_index("ix_outbox_events_sent_at", table_name="outbox_events")
    op.drop_table("outbox_events")
    op.drop_index("ix_memberships_user_id", table_name="memberships")
    op.drop_table("memberships")
    op.drop_index("ix_live_rooms_started_at", table_name="live_rooms")
    op.drop_table("live_rooms")
    op.drop_table("invitations")
    op.drop_index("ix_idempotency_records_created_at", table_name="idempotency_records")
    op.drop_table("idempotency_records")
    op.drop_table("event_counters")
    op.drop_index("ix_audit_entries_occurred_at", table_name="audit_entries")
    op.drop_index("ix_audit_entries_entity", table_name="audit_entries")
    op.drop_table("audit_entries")
    op.drop_table("api_keys")
    op.drop_table("workspaces")
    op.drop_table("users")
    op.drop_table("categories")
