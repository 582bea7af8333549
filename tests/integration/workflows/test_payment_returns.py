"""R-PAY-4: what a gateway took for a payment that failed here is found out and given back."""

from __future__ import annotations

import logging
import secrets
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock, gateways
from app.db import db
from app.errors import NotFound as Nothing
from app.gateways.errors import Forged, Refused, Unknown
from app.gateways.payments import Approval, Cancellation, Failed, Found, NotFound, PaymentGateway
from app.models.payments import Payment, PaymentState, UnknownWhy
from app.models.record import AuditRow, Notice
from app.workflows import cancellations, ledger, payment_resolution, payment_returns, payments
from tests import callbacks, money
from tests.money import fresh, make_due

pytestmark = pytest.mark.usefixtures("tx")
GIVEN_UP = Failed("NOT_FOUND_PAYMENT", "결제가 시작되지 않아 돈이 나가지 않았습니다. 다시 결제해 주세요.")


def charged_though_failed(sandbox: str) -> tuple[money.Payer, Payment]:
    """The answer was lost, and the payment given up before anybody asked."""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
    payments.settle(payment_id=payment.id, outcome=GIVEN_UP)
    return payer, fresh(payment)


def call_back(app: Flask, payment: Payment, status: str = "DONE") -> bool:
    told = callbacks.signed(app.config["CARD_SECRET"], payment.order_id, status)
    return payment_resolution.take_callback(system="card", **told)


def assert_given_back_once(sandbox: str, payer: money.Payer, payment: Payment) -> None:
    assert money.book(sandbox, payment.order_id) == [("charge", 300_000), ("cancel", 300_000)]
    payment = fresh(payment)
    assert (payment.state, payment.ask_again_at) == (PaymentState.FAILED, None)
    assert payment.returned_at is not None and payment.unknown_why is None
    assert payer.left() == (3_600_000, 400_000)
    of_payment = (AuditRow.entity == "payment", AuditRow.entity_id == payment.id)
    rows = db.session.scalars(select(AuditRow).where(*of_payment, AuditRow.action == "charge_returned"))
    assert len(list(rows)) == 1
    told = db.session.scalars(select(Notice).where(Notice.key == f"payment:{payment.id}:charge_returned"))
    assert [notice.company_id for notice in told] == [payment.company_id]
    assert ledger.verify() == []


def test_a_late_call_back_about_a_failed_payment_gives_the_charge_back(app: Flask, sandbox: str) -> None:
    payer, payment = charged_though_failed(sandbox)
    for _ in range(2):
        assert call_back(app, payment)
    result = payment_resolution.resolve()
    assert (result.asked, result.returned) == (1, 1)
    assert_given_back_once(sandbox, payer, payment)
    # The gateway tells of its own cancellation as well, and again of the charge.
    for status in ("CANCELED", "DONE"):
        assert not call_back(app, payment, status)
    assert payment_resolution.resolve().asked == 0
    assert_given_back_once(sandbox, payer, payment)


def test_a_lost_answer_to_the_giving_back_is_found_out(
    app: Flask, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer, payment = charged_though_failed(sandbox)
    call_back(app, payment)
    real = PaymentGateway.cancel

    def lose(self: PaymentGateway, **asked: Any) -> Cancellation:
        real(self, **asked)
        raise Unknown("card: ReadTimeout")

    with monkeypatch.context() as patch:
        patch.setattr(PaymentGateway, "cancel", lose)
        assert payment_resolution.resolve().unknown == 1
    assert fresh(payment).unknown_why == UnknownWhy.NO_ANSWER.value
    make_due(payment)
    assert payment_resolution.resolve().returned == 1
    assert_given_back_once(sandbox, payer, payment)


def test_a_giving_back_that_is_refused_stays_to_be_seen(
    app: Flask, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer, payment = charged_though_failed(sandbox)
    call_back(app, payment)

    def refuse(self: PaymentGateway, **_: Any) -> Cancellation:
        raise Refused("NOT_CANCELABLE_PAYMENT", "", "취소할 수 없는 결제입니다. 콜센터에 문의해 주세요.")

    with monkeypatch.context() as patch:
        patch.setattr(PaymentGateway, "cancel", refuse)
        assert payment_resolution.resolve().unknown == 1
    payment = fresh(payment)
    assert payment.unknown_why == UnknownWhy.RETURN_REFUSED.value and payment.ask_again_at is not None
    make_due(payment)
    assert payment_resolution.resolve().returned == 1
    assert_given_back_once(sandbox, payer, payment)


def test_the_outbox_and_the_asking_give_back_once(app: Flask, sandbox: str) -> None:
    """Both may come to it: their key at the gateway is the same."""
    payer, payment = charged_though_failed(sandbox)
    found = gateways.get().card.find(order_id=payment.order_id)
    assert isinstance(found, Approval)
    charge = {"payment_id": payment.id, "payment_key": found.payment_key, "amount": found.amount}
    db.session.commit()
    cancellations.return_charge(charge, f"payment:{payment.id}:return_charge")
    call_back(app, payment)
    assert payment_resolution.resolve().returned == 1
    cancellations.return_charge(charge, f"payment:{payment.id}:return_charge")
    assert_given_back_once(sandbox, payer, payment)


def test_a_payment_that_was_given_up_is_watched_and_a_late_charge_goes_back(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The press reaches its gateway only after the askings found no order there, and no call-back comes."""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")

    def nothing(self: PaymentGateway, *, order_id: str) -> Found:
        return NotFound()

    with monkeypatch.context() as patch:
        patch.setattr(PaymentGateway, "find", nothing)
        last = payment_resolution.ASKED_ENOUGH - 1
        for turn in range(last + 1):
            make_due(payment)
            result = payment_resolution.resolve()
            assert (result.unknown, result.failed) == ((0, 1) if turn == last else (1, 0))
        payment = fresh(payment)
        assert payment.state is PaymentState.FAILED
        watched_from = clock.real_now() + payment_returns.WATCH_FIRST
        assert payment.ask_again_at is not None and payment.ask_again_at <= watched_from
    make_due(payment)
    assert payment_resolution.resolve().returned == 1
    assert_given_back_once(sandbox, payer, payment)


def test_the_watch_ends(sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="61")
    monkeypatch.setattr(PaymentGateway, "find", lambda self, *, order_id: NotFound())
    for turn in range(payment_resolution.ASKED_ENOUGH + payment_returns.WATCHED_ENOUGH):
        assert fresh(payment).ask_again_at is not None, turn
        make_due(payment)
        payment_resolution.resolve()
    payment = fresh(payment)
    assert (payment.state, payment.ask_again_at) == (PaymentState.FAILED, None)
    assert payment.unknown_why is None


def test_a_later_press_of_the_same_order_keeps_its_money(app: Flask, sandbox: str) -> None:
    """A wrong code fails a payment; the next press pays the same order, and nothing goes back."""
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 300_000)
    token = money.start(payer, deal).token
    code = money.code_for(payer)
    wrong = "000000" if code != "000000" else "000001"

    def press(typed: str) -> Payment:
        return money.press(payer, token, typed, secrets.token_hex(8))

    failed = press(wrong)
    assert failed.state is PaymentState.FAILED
    paid = press(code)
    assert (paid.state, paid.order_id) == (PaymentState.PAID, failed.order_id)
    assert not call_back(app, paid)
    make_due(failed)
    assert payment_resolution.resolve().settled == 1
    assert fresh(failed).ask_again_at is None and fresh(failed).returned_at is None
    assert money.book(sandbox, paid.order_id) == [("charge", 300_000)]


def test_a_cancellation_at_the_gateway_alone_is_asked_about_and_left_to_the_books(
    app: Flask, sandbox: str, caplog: pytest.LogCaptureFixture
) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000))
    assert payment.payment_key is not None
    gateways.get().card.cancel(
        payment_key=payment.payment_key, amount=300_000, reason="콘솔", idempotency_key=secrets.token_hex(8)
    )
    assert call_back(app, payment, "CANCELED")
    with caplog.at_level(logging.ERROR):
        assert payment_resolution.resolve().settled == 1
    assert "the gateway's book differs" in caplog.messages
    assert (fresh(payment).state, fresh(payment).ask_again_at) == (PaymentState.PAID, None)


def test_an_order_of_nobody_is_refused_and_logged(
    app: Flask, sandbox: str, caplog: pytest.LogCaptureFixture
) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
    before = fresh(payment).ask_again_at
    told = callbacks.signed(app.config["CARD_SECRET"], "KV-of-nobody")
    other = callbacks.signed(app.config["ZEROPAY_SECRET"], payment.order_id)
    for system, event in (("card", told), ("zeropay", other)):
        with caplog.at_level(logging.WARNING), pytest.raises(Nothing):
            payment_resolution.take_callback(system=system, **event)
    assert caplog.messages.count("call-back about an order that is none of ours") == 2
    assert fresh(payment).ask_again_at == before


def test_an_order_that_was_begun_and_never_pressed_is_no_stranger(app: Flask, sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    begun = money.start(payer, money.make_bill(payer, 300_000))
    told = callbacks.signed(app.config["CARD_SECRET"], begun.order_id, "EXPIRED")
    assert not payment_resolution.take_callback(system="card", **told)


def test_a_forged_one_is_refused(app: Flask, sandbox: str) -> None:
    told = callbacks.signed("guessed", "KV-nobody")
    for system in ("card", "zeropay", "elsewhere"):
        with pytest.raises(Forged):
            payment_resolution.take_callback(system=system, **told)


def test_a_hint_is_never_believed(app: Flask, sandbox: str) -> None:
    """It says DONE; the gateway itself says that nothing was taken."""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="61")
    for _ in range(2):
        assert call_back(app, payment)
    assert payment_resolution.resolve().failed == 1
    assert fresh(payment).state is PaymentState.FAILED
    # Once more it is asked about, and nothing comes of it.
    assert call_back(app, payment)
    assert payment_resolution.resolve().settled == 1
    assert fresh(payment).ask_again_at is None
