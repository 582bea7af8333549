"""공급대금 정산: the supplier's page, which says of every payment where its money is (R-SET-1, R-SET-2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db
from app.errors import NotFound
from app.models.settlements import BatchState, LineState, SettlementBatch, SettlementLine
from app.models.types import Labelled
from app.policy import Actor, Permission
from app.workflows.settlement_chain import chain
from app.workflows.settlement_ripe import FACTS, Wait
from app.workflows.settlement_waits import Check, checks, sentence


class Place(Labelled):
    """Where the money of a payment is."""

    USE = "use", "이용확인 대기", "neutral"
    INVOICE = "invoice", "세금계산서 대기", "warning"
    HELD = "held", "지급 전 확인", "warning"
    CANCELLING = "cancelling", "취소 확인중", "warning"
    ACCOUNT = "account", "계좌확인 필요", "warning"
    RIPE = "ripe", "정산 대기", "info"
    IN_BATCH = "in_batch", "정산 진행중", "secondary"
    FAILED = "failed", "이체실패", "danger"
    PAID = "paid", "지급완료", "success"
    CLAWBACK = "clawback", "환수 예정", "warning"
    TAKEN_BACK = "taken_back", "환수 완료", "neutral"


@dataclass(frozen=True)
class PlaceRow:
    """One payment of a supplier and where its money is. Won."""

    payment_id: int
    company: str
    offering: str
    paid_at: datetime
    amount: int
    place: Place
    text: str
    """Korean: what it waits for, or when and by which batch it was paid."""
    batch_number: str | None
    line_id: int | None
    last_line_id: int | None
    """Where a line was carried on: the one whose statement counts."""
    checks: list[Check]
    """What its settlement asks for, each met or not; empty where it stands in a settlement."""

    @property
    def is_over(self) -> bool:
        return self.place in (Place.PAID, Place.TAKEN_BACK)


@dataclass(frozen=True)
class Totals:
    """What a supplier has to come, on its way, paid, and to give back, won."""

    waiting: int
    in_batch: int
    paid: int
    clawback: int

    @property
    def short(self) -> int:
        """What is to be given back beyond all that is still to come, won."""
        return max(self.clawback - self.waiting, 0)


_PAYMENTS = f"""
SELECT p.id, c.name AS company, o.name AS offering, p.state,
       p.grant_part + p.share_part + p.tax_part AS amount, {FACTS},
       i.line_id, l.id AS last_line_id, l.state AS line_state, l.result_text, l.paid_at AS line_paid_at,
       l.net - l.withheld - l.stayed AS line_rest, n.part AS withheld,
       b.number AS batch_number, b.state AS batch_state,
       k.line_id AS back_line_id, kb.state AS back_state, kb.number AS back_number
  FROM payment p
  JOIN company c ON c.id = p.company_id
  JOIN deal d ON d.id = p.deal_id
  JOIN offering o ON o.id = d.offering_id
  JOIN programme g ON g.id = p.programme_id
  JOIN supplier v ON v.id = p.supplier_id
  LEFT JOIN settlement_item i ON i.payment_id = p.id
  LEFT JOIN LATERAL ({chain("p.id")}
    SELECT id, part FROM chain WHERE next IS NULL) n ON i.payment_id IS NOT NULL
  LEFT JOIN settlement_line l ON l.id = n.id
  LEFT JOIN settlement_batch b ON b.id = l.batch_id
  LEFT JOIN clawback_item k ON k.payment_id = p.id
  LEFT JOIN settlement_line kl ON kl.id = k.line_id
  LEFT JOIN settlement_batch kb ON kb.id = kl.batch_id
 WHERE p.supplier_id = :supplier_id
   AND (p.state IN ('paid', 'cancelling') OR p.state = 'cancelled' AND i.payment_id IS NOT NULL)
"""  # noqa: S608 - no input in it

_PAGE = text(f"""{_PAYMENTS}
   AND (CAST(:before AS bigint) IS NULL OR p.id < :before)
 ORDER BY p.id DESC LIMIT :size
""")
_ONE = text(f"{_PAYMENTS} AND p.id = :payment_id")


def supplier_payments(*, actor: Actor, before: int | None = None, size: int = 20) -> list[PlaceRow]:
    """The supplier's payments, newest first, each with its place; `before` is a payment's id."""
    parameters = _parameters(actor) | {"before": before, "size": size}
    return [_row(row) for row in db.session.execute(_PAGE, parameters)]


def supplier_payment(*, actor: Actor, payment_id: int) -> PlaceRow | None:
    """One payment of the supplier with its place; None for one that has none, as it failed."""
    row = db.session.execute(_ONE, _parameters(actor) | {"payment_id": payment_id}).one_or_none()
    return _row(row) if row is not None else None


def _parameters(actor: Actor) -> dict[str, Any]:
    return {"supplier_id": _supplier(actor), "until": clock.end_of(clock.today())}


def supplier_count(*, actor: Actor) -> int:
    """How many payments `supplier_payments` lists."""
    counted = text("""
        SELECT count(*) FROM payment p
         WHERE p.supplier_id = :supplier_id
           AND (p.state IN ('paid', 'cancelling') OR p.state = 'cancelled'
                AND EXISTS (SELECT 1 FROM settlement_item i WHERE i.payment_id = p.id))""")
    return int(db.session.execute(counted, {"supplier_id": _supplier(actor)}).scalar_one())


def _row(row: Any) -> PlaceRow:
    found = [] if row.line_id is not None or row.state == "cancelled" else checks(row, staff=False)
    place, said = _cancelled(row) if row.state == "cancelled" else _place(row, found)
    return PlaceRow(
        payment_id=row.id,
        company=row.company,
        offering=row.offering,
        paid_at=row.paid_at.astimezone(clock.KST),
        amount=row.amount,
        place=place,
        text=said,
        batch_number=row.batch_number,
        line_id=row.line_id,
        last_line_id=row.last_line_id,
        checks=found,
    )


def _cancelled(row: Any) -> tuple[Place, str]:
    if row.batch_state in (BatchState.DRAFTED.value, BatchState.SUBMITTED.value):
        return Place.CLAWBACK, "결제가 취소되어 이번 정산에서 빠집니다."
    if row.back_state in (None, BatchState.DRAFTED.value, BatchState.SUBMITTED.value):
        if row.withheld is not None:
            return (
                Place.CLAWBACK,
                "지급 전에 결제가 취소되었습니다. 남겨 둔 금액과 다음 정산에서 상계합니다.",
            )
        paid = row.line_state == LineState.PAID.value
        when = f"{_paid_by(row)} 지급한" if paid else f"{row.batch_number} 정산이 승인된"
        by = f"{row.back_number} 정산" if row.back_state else "다음 정산"
        return Place.CLAWBACK, f"{when} 뒤에 결제가 취소되었습니다. {by}에서 이만큼 빼고 지급합니다."
    return Place.TAKEN_BACK, f"{row.back_number} 정산에서 환수했습니다."


_FIRST = (
    (Wait.CANCELLING, Place.CANCELLING),
    (Wait.HOLD, Place.HELD),
    (Wait.USE, Place.USE),
    (Wait.INVOICE, Place.INVOICE),
    (Wait.ACCOUNT, Place.ACCOUNT),
)
"""By which of the things that a payment waits for its place is called."""


def _place(row: Any, found: list[Check]) -> tuple[Place, str]:
    if row.line_id is not None:
        return _in_line(row)
    missing = {check.wait for check in found if not check.done}
    for wait, place in _FIRST:
        if wait in missing:
            return place, f"대기: {sentence(found)}"
    return Place.RIPE, "다음 정산에 담깁니다."


def _paid_by(row: Any) -> str:
    """`2020.11.03.(화) S2020-0001 정산으로`"""
    return f"{clock.write_day(clock.korean_day(row.line_paid_at))} {row.batch_number} 정산으로"


def _being_checked(row: Any) -> tuple[Place, str]:
    held = f"{row.batch_number} 정산에 담겼지만 지급하기 전에 확인하고 있습니다."
    return Place.HELD, f"{held} 확인이 끝나면 다음 정산에서 지급합니다."


def _in_line(row: Any) -> tuple[Place, str]:
    if row.withheld is not None:
        return _withheld(row)
    if row.line_state == LineState.PAID.value:
        return Place.PAID, f"{_paid_by(row)} 지급했습니다."
    drafted = row.batch_state in (BatchState.DRAFTED.value, BatchState.SUBMITTED.value)
    failed = row.line_state == LineState.FAILED.value
    if row.waits_hold and drafted:
        return _being_checked(row)
    if row.line_rest == 0:
        return _made_good(row)
    if failed:
        why = f"({row.result_text})" if row.result_text else ""
        failed_in = f"{row.batch_number} 정산의 이체가 실패했습니다{why}."
        return Place.FAILED, f"{failed_in} 계좌를 확인해 주세요. 다음 정산에서 다시 지급합니다."
    if drafted:
        return Place.IN_BATCH, f"{row.batch_number} 정산에 담겨 승인을 기다립니다."
    return Place.IN_BATCH, f"{row.batch_number} 정산이 승인되어 이체 중입니다."


def _withheld(row: Any) -> tuple[Place, str]:
    """It stayed behind when its line was paid; let go, the next settlement pays what is left of it."""
    if row.waits_hold:
        return _being_checked(row)
    if row.withheld == 0:
        return _made_good(row)
    if row.waits_cancelling:
        return Place.CANCELLING, "결제취소 결과를 결제 기관에 확인하고 있습니다."
    if row.waits_invoice:
        return Place.INVOICE, "확인이 끝났습니다. 세금계산서가 있어야 지급합니다. 승인번호를 등록해 주세요."
    return Place.RIPE, "확인이 끝났습니다. 다음 정산에서 지급합니다."


def _made_good(row: Any) -> tuple[Place, str]:
    """Nothing of its line is left beside what stays behind: it was set against what is taken back."""
    said = f"{row.batch_number} 정산에서 환수할 금액과 상계했습니다. 더 지급할 금액이 없습니다."
    return Place.TAKEN_BACK, said


_TOTALS = text("""
SELECT CAST(coalesce(sum(owed) FILTER (WHERE NOT settled AND state <> 'cancelled'), 0) AS bigint) AS waiting,
       CAST(coalesce(sum(owed) FILTER (WHERE settled AND state = 'cancelled' AND NOT taken_back), 0)
            AS bigint) AS clawback,
       (SELECT CAST(coalesce(sum(l.net - l.withheld), 0) AS bigint) FROM settlement_line l
          JOIN settlement_batch b ON b.id = l.batch_id
         WHERE l.supplier_id = :supplier_id AND l.state = 'planned'
           AND b.state IN ('approved', 'exported', 'reconciled')) AS in_batch,
       (SELECT CAST(coalesce(sum(net - withheld), 0) AS bigint) FROM settlement_line
         WHERE supplier_id = :supplier_id AND state = 'paid') AS paid,
       (SELECT CAST(coalesce(sum(w.amount), 0) AS bigint)
          FROM settlement_withheld w JOIN settlement_line l ON l.id = w.line_id
         WHERE l.supplier_id = :supplier_id AND NOT EXISTS (
           SELECT 1 FROM settlement_line n JOIN settlement_batch b ON b.id = n.batch_id
            WHERE n.id = w.into_line_id AND b.state IN ('approved', 'exported', 'reconciled', 'closed')))
         AS withheld,
       (SELECT CAST(coalesce(sum(net - withheld - stayed), 0) AS bigint) FROM settlement_line l
         WHERE supplier_id = :supplier_id
           AND (state = 'failed' OR state = 'carried' AND NOT EXISTS (
           SELECT 1 FROM settlement_line n JOIN settlement_batch b ON b.id = n.batch_id
            WHERE n.id = l.carried_into_id AND b.state IN ('approved', 'exported', 'reconciled', 'closed'))))
         AS failed
  FROM (SELECT p.state, p.grant_part + p.share_part + p.tax_part AS owed,
               EXISTS (SELECT 1 FROM settlement_item i JOIN settlement_line l ON l.id = i.line_id
                         JOIN settlement_batch b ON b.id = l.batch_id
                        WHERE i.payment_id = p.id
                          AND b.state IN ('approved', 'exported', 'reconciled', 'closed')) AS settled,
               EXISTS (SELECT 1 FROM clawback_item k JOIN settlement_line l ON l.id = k.line_id
                         JOIN settlement_batch b ON b.id = l.batch_id
                        WHERE k.payment_id = p.id
                          AND b.state IN ('approved', 'exported', 'reconciled', 'closed')) AS taken_back
          FROM payment p
         WHERE p.supplier_id = :supplier_id AND p.state IN ('paid', 'cancelling', 'cancelled')) parts
""")


def supplier_totals(*, actor: Actor) -> Totals:
    """The sums of the supplier's page. What failed to be transferred, or was held, waits again."""
    row = db.session.execute(_TOTALS, {"supplier_id": _supplier(actor)}).one()
    return Totals(
        waiting=row.waiting + row.failed + row.withheld,
        in_batch=row.in_batch,
        paid=row.paid,
        clawback=row.clawback,
    )


def supplier_lines(*, actor: Actor, before: int | None = None, size: int = 20) -> list[SettlementLine]:
    """The supplier's lines of approved batches, newest first; `before` is a line's id."""
    open_states = (BatchState.DRAFTED, BatchState.SUBMITTED, BatchState.DISCARDED)
    statement = (
        select(SettlementLine)
        .join(SettlementBatch, SettlementBatch.id == SettlementLine.batch_id)
        .where(SettlementLine.supplier_id == _supplier(actor), SettlementBatch.state.not_in(open_states))
        .order_by(SettlementLine.id.desc())
        .limit(size)
        .options(joinedload(SettlementLine.batch))
    )
    if before is not None:
        statement = statement.where(SettlementLine.id < before)
    return list(db.session.execute(statement).scalars())


def _supplier(actor: Actor) -> int:
    policy.require(actor, Permission.SUPPLIER_VIEW)
    if actor.supplier_id is None:
        raise NotFound()
    return actor.supplier_id
