"""Payments and cancellations pressed in the last moment of a clock (R-VOU-3, R-PAY-6, R-TIME-1, R-TIME-5)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict
from app.gateways.payments import Approval
from app.models.deals import Deal, DealState
from app.models.payments import Payment, PaymentState
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor
from app.workflows import (
    cancellation_terms,
    cancellations,
    deadlines,
    ledger,
    payment_resolution,
    payments,
    payments_reads,
)
from tests import money
from tests.money import Payer

pytestmark = pytest.mark.usefixtures("tx")
LAST = timedelta(milliseconds=100)
TICK = timedelta(milliseconds=1)
WHY = "수량을 잘못 정했습니다."
LOST = "52"  # taken, and the answer lost
NOT_TAKEN = "56"


def press(payer: Payer, deal: Deal, at: datetime, *, behaviour: str = "") -> Payment:
    token, code = money.start(payer, deal, behaviour=behaviour).token, money.code_for(payer)
    with clock.at(at):
        return money.press(payer, token, code, f"k{deal.id}")


def answer_after(midnight: datetime, payment: Payment) -> None:
    """The gateway is asked a minute into the next day."""
    payment.ask_again_at = clock.real_now()
    db.session.commit()
    with clock.at(midnight + timedelta(minutes=1)):
        payment_resolution.resolve()
    db.session.expire_all()


def long_bill(payer: Payer, amount: int) -> Deal:
    """Whose own deadline lies far behind the voucher's."""
    return money.make_bill(payer, amount, due_at=payer.voucher.full_use_by + timedelta(days=3))


def state_of(payer: Payer) -> VoucherState:
    return db.session.scalars(select(Voucher.state).where(Voucher.id == payer.voucher.id)).one()


def test_a_first_payment_answered_after_midnight_saves_the_voucher(sandbox: str) -> None:
    """R-VOU-3: pressed at 23:59:59.9 of the last day, it is no 회수, however late the answer comes."""
    payer = money.make_payer(sandbox)
    midnight, deal = payer.voucher.first_payment_by, long_bill(payer, 500_000)
    payment = press(payer, deal, midnight - LAST, behaviour=LOST)
    assert (payment.state, payment.pressed_at) == (PaymentState.PENDING, midnight - LAST)
    for late in (timedelta(), timedelta(seconds=30), timedelta(hours=5)):
        assert deadlines.sweep(at=midnight + late).vouchers_revoked == 0
    answer_after(midnight, payment)
    assert (payment.state, deal.state) == (PaymentState.PAID, DealState.PAID)
    assert deadlines.sweep(at=midnight + timedelta(days=1)).vouchers_revoked == 0
    assert (state_of(payer), payer.voucher.due_at) == (VoucherState.USABLE, payer.voucher.full_use_by)
    assert ledger.verify() == []


def test_a_first_payment_that_failed_after_midnight_saves_nothing(sandbox: str) -> None:
    """R-VOU-3, R-VOU-1: the voucher is taken back at the next sweep, its money whole."""
    payer = money.make_payer(sandbox)
    midnight = payer.voucher.first_payment_by
    payment = press(payer, long_bill(payer, 500_000), midnight - LAST, behaviour=NOT_TAKEN)
    assert deadlines.sweep(at=midnight).vouchers_revoked == 0
    answer_after(midnight, payment)
    assert payment.state is PaymentState.FAILED
    assert deadlines.sweep(at=midnight + timedelta(minutes=2)).vouchers_revoked == 1
    assert (state_of(payer), payer.left()) == (VoucherState.REVOKED, (0, 0))
    assert ledger.verify() == []


@pytest.mark.parametrize(
    ("amount", "end"), [(3_000_000, VoucherState.EXPIRED), (3_500_000, VoucherState.SPENT)]
)
def test_a_last_payment_answered_after_midnight_counts(sandbox: str, amount: int, end: VoucherState) -> None:
    """R-VOU-3: what was pressed in time is paid; only what is left then expires."""
    payer = money.make_payer(sandbox)
    money.pay(payer, money.make_bill(payer, 500_000))
    midnight, deal = payer.voucher.full_use_by, long_bill(payer, amount)
    assert payer.voucher.due_at == midnight
    payment = press(payer, deal, midnight - LAST, behaviour=LOST)
    assert deadlines.sweep(at=midnight).vouchers_expired == 0
    answer_after(midnight, payment)
    assert (payment.state, deal.state) == (PaymentState.PAID, DealState.PAID)
    deadlines.sweep(at=midnight + timedelta(minutes=2))
    assert (state_of(payer), payer.left()) == (end, (0, 0))
    assert ledger.verify() == []


@pytest.mark.parametrize("clock_name", ["first_payment_by", "full_use_by"])
def test_a_press_at_24_00_is_late(sandbox: str, clock_name: str) -> None:
    """R-TIME-1: refused though nothing has swept yet (R-TIME-6); a tenth of a second before it is paid."""
    payer = money.make_payer(sandbox)
    if clock_name == "full_use_by":
        money.pay(payer, money.make_bill(payer, 100_000))
    midnight, deal = getattr(payer.voucher, clock_name), long_bill(payer, 500_000)
    with pytest.raises(Conflict) as refused:
        press(payer, deal, midnight)
    assert refused.value.code == "voucher.deadline"
    assert payer.left() == ((3_510_000, 390_000) if clock_name == "full_use_by" else (3_600_000, 400_000))
    assert press(payer, deal, midnight - LAST).state is PaymentState.PAID


def test_a_bill_answered_after_midnight_is_paid(sandbox: str) -> None:
    """R-VOU-3 on R-TIME-3"""
    payer = money.make_payer(sandbox)
    midnight = clock.end_of(clock.today() + timedelta(days=2))
    deal = money.make_bill(payer, 500_000, due_at=midnight)
    payment = press(payer, deal, midnight - LAST, behaviour=LOST)
    assert deadlines.sweep(at=midnight).bills == 0
    answer_after(midnight, payment)
    assert (payment.state, deal.state) == (PaymentState.PAID, DealState.PAID)
    assert deadlines.sweep(at=midnight + timedelta(days=1)).bills == 0


def end_of_day(payment: Payment) -> datetime:
    """24:00 Korean time of the day of payment."""
    assert payment.paid_at is not None
    return clock.end_of(clock.korean_day(payment.paid_at))


def may_cancel(payment: Payment, *actors: Actor) -> list[bool]:
    found = [cancellation_terms.of(payment, actor=actor) for actor in actors]
    return [terms is not None and terms.may for terms in found]


def test_at_midnight_the_cancellation_goes_from_the_company_to_the_supplier(sandbox: str) -> None:
    """R-PAY-6: at every instant exactly one of them may, and both read until when."""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    payment, supplier = money.pay(payer, deal), money.supplier_of(deal)
    midnight = end_of_day(payment)
    for instant, may in {
        midnight - timedelta(hours=1): [True, False],
        midnight - TICK: [True, False],
        midnight: [False, True],
        midnight + TICK: [False, True],
        midnight + timedelta(days=400): [False, True],
    }.items():
        with clock.at(instant):
            assert may_cancel(payment, payer.actor, supplier) == may, instant
    until = clock.write_deadline(midnight)
    with clock.at(midnight - TICK):
        own = cancellation_terms.of(payment, actor=payer.actor)
        other = cancellation_terms.of(payment, actor=supplier)
    assert own and own.rule == f"{until} 직접 취소할 수 있고, 그 뒤에는 공급기업만 취소할 수 있습니다."
    assert (
        other
        and other.rule == f"{until}는 수요기업만 취소할 수 있고, 그 뒤에는 공급기업만 취소할 수 있습니다."
    )


def test_the_company_cancels_until_the_last_millisecond(sandbox: str) -> None:
    """R-PAY-6, R-TIME-1: 00:00:00.000 is too late and says whom to ask; 23:59:59.999 is in time."""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 100_000))
    midnight = end_of_day(payment)
    with clock.at(midnight), pytest.raises(Conflict) as refused:
        cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason=WHY)
    assert refused.value.text == (
        "결제한 날이 지나 직접 취소할 수 없습니다. 공급기업에 결제취소를 요청해 주세요."
    )
    assert payer.left() == (3_510_000, 390_000)
    with clock.at(midnight - TICK):
        done = cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason=WHY)
    assert (done.state, done.cancel_pressed_at) == (PaymentState.CANCELLED, midnight - TICK)
    assert payer.left() == (3_600_000, 400_000)
    assert ledger.verify() == []


def test_the_supplier_cancels_from_the_first_millisecond_on(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    payment, supplier = money.pay(payer, deal), money.supplier_of(deal)
    with clock.at(end_of_day(payment) - TICK), pytest.raises(Conflict) as refused:
        cancellations.cancel_late(actor=supplier, payment_id=payment.id, reason=WHY)
    assert (
        refused.value.code == "payment.cancel_late.early" and "24:00까지는 수요기업만" in refused.value.text
    )
    assert money.book(sandbox, payment.order_id) == [("charge", 100_000)]
    with clock.at(end_of_day(payment)):
        done = cancellations.cancel_late(actor=supplier, payment_id=payment.id, reason=WHY)
    assert done.state is PaymentState.CANCELLED
    assert ledger.verify() == []


@pytest.mark.parametrize("behaviour", ["82", "84"])
def test_a_cancellation_answered_after_midnight_counts(sandbox: str, behaviour: str) -> None:
    """R-VOU-3 on R-PAY-6: the press decides; the answer is lost and asked for on the next day."""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    payment = money.pay(payer, deal, behaviour=behaviour)
    midnight = end_of_day(payment)
    with clock.at(midnight - TICK):
        pressed = cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason=WHY)
    assert pressed.state is PaymentState.CANCELLING
    answer_after(midnight, payment)
    assert (payment.state, deal.state) == (PaymentState.CANCELLED, DealState.PAYMENT_CANCELLED)
    assert payer.left() == (3_600_000, 400_000)
    assert money.book(sandbox, payment.order_id) == [("charge", 100_000), ("cancel", 100_000)]
    assert ledger.verify() == []


def test_the_day_of_payment_is_the_day_of_the_approval(sandbox: str) -> None:
    """R-PAY-6: pressed at 23:59:59.999 and approved at 00:00:00.500, it was paid on the second day.

    The 전표 shows the approval, so nobody has to know of the press; and by the press the company would have
    had a millisecond to cancel, and no time at all after an answer that was lost.
    """
    payer = money.make_payer(sandbox)
    deal = long_bill(payer, 100_000)
    supplier, midnight = money.supplier_of(deal), clock.end_of(clock.today())
    with clock.at(midnight - TICK):
        order = payments.hold(
            actor=payer.actor,
            deal_id=deal.id,
            idempotency_key="k",
            order_id=payments.new_order_id(),
            card=True,
        )
    approved_at = midnight + timedelta(milliseconds=500)
    approval = Approval("paid-late", order.order_id, order.total, "30412789", approved_at, "1234")
    with clock.at(approved_at):
        payments.settle(payment_id=order.payment_id, outcome=approval)
    payment = db.session.get_one(Payment, order.payment_id)
    assert (payment.pressed_at, payment.paid_at) == (midnight - TICK, approved_at)
    second = midnight + timedelta(days=1)
    with clock.at(second - TICK):
        assert may_cancel(payment, payer.actor, supplier) == [True, False]
    with clock.at(second):
        assert may_cancel(payment, payer.actor, supplier) == [False, True]
    day = clock.korean_day(approved_at)
    for since, found in ((day, [payment.id]), (day - timedelta(days=1), [])):
        rows = payments_reads.statement(actor=payer.actor, since=since, until=since)
        assert [row.id for row in rows] == found, "the lists go by the instant that they show"


def test_an_approval_whose_answer_was_lost_over_midnight_belongs_to_its_own_day(sandbox: str) -> None:
    """R-PAY-6: taken on the first day and known on the second, it is the supplier's to cancel."""
    payer = money.make_payer(sandbox)
    deal, midnight = long_bill(payer, 100_000), clock.end_of(clock.today())
    payment, supplier = press(payer, deal, midnight - LAST, behaviour=LOST), money.supplier_of(deal)
    answer_after(midnight, payment)
    assert payment.state is PaymentState.PAID and end_of_day(payment) == midnight
    with clock.at(midnight + timedelta(minutes=1)):
        assert may_cancel(payment, payer.actor, supplier) == [False, True]
        own = cancellation_terms.of(payment, actor=payer.actor)
    assert own and "공급기업에 결제취소를 요청해 주세요." in own.turn


def test_where_the_money_goes_is_said_as_it_then_happens(sandbox: str) -> None:
    """R-PAY-6: to the voucher until its last millisecond, then to the budget."""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    payment, supplier = money.pay(payer, deal), money.supplier_of(deal)
    end = payer.voucher.full_use_by
    for instant, to_voucher in ((end - TICK, True), (end, False)):
        with clock.at(instant):
            terms = cancellation_terms.of(payment, actor=supplier)
            assert terms is not None and terms.to_voucher is to_voucher
    deadlines.sweep(at=end)
    with clock.at(end + TICK):
        done = cancellations.cancel_late(actor=supplier, payment_id=payment.id, reason=WHY)
    assert not cancellation_terms.went_to_voucher(done)
    assert ledger.verify() == []
