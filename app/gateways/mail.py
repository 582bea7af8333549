"""Messages by mail, with a file attached (R-MSG-1)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from app.gateways.http import Transport


@dataclass(frozen=True)
class Attachment:
    file_name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Mail:
    transport: Transport
    sender: str

    def send(
        self, *, to: str, subject: str, text: str, idempotency_key: str, attachment: Attachment | None = None
    ) -> str:
        """Send once per key and return the gateway's message id. Accepted is not yet delivered.

        Refused: the mailbox takes no mail, or the address is none.
        """
        body = {
            "from": self.sender,
            "to": to,
            "subject": subject,
            "text": text,
            "attachments": [_attached(attachment)] if attachment else [],
        }
        answer = self.transport.post("/v1/mails", body=body, key=idempotency_key, repeatable=True)
        return answer.text("mailId")


def _attached(attachment: Attachment) -> dict[str, str]:
    return {
        "fileName": attachment.file_name,
        "contentType": attachment.content_type,
        "content": base64.b64encode(attachment.content).decode(),
    }
