"""The statements that match a daily file with our payments (R-SET-3): by approval number, amount and day.

A day may differ by one, the amount never. Nearly all lines find their payment in the first statement, which
only adds. The temporary tables live for one transaction: `rest` holds the few lines that found none, with
those of earlier files that still wait; `about` the payments that they could be about; `near` the likeliest of
these.
"""

from __future__ import annotations

from sqlalchemy import text

_TOTAL = "p.grant_part + p.share_part + p.tax_part"


def _day(instant: str) -> str:
    return f"CAST({instant} AT TIME ZONE 'Asia/Seoul' AS date)"


def _ours(charged: str, cancelled: str) -> str:
    return f"""
SELECT p.id AS payment_id, false AS is_cancel, p.approval_number, {_TOTAL} AS amount, p.paid_at AS at
  FROM payment p
 WHERE p.state IN ('paid', 'cancelling', 'cancelled') AND (p.instrument_kind = 'zeropay') = :is_zeropay
   AND {charged}
UNION ALL
SELECT p.id, true, p.approval_number, {_TOTAL}, p.cancelled_at
  FROM payment p
 WHERE p.state = 'cancelled' AND (p.instrument_kind = 'zeropay') = :is_zeropay
   AND {cancelled}
"""  # noqa: S608


OURS = _ours(
    "p.paid_at >= :since AND p.paid_at < :until", "p.cancelled_at >= :since AND p.cancelled_at < :until"
)
"""Our side: charges and cancellations within some days, by the gateways' instants."""

_SAME = f"""
o.approval_number = l.approval_number AND o.amount = l.amount AND o.is_cancel = l.is_cancel
AND {_day("o.at")} BETWEEN l.day - 1 AND l.day + 1
"""
JOINED = f"FROM statement_line l JOIN ({OURS}) o ON {_SAME} WHERE l.file_id = :file_id"
"""The lines of a file with the payments that they could be."""

# Of lines alike the first, with the nearest payment: so no line and no payment comes twice, and nothing needs
# to be asked for each row that is added. A line without a payment stands here without one.
PAIR = text(f"""
CREATE TEMP TABLE pair ON COMMIT DROP AS
SELECT DISTINCT ON (l.id) l.id, l.is_cancel, o.payment_id
  FROM statement_line l
  LEFT JOIN (SELECT u.* FROM ({OURS}) u
              WHERE NOT EXISTS (SELECT 1 FROM statement_match m
                                 WHERE m.payment_id = u.payment_id AND m.is_cancel = u.is_cancel)) o
    ON {_SAME} AND l.copy = 0
 WHERE l.file_id = :file_id
 ORDER BY l.id, greatest(o.at - l.at, l.at - o.at)
""")  # noqa: S608
MATCH = text("""
INSERT INTO statement_match (line_id, payment_id, is_cancel)
SELECT n.id, n.payment_id, n.is_cancel FROM pair n WHERE n.payment_id IS NOT NULL
""")

DAYS = text("""
SELECT coalesce(min(day), :day) AS first, coalesce(max(day), :day) AS last
  FROM statement_line WHERE file_id = :file_id
""")

ROOM = text("SET LOCAL work_mem = '128MB'")
"""A large day is sorted and hashed in memory; one matching runs at a time."""
# What is open is little, and found by its keys. A plan made while the tables were small would go through all
# matches for each of them.
BY_KEYS, AS_PLANNED = (text(f"SET LOCAL enable_seqscan = {way}") for way in ("off", "on"))
FORGET = text("DROP TABLE IF EXISTS pg_temp.pair, pg_temp.rest, pg_temp.about, pg_temp.near")
REST = text("""
CREATE TEMP TABLE rest ON COMMIT DROP AS
SELECT l.id, false AS is_new, l.is_cancel, l.approval_number, l.order_id, l.amount, l.day
  FROM recon_item i JOIN statement_line l ON l.id = i.line_id
 WHERE i.state <> 'closed' AND i.system = :system
   AND NOT EXISTS (SELECT 1 FROM statement_match m WHERE m.line_id = l.id)
""")
REST_NEW = text("""
INSERT INTO rest
SELECT l.id, true, l.is_cancel, l.approval_number, l.order_id, l.amount, l.day
  FROM pair n JOIN statement_line l ON l.id = n.id
 WHERE n.payment_id IS NULL
""")
# With how many rows they hold: the payments are then read once, and not once for each row.
ANALYZE_REST = text("ANALYZE rest")
DROP_MATCHED = text("DELETE FROM rest r USING statement_match m WHERE m.line_id = r.id")

# An approval number comes again after some time: near in days, or the order says so.
ABOUT = text(f"""
CREATE TEMP TABLE about ON COMMIT DROP AS
SELECT r.id, r.is_cancel, r.amount AS theirs, r.day, p.id AS payment_id, p.state, {_TOTAL} AS ours,
       p.approval_number = r.approval_number AS same_approval,
       coalesce(p.order_id = r.order_id, false) AS same_order,
       abs({_day("p.paid_at")} - r.day) AS paid_off, abs({_day("p.cancelled_at")} - r.day) AS cancelled_off
  FROM rest r JOIN payment p ON p.approval_number = r.approval_number
 WHERE (p.instrument_kind = 'zeropay') = :is_zeropay
   AND ({_day("p.paid_at")} BETWEEN r.day - 1 AND r.day + 1
        OR r.is_cancel AND {_TOTAL} = r.amount AND {_day("p.paid_at")} <= r.day)
UNION ALL
SELECT r.id, r.is_cancel, r.amount, r.day, p.id, p.state, {_TOTAL},
       coalesce(p.approval_number = r.approval_number, false), true,
       abs({_day("p.paid_at")} - r.day), abs({_day("p.cancelled_at")} - r.day)
  FROM rest r
 CROSS JOIN LATERAL (SELECT * FROM payment w WHERE w.order_id = r.order_id AND w.state <> 'failed'
                     UNION ALL
                     SELECT * FROM payment w WHERE w.order_id = r.order_id AND w.state = 'failed') p
 WHERE (p.instrument_kind = 'zeropay') = :is_zeropay
""")  # noqa: S608
# The nearest day comes first; whoever comes second for a line or a payment stays: so a doubled line shows.
MATCH_REST = text("""
INSERT INTO statement_match (line_id, payment_id, is_cancel)
SELECT a.id, a.payment_id, a.is_cancel FROM about a
 WHERE a.same_approval AND a.ours = a.theirs
   AND CASE WHEN a.is_cancel THEN a.state = 'cancelled' AND a.cancelled_off <= 1
            ELSE a.state IN ('paid', 'cancelling', 'cancelled') AND a.paid_off <= 1 END
 ORDER BY CASE WHEN a.is_cancel THEN a.cancelled_off ELSE a.paid_off END, a.id
ON CONFLICT DO NOTHING
""")

NEAR = text("""
CREATE TEMP TABLE near ON COMMIT DROP AS
SELECT DISTINCT ON (a.id) a.id, a.payment_id, a.state, a.ours, a.same_approval,
       EXISTS (SELECT 1 FROM statement_match m
                WHERE m.payment_id = a.payment_id AND m.is_cancel = a.is_cancel) AS is_taken
  FROM about a
 ORDER BY a.id, a.state = 'failed', NOT a.same_order, a.ours <> a.theirs, a.paid_off, a.payment_id
""")

_BUCKET = """
CASE WHEN n.id IS NULL OR n.state IN ('pending', 'failed') THEN 'only_theirs'
     WHEN r.is_cancel AND n.state <> 'cancelled' THEN 'cancel_missing'
     WHEN n.is_taken THEN 'doubled'
     WHEN n.same_approval AND n.ours <> r.amount THEN 'amount'
     ELSE 'only_theirs' END
"""
# What was taken without us and given back again leaves nothing to clear: two lines account for each other.
# Not where the charge stands for a payment of ours whose amount differs.
OFFSET = text(f"""
WITH loose AS (
  SELECT r.*, row_number() OVER (PARTITION BY r.approval_number, r.amount, r.is_cancel
                                 ORDER BY r.day, r.id) AS place
    FROM rest r LEFT JOIN near n ON n.id = r.id
   WHERE {_BUCKET} <> 'amount'),
pairs AS (
  SELECT c.id AS charge_id, b.id AS back_id
    FROM loose c JOIN loose b ON b.approval_number = c.approval_number AND b.amount = c.amount
                             AND b.place = c.place AND b.day >= c.day
   WHERE NOT c.is_cancel AND b.is_cancel)
INSERT INTO statement_match (line_id, is_cancel, against_line_id)
SELECT charge_id, false, back_id FROM pairs
UNION ALL
SELECT back_id, true, charge_id FROM pairs
""")  # noqa: S608

_OPENED = """
RETURNING id AS entity_id, jsonb_build_object('state', jsonb_build_array(NULL, state),
                                             'bucket', jsonb_build_array(NULL, bucket)) AS change
"""
OPEN_THEIRS = f"""
INSERT INTO recon_item (system, bucket, state, line_id, payment_id, is_cancel, ours, theirs, day, opened_at,
                        opened_by_file_id)
SELECT :system, b.bucket, 'open', r.id, n.payment_id, r.is_cancel,
       CASE WHEN b.bucket = 'amount' THEN n.ours ELSE 0 END, r.amount, r.day, :now, :file_id
  FROM rest r LEFT JOIN near n ON n.id = r.id CROSS JOIN LATERAL (SELECT {_BUCKET} AS bucket) b
 WHERE r.is_new
 ORDER BY r.id
{_OPENED}
"""  # noqa: S608

# Days whose file and whose next day's file are both matched, with this one: it makes two of them so at most.
_MATCHED = "(f.state = 'matched' OR f.id = :file_id) AND (n.state = 'matched' OR n.id = :file_id)"
READY = text(f"""
SELECT f.day FROM statement_file f
  JOIN statement_file n ON n.system = f.system AND n.day = f.day + 1
 WHERE f.system = :system AND f.day IN (CAST(:day AS date) - 1, CAST(:day AS date)) AND {_MATCHED}
 ORDER BY f.day
""")  # noqa: S608
# Whose end nobody knows yet, before anything is looked at: whoever becomes known from now on stays in it.
WAIT = text("""
INSERT INTO statement_wait (payment_id)
SELECT p.id FROM payment p
 WHERE p.state IN ('pending', 'cancelling') AND (p.instrument_kind = 'zeropay') = :is_zeropay
ON CONFLICT DO NOTHING
""")
KNOWN = text("""
DELETE FROM statement_wait w USING payment p
 WHERE p.id = w.payment_id AND p.state NOT IN ('pending', 'cancelling')
   AND (p.instrument_kind = 'zeropay') = :is_zeropay
RETURNING p.id
""")


def _opening(ours: str, days: str = "true") -> str:
    """A cancellation that they do not have is its own kind; a charge under another amount has its line's."""
    return f"""
INSERT INTO recon_item (system, bucket, state, payment_id, is_cancel, ours, theirs, day, opened_at,
                        opened_by_file_id)
SELECT CAST(:system AS text), CASE WHEN o.is_cancel THEN 'cancel_missing' ELSE 'only_ours' END, 'open',
       o.payment_id, o.is_cancel, o.amount, 0, {_day("o.at")}, :now, :file_id
  FROM ({ours}) o
 WHERE NOT EXISTS (SELECT 1 FROM statement_match m
                    WHERE m.payment_id = o.payment_id AND m.is_cancel = o.is_cancel)
   AND NOT EXISTS (SELECT 1 FROM recon_item i
                    WHERE i.payment_id = o.payment_id AND i.is_cancel = o.is_cancel
                      AND (i.line_id IS NULL OR i.bucket = 'amount'))
   AND {days}
 ORDER BY o.payment_id, o.is_cancel
{_OPENED}
"""  # noqa: S608


# Nearly all of them this file's lines have just accounted for: those are told apart by what lies in memory.
_PAIRED = "SELECT 1 FROM pair n WHERE n.payment_id = o.payment_id AND n.is_cancel = o.is_cancel"
OPEN_OURS = _opening(f"SELECT o.* FROM ({OURS}) o WHERE NOT EXISTS ({_PAIRED}) OFFSET 0")  # noqa: S608
"""Of some days in a row."""
_ONE_OF = "p.id = ANY (CAST(:ids AS bigint[]))"
_GONE_THROUGH = f"""EXISTS (
  SELECT 1 FROM statement_file f JOIN statement_file n ON n.system = f.system AND n.day = f.day + 1
   WHERE f.system = CAST(:system AS text) AND f.day = {_day("o.at")} AND {_MATCHED})"""  # noqa: S608
OPEN_KNOWN = _opening(_ours(_ONE_OF, _ONE_OF), _GONE_THROUGH)
"""Of those that became known since, on whatever day that was gone through they lie."""

# Each side that a difference names is accounted for now.
EXPLAINED = text("""
SELECT i.id, i.state, i.opened_by_file_id FROM recon_item i
  LEFT JOIN statement_match l ON l.line_id = i.line_id
  LEFT JOIN statement_match p ON p.payment_id = i.payment_id AND p.is_cancel = i.is_cancel
 WHERE i.state <> 'closed' AND i.system = :system
   AND (i.line_id IS NULL OR l.line_id IS NOT NULL)
   AND (i.line_id IS NOT NULL AND i.bucket <> 'amount' OR p.line_id IS NOT NULL)
 ORDER BY i.id
""")
NOTE_SETTLED = text("""
INSERT INTO recon_act (item_id, action, note, by_id, by_name, at)
SELECT id, 'settle', :note, NULL, :by_name, :now FROM unnest(CAST(:ids AS bigint[])) AS id
""")
