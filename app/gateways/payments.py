"""What card and ZeroPay share: confirm, query by order id, cancel (R-PAY-3, R-PAY-4, R-PAY-6).

Amounts are whole won; instants carry their time zone and are the gateway's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any, TypeAlias
from urllib.parse import quote

from app.gateways.errors import Refused, Unknown, korean_for
from app.gateways.http import Answer, Transport

# A refusal that says "somebody already did it" is no refusal: the order must be asked for.
DONE_BEFORE = {"ALREADY_PROCESSED_PAYMENT", "ALREADY_CANCELED_PAYMENT", "ALREADY_REFUND_PAYMENT"}
TRANSACTIONS_PER_PAGE = 5_000


@dataclass(frozen=True)
class Approval:
    payment_key: str
    order_id: str
    amount: int
    approval_number: str
    approved_at: datetime
    last4: str


@dataclass(frozen=True)
class Cancellation:
    transaction_key: str
    amount: int
    cancelled_at: datetime


@dataclass(frozen=True)
class Cancelled:
    """Paid, and wholly or partly given back; `balance` is what is still taken."""

    approval: Approval
    cancellations: tuple[Cancellation, ...]
    balance: int


@dataclass(frozen=True)
class Failed:
    """Not paid, for good: this order can no longer be confirmed."""

    code: str
    korean: str


@dataclass(frozen=True)
class InProgress:
    """Not paid so far; the gateway closes the order by itself, so ask again."""


@dataclass(frozen=True)
class NotFound:
    """The gateway never heard of the order."""


@dataclass(frozen=True)
class Transaction:
    """A line of the gateway's own book: won are negative where they went back."""

    key: str
    payment_key: str
    order_id: str
    amount: int
    at: datetime


Found: TypeAlias = Approval | Cancelled | Failed | InProgress | NotFound


@dataclass(frozen=True)
class PaymentGateway:
    transport: Transport

    def find(self, *, order_id: str) -> Found:
        """Ask what became of an order. Raises Unknown or Unavailable when the gateway cannot say."""
        try:
            answer = self.transport.get(f"/v1/payments/orders/{quote(order_id, safe='')}")
        except Refused as refused:
            if refused.code == "NOT_FOUND_PAYMENT":
                return NotFound()
            raise
        if answer.text("orderId") != order_id:
            raise Unknown("the answer is about another order")
        return read_payment(answer, system=self.transport.name)

    def transactions(
        self, *, since: datetime, until: datetime, size: int = TRANSACTIONS_PER_PAGE
    ) -> Iterator[list[Transaction]]:
        """The gateway's book of [since, until), by pages, in the order of time.

        Each page is a call: no transaction may be open. Raises Unknown, Unavailable or Refused.
        """
        last: Transaction | None = None
        more = True
        while more:
            params = {"startDate": since.isoformat(), "endDate": until.isoformat(), "limit": str(size)}
            if last is not None:
                params["startingAfter"] = last.key
            answer = self.transport.get("/v1/transactions", params=params)
            page = [_transaction(part) for part in answer.parts("transactions")]
            in_order = [last, *page] if last is not None else page
            if any(one.at > two.at for one, two in pairwise(in_order)):
                raise Unknown("the gateway's book is not in the order of time")
            if page:
                yield page
            more = answer.data.get("hasNext") is True and bool(page)
            last = page[-1] if page else None

    def statement(self, *, day: date) -> bytes | None:
        """The daily file of a Korean day as it comes (R-SET-3); None while there is none yet.

        Raises Unknown, Unavailable or Refused.
        """
        try:
            return self.transport.get_file(f"/v1/statements/{day:%Y%m%d}")
        except Refused as refused:
            if refused.code == "NOT_FOUND_STATEMENT":
                return None
            raise

    def cancel(
        self,
        *,
        payment_key: str,
        amount: int,
        reason: str,
        idempotency_key: str,
        requested_at: datetime | None = None,
    ) -> Cancellation:
        """Give back `amount` won. The same key again gives the same cancellation, never a second one."""
        body: dict[str, Any] = {"cancelReason": reason, "cancelAmount": amount, **instant_field(requested_at)}
        path = f"/v1/payments/{quote(payment_key, safe='')}/cancel"
        answer = self._move_money(path, body, idempotency_key)
        cancels = answer.parts("cancels")
        if (
            answer.text("paymentKey") != payment_key
            or not cancels
            or cancels[-1].won("cancelAmount") != amount
        ):
            raise Unknown("the answer does not fit the cancellation asked for")
        return _cancellation(cancels[-1])

    def _confirm(self, body: Mapping[str, Any], idempotency_key: str) -> Approval:
        answer = self._move_money("/v1/payments/confirm", body, idempotency_key)
        if answer.text("status") != "DONE":
            raise Unknown("the gateway confirmed without DONE")
        approval = _approval(answer)
        if (approval.order_id, approval.amount) != (body["orderId"], body["amount"]):
            raise Unknown("the approval does not fit the order asked for")
        return approval

    def _move_money(self, path: str, body: Mapping[str, Any], idempotency_key: str) -> Answer:
        try:
            return self.transport.post(path, body=body, key=idempotency_key)
        except Refused as refused:
            if refused.code in DONE_BEFORE:
                raise Unknown(refused.code) from None
            raise


def instant_field(requested_at: datetime | None) -> dict[str, str]:
    """The instant of the press, where it should count instead of the gateway's own (R-VOU-3, R-TIME-7)."""
    return {} if requested_at is None else {"requestedAt": requested_at.isoformat()}


def read_payment(answer: Answer, *, system: str) -> Found:
    status = answer.text("status")
    if status == "DONE":
        return _approval(answer)
    if status in ("CANCELED", "PARTIAL_CANCELED"):
        cancellations = tuple(_cancellation(part) for part in answer.parts("cancels"))
        return Cancelled(_approval(answer), cancellations, answer.won("balanceAmount"))
    if status in ("ABORTED", "EXPIRED"):
        code = answer.part("failure").text("code") if answer.data.get("failure") else status
        return Failed(code, korean_for(code, system=system))
    if status in ("READY", "IN_PROGRESS", "WAITING_FOR_DEPOSIT"):
        return InProgress()
    raise Unknown("the gateway named a state that we do not know")


def _approval(answer: Answer) -> Approval:
    number = answer.part("card").text("number") if answer.data.get("card") else ""
    return Approval(
        payment_key=answer.text("paymentKey"),
        order_id=answer.text("orderId"),
        amount=answer.won("totalAmount"),
        approval_number=answer.text("approveNo"),
        approved_at=answer.instant("approvedAt"),
        last4=number[-4:],
    )


def _cancellation(answer: Answer) -> Cancellation:
    return Cancellation(
        transaction_key=answer.text("transactionKey"),
        amount=answer.won("cancelAmount"),
        cancelled_at=answer.instant("canceledAt"),
    )


def _transaction(answer: Answer) -> Transaction:
    amount, back = answer.data.get("amount"), answer.text("status") != "DONE"
    if not isinstance(amount, int) or isinstance(amount, bool) or (amount < 0) is not back:
        raise Unknown("a line of the gateway's book has no amount in won")
    return Transaction(
        key=answer.text("transactionKey"),
        payment_key=answer.text("paymentKey"),
        order_id=answer.text("orderId"),
        amount=amount,
        at=answer.instant("transactionAt"),
    )
