"""Each decline of the played gateways, through a real payment, to the sentence that is read (R-PAY-3)."""

from __future__ import annotations

import secrets

import pytest
from sqlalchemy import select

from app.db import db
from app.errors import InvalidInput
from app.gateways.errors import korean_for
from app.models.deals import Deal, DealState
from app.models.payments import Payment, PaymentState
from app.models.record import Notice
from app.models.vouchers import InstrumentKind
from app.workflows import cancellations, ledger, zeropay_payments
from sandbox import behaviours
from tests import money

pytestmark = pytest.mark.usefixtures("tx")


def assert_failed(payer: money.Payer, payment: Payment, code: str, system: str) -> None:
    """The reason stands at the payment and in 알림; the money is back, and the bill can be paid again."""
    said = korean_for(code, system=system)
    assert (payment.state, payment.failure_code) == (PaymentState.FAILED, code)
    assert payment.failure_text == said
    deal = db.session.get_one(Deal, payment.deal_id, populate_existing=True)
    assert deal.state is DealState.BILLED
    texts = db.session.scalars(select(Notice.text).where(Notice.company_id == payer.company.id))
    assert any(said in text for text in texts)
    assert payer.left() == (3_600_000, 400_000)
    assert money.book(payer.sandbox, payment.order_id) == []
    assert ledger.verify() == []


@pytest.mark.parametrize("digits", sorted(behaviours.DECLINES))
def test_by_card(digits: str, sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour=digits)
    assert_failed(payer, payment, behaviours.DECLINES[digits][0], "card")


@pytest.mark.parametrize("digits", sorted(behaviours.DECLINES))
def test_by_zeropay(digits: str, sandbox: str) -> None:
    payer = money.make_payer(sandbox, kind=InstrumentKind.ZEROPAY)
    money.deposit(payer, 400_000)
    window = zeropay_payments.start_zeropay(
        actor=payer.actor,
        deal_id=money.make_bill(payer, 300_000).id,
        idempotency_key=secrets.token_hex(8),
        return_url="http://platform.example/payments/zeropay/return",
    )
    assert window.url is not None
    params = money.press_in_window(window.url, password=behaviours.password(digits))
    payment = zeropay_payments.finish_zeropay(actor=payer.actor, params=params)
    assert_failed(payer, payment, behaviours.DECLINES[digits][0], "zeropay")


@pytest.mark.parametrize("digits", sorted(behaviours.CODE_DECLINES))
def test_at_the_sending_of_the_code_nothing_was_pressed(digits: str, sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 300_000)
    db.session.commit()
    with pytest.raises(InvalidInput) as refused:
        money.start(payer, deal, behaviour=digits)
    said = korean_for(behaviours.CODE_DECLINES[digits][0], system="card")
    assert refused.value.text == said or said in refused.value.fields.values()
    assert db.session.scalars(select(Payment).where(Payment.deal_id == deal.id)).first() is None


@pytest.mark.parametrize("digits", sorted(behaviours.CANCEL_DECLINES))
def test_a_cancellation_that_is_declined_leaves_the_payment(digits: str, sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour=digits)
    kept = cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason="변경")
    code = behaviours.CANCEL_DECLINES[digits][0]
    said = korean_for(code, system="card")
    assert (kept.state, kept.failure_code, kept.failure_text) == (PaymentState.PAID, code, said)
    told = db.session.scalars(select(Notice).where(Notice.text.contains(said)))
    assert {bool(notice.company_id) for notice in told} == {True, False}
    assert money.book(sandbox, payment.order_id) == [("charge", 300_000)]
    assert ledger.verify() == []
