"""The gateways' call-backs (R-PAY-4): signed ones are a hint, forged ones are turned away."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from flask import Flask

from app import clock
from app.db import db
from app.models.payments import Payment, PaymentState
from tests import money


def signed(secret: str, order_id: str, status: str = "DONE") -> dict[str, Any]:
    stamp = str(int(clock.real_now().timestamp()))
    event = {
        "eventId": "evt_1",
        "eventType": "PAYMENT_STATUS_CHANGED",
        "createdAt": clock.real_now().isoformat(),
        "data": {"orderId": order_id, "paymentKey": "pay_1", "status": status},
    }
    body = json.dumps(event).encode()
    signature = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Callback-Timestamp": stamp, "X-Callback-Signature": signature}
    return {"data": body, "headers": headers, "content_type": "application/json"}


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


def test_an_unknown_order_is_taken_and_changes_nothing(site: Flask) -> None:
    answer = site.test_client().post("/callbacks/zeropay", **signed(site.config["ZEROPAY_SECRET"], "order-x"))
    assert answer.status_code == 204


def test_a_forged_one_is_401(site: Flask) -> None:
    browser = site.test_client()
    assert browser.post("/callbacks/card", **signed("another secret", "order-x")).status_code == 401
    assert browser.post("/callbacks/card", data=b"{}").status_code == 401
    assert browser.post("/callbacks/bank", **signed(site.config["CARD_SECRET"], "order-x")).status_code == 401
    assert browser.get("/callbacks/card").status_code == 405
