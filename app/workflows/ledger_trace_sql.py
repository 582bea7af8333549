"""The queries of a trace (R-MONEY-3): each reads one hop of the money, whatever lies beside it."""

from __future__ import annotations

from sqlalchemy import text

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

# The line that pays it with those that took it over, and the line that takes it back.
LINES_OF_PAYMENT = text("""
WITH RECURSIVE chain AS (
  SELECT i.line_id AS id, 0 AS step, i.amount, false AS back FROM settlement_item i
   WHERE i.payment_id = :payment_id
  UNION ALL
  SELECT f.carried_into_id, c.step + 1, c.amount, false
    FROM chain c JOIN settlement_line f ON f.id = c.id WHERE f.carried_into_id IS NOT NULL),
every AS (
  SELECT * FROM chain
  UNION ALL
  SELECT k.line_id, 1000, -k.amount, true FROM clawback_item k WHERE k.payment_id = :payment_id)
SELECT e.step, e.amount AS part, e.back, l.id, l.state, l.gross, l.carried, l.fee, l.clawback, l.net,
       l.paid_at, l.result_text, l.batch_id, b.number, b.state AS batch_state, s.name
  FROM every e
  JOIN settlement_line l ON l.id = e.id
  JOIN settlement_batch b ON b.id = l.batch_id
  JOIN supplier s ON s.id = l.supplier_id
 ORDER BY e.step, l.id
""")

LINE = text("""
WITH RECURSIVE chain AS (
  SELECT CAST(:id AS bigint) AS id, 0 AS step
  UNION ALL
  SELECT f.carried_into_id, c.step + 1
    FROM chain c JOIN settlement_line f ON f.id = c.id WHERE f.carried_into_id IS NOT NULL),
before AS (SELECT f.id, -1 AS step FROM settlement_line f WHERE f.carried_into_id = :id)
SELECT e.step, CAST(NULL AS bigint) AS part, false AS back, l.id, l.state, l.gross, l.carried, l.fee,
       l.clawback, l.net, l.paid_at, l.result_text, l.batch_id, b.number, b.state AS batch_state, s.name
  FROM (SELECT * FROM before UNION ALL SELECT * FROM chain) e
  JOIN settlement_line l ON l.id = e.id
  JOIN settlement_batch b ON b.id = l.batch_id
  JOIN supplier s ON s.id = l.supplier_id
 ORDER BY e.step, l.id
""")

JOURNALS = text("""
SELECT j.id, j.kind, j.at, j.event_key,
       (SELECT CAST(coalesce(sum(p.amount), 0) AS bigint) FROM posting p
         WHERE p.journal_id = j.id AND p.amount > 0) AS amount
  FROM journal j WHERE j.event_key = ANY(:keys) ORDER BY j.id
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

ITEMS = text("""
SELECT p.id, c.name AS title, p.state, x.amount, p.paid_at AS at, CAST(NULL AS bigint) AS line_id,
       CAST(NULL AS text) AS line
  FROM (SELECT payment_id, amount FROM settlement_item WHERE line_id = :id
        UNION ALL SELECT payment_id, -amount FROM clawback_item WHERE line_id = :id) x
  JOIN payment p ON p.id = x.payment_id
  JOIN company c ON c.id = p.company_id
 WHERE CAST(:before AS bigint) IS NULL OR p.id < :before
 ORDER BY p.id DESC LIMIT :size
""")
