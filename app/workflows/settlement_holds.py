"""A hold meets a payment that stands in a line already (R-SET-4): its part stays behind, the rest goes on.

Of an approved batch the part leaves the transfer and is owed again; of a transfer that failed, it is not
carried on with the others. Let go, the next batch carries it. Drafts are refused at their approval instead,
and what the bank was asked to pay is out of reach until it answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from app import clock
from app.db import db, lock, transaction
from app.models.ledger import JournalKind, LedgerAccount
from app.models.settlements import BatchState, LineState, SettlementBatch, SettlementLine, WithheldItem
from app.policy import CLOCK
from app.workflows import ledger, lifecycle, record
from app.workflows.settlement_chain import chain
from app.workflows.settlement_lifecycle import LINE, exclusive

_LINE_NOW = text(f"""
{chain("CAST(:payment_id AS bigint)")}
SELECT l.id, l.state, l.batch_id, b.number AS batch, b.state AS batch_state, c.withheld_id,
       c.part AS withheld, l.net - l.withheld - l.stayed AS rest
  FROM chain c JOIN settlement_line l ON l.id = c.id JOIN settlement_batch b ON b.id = l.batch_id
 WHERE c.next IS NULL
""")  # noqa: S608 - no input in it

# Less its share of the fee, which is not given back; what it was worth, where it had stayed behind before.
_WORTH = text(f"""
{chain("CAST(:payment_id AS bigint)")}
SELECT coalesce((SELECT part FROM chain WHERE part IS NOT NULL ORDER BY step DESC LIMIT 1),
                (SELECT i.amount - i.amount * l.fee / l.gross
                   FROM settlement_item i JOIN settlement_line l ON l.id = i.line_id
                  WHERE i.payment_id = :payment_id))
""")  # noqa: S608

_HELD_IN = text(f"""
SELECT DISTINCT h.payment_id FROM settlement_hold h
 WHERE h.released_at IS NULL
   AND EXISTS ({chain("h.payment_id")}
               SELECT 1 FROM chain c
                WHERE c.next IS NULL AND c.withheld_id IS NULL AND c.id = ANY(:lines))
 ORDER BY h.payment_id
""")  # noqa: S608

_SENT = (BatchState.EXPORTED, BatchState.RECONCILED)


@dataclass(frozen=True)
class LineNow:
    """The last line that had a payment's money, to pay it or where it stayed behind."""

    id: int
    state: LineState
    batch_id: int
    batch: str
    batch_state: BatchState
    withheld: int | None
    """What of the payment stayed behind there, won; None where it goes with the line."""
    rest: int
    """What the line pays without what stayed behind, won."""

    @property
    def is_sent(self) -> bool:
        """Whether the bank was asked to pay it, and has not answered."""
        return self.withheld is None and self.state is LineState.PLANNED and self.batch_state in _SENT

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it is owed any more: paid, or set against what is taken back."""
        return self.withheld is None and (self.state is LineState.PAID or self.rest == 0)


def line_of(payment_id: int) -> LineNow | None:
    """Where a payment stands in the settlements; None before the first that has it."""
    row = db.session.execute(_LINE_NOW, {"payment_id": payment_id}).one_or_none()
    if row is None:
        return None
    return LineNow(
        id=row.id,
        state=LineState(row.state),
        batch_id=row.batch_id,
        batch=row.batch,
        batch_state=BatchState(row.batch_state),
        withheld=row.withheld,
        rest=row.rest,
    )


def keep_back(*, payment_id: int) -> bool:
    """Keep a payment that was just held out of its batch's transfers, or out of what is carried on.

    True where it was; False where there is nothing to keep back: no line, a draft, or one at the bank.
    """
    with transaction():
        exclusive()
        found = line_of(payment_id)
        if found is None or found.withheld is not None:
            return False
        batch, line = lock(SettlementBatch, found.batch_id), lock(SettlementLine, found.id)
        if batch.state is BatchState.APPROVED and line.state in (LineState.PLANNED, LineState.HELD):
            _from_transfer(payment_id, line)
            return True
        if line.state is LineState.FAILED:
            _from_failed(payment_id, line)
            return True
        return False


def keep_back_failed(*, line_ids: Sequence[int]) -> list[int]:
    """The held payments of lines whose money has just come back: failed, or of a draft that was given up.
    Returns which they were."""
    if not line_ids:
        return []
    held = db.session.execute(_HELD_IN, {"lines": list(line_ids)}).scalars().all()
    return [payment_id for payment_id in held if keep_back(payment_id=payment_id)]


def _from_transfer(payment_id: int, line: SettlementLine) -> None:
    """Its money is owed again; a line of which nothing is left to be sent is held as a whole."""
    item = _new(payment_id, line, from_transfer=True)
    line.withheld += item.amount
    if line.sent == 0 and line.state is LineState.PLANNED:
        lifecycle.fire(LINE, line.id, "hold", actor=CLOCK)
    legs = ledger.move(
        (LedgerAccount.TRANSFER, line.id), (LedgerAccount.PAYABLE, line.supplier_id), item.amount
    )
    key = f"{JournalKind.HOLD_BACK.value}:payment:{payment_id}:{item.id}"
    ledger.post(key, JournalKind.HOLD_BACK, legs, programme_id=line.batch.programme_id, actor=CLOCK)


def _from_failed(payment_id: int, line: SettlementLine) -> None:
    line.stayed += _new(payment_id, line, from_transfer=False).amount


def _new(payment_id: int, line: SettlementLine, *, from_transfer: bool) -> WithheldItem:
    worth = db.session.execute(_WORTH, {"payment_id": payment_id}).scalar_one()
    item = WithheldItem(
        payment_id=payment_id,
        line_id=line.id,
        amount=min(worth, line.net - line.withheld - line.stayed),
        from_transfer=from_transfer,
        at=clock.now(),
    )
    db.session.add(item)
    db.session.flush()
    change = {"payment_id": (None, payment_id), "amount": (None, item.amount)}
    record.write(LINE.entity, line.id, "keep_back", actor=CLOCK, change=change)
    return item
