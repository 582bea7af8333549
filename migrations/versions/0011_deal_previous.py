"""An index for the deal that was asked again: who looks for it read every deal."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_deal_previous_id", "deal", ["previous_id"], postgresql_where=sa.text("previous_id IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_deal_previous_id", "deal")
