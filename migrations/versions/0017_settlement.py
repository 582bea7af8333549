"""Settlement: lines that left the transfers; what an approved or closed batch keeps (R-SET-2)."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# The money of a line and where it goes are what was approved. Of a closed batch only what became of a line
# later still moves: held, let go, carried into another batch and back.
LINE_KEPT = """
CREATE FUNCTION public.settlement_line_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  was text;
  after_close CONSTANT text[] := ARRAY['held>failed', 'failed>carried', 'carried>failed'];
BEGIN
  SELECT state INTO was FROM settlement_batch WHERE id = OLD.batch_id;
  IF TG_OP = 'DELETE' THEN
    IF was IN ('drafted', 'discarded') THEN
      RETURN OLD;
    END IF;
  ELSIF (NEW.id, NEW.batch_id, NEW.supplier_id, NEW.gross, NEW.fee, NEW.clawback, NEW.carried, NEW.net,
         NEW.bank_code, NEW.account_number, NEW.account_holder)
        IS NOT DISTINCT FROM
        (OLD.id, OLD.batch_id, OLD.supplier_id, OLD.gross, OLD.fee, OLD.clawback, OLD.carried, OLD.net,
         OLD.bank_code, OLD.account_number, OLD.account_holder)
    AND (was <> 'closed'
         OR (NEW.result_code, NEW.result_text, NEW.paid_at, NEW.held_at)
            IS NOT DISTINCT FROM (OLD.result_code, OLD.result_text, OLD.paid_at, OLD.held_at)
            AND (NEW.state = OLD.state OR concat(OLD.state, '>', NEW.state) = ANY (after_close))) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'settlement line % is fixed', OLD.id USING ERRCODE = 'restrict_violation';
END $$
"""

BATCH_KEPT = """
CREATE FUNCTION public.settlement_batch_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state IN ('closed', 'discarded') THEN
    RAISE EXCEPTION 'settlement batch % is over', OLD.id USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  RETURN NEW;
END $$
"""

# By statement: a draft writes two hundred thousand at once.
ITEMS_KEPT = """
CREATE FUNCTION public.settlement_items_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT line_id FROM changed) c
               JOIN settlement_line l ON l.id = c.line_id
               JOIN settlement_batch b ON b.id = l.batch_id
              WHERE b.state <> 'drafted' AND NOT (TG_OP = 'DELETE' AND b.state = 'discarded')) THEN
    RAISE EXCEPTION 'what a settlement line is made of is fixed' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$
"""
# By statement too. A draft's lines are written with it; later a line would be paid that nobody approved.
LINES_ADDED = """
CREATE FUNCTION public.settlement_lines_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT batch_id FROM changed) c
               JOIN settlement_batch b ON b.id = c.batch_id
              WHERE b.state <> 'drafted') THEN
    RAISE EXCEPTION 'the lines of a settlement batch are fixed' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$
"""
ITEMS = ("settlement_item", "clawback_item")
SUBMITTED_BY = "fk_settlement_batch_submitted_by_id"


def upgrade() -> None:
    op.add_column("settlement_line", sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("settlement_batch", sa.Column("submitted_by_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(SUBMITTED_BY, "settlement_batch", "account", ["submitted_by_id"], ["id"])
    for function in (LINE_KEPT, BATCH_KEPT, ITEMS_KEPT, LINES_ADDED):
        op.execute(function)
    for name in ("line", "batch"):
        op.execute(
            f"CREATE TRIGGER settlement_{name}_kept BEFORE UPDATE OR DELETE ON settlement_{name}"
            f" FOR EACH ROW EXECUTE FUNCTION public.settlement_{name}_kept()"
        )
    op.execute(
        "CREATE TRIGGER settlement_lines_added AFTER INSERT ON settlement_line"
        " REFERENCING NEW TABLE AS changed"
        " FOR EACH STATEMENT EXECUTE FUNCTION public.settlement_lines_added()"
    )
    for table in ITEMS:
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE UPDATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
        )
        for event, rows in (("INSERT", "NEW"), ("DELETE", "OLD")):
            op.execute(
                f"CREATE TRIGGER {table}_{event.lower()}_kept AFTER {event} ON {table}"
                f" REFERENCING {rows} TABLE AS changed"
                " FOR EACH STATEMENT EXECUTE FUNCTION public.settlement_items_kept()"
            )


def downgrade() -> None:
    for table in ITEMS:
        for name in ("delete_kept", "insert_kept", "kept"):
            op.execute(f"DROP TRIGGER {table}_{name} ON {table}")
    op.execute("DROP TRIGGER settlement_lines_added ON settlement_line")
    for name in ("batch", "line"):
        op.execute(f"DROP TRIGGER settlement_{name}_kept ON settlement_{name}")
    for name in ("items", "batch", "line"):
        op.execute(f"DROP FUNCTION public.settlement_{name}_kept()")
    op.execute("DROP FUNCTION public.settlement_lines_added()")
    op.drop_constraint(SUBMITTED_BY, "settlement_batch", type_="foreignkey")
    op.drop_column("settlement_batch", "submitted_by_id")
    op.drop_column("settlement_line", "held_at")
