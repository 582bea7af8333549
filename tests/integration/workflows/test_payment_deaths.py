"""R-PAY-4: whoever dies in the middle of a payment, or of asking about one, loses and doubles nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock
from app.models.ledger import LedgerAccount
from app.models.payments import PaymentState
from app.workflows import ledger, payment_resolution, payments, steps
from tests import money
from tests.money import fresh, make_due

pytestmark = pytest.mark.usefixtures("tx")


def test_stopped_before_the_gateway_was_asked_waits_for_the_order_to_close(sandbox: str) -> None:
    """A process that died after the hold: the order stands open at the gateway, so nobody knows yet."""
    payer = money.make_payer(sandbox)
    token = None
    deal = money.make_bill(payer, 300_000)
    token = money.start(payer, deal)

    def die(step: str) -> None:
        if step == "payment.held":
            raise KeyboardInterrupt(step)

    steps.watchers.append(die)
    try:
        with pytest.raises(KeyboardInterrupt, match="payment.held"):
            money.card_payments.pay_card(
                actor=payer.actor, token=token.token, code=money.code_for(payer), idempotency_key="dead"
            )
    finally:
        steps.watchers.clear()
    [payment] = money.unknown()
    first = clock.real_now() + payments.ASK_FIRST
    assert payment.ask_again_at is not None and payment.ask_again_at > first - timedelta(seconds=10)
    assert payment_resolution.resolve().asked == 0
    make_due(payment)
    result = payment_resolution.resolve()
    assert (result.asked, result.unknown) == (1, 1)
    assert ledger.balance(LedgerAccount.HOLD, payment.id) == 300_000
    assert ledger.verify() == []


def test_died_between_the_answer_and_the_book(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 300_000)
    token, code = money.start(payer, deal).token, money.code_for(payer)

    def die(step: str) -> None:
        if step == "payment.answered":
            raise KeyboardInterrupt(step)

    steps.watchers.append(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            money.card_payments.pay_card(
                actor=payer.actor, token=token, code=code, idempotency_key="dead after"
            )
    finally:
        steps.watchers.clear()
    [payment] = money.unknown()
    assert payment_resolution.resolve_one(payment_id=payment.id).state is PaymentState.PAID
    assert money.book(sandbox, payment.order_id) == [("charge", 300_000)]
    assert ledger.verify() == []


@pytest.mark.parametrize("step", ["resolution.claimed", "resolution.answered"])
def test_death_in_the_middle_of_asking_is_made_up_for_soon(sandbox: str, step: str) -> None:
    """However often it was asked before: the growing pause begins with an answer."""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
    fresh(payment).asked = 12
    make_due(payment)

    def die(reached: str) -> None:
        if reached == step:
            raise KeyboardInterrupt(step)

    steps.watchers.append(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            payment_resolution.resolve()
    finally:
        steps.watchers.clear()
    payment = fresh(payment)
    assert payment.state is PaymentState.PENDING
    assert payment.ask_again_at is not None
    assert timedelta() < payment.ask_again_at - clock.real_now() <= payment_resolution.CLAIM
    assert payment_resolution.resolve().asked == 0
    make_due(payment)
    assert payment_resolution.resolve().paid == 1
    assert money.book(sandbox, payment.order_id) == [("charge", 300_000)]
    assert ledger.verify() == []
