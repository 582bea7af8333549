"""The database as last guard of ledger and audit (R-MONEY-3, R-MONEY-4, R-AUD-1).

Postings, journals, audit rows and anchors are append-only; the postings of a journal come in one statement
and sum to zero; a guarded account never goes below zero. The application works as a role that holds no
right to change any of it: balances are moved by the trigger alone.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPEND_ONLY = ("journal", "posting", "audit_row", "audit_anchor")

REFUSE_CHANGE = """
CREATE FUNCTION public.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""

# Rows are locked in the order of their key, so that two bulk postings cannot wait for each other. One
# statement decides which balances exist and which begin: between two statements another transaction may
# begin one, and our postings would go missing from the balance.
GUARD_POSTINGS = """
CREATE FUNCTION public.guard_postings() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE broken bigint;
BEGIN
  SELECT journal_id INTO broken FROM new_postings GROUP BY journal_id HAVING sum(amount) <> 0 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'journal % does not balance', broken
      USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_balanced';
  END IF;
  IF (SELECT count(*) FROM new_postings)
     <> (SELECT count(*) FROM posting WHERE journal_id IN (SELECT journal_id FROM new_postings)) THEN
    RAISE EXCEPTION 'a written journal takes no more postings'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_complete';
  END IF;

  PERFORM 1 FROM ledger_balance b
   WHERE (b.account, b.owner_id) IN (SELECT account, owner_id FROM new_postings)
   ORDER BY b.account, b.owner_id FOR UPDATE;
  WITH delta AS (
    SELECT account, owner_id, sum(amount)::bigint AS amount FROM new_postings
     WHERE account IN ('programme_budget', 'agency_budget', 'voucher_grant', 'voucher_share', 'transfer')
     GROUP BY account, owner_id),
  moved AS (
    UPDATE ledger_balance b SET amount = b.amount + d.amount FROM delta d
     WHERE b.account = d.account AND b.owner_id = d.owner_id
    RETURNING b.account, b.owner_id)
  INSERT INTO ledger_balance (account, owner_id, amount)
    SELECT d.account, d.owner_id, d.amount FROM delta d
     WHERE NOT EXISTS (SELECT 1 FROM moved m WHERE m.account = d.account AND m.owner_id = d.owner_id)
     ORDER BY d.account, d.owner_id
  ON CONFLICT (account, owner_id) DO UPDATE SET amount = ledger_balance.amount + excluded.amount;
  RETURN NULL;
END $$
"""

# FOR UPDATE asks for the right to update, which the application lacks: the owner lends it for the lock.
LOCK_BALANCES = """
CREATE FUNCTION public.lock_balances(accounts text[], owner bigint) RETURNS SETOF public.ledger_balance
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT * FROM ledger_balance WHERE account = ANY (accounts) AND owner_id = owner
   ORDER BY account, owner_id FOR UPDATE $$
"""

# Times enter as whole microseconds: their text would depend on the session's time zone.
AUDIT_DIGEST = """
CREATE FUNCTION public.audit_digest(prev bytea, entity text, entity_id bigint, seq integer, action text,
  actor_id bigint, actor_name text, ip text, at timestamptz, recorded_at timestamptz, reason text,
  change jsonb)
RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT sha256(coalesce(prev, ''::bytea) || convert_to(jsonb_build_array(
    entity, entity_id, seq, action, actor_id, actor_name, ip,
    (extract(epoch FROM at) * 1000000)::bigint, (extract(epoch FROM recorded_at) * 1000000)::bigint,
    reason, change)::text, 'UTF8')) $$
"""

APPLICATION_ROLE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'kvoucher_app') THEN
    CREATE ROLE kvoucher_app NOLOGIN;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(REFUSE_CHANGE)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"
        )
    op.execute(GUARD_POSTINGS)
    op.execute(
        "CREATE TRIGGER posting_guard AFTER INSERT ON posting REFERENCING NEW TABLE AS new_postings"
        " FOR EACH STATEMENT EXECUTE FUNCTION public.guard_postings()"
    )
    op.execute(LOCK_BALANCES)
    op.execute(AUDIT_DIGEST)
    op.execute(APPLICATION_ROLE)
    op.execute("GRANT kvoucher_app TO CURRENT_USER")
    op.execute("GRANT USAGE ON SCHEMA public TO kvoucher_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO kvoucher_app")
    op.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO kvoucher_app")
    op.execute(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
        " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO kvoucher_app"
    )
    op.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO kvoucher_app")
    for table in APPEND_ONLY:
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM kvoucher_app")
    op.execute("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ledger_balance FROM kvoucher_app")


def downgrade() -> None:
    # The role stays: it belongs to the whole server, and another database may use it.
    op.execute("DROP OWNED BY kvoucher_app")
    op.execute("DROP TRIGGER posting_guard ON posting")
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    op.execute(
        "DROP FUNCTION public.audit_digest(bytea, text, bigint, integer, text, bigint, text, text,"
        " timestamptz, timestamptz, text, jsonb)"
    )
    op.execute("DROP FUNCTION public.lock_balances(text[], bigint)")
    op.execute("DROP FUNCTION public.guard_postings()")
    op.execute("DROP FUNCTION public.refuse_change()")
