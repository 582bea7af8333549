"""What a tax invoice must say to fit its payment, and how it differs (R-SET-1, R-MONEY-2a). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from app import clock
from app.models.payments import Payment, PaymentState
from app.models.tax_invoices import TaxInvoice
from app.workflows import shares

CANCELLED = 4
"""수정사유: 계약의 해제. The whole sum with a minus, dated the day of the cancellation."""
_NUMBER = 24


@dataclass(frozen=True)
class Wanted:
    """What the invoice of a payment says when it fits, won; below zero after a cancellation."""

    supply: int
    tax: int
    day: date
    """Of the payment, or of its cancellation."""

    @property
    def total(self) -> int:
        return self.supply + self.tax

    @property
    def negative(self) -> bool:
        return self.total < 0


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a supplier says of an invoice, won, without its sign."""

    number: str
    issued_on: date
    supply: int
    tax: int
    total: int


def wanted(payment: Payment, *, negative: bool) -> Wanted:
    """Of a payment, or with `negative` of its cancellation."""
    parts = shares.supply_and_tax(amount=payment.amount, tax=payment.tax_part)
    at = (payment.cancelled_at if negative else payment.paid_at) or payment.pressed_at
    sign = -1 if negative else 1
    return Wanted(sign * parts.supply, sign * parts.tax, clock.korean_day(at))


def of_invoice(payment: Payment, invoice: TaxInvoice) -> list[str]:
    """How an invoice that was entered differs from what its payment wants."""
    fits = wanted(payment, negative=invoice.modify_code is not None)
    return differences(invoice.issued_on, invoice.supply, invoice.tax, fits)


def differences(issued_on: date, supply: int, tax: int, fits: Wanted) -> list[str]:
    """In sentences; none where it fits."""
    found = []
    for label, said, right in (
        ("공급가액", supply, fits.supply),
        ("세액", tax, fits.tax),
        ("합계금액", supply + tax, fits.total),
    ):
        if said != right:
            words = _less_or_more(said - right)
            found.append(f"{label}이 {said:,}원으로, 결제 내용의 {right:,}원보다 {words}.")
    if fits.negative and issued_on != fits.day:
        found.append(f"작성일자가 {_day(issued_on)}로, 결제를 취소한 날({_day(fits.day)})과 다릅니다.")
    if not fits.negative and issued_on.replace(day=1) != fits.day.replace(day=1):
        found.append(f"작성일자가 {_day(issued_on)}로, 결제한 달({fits.day:%Y.%m.})이 아닙니다.")
    return found


def _less_or_more(amount: int) -> str:
    return f"{abs(amount):,}원 {'많습니다' if amount > 0 else '적습니다'}"


def _day(day: date) -> str:
    return f"{day:%Y.%m.%d.}"


def faults(said: Said, *, today: date) -> dict[str, str]:
    """What of it cannot be, whatever the payment is; by field."""
    found: dict[str, str] = {}
    sent = sent_on(said.number)
    if len(said.number) != _NUMBER or not (said.number.isascii() and said.number.isdigit()):
        found["number"] = (
            f"국세청 승인번호는 숫자 {_NUMBER}자리입니다. 세금계산서에 적힌 번호를 그대로 입력해 주세요."
        )
    elif sent is None or sent > today:
        found["number"] = "승인번호의 앞 8자리는 발급일(YYYYMMDD)입니다. 번호를 다시 확인해 주세요."
    if said.issued_on > today:
        found["issued_on"] = "작성일자는 오늘까지의 날짜여야 합니다."
    elif sent is not None and said.issued_on > sent:
        found["issued_on"] = f"작성일자가 승인번호의 발급일({_day(sent)})보다 늦습니다."
    if said.supply <= 0:
        found["supply"] = "공급가액을 1원 이상의 숫자로 입력해 주세요."
    if said.tax < 0:
        found["tax"] = "세액을 0원 이상의 숫자로 입력해 주세요."
    if said.total != said.supply + said.tax:
        found["total"] = (
            f"공급가액과 세액을 더하면 {said.supply + said.tax:,}원입니다. 세 금액을 다시 확인해 주세요."
        )
    return found


def sent_on(number: str) -> date | None:
    """The day that a number begins with."""
    try:
        return datetime.strptime(number[:8], "%Y%m%d").date()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        return None


def needs_one(payment: Payment) -> bool:
    """A card's slip is its proof; a payment by ZeroPay has an invoice (R-SET-1)."""
    return not payment.instrument_kind.is_card and payment.state in (
        PaymentState.PAID,
        PaymentState.CANCELLING,
    )
