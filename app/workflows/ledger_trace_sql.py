"""The queries of a trace (R-MONEY-3): each reads one hop of the money, whatever lies beside it."""

from __future__ import annotations

from sqlalchemy import text

from app.workflows.settlement_chain import chain

BUDGET_SUMS = text("""
SELECT j.kind, CAST(sum(p.amount) AS bigint) AS amount
  FROM posting p JOIN journal j ON j.id = p.journal_id
 WHERE p.account = 'agency_budget' AND p.owner_id = :id
 GROUP BY j.kind
""")

VOUCHER_SUMS = text("""
SELECT j.kind, CAST(sum(p.amount) AS bigint) AS amount
  FROM posting p JOIN journal j ON j.id = p.journal_id
 WHERE p.account IN ('voucher_grant', 'voucher_share') AND p.owner_id = :id
 GROUP BY j.kind
""")

_LINE_COLUMNS = """l.id, l.state, l.gross, l.carried, l.fee, l.clawback, l.withheld, l.net, l.paid_at,
       l.result_text, l.batch_id, b.number, b.state AS batch_state, s.name"""
_LINE_JOINS = """JOIN settlement_line l ON l.id = e.id
  JOIN settlement_batch b ON b.id = l.batch_id
  JOIN supplier s ON s.id = l.supplier_id"""

# The line that pays it with those that took it over, those where it stayed behind, and the line that takes it
# back. What a later line pays of it is what had stayed behind.
LINES_OF_PAYMENT = text(f"""
{chain("CAST(:payment_id AS bigint)")},
every AS (
  SELECT c.id, c.step,
         coalesce((SELECT b.part FROM chain b WHERE b.step <= c.step AND b.part IS NOT NULL
                    ORDER BY b.step DESC LIMIT 1), i.amount) AS amount,
         CASE WHEN c.withheld_id IS NOT NULL THEN 'out' WHEN c.step > 0 THEN 'carried' ELSE 'pays' END AS how
    FROM chain c JOIN settlement_item i ON i.payment_id = CAST(:payment_id AS bigint)
  UNION ALL
  SELECT k.line_id, 1000, -k.amount, 'back' FROM clawback_item k WHERE k.payment_id = :payment_id)
SELECT e.step, e.amount AS part, e.how, {_LINE_COLUMNS}
  FROM every e
  {_LINE_JOINS}
 ORDER BY e.step, l.id
""")  # noqa: S608

LINE = text(f"""
WITH RECURSIVE chain AS (
  SELECT CAST(:id AS bigint) AS id, 0 AS step
  UNION ALL
  SELECT f.carried_into_id, c.step + 1
    FROM chain c JOIN settlement_line f ON f.id = c.id WHERE f.carried_into_id IS NOT NULL),
every AS (
  SELECT id, step, CASE WHEN step > 0 THEN 'carried' ELSE 'pays' END AS how FROM chain
  UNION ALL SELECT f.id, -1, 'pays' FROM settlement_line f WHERE f.carried_into_id = :id
  UNION SELECT w.line_id, -1, 'before' FROM settlement_withheld w WHERE w.into_line_id = :id
  UNION SELECT w.into_line_id, 1000, 'let_go' FROM settlement_withheld w
         WHERE w.line_id = :id AND w.into_line_id IS NOT NULL)
SELECT e.step, CAST(NULL AS bigint) AS part, e.how, {_LINE_COLUMNS}
  FROM (SELECT DISTINCT ON (id) * FROM every ORDER BY id, step, how DESC) e
  {_LINE_JOINS}
 ORDER BY e.step, l.id
""")  # noqa: S608

# By the exact key and by those that begin with it: bytes are compared, so that what follows ':' is a range.
JOURNALS = text("""
WITH keys AS (
  SELECT p.place, k.kind || ':' || p.place AS key
    FROM unnest(CAST(:places AS text[])) AS p (place) CROSS JOIN unnest(CAST(:kinds AS text[])) AS k (kind)),
found AS (
  SELECT k.place, j.id FROM keys k JOIN journal j ON j.event_key = k.key
   UNION
  SELECT k.place, j.id FROM keys k JOIN journal j ON j.event_key > k.key || ':' AND j.event_key < k.key || ';'
   UNION
  SELECT 'settlement_line:' || o.owner_id, o.journal_id FROM posting o
   WHERE o.account = 'transfer' AND o.owner_id = ANY (CAST(:lines AS bigint[])))
SELECT f.place, j.id, j.kind, j.at, j.event_key,
       (SELECT CAST(coalesce(sum(p.amount), 0) AS bigint) FROM posting p
         WHERE p.journal_id = j.id AND p.amount > 0) AS amount
  FROM found f JOIN journal j ON j.id = f.id ORDER BY j.id
""")

VOUCHERS = text("""
SELECT v.id, c.name AS title, v.state, v.granted_grant AS amount, CAST(NULL AS timestamptz) AS at,
       CAST(NULL AS bigint) AS line_id, CAST(NULL AS text) AS line
  FROM voucher v JOIN company c ON c.id = v.company_id
 WHERE v.agency_budget_id = :id AND (CAST(:before AS bigint) IS NULL OR v.id < :before)
 ORDER BY v.id DESC LIMIT :size
""")

PAYMENTS = text("""
SELECT p.id, o.name AS title, p.state, p.grant_part + p.share_part AS amount, p.pressed_at AS at,
       l.id AS line_id, b.number AS line
  FROM payment p
  JOIN deal d ON d.id = p.deal_id
  JOIN offering o ON o.id = d.offering_id
  LEFT JOIN settlement_item i ON i.payment_id = p.id
  LEFT JOIN settlement_line l ON l.id = i.line_id
  LEFT JOIN settlement_batch b ON b.id = l.batch_id
 WHERE p.voucher_id = :id AND (CAST(:before AS bigint) IS NULL OR p.id < :before)
 ORDER BY p.id DESC LIMIT :size
""")

# What a line pays and takes back, and for either the line at the other end of it.
ITEMS = text("""
SELECT p.id, c.name AS title, p.state, x.amount, p.paid_at AS at, x.tied AS line_id,
       x.why || ' ' || b.number AS line
  FROM (SELECT i.payment_id, i.amount, k.line_id AS tied, '환수' AS why
          FROM settlement_item i LEFT JOIN clawback_item k ON k.payment_id = i.payment_id
         WHERE i.line_id = :id
        UNION ALL
        SELECT payment_id, -amount, of_line_id, '지급' FROM clawback_item WHERE line_id = :id) x
  JOIN payment p ON p.id = x.payment_id
  JOIN company c ON c.id = p.company_id
  LEFT JOIN settlement_line l ON l.id = x.tied
  LEFT JOIN settlement_batch b ON b.id = l.batch_id
 WHERE CAST(:before AS bigint) IS NULL OR p.id < :before
 ORDER BY p.id DESC LIMIT :size
""")
