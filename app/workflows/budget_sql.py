"""예산확정 of thousands as sets (R-SCR-4): who comes when, whom the money reaches, and what is written of it.

Nothing but ids and sums leaves the database. The statements run in the caller's transaction, which holds the
locks of the applications and of the budgets.
"""

from __future__ import annotations

from sqlalchemy import text

from app.workflows import ledger, record

# After the aliases a (application), p (programme) and o (its open offer): who accepted an offer comes first,
# who was made one next, the rest by score or as they arrived (R-JOIN-7a).
ORDER = """coalesce(o.state = 'accepted', false) DESC, o.id IS NOT NULL DESC,
       CASE WHEN p.selection_order = 'score' THEN a.score END DESC NULLS LAST,
       coalesce(a.submitted_at, a.created_at), a.id"""
OPEN_OFFER = "o.application_id = a.id AND o.state IN ('offered', 'accepted')"

LOCK = text("""
WITH locked AS (
  SELECT id, programme_id, agency_id, coalesce(screened_by_id = CAST(:actor_id AS bigint), false) AS own
    FROM application WHERE id = ANY(:ids) AND state = 'screened' ORDER BY id FOR NO KEY UPDATE),
offers AS (
  SELECT o.id FROM budget_offer o
   WHERE o.application_id IN (SELECT id FROM locked) AND o.state IN ('offered', 'accepted')
   ORDER BY o.id FOR NO KEY UPDATE)
SELECT programme_id, array_agg(DISTINCT agency_id) AS agencies,
       coalesce(array_agg(id ORDER BY id) FILTER (WHERE own), '{}') AS own,
       coalesce(array_agg(id ORDER BY id) FILTER (WHERE NOT own), '{}') AS others,
       (SELECT count(*) FROM offers) AS offers
  FROM locked GROUP BY programme_id ORDER BY programme_id
""")

RESERVED = text("""
SELECT agency_budget_id, CAST(sum(amount) AS bigint) AS amount FROM budget_offer
 WHERE agency_budget_id = ANY(:budgets) AND state IN ('offered', 'accepted')
   AND application_id <> ALL(:ids)
 GROUP BY agency_budget_id
""")

# Every voucher of a programme is worth the same: the nth of an agency fits where n of them do.
CHOOSE = text(f"""
WITH placed AS (
  SELECT a.id, a.agency_id, row_number() OVER (ORDER BY {ORDER}) AS place
    FROM application a
    JOIN programme p ON p.id = a.programme_id
    LEFT JOIN budget_offer o ON {OPEN_OFFER}
   WHERE a.id = ANY(:ids)),
judged AS (
  SELECT l.id, l.place, coalesce(
           CAST(:grant AS bigint) * row_number() OVER (PARTITION BY l.agency_id ORDER BY l.place) <= f.free,
           false) AS fits
    FROM placed l
    LEFT JOIN unnest(CAST(:agencies AS bigint[]), CAST(:free AS bigint[])) AS f (agency_id, free)
      ON f.agency_id = l.agency_id)
SELECT coalesce(array_agg(id ORDER BY place) FILTER (WHERE fits), '{{}}') AS chosen,
       coalesce(array_agg(id ORDER BY place) FILTER (WHERE NOT fits), '{{}}') AS rest
  FROM judged
""")  # noqa: S608 - no input in it

RECORD_APPROVAL = record.appending(
    """SELECT id AS entity_id, company_id,
              CAST(:change AS jsonb) || CASE WHEN reason IS NULL THEN '{}'
                ELSE jsonb_build_object('reason', jsonb_build_array(reason, NULL)) END AS change
         FROM application WHERE id = ANY(:ids)""",
    telling=True,
)
APPROVE = text("""
UPDATE application SET state = :state, approved_by_id = :actor_id, approved_at = :at, reason = NULL
 WHERE id = ANY(:ids)
""")

# Locked again: one that was made while LOCK waited for its application is not in that statement's snapshot,
# and may be answered or lapse at this moment. Whoever holds an offer alone waits for no budget.
OFFERED = text("""
SELECT id FROM budget_offer WHERE application_id = ANY(:ids) AND state IN ('offered', 'accepted')
 ORDER BY id FOR NO KEY UPDATE
""")
RECORD_USE = record.appending(
    """SELECT id AS entity_id, jsonb_build_object('state', jsonb_build_array(state, 'used')) AS change
         FROM budget_offer WHERE id = ANY(:ids)"""
)
USE = text("UPDATE budget_offer SET state = 'used' WHERE id = ANY(:ids)")
GRANT = text("""
INSERT INTO voucher (programme_id, company_id, agency_id, agency_budget_id, application_id, state,
                     granted_grant, granted_share, selected_on, first_payment_by, full_use_by, due_at)
SELECT a.programme_id, a.company_id, a.agency_id, b.id, a.id, 'usable', :grant, :share, :day, :first, :full,
       :first
  FROM application a
  JOIN agency_budget b ON b.programme_id = a.programme_id AND b.agency_id = a.agency_id
 WHERE a.id = ANY(:ids) ORDER BY a.id
""")
RECORD_GRANT = record.appending(
    "SELECT id AS entity_id, CAST(:change AS jsonb) AS change FROM voucher WHERE application_id = ANY(:ids)"
)
# The government's part leaves its agency's budget, the company's own is pledged (R-MONEY-2).
PAY_OUT = ledger.entering(
    """SELECT concat('approval:voucher:', v.id) AS event_key, l.n, l.account, l.owner_id, l.amount
         FROM voucher v
        CROSS JOIN LATERAL (VALUES (1, 'agency_budget', v.agency_budget_id, -v.granted_grant),
                                   (2, 'voucher_grant', v.id, v.granted_grant),
                                   (3, 'pledge', v.company_id, -v.granted_share),
                                   (4, 'voucher_share', v.id, v.granted_share))
                   AS l (n, account, owner_id, amount)
        WHERE v.application_id = ANY(:ids) AND l.amount <> 0"""
)

NOT_LISTED = text("""
SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM application
 WHERE id = ANY(:ids) AND waitlisted_at IS NULL
""")
RECORD_WAITLIST = record.appending(
    """SELECT id AS entity_id, company_id, CAST(:change AS jsonb) AS change
         FROM application WHERE id = ANY(:ids)""",
    telling=True,
)
WAITLIST = text("UPDATE application SET waitlisted_at = :at WHERE id = ANY(:ids)")
