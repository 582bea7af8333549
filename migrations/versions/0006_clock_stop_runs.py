"""deadlines are moved by a job after clocks were stopped or a day was closed (R-TIME-2, R-TIME-5a)"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COUNTS = ("moved_deals", "moved_vouchers", "moved_offers")

# What was stopped before had moved everything in the transaction of its declaration.
DONE_BEFORE = """
INSERT INTO clock_run (programme_id, stop_id, by_id, by_name, rows, moved_deals, moved_vouchers, moved_offers,
                       started_at, finished_at, tries)
SELECT s.programme_id, s.id, s.declared_by_id, coalesce(a.name, '운영자(명령)'),
       s.moved_deals + s.moved_vouchers + s.moved_offers, s.moved_deals, s.moved_vouchers, s.moved_offers,
       s.declared_at, s.declared_at, 0
  FROM clock_stop s LEFT JOIN account a ON a.id = s.declared_by_id
 ORDER BY s.id
"""
# Without the tables nobody would know what is still to be moved.
NONE_UNDER_WAY = """
DO $$ BEGIN
  IF EXISTS (SELECT FROM clock_run WHERE finished_at IS NULL) THEN
    RAISE EXCEPTION 'deadlines are being moved: let the worker finish before going down';
  END IF;
END $$
"""
COUNTED_AGAIN = """
UPDATE clock_stop s
   SET moved_deals = r.moved_deals, moved_vouchers = r.moved_vouchers, moved_offers = r.moved_offers
  FROM clock_run r WHERE r.stop_id = s.id
"""


def upgrade() -> None:
    op.create_table(
        "clock_run",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("programme_id", sa.BigInteger(), nullable=False),
        sa.Column("stop_id", sa.BigInteger(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("by_id", sa.BigInteger(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("by_ip", sa.String(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.CheckConstraint("num_nonnulls(stop_id, closed_on) = 1", name=op.f("ck_clock_run_cause")),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_clock_run_by_id")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_clock_run_programme_id")),
        sa.ForeignKeyConstraint(
            ["programme_id", "closed_on"],
            ["closing_day.programme_id", "closing_day.day"],
            name=op.f("fk_clock_run_programme_id_closed_on"),
        ),
        sa.ForeignKeyConstraint(["stop_id"], ["clock_stop.id"], name=op.f("fk_clock_run_stop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_run")),
        sa.UniqueConstraint("programme_id", "closed_on", name=op.f("uq_clock_run_programme_id_closed_on")),
        sa.UniqueConstraint("stop_id", name=op.f("uq_clock_run_stop_id")),
    )
    op.create_index(
        "uq_clock_run_running",
        "clock_run",
        ["programme_id"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_table(
        "clock_run_row",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["clock_run.id"], name=op.f("fk_clock_run_row_run_id")),
        sa.PrimaryKeyConstraint("run_id", "kind", "record_id", name=op.f("pk_clock_run_row")),
    )
    op.create_index(
        "ix_clock_run_row_waiting",
        "clock_run_row",
        ["kind", "record_id"],
        unique=True,
        postgresql_where=sa.text("told IS NULL"),
    )
    op.execute(DONE_BEFORE)
    for name in COUNTS:
        op.drop_column("clock_stop", name)


def downgrade() -> None:
    op.execute(NONE_UNDER_WAY)
    for name in COUNTS:
        op.add_column("clock_stop", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.execute(COUNTED_AGAIN)
    for name in COUNTS:
        op.alter_column("clock_stop", name, server_default=None)
    op.drop_index(
        "ix_clock_run_row_waiting", table_name="clock_run_row", postgresql_where=sa.text("told IS NULL")
    )
    op.drop_table("clock_run_row")
    op.drop_index(
        "uq_clock_run_running", table_name="clock_run", postgresql_where=sa.text("finished_at IS NULL")
    )
    op.drop_table("clock_run")
