"""What a payment must know once it has its locks, read by one call together with them (R-PAY-4)."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# VOLATILE: each statement inside sees what was committed while the locks were waited for, which the
# statement that calls it does not.
BEFORE_HOLD = """
CREATE FUNCTION public.before_hold(of_deal bigint, of_voucher bigint, press text, of_order text)
RETURNS TABLE (next_id bigint, pressed_before bigint, live bigint, given_up text, grant_left bigint,
               share_left bigint)
LANGUAGE plpgsql VOLATILE AS $$ BEGIN
  RETURN QUERY
  SELECT nextval('payment_id_seq'),
         (SELECT p.id FROM payment p WHERE p.idempotency_key = press),
         (SELECT p.id FROM payment p
           WHERE p.deal_id = of_deal AND p.state IN ('pending', 'paid', 'cancelling')),
         (SELECT p.failure_code::text FROM payment p WHERE p.order_id = of_order AND p.state = 'failed'
             AND p.failure_code <> 'INVALID_AUTH_CODE' LIMIT 1),
         coalesce(sum(b.amount) FILTER (WHERE b.account = 'voucher_grant'), 0)::bigint,
         coalesce(sum(b.amount) FILTER (WHERE b.account = 'voucher_share'), 0)::bigint
    FROM lock_balances(ARRAY['voucher_grant', 'voucher_share'], of_voucher) b;
END $$
"""


def upgrade() -> None:
    op.execute(BEFORE_HOLD)


def downgrade() -> None:
    op.execute("DROP FUNCTION public.before_hold(bigint, bigint, text, text)")
