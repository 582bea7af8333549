"""Tax invoices of what was paid by ZeroPay, and the months that were closed (R-SET-1, R-SET-3a)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select, text

from app import clock
from app.db import db
from app.demo import papers
from app.demo.stage import Stage, business_day_after, instant
from app.models.payments import Payment, PaymentState
from app.models.tax_invoices import InvoiceState
from app.models.vouchers import InstrumentKind
from app.workflows import (
    attachments,
    cancellations,
    months,
    tax_invoice_asks,
    tax_invoice_checks,
    tax_invoices,
)
from app.workflows.tax_invoice_checks import Said

FORGOTTEN, MISTYPED = 5, 3
"""Every so many-th is not entered yet; every so many-th differs by what a hurried person types."""
OFF = 10_000
CLOSED_UNTIL = date(2020, 9, 1)

# One that was settled, but not one in a draft, whose approval would be refused then.
_TO_CANCEL = text("""
SELECT t.payment_id, t.supplier_id FROM tax_invoice t JOIN payment p ON p.id = t.payment_id
 WHERE t.state = 'matched' AND p.state = 'paid' AND p.supplier_id <> :shown
   AND EXISTS (SELECT 1 FROM settlement_item i WHERE i.payment_id = p.id)
   AND NOT EXISTS (SELECT 1 FROM settlement_hold h WHERE h.payment_id = p.id)
   AND NOT EXISTS (SELECT 1 FROM settlement_item i JOIN settlement_line l ON l.id = i.line_id
                     JOIN settlement_batch b ON b.id = l.batch_id
                    WHERE i.payment_id = p.id AND b.state IN ('drafted', 'submitted'))
 ORDER BY t.payment_id DESC LIMIT 1
""")


def enter_invoices(stage: Stage, *, until: datetime) -> None:
    """Each a few days after its payment, as far as they had passed by `until`; most of them fit."""
    paid = select(Payment).where(
        Payment.instrument_kind == InstrumentKind.ZEROPAY, Payment.state == PaymentState.PAID
    )
    made = 0
    for place, payment in enumerate(db.session.scalars(paid.order_by(Payment.id)).all(), start=1):
        day = tax_invoice_checks.wanted(payment, negative=False).day
        on = instant(business_day_after(day, 2), 16)
        if on < until and place % FORGOTTEN:
            _enter(stage, payment, number=place, on=on, off=OFF if place % MISTYPED == 0 else 0)
            made += 1
    stage.counts["세금계산서"] = made


def _enter(stage: Stage, payment: Payment, *, number: int, on: datetime, off: int) -> None:
    fits = tax_invoice_checks.wanted(payment, negative=False)
    supply = max(fits.supply - off, 1)
    said = Said(
        number=f"{on:%Y%m%d}41000012{number:08}",
        issued_on=fits.day,
        supply=supply,
        tax=fits.tax,
        total=supply + fits.tax,
    )
    with clock.at(on):
        invoice = tax_invoices.enter(
            actor=stage.suppliers[payment.supplier_id],
            payment_id=payment.id,
            said=said,
            file=_copy(said) if number % 2 else None,
        )
    # The first difference was looked into at once; the others wait in the queue.
    if invoice.state is InvoiceState.MISMATCH and number == MISTYPED:
        with clock.at(on + timedelta(hours=1)):
            tax_invoices.accept(
                actor=stage.staff["finance1"],
                invoice_id=invoice.id,
                reason="할인 10,000원을 뺀 금액으로 발행한 것을 확인했습니다.",
            )


def _copy(said: Said) -> attachments.Incoming:
    lines = [
        f"국세청 승인번호: {said.number}",
        f"작성일자: {said.issued_on:%Y.%m.%d.}",
        f"공급가액: {said.supply:,}원",
        f"세액: {said.tax:,}원",
        f"합계금액: {said.total:,}원",
    ]
    return attachments.take_in(
        file_name=f"세금계산서_{said.number[-8:]}.pdf", content=papers.paper("전자세금계산서", lines)
    )


def cancel_one(stage: Stage, *, until: datetime) -> None:
    """A payment whose invoice was entered is cancelled: one that takes it back is asked for."""
    for row in db.session.execute(_TO_CANCEL, {"shown": min(stage.suppliers)}).all():
        with clock.at(until - timedelta(hours=18)):
            cancellations.cancel_late(
                actor=stage.suppliers[row.supplier_id],
                payment_id=row.payment_id,
                reason="수요기업이 다른 요금제로 다시 계약하기로 했습니다.",
            )
    with clock.at(until - timedelta(hours=1)):
        tax_invoice_asks.ask()


def close_months(stage: Stage) -> None:
    """Each on the fifth business day of the next, until two months ago; the last is left to be closed.

    What stands open in a month keeps it, and all after it, open.
    """
    officer, programme_id = stage.staff["finance1"], stage.programme.id
    listed = months.listing(actor=officer, programme_id=programme_id)
    closed = 0
    for month in sorted(row.month for row in listed if row.month <= CLOSED_UNTIL):
        ends = clock.add_months(month, 1) - timedelta(days=1)
        with clock.at(instant(business_day_after(ends, 5), 17)):
            page = months.page(actor=officer, programme_id=programme_id, month=month)
            if any(check.stops for check in page.checks):
                break
            months.close(actor=officer, programme_id=programme_id, month=month)
            closed += 1
    stage.counts["월마감"] = closed
