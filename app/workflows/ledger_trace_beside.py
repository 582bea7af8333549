"""What stands beside a payment on the way of its money: holds, tax invoices, what is taken back (R-MONEY-3).

None of them moves money by itself; together they say why it went on when it did, or why it did not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text

from app import clock
from app.db import db
from app.models.holds import HoldSource, HoldState
from app.models.settlements import BatchState
from app.models.tax_invoices import InvoiceState
from app.models.types import Labelled
from app.workflows.settlement_sql import SETTLED


class BesideKind(Labelled):
    HOLD = "hold", "지급 보류"
    INVOICE = "invoice", "세금계산서"
    DEBT = "debt", "환수"


class DebtState(Labelled):
    """How far what was paid out for a cancelled payment has been taken back (R-PAY-6)."""

    OWED = "owed", "환수 전", "danger"
    PLANNED = "planned", "환수 작성", "info"
    TAKEN = "taken", "환수 완료", "success"


@dataclass(frozen=True, kw_only=True)
class Tie:
    """A line of a settlement that has to do with it."""

    label: str
    line_id: int
    batch: str


@dataclass(frozen=True, kw_only=True)
class Beside:
    """One of them; `id` is the hold's or the invoice's own, of a debt the supplier's."""

    kind: BesideKind
    id: int
    state: Labelled
    amount: int | None
    """Won."""
    at: datetime
    facts: list[tuple[str, Any]] = field(default_factory=list)
    ties: list[Tie] = field(default_factory=list)


# One reading for all three: what a kind does not have is NULL.
_BESIDE = text(f"""
SELECT 'hold' AS kind, h.id, h.state, h.placed_at AS at, CAST(NULL AS bigint) AS amount, h.source AS word,
       h.asked_at, h.released_at AS done_at,
       CAST(NULL AS bigint) AS of_line_id, CAST(NULL AS text) AS of_batch,
       CAST(NULL AS bigint) AS by_line_id, CAST(NULL AS text) AS by_batch, CAST(NULL AS text) AS by_state
  FROM settlement_hold h WHERE h.payment_id = :payment_id
UNION ALL
SELECT 'invoice', t.id, t.state, t.entered_at, t.supply + t.tax, t.number, NULL, t.decided_at,
       NULL, NULL, NULL, NULL, CASE WHEN t.modify_code IS NOT NULL THEN 'modified' END
  FROM tax_invoice t WHERE t.payment_id = :payment_id
UNION ALL
SELECT 'debt', p.supplier_id, NULL, p.cancelled_at, i.amount, NULL, NULL, NULL, l.id, b.number,
       k.line_id, kb.number, kb.state
  FROM payment p
  JOIN settlement_item i ON i.payment_id = p.id
  JOIN settlement_line l ON l.id = i.line_id
  JOIN settlement_batch b ON b.id = l.batch_id AND b.state IN {SETTLED}
  LEFT JOIN clawback_item k ON k.payment_id = p.id
  LEFT JOIN settlement_line kl ON kl.id = k.line_id
  LEFT JOIN settlement_batch kb ON kb.id = kl.batch_id
 WHERE p.id = :payment_id AND p.state = 'cancelled'
 ORDER BY at, id
""")  # noqa: S608 - no input in it


def of_payment(payment_id: int) -> list[Beside]:
    """In the order in which they came, by one query."""
    rows = db.session.execute(_BESIDE, {"payment_id": payment_id})
    return [_READ[row.kind](row) for row in rows]


def _hold(row: Any) -> Beside:
    facts: list[tuple[str, Any]] = [("사유 구분", HoldSource(row.word).label), ("보류일시", _korean(row.at))]
    facts += [
        (label, _korean(at))
        for label, at in (("해제 요청일시", row.asked_at), ("해제일시", row.done_at))
        if at is not None
    ]
    return Beside(
        kind=BesideKind.HOLD,
        id=row.id,
        state=HoldState(row.state),
        amount=None,
        at=_korean(row.at),
        facts=facts,
    )


def _invoice(row: Any) -> Beside:
    facts: list[tuple[str, Any]] = [("국세청 승인번호", row.word), ("등록일시", _korean(row.at))]
    if row.by_state is not None:
        facts.append(("종류", "수정세금계산서(계약의 해제)"))
    return Beside(
        kind=BesideKind.INVOICE,
        id=row.id,
        state=InvoiceState(row.state),
        amount=row.amount,
        at=_korean(row.at),
        facts=facts,
    )


def _debt(row: Any) -> Beside:
    state = DebtState.OWED
    if row.by_line_id is not None:
        open_ = BatchState(row.by_state) in (BatchState.DRAFTED, BatchState.SUBMITTED)
        state = DebtState.PLANNED if open_ else DebtState.TAKEN
    ties = [Tie(label="지급한 정산", line_id=row.of_line_id, batch=row.of_batch)]
    if row.by_line_id is not None:
        ties.append(Tie(label="환수하는 정산", line_id=row.by_line_id, batch=row.by_batch))
    return Beside(
        kind=BesideKind.DEBT,
        id=row.id,
        state=state,
        amount=row.amount,
        at=_korean(row.at),
        facts=[("결제취소일시", _korean(row.at))],
        ties=ties,
    )


_READ: dict[str, Callable[[Any], Beside]] = {"hold": _hold, "invoice": _invoice, "debt": _debt}


def _korean(at: datetime) -> datetime:
    return at.astimezone(clock.KST)
