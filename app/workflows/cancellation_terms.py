"""Who may cancel a payment until when, and where its money goes, before anybody presses (R-PAY-6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from app import clock
from app.db import db
from app.models.payments import Payment, PaymentState
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor, Role
from app.workflows import cancellations


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Of one payment, to one of its two sides."""

    until: datetime
    """24:00 of the Korean day of payment, by the gateway's approval, which the 전표 shows as 결제일시. The
    company's turn ends at it and the supplier's begins: no instant belongs to both, or to neither."""
    company_turn: bool
    may: bool
    """Whether this side may cancel now."""
    to_voucher: bool
    """Else the voucher has ended, and the money goes to the budget."""
    settled: bool
    """Paid out to the supplier already: the next batch is reduced (환수)."""
    side: Role

    @property
    def rule(self) -> str:
        """`2020.11.16.(월) 24:00까지 직접 취소할 수 있고, 그 뒤에는 공급기업만 취소할 수 있습니다.`"""
        until = clock.write_deadline(self.until)
        if self.side is Role.SUPPLIER:
            return f"{until}는 수요기업만 취소할 수 있고, 그 뒤에는 공급기업만 취소할 수 있습니다."
        return f"{until} 직접 취소할 수 있고, 그 뒤에는 공급기업만 취소할 수 있습니다."

    @property
    def turn(self) -> str:
        """Whose turn it is now, where it is not this side's."""
        if self.side is Role.SUPPLIER:
            return f"결제 당일({clock.write_deadline(self.until)})에는 수요기업만 취소할 수 있습니다."
        return "결제한 날이 지나 직접 취소할 수 없습니다. 공급기업에 결제취소를 요청해 주세요."


_SETTLED = text("""
SELECT EXISTS (SELECT 1 FROM settlement_item i
                 JOIN settlement_line l ON l.id = i.line_id JOIN settlement_batch b ON b.id = l.batch_id
                WHERE i.payment_id = :payment_id
                  AND b.state IN ('approved', 'exported', 'reconciled', 'closed'))
""")
_RETURNED = text("""
SELECT bool_or(p.account IN ('voucher_grant', 'voucher_share')) FROM posting p
  JOIN journal j ON j.id = p.journal_id WHERE j.event_key = :event_key
""")


def of(payment: Payment, *, actor: Actor) -> Terms | None:
    """None for a payment that nobody can cancel, since it is not 결제성공."""
    if payment.state is not PaymentState.PAID or payment.paid_at is None:
        return None
    until = clock.end_of(clock.korean_day(payment.paid_at))
    company_turn = clock.now() < until
    own_turn = company_turn is (actor.role is not Role.SUPPLIER)
    return Terms(
        until=until,
        company_turn=company_turn,
        may=own_turn and cancellations.cancellable_by(actor=actor, payment=payment),
        to_voucher=_lives(db.session.get_one(Voucher, payment.voucher_id)),
        settled=bool(db.session.execute(_SETTLED, {"payment_id": payment.id}).scalar_one()),
        side=actor.role,
    )


def _lives(voucher: Voucher) -> bool:
    """Whether money that comes back stays: past its last day the next sweep takes it on (R-TIME-6)."""
    return voucher.state in (VoucherState.USABLE, VoucherState.SPENT) and clock.now() < voucher.full_use_by


def went_to_voucher(payment: Payment) -> bool:
    """Of a cancelled payment: to the voucher, or else to the budget."""
    key = {"event_key": f"cancellation:payment:{payment.id}"}
    return bool(db.session.execute(_RETURNED, key).scalar_one())
