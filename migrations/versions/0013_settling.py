"""What the settlement of a payment waits for: holds, tax invoices, which use counts (R-SET-1, R-SET-4)."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


_SLIPS = ("receipt", "statement", "cancellation", "settlement")
KINDS = {
    ("slip", "slipkind", "kind"): (_SLIPS, ("billing",)),
    ("slip_number", "slipkind", "kind"): (_SLIPS, ("billing",)),
    ("settlement_line", "linestate", "state"): (("planned", "paid", "failed", "carried"), ("held",)),
    ("journal", "journalkind", "kind"): (
        (
            "allocation", "approval", "hold", "release", "payment", "cancellation", "waiver", "expiry",
            "revocation", "settlement", "transfer", "transfer_failure", "clawback",
        ),
        ("hold_back",),
    ),
}  # fmt: skip
"""Of each column's values, those there were and those that come."""

# What was settled knows which line paid it out: the one item that the payment has.
TAKEN_BACK_FROM = """
UPDATE clawback_item c SET of_line_id = i.line_id FROM settlement_item i WHERE i.payment_id = c.payment_id
"""

# The older release knows neither, and what is kept for good cannot be taken away for it.
NONE_OF_THE_NEW = """
DO $$ BEGIN
  IF EXISTS (SELECT FROM slip WHERE kind = 'billing')
     OR EXISTS (SELECT FROM settlement_line WHERE state = 'held')
     OR EXISTS (SELECT FROM journal WHERE kind = 'hold_back') THEN
    RAISE EXCEPTION 'billing statements or held settlement lines exist: restore a backup instead';
  END IF;
END $$
"""


def _allow(table: str, constraint: str, column: str, values: tuple[str, ...]) -> None:
    name = op.f(f"ck_{table}_{constraint}")
    op.drop_constraint(name, table, type_="check")
    allowed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(name, table, f"{column} IN ({allowed})")


def upgrade() -> None:
    for (table, constraint, column), (before, more) in KINDS.items():
        _allow(table, constraint, column, before + more)
    op.create_table(
        "settlement_hold",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "suspicion",
                "reconciliation",
                "usage",
                "manual",
                name="holdsource",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "placed",
                "asked",
                "released",
                name="holdstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("placed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("release_reason", sa.String(), nullable=True),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by_id", sa.BigInteger(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'released') = (released_at IS NOT NULL)", name=op.f("ck_settlement_hold_released")
        ),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_settlement_hold_reason")),
        sa.CheckConstraint(
            "released_by_id IS NULL OR released_by_id <> asked_by_id",
            name=op.f("ck_settlement_hold_two_people"),
        ),
        sa.ForeignKeyConstraint(["asked_by_id"], ["account.id"], name=op.f("fk_settlement_hold_asked_by_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_settlement_hold_payment_id")),
        sa.ForeignKeyConstraint(
            ["placed_by_id"], ["account.id"], name=op.f("fk_settlement_hold_placed_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["released_by_id"], ["account.id"], name=op.f("fk_settlement_hold_released_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["supplier.id"], name=op.f("fk_settlement_hold_supplier_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_hold")),
    )
    op.create_index(
        "ix_settlement_hold_open",
        "settlement_hold",
        ["id"],
        unique=False,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_index("ix_settlement_hold_payment_id", "settlement_hold", ["payment_id"], unique=False)
    op.create_index("ix_settlement_hold_supplier_id", "settlement_hold", ["supplier_id", "id"], unique=False)
    op.create_index(
        "uq_settlement_hold_open",
        "settlement_hold",
        ["payment_id", "source"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "tax_invoice",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("supply", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("modify_code", sa.SmallInteger(), nullable=True),
        sa.Column("original_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "matched",
                "mismatch",
                "accepted",
                "voided",
                name="invoicestate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("document_sha256", sa.String(), nullable=True),
        sa.Column("document_name", sa.String(), nullable=True),
        sa.Column("entered_by_id", sa.BigInteger(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("number ~ '^[0-9]{24}$'", name=op.f("ck_tax_invoice_number")),
        sa.CheckConstraint(
            "(modify_code IS NULL) = (original_id IS NULL)", name=op.f("ck_tax_invoice_original")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_tax_invoice_company_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["account.id"], name=op.f("fk_tax_invoice_decided_by_id")),
        sa.ForeignKeyConstraint(["entered_by_id"], ["account.id"], name=op.f("fk_tax_invoice_entered_by_id")),
        sa.ForeignKeyConstraint(["original_id"], ["tax_invoice.id"], name=op.f("fk_tax_invoice_original_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_tax_invoice_payment_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_tax_invoice_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tax_invoice")),
    )
    op.create_index(
        "ix_tax_invoice_open",
        "tax_invoice",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'mismatch'"),
    )
    op.create_index("ix_tax_invoice_payment_id", "tax_invoice", ["payment_id"], unique=False)
    op.create_index("ix_tax_invoice_supplier_id", "tax_invoice", ["supplier_id", "id"], unique=False)
    op.create_index(
        "uq_tax_invoice_number",
        "tax_invoice",
        ["number"],
        unique=True,
        postgresql_where=sa.text("state <> 'voided'"),
    )
    op.create_index(
        "uq_tax_invoice_payment",
        "tax_invoice",
        ["payment_id", sa.literal_column("(modify_code IS NULL)")],
        unique=True,
        postgresql_where=sa.text("state <> 'voided'"),
    )
    op.add_column("clawback_item", sa.Column("of_line_id", sa.BigInteger(), nullable=True))
    op.execute(TAKEN_BACK_FROM)
    op.alter_column("clawback_item", "of_line_id", nullable=False)
    op.create_index("ix_clawback_item_of_line_id", "clawback_item", ["of_line_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_clawback_item_of_line_id"), "clawback_item", "settlement_line", ["of_line_id"], ["id"]
    )
    op.add_column(
        "programme", sa.Column("settle_by_evaluation", sa.Boolean(), server_default="true", nullable=False)
    )
    op.add_column(
        "programme", sa.Column("settle_by_usage", sa.Boolean(), server_default="true", nullable=False)
    )
    op.add_column(
        "programme", sa.Column("settle_by_days", sa.Boolean(), server_default="true", nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_programme_settles_somehow"),
        "programme",
        "settle_by_evaluation OR settle_by_usage OR settle_by_days",
    )
    op.add_column("slip", sa.Column("edition", sa.SmallInteger(), server_default="1", nullable=False))
    op.add_column("slip", sa.Column("content_key", sa.String(), nullable=True))
    op.add_column("slip", sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("slip", sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
    op.add_column("slip", sa.Column("error", sa.String(), nullable=True))
    op.create_index("ix_slip_issued", "slip", ["programme_id", "kind", "issued_at", "id"], unique=False)
    op.create_unique_constraint(op.f("uq_slip_content_key"), "slip", ["content_key"])


def downgrade() -> None:
    op.execute(NONE_OF_THE_NEW)
    op.drop_constraint(op.f("uq_slip_content_key"), "slip", type_="unique")
    op.drop_index("ix_slip_issued", table_name="slip")
    op.drop_column("slip", "error")
    op.drop_column("slip", "tries")
    op.drop_column("slip", "leased_until")
    op.drop_column("slip", "content_key")
    op.drop_column("slip", "edition")
    op.drop_constraint(op.f("ck_programme_settles_somehow"), "programme", type_="check")
    op.drop_column("programme", "settle_by_days")
    op.drop_column("programme", "settle_by_usage")
    op.drop_column("programme", "settle_by_evaluation")
    op.drop_constraint(op.f("fk_clawback_item_of_line_id"), "clawback_item", type_="foreignkey")
    op.drop_index("ix_clawback_item_of_line_id", table_name="clawback_item")
    op.drop_column("clawback_item", "of_line_id")
    op.drop_index(
        "uq_tax_invoice_payment", table_name="tax_invoice", postgresql_where=sa.text("state <> 'voided'")
    )
    op.drop_index(
        "uq_tax_invoice_number", table_name="tax_invoice", postgresql_where=sa.text("state <> 'voided'")
    )
    op.drop_index("ix_tax_invoice_supplier_id", table_name="tax_invoice")
    op.drop_index("ix_tax_invoice_payment_id", table_name="tax_invoice")
    op.drop_index(
        "ix_tax_invoice_open", table_name="tax_invoice", postgresql_where=sa.text("state = 'mismatch'")
    )
    op.drop_table("tax_invoice")
    op.drop_index(
        "uq_settlement_hold_open",
        table_name="settlement_hold",
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.drop_index("ix_settlement_hold_supplier_id", table_name="settlement_hold")
    op.drop_index("ix_settlement_hold_payment_id", table_name="settlement_hold")
    op.drop_index(
        "ix_settlement_hold_open",
        table_name="settlement_hold",
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.drop_table("settlement_hold")
    for (table, constraint, column), (before, _) in KINDS.items():
        _allow(table, constraint, column, before)
