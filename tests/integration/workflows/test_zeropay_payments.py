"""R-PAY-1, R-INS-4: payment in ZeroPay's own window; walking away pays nothing."""

from __future__ import annotations

import pytest

from app.db import transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.gateways.errors import Unavailable
from app.gateways.zeropay import ZeroPay
from app.models.ledger import LedgerAccount
from app.models.payments import PaymentState
from app.models.vouchers import InstrumentKind
from app.workflows import cancellations, ledger, payment_resolution, zeropay_payments
from tests import money

pytestmark = pytest.mark.usefixtures("tx")
BACK = "http://platform.example/payments/zeropay/return"


def make_payer(sandbox: str, *, bought: int = 400_000) -> money.Payer:
    payer = money.make_payer(sandbox, kind=InstrumentKind.ZEROPAY)
    if bought:
        money.deposit(payer, bought)
    return payer


def open_window(payer: money.Payer, amount: int, *, key: str = "window") -> zeropay_payments.Checkout:
    return zeropay_payments.start_zeropay(
        actor=payer.actor,
        deal_id=money.make_bill(payer, amount).id,
        idempotency_key=key,
        return_url=BACK,
    )


def test_certificate_payment_goes_through_the_window(sandbox: str) -> None:
    payer = make_payer(sandbox)
    checkout = open_window(payer, 1_000_000)
    assert checkout.url is not None and checkout.payment.state is PaymentState.PENDING
    assert ledger.balance(LedgerAccount.HOLD, checkout.payment.id) == 1_000_000
    params = money.press_in_window(checkout.url)
    paid = zeropay_payments.finish_zeropay(actor=payer.actor, params=params)
    assert paid.state is PaymentState.PAID and paid.card_last4 is None
    assert money.book(sandbox, paid.order_id) == [("charge", 1_000_000)]
    again = zeropay_payments.finish_zeropay(actor=payer.actor, params=params)
    assert again.id == paid.id and money.book(sandbox, paid.order_id) == [("charge", 1_000_000)]
    done = cancellations.cancel_today(actor=payer.actor, payment_id=paid.id, reason="잘못 결제")
    assert done.state is PaymentState.CANCELLED
    assert payer.left() == (3_600_000, 400_000)
    assert ledger.verify() == []


def test_same_press_gives_the_same_window(sandbox: str) -> None:
    """R-PAY-4"""
    payer = make_payer(sandbox)
    deal = money.make_bill(payer, 1_000_000)
    windows = [
        zeropay_payments.start_zeropay(
            actor=payer.actor, deal_id=deal.id, idempotency_key="twice", return_url=BACK
        )
        for _ in range(2)
    ]
    assert windows[0].url == windows[1].url and windows[0].payment.id == windows[1].payment.id
    with pytest.raises(Conflict):
        zeropay_payments.start_zeropay(
            actor=payer.actor, deal_id=deal.id, idempotency_key="other", return_url=BACK
        )


def test_cancelled_in_the_window_fails_with_the_reason(sandbox: str) -> None:
    payer = make_payer(sandbox)
    checkout = open_window(payer, 500_000)
    params = money.press_in_window(checkout.url or "", button="cancel")
    failed = zeropay_payments.finish_zeropay(actor=payer.actor, params=params)
    assert (failed.state, failed.failure_code) == (PaymentState.FAILED, "PAY_PROCESS_CANCELED")
    assert payer.left() == (3_600_000, 400_000)
    over = zeropay_payments.start_zeropay(
        actor=payer.actor, deal_id=failed.deal_id, idempotency_key="window", return_url=BACK
    )
    assert over.url is None and over.payment.id == failed.id
    assert ledger.verify() == []


def test_too_few_certificates(sandbox: str) -> None:
    """R-INS-4: the company buys its own share first."""
    payer = make_payer(sandbox, bought=0)
    checkout = open_window(payer, 500_000)
    failed = zeropay_payments.finish_zeropay(
        actor=payer.actor, params=money.press_in_window(checkout.url or "")
    )
    assert (failed.state, failed.failure_code) == (PaymentState.FAILED, "NOT_ENOUGH_BALANCE")
    assert ledger.verify() == []


def test_lost_answer_is_found_by_asking(sandbox: str) -> None:
    payer = make_payer(sandbox)
    checkout = open_window(payer, 500_000)
    params = money.press_in_window(checkout.url or "", password="990052")
    assert zeropay_payments.finish_zeropay(actor=payer.actor, params=params).state is PaymentState.PENDING
    found = payment_resolution.resolve_one(payment_id=checkout.payment.id)
    assert found.state is PaymentState.PAID
    assert ledger.verify() == []


def test_a_return_taken_up_again_while_the_gateway_is_down_stays_unknown(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-PAY-4: an earlier confirm may have been heard; that this one was not proves nothing."""

    def unreachable(*_: object, **__: object) -> None:
        raise Unavailable("zeropay: ConnectError")

    payer = make_payer(sandbox)
    checkout = open_window(payer, 500_000)
    params = money.press_in_window(checkout.url or "", password="990052")
    assert zeropay_payments.finish_zeropay(actor=payer.actor, params=params).state is PaymentState.PENDING
    with monkeypatch.context() as down:
        down.setattr(ZeroPay, "confirm", unreachable)
        again = zeropay_payments.finish_zeropay(actor=payer.actor, params=params)
    assert again.state is PaymentState.PENDING
    assert ledger.balance(LedgerAccount.HOLD, checkout.payment.id) == 500_000
    assert payment_resolution.resolve_one(payment_id=checkout.payment.id).state is PaymentState.PAID
    assert ledger.verify() == []


def test_walking_away_is_found_out_by_asking(sandbox: str) -> None:
    payer = make_payer(sandbox)
    payment = open_window(payer, 500_000).payment
    assert payment_resolution.resolve_one(payment_id=payment.id).state is PaymentState.PENDING
    with transaction():
        # An order that ZeroPay does not know any more stands for one whose time is over.
        payment.order_id = "KV-gone-and-forgotten"
        payment.asked = payment_resolution.ASKED_ENOUGH
    assert payment_resolution.resolve_one(payment_id=payment.id).state is PaymentState.FAILED
    assert ledger.verify() == []


def test_forged_or_foreign_return_pays_nothing(sandbox: str) -> None:
    payer, other = make_payer(sandbox), make_payer(sandbox)
    checkout = open_window(payer, 500_000)
    params = money.press_in_window(checkout.url or "")
    with pytest.raises(InvalidInput):
        zeropay_payments.finish_zeropay(actor=payer.actor, params=params | {"amount": "1"})
    with pytest.raises(NotFound):
        zeropay_payments.finish_zeropay(actor=other.actor, params=params)
    assert money.book(sandbox, checkout.payment.order_id) == []
