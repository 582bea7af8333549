"""Deals whose deadline has struck, ended as sets (R-TIME-6): what is taken, and what is written of it.

The edge, its texts and who is told are the lifecycle's; ids and counts are all that leaves the database. The
statements run in the caller's transaction: `take` locks a batch, the others work on what it locked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import TextClause, text

from app.models.deals import Deal, DealState
from app.workflows import clock_runs, record
from app.workflows.deal_lifecycle import DEAL, LAPSE_REASONS
from app.workflows.lifecycle import Edge


def due(state: DealState) -> str:
    """What a sweep ends, over `d`: the one place that says so, for the choice and again under its locks.

    A bill under payment is decided by its press, not by this clock (R-VOU-3); what waits for a later deadline
    is left alone (R-TIME-5a). The state is written out, so that a prepared statement finds the partial index.
    """
    return f"""d.state = '{state.value}' AND d.due_at <= :at
               AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.deal_id = d.id AND p.state = 'pending')
               AND NOT {clock_runs.held_sql(Deal, "d.id")}"""  # noqa: S608


@dataclass(frozen=True)
class Lapse:
    """How the unanswered deals of one state end."""

    edge: Edge
    reason: str
    take: TextClause
    """The next batch, locked; what somebody else is answering at this moment is passed over."""
    end: TextClause
    """Ends those of a batch that are still due, for `record.write_set`."""

    @property
    def change(self) -> str:
        """As the audit trail writes it. No open deal has a reason: what gives it one closes it."""
        states = [self.edge.source.value, self.edge.target.value]
        return json.dumps({"state": states, "reason": [None, self.reason]}, ensure_ascii=False)


# From a due_at and id on, the last of the batch before: what could not be taken does not come again.
_TAKE = """
WITH taken AS (
  SELECT d.id, d.due_at FROM deal d
   WHERE {due} AND (d.due_at, d.id) > (CAST(:after AS timestamptz), CAST(:after_id AS bigint))
   ORDER BY d.due_at, d.id LIMIT :size FOR UPDATE OF d SKIP LOCKED)
SELECT coalesce(array_agg(id ORDER BY due_at, id), '{{}}') AS ids, max(due_at) AS last FROM taken
"""

# The payments are looked at again: one may have begun between the batch's snapshot and its locks. Deals and
# all that tells of them go in one statement, which finds each deal once.
_END = """
UPDATE deal d SET state = :target, reason = :reason, closed_at = d.due_at FROM offering o
 WHERE o.id = d.offering_id AND d.id = ANY(:ids) AND {due}
RETURNING d.id AS entity_id, d.company_id, d.supplier_id, 1 AS told, o.name, CAST(:change AS jsonb) AS change
"""


def _lapse(state: DealState) -> Lapse:
    condition = due(state)
    return Lapse(
        edge=DEAL.pick("lapse", state),
        reason=LAPSE_REASONS[state],
        take=text(_TAKE.format(due=condition)),
        end=record.appending(_END.format(due=condition), telling_each=True, named=True),
    )


LAPSES = {state: _lapse(state) for state in LAPSE_REASONS}

# Whether anything is due at all: what most sweeps find out, by a look into each index. What is waited for
# (a payment under way) is told apart by those who end it. In order and one: as an EXISTS it would be planned
# to meet one of many soon, and read the table whole where there is none.
LOOK = text("""
SELECT (SELECT true FROM deal WHERE state = 'consulting' AND due_at <= :at ORDER BY due_at, id LIMIT 1)
         IS NOT NULL AS consultations,
       (SELECT true FROM deal WHERE state = 'billed' AND due_at <= :at ORDER BY due_at, id LIMIT 1)
         IS NOT NULL AS bills,
       (SELECT true FROM voucher WHERE state = 'usable' AND due_at <= :at ORDER BY due_at, id LIMIT 1)
         IS NOT NULL AS vouchers,
       (SELECT true FROM deal WHERE state IN ('consulting', 'billed') AND remind_at <= :at
         ORDER BY remind_at, id LIMIT 1) IS NOT NULL
       OR (SELECT true FROM voucher WHERE state = 'usable' AND remind_at <= :at
            ORDER BY remind_at, id LIMIT 1) IS NOT NULL AS reminders,
       (SELECT true FROM budget_offer WHERE state = 'offered' AND due_at <= :at
         ORDER BY due_at, id LIMIT 1) IS NOT NULL
       OR (SELECT true FROM application WHERE state = 'screened' AND waitlisted_at IS NOT NULL
            ORDER BY agency_id, submitted_at, id LIMIT 1) IS NOT NULL AS offers
""")
