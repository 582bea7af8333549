"""What looks wrong about payments, as sets (R-SET-4): each statement writes one kind of signal.

Looked at are payments whose money has not left for the bank: `suspect`, a temporary table of one look, so
that the long history behind them is gone through once. What was seen once is not seen again; a signal that no
case took up yet may still grow.
"""

from __future__ import annotations

from sqlalchemy import TextClause, text

from app.workflows.settlement_chain import chain

FORGET = text("DROP TABLE IF EXISTS pg_temp.suspect")
SUSPECT = text("""
CREATE TEMP TABLE suspect ON COMMIT DROP AS
SELECT p.id, p.company_id, p.supplier_id, p.voucher_id, p.pressed_at
  FROM payment p
 WHERE p.state = 'paid'
   AND NOT EXISTS (SELECT 1 FROM settlement_item i JOIN settlement_line l ON l.id = i.line_id
                     JOIN settlement_batch b ON b.id = l.batch_id
                    WHERE i.payment_id = p.id AND b.state IN ('exported', 'reconciled', 'closed'))
UNION
SELECT p.id, p.company_id, p.supplier_id, p.voucher_id, p.pressed_at
  FROM settlement_withheld w JOIN payment p ON p.id = w.payment_id AND p.state = 'paid'
 WHERE w.into_line_id IS NULL AND w.amount > 0
""")
ANALYZE = text("ANALYZE suspect")
ROOM = text("SET LOCAL work_mem = '64MB'")
"""Their keys are sorted and hashed in memory; one look runs at a time."""

# What is known already is left out before it is written: a conflict costs as much as a row.
_KEEP = """
INSERT INTO suspicion_signal (payment_id, kind, weight, evidence, at)
SELECT n.payment_id, CAST(:kind AS text), n.weight, n.evidence, :at FROM found n
 WHERE NOT EXISTS (SELECT 1 FROM suspicion_signal s
                    WHERE s.payment_id = n.payment_id AND s.kind = CAST(:kind AS text)
                      AND (s.suspicion_id IS NOT NULL OR s.weight >= n.weight))
ON CONFLICT (payment_id, kind) DO UPDATE SET weight = excluded.weight, evidence = excluded.evidence
 WHERE suspicion_signal.suspicion_id IS NULL AND suspicion_signal.weight < excluded.weight
RETURNING id
"""


def _signal(found: str) -> TextClause:
    """The statement that keeps what `found` yields: payment_id, weight, evidence."""
    return text(f"WITH {found}{_KEEP}")


SUPPLIERS = text("SELECT DISTINCT supplier_id FROM suspect ORDER BY supplier_id")
"""Those whose payments are looked at: their phones are compared by blind index."""

# The two sides as they joined, each made ready once; what is empty on both is nothing in common. Equal names
# of representatives may be namesakes: the least of them.
LOOKALIKE = _signal("""
phones AS MATERIALIZED (
  SELECT DISTINCT supplier_id, phone_index
    FROM unnest(CAST(:phone_suppliers AS bigint[]), CAST(:phone_indexes AS bytea[]))
      AS x (supplier_id, phone_index)),
buyer AS MATERIALIZED (
  SELECT id, business_number, representative_ci_index, phone_index, lower(email) AS email,
         lower(contact_email) AS contact_email, replace(name, ' ', '') AS name,
         replace(representative, ' ', '') AS representative
    FROM company WHERE id IN (SELECT company_id FROM suspect)),
seller AS MATERIALIZED (
  SELECT id, business_number, representative_ci_index, lower(email) AS email,
         replace(coalesce(account_holder, ''), ' ', '') AS holder,
         replace(representative, ' ', '') AS representative
    FROM supplier WHERE id IN (SELECT supplier_id FROM suspect)),
alike AS (
  SELECT f.id AS payment_id,
         c.business_number = s.business_number AS number,
         coalesce(c.representative_ci_index = s.representative_ci_index, false) AS person,
         x.supplier_id IS NOT NULL AS phone,
         coalesce(s.email <> '' AND s.email IN (c.email, c.contact_email), false) AS email,
         s.holder <> '' AND s.holder IN (c.name, c.representative) AS holder,
         s.representative <> '' AND s.representative = c.representative AS representative
    FROM suspect f JOIN buyer c ON c.id = f.company_id JOIN seller s ON s.id = f.supplier_id
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

# Only a voucher that paid so soon is added up.
FAST = _signal("""
soon AS (
  SELECT f.id AS payment_id, f.voucher_id, t.issued_at
    FROM suspect f JOIN instrument t ON t.company_id = f.company_id
   WHERE f.pressed_at >= t.issued_at AND f.pressed_at < t.issued_at + make_interval(mins => :minutes)),
spent AS (
  SELECT v.id, v.granted_grant + v.granted_share AS granted, q.issued_at,
         CAST(sum(p.grant_part + p.share_part) AS bigint) AS amount, count(*) AS payments,
         max(p.pressed_at) AS last
    FROM (SELECT DISTINCT voucher_id, issued_at FROM soon) q
    JOIN voucher v ON v.id = q.voucher_id
    JOIN payment p ON p.voucher_id = v.id AND p.state IN ('paid', 'cancelling')
                  AND p.pressed_at >= q.issued_at
                  AND p.pressed_at < q.issued_at + make_interval(mins => :minutes)
   GROUP BY v.id, q.issued_at
  HAVING sum(p.grant_part + p.share_part) * 100 >= (v.granted_grant + v.granted_share) * :percent
     AND v.granted_grant + v.granted_share > 0),
found AS (
  SELECT q.payment_id, 3 AS weight,
         jsonb_build_object('amount', s.amount, 'granted', s.granted, 'payments', s.payments,
                            'minutes', CAST(ceil(extract(epoch FROM s.last - s.issued_at) / 60) AS int))
           AS evidence
    FROM soon q JOIN spent s ON s.id = q.voucher_id)
""")

FIRST_ROW = text("""
WITH RECURSIVE search AS (
  SELECT CAST(0 AS bigint) AS low, coalesce(max(id), 0) + 1 AS high FROM audit_row
  UNION ALL
  SELECT CASE WHEN r.is_before THEN r.id + 1 ELSE s.low END, CASE WHEN r.is_before THEN s.high ELSE m.id END
    FROM search s
   CROSS JOIN LATERAL (SELECT (s.low + s.high) / 2 AS id) m
   CROSS JOIN LATERAL (SELECT a.id, a.recorded_at < :since AS is_before FROM audit_row a
                        WHERE a.id >= m.id ORDER BY a.id LIMIT 1) r
   WHERE s.low < s.high)
SELECT max(low) FROM search
""")
"""Where the rows of the trail begin that were recorded since: they come in order, and are halved."""

# Where both sides sit, and where both came in from. Where many companies come from is an office or a carrier.
ADDRESS = _signal("""
seen AS (
  SELECT DISTINCT a.company_id, a.supplier_id, r.ip
    FROM account a
    JOIN LATERAL (SELECT DISTINCT ip FROM audit_row r
                   WHERE r.actor_id = a.id AND r.id >= :first_row AND r.ip IS NOT NULL
                     AND r.recorded_at >= :since AND r.ip NOT LIKE '127.%' AND r.ip <> '::1') r ON true
   WHERE a.company_id IN (SELECT company_id FROM suspect)
      OR a.supplier_id IN (SELECT supplier_id FROM suspect)),
common AS (SELECT ip FROM seen WHERE company_id IS NOT NULL GROUP BY ip HAVING count(*) > :most),
shared AS (
  SELECT c.company_id, s.supplier_id, min(c.ip) AS ip
    FROM seen c JOIN seen s ON s.ip = c.ip AND s.supplier_id IS NOT NULL
   WHERE c.company_id IS NOT NULL AND c.ip NOT IN (SELECT ip FROM common)
   GROUP BY c.company_id, s.supplier_id),
seller AS MATERIALIZED (
  SELECT id, lower(regexp_replace(address, '[^0-9A-Za-z가-힣]', '', 'g')) AS address_key
    FROM supplier WHERE id IN (SELECT supplier_id FROM suspect)),
neighbours AS (
  SELECT c.id AS company_id, s.id AS supplier_id
    FROM seller s JOIN company c ON c.address_key = s.address_key AND c.address_key <> ''),
alike AS (
  SELECT f.id AS payment_id, h.ip, n.company_id IS NOT NULL AS postal
    FROM suspect f
    LEFT JOIN neighbours n ON n.company_id = f.company_id AND n.supplier_id = f.supplier_id
    LEFT JOIN shared h ON h.company_id = f.company_id AND h.supplier_id = f.supplier_id),
found AS (
  SELECT payment_id, CAST(postal AS int) + CAST(ip IS NOT NULL AS int) AS weight,
         jsonb_build_object('postal', postal, 'network', ip IS NOT NULL) AS evidence
    FROM alike WHERE postal OR ip IS NOT NULL)
""")

# Whoever stands behind the supplier buys from whoever stands behind the company.
ROUND_TRIP = _signal("""
both_sides AS MATERIALIZED (
  SELECT s.id AS supplier_id, c.id AS company_id
    FROM supplier s JOIN company c ON c.business_number = s.business_number
   UNION
  SELECT s.id, c.id FROM supplier s JOIN company c ON c.representative_ci_index = s.representative_ci_index),
found AS (
  SELECT f.id AS payment_id, 4 AS weight,
         jsonb_build_object('back', jsonb_agg(b.id ORDER BY b.id), 'amount',
           CAST(sum(b.grant_part + b.share_part + b.tax_part) AS bigint)) AS evidence
    FROM suspect f
    JOIN both_sides x ON x.supplier_id = f.supplier_id
    JOIN both_sides y ON y.company_id = f.company_id
    JOIN payment b ON b.company_id = x.company_id AND b.supplier_id = y.supplier_id
                  AND b.state IN ('paid', 'cancelling') AND b.id <> f.id
   GROUP BY f.id)
""")

# Who is named together with the other weighs most; a supplier alone has many customers.
REPORTED = _signal("""
report AS MATERIALIZED (
  SELECT id, company_id, supplier_id FROM abuse_report
   WHERE state <> 'closed' AND (company_id IS NOT NULL OR supplier_id IS NOT NULL)),
named AS (
  SELECT f.id AS payment_id, r.id, 3 AS weight
    FROM report r JOIN suspect f ON f.company_id = r.company_id AND f.supplier_id = r.supplier_id
  UNION ALL
  SELECT f.id, r.id, 2 FROM report r JOIN suspect f ON f.company_id = r.company_id
   WHERE r.supplier_id IS NULL
  UNION ALL
  SELECT f.id, r.id, 1 FROM report r JOIN suspect f ON f.supplier_id = r.supplier_id
   WHERE r.company_id IS NULL),
found AS (
  SELECT payment_id, max(weight) AS weight,
         jsonb_build_object('reports', jsonb_agg(id ORDER BY id)) AS evidence
    FROM named GROUP BY payment_id)
""")

# Of each pair of which this look saw more, the signals that no case has taken up; of the others nothing is
# new. An address alone makes none, whatever it weighs.
LOOSE = text("""
WITH grown AS (
  SELECT DISTINCT p.company_id, p.supplier_id
    FROM suspicion_signal s JOIN payment p ON p.id = s.payment_id
   WHERE s.id = ANY(CAST(:seen AS bigint[])) AND s.suspicion_id IS NULL),
loose AS MATERIALIZED (
  SELECT s.id, s.kind, s.weight, p.programme_id, p.company_id, p.supplier_id
    FROM grown g
    JOIN payment p ON p.company_id = g.company_id AND p.supplier_id = g.supplier_id
                  AND p.state IN ('paid', 'cancelling')
    JOIN suspicion_signal s ON s.payment_id = p.id AND s.suspicion_id IS NULL),
kinds AS (
  SELECT programme_id, company_id, supplier_id, kind, max(weight) AS weight
    FROM loose GROUP BY programme_id, company_id, supplier_id, kind),
pairs AS (
  SELECT programme_id, company_id, supplier_id, CAST(sum(weight) AS int) AS score,
         bool_or(kind <> 'address') AS more
    FROM kinds GROUP BY programme_id, company_id, supplier_id),
ids AS (
  SELECT company_id, supplier_id, array_agg(id ORDER BY id) AS signals
    FROM loose GROUP BY company_id, supplier_id)
SELECT q.programme_id, q.company_id, q.supplier_id, q.score, o.id AS open_id, i.signals
  FROM pairs q
  JOIN ids i USING (company_id, supplier_id)
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
                    WHERE c.next IS NULL AND c.withheld_id IS NULL
                      AND (l.state = 'paid' OR l.net = l.withheld + l.stayed))
 ORDER BY p.id
""")  # noqa: S608 - no input in it
