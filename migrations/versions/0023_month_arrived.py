"""A trial balance of any day begins at the last close: what had ever arrived by then (R-SET-3a)."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# Of the months that are closed already; an account without an entry keeps 0.
ARRIVED = """
UPDATE month_balance b SET arrived = s.arrived
  FROM (SELECT m.id, p.account, sum(p.amount) AS arrived
          FROM accounting_month m
          JOIN journal j ON j.programme_id = m.programme_id
                        AND j.at < (m.month + interval '1 month') AT TIME ZONE 'Asia/Seoul'
          JOIN posting p ON p.journal_id = j.id
         WHERE p.amount > 0 AND EXISTS (SELECT 1 FROM month_balance k WHERE k.month_id = m.id)
         GROUP BY m.id, p.account) s
 WHERE s.id = b.month_id AND s.account = b.account
"""


def upgrade() -> None:
    column = sa.Column("arrived", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("month_balance", column)
    op.execute(ARRIVED)
    op.alter_column("month_balance", "arrived", server_default=None)


def downgrade() -> None:
    op.drop_column("month_balance", "arrived")
