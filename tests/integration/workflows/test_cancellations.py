"""R-PAY-6: the company on its day, the supplier later; and what comes back where."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db, transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs import outbox
from app.models.deals import Deal, DealState
from app.models.ledger import JournalKind, LedgerAccount
from app.models.payments import Payment, PaymentState, Slip, SlipKind
from app.models.programme import VatMode
from app.models.record import Notice
from app.models.vouchers import Voucher, VoucherState
from app.policy import CLOCK, Denied
from app.workflows import cancellations, ledger, lifecycle, payment_resolution, vouchers
from tests import money

pytestmark = pytest.mark.usefixtures("tx")
WHY = "잘못 결제했습니다."


def deal_of(payment: Payment) -> Deal:
    return db.session.get_one(Deal, payment.deal_id, populate_existing=True)


def test_company_cancels_on_the_day_and_everything_returns(sandbox: str) -> None:
    payer = money.make_payer(sandbox, company_share_percent=30, vat_mode=VatMode.BORNE)
    payment = money.pay(payer, money.make_bill(payer, 1_800_000))
    cancelled = cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason=WHY)
    assert cancelled.state is PaymentState.CANCELLED
    assert cancelled.cancelled_at is not None and cancelled.cancel_reason == WHY
    assert payer.left() == (2_800_000, 1_200_000)
    assert ledger.balance(LedgerAccount.COMPANY_TAX, payer.company.id) == 0
    assert ledger.balance(LedgerAccount.PAYABLE, payment.supplier_id) == 0
    assert deal_of(payment).state is DealState.PAYMENT_CANCELLED
    outbox.drain()
    kinds = db.session.scalars(select(Slip.kind).where(Slip.payment_id == payment.id)).all()
    assert SlipKind.CANCELLATION in kinds
    assert money.book(sandbox, payment.order_id) == [("charge", 1_980_000), ("cancel", 1_980_000)]
    assert ledger.verify() == []


def test_the_day_ends_at_midnight_to_the_millisecond(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 100_000))
    assert payment.paid_at is not None
    midnight = clock.end_of(clock.korean_day(payment.paid_at))
    with clock.at(midnight):
        assert not cancellations.cancellable_by(actor=payer.actor, payment=payment)
        with pytest.raises(Conflict) as refused:
            cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason=WHY)
        assert refused.value.code == "payment.cancel_today.late"
        assert "공급기업에 결제취소를 요청" in refused.value.text
    with clock.at(midnight - timedelta(milliseconds=1)):
        assert cancellations.cancellable_by(actor=payer.actor, payment=payment)
        done = cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason=WHY)
    assert done.state is PaymentState.CANCELLED
    assert clock.korean_day(done.cancelled_at or midnight) == clock.korean_day(payment.paid_at)


def test_supplier_cancels_later(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    payment, supplier = money.pay(payer, deal), money.supplier_of(deal)
    with clock.at(clock.now() + timedelta(days=20)):
        assert cancellations.cancellable_by(actor=supplier, payment=payment)
        done = cancellations.cancel_late(actor=supplier, payment_id=payment.id, reason="제공이 어렵습니다.")
    assert done.state is PaymentState.CANCELLED
    assert payer.left() == (3_600_000, 400_000)
    assert ledger.verify() == []


def told_of(payment: Payment) -> set[tuple[str, str]]:
    """(side, text) of what the two sides are told last."""
    query = select(Notice).where(Notice.key.like(f"deal:{payment.deal_id}:%")).order_by(Notice.id.desc())
    return {
        ("company" if row.company_id else "supplier", row.text) for row in db.session.scalars(query.limit(2))
    }


def test_both_sides_are_told_whose_cancellation_it_was(sandbox: str) -> None:
    """R-MSG-1, R-PAY-6: the side that pressed and its reason, however late the gateway's answer came."""
    payer = money.make_payer(sandbox)
    own = money.pay(payer, money.make_bill(payer, 100_000))
    cancellations.cancel_today(actor=payer.actor, payment_id=own.id, reason=WHY)
    name = own.deal.offering.name
    text = f"'{name}' 결제가 취소되었습니다. 수요기업이 요청한 취소입니다. 사유: {WHY}"
    assert told_of(own) == {("company", text), ("supplier", text)}
    deal = money.make_bill(payer, 100_000)
    theirs, supplier = money.pay(payer, deal), money.supplier_of(deal)
    with clock.at(clock.now() + timedelta(days=1)):
        cancellations.cancel_late(actor=supplier, payment_id=theirs.id, reason="제공이 어렵습니다.")
    name = theirs.deal.offering.name
    text = f"'{name}' 결제가 취소되었습니다. 공급기업이 요청한 취소입니다. 사유: 제공이 어렵습니다."
    assert told_of(theirs) == {("company", text), ("supplier", text)}


def test_who_may_not_cancel(sandbox: str) -> None:
    payer, other = money.make_payer(sandbox), money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    payment, supplier = money.pay(payer, deal), money.supplier_of(deal)
    with pytest.raises(NotFound):
        cancellations.cancel_today(actor=other.actor, payment_id=payment.id, reason=WHY)
    with pytest.raises(Denied):
        cancellations.cancel_today(actor=supplier, payment_id=payment.id, reason=WHY)
    with pytest.raises(Denied):
        cancellations.cancel_late(actor=payer.actor, payment_id=payment.id, reason=WHY)
    with pytest.raises(InvalidInput):
        cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason="  ")
    failed = money.pay(payer, money.make_bill(payer, 100_000), behaviour="01")
    with pytest.raises(Conflict):
        cancellations.cancel_today(actor=payer.actor, payment_id=failed.id, reason=WHY)


def test_second_press_changes_nothing(sandbox: str) -> None:
    """R-PAY-4"""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 100_000))
    for _ in range(3):
        done = cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason=WHY)
        assert done.state is PaymentState.CANCELLED
    assert money.book(sandbox, payment.order_id) == [("charge", 100_000), ("cancel", 100_000)]


def test_refused_cancellation_leaves_the_payment_paid_and_says_why(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour="74")
    refused = cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason=WHY)
    assert (refused.state, refused.failure_code) == (PaymentState.PAID, "REFUND_REJECTED")
    assert refused.failure_text == "결제 기관에서 취소를 거절했습니다. 콜센터(02-6093-3500)에 문의해 주세요."
    assert deal_of(payment).state is DealState.PAID
    assert ledger.verify() == []


@pytest.mark.parametrize("behaviour", ["82", "84"])
def test_lost_cancellation_is_asked_for_until_known(sandbox: str, behaviour: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour=behaviour)
    unknown = cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason=WHY)
    assert unknown.state is PaymentState.CANCELLING
    assert deal_of(payment).state is DealState.PAID
    assert ledger.verify() == []
    assert payment_resolution.resolve_one(payment_id=payment.id).state is PaymentState.CANCELLED
    assert money.book(sandbox, payment.order_id) == [("charge", 100_000), ("cancel", 100_000)]
    assert ledger.verify() == []


def test_cancellation_that_never_happened_is_repeated_with_its_key(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour="83")
    first = cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason=WHY)
    key = first.cancel_key
    again = payment_resolution.resolve_one(payment_id=payment.id)
    assert (again.state, again.cancel_key) == (PaymentState.CANCELLING, key)
    assert [p.id for p in money.unknown()] == [payment.id]
    assert money.book(sandbox, payment.order_id) == [("charge", 100_000)]


def test_spent_voucher_can_be_used_again(sandbox: str) -> None:
    payer = money.make_payer(sandbox, cap=100_000)
    payment = money.pay(payer, money.make_bill(payer, 100_000))
    voucher = db.session.get_one(Voucher, payer.voucher.id, populate_existing=True)
    assert voucher.state is VoucherState.SPENT
    cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason=WHY)
    assert db.session.get_one(Voucher, voucher.id, populate_existing=True).state is VoucherState.USABLE
    assert money.pay(payer, money.make_bill(payer, 100_000)).state is PaymentState.PAID
    assert ledger.verify() == []


def test_late_cancellation_of_an_ended_voucher_returns_to_the_budget(sandbox: str) -> None:
    payer = money.make_payer(sandbox, cap=1_000_000)
    deal = money.make_bill(payer, 400_000)
    payment, supplier = money.pay(payer, deal), money.supplier_of(deal)
    with transaction():
        lifecycle.fire(vouchers.VOUCHER, payer.voucher.id, "expire", actor=CLOCK)
        vouchers.give_back([payer.voucher.id], JournalKind.EXPIRY, actor=CLOCK)
    with clock.at(clock.now() + timedelta(days=1)):
        cancellations.cancel_late(actor=supplier, payment_id=payment.id, reason=WHY)
    assert payer.left() == (0, 0)
    assert ledger.balance(LedgerAccount.AGENCY_BUDGET, payer.voucher.agency_budget_id) == 900_000
    assert ledger.balance(LedgerAccount.PLEDGE, payer.company.id) == 0
    assert ledger.verify() == []


def test_spent_voucher_past_its_end_gives_everything_to_the_budget(sandbox: str) -> None:
    """R-TIME-6: the money passes through the voucher, and the next sweep takes it on."""
    payer = money.make_payer(sandbox, cap=100_000)
    deal = money.make_bill(payer, 100_000)
    payment, supplier = money.pay(payer, deal), money.supplier_of(deal)
    after_end = payer.voucher.full_use_by + timedelta(hours=1)
    with clock.at(after_end):
        cancellations.cancel_late(actor=supplier, payment_id=payment.id, reason=WHY)
        assert ledger.verify() == []
        vouchers.sweep(at=after_end)
    assert payer.left() == (0, 0)
    assert ledger.balance(LedgerAccount.AGENCY_BUDGET, payer.voucher.agency_budget_id) == 90_000
    assert ledger.verify() == []
