"""Money out: the banks' formats, months that are closed (R-SET-2, R-SET-3a)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

UNASKED = sa.text(
    "instrument_kind = 'zeropay' AND state IN ('paid', 'cancelled') AND invoice_state IS DISTINCT FROM state"
)

# The months that are closed follow one another: what is dated before the end of the last of them goes to the
# first open one, and says for which month it came too late.
DATE_JOURNAL = """
CREATE FUNCTION public.date_journal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE opens timestamptz;
BEGIN
  SELECT (max(month) + interval '1 month') AT TIME ZONE 'Asia/Seoul' INTO opens
    FROM public.accounting_month
   WHERE programme_id = NEW.programme_id AND state IN ('closed', 'reopening');
  IF NEW.at < opens THEN
    NEW.belongs_to := date_trunc('month', NEW.at AT TIME ZONE 'Asia/Seoul')::date;
    NEW.at := opens;
  END IF;
  RETURN NEW;
END $$
"""

# The month that runs is never closed, and its entries, all but a few, are not looked at.
JOURNAL_MONTH = """
CREATE TRIGGER journal_month BEFORE INSERT ON journal FOR EACH ROW
 WHEN (NEW.at < date_trunc('month', clock_timestamp(), 'Asia/Seoul'))
EXECUTE FUNCTION public.date_journal()
"""

KEEP_OPEN = """
CREATE FUNCTION public.refuse_early_close() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'month % is not over', NEW.month
    USING ERRCODE = 'check_violation', CONSTRAINT = 'month_over';
END $$
"""
MONTH_OVER = """
CREATE TRIGGER month_over BEFORE INSERT OR UPDATE ON accounting_month FOR EACH ROW
 WHEN (NEW.state <> 'open'
       AND (NEW.month + interval '1 month') AT TIME ZONE 'Asia/Seoul' > clock_timestamp())
EXECUTE FUNCTION public.refuse_early_close()
"""

# Waits for whoever writes an entry and lets nobody begin one until the transaction ends. The right to lock
# the table so is the owner's, who lends it; those who would have to wait for long are not kept waiting.
STOP_ENTRIES = """
CREATE FUNCTION public.stop_entries() RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '3s' AS $$
BEGIN
  LOCK TABLE journal IN SHARE MODE;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "bank_format",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("layout", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_format")),
        sa.UniqueConstraint("code", name=op.f("uq_bank_format_code")),
        sa.UniqueConstraint("name", name=op.f("uq_bank_format_name")),
    )
    op.create_table(
        "accounting_month",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "closed",
                "reopening",
                name="monthstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("closed_by_id", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_journal_id", sa.BigInteger(), nullable=True),
        sa.Column("entries", sa.BigInteger(), nullable=True),
        sa.Column("trial_sha256", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_by_id", sa.BigInteger(), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("extract(day FROM month) = 1", name=op.f("ck_accounting_month_first_day")),
        sa.CheckConstraint(
            "state = 'open' OR (closed_at IS NOT NULL AND last_journal_id IS NOT NULL)",
            name=op.f("ck_accounting_month_closed"),
        ),
        sa.CheckConstraint(
            "reopened_by_id IS NULL OR reopened_by_id <> asked_by_id",
            name=op.f("ck_accounting_month_two_people"),
        ),
        sa.ForeignKeyConstraint(
            ["asked_by_id"], ["account.id"], name=op.f("fk_accounting_month_asked_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["closed_by_id"], ["account.id"], name=op.f("fk_accounting_month_closed_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("fk_accounting_month_programme_id")
        ),
        sa.ForeignKeyConstraint(
            ["reopened_by_id"], ["account.id"], name=op.f("fk_accounting_month_reopened_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounting_month")),
        sa.UniqueConstraint("programme_id", "month", name=op.f("uq_accounting_month_programme_id_month")),
    )
    op.add_column("journal", sa.Column("belongs_to", sa.Date(), nullable=True))
    op.create_index(
        "ix_journal_belongs_to",
        "journal",
        ["programme_id", "belongs_to", "id"],
        unique=False,
        postgresql_where=sa.text("belongs_to IS NOT NULL"),
    )
    # Entries are written in the order of time: a summary of blocks finds a month and costs a payment nothing.
    op.create_index("ix_journal_at", "journal", ["at"], unique=False, postgresql_using="brin")
    op.add_column("payment", sa.Column("invoice_state", sa.String(), nullable=True))
    op.create_index("ix_payment_unasked", "payment", ["id"], unique=False, postgresql_where=UNASKED)
    op.add_column("settlement_batch", sa.Column("bank_format", sa.String(), nullable=True))
    op.add_column(
        "settlement_batch",
        sa.Column("bank_layout", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )
    op.add_column("settlement_batch", sa.Column("exported_sha256", sa.String(), nullable=True))
    op.add_column("settlement_batch", sa.Column("exported_by_id", sa.BigInteger(), nullable=True))
    op.add_column("settlement_batch", sa.Column("exported_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_settlement_batch_exported_by_id"), "settlement_batch", "account", ["exported_by_id"], ["id"]
    )
    op.add_column(
        "bank_result_file",
        sa.Column(
            "state",
            sa.Enum(
                "completed",
                "partial",
                "failed",
                name="resultstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="completed",
            nullable=False,
        ),
    )
    for statement in (DATE_JOURNAL, JOURNAL_MONTH, KEEP_OPEN, MONTH_OVER, STOP_ENTRIES):
        op.execute(statement)
    op.execute("REVOKE DELETE, TRUNCATE ON accounting_month FROM kvoucher_app")


def downgrade() -> None:
    op.execute("DROP FUNCTION public.stop_entries()")
    op.execute("DROP TRIGGER month_over ON accounting_month")
    op.execute("DROP FUNCTION public.refuse_early_close()")
    op.execute("DROP TRIGGER journal_month ON journal")
    op.execute("DROP FUNCTION public.date_journal()")
    op.drop_column("bank_result_file", "state")
    op.drop_constraint(op.f("fk_settlement_batch_exported_by_id"), "settlement_batch", type_="foreignkey")
    op.drop_column("settlement_batch", "exported_at")
    op.drop_column("settlement_batch", "exported_by_id")
    op.drop_column("settlement_batch", "exported_sha256")
    op.drop_column("settlement_batch", "bank_layout")
    op.drop_column("settlement_batch", "bank_format")
    op.drop_index("ix_payment_unasked", table_name="payment", postgresql_where=UNASKED)
    op.drop_column("payment", "invoice_state")
    op.drop_index("ix_journal_at", table_name="journal", postgresql_using="brin")
    op.drop_index(
        "ix_journal_belongs_to",
        table_name="journal",
        postgresql_where=sa.text("belongs_to IS NOT NULL"),
    )
    op.drop_column("journal", "belongs_to")
    op.drop_table("accounting_month")
    op.drop_table("bank_format")
