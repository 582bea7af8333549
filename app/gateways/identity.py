"""Proof of identity by mobile phone: a code is sent; for it come name, birth date, CI and DI (R-JOIN-1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from urllib.parse import quote

from app.gateways.errors import Unknown
from app.gateways.http import Answer, Transport


@dataclass(frozen=True)
class CodeSent:
    tx_id: str
    expires_at: datetime


@dataclass(frozen=True)
class Identity:
    """Personal data: kept out of repr, so that no log or traceback shows them (R-AUD-1)."""

    ci: str = field(repr=False)
    di: str = field(repr=False)
    name: str = field(repr=False)
    birth: date = field(repr=False)
    phone: str = field(repr=False)


@dataclass(frozen=True)
class IdentityService:
    transport: Transport

    def request_code(self, *, name: str, birth7: str, carrier: str, phone: str, purpose: str) -> CodeSent:
        """`birth7`: YYMMDD and the digit after it; `carrier`: SKT, KT, LGU+ or one with _MVNO."""
        body = {"name": name, "birth7": birth7, "carrier": carrier, "phone": phone, "purpose": purpose}
        return _code_sent(self.transport.post("/v1/requests", body=body))

    def resend(self, *, tx_id: str) -> CodeSent:
        return _code_sent(self.transport.post(f"/v1/requests/{quote(tx_id, safe='')}/resend", body={}))

    def confirm(self, *, tx_id: str, code: str) -> Identity:
        answer = self.transport.post("/v1/confirmations", body={"txId": tx_id, "code": code})
        try:
            birth = date.fromisoformat(answer.text("birth"))
        except ValueError:
            raise Unknown("the answer's birth is no date") from None
        return Identity(
            ci=answer.text("ci"),
            di=answer.text("di"),
            name=answer.text("name"),
            birth=birth,
            phone=answer.text("phone"),
        )


def _code_sent(answer: Answer) -> CodeSent:
    return CodeSent(tx_id=answer.text("txId"), expires_at=answer.instant("expiresAt"))
