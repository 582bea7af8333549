"""A hold meets a payment that an approved batch is about to pay (R-SET-4): its line leaves the bank's file.

The whole line, since the bank pays it in one sum. Its money goes back to what is owed; let go, the line is
carried by the next batch as one whose transfer failed. Drafts are refused at their approval instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from app import clock
from app.db import db, lock, transaction
from app.models.ledger import JournalKind, LedgerAccount
from app.models.settlements import BatchState, LineState, SettlementBatch, SettlementLine
from app.policy import CLOCK
from app.workflows import ledger, lifecycle
from app.workflows.settlement_lifecycle import LINE, exclusive

# The line that pays a payment, or the last of those that took it over.
_LINE_NOW = text("""
WITH RECURSIVE chain AS (
  SELECT l.id, l.batch_id, l.carried_into_id
    FROM settlement_item i JOIN settlement_line l ON l.id = i.line_id WHERE i.payment_id = :payment_id
  UNION ALL
  SELECT n.id, n.batch_id, n.carried_into_id
    FROM chain c JOIN settlement_line n ON n.id = c.carried_into_id)
SELECT l.id, l.state, l.batch_id, b.number AS batch, b.state AS batch_state
  FROM chain c JOIN settlement_line l ON l.id = c.id JOIN settlement_batch b ON b.id = l.batch_id
 WHERE c.carried_into_id IS NULL
""")

HELD_LINE = """EXISTS (
  WITH RECURSIVE tree AS (
    SELECT f.id UNION ALL
    SELECT c.id FROM tree t JOIN settlement_line c ON c.carried_into_id = t.id)
  SELECT 1 FROM tree
    JOIN settlement_item i ON i.line_id = tree.id
    JOIN settlement_hold h ON h.payment_id = i.payment_id AND h.released_at IS NULL)"""
"""SQL: of a line `f`, that a payment in it, or in a line that it carries, is held."""

_SENT = (BatchState.EXPORTED, BatchState.RECONCILED)


@dataclass(frozen=True)
class LineNow:
    """The line that pays a payment, or the last of those that took it over."""

    id: int
    state: LineState
    batch_id: int
    batch: str
    batch_state: BatchState

    @property
    def is_sent(self) -> bool:
        """Whether the bank was asked to pay it, and has not answered."""
        return self.state is LineState.PLANNED and self.batch_state in _SENT


_HELD = text(f"SELECT {HELD_LINE} FROM settlement_line f WHERE f.id = :line_id")  # noqa: S608


def hold_line(*, payment_id: int) -> bool:
    """Take the line of a payment that was just held out of its batch's transfers.

    True where it was; False where there is nothing to take out: no line, a draft, or one already sent.
    """
    with transaction():
        exclusive()
        found = line_of(payment_id)
        if found is None or lock(SettlementBatch, found.batch_id).state is not BatchState.APPROVED:
            return False
        line = lock(SettlementLine, found.id)
        if line.state is not LineState.PLANNED:
            return False
        lifecycle.fire(LINE, line.id, "hold", actor=CLOCK, changes={"held_at": clock.now()})
        legs = ledger.move(
            (LedgerAccount.TRANSFER, line.id), (LedgerAccount.PAYABLE, line.supplier_id), line.net
        )
        key = f"{JournalKind.HOLD_BACK.value}:settlement_line:{line.id}"
        programme_id = line.batch.programme_id
        ledger.post(key, JournalKind.HOLD_BACK, legs, programme_id=programme_id, actor=CLOCK)
        return True


def release_line(*, payment_id: int) -> bool:
    """Let the held line of a payment go to the next batch, once no payment in it is held any more."""
    with transaction():
        exclusive()
        found = line_of(payment_id)
        if found is None or lock(SettlementLine, found.id).state is not LineState.HELD:
            return False
        if db.session.execute(_HELD, {"line_id": found.id}).scalar_one():
            return False
        lifecycle.fire(LINE, found.id, "release", actor=CLOCK)
        return True


def line_of(payment_id: int) -> LineNow | None:
    """Where a payment stands in the settlements; None before the first that has it."""
    row = db.session.execute(_LINE_NOW, {"payment_id": payment_id}).one_or_none()
    if row is None:
        return None
    return LineNow(row.id, LineState(row.state), row.batch_id, row.batch, BatchState(row.batch_state))
