"""notices without foreign keys, and indexes without the rows that nobody looks up by them"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

PARTIES = ("company", "supplier")
PARTIAL = (("notice", "company_id"), ("notice", "supplier_id"), ("audit_row", "actor_id"))


def upgrade() -> None:
    for party in PARTIES:
        op.drop_constraint(f"fk_notice_{party}_id", "notice", type_="foreignkey")
    for table, column in PARTIAL:
        op.drop_index(f"ix_{table}_{column}", table_name=table)
        op.create_index(
            f"ix_{table}_{column}",
            table,
            [column, "id"],
            unique=False,
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )


def downgrade() -> None:
    for table, column in reversed(PARTIAL):
        op.drop_index(f"ix_{table}_{column}", table_name=table)
        op.create_index(f"ix_{table}_{column}", table, [column, "id"], unique=False)
    for party in reversed(PARTIES):
        op.create_foreign_key(f"fk_notice_{party}_id", "notice", party, [f"{party}_id"], ["id"])
