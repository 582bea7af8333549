"""Settlement: a hold keeps its own payment back, and lets the rest of its line go (R-SET-2, R-SET-4)."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

WITHHELD = "settlement_withheld"
KEPT_BACK = "withheld >= 0 AND stayed >= 0 AND withheld + stayed <= net"

# The money of a line and where it goes are what was approved; before it goes to the bank, less of it may, and
# of what came back, less is carried on. Of a closed batch only what became of a line later still moves.
LINE_KEPT = """
CREATE OR REPLACE FUNCTION public.settlement_line_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  was text;
  after_close CONSTANT text[] := ARRAY['failed>carried', 'carried>failed'];
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
    AND (NEW.withheld = OLD.withheld OR NEW.withheld > OLD.withheld AND was = 'approved')
    AND (NEW.stayed = OLD.stayed OR NEW.stayed > OLD.stayed AND OLD.state = 'failed')
    AND (was <> 'closed'
         OR (NEW.result_code, NEW.result_text, NEW.paid_at)
            IS NOT DISTINCT FROM (OLD.result_code, OLD.result_text, OLD.paid_at)
            AND (NEW.state = OLD.state OR concat(OLD.state, '>', NEW.state) = ANY (after_close))) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'settlement line % is fixed', OLD.id USING ERRCODE = 'restrict_violation';
END $$
"""

# What was kept back is never undone, only carried on: by a later line, of which a draft may be given up. It
# is kept back before its line goes to the bank, or after it came back from there.
WITHHELD_KEPT = f"""
CREATE FUNCTION public.settlement_withheld_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  of_line text;
  of_batch text;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT l.state, b.state INTO of_line, of_batch
      FROM settlement_line l JOIN settlement_batch b ON b.id = l.batch_id WHERE l.id = NEW.line_id;
    IF NEW.into_line_id IS NULL
       AND (NEW.from_transfer AND of_batch = 'approved' OR NOT NEW.from_transfer AND of_line = 'failed') THEN
      RETURN NEW;
    END IF;
  ELSIF TG_OP = 'UPDATE' AND (NEW.id, NEW.payment_id, NEW.line_id, NEW.amount, NEW.from_transfer, NEW.at)
                             IS NOT DISTINCT FROM
                             (OLD.id, OLD.payment_id, OLD.line_id, OLD.amount, OLD.from_transfer, OLD.at)
    AND NOT EXISTS (SELECT 1 FROM settlement_line l JOIN settlement_batch b ON b.id = l.batch_id
                     WHERE l.id IN (OLD.into_line_id, NEW.into_line_id)
                       AND b.state NOT IN ('drafted', 'discarded')) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '{WITHHELD} % is fixed', OLD.id USING ERRCODE = 'restrict_violation';
END $$
"""

# Before, a hold took its whole line out, and gave it back as one whose transfer had failed. Each payment of
# such a line stays behind by itself, what is held still before the others, and goes on into the line that
# carried it. Of a transfer that failed, what is held stays; the rest may be carried now.
STAYING = """
WITH RECURSIVE tree AS (
  SELECT id AS root, id FROM settlement_line
   WHERE held_at IS NOT NULL OR state = 'failed' AND carried_into_id IS NULL
  UNION ALL
  SELECT t.root, c.id FROM tree t JOIN settlement_line c ON c.carried_into_id = t.id),
parts AS (
  SELECT i.payment_id, r.id AS line_id, r.net, r.held_at, r.carried_into_id,
         i.amount - i.amount * f.fee / f.gross AS worth,
         EXISTS (SELECT 1 FROM settlement_hold h
                  WHERE h.payment_id = i.payment_id AND h.released_at IS NULL) AS held
    FROM tree t JOIN settlement_line r ON r.id = t.root JOIN settlement_line f ON f.id = t.id
    JOIN settlement_item i ON i.line_id = t.id),
counted AS (
  SELECT p.*, coalesce(sum(worth) OVER (PARTITION BY line_id ORDER BY held DESC, payment_id
                                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM parts p)
INSERT INTO settlement_withheld (payment_id, line_id, amount, from_transfer, at, into_line_id)
SELECT payment_id, line_id, least(worth, greatest(net - before, 0)), held_at IS NOT NULL,
       coalesce(held_at, now()), carried_into_id
  FROM counted WHERE held_at IS NOT NULL OR held
 ORDER BY line_id, payment_id
"""
CONVERT = (
    STAYING,
    "UPDATE settlement_line SET withheld = net, state = 'held', carried_into_id = NULL"
    " WHERE held_at IS NOT NULL",
    f"""
UPDATE settlement_line l SET stayed = w.amount
  FROM (SELECT line_id, sum(amount) AS amount FROM {WITHHELD} WHERE NOT from_transfer GROUP BY line_id) w
 WHERE w.line_id = l.id
""",
)
# Their statements were issued with the approval: less than they say could be paid.
ON_THE_WAY = """
DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM settlement_batch WHERE state = 'approved') THEN
    RAISE EXCEPTION 'an approved settlement waits for its bank file: export or conclude it first';
  END IF;
END $$
"""
LINE_KEPT_BEFORE = """
CREATE OR REPLACE FUNCTION public.settlement_line_kept() RETURNS trigger LANGUAGE plpgsql AS $$
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
REFUSE = f"""
DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM {WITHHELD}) THEN
    RAISE EXCEPTION 'payments were kept back from their lines, which the release before does not know';
  END IF;
END $$
"""


def upgrade() -> None:
    op.execute(ON_THE_WAY)
    for name in ("withheld", "stayed"):
        op.add_column("settlement_line", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        WITHHELD,
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("line_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("from_transfer", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("into_line_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount >= 0", name=op.f(f"ck_{WITHHELD}_amount")),
        *(
            sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{WITHHELD}_{column}"))
            for column, target in (
                ("payment_id", "payment.id"),
                ("line_id", "settlement_line.id"),
                ("into_line_id", "settlement_line.id"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{WITHHELD}")),
        sa.UniqueConstraint("payment_id", "line_id", name=op.f(f"uq_{WITHHELD}_payment_id_line_id")),
    )
    op.create_index(f"ix_{WITHHELD}_line_id", WITHHELD, ["line_id"])
    op.create_index(f"ix_{WITHHELD}_into_line_id", WITHHELD, ["into_line_id"])
    op.execute("ALTER TABLE settlement_line DISABLE TRIGGER settlement_line_kept")
    for statement in CONVERT:
        op.execute(statement)
    op.execute("ALTER TABLE settlement_line ENABLE TRIGGER settlement_line_kept")
    op.create_check_constraint(op.f("ck_settlement_line_kept_back"), "settlement_line", KEPT_BACK)
    op.execute(LINE_KEPT)
    op.drop_column("settlement_line", "held_at")
    op.execute(WITHHELD_KEPT)
    op.execute(
        f"CREATE TRIGGER {WITHHELD}_kept BEFORE INSERT OR UPDATE OR DELETE ON {WITHHELD}"
        f" FOR EACH ROW EXECUTE FUNCTION public.{WITHHELD}_kept()"
    )
    op.execute(f"REVOKE DELETE, TRUNCATE ON {WITHHELD} FROM kvoucher_app")


def downgrade() -> None:
    op.execute(ON_THE_WAY)
    op.execute(REFUSE)
    op.drop_table(WITHHELD)
    op.execute(f"DROP FUNCTION public.{WITHHELD}_kept()")
    op.drop_constraint(op.f("ck_settlement_line_kept_back"), "settlement_line", type_="check")
    op.add_column("settlement_line", sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(LINE_KEPT_BEFORE)
    for name in ("stayed", "withheld"):
        op.drop_column("settlement_line", name)
