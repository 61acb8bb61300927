"""The tables of identity, access and events, and what every tenant table has in common."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from tenants.grants import Role

SQLModel.metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

TEXT = Text
MOMENT = DateTime(timezone=True)


def moment(**column: Any) -> Any:
    """A `timestamptz` column."""
    return Field(sa_type=MOMENT, **column)


def one_of(column: str, values: type[Any], *, name: str | None = None) -> CheckConstraint:
    """A check that a text column holds one value of an enumeration."""
    listed = ", ".join(f"'{member.value}'" for member in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name or column)


def within_workspace(columns: list[str], target: str, *, on_delete: str = "CASCADE") -> Any:
    """A foreign key that cannot leave its workspace: both sides begin with workspace_id."""
    remote = [f"{target}.workspace_id", f"{target}.id"]
    return ForeignKeyConstraint(["workspace_id", *columns], remote, ondelete=on_delete)


def of_workspace() -> ForeignKeyConstraint:
    """The foreign key of a table that no other tenant table stands above."""
    return ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE")


class TenantTable(SQLModel):
    """Every row of a tenant table names its workspace, first in each key.

    The migration of a tenant table enables and forces row security on it
    (migrations/README.md); tests/test_architecture.py checks that none was forgotten.
    """

    workspace_id: UUID = Field(primary_key=True)


class Workspace(SQLModel, table=True):
    __tablename__ = "workspaces"
    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{1,62}$'", name="slug"),
        UniqueConstraint("slug"),
        UniqueConstraint("legacy_id"),
    )

    id: UUID = Field(primary_key=True)
    slug: str = Field(sa_type=TEXT)
    name: str = Field(sa_type=TEXT)
    legacy_id: str | None = Field(default=None, sa_type=TEXT)
    seller_profile: str = Field(sa_type=TEXT)
    created_at: datetime = moment()
    updated_at: datetime = moment()
    version: int = Field(default=1)


class User(SQLModel, table=True):
    """A person. `email` is stored in lower case; `password_hash` is Argon2id, or null."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("email"),)

    id: UUID = Field(primary_key=True)
    email: str = Field(sa_type=TEXT)
    name: str = Field(sa_type=TEXT)
    password_hash: str | None = Field(default=None, sa_type=TEXT)
    created_at: datetime = moment()


class StaffMember(SQLModel, table=True):
    """A person who works for the platform. Apart from sellers: no workspace role follows."""

    __tablename__ = "staff_members"

    user_id: UUID = Field(primary_key=True, foreign_key="users.id")
    created_at: datetime = moment()
    ended_at: datetime | None = moment(default=None, nullable=True)


class Membership(TenantTable, table=True):
    __tablename__ = "memberships"
    __table_args__ = (
        of_workspace(),
        one_of("role", Role),
        Index("ix_memberships_user_id", "user_id"),
    )

    user_id: UUID = Field(primary_key=True, foreign_key="users.id")
    role: str = Field(sa_type=TEXT)
    created_at: datetime = moment()
    updated_at: datetime = moment()
    ended_at: datetime | None = moment(default=None, nullable=True)
    version: int = Field(default=1)


class Invitation(TenantTable, table=True):
    """`token_hash` is SHA-256 of a 256-bit random token that only the invited person has."""

    __tablename__ = "invitations"
    __table_args__ = (of_workspace(), one_of("role", Role))

    id: UUID = Field(primary_key=True)
    email: str = Field(sa_type=TEXT)
    role: str = Field(sa_type=TEXT)
    token_hash: bytes
    invited_by: UUID
    created_at: datetime = moment()
    expires_at: datetime = moment()
    accepted_at: datetime | None = moment(default=None, nullable=True)
    revoked_at: datetime | None = moment(default=None, nullable=True)


class Session(TenantTable, table=True):
    """One signed-in device. The refresh token is single use: each use replaces its hash.

    `family_hash` is of the half that all refresh tokens of the session share: whoever shows the
    half but not the newest whole has an old token.
    """

    __tablename__ = "sessions"
    __table_args__ = (of_workspace(), Index("ix_sessions_user_id", "workspace_id", "user_id"))

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="users.id")
    refresh_hash: bytes
    family_hash: bytes | None = None
    created_at: datetime = moment()
    refreshed_at: datetime = moment()
    expires_at: datetime = moment()
    revoked_at: datetime | None = moment(default=None, nullable=True)


class ApiKey(TenantTable, table=True):
    """`secret_hash` is SHA-256 of a 256-bit random secret; the secret itself is shown once."""

    __tablename__ = "api_keys"
    __table_args__ = (of_workspace(),)

    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=TEXT)
    secret_hash: bytes
    scopes: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    created_by: UUID
    created_at: datetime = moment()
    expires_at: datetime | None = moment(default=None, nullable=True)
    last_used_at: datetime | None = moment(default=None, nullable=True)
    revoked_at: datetime | None = moment(default=None, nullable=True)


class AuditEntry(TenantTable, table=True):
    """What a mutation changed, written in its transaction. The app role may add and read only."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        of_workspace(),
        Index("ix_audit_entries_occurred_at", "workspace_id", "occurred_at", "id"),
        Index("ix_audit_entries_entity", "workspace_id", "entity_type", "entity_id"),
    )

    id: UUID = Field(primary_key=True)
    occurred_at: datetime = moment()
    actor_kind: str = Field(sa_type=TEXT)
    actor_id: UUID
    session_id: UUID | None = None
    request_id: str = Field(sa_type=TEXT)
    action: str = Field(sa_type=TEXT)
    entity_type: str = Field(sa_type=TEXT)
    entity_id: UUID | None = None
    before: Any = Field(sa_column=Column(JSONB))
    after: Any = Field(sa_column=Column(JSONB))


class OutboxEvent(TenantTable, table=True):
    """One event of a workspace, written in the transaction of the change it tells of.

    `position` orders the events of one entity (it is drawn while the entity's row is locked);
    `sequence` is given later by the relay, gapless per workspace, and is what clients see.
    """

    __tablename__ = "outbox_events"
    __table_args__ = (
        of_workspace(),
        Index(
            "ix_outbox_events_unsequenced",
            "position",
            postgresql_where=text("sequence IS NULL"),
        ),
        Index(
            "ix_outbox_events_unsent",
            "position",
            postgresql_where=text("sent_at IS NULL AND sequence IS NOT NULL"),
        ),
        Index("uq_outbox_events_sequence", "workspace_id", "sequence", unique=True),
        Index("ix_outbox_events_sent_at", "sent_at"),
    )

    id: UUID = Field(primary_key=True)
    position: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    sequence: int | None = Field(default=None, sa_type=BigInteger)
    kind: str = Field(sa_type=TEXT)
    entity_id: UUID
    live_room_id: UUID | None = None
    payload: Any = Field(sa_column=Column(JSONB, nullable=False))
    occurred_at: datetime = moment()
    sent_at: datetime | None = moment(default=None, nullable=True)


class EventCounter(TenantTable, table=True):
    """The last sequence given, and the oldest one that can still be replayed."""

    __tablename__ = "event_counters"
    __table_args__ = (of_workspace(),)

    last_sequence: int = Field(sa_type=BigInteger)
    oldest_sequence: int = Field(default=1, sa_type=BigInteger)


class IdempotencyRecord(TenantTable, table=True):
    """The first answer to a key, kept in the transaction of the change itself."""

    __tablename__ = "idempotency_records"
    __table_args__ = (
        of_workspace(),
        CheckConstraint("length(key) BETWEEN 1 AND 255", name="key"),
        Index("ix_idempotency_records_created_at", "created_at"),
    )

    key: str = Field(sa_type=TEXT, primary_key=True)
    action: str = Field(sa_type=TEXT)
    request_hash: bytes
    answer: Any = Field(sa_column=Column(JSONB))
    created_at: datetime = moment()
