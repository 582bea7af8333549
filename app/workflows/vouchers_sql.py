"""Vouchers that end as sets (R-VOU-1, R-TIME-6): what is taken, what is written of it, what goes back.

The statements run in the caller's transaction: `take` locks a batch, the others work on what it locked.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import TextClause, text

from app.models.ledger import JournalKind
from app.models.vouchers import Voucher, VoucherState
from app.workflows import clock_runs, ledger, record

MISSED_FIRST = "v.due_at = v.first_payment_by"
"""Which of its two clocks a voucher's deadline is."""


@dataclass(frozen=True)
class End:
    """How the vouchers end at which one of the clocks struck."""

    action: str
    kind: JournalKind
    take: TextClause
    end: TextClause
    """Ends those of a batch that are still due, for `record.write_set`."""


def _due(which: str) -> str:
    """What a sweep ends, over `v`. Left alone is where a payment is in flight (R-VOU-3), or the deadline is
    being moved (R-TIME-5a)."""
    return f"""v.state = '{VoucherState.USABLE.value}' AND v.due_at <= :at AND {which}
               AND NOT EXISTS (SELECT 1 FROM payment p
                                WHERE p.voucher_id = v.id AND p.state IN ('pending', 'cancelling'))
               AND NOT {clock_runs.held_sql(Voucher, "v.id")}"""  # noqa: S608


_TAKE = """
WITH taken AS (
  SELECT v.id FROM voucher v WHERE {due} ORDER BY v.due_at, v.id LIMIT :size FOR UPDATE OF v SKIP LOCKED)
SELECT coalesce(array_agg(id ORDER BY id), '{{}}') FROM taken
"""
# The payments are looked at again: one may have begun between the choice's snapshot and its locks, or a
# cancellation, which locks no voucher. So what ends and what is told of it is one statement. An instant is
# written as Python writes it, in Korean time.
_END = r"""
UPDATE voucher v SET state = :target, due_at = NULL
  FROM (SELECT o.id, o.state, replace(to_char(o.due_at AT TIME ZONE 'Asia/Seoul',
                                              'YYYY-MM-DD"T"HH24\:MI\:SS.US'), '.000000', '') AS due
          FROM voucher o WHERE o.id = ANY(:ids)) was
 WHERE was.id = v.id AND {due}
RETURNING v.id AS entity_id, v.company_id, CAST(NULL AS bigint) AS supplier_id, 1 AS told,
          jsonb_build_object('state', jsonb_build_array(was.state, CAST(:target AS text)),
                             'due_at', jsonb_build_array(was.due || '+09:00', NULL)) AS change
"""


def _end(action: str, kind: JournalKind, which: str) -> End:
    due = _due(which)
    return End(
        action=action,
        kind=kind,
        take=text(_TAKE.format(due=due)),
        end=record.appending(_END.format(due=due), telling_each=True),
    )


REVOKE = _end("revoke", JournalKind.REVOCATION, MISSED_FIRST)
EXPIRE = _end("expire", JournalKind.EXPIRY, f"NOT {MISSED_FIRST}")

# Of a batch that is still locked.
ENDED = text("SELECT id FROM voucher WHERE id = ANY(:ids) AND state = :target ORDER BY id")
PROGRAMMES = text("SELECT DISTINCT programme_id FROM voucher WHERE id = ANY(:ids) ORDER BY programme_id")
# The grant goes to its agency's budget, the share to the company's pledge; the vouchers are locked.
GIVE_BACK = ledger.entering(
    """SELECT concat(CAST(:kind AS text), ':voucher:', v.id) AS event_key, l.n, l.account, l.owner_id,
              l.amount
         FROM voucher v
         LEFT JOIN ledger_balance g ON g.account = 'voucher_grant' AND g.owner_id = v.id
         LEFT JOIN ledger_balance s ON s.account = 'voucher_share' AND s.owner_id = v.id
        CROSS JOIN LATERAL (VALUES (1, 'voucher_grant', v.id, -g.amount),
                                   (2, 'agency_budget', v.agency_budget_id, g.amount),
                                   (3, 'voucher_share', v.id, -s.amount),
                                   (4, 'pledge', v.company_id, s.amount)) AS l (n, account, owner_id, amount)
        WHERE v.id = ANY(:ids) AND v.programme_id = :programme_id AND l.amount <> 0"""
)
