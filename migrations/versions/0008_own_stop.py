"""A supplier may stop selling a service by itself, and start again (R-CAT-5)."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BEFORE = "'draft', 'in_review', 'on_sale', 'returned', 'suspended'"
NAME = "ck_offering_offeringstate"


def _allow(states: str) -> None:
    op.drop_constraint(op.f(NAME), "offering", type_="check")
    op.create_check_constraint(op.f(NAME), "offering", f"state IN ({states})")


def upgrade() -> None:
    _allow(f"{BEFORE}, 'paused'")


def downgrade() -> None:
    # What its supplier had stopped stays off sale.
    op.execute("UPDATE offering SET state = 'suspended' WHERE state = 'paused'")
    _allow(BEFORE)
