"""Finance export and its files, and settlement statements sent by mail (R-DOC-2, R-SET-2)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def _of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _export() -> None:
    op.create_table(
        "paper_export",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("form", _of("exportform", "pdf", "zip"), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("supplier_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "state",
            _of("exportstate", "running", "stopped", "done", "cancelled", "expired"),
            nullable=False,
        ),
        sa.Column("upto", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ahead", sa.Integer(), server_default="0", nullable=False),
        sa.Column("parts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("place_kind", sa.String(), nullable=True),
        sa.Column("place_number", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("created_by_id", sa.BigInteger(), nullable=False),
        sa.Column("by_ip", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_paper_export_reason")),
        sa.CheckConstraint("cardinality(kinds) > 0", name=op.f("ck_paper_export_kinds")),
        sa.CheckConstraint("since <= until", name=op.f("ck_paper_export_period")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_paper_export_agency_id")),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["account.id"], name=op.f("fk_paper_export_created_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["programme_id"], ["programme.id"], name=op.f("fk_paper_export_programme_id")
        ),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_paper_export_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_export")),
    )
    op.create_index("ix_paper_export_programme_id", "paper_export", ["programme_id", "id"], unique=False)
    op.create_index(
        "ix_paper_export_running",
        "paper_export",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )


def _part() -> None:
    op.create_table(
        "paper_export_part",
        sa.Column("export_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("first_number", sa.String(), nullable=False),
        sa.Column("last_number", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["export_id"], ["paper_export.id"], name=op.f("fk_paper_export_part_export_id")
        ),
        sa.PrimaryKeyConstraint("export_id", "number", name=op.f("pk_paper_export_part")),
    )
    op.create_index(
        "ix_paper_export_part_kept",
        "paper_export_part",
        ["sha256"],
        unique=False,
        postgresql_where=sa.text("forgotten_at IS NULL"),
    )


def _mail() -> None:
    op.create_table(
        "statement_mail",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("line_id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("asked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_to", sa.String(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_text", sa.String(), nullable=True),
        sa.CheckConstraint(
            "sent_at IS NULL OR refused_at IS NULL", name=op.f("ck_statement_mail_one_outcome")
        ),
        sa.CheckConstraint(
            "(refused_at IS NULL) = (refused_text IS NULL)", name=op.f("ck_statement_mail_refused")
        ),
        sa.ForeignKeyConstraint(["asked_by_id"], ["account.id"], name=op.f("fk_statement_mail_asked_by_id")),
        sa.ForeignKeyConstraint(["line_id"], ["settlement_line.id"], name=op.f("fk_statement_mail_line_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["supplier.id"], name=op.f("fk_statement_mail_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_mail")),
        sa.UniqueConstraint("line_id", "number", name=op.f("uq_statement_mail_line_id_number")),
    )
    op.create_index("ix_statement_mail_supplier_id", "statement_mail", ["supplier_id", "id"], unique=False)


def upgrade() -> None:
    _export()
    _part()
    _mail()


def downgrade() -> None:
    op.drop_index("ix_statement_mail_supplier_id", table_name="statement_mail")
    op.drop_table("statement_mail")
    op.drop_index("ix_paper_export_part_kept", table_name="paper_export_part")
    op.drop_table("paper_export_part")
    op.drop_index("ix_paper_export_running", table_name="paper_export")
    op.drop_index("ix_paper_export_programme_id", table_name="paper_export")
    op.drop_table("paper_export")
