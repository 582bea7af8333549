"""R-PAY-4: unknown outcomes are asked for until known; call-backs are hints; the books are compared."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock, gateways
from app.db import db, transaction
from app.gateways.errors import Forged
from app.gateways.payments import Approval
from app.models.deals import Deal, DealState
from app.models.ledger import LedgerAccount
from app.models.payments import Payment, PaymentState
from app.models.record import OutboxMessage
from app.workflows import cancellations, ledger, payment_resolution, payments, steps
from tests import money

pytestmark = pytest.mark.usefixtures("tx")


def make_due(*rows: Payment) -> None:
    with transaction():
        for payment in rows:
            db.session.get_one(Payment, payment.id).ask_again_at = clock.real_now()


def fresh(payment: Payment) -> Payment:
    return db.session.get_one(Payment, payment.id, populate_existing=True)


def test_taken_though_the_answer_was_lost(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
    make_due(payment)
    result = payment_resolution.resolve()
    assert (result.asked, result.paid) == (1, 1)
    assert fresh(payment).state is PaymentState.PAID
    assert db.session.get_one(Deal, payment.deal_id, populate_existing=True).state is DealState.PAID
    assert money.book(sandbox, payment.order_id) == [("charge", 300_000)]
    assert ledger.verify() == []


@pytest.mark.parametrize("behaviour", ["56", "61"])
def test_not_taken_is_released(sandbox: str, behaviour: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour=behaviour)
    assert payment.state is PaymentState.PENDING
    make_due(payment)
    assert payment_resolution.resolve().failed == 1
    assert fresh(payment).failure_code == "FAILED_INTERNAL_SYSTEM_PROCESSING"
    assert payer.left() == (3_600_000, 400_000)
    assert ledger.verify() == []


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
    assert payment.ask_again_at is not None
    assert abs(payment.ask_again_at - first) < timedelta(seconds=10)
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


def test_each_turn_lies_further_off(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 300_000)
    order = payments.hold(
        actor=payer.actor,
        deal_id=deal.id,
        idempotency_key=secrets.token_hex(8),
        order_id=money.start(payer, deal).order_id,
        card=True,
    )
    waits = []
    for _ in range(12):
        make_due(db.session.get_one(Payment, order.payment_id))
        before = clock.real_now()
        assert payment_resolution.resolve().unknown == 1
        asked = db.session.get_one(Payment, order.payment_id, populate_existing=True).ask_again_at
        assert asked is not None
        waits.append(round((asked - before).total_seconds()))
    assert waits[:4] == [5, 10, 20, 40]
    assert waits[-1] == payment_resolution.LONGEST_SECONDS


def test_order_that_the_gateway_never_heard_of_is_failed_after_some_time(sandbox: str) -> None:
    """R-PAY-4: a press that is still on its way looks at first like one that was never made."""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 300_000)
    order = payments.hold(
        actor=payer.actor,
        deal_id=deal.id,
        idempotency_key="never",
        order_id=payments.new_order_id(),
        card=True,
    )
    payment = db.session.get_one(Payment, order.payment_id)
    for _ in range(payment_resolution.ASKED_ENOUGH - 1):
        make_due(payment)
        assert payment_resolution.resolve().unknown == 1
    make_due(payment)
    assert payment_resolution.resolve().failed == 1
    payment = fresh(payment)
    assert (payment.state, payment.failure_code) == (PaymentState.FAILED, "NOT_FOUND_PAYMENT")
    assert ledger.verify() == []


def _callback(app: Flask, order_id: str, *, secret: str | None = None) -> tuple[dict[str, str], bytes]:
    body = json.dumps(
        {
            "eventId": "evt_1",
            "eventType": "PAYMENT_STATUS_CHANGED",
            "createdAt": clock.real_now().isoformat(),
            "data": {"orderId": order_id, "paymentKey": "x", "status": "DONE"},
        }
    ).encode()
    timestamp = str(int(clock.real_now().timestamp()))
    key = (secret or app.config["CARD_SECRET"]).encode()
    signature = hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Callback-Timestamp": timestamp, "X-Callback-Signature": signature}, body


def test_callback_is_a_hint_and_never_believed(app: Flask, sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="61")
    headers, body = _callback(app, payment.order_id)
    for _ in range(2):
        assert payment_resolution.take_callback(system="card", headers=headers, body=body)
    assert payment_resolution.resolve().failed == 1
    assert not payment_resolution.take_callback(system="card", headers=headers, body=body)


def test_forged_callback_is_refused(app: Flask, sandbox: str) -> None:
    headers, body = _callback(app, "KV-nobody", secret="guessed")
    for system in ("card", "zeropay", "elsewhere"):
        with pytest.raises(Forged):
            payment_resolution.take_callback(system=system, headers=headers, body=body)


def test_books_agree_and_a_difference_is_named(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    since = clock.now()
    paid = money.pay(payer, money.make_bill(payer, 300_000))
    money.pay(payer, money.make_bill(payer, 200_000), behaviour="01")
    day = {"since": since, "until": clock.now() + timedelta(minutes=1)}
    result = payment_resolution.reconcile(**day)
    assert (result.checked, result.unanswered, result.differences) == (2, 0, [])

    # Somebody gives the money back at the gateway's own console.
    answer = money.WEB.post(
        f"{sandbox}/card/v1/payments/{paid.payment_key}/cancel",
        json={"cancelReason": "콘솔"},
        auth=("sandbox-card-key", ""),
        headers={"Idempotency-Key": secrets.token_hex(8)},
    )
    assert answer.status_code == 200
    [difference] = payment_resolution.reconcile(**day).differences
    assert difference.payment_id == paid.id
    assert (difference.ours, difference.theirs) == ("결제성공 300,000원", "취소 후 남은 결제 0원")


def test_money_taken_for_a_payment_that_was_given_up_goes_back(sandbox: str) -> None:
    """R-PAY-4: the gateway heard of the order after all; nobody stays charged for nothing."""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
    payments.settle(payment_id=payment.id, outcome=payment_resolution.NEVER_ASKED)
    late = gateways.get().card.find(order_id=payment.order_id)
    assert isinstance(late, Approval)
    assert payments.settle(payment_id=payment.id, outcome=late).state is PaymentState.FAILED
    [message] = db.session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "return_charge"))
    db.session.commit()
    for _ in range(2):
        cancellations.return_charge(message.payload, message.key)
    assert money.book(sandbox, payment.order_id) == [("charge", 300_000), ("cancel", 300_000)]
    assert payer.left() == (3_600_000, 400_000)
    assert ledger.verify() == []
