"""Sessions know the family of their refresh tokens; the owner may write the list of staff.

`previous_hash` knew one predecessor only, so a token older than that was refused without ending
the session. No version that reads it was ever released, so it goes without a step in between.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261123_2"
down_revision = "20261123"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("family_hash", sa.LargeBinary(), nullable=True))
    op.drop_column("sessions", "previous_hash")
    op.execute("DROP POLICY identity_select ON staff_members")
    op.execute(
        "CREATE POLICY identity_all ON staff_members "
        "USING (current_setting('app.door', true) = 'identity') "
        "WITH CHECK (current_setting('app.door', true) = 'identity')"
    )


def downgrade() -> None:
    op.execute("DROP POLICY identity_all ON staff_members")
    op.execute(
        "CREATE POLICY identity_select ON staff_members FOR SELECT "
        "USING (current_setting('app.door', true) = 'identity')"
    )
    op.add_column("sessions", sa.Column("previous_hash", sa.LargeBinary(), nullable=True))
    op.drop_column("sessions", "family_hash")
