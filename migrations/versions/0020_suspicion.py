"""Suspicion and reports of abuse (R-SET-4)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "suspicion",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "cleared",
                "confirmed",
                name="suspicionstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name=op.f("ck_suspicion_decided")),
        sa.CheckConstraint(
            "state = 'open' OR decided_by_id IS NOT NULL AND reason <> ''",
            name=op.f("ck_suspicion_by_a_person"),
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_suspicion_company_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["account.id"], name=op.f("fk_suspicion_decided_by_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["account.id"], name=op.f("fk_suspicion_owner_id")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_suspicion_programme_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_suspicion_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspicion")),
    )
    op.create_index("ix_suspicion_queue", "suspicion", ["state", "score", "id"], unique=False)
    op.create_index(
        "uq_suspicion_open",
        "suspicion",
        ["company_id", "supplier_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "suspicion_signal",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("suspicion_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "lookalike",
                "fast",
                "address",
                "round_trip",
                "reported",
                name="signalkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("weight BETWEEN 1 AND 5", name=op.f("ck_suspicion_signal_weight")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_suspicion_signal_payment_id")),
        sa.ForeignKeyConstraint(
            ["suspicion_id"], ["suspicion.id"], name=op.f("fk_suspicion_signal_suspicion_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspicion_signal")),
        sa.UniqueConstraint("payment_id", "kind", name=op.f("uq_suspicion_signal_payment_id_kind")),
    )
    op.create_index(
        "ix_suspicion_signal_loose",
        "suspicion_signal",
        ["payment_id"],
        unique=False,
        postgresql_where=sa.text("suspicion_id IS NULL"),
    )
    op.create_index("ix_suspicion_signal_suspicion_id", "suspicion_signal", ["suspicion_id"], unique=False)
    op.create_table(
        "abuse_report",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("code_index", sa.LargeBinary(), nullable=False),
        sa.Column(
            "category",
            sa.Enum(
                "false_use",
                "kickback",
                "self_dealing",
                "proxy",
                "overprice",
                "other",
                name="abusecategory",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("about", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("contact", sa.LargeBinary(), nullable=True),
        sa.Column("company_id", sa.BigInteger(), nullable=True),
        sa.Column("supplier_id", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("file_name", sa.LargeBinary(), nullable=True),
        sa.Column("file_type", sa.String(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "received",
                "looking",
                "answered",
                "closed",
                name="abusestate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_abuse_report_closed")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_abuse_report_company_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["account.id"], name=op.f("fk_abuse_report_owner_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_abuse_report_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_abuse_report")),
        sa.UniqueConstraint("code_index", name=op.f("uq_abuse_report_code_index")),
    )
    op.create_index("ix_abuse_report_company_id", "abuse_report", ["company_id"], unique=False)
    op.create_index("ix_abuse_report_state", "abuse_report", ["state", "id"], unique=False)
    op.create_index("ix_abuse_report_supplier_id", "abuse_report", ["supplier_id"], unique=False)
    op.create_table(
        "abuse_reply",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("report_id", sa.BigInteger(), nullable=False),
        sa.Column("from_staff", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("from_staff = (by_id IS NOT NULL)", name=op.f("ck_abuse_reply_whose")),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_abuse_reply_by_id")),
        sa.ForeignKeyConstraint(["report_id"], ["abuse_report.id"], name=op.f("fk_abuse_reply_report_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_abuse_reply")),
    )
    op.create_index("ix_abuse_reply_report_id", "abuse_reply", ["report_id", "id"], unique=False)
    op.execute(
        "CREATE TRIGGER abuse_reply_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON abuse_reply"
        " FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
    )
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON abuse_reply FROM kvoucher_app")


def downgrade() -> None:
    op.execute("DROP TRIGGER abuse_reply_append_only ON abuse_reply")
    op.drop_index("ix_abuse_reply_report_id", table_name="abuse_reply")
    op.drop_table("abuse_reply")
    op.drop_index("ix_abuse_report_company_id", table_name="abuse_report")
    op.drop_index("ix_abuse_report_state", table_name="abuse_report")
    op.drop_index("ix_abuse_report_supplier_id", table_name="abuse_report")
    op.drop_table("abuse_report")
    op.drop_index(
        "ix_suspicion_signal_loose",
        table_name="suspicion_signal",
        postgresql_where=sa.text("suspicion_id IS NULL"),
    )
    op.drop_index("ix_suspicion_signal_suspicion_id", table_name="suspicion_signal")
    op.drop_table("suspicion_signal")
    op.drop_index("ix_suspicion_queue", table_name="suspicion")
    op.drop_index("uq_suspicion_open", table_name="suspicion", postgresql_where=sa.text("state = 'open'"))
    op.drop_table("suspicion")
