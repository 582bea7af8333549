"""Usage by the suppliers' systems, its warnings, and evaluations that never change (R-SET-1a, R-EVA-1)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SETTINGS = (
    ("usage_idle_days", sa.Integer(), "30"),
    ("usage_idle_cancels", sa.Boolean(), "false"),
    ("usage_idle_months", sa.Integer(), "3"),
    ("usage_idle_stops", sa.Boolean(), "true"),
    ("usage_grace_days", sa.Integer(), "14"),
)
SOURCES = ("form", "file")


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _reference(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"))


def _allow_sources(*values: str) -> None:
    name = op.f("ck_usage_report_usagesource")
    op.drop_constraint(name, "usage_report", type_="check")
    allowed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(name, "usage_report", f"source IN ({allowed})")


def _keys() -> None:
    op.create_table(
        "supplier_key",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("supplier_id", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("issued_by_id", sa.BigInteger(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by_id", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("name <> ''", name=op.f("ck_supplier_key_name")),
        _reference("supplier_key", "supplier_id", "supplier"),
        _reference("supplier_key", "issued_by_id", "account"),
        _reference("supplier_key", "revoked_by_id", "account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplier_key")),
        sa.UniqueConstraint("key_id", name=op.f("uq_supplier_key_key_id")),
    )
    op.create_index("ix_supplier_key_supplier_id", "supplier_key", ["supplier_id", "id"])
    op.create_index(
        "uq_supplier_key_name",
        "supplier_key",
        ["supplier_id", "name"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "supplier_request",
        sa.Column("key_id", sa.BigInteger(), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _reference("supplier_request", "key_id", "supplier_key"),
        sa.PrimaryKeyConstraint("key_id", "idempotency_key", name=op.f("pk_supplier_request")),
    )
    op.create_index("ix_supplier_request_at", "supplier_request", ["at"])
    op.add_column("usage_report", sa.Column("key_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_usage_report_key_id"), "usage_report", "supplier_key", ["key_id"], ["id"])


def _warnings() -> None:
    op.create_table(
        "usage_warning",
        sa.Column("id", sa.BigInteger(), nullable=False),
        *(
            sa.Column(f"{name}_id", sa.BigInteger(), nullable=False)
            for name in ("deal", "payment", "programme", "company", "supplier")
        ),
        sa.Column("kind", _enum("warningkind", "idle_days", "idle_months"), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("lasted", sa.Integer(), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", _enum("warningact", "cancel", "stop"), nullable=True),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("act_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("gave_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended", _enum("warningend", "used", "evaluated", "closed"), nullable=True),
        sa.CheckConstraint("(act IS NULL) = (act_at IS NULL)", name=op.f("ck_usage_warning_act")),
        sa.CheckConstraint("acted_at IS NULL OR act IS NOT NULL", name=op.f("ck_usage_warning_acted")),
        sa.CheckConstraint("(ended_at IS NULL) = (ended IS NULL)", name=op.f("ck_usage_warning_ended")),
        sa.CheckConstraint(
            "gave_up_at IS NULL OR (acted_at IS NULL AND failures > 0)", name=op.f("ck_usage_warning_gave_up")
        ),
        *(
            _reference("usage_warning", f"{name}_id", name)
            for name in ("deal", "payment", "programme", "company", "supplier")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_warning")),
    )
    op.create_index(
        "uq_usage_warning_open",
        "usage_warning",
        ["deal_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_usage_warning_due",
        "usage_warning",
        ["act_at"],
        postgresql_where=sa.text("ended_at IS NULL AND acted_at IS NULL AND gave_up_at IS NULL"),
    )
    for name in ("deal", "company", "supplier"):
        op.create_index(f"ix_usage_warning_{name}_id", "usage_warning", [f"{name}_id", "id"])


def upgrade() -> None:
    for name, kind, default in SETTINGS:
        op.add_column("programme", sa.Column(name, kind, server_default=default, nullable=False))
    op.create_check_constraint(
        op.f("ck_programme_usage_positive"),
        "programme",
        "usage_idle_days > 0 AND usage_idle_months > 0 AND usage_grace_days >= 0",
    )
    _keys()
    _allow_sources(*SOURCES, "api")
    _warnings()
    op.create_index("ix_evaluation_supplier_id", "evaluation", ["supplier_id", "id"])
    op.execute(
        "CREATE TRIGGER evaluation_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evaluation"
        " FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
    )
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON evaluation FROM kvoucher_app")


def downgrade() -> None:
    op.execute("GRANT UPDATE, DELETE ON evaluation TO kvoucher_app")
    op.execute("DROP TRIGGER evaluation_append_only ON evaluation")
    op.drop_index("ix_evaluation_supplier_id", table_name="evaluation")
    op.drop_table("usage_warning")
    # What a system had reported stays reported: the older release knows it as a file's.
    op.execute("UPDATE usage_report SET source = 'file' WHERE source = 'api'")
    _allow_sources(*SOURCES)
    op.drop_constraint(op.f("fk_usage_report_key_id"), "usage_report", type_="foreignkey")
    op.drop_column("usage_report", "key_id")
    op.drop_table("supplier_request")
    op.drop_table("supplier_key")
    op.drop_constraint(op.f("ck_programme_usage_positive"), "programme", type_="check")
    for name, _, _ in reversed(SETTINGS):
        op.drop_column("programme", name)
