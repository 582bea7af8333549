"""The 정산내역서 of a batch in one statement: what they list stays in the database (R-DOC-1, R-SET-2)."""

from sqlalchemy import text

LINES_WITHOUT = text("""
SELECT l.id FROM settlement_line l
 WHERE l.batch_id = :batch_id AND l.net > l.withheld
   AND NOT EXISTS (SELECT 1 FROM slip s WHERE s.kind = 'settlement' AND s.line_id = l.id)
 ORDER BY l.id
""")

# The lines come in the order of their numbers. A payment goes by its approval number, as on its receipt: that
# is numbered by a job, which may come later. The supply value and the tax are worked out as
# shares.supply_and_tax does, a business number is written as write_business_number does.
ISSUE_LINES = text("""
WITH wanted AS (
  SELECT w.line_id, w.code, w.shown, w.bank, w.account, CAST(:first AS integer) + w.n - 1 AS number
    FROM unnest(CAST(:lines AS bigint[]), CAST(:codes AS text[]), CAST(:shown AS text[]),
                CAST(:banks AS text[]), CAST(:accounts AS text[]))
         WITH ORDINALITY AS w(line_id, code, shown, bank, account, n)),
entries AS (
  SELECT i.line_id, i.payment_id, i.amount, '' AS suffix,
         CASE WHEN w.id IS NULL THEN '' ELSE '지급 전 확인 중(이번 지급에서 제외)' END AS note
    FROM settlement_item i
    LEFT JOIN settlement_withheld w ON w.line_id = i.line_id AND w.payment_id = i.payment_id
   WHERE i.line_id = ANY(CAST(:lines AS bigint[]))
  UNION ALL
  SELECT w.line_id, w.payment_id, 0, '',
         '이월된 ' || to_char(w.amount, 'FM999,999,999,999,999') || '원은 지급 전 확인 중(이번 지급에서 제외)'
    FROM settlement_withheld w
   WHERE w.line_id = ANY(CAST(:lines AS bigint[])) AND w.from_transfer
     AND NOT EXISTS (SELECT 1 FROM settlement_item i
                      WHERE i.payment_id = w.payment_id AND i.line_id = w.line_id)
  UNION ALL
  SELECT k.line_id, k.payment_id, -k.amount, ' (결제취소 환수)', b.number || ' 정산에서 지급한 금액'
    FROM clawback_item k
    JOIN settlement_line l ON l.id = k.of_line_id JOIN settlement_batch b ON b.id = l.batch_id
   WHERE k.line_id = ANY(CAST(:lines AS bigint[]))),
listed AS (
  SELECT e.line_id,
         jsonb_agg(jsonb_build_object(
           'paid_on', to_char(p.paid_at AT TIME ZONE 'Asia/Seoul', 'YYYY.MM.DD.'),
           'approval_number', coalesce(p.approval_number, p.order_id),
           'invoice_number', coalesce(t.number, ''),
           'buyer', c.name, 'item', o.name || e.suffix, 'note', e.note,
           'amount', e.amount, 'supply', e.amount - v.tax, 'tax', v.tax)
           ORDER BY e.amount < 0, p.id) AS items
    FROM entries e
    JOIN payment p ON p.id = e.payment_id JOIN company c ON c.id = p.company_id
    JOIN deal d ON d.id = p.deal_id JOIN offering o ON o.id = d.offering_id
   CROSS JOIN LATERAL (
         SELECT sign(e.amount)::bigint * CASE WHEN p.tax_part > 0 THEN p.tax_part
                                              ELSE (p.grant_part + p.share_part + 5) / 11 END AS tax) v
    LEFT JOIN tax_invoice t ON t.payment_id = p.id AND t.state IN ('matched', 'accepted')
                           AND (t.modify_code IS NULL) = (e.amount > 0)
   GROUP BY e.line_id)
INSERT INTO slip (programme_id, kind, number, code, supplier_id, line_id, issued_at, edition, data)
SELECT :programme_id, 'settlement', w.number, w.code, l.supplier_id, l.id, :issued_at, :edition,
       jsonb_build_object(
         'stamp', CAST(:stamp AS jsonb) || jsonb_build_object(
           'number', y.year || '-' || CAST(:letter AS text) || '-'
                     || lpad(w.number::text, greatest(6, length(w.number::text)), '0'),
           'code', w.shown, 'url', CAST(:check AS text) || w.code),
         'supplier', jsonb_build_object(
           'business_number', substr(s.business_number, 1, 3) || '-' || substr(s.business_number, 4, 2)
                              || '-' || substr(s.business_number, 6),
           'name', s.name, 'representative', s.representative, 'address', s.address, 'phone', s.phone),
         'payer', CAST(:payer AS jsonb),
         'batch', CAST(:batch AS text), 'cutoff', CAST(:cutoff AS text),
         'approved_on', CAST(:approved_on AS text),
         'bank', w.bank, 'account', w.account, 'holder', l.account_holder,
         'items', coalesce(t.items, '[]'::jsonb),
         'gross', l.gross, 'carried', l.carried, 'fee', l.fee, 'clawback', l.clawback,
         'withheld', l.withheld, 'total', l.net - l.withheld)
  FROM wanted w
  JOIN settlement_line l ON l.id = w.line_id JOIN supplier s ON s.id = l.supplier_id
  JOIN programme y ON y.id = CAST(:programme_id AS bigint)
  LEFT JOIN listed t ON t.line_id = l.id
 ORDER BY w.number
RETURNING id
""")
