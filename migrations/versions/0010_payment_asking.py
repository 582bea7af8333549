"""what was asked about a payment of unknown outcome, and what is asked about after it was decided"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = (
    ("asked_at", sa.DateTime(timezone=True)),
    ("unknown_why", sa.String()),
    ("returned_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    for name, kind in COLUMNS:
        op.add_column("payment", sa.Column(name, kind, nullable=True))
    op.add_column("payment", sa.Column("not_there", sa.Integer(), nullable=False, server_default="0"))
    op.create_index(
        "ix_payment_order_failed", "payment", ["order_id"], postgresql_where=sa.text("state = 'failed'")
    )
    op.create_index(
        "ix_payment_watched",
        "payment",
        ["ask_again_at", "id"],
        unique=False,
        postgresql_where=sa.text("ask_again_at IS NOT NULL AND state NOT IN ('pending', 'cancelling')"),
    )


def downgrade() -> None:
    op.drop_index("ix_payment_watched", table_name="payment")
    op.drop_index("ix_payment_order_failed", table_name="payment")
    op.drop_column("payment", "not_there")
    for name, _ in reversed(COLUMNS):
        op.drop_column("payment", name)
