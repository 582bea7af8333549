"""Which paid deals are not used, set-based (R-SET-1a). Days and months are Korean ones."""

from __future__ import annotations

from sqlalchemy import text

# From when a deal could be used: what was paid before its period begins waits for it.
_BEGIN = "greatest(CAST(p.paid_at AT TIME ZONE 'Asia/Seoul' AS date), d.period_from)"
_RUNNING = f"""
  FROM deal d
  JOIN payment p ON p.deal_id = d.id AND p.state = 'paid'
 CROSS JOIN LATERAL (SELECT {_BEGIN} AS day) b
"""
_UNUSED = """NOT EXISTS (SELECT 1 FROM usage_report u WHERE u.deal_id = d.id AND u.logins > 0)
   AND NOT EXISTS (SELECT 1 FROM evaluation e WHERE e.deal_id = d.id)"""
_COLUMNS = """(deal_id, payment_id, programme_id, company_id, supplier_id, kind, since, lasted, warned_at,
               act, grace_days, act_at)"""


def _not_warned(kind: str) -> str:
    return f"""NOT EXISTS (SELECT 1 FROM usage_warning w
                    WHERE w.deal_id = d.id AND w.kind = '{kind}' AND w.ended_at IS NULL)"""  # noqa: S608


# Once its period is over, nobody can begin to use it: what was never used then is no matter of a warning.
WARN_DAYS = text(f"""
INSERT INTO usage_warning {_COLUMNS}
SELECT d.id, p.id, d.programme_id, d.company_id, d.supplier_id, 'idle_days', b.day, :lasted, :at,
       :act, :grace, :act_at
{_RUNNING}
 WHERE d.programme_id = :programme_id AND d.state = 'paid'
   AND b.day + CAST(:lasted AS integer) < CAST(:today AS date)
   AND (d.period_to IS NULL OR d.period_to >= CAST(:today AS date))
   AND {_UNUSED} AND {_not_warned("idle_days")}
 ORDER BY d.id LIMIT :size
ON CONFLICT DO NOTHING RETURNING id
""")

# Whole months of use that have ended, reported as zero, one after the other, and no use since. A month that
# nobody reported breaks the row: nothing is known of it.
WARN_MONTHS = text(f"""
WITH idle AS (
  SELECT d.id, u.month,
         CAST(u.month - make_interval(months => CAST(row_number() OVER own AS integer)) AS date) AS island
  {_RUNNING}
    JOIN usage_report u ON u.deal_id = d.id AND u.logins = 0 AND u.month >= b.day
                       AND u.month < date_trunc('month', CAST(:today AS timestamp))
   WHERE d.programme_id = :programme_id AND d.state = 'paid'
     AND (d.period_to IS NULL OR d.period_to >= CAST(:today AS date))
     AND NOT EXISTS (SELECT 1 FROM usage_report l
                      WHERE l.deal_id = d.id AND l.month > u.month AND l.logins > 0)
     AND NOT EXISTS (SELECT 1 FROM evaluation e WHERE e.deal_id = d.id
                        AND e.at >= CAST(u.month AS timestamp) AT TIME ZONE 'Asia/Seoul')
     AND {_not_warned("idle_months")}
  WINDOW own AS (PARTITION BY d.id ORDER BY u.month)),
runs AS (
  SELECT DISTINCT ON (id) id, min(month) AS since, count(*) AS months
    FROM idle GROUP BY id, island HAVING count(*) >= CAST(:lasted AS integer)
   ORDER BY id, max(month) DESC)
INSERT INTO usage_warning {_COLUMNS}
SELECT d.id, p.id, d.programme_id, d.company_id, d.supplier_id, 'idle_months', r.since, r.months, :at,
       :act, :grace, :act_at
  FROM runs r JOIN deal d ON d.id = r.id JOIN payment p ON p.deal_id = d.id AND p.state = 'paid'
 ORDER BY d.id LIMIT :size
ON CONFLICT DO NOTHING RETURNING id
""")  # noqa: S608

DUE = text("""
SELECT id FROM usage_warning
 WHERE ended_at IS NULL AND acted_at IS NULL AND gave_up_at IS NULL AND act_at <= :at ORDER BY act_at, id
""")

# Asked to be cancelled, nobody is at it any more, and it is paid as it was: refused after its outcome had not
# been known for a while, or the outbox gave up.
IN_VAIN = text("""
SELECT w.id, w.failures FROM usage_warning w JOIN payment p ON p.id = w.payment_id AND p.state = 'paid'
 WHERE w.ended_at IS NULL AND w.acted_at IS NOT NULL AND w.act = 'cancel'
   AND NOT EXISTS (SELECT 1 FROM outbox_message o
                    WHERE o.key = 'cancel_idle:' || w.id || ':' || w.failures
                      AND o.done_at IS NULL AND o.gave_up_at IS NULL)
 ORDER BY w.id
""")

_MONTHS = """generate_series(date_trunc('month', CAST(:since AS timestamp)),
         date_trunc('month', CAST(:since AS timestamp) + make_interval(days => CAST(:lasted AS integer) - 1)),
         interval '1 month') AS m (month)"""
_ENDED = "m.month + interval '1 month' <= CAST(:today AS timestamp)"
_REPORTED = """SELECT 1 FROM usage_report u
              WHERE u.deal_id = :deal_id AND u.month = CAST(m.month AS date)"""

PROVEN = text(f"""
SELECT NOT EXISTS (SELECT 1 FROM {_MONTHS}
                    WHERE NOT ({_ENDED}) OR NOT EXISTS ({_REPORTED} AND u.logins = 0))
""")  # noqa: S608
LACKS_REPORT = text(f"""
SELECT EXISTS (SELECT 1 FROM {_MONTHS} WHERE {_ENDED} AND NOT EXISTS ({_REPORTED}))
""")  # noqa: S608

# When the days without use are full, of deals that nobody was warned of; and when days of grace end.
NEXT = text(f"""
SELECT least(
  (SELECT min(CAST(b.day + g.usage_idle_days + 1 AS timestamp) AT TIME ZONE 'Asia/Seoul')
   {_RUNNING}
     JOIN programme g ON g.id = d.programme_id
    WHERE d.state = 'paid' AND {_UNUSED} AND {_not_warned("idle_days")}
      AND (d.period_to IS NULL OR d.period_to > b.day + g.usage_idle_days)
      AND CAST(b.day + g.usage_idle_days + 1 AS timestamp) AT TIME ZONE 'Asia/Seoul' > :after),
  (SELECT min(act_at) FROM usage_warning
    WHERE ended_at IS NULL AND acted_at IS NULL AND gave_up_at IS NULL AND act_at > :after))
""")  # noqa: S608
