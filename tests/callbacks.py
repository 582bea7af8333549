"""Call-backs as the gateways sign them, for tests."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

from app import clock


def signed(
    secret: str, order_id: str, status: str = "DONE", *, event: str = "evt_1", ago: timedelta = timedelta()
) -> dict[str, Any]:
    """`headers` and `body` of a call-back that was sent `ago`."""
    at = clock.real_now() - ago
    told = {
        "eventId": event,
        "eventType": "PAYMENT_STATUS_CHANGED",
        "createdAt": at.isoformat(),
        "data": {"orderId": order_id, "paymentKey": "pay_1", "status": status},
    }
    body = json.dumps(told).encode()
    stamp = str(int(at.timestamp()))
    signature = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Callback-Timestamp": stamp, "X-Callback-Signature": signature}
    return {"headers": headers, "body": body}
