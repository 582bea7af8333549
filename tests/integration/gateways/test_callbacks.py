"""Call-backs: believed only when signed, and recently (R-PAY-4)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from app import clock
from app.gateways import Gateways, callbacks
from app.gateways.errors import Forged
from tests.integration.gateways.conftest import Inbox, Sandbox
from tests.integration.gateways.test_card import pay

SECRET = "sandbox-card-secret"
Delivery = tuple[str, dict[str, str], bytes]


@pytest.fixture(scope="module")
def order_id() -> str:
    return f"order-{clock.real_now():%H%M%S%f}"


@pytest.fixture(scope="module")
def delivery(gateways: Gateways, sandbox: Sandbox, inbox: Inbox, order_id: str) -> Delivery:
    """The one call-back of one payment, as it came over the wire."""
    pay(gateways, sandbox, order_id, digits="55")
    (delivered,) = inbox.about(order_id)
    return delivered


def test_a_signed_call_back_is_read(delivery: Delivery, order_id: str) -> None:
    path, headers, body = delivery
    callback = callbacks.verify(headers=headers, body=body, secret=SECRET, now=clock.real_now())
    assert path == "/callbacks/card"
    assert (callback.event_type, callback.order_id, callback.status) == (
        "PAYMENT_STATUS_CHANGED",
        order_id,
        "DONE",
    )
    assert callback.event_id.startswith("evt_")


def _other_body(headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    return headers, body.replace(b"DONE", b"CANCELED")


def _other_time(headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    return {**headers, "X-Callback-Timestamp": str(int(headers["X-Callback-Timestamp"]) + 1)}, body


def _unsigned(headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    return {name: value for name, value in headers.items() if name != "X-Callback-Signature"}, body


def _other_order(headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    return headers, body.replace(b'"orderId": "order-', b'"orderId": "order_')


def _longer(headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    return headers, body + b" "


def _time_in_the_body(headers: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
    """The dot between time and body may not be moved."""
    stamp = headers["X-Callback-Timestamp"]
    return {**headers, "X-Callback-Timestamp": stamp[:-1]}, stamp[-1:].encode() + b"." + body


@pytest.mark.parametrize(
    "forge", [_other_body, _other_time, _unsigned, _other_order, _longer, _time_in_the_body]
)
def test_a_forged_call_back(
    forge: Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]], delivery: Delivery
) -> None:
    headers, body = forge(delivery[1], delivery[2])
    with pytest.raises(Forged):
        callbacks.verify(headers=headers, body=body, secret=SECRET, now=clock.real_now())


@pytest.mark.parametrize("secret", ["", "another"])
def test_a_call_back_of_another_secret(secret: str, delivery: Delivery) -> None:
    with pytest.raises(Forged):
        callbacks.verify(headers=delivery[1], body=delivery[2], secret=secret, now=clock.real_now())


@pytest.mark.parametrize("away", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_a_replayed_call_back(away: timedelta, delivery: Delivery) -> None:
    now: datetime = clock.real_now() + away
    with pytest.raises(Forged, match="too old"):
        callbacks.verify(headers=delivery[1], body=delivery[2], secret=SECRET, now=now)


def _signed(body: bytes, stamp: str | None = None) -> dict[str, str]:
    stamp = stamp or str(int(clock.real_now().timestamp()))
    signature = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Callback-Timestamp": stamp, "X-Callback-Signature": signature}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{}", b'{"data": "x"}', b"\xff\xfe", b'{"eventId": 1, "data": {}}']
)
def test_a_signed_call_back_that_says_nothing(body: bytes) -> None:
    with pytest.raises(Forged, match="not readable"):
        callbacks.verify(headers=_signed(body), body=body, secret=SECRET, now=clock.real_now())


@pytest.mark.parametrize("stamp", ["yesterday", "-1", "1e9", "12.5"])
def test_a_signed_call_back_without_a_time(stamp: str, delivery: Delivery) -> None:
    headers = _signed(delivery[2], stamp)
    with pytest.raises(Forged, match="too old"):
        callbacks.verify(headers=headers, body=delivery[2], secret=SECRET, now=clock.real_now())
