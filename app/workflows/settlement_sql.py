"""Which payments are ripe and what each supplier would get: a draft as sets (R-SET-1, R-SET-2)."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import text

from app import clock
from app.models.programme import Programme
from app.workflows.holds_sql import OPEN
from app.workflows.settlement_chain import chain
from app.workflows.settlement_ripe import RIPE, UNSETTLED, WAITS, Wait

SETTLED = "('approved', 'exported', 'reconciled', 'closed')"
"""Batches whose money has moved in the ledger."""

# ripe: paid by the cut-off, waits for nothing, in no batch. back: cancelled after it was settled, not yet
# taken back. owed: of transfers that did not arrive what is not held, and what had been held and is not any
# more or was cancelled since, not yet in another line. The fee is not given back with a clawback.
_PLAN = f"""
WITH ripe AS (
  SELECT p.id, p.supplier_id, p.grant_part + p.share_part + p.tax_part AS amount
    FROM payment p JOIN programme g ON g.id = p.programme_id
   WHERE p.programme_id = :programme_id AND p.state = 'paid' AND p.paid_at < :until
     AND {UNSETTLED}
     AND {RIPE}),
back AS (
  SELECT p.id, p.supplier_id, i.amount, i.line_id AS of_line_id
    FROM payment p
    JOIN settlement_item i ON i.payment_id = p.id
    JOIN settlement_line l ON l.id = i.line_id
    JOIN settlement_batch b ON b.id = l.batch_id AND b.state IN {SETTLED}
   WHERE p.programme_id = :programme_id AND p.state = 'cancelled'
     AND NOT EXISTS (SELECT 1 FROM clawback_item c WHERE c.payment_id = p.id)),
owed AS (
  SELECT f.id AS line_id, CAST(NULL AS bigint) AS withheld_id, f.supplier_id,
         f.net - f.withheld - f.stayed AS amount
    FROM settlement_line f JOIN settlement_batch b ON b.id = f.batch_id
   WHERE b.programme_id = :programme_id AND f.state = 'failed' AND f.carried_into_id IS NULL
     AND f.net > f.withheld + f.stayed
  UNION ALL
  SELECT NULL, w.id, p.supplier_id, w.amount
    FROM settlement_withheld w JOIN payment p ON p.id = w.payment_id
   WHERE p.programme_id = :programme_id AND w.into_line_id IS NULL AND w.amount > 0
     AND (p.state = 'cancelled' OR p.state = 'paid' AND NOT {OPEN} AND NOT ({WAITS[Wait.INVOICE]}))),
sums AS (
  SELECT supplier_id, CAST(sum(gross) AS bigint) AS gross, CAST(sum(clawback) AS bigint) AS clawback,
         CAST(sum(carried) AS bigint) AS carried, count(*) FILTER (WHERE gross > 0) AS payments
    FROM (SELECT supplier_id, amount AS gross, 0 AS clawback, 0 AS carried FROM ripe
          UNION ALL SELECT supplier_id, 0, amount, 0 FROM back
          UNION ALL SELECT supplier_id, 0, 0, amount FROM owed) parts
   GROUP BY supplier_id),
planned AS (
  SELECT s.*, s.gross * :fee_bp / 10000 AS fee,
         s.gross + s.carried - s.gross * :fee_bp / 10000 - s.clawback AS net,
         v.name, v.bank_code, v.account_number, v.account_holder,
         CASE WHEN {WAITS[Wait.ACCOUNT]} THEN 'account'
              WHEN s.gross + s.carried - s.gross * :fee_bp / 10000 - s.clawback <= 0 THEN 'net'
         END AS reason
    FROM sums s JOIN supplier v ON v.id = s.supplier_id)
"""  # noqa: S608 - no input in it

PREVIEW = text(_PLAN + """
SELECT supplier_id, name, payments, gross, fee, clawback, carried, net, reason
  FROM planned ORDER BY supplier_id
""")  # fmt: skip

_INSERT = """,
lines AS (
  INSERT INTO settlement_line (batch_id, supplier_id, state, gross, fee, clawback, carried, net,
                               bank_code, account_number, account_holder)
  SELECT :batch_id, supplier_id, 'planned', gross, fee, clawback, carried, net,
         bank_code, account_number, account_holder
    FROM planned WHERE reason IS NULL ORDER BY supplier_id
  RETURNING id, supplier_id, gross, net),
items AS (
  INSERT INTO settlement_item (payment_id, line_id, amount)
  SELECT r.id, l.id, r.amount FROM ripe r JOIN lines l USING (supplier_id) ORDER BY r.id RETURNING 1),
clawbacks AS (
  INSERT INTO clawback_item (payment_id, line_id, of_line_id, amount)
  SELECT k.id, l.id, k.of_line_id, k.amount
    FROM back k JOIN lines l USING (supplier_id) ORDER BY k.id RETURNING 1),
let_go AS (
  UPDATE settlement_withheld w SET into_line_id = l.id
    FROM owed o JOIN lines l USING (supplier_id) WHERE w.id = o.withheld_id RETURNING 1),
carried AS (
  UPDATE settlement_line f SET carried_into_id = l.id
    FROM owed o JOIN lines l USING (supplier_id) WHERE f.id = o.line_id RETURNING f.id)
SELECT (SELECT count(*) FROM lines) AS lines, (SELECT count(*) FROM items) AS payments,
       (SELECT count(*) FROM clawbacks) AS clawbacks,
       (SELECT CAST(coalesce(sum(gross), 0) AS bigint) FROM lines) AS gross,
       (SELECT CAST(coalesce(sum(net), 0) AS bigint) FROM lines) AS net,
       ARRAY(SELECT id FROM carried ORDER BY id) AS carried
"""
INSERT = text(_PLAN + _INSERT)

# moved: of a payment that once stayed behind, the latest part counts. What was cancelled before the draft is
# taken back by it, or was by an earlier one.
CHANGED = text(f"""
WITH RECURSIVE tree AS (
  SELECT id, true AS own FROM settlement_line WHERE batch_id = :batch_id
  UNION ALL
  SELECT f.id, false FROM tree t JOIN settlement_line f ON f.carried_into_id = t.id),
moved AS (
  SELECT w.payment_id FROM tree t JOIN settlement_withheld w ON w.into_line_id = t.id
   WHERE w.amount > 0 AND NOT EXISTS (SELECT 1 FROM settlement_withheld o
                                       WHERE o.payment_id = w.payment_id AND o.id > w.id)),
inside AS (
  SELECT i.payment_id, t.own AS fresh FROM tree t JOIN settlement_item i ON i.line_id = t.id
   WHERE NOT EXISTS (SELECT 1 FROM settlement_withheld w WHERE w.payment_id = i.payment_id)
  UNION ALL SELECT payment_id, true FROM moved),
found AS (
  SELECT p.id, CASE WHEN (p.state = 'cancelled' OR n.fresh AND p.state <> 'paid')
                     AND NOT EXISTS (SELECT 1 FROM clawback_item k WHERE k.payment_id = p.id) THEN 'cancelled'
                    WHEN p.state = 'paid' AND n.fresh AND {WAITS[Wait.INVOICE]} THEN 'invoice' END AS why
    FROM inside n JOIN payment p ON p.id = n.payment_id
  UNION
  SELECT h.payment_id, 'hold' FROM settlement_hold h JOIN payment p ON p.id = h.payment_id
   WHERE h.released_at IS NULL AND p.state <> 'cancelled'
     AND EXISTS ({chain("h.payment_id")}
                 SELECT 1 FROM chain c JOIN settlement_line l ON l.id = c.id
                  WHERE c.next IS NULL AND c.withheld_id IS NULL AND l.batch_id = :batch_id))
SELECT id, why FROM found WHERE why IS NOT NULL ORDER BY why, id LIMIT 20
""")  # noqa: S608
"""Payments of a draft that it should not pay any more, and in a word why."""

MOVED = text("""
SELECT l.id FROM settlement_line l JOIN supplier v ON v.id = l.supplier_id
 WHERE l.batch_id = :batch_id
   AND (v.account_verified_at IS NULL
        OR (v.bank_code, v.account_number, v.account_holder)
           IS DISTINCT FROM (l.bank_code, l.account_number, l.account_holder))
""")
"""Lines whose supplier's account may have changed: encrypted anew, the same number differs too."""

LEGS = """
SELECT concat('settlement:settlement_line:', l.id) AS event_key, e.n, e.account, e.owner_id, e.amount
  FROM settlement_line l JOIN settlement_batch b ON b.id = l.batch_id
 CROSS JOIN LATERAL (VALUES (1, 'payable', l.supplier_id, -l.net), (2, 'transfer', l.id, l.net),
                            (3, 'payable', l.supplier_id, -l.fee), (4, 'fee', b.programme_id, l.fee))
                    AS e (n, account, owner_id, amount)
 WHERE l.batch_id = :batch_id AND e.amount <> 0
"""
"""SQL: what an approval moves, for `ledger.entering`."""

UNCARRY = text("""
UPDATE settlement_line f SET carried_into_id = NULL FROM settlement_line l
 WHERE l.batch_id = :batch_id AND f.carried_into_id = l.id RETURNING f.id
""")

FREE = tuple(
    text(sentence)
    for sentence in (
        """DELETE FROM settlement_item i USING settlement_line l
            WHERE l.id = i.line_id AND l.batch_id = :batch_id""",
        """UPDATE settlement_withheld w SET into_line_id = NULL FROM settlement_line l
            WHERE l.id = w.into_line_id AND l.batch_id = :batch_id""",
        """DELETE FROM clawback_item c USING settlement_line l
            WHERE l.id = c.line_id AND l.batch_id = :batch_id""",
        "DELETE FROM settlement_line WHERE batch_id = :batch_id",
    )
)


def parameters(programme: Programme, cutoff: date) -> dict[str, Any]:
    """What the plan asks for."""
    return {
        "programme_id": programme.id,
        "until": clock.end_of(cutoff),
        "fee_bp": programme.settlement_fee_bp,
    }
