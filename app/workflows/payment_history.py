"""What has happened to a payment, for both of its sides: pressed, answered, cancelled; and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.db import db
from app.models.payments import Payment, PaymentState
from app.models.people import Account
from app.models.record import AuditRow
from app.policy import Actor, Role
from app.workflows.payment_lifecycle import PAYMENT

GATEWAY, PLATFORM = "결제 기관", "플랫폼"
_PRESSED, _WAITS, _CANCEL_WAITS = "결제 누름", "결제 결과 확인 중", "취소 결과 확인 중"
_TITLES = {
    "succeed": "결제 승인",
    "fail": "결제실패",
    "mistype": "인증번호 불일치",
    "cancel_today": "결제취소 누름",
    "cancel_late": "결제취소 누름(공급기업)",
    "cancel_idle": "결제취소 시작(이용 없음)",
    "cancelled": "결제취소 완료",
    "cancel_refused": "결제취소 거절",
    "return_charge": "잘못 승인된 금액 반환",
    "charge_returned": "잘못 승인된 금액 반환 확인",
}
_OURS = ("cancel_idle", "return_charge", "charge_returned")
"""What nobody pressed, and no gateway said."""
_TONES = {
    "succeed": "success",
    "fail": "danger",
    "mistype": "danger",
    "cancel_today": "warning",
    "cancel_late": "warning",
    "cancel_idle": "warning",
    "cancelled": "neutral",
    "cancel_refused": "danger",
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    at: datetime | None
    """None for what goes on."""
    title: str
    who: str
    note: str = ""
    tone: str = "neutral"
    current: bool = False


def of(payment: Payment, *, actor: Actor) -> list[Entry]:
    """The oldest first. Only one's own people are named: of others the company is told."""
    query = select(AuditRow).where(AuditRow.entity == PAYMENT.entity, AuditRow.entity_id == payment.id)
    rows = list(db.session.scalars(query.order_by(AuditRow.seq)))
    own = _own_accounts(actor)
    entries = [entry for row in rows for entry in _entries(row, payment, own)]
    return [*entries, *_going_on(payment)]


def _own_accounts(actor: Actor) -> set[int]:
    """The accounts that this side may read by name; the agency's staff reads companies (R-AUD-1)."""
    if actor.role is Role.DEMAND:
        query = select(Account.id).where(Account.company_id == actor.company_id)
    elif actor.role is Role.SUPPLIER:
        query = select(Account.id).where(Account.supplier_id == actor.supplier_id)
    else:
        return set()
    return set(db.session.scalars(query))


def _entries(row: AuditRow, payment: Payment, own: set[int]) -> Iterator[Entry]:
    who = _who(row, payment, own)
    if row.action == "begin":
        yield Entry(at=payment.pressed_at, title=_PRESSED, who=who)
        held = f"{payment.total:,}원을 이 결제의 몫으로 잡아 두고 결제 기관에 승인을 요청했습니다."
        yield Entry(at=row.at, title="금액 예약", who=PLATFORM, note=held, tone="info")
    elif row.action in _TITLES:
        yield Entry(
            at=_at(row, payment),
            title=_TITLES[row.action],
            who=who,
            note=_note(row, payment),
            tone=_TONES.get(row.action, "neutral"),
        )


def _at(row: AuditRow, payment: Payment) -> datetime:
    """As the gateway dates it, where it does."""
    dated = {"succeed": payment.paid_at, "cancelled": payment.cancelled_at}
    return dated.get(row.action) or row.at


def _note(row: AuditRow, payment: Payment) -> str:
    if row.action == "succeed":
        return f"승인번호 {payment.approval_number}" if payment.approval_number else ""
    if row.action in ("cancel_today", "cancel_late", "cancel_idle"):
        return f"사유: {row.reason}" if row.reason else ""
    return (row.reason or "") if row.action in ("fail", "mistype", "cancel_refused") else ""


def _who(row: AuditRow, payment: Payment, own: set[int]) -> str:
    if row.actor_id is None:
        return PLATFORM if row.action in _OURS else GATEWAY
    if row.actor_id in own:
        return row.actor_name
    late = row.action == "cancel_late"
    return payment.deal.supplier.name if late else payment.deal.company.name


def _going_on(payment: Payment) -> Iterator[Entry]:
    titles = {PaymentState.PENDING: _WAITS, PaymentState.CANCELLING: _CANCEL_WAITS}
    if payment.state in titles:
        asked = f"지금까지 {payment.asked:,}번 물었습니다. " if payment.asked else ""
        note = f"{asked}결과가 나올 때까지 자동으로 다시 묻습니다. 따로 하실 일은 없습니다."
        yield Entry(at=None, title=titles[payment.state], who=PLATFORM, note=note, tone="info", current=True)
