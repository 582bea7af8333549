"""Call-backs: believed only when signed, and recently (R-PAY-4)."""

from __future__ import annotations

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


@pytest.mark.parametrize("forge", [_other_body, _other_time, _unsigned])
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
