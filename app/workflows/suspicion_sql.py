"""What looks wrong about payments, as sets (R-SET-4): each statement writes one kind of signal.

Looked at are payments whose money has not left for the bank. What was seen once is not seen again; a signal
that no case took up yet may still grow.
"""

from __future__ import annotations

from sqlalchemy import TextClause, text

from app.workflows.settlement_chain import chain

_FRESH = """
WITH fresh AS (
  SELECT p.id, p.company_id, p.supplier_id, p.voucher_id, p.deal_id, p.programme_id
    FROM payment p
   WHERE p.state = 'paid'
     AND NOT EXISTS (SELECT 1 FROM settlement_item i JOIN settlement_line l ON l.id = i.line_id
                       JOIN settlement_batch b ON b.id = l.batch_id
                      WHERE i.payment_id = p.id AND b.state IN ('exported', 'reconciled', 'closed')))
"""

_KEEP = """
INSERT INTO suspicion_signal (payment_id, kind, weight, evidence, at)
SELECT payment_id, :kind, weight, evidence, :at FROM found
ON CONFLICT (payment_id, kind) DO UPDATE SET weight = excluded.weight, evidence = excluded.evidence
 WHERE suspicion_signal.suspicion_id IS NULL AND suspicion_signal.weight < excluded.weight
RETURNING id
"""


def _signal(found: str) -> TextClause:
    """The statement that keeps what `found` yields: payment_id, weight, evidence."""
    return text(_FRESH + found + _KEEP)


SUPPLIERS = text(_FRESH + "SELECT DISTINCT supplier_id FROM fresh ORDER BY supplier_id")  # noqa: S608 - no input in it
"""Those whose payments are looked at: their phones are compared by blind index."""

# The two sides as they joined. Equal names of representatives may be namesakes: the least of them.
LOOKALIKE = _signal(""",
phones AS (
  SELECT DISTINCT supplier_id, phone_index
    FROM unnest(CAST(:phone_suppliers AS bigint[]), CAST(:phone_indexes AS bytea[]))
      AS x (supplier_id, phone_index)),
alike AS (
  SELECT f.id AS payment_id,
         c.business_number = s.business_number AS number,
         coalesce(c.representative_ci_index = s.representative_ci_index, false) AS person,
         x.supplier_id IS NOT NULL AS phone,
         lower(s.email) IN (lower(c.email), lower(c.contact_email)) AS email,
         replace(coalesce(s.account_holder, ''), ' ', '')
           IN (replace(c.name, ' ', ''), replace(c.representative, ' ', '')) AS holder,
         replace(c.representative, ' ', '') = replace(s.representative, ' ', '') AS representative
    FROM fresh f JOIN company c ON c.id = f.company_id JOIN supplier s ON s.id = f.supplier_id
    LEFT JOIN phones x ON x.supplier_id = s.id AND x.phone_index = c.phone_index),
found AS (
  SELECT payment_id,
         least(5, 3 * CAST(number AS int) + 3 * CAST(person AS int) + 3 * CAST(phone AS int)
                  + 2 * CAST(email AS int) + 2 * CAST(holder AS int) + CAST(representative AS int)) AS weight,
         jsonb_build_object('alike', array_remove(ARRAY[
           CASE WHEN number THEN 'number' END, CASE WHEN person THEN 'person' END,
           CASE WHEN phone THEN 'phone' END, CASE WHEN email THEN 'email' END,
           CASE WHEN holder THEN 'holder' END, CASE WHEN representative THEN 'representative' END], NULL))
           AS evidence
    FROM alike WHERE number OR person OR phone OR email OR holder OR representative)
""")

FAST = _signal(""",
spent AS (
  SELECT v.id, v.granted_grant + v.granted_share AS granted, t.issued_at,
         CAST(sum(p.grant_part + p.share_part) AS bigint) AS amount, count(*) AS payments,
         max(p.pressed_at) AS last
    FROM voucher v
    JOIN instrument t ON t.company_id = v.company_id
    JOIN payment p ON p.voucher_id = v.id AND p.state IN ('paid', 'cancelling')
                  AND p.pressed_at >= t.issued_at
                  AND p.pressed_at < t.issued_at + make_interval(mins => :minutes)
   WHERE v.id IN (SELECT voucher_id FROM fresh)
   GROUP BY v.id, t.issued_at
  HAVING sum(p.grant_part + p.share_part) * 100 >= (v.granted_grant + v.granted_share) * :percent
     AND v.granted_grant + v.granted_share > 0),
found AS (
  SELECT f.id AS payment_id, 3 AS weight,
         jsonb_build_object('amount', s.amount, 'granted', s.granted, 'payments', s.payments,
                            'minutes', CAST(ceil(extract(epoch FROM s.last - s.issued_at) / 60) AS int))
           AS evidence
    FROM fresh f JOIN spent s ON s.id = f.voucher_id JOIN payment p ON p.id = f.id
   WHERE p.pressed_at < s.issued_at + make_interval(mins => :minutes))
""")

# Where both sides sit, and where both came in from. Where many companies come from is an office or a carrier.
ADDRESS = _signal(""",
seen AS (
  SELECT DISTINCT a.company_id, a.supplier_id, r.ip
    FROM account a
    JOIN LATERAL (SELECT DISTINCT ip FROM audit_row r
                   WHERE r.actor_id = a.id AND r.ip IS NOT NULL AND r.recorded_at >= :since
                     AND r.ip NOT LIKE '127.%' AND r.ip <> '::1') r ON true
   WHERE a.company_id IN (SELECT company_id FROM fresh) OR a.supplier_id IN (SELECT supplier_id FROM fresh)),
common AS (SELECT ip FROM seen WHERE company_id IS NOT NULL GROUP BY ip HAVING count(*) > :most),
shared AS (
  SELECT c.company_id, s.supplier_id, min(c.ip) AS ip
    FROM seen c JOIN seen s ON s.ip = c.ip AND s.supplier_id IS NOT NULL
   WHERE c.company_id IS NOT NULL AND c.ip NOT IN (SELECT ip FROM common)
   GROUP BY c.company_id, s.supplier_id),
alike AS (
  SELECT f.id AS payment_id, h.ip,
         c.address_key <> ''
           AND c.address_key = lower(regexp_replace(s.address, '[^0-9A-Za-z가-힣]', '', 'g')) AS postal
    FROM fresh f JOIN company c ON c.id = f.company_id JOIN supplier s ON s.id = f.supplier_id
    LEFT JOIN shared h ON h.company_id = c.id AND h.supplier_id = s.id),
found AS (
  SELECT payment_id, CAST(postal AS int) + CAST(ip IS NOT NULL AS int) AS weight,
         jsonb_build_object('postal', postal, 'network', ip IS NOT NULL) AS evidence
    FROM alike WHERE postal OR ip IS NOT NULL)
""")

# Whoever stands behind the supplier buys from whoever stands behind the company.
ROUND_TRIP = _signal(""",
behind_supplier AS (
  SELECT s.id AS supplier_id, c.id AS company_id
    FROM supplier s JOIN company c ON c.business_number = s.business_number
   WHERE s.id IN (SELECT supplier_id FROM fresh)
   UNION
  SELECT s.id, c.id FROM supplier s JOIN company c ON c.representative_ci_index = s.representative_ci_index
   WHERE s.id IN (SELECT supplier_id FROM fresh)),
behind_company AS (
  SELECT c.id AS company_id, s.id AS supplier_id
    FROM company c JOIN supplier s ON s.business_number = c.business_number
   WHERE c.id IN (SELECT company_id FROM fresh)
   UNION
  SELECT c.id, s.id FROM company c JOIN supplier s ON s.representative_ci_index = c.representative_ci_index
   WHERE c.id IN (SELECT company_id FROM fresh)),
found AS (
  SELECT f.id AS payment_id, 4 AS weight,
         jsonb_build_object('back', jsonb_agg(b.id ORDER BY b.id), 'amount',
           CAST(sum(b.grant_part + b.share_part + b.tax_part) AS bigint)) AS evidence
    FROM fresh f
    JOIN behind_supplier x ON x.supplier_id = f.supplier_id
    JOIN behind_company y ON y.company_id = f.company_id
    JOIN payment b ON b.company_id = x.company_id AND b.supplier_id = y.supplier_id
                  AND b.state IN ('paid', 'cancelling') AND b.id <> f.id
   GROUP BY f.id)
""")

# Who is named together with the other weighs most; a supplier alone has many customers.
REPORTED = _signal(""",
found AS (
  SELECT f.id AS payment_id,
         max(CASE WHEN r.company_id IS NOT NULL AND r.supplier_id IS NOT NULL THEN 3
                  WHEN r.company_id IS NOT NULL THEN 2 ELSE 1 END) AS weight,
         jsonb_build_object('reports', jsonb_agg(r.id ORDER BY r.id)) AS evidence
    FROM fresh f
    JOIN abuse_report r ON (r.company_id IS NOT NULL OR r.supplier_id IS NOT NULL)
                       AND (r.company_id IS NULL OR r.company_id = f.company_id)
                       AND (r.supplier_id IS NULL OR r.supplier_id = f.supplier_id)
                       AND r.state <> 'closed'
   GROUP BY f.id)
""")

# Of each pair, the signals that no case has taken up; an address alone makes none, whatever it weighs.
LOOSE = text("""
WITH loose AS (
  SELECT s.id, s.kind, s.weight, p.programme_id, p.company_id, p.supplier_id
    FROM suspicion_signal s JOIN payment p ON p.id = s.payment_id
   WHERE s.suspicion_id IS NULL AND p.state IN ('paid', 'cancelling')),
kinds AS (
  SELECT programme_id, company_id, supplier_id, kind, max(weight) AS weight, array_agg(id) AS ids
    FROM loose GROUP BY programme_id, company_id, supplier_id, kind),
pairs AS (
  SELECT programme_id, company_id, supplier_id, CAST(sum(weight) AS int) AS score,
         bool_or(kind <> 'address') AS more
    FROM kinds GROUP BY programme_id, company_id, supplier_id)
SELECT q.programme_id, q.company_id, q.supplier_id, q.score, o.id AS open_id,
       ARRAY(SELECT l.id FROM loose l
              WHERE l.company_id = q.company_id AND l.supplier_id = q.supplier_id ORDER BY l.id) AS signals
  FROM pairs q
  LEFT JOIN suspicion o ON o.company_id = q.company_id AND o.supplier_id = q.supplier_id AND o.state = 'open'
 WHERE o.id IS NOT NULL OR q.more AND q.score >= :opens
 ORDER BY q.company_id, q.supplier_id
""")

SCORE = text("""
UPDATE suspicion c
   SET score = (SELECT CAST(sum(weight) AS int) FROM (
                  SELECT max(weight) AS weight FROM suspicion_signal WHERE suspicion_id = c.id
                   GROUP BY kind) kinds)
 WHERE c.id = :id
""")

TAKE_UP = text("UPDATE suspicion_signal SET suspicion_id = :id WHERE id = ANY(:signals)")

# Never held for this case before: what two people let go stays free.
TO_HOLD = text(f"""
SELECT DISTINCT p.id, c.id AS suspicion_id
  FROM suspicion c
  JOIN suspicion_signal s ON s.suspicion_id = c.id
  JOIN payment p ON p.id = s.payment_id AND p.state IN ('paid', 'cancelling')
 WHERE c.state = 'open'
   AND NOT EXISTS (SELECT 1 FROM settlement_hold h
                    WHERE h.payment_id = p.id AND h.source = 'suspicion'
                      AND (h.released_at IS NULL OR h.placed_at >= c.opened_at))
   AND NOT EXISTS ({chain("p.id")}
                   SELECT 1 FROM chain c JOIN settlement_line l ON l.id = c.id
                    WHERE c.next IS NULL AND c.withheld_id IS NULL AND l.state = 'paid')
 ORDER BY p.id
""")  # noqa: S608 - no input in it
