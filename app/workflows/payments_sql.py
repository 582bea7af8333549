"""The statements of a payment's two transactions (R-PAY-4): what it locks and reads, and what it writes.

Deal before voucher before balances, and the payment before all of them: whoever locks more than one does it
in this order.
"""

from __future__ import annotations

from sqlalchemy import text

from app.workflows import together

# Of what is joined, only what is locked is read as it is after the wait: what else must be fresh is read by
# `before_hold`, a function that begins when the locks are held.
LOCK_BILL = text("""
SELECT l.*, h.*
  FROM (SELECT d.id, d.state, d.company_id, d.supplier_id, d.programme_id, d.amount, d.tax, d.due_at, o.name,
               v.id AS voucher_id, v.state AS voucher_state, v.due_at AS voucher_due_at,
               v.waiver_requested_at, i.kind AS instrument_kind, i.state AS instrument_state
          FROM deal d JOIN offering o ON o.id = d.offering_id JOIN voucher v ON v.company_id = d.company_id
          JOIN instrument i ON i.company_id = d.company_id
         WHERE d.id = :deal_id FOR NO KEY UPDATE OF d, v) l
 CROSS JOIN LATERAL before_hold(l.id, l.voucher_id, :idempotency_key, :order_id) h
""")

HOLD = together.writing(
    """begun AS (
  INSERT INTO payment (id, programme_id, deal_id, voucher_id, company_id, supplier_id, instrument_kind, state,
                       idempotency_key, order_id, grant_part, share_part, tax_part, pressed_at, ask_again_at,
                       asked)
  VALUES (:payment_id, :programme_id, :deal_id, :voucher_id, :company_id, :supplier_id, :instrument_kind,
          'pending', :idempotency_key, :order_id, :grant_part, :share_part, :tax_part, :at, :ask_again_at,
          0))""",
    telling=False,
)

LOCK_PAYMENT = text("""
SELECT p.id, p.state, p.order_id, p.programme_id, p.deal_id, p.voucher_id, p.company_id, p.supplier_id,
       p.ask_again_at, p.grant_part + p.share_part + p.tax_part AS total,
       d.state AS deal_state, d.due_at AS deal_due_at, d.closed_at AS deal_closed_at, o.name
  FROM payment p JOIN deal d ON d.id = p.deal_id JOIN offering o ON o.id = d.offering_id
  JOIN voucher v ON v.id = p.voucher_id
 WHERE p.id = :payment_id FOR NO KEY UPDATE OF p, d, v
""")

# The first payment ends the voucher's first clock. It answers whether the voucher may be 소진 by now.
SUCCEED = together.writing(
    """paid AS (
  UPDATE payment SET state = 'paid', paid_at = :paid_at, payment_key = :payment_key,
                     approval_number = :approval_number, card_last4 = :card_last4, ask_again_at = NULL,
                     unknown_why = NULL
   WHERE id = :payment_id),
bought AS (
  UPDATE deal SET state = 'paid', due_at = NULL, closed_at = :at WHERE id = :deal_id),
clocked AS (
  UPDATE voucher SET due_at = full_use_by
   WHERE id = :voucher_id AND state = 'usable' AND due_at IS DISTINCT FROM full_use_by),
slips AS (
  INSERT INTO outbox_message (key, kind, payload, created_at, next_try_at)
  VALUES (:slips_key, 'issue_slips', CAST(:slips AS jsonb), :at, :recorded_at))""",
    answer="""
SELECT coalesce(sum(b.amount), 0) = 0 FROM ledger_balance b
 WHERE b.account IN ('voucher_grant', 'voucher_share') AND b.owner_id = :voucher_id""",
)
