"""The gateways' call-backs (R-PAY-4): signed ones are a hint, and nothing that arrives here does any harm."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app import clock
from app.db import db
from app.models.payments import Payment, PaymentState
from app.workflows import cancellations, ledger, payment_resolution, reconciliation
from tests import callbacks, money

# The played gateway keeps its book from test to test: each has a day of its own.
_days = itertools.count(1)


@pytest.fixture
def day() -> Iterator[datetime]:
    start = datetime(2032, 1, 1, 10, tzinfo=clock.KST) + timedelta(days=next(_days))
    with clock.at(start):
        yield start


def sent(told: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """As the test client posts it; `changed` overrides headers."""
    headers = {**told["headers"], **changed}
    given = {name: value for name, value in headers.items() if value is not None}
    return {"data": told["body"], "headers": given, "content_type": "application/json"}


def signed(secret: str, order_id: str, status: str = "DONE", **more: Any) -> dict[str, Any]:
    return sent(callbacks.signed(secret, order_id, status, **more))


def standing() -> tuple[Any, ...]:
    """Everything of the money: payments, ledger, slips, notices and what waits to be done."""
    db.session.commit()
    payments = "SELECT id, state, paid_at, cancelled_at, returned_at, failure_code FROM payment ORDER BY id"
    counts = (
        "SELECT (SELECT count(*) FROM journal), (SELECT count(*) FROM slip), (SELECT count(*) FROM notice)"
    )
    postings = "SELECT account, owner_id, sum(amount) FROM posting GROUP BY 1, 2 ORDER BY 1, 2"
    found = tuple(tuple(db.session.execute(text(query)).all()) for query in (payments, counts, postings))
    db.session.commit()
    return found


def test_a_signed_one_brings_the_asking_forward_and_decides_nothing(site: Flask, sandbox_url: str) -> None:
    """No CSRF token comes along, and the hint is not believed: the payment stays 결제대기."""
    site.config["WTF_CSRF_ENABLED"] = True
    payer = money.make_payer(sandbox_url)
    payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour="52")
    assert payment.state is PaymentState.PENDING
    answer = site.test_client().post(
        "/callbacks/card", **signed(site.config["CARD_SECRET"], payment.order_id)
    )
    assert answer.status_code == 204
    payment = db.session.get_one(Payment, payment.id, populate_existing=True)
    assert payment.state is PaymentState.PENDING
    assert payment.ask_again_at is not None and payment.ask_again_at <= clock.real_now()


def test_an_unknown_order_is_404_and_changes_nothing(site: Flask, sandbox_url: str) -> None:
    payer = money.make_payer(sandbox_url)
    payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour="52")
    before, turn = standing(), payment.ask_again_at
    for system in ("card", "zeropay"):
        event = signed(site.config[f"{system.upper()}_SECRET"], "order-of-nobody")
        assert site.test_client().post(f"/callbacks/{system}", **event).status_code == 404
    assert standing() == before
    assert db.session.get_one(Payment, payment.id, populate_existing=True).ask_again_at == turn


def _other_body(told: dict[str, Any]) -> dict[str, Any]:
    return sent({**told, "body": told["body"].replace(b"DONE", b"CANCELED")})


def _other_time(told: dict[str, Any]) -> dict[str, Any]:
    stamp = int(told["headers"]["X-Callback-Timestamp"]) + 1
    return sent(told, **{"X-Callback-Timestamp": str(stamp)})


def _unsigned(told: dict[str, Any]) -> dict[str, Any]:
    return sent(told, **{"X-Callback-Signature": None})


def _empty(_: dict[str, Any]) -> dict[str, Any]:
    return {"data": b""}


@pytest.mark.parametrize("forge", [_other_body, _other_time, _unsigned, _empty])
def test_a_tampered_one_is_401_and_changes_nothing(
    forge: Callable[[dict[str, Any]], dict[str, Any]], site: Flask, sandbox_url: str
) -> None:
    payer = money.make_payer(sandbox_url)
    payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour="52")
    before, turn = standing(), payment.ask_again_at
    told = callbacks.signed(site.config["CARD_SECRET"], payment.order_id)
    assert site.test_client().post("/callbacks/card", **forge(told)).status_code == 401
    assert standing() == before
    assert db.session.get_one(Payment, payment.id, populate_existing=True).ask_again_at == turn


@pytest.mark.parametrize("ago", [timedelta(days=1), timedelta(minutes=6), timedelta(minutes=-6)])
def test_one_of_another_time_is_401(ago: timedelta, site: Flask, sandbox_url: str) -> None:
    """Taken down yesterday and sent again, signature and all."""
    payer = money.make_payer(sandbox_url)
    payment = money.pay(payer, money.make_bill(payer, 100_000), behaviour="52")
    turn = payment.ask_again_at
    event = signed(site.config["CARD_SECRET"], payment.order_id, ago=ago)
    assert site.test_client().post("/callbacks/card", **event).status_code == 401
    assert db.session.get_one(Payment, payment.id, populate_existing=True).ask_again_at == turn


def test_one_that_another_signed_is_401(site: Flask) -> None:
    browser = site.test_client()
    card, zeropay = site.config["CARD_SECRET"], site.config["ZEROPAY_SECRET"]
    assert browser.post("/callbacks/card", **signed("another secret", "order-x")).status_code == 401
    assert browser.post("/callbacks/card", **signed(zeropay, "order-x")).status_code == 401
    assert browser.post("/callbacks/zeropay", **signed(card, "order-x")).status_code == 401
    assert browser.post("/callbacks/bank", **signed(card, "order-x")).status_code == 401
    assert browser.get("/callbacks/card").status_code == 405


def test_one_that_is_too_long_is_413(site: Flask) -> None:
    answer = site.test_client().post("/callbacks/card", data=b"x" * (64 * 1024 + 1))
    assert answer.status_code == 413


def payments_of_every_kind(payer: money.Payer) -> list[Payment]:
    """Paid, failed, cancelled; and those of which the platform does not know it yet."""
    back = money.pay(payer, money.make_bill(payer, 100_000))
    cancellations.cancel_today(actor=payer.actor, payment_id=back.id, reason="변경")
    lost = money.pay(payer, money.make_bill(payer, 200_000), behaviour="82")
    cancellations.cancel_today(actor=payer.actor, payment_id=lost.id, reason="변경")
    kept = [money.pay(payer, money.make_bill(payer, 300_000), behaviour=b) for b in ("", "01", "52", "61")]
    return [back, lost, *kept]


def events_of(site: Flask, rows: list[Payment]) -> list[dict[str, Any]]:
    """What a gateway may ever say of them, true or not any more."""
    secret = site.config["CARD_SECRET"]
    return [
        signed(secret, row.order_id, status, event=f"evt_{row.id}_{status}")
        for row in rows
        for status in ("DONE", "CANCELED", "ABORTED")
    ]


@pytest.mark.parametrize("seed", range(3))
def test_three_times_and_shuffled_they_leave_the_books_as_they_are(
    seed: int, site: Flask, sandbox_url: str, day: datetime
) -> None:
    payer = money.make_payer(sandbox_url)
    rows = payments_of_every_kind(payer)
    events = events_of(site, rows) * 3
    random.Random(seed).shuffle(events)
    db.session.commit()
    browser, half = site.test_client(), len(events) // 2
    for number, event in enumerate(events[:half]):
        assert browser.post("/callbacks/card", **event).status_code == 204
        if number % 5 == 0:
            payment_resolution.resolve()
    for row in rows:
        payment_resolution.resolve_one(payment_id=row.id)
    decided = standing()
    for event in events[half:]:
        assert browser.post("/callbacks/card", **event).status_code == 204
        payment_resolution.resolve()
    assert standing() == decided
    states = [db.session.get_one(Payment, row.id, populate_existing=True).state.name for row in rows]
    assert states == ["CANCELLED", "CANCELLED", "PAID", "FAILED", "PAID", "FAILED"]
    db.session.commit()
    books = reconciliation.compare(since=day, until=day + timedelta(hours=1))
    assert books.agree and books.undecided == 0
    assert books.ours == books.theirs == reconciliation.Side(count=6, sum=600_000)
    assert payer.left()[0] + payer.left()[1] == 3_400_000
    assert ledger.verify() == []
