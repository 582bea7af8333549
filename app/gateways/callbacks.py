"""Call-backs of the payment gateways: a signed hint that an order changed.

A call-back comes twice, late, out of order or before the answer. Its content is never believed:
whoever receives it asks the gateway by `order_id` (R-PAY-4).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.gateways.errors import Forged, Unknown
from app.gateways.http import Answer

TOLERANCE_SECONDS = 300


@dataclass(frozen=True)
class Callback:
    """`event_id` is the same each time that one event is told; `status` is only what it was then."""

    event_id: str
    event_type: str
    order_id: str
    payment_key: str
    status: str
    created_at: datetime


def verify(*, headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> Callback:
    """Read a call-back. Raises Forged unless `secret` signed it within five minutes of `now` (real time)."""
    given = {name.lower(): value for name, value in headers.items()}
    timestamp, signature = given.get("x-callback-timestamp", ""), given.get("x-callback-signature", "")
    signed = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not secret or not hmac.compare_digest(signed.encode(), signature.encode()):
        raise Forged("the call-back is not signed by the gateway")
    if not timestamp.isdecimal() or abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise Forged("the call-back is too old")
    try:
        return _read(Answer(json.loads(body)))
    except (ValueError, AttributeError, Unknown):
        raise Forged("the call-back's content is not readable") from None


def _read(answer: Answer) -> Callback:
    payment = answer.part("data")
    return Callback(
        event_id=answer.text("eventId"),
        event_type=answer.text("eventType"),
        order_id=payment.text("orderId"),
        payment_key=payment.text("paymentKey"),
        status=payment.text("status"),
        created_at=answer.instant("createdAt"),
    )
