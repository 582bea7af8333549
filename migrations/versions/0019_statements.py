"""The daily files of the card company and ZeroPay, and what differs (R-SET-3)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

APPEND_ONLY = ("statement_line", "statement_match", "recon_act")
SYSTEMS = ("card", "zeropay")
ACTIONS = (
    "assign", "ask_gateway", "hold", "ask_supplier", "evidence", "match", "propose", "confirm", "send_back",
    "close", "settle", "reopen",
)  # fmt: skip


def _kind(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _now(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _won(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def _account(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=True)


def _files() -> None:
    op.create_table(
        "statement_file",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("system", _kind("statementsystem", *SYSTEMS), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", _kind("statementstate", "taken", "matched"), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        _won("charged"),
        _won("cancelled"),
        _won("fee"),
        sa.Column("errors", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("matched", sa.Integer(), server_default="0", nullable=False),
        _account("taken_by_id"),
        _now("taken_at"),
        _now("matched_at", nullable=True),
        sa.CheckConstraint(
            "(state = 'matched') = (matched_at IS NOT NULL)", name=op.f("ck_statement_file_matched")
        ),
        _to("statement_file", "taken_by_id", "account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_file")),
        sa.UniqueConstraint("sha256", name=op.f("uq_statement_file_sha256")),
        sa.UniqueConstraint("system", "day", name=op.f("uq_statement_file_system_day")),
    )
    op.create_index("ix_statement_file_day", "statement_file", ["day"], unique=False)
    op.create_table(
        "statement_fetch",
        sa.Column("system", _kind("statementsystem", *SYSTEMS), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        _now("tried_at"),
        sa.PrimaryKeyConstraint("system", "day", name=op.f("pk_statement_fetch")),
    )


def _lines() -> None:
    op.create_table(
        "statement_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("copy", sa.SmallInteger(), nullable=False),
        sa.Column("is_cancel", sa.Boolean(), nullable=False),
        sa.Column("approval_number", sa.String(), nullable=False),
        _won("amount"),
        sa.Column("day", sa.Date(), nullable=False),
        _now("at"),
        sa.Column("card", sa.String(), nullable=True),
        sa.Column("order_id", sa.String(), nullable=True),
        _won("fee"),
        sa.Column("deposit_on", sa.Date(), nullable=True),
        _won("deposit"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_statement_line_amount")),
        _to("statement_line", "file_id", "statement_file"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_line")),
        sa.UniqueConstraint("file_id", "row", name=op.f("uq_statement_line_file_id_row")),
    )
    op.create_table(
        "statement_match",
        sa.Column("line_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("is_cancel", sa.Boolean(), nullable=False),
        sa.Column("against_line_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(payment_id IS NULL) <> (against_line_id IS NULL)", name=op.f("ck_statement_match_one_side")
        ),
        sa.PrimaryKeyConstraint("line_id", name=op.f("pk_statement_match")),
        sa.UniqueConstraint("payment_id", "is_cancel", name=op.f("uq_statement_match_payment_id_is_cancel")),
    )


def _items() -> None:
    op.create_table(
        "recon_item",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("system", _kind("statementsystem", *SYSTEMS), nullable=False),
        sa.Column(
            "bucket",
            _kind("bucket", "only_ours", "only_theirs", "amount", "cancel_missing", "doubled"),
            nullable=False,
        ),
        sa.Column("state", _kind("itemstate", "open", "proposed", "closed"), nullable=False),
        sa.Column("line_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("is_cancel", sa.Boolean(), nullable=False),
        _won("ours"),
        _won("theirs"),
        sa.Column("day", sa.Date(), nullable=False),
        _now("opened_at"),
        sa.Column("opened_by_file_id", sa.BigInteger(), nullable=False),
        _account("owner_id"),
        sa.Column("evidence_sha256", sa.String(), nullable=True),
        sa.Column("with_item_id", sa.BigInteger(), nullable=True),
        _account("proposed_by_id"),
        _now("proposed_at", nullable=True),
        _account("closed_by_id"),
        _now("closed_at", nullable=True),
        sa.Column("settled_by_file_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(line_id, payment_id) >= 1", name=op.f("ck_recon_item_about_something")
        ),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_recon_item_closed")),
        sa.CheckConstraint("state <> 'closed' OR note <> ''", name=op.f("ck_recon_item_note")),
        sa.CheckConstraint(
            "state <> 'closed' OR settled_by_file_id IS NOT NULL OR evidence_sha256 IS NOT NULL"
            " OR coalesce(closed_by_id <> proposed_by_id, false)",
            name=op.f("ck_recon_item_evidence_or_two_people"),
        ),
        _to("recon_item", "line_id", "statement_line"),
        _to("recon_item", "payment_id", "payment"),
        _to("recon_item", "opened_by_file_id", "statement_file"),
        _to("recon_item", "settled_by_file_id", "statement_file"),
        _to("recon_item", "with_item_id", "recon_item"),
        *[_to("recon_item", name, "account") for name in ("owner_id", "proposed_by_id", "closed_by_id")],
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recon_item")),
    )
    live = sa.text("state <> 'closed'")
    op.create_index("ix_recon_item_open", "recon_item", ["id"], unique=False, postgresql_where=live)
    for name in ("payment_id", "day", "opened_by_file_id"):
        op.create_index(f"ix_recon_item_{name}", "recon_item", [name], unique=False)
    with_line, without = sa.text("line_id IS NOT NULL"), sa.text("line_id IS NULL")
    op.create_index("uq_recon_item_line", "recon_item", ["line_id"], unique=True, postgresql_where=with_line)
    ours = ["payment_id", "is_cancel"]
    op.create_index("uq_recon_item_ours", "recon_item", ours, unique=True, postgresql_where=without)


def _acts() -> None:
    op.create_table(
        "recon_act",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("action", _kind("itemaction", *ACTIONS), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        _account("by_id"),
        sa.Column("by_name", sa.String(), nullable=False),
        _now("at"),
        sa.Column("file_name", sa.String(), nullable=True),
        sa.Column("content_type", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.CheckConstraint("note <> ''", name=op.f("ck_recon_act_note")),
        sa.CheckConstraint(
            "num_nonnulls(file_name, content_type, sha256) IN (0, 3)", name=op.f("ck_recon_act_file")
        ),
        _to("recon_act", "item_id", "recon_item"),
        _to("recon_act", "by_id", "account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recon_act")),
    )
    op.create_index("ix_recon_act_item_id", "recon_act", ["item_id", "id"], unique=False)


def upgrade() -> None:
    _files()
    _lines()
    _items()
    _acts()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
        )
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM kvoucher_app")


def downgrade() -> None:
    for table in (
        "recon_act", "recon_item", "statement_match", "statement_line", "statement_fetch", "statement_file",
    ):  # fmt: skip
        op.drop_table(table)
