"""Both sides cancel, at midnight too, with lost answers, call-backs and resolvers: once (R-PAY-6)."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app import clock
from app.db import db, transaction
from app.models.payments import Payment, PaymentState
from app.policy import Actor, Role
from app.workflows import cancellations, payment_resolution
from sandbox.courier import sign
from tests import factories, invariant, money, racing
from tests.racing import just_before

Together = Callable[..., list[Any]]
ROUNDS = 25


def by_company(press: racing.Press, payment_id: int, at: datetime | None = None) -> Callable[[], str]:
    def cancel() -> str:
        with clock.at(at or clock.now()):
            return cancellations.cancel_today(
                actor=press.payer.actor, payment_id=payment_id, reason="변경"
            ).state.name

    return cancel


def by_supplier(actor: Actor, payment_id: int, at: datetime | None = None) -> Callable[[], str]:
    def cancel() -> str:
        with clock.at(at or clock.now()):
            return cancellations.cancel_late(actor=actor, payment_id=payment_id, reason="해지").state.name

    return cancel


def supplier_of(press: racing.Press) -> Actor:
    with transaction():
        return factories.make_actor(Role.SUPPLIER, supplier_id=press.supplier_id)


def due_now() -> None:
    """Whatever is unknown is to be asked about at once."""
    with transaction() as session:
        for payment in session.query(Payment).filter(Payment.ask_again_at.is_not(None)):
            payment.ask_again_at = clock.real_now() - timedelta(seconds=1)


def call_back(order_id: str) -> Callable[[], bool]:
    """A hint signed as the card company signs it; what it says is not believed anyway."""
    event = {
        "eventId": f"evt_{secrets.token_hex(6)}",
        "eventType": "PAYMENT_STATUS_CHANGED",
        "createdAt": clock.real_now().isoformat(),
        "data": {"orderId": order_id, "paymentKey": "pay_x", "status": "CANCELED"},
    }
    body, timestamp = json.dumps(event).encode(), str(int(time.time()))
    headers = {
        "X-Callback-Timestamp": timestamp,
        "X-Callback-Signature": sign("sandbox-card-secret", timestamp, body),
    }
    return lambda: payment_resolution.take_callback(system="card", headers=headers, body=body)


def test_both_sides_at_the_last_instant_of_the_day(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """24:00 is late for the company, to the millisecond; the supplier may, on whatever day."""
    payer = money.make_payer(sandbox, cap=100_000_000)
    noon = clock.start_of(clock.today()) + timedelta(hours=12)
    midnight = clock.end_of(clock.today())
    for n in range(ROUNDS):
        press = racing.ready(payer, 1_000, due_at=midnight + timedelta(days=1))
        with clock.at(noon):
            payment_id = press.pay().id
        supplier = supplier_of(press)
        in_time, late = (
            by_company(press, payment_id, just_before(midnight)),
            by_company(press, payment_id, midnight),
        )
        found = racing.outcomes(
            together(late, by_supplier(supplier, payment_id, midnight), *[in_time] * (n % 3))
        )
        # Whoever comes second is told what is under way, and begins nothing.
        assert set(found) <= {"CANCELLED", "CANCELLING", "payment.cancel_today.late"}
        assert found["CANCELLED"] >= 1 and found["payment.cancel_today.late"] <= 1
        invariant.mend()
    assert books.orders() and all(order.taken == 0 for order in books.orders().values())
    assert sum(payer.left()) == 100_000_000
    books.check()


def test_the_company_alone_is_late_at_midnight(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    payer = money.make_payer(sandbox)
    midnight = clock.end_of(clock.today())
    press = racing.ready(payer, due_at=midnight + timedelta(days=1))
    with clock.at(just_before(midnight)):
        payment = press.pay()
    assert payment.paid_at is not None and clock.korean_day(payment.paid_at) < clock.korean_day(midnight)
    payment_id = payment.id
    found = racing.outcomes(together(*[by_company(press, payment_id, midnight)] * 4))
    assert found == {"payment.cancel_today.late": 4}
    assert sum(payer.left()) == 3_900_000
    assert by_company(press, payment_id, just_before(midnight))() == "CANCELLED"
    books.check()


LOST, LATE_NO, GARBAGE = "82", "70", "84"


@pytest.mark.parametrize("behaviour", ["", LOST, GARBAGE, LATE_NO])
def test_both_sides_resolvers_and_call_backs_at_once(
    together: Together, sandbox: str, books: invariant.Books, behaviour: str
) -> None:
    payer = money.make_payer(sandbox, cap=100_000_000)
    for _ in range(ROUNDS if not behaviour else 10):
        press = racing.ready(payer, 1_000, behaviour=behaviour)
        payment = press.pay()
        payment_id, order_id, supplier = payment.id, payment.order_id, supplier_of(press)
        sides = [by_company(press, payment_id), by_supplier(supplier, payment_id)]
        together(*sides * 2, *[call_back(order_id)] * 3, *[payment_resolution.resolve] * 2)
        due_now()
        together(*sides, *[call_back(order_id)] * 3, *[payment_resolution.resolve] * 3)
        invariant.mend()
        db.session.rollback()
        state = db.session.get_one(Payment, payment_id).state
        entries = [entry for entry, _ in money.book(sandbox, order_id)]
        if behaviour == LATE_NO:
            assert (state, entries) == (PaymentState.PAID, ["charge"])
        else:
            assert (state, entries) == (PaymentState.CANCELLED, ["charge", "cancel"])
    books.check()
    assert books.compared() == []


def test_a_cancellation_pressed_while_its_payment_is_still_unknown(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """Nothing can be cancelled that nobody knows to be paid; the moment it is known, it can."""
    payer = money.make_payer(sandbox, cap=100_000_000)
    for _ in range(ROUNDS):
        press = racing.ready(payer, 1_000, behaviour="52")
        payment = press.pay()
        payment_id, order_id = payment.id, payment.order_id
        due_now()
        cancel = by_company(press, payment_id)
        cancelled, resolved, *_ = together(cancel, payment_resolution.resolve, call_back(order_id))
        assert racing.outcome(cancelled) in ("CANCELLED", "CANCELLING", "payment.cancel_today.state")
        assert resolved.paid <= 1
        invariant.mend()
        if racing.outcome(cancelled) == "payment.cancel_today.state":
            assert cancel() == "CANCELLED"
    invariant.mend()
    assert sum(payer.left()) == 100_000_000
    books.check()


def test_resolvers_and_call_backs_while_the_presser_still_waits(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """The gateway takes three seconds; asked meanwhile it says "not yet", which is not no."""
    payer = money.make_payer(sandbox)
    press = racing.ready(payer, behaviour="58")

    def asking() -> int:
        asked = 0
        for _ in range(8):
            time.sleep(0.3)
            due_now()
            asked += payment_resolution.resolve().asked
        return asked

    pressed, *asked = together(lambda: press("k"), asking, asking)
    assert pressed == "PAID" and sum(asked) >= 4
    assert books.charged() == 1
    books.check()


@pytest.mark.parametrize("behaviour", ["52", "59", "60", "56", "61"])
def test_resolvers_side_by_side_enter_each_outcome_once(
    together: Together, sandbox: str, books: invariant.Books, behaviour: str
) -> None:
    payer = money.make_payer(sandbox)
    orders = [racing.ready(payer, behaviour=behaviour).pay().order_id for _ in range(8)]
    due_now()
    together(*[payment_resolution.resolve] * 4, *[call_back(order_id) for order_id in orders])
    due_now()
    together(*[payment_resolution.resolve] * 4)
    invariant.mend()
    taken = behaviour in ("52", "59", "60")
    assert books.charged() == (8 if taken else 0)
    assert sum(payer.left()) == (3_200_000 if taken else 4_000_000)
    books.check()
