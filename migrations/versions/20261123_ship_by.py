"""Orders know until when they have to be handed over."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_3"
down_revision = "20261123_2"


def upgrade() -> None:
    op.add_column("orders", sa.Column("ship_by", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("orders", "ship_by")
