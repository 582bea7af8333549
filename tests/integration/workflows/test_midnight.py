"""Payments pressed in the last moment of a voucher's clocks (R-VOU-3, R-TIME-1, R-TIME-5)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict
from app.models.deals import Deal, DealState
from app.models.payments import Payment, PaymentState
from app.models.vouchers import Voucher, VoucherState
from app.workflows import card_payments, deadlines, ledger, payment_resolution
from tests import money
from tests.money import Payer

pytestmark = pytest.mark.usefixtures("tx")
LAST = timedelta(milliseconds=100)
LOST = "52"  # taken, and the answer lost
NOT_TAKEN = "56"


def press(payer: Payer, deal: Deal, at: datetime, *, behaviour: str = "") -> Payment:
    token, code = money.start(payer, deal, behaviour=behaviour).token, money.code_for(payer)
    with clock.at(at):
        return card_payments.pay_card(
            actor=payer.actor, token=token, code=code, idempotency_key=f"k{deal.id}"
        )


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
