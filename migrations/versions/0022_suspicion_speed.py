"""What matching, looks at payments and trial balances cost depends on what is new (R-SET-3 to R-SET-4)."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

ACCOUNTS = (
    "funding", "programme_budget", "agency_budget", "pledge", "voucher_grant", "voucher_share", "company_tax",
    "hold", "payable", "transfer", "paid_out", "fee",
)  # fmt: skip

# Of files that were matched by the release before: what it would have looked for once more at the next one.
OWED = """
INSERT INTO statement_wait (payment_id)
SELECT p.id FROM payment p
 WHERE p.state IN ('pending', 'cancelling')
    OR p.state IN ('paid', 'cancelled')
       AND EXISTS (SELECT 1 FROM statement_file f
                    WHERE f.state = 'matched'
                      AND f.system = CASE p.instrument_kind WHEN 'zeropay' THEN 'zeropay' ELSE 'card' END
                      AND f.day = CAST(p.paid_at AT TIME ZONE 'Asia/Seoul' AS date))
       AND (NOT EXISTS (SELECT 1 FROM statement_match m WHERE m.payment_id = p.id AND NOT m.is_cancel)
            OR p.state = 'cancelled'
               AND NOT EXISTS (SELECT 1 FROM statement_match m WHERE m.payment_id = p.id AND m.is_cancel))
"""


def upgrade() -> None:
    op.create_index(
        "ix_payment_paid_at",
        "payment",
        ["paid_at"],
        unique=False,
        postgresql_using="brin",
        postgresql_ops={"paid_at": "timestamptz_minmax_multi_ops"},
        postgresql_with={"autosummarize": "on"},
    )
    op.create_index(
        "ix_payment_cancelled_at",
        "payment",
        ["cancelled_at"],
        unique=False,
        postgresql_where=sa.text("state = 'cancelled'"),
    )
    op.create_index(
        "ix_payment_approval_number",
        "payment",
        ["approval_number"],
        unique=False,
        postgresql_where=sa.text("approval_number IS NOT NULL"),
    )
    op.create_table(
        "statement_wait",
        sa.Column("payment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_statement_wait_payment_id")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_statement_wait")),
    )
    op.execute(OWED)
    op.create_table(
        "month_balance",
        sa.Column("month_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "account",
            sa.Enum(*ACCOUNTS, name="ledgeraccount", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["month_id"], ["accounting_month.id"], name=op.f("fk_month_balance_month_id")
        ),
        sa.PrimaryKeyConstraint("month_id", "account", name=op.f("pk_month_balance")),
    )


def downgrade() -> None:
    op.drop_table("month_balance")
    op.drop_table("statement_wait")
    op.drop_index("ix_payment_approval_number", table_name="payment")
    op.drop_index("ix_payment_cancelled_at", table_name="payment")
    op.drop_index("ix_payment_paid_at", table_name="payment")
