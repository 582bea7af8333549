"""Messages by SMS, over Solapi's interface (R-MSG-1)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from app import clock
from app.gateways.errors import Refused, Unknown, korean_for
from app.gateways.http import Endpoint, Transport


@dataclass(frozen=True)
class Sms:
    transport: Transport
    sender: str

    def send(self, *, to: str, text: str, idempotency_key: str) -> str:
        """Send once per key and return the gateway's message id. Accepted is not yet delivered."""
        message = {"to": to, "from": self.sender, "text": text, "customFields": {"key": idempotency_key}}
        answer = self.transport.post(
            "/messages/v4/send-many/detail",
            body={"messages": [message]},
            key=idempotency_key,
            headers={"Authorization": _authorization(self.transport.endpoint)},
            repeatable=True,
        )
        for failed in answer.parts("failedMessageList"):
            code = failed.text("statusCode")
            raise Refused(code, failed.text("statusMessage"), korean_for(code))
        sent = answer.parts("messageList")
        if len(sent) != 1:
            raise Unknown("the gateway names no message")
        return sent[0].text("messageId")


def _authorization(endpoint: Endpoint) -> str:
    date, salt = clock.real_now().isoformat(timespec="seconds"), secrets.token_hex(16)
    signature = hmac.new(endpoint.secret.encode(), (date + salt).encode(), hashlib.sha256).hexdigest()
    return f"HMAC-SHA256 ApiKey={endpoint.key}, Date={date}, salt={salt}, signature={signature}"
