"""Shinhan Card: issue of the card, and payment by number, expiry and a code by SMS (R-INS-4, R-PAY-1).

Card number, expiry and code pass through and are kept nowhere (R-PAY-2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from app.gateways.http import Answer
from app.gateways.payments import Approval, PaymentGateway, instant_field

IssueKind = Literal["personal_check", "prepaid", "corporate_check"]


@dataclass(frozen=True, kw_only=True)
class LinkedAccount:
    """What a personal check card draws on: an account of the person whose name it bears (R-INS-4)."""

    bank_code: str
    number: str = field(repr=False)
    holder_name: str = field(repr=False)

    def body(self) -> dict[str, str]:
        return {
            "bankCode": self.bank_code,
            "accountNumber": self.number,
            "holderName": self.holder_name,
        }


@dataclass(frozen=True)
class Issue:
    """`state` is REQUESTED, WAITING_FOR_BRANCH or ISSUED; a corporate card has no expected day."""

    issue_id: str
    state: str
    requested_at: datetime
    expected_at: datetime | None
    last4: str | None


@dataclass(frozen=True, kw_only=True)
class CardOrder:
    order_id: str
    amount: int
    """Won."""
    name: str


@dataclass(frozen=True)
class CardAuthentication:
    """One code for all orders that were asked about; each is confirmed on its own, once."""

    auth_key: str
    last4: str
    expires_at: datetime


@dataclass(frozen=True)
class Card(PaymentGateway):
    def request_issue(
        self,
        *,
        kind: IssueKind,
        holder_name: str,
        business_number: str,
        reference: str,
        requested_at: datetime,
        idempotency_key: str,
        account: LinkedAccount | None = None,
    ) -> Issue:
        """`account`: needed for a personal check card, unknown to the others. One issue per key."""
        body: dict[str, Any] = {
            "kind": kind,
            "holderName": holder_name,
            "businessNumber": business_number,
            "reference": reference,
            **instant_field(requested_at),
        }
        if account is not None:
            body["account"] = account.body()
        return _issue(self.transport.post("/v1/issues", body=body, key=idempotency_key, repeatable=True))

    def issue_state(self, *, issue_id: str, at: datetime) -> Issue:
        path = f"/v1/issues/{quote(issue_id, safe='')}"
        return _issue(self.transport.get(path, params={"at": at.isoformat()}))

    def change_account(self, *, issue_id: str, account: LinkedAccount, requested_at: datetime) -> Issue:
        """While the card is on its way; Refused once it is there. The same again changes nothing."""
        path = f"/v1/issues/{quote(issue_id, safe='')}/account"
        body = {"account": account.body(), **instant_field(requested_at)}
        return _issue(self.transport.put(path, body=body))

    def authenticate(
        self, *, orders: Sequence[CardOrder], card_number: str, expiry: str, phone: str
    ) -> CardAuthentication:
        """Have one code for 1 to 10 orders sent to `phone`. `expiry` is MM/YY. Takes no money.

        A new call for an order voids its old code; five wrong codes end all orders of the call.
        """
        body = {
            "orders": [
                {"orderId": order.order_id, "amount": order.amount, "orderName": order.name}
                for order in orders
            ],
            "cardNumber": card_number,
            "expiry": expiry,
            "phone": phone,
        }
        answer = self.transport.post("/v1/authentications", body=body)
        return CardAuthentication(
            auth_key=answer.text("authKey"),
            last4=answer.text("cardLast4"),
            expires_at=answer.instant("expiresAt"),
        )

    def confirm(
        self,
        *,
        auth_key: str,
        code: str,
        order_id: str,
        amount: int,
        idempotency_key: str,
        requested_at: datetime | None = None,
    ) -> Approval:
        """Take the money once per key. Refused: not taken. Unknown: ask `find`."""
        body = {
            "authKey": auth_key,
            "code": code,
            "orderId": order_id,
            "amount": amount,
            **instant_field(requested_at),
        }
        return self._confirm(body, idempotency_key)


def _issue(answer: Answer) -> Issue:
    return Issue(
        issue_id=answer.text("issueId"),
        state=answer.text("state"),
        requested_at=answer.instant("requestedAt"),
        expected_at=answer.optional_instant("expectedAt"),
        last4=answer.optional_text("cardLast4"),
    )
