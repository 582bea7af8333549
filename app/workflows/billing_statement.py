"""The data of the 청구내역 as a paper, for one company and the filter that it has set (R-PAY-8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from app import clock, policy
from app.db import db
from app.documents.billing_statement import BilledRow, BillingPaper, Parts
from app.documents.slip_data import Party
from app.errors import NotFound, Refusal
from app.models.companies import Company
from app.models.numbers import write_business_number
from app.models.payments import Payment, PaymentState
from app.models.programme import Programme
from app.policy import Actor, Permission
from app.workflows import payments_reads
from app.workflows.slip_snapshots import ISSUER

MOST = 500
"""What is drawn while the person waits: less than a second."""


def paper(
    *, actor: Actor, since: date | None = None, until: date | None = None, q: str = "", demonstration: bool
) -> BillingPaper:
    """Raises Refusal where the filter leaves more rows than are drawn at once, or none."""
    policy.require(actor, Permission.DEMAND_VIEW)
    company = db.session.get(Company, actor.company_id) if actor.company_id else None
    if company is None:
        raise NotFound()
    rows = _rows(actor=actor, since=since, until=until, q=q)
    programme = db.session.get_one(Programme, company.programme_id)
    return BillingPaper(
        programme=programme.name if str(programme.year) in programme.name
        else f"{programme.year}년 {programme.name}",
        issuer=ISSUER,
        company=Party(
            business_number=write_business_number(company.business_number),
            name=company.name,
            representative=company.representative,
            address="",
        ),
        period=write_period(since, until),
        search=q,
        made_at=f"{clock.write_day(clock.today())} {clock.now():%H:%M}",
        rows=tuple(_row(row) for row in rows),
        paid=_parts(rows),
        cancelled=_parts([row for row in rows if row.state is PaymentState.CANCELLED]),
        demonstration=demonstration,
    )  # fmt: skip


def _rows(**wanted: Any) -> list[Payment]:
    """The oldest first."""
    rows = payments_reads.statement(**wanted, size=MOST + 1)
    if not rows:
        raise Refusal(
            "statement.empty", "조건에 맞는 내역이 없어 PDF를 만들지 않았습니다. 조건을 바꿔 주세요."
        )
    if len(rows) > MOST:
        count = payments_reads.statement_sums(**wanted).count
        raise Refusal(
            "statement.too_many",
            f"PDF는 한 번에 {MOST:,}건까지 만들 수 있습니다(지금 {count:,}건). "
            "조회기간을 나누어 받거나 엑셀로 내려받아 주세요.",
        )
    return rows[::-1]


def write_period(since: date | None, until: date | None) -> str:
    """`2020.11.01. ~ 2020.11.30.`; an open end is said."""
    if since is None and until is None:
        return "전체 기간"
    first = f"{since:%Y.%m.%d.}" if since else "처음"
    last = f"{until:%Y.%m.%d.}" if until else "오늘"
    return f"{first} ~ {last}"


def _parts(rows: Sequence[Payment]) -> Parts:
    """Of the very rows that the paper shows: read apart, the two could differ by what happens between."""
    return Parts(
        grant=sum(row.grant_part for row in rows),
        share=sum(row.share_part for row in rows),
        tax=sum(row.tax_part for row in rows),
    )


def _row(payment: Payment) -> BilledRow:
    paid_at = (payment.paid_at or payment.pressed_at).astimezone(clock.KST)
    back = payment.cancelled_at
    return BilledRow(
        paid_at=f"{paid_at:%Y.%m.%d. %H:%M}",
        service=payment.deal.offering.name,
        supplier=payment.deal.supplier.name,
        approval_number=payment.approval_number or "",
        grant=payment.grant_part,
        share=payment.share_part,
        tax=payment.tax_part,
        total=payment.total,
        cancelled_on=f"{back.astimezone(clock.KST):%m.%d.}" if back else "",
    )
