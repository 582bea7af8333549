"""R-PAY-4: unknown outcomes are asked for until known, whatever the gateways say or do not say."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import clock, gateways
from app.db import db
from app.gateways.card import Card
from app.gateways.errors import GatewayError, Refused, Unavailable, Unknown
from app.gateways.payments import Approval, Failed, Found, NotFound, PaymentGateway
from app.models.deals import Deal, DealState
from app.models.ledger import LedgerAccount
from app.models.payments import Payment, PaymentState, UnknownWhy
from app.models.record import OutboxMessage
from app.models.vouchers import InstrumentKind
from app.workflows import cancellations, ledger, payment_resolution, payments, zeropay_payments
from tests import money
from tests.money import fresh, make_due

pytestmark = pytest.mark.usefixtures("tx")


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


def hold(payer: money.Payer, *, order_id: str | None = None) -> Payment:
    """Pressed, and the gateway not asked yet."""
    deal = money.make_bill(payer, 300_000)
    order = payments.hold(
        actor=payer.actor,
        deal_id=deal.id,
        idempotency_key=secrets.token_hex(8),
        order_id=order_id or payments.new_order_id(),
        card=True,
    )
    return db.session.get_one(Payment, order.payment_id)


def silent(monkeypatch: pytest.MonkeyPatch, error: GatewayError, gateway: type = PaymentGateway) -> list[str]:
    """The gateway does not say what became of an order; returns the orders that were asked about."""
    asked: list[str] = []

    def find(self: PaymentGateway, *, order_id: str) -> Found:
        asked.append(order_id)
        raise error

    monkeypatch.setattr(gateway, "find", find)
    return asked


def waits_of(payment: Payment, turns: int) -> list[int]:
    waits = []
    for _ in range(turns):
        make_due(payment)
        before = clock.real_now()
        assert payment_resolution.resolve().unknown == 1
        asked = fresh(payment).ask_again_at
        assert asked is not None
        waits.append(round((asked - before).total_seconds()))
    return waits


def test_each_turn_lies_further_off(sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = hold(money.make_payer(sandbox))
    silent(monkeypatch, Unknown("card: ReadTimeout"))
    waits = waits_of(payment, 10)
    assert waits[:4] == [5, 10, 20, 40]
    assert waits[-1] == payment_resolution.LONGEST_SECONDS


def test_an_order_that_stands_open_is_asked_about_each_minute(sandbox: str) -> None:
    """The gateway closes it within minutes: what a person walked away from is not held for longer."""
    payer = money.make_payer(sandbox)
    payment = hold(payer, order_id=money.start(payer, money.make_bill(payer, 300_000)).order_id)
    assert waits_of(payment, 8) == [5, 10, 20, 40, 60, 60, 60, 60]
    assert fresh(payment).unknown_why == UnknownWhy.IN_PROGRESS.value


def test_a_repeated_cancellation_does_not_shorten_the_pauses(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour="83")
    cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason="변경")
    assert waits_of(payment, 4) == [5, 10, 20, 40]
    assert fresh(payment).unknown_why == UnknownWhy.NOT_CANCELLED.value
    assert money.book(sandbox, payment.order_id) == [("charge", 100_000)]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Unavailable("card: ConnectError"), UnknownWhy.UNREACHABLE),
        (Unknown("card: HTTP 500"), UnknownWhy.NO_ANSWER),
        (Unknown("the gateway named a state that we do not know"), UnknownWhy.NO_ANSWER),
        (Refused("UNAUTHORIZED_KEY", "", ""), UnknownWhy.TURNED_AWAY),
    ],
)
def test_why_it_is_not_known_is_kept(
    sandbox: str, monkeypatch: pytest.MonkeyPatch, error: GatewayError, why: UnknownWhy
) -> None:
    payment = hold(money.make_payer(sandbox))
    silent(monkeypatch, error)
    make_due(payment)
    assert payment_resolution.resolve().unknown == 1
    payment = fresh(payment)
    assert (payment.state, payment.unknown_why, payment.asked) == (PaymentState.PENDING, why.value, 1)
    assert payment.asked_at is not None and clock.real_now() - payment.asked_at < timedelta(seconds=30)
    assert ledger.balance(LedgerAccount.HOLD, payment.id) == 300_000


def test_a_gateway_that_is_down_does_not_hold_up_the_other(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left alone after a handful; the next run tries again."""
    payer = money.make_payer(sandbox)
    silent_ones = [hold(payer) for _ in range(payment_resolution.AT_ONCE + 1)]
    holder = money.make_payer(sandbox, kind=InstrumentKind.ZEROPAY)
    money.deposit(holder, 400_000)
    window = zeropay_payments.start_zeropay(
        actor=holder.actor,
        deal_id=money.make_bill(holder, 100_000).id,
        idempotency_key=secrets.token_hex(8),
        return_url="http://platform.example/payments/zeropay/return",
    )
    assert window.url is not None
    money.press_in_window(window.url, button="cancel")
    make_due(*silent_ones, window.payment)
    asked = silent(monkeypatch, Unavailable("card: ConnectError"), gateway=Card)
    result = payment_resolution.resolve()
    assert len(asked) == payment_resolution.AT_ONCE
    assert (result.failed, result.unknown) == (1, payment_resolution.AT_ONCE)
    assert fresh(window.payment).state is PaymentState.FAILED
    assert payment_resolution.resolve().unknown == 1


def test_what_cannot_be_entered_does_not_stop_those_behind_it(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = money.make_payer(sandbox)
    bad, good = (money.pay(payer, money.make_bill(payer, 100_000), behaviour="52") for _ in range(2))
    make_due(bad, good)
    real = payments.settle

    def settle(*, payment_id: int, outcome: Approval | Failed) -> Payment:
        if payment_id == bad.id:
            raise RuntimeError("cannot be entered")
        return real(payment_id=payment_id, outcome=outcome)

    monkeypatch.setattr(payments, "settle", settle)
    result = payment_resolution.resolve()
    assert (result.paid, result.unknown) == (1, 1)
    assert fresh(bad).unknown_why == UnknownWhy.FAULT.value
    monkeypatch.undo()
    assert payment_resolution.resolve_one(payment_id=bad.id).state is PaymentState.PAID
    assert fresh(bad).unknown_why is None
    assert ledger.verify() == []


@pytest.mark.parametrize("behaviour", ["63", "64", "65"])
def test_a_gateway_that_fails_at_the_asking_too_is_asked_on(sandbox: str, behaviour: str) -> None:
    """Taken, the answer lost; then errors, garbage, or an order that it does not seem to know."""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour=behaviour)
    turns = 0
    while fresh(payment).state is PaymentState.PENDING:
        turns += 1
        assert turns <= 3
        make_due(payment)
        payment_resolution.resolve()
    assert turns > 1 and fresh(payment).state is PaymentState.PAID
    assert money.book(sandbox, payment.order_id) == [("charge", 300_000)]
    assert ledger.verify() == []


@pytest.mark.parametrize("behaviour", ["86", "87"])
def test_a_gateway_that_fails_at_the_asking_about_a_cancellation(sandbox: str, behaviour: str) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour=behaviour)
    cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason="변경")
    turns = 0
    while fresh(payment).state is PaymentState.CANCELLING:
        turns += 1
        assert turns <= 3
        make_due(payment)
        payment_resolution.resolve()
    assert turns > 1 and fresh(payment).state is PaymentState.CANCELLED
    assert money.book(sandbox, payment.order_id) == [("charge", 300_000), ("cancel", 300_000)]
    assert ledger.verify() == []


def test_an_approval_of_another_amount_decides_nothing_and_is_shown(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
    real = PaymentGateway.find

    def find(self: PaymentGateway, *, order_id: str) -> Found:
        found = real(self, order_id=order_id)
        assert isinstance(found, Approval)
        return replace(found, amount=1)

    monkeypatch.setattr(PaymentGateway, "find", find)
    assert payment_resolution.resolve_one(payment_id=payment.id).state is PaymentState.PENDING
    assert fresh(payment).unknown_why == UnknownWhy.AMOUNT.value


def test_the_rest_of_what_was_taken_back_in_part_goes_back_too(sandbox: str) -> None:
    """Money was taken, and part of it given back at the gateway's own console, before we knew of it."""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
    found = gateways.get().card.find(order_id=payment.order_id)
    assert isinstance(found, Approval)
    key = secrets.token_hex(8)
    gateways.get().card.cancel(
        payment_key=found.payment_key, amount=100_000, reason="콘솔", idempotency_key=key
    )
    make_due(payment)
    assert payment_resolution.resolve().failed == 1
    assert fresh(payment).failure_code == "CANCELED"
    assert money.book(sandbox, payment.order_id) == [
        ("charge", 300_000),
        ("cancel", 100_000),
        ("cancel", 200_000),
    ]
    assert payer.left() == (3_600_000, 400_000)
    assert ledger.verify() == []


def test_a_cancellation_of_what_is_gone_in_part_is_decided_by_the_refusal(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000))
    assert payment.payment_key is not None
    gateways.get().card.cancel(
        payment_key=payment.payment_key, amount=100_000, reason="콘솔", idempotency_key=secrets.token_hex(8)
    )
    with monkeypatch.context() as patch:
        patch.setattr(PaymentGateway, "cancel", lambda self, **_: raising(Unknown("card: ReadTimeout")))
        cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason="변경")
    assert fresh(payment).state is PaymentState.CANCELLING
    make_due(payment)
    assert payment_resolution.resolve().refused == 1
    payment = fresh(payment)
    assert (payment.state, payment.failure_code) == (PaymentState.PAID, "NOT_CANCELABLE_AMOUNT")


def raising(error: Exception) -> Any:
    raise error


def test_a_cancelled_order_that_the_gateway_does_not_know_is_shown(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour="83")
    cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason="변경")
    monkeypatch.setattr(PaymentGateway, "find", lambda self, *, order_id: NotFound())
    assert payment_resolution.resolve_one(payment_id=payment.id).state is PaymentState.CANCELLING
    assert fresh(payment).unknown_why == UnknownWhy.CONTRADICTION.value


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
