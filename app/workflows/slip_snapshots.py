"""What a slip says, taken down from the records as they stand when it is issued (R-DOC-1)."""

from __future__ import annotations

from datetime import datetime

from app import clock
from app.db import db
from app.documents.slip_data import Party, PaymentPaper, Stamp
from app.models.catalogue import Plan, Supplier
from app.models.deals import Deal
from app.models.numbers import write_business_number
from app.models.payments import Payment
from app.models.programme import Programme, VatMode
from app.workflows import shares

ISSUER = "K-비대면바우처 플랫폼"

BANKS = {
    "002": "산업은행", "003": "기업은행", "004": "국민은행", "007": "수협은행", "011": "농협은행",
    "020": "우리은행", "023": "SC제일은행", "027": "한국씨티은행", "031": "대구은행", "032": "부산은행",
    "034": "광주은행", "035": "제주은행", "037": "전북은행", "039": "경남은행", "045": "새마을금고",
    "048": "신협", "071": "우체국", "081": "하나은행", "088": "신한은행", "089": "케이뱅크",
    "090": "카카오뱅크", "092": "토스뱅크",
}  # fmt: skip


def stamp(programme_id: int, *, number: str, code: str, url: str, demonstration: bool) -> Stamp:
    """`number` without the year."""
    programme = db.session.get_one(Programme, programme_id)
    return Stamp(
        number=f"{programme.year}-{number}",
        issued_on=clock.write_day(clock.today()),
        code=code,
        url=url,
        programme=f"{programme.year}년 {programme.name}" if str(programme.year) not in programme.name
        else programme.name,
        issuer=ISSUER,
        demonstration=demonstration,
    )  # fmt: skip


def supplier_party(supplier: Supplier) -> Party:
    return Party(
        business_number=write_business_number(supplier.business_number),
        name=supplier.name,
        representative=supplier.representative,
        address=supplier.address,
        phone=supplier.phone,
    )


def of_payment(payment: Payment, stamp: Stamp, *, cancelled: bool, original: str | None) -> PaymentPaper:
    """The data of 전표, 거래명세서 and 취소전표."""
    deal, company = payment.deal, payment.deal.company
    programme = db.session.get_one(Programme, payment.programme_id)
    value = shares.supply_and_tax(amount=payment.amount, tax=payment.tax_part)
    inside = programme.vat_mode is VatMode.INCLUDED
    quantity = deal.quantity or 1
    plan = db.session.get(Plan, deal.plan_id) if deal.plan_id else None
    buyer = Party(
        business_number=write_business_number(company.business_number),
        name=company.name,
        representative=company.representative,
        address=company.address,
    )
    return PaymentPaper(
        stamp=stamp,
        supplier=supplier_party(deal.supplier),
        buyer=buyer,
        paid_at=_minute(payment.paid_at or payment.pressed_at),
        instrument=payment.instrument_kind.label,
        card=f"****-****-****-{payment.card_last4}" if payment.card_last4 else "",
        approval_number=payment.approval_number or "-",
        order_id=payment.order_id,
        item=deal.offering.name,
        plan=plan.name if plan else "",
        period=_period(deal),
        quantity=quantity,
        unit_price=payment.amount // quantity if payment.amount % quantity == 0 else None,
        supply=value.supply,
        tax=value.tax,
        total=payment.total,
        grant=payment.grant_part,
        share=payment.share_part,
        extra_tax=payment.tax_part,
        tax_inside=inside,
        cancelled_at=_minute(payment.cancelled_at or clock.now()) if cancelled else "",
        cancel_reason=(payment.cancel_reason or "") if cancelled else "",
        original_number=(original or "") if cancelled else "",
    )


def _minute(instant: datetime) -> str:
    local = instant.astimezone(clock.KST)
    return f"{clock.write_day(local.date())} {local:%H:%M}"


def _period(deal: Deal) -> str:
    if deal.period_from is None or deal.period_to is None:
        return ""
    return f"{clock.write_day(deal.period_from)} ~ {clock.write_day(deal.period_to)}"


def masked_account(number: str) -> str:
    """The first three and the last three digits."""
    return number[:3] + "*" * max(len(number) - 6, 0) + number[-3:] if len(number) > 6 else "*" * len(number)
