"""The 청구내역서 of a company: what it paid and what was cancelled of it, for the filter that it has set
(R-PAY-8), numbered and kept like the other papers (R-DOC-1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import select

from app import clock, policy
from app.db import db, lock, transaction
from app.documents.slip_data import BilledRow, BillingPaper, Parts, Party, Stamp
from app.errors import NotFound, Refusal
from app.models.companies import Company
from app.models.numbers import write_business_number
from app.models.payments import Payment, PaymentState, Slip, SlipKind
from app.policy import Actor, Permission
from app.workflows import payments_reads, record, shares, slips

MOST = 5_000
"""Some hundred pages: what a person still reads, and what a job draws in seconds."""


def issue(
    *, actor: Actor, since: date | None = None, until: date | None = None, q: str = ""
) -> tuple[Slip, bool]:
    """Number and take down the 청구내역서, and whether it is a new one; a job draws it. Asked for again while
    nothing has changed, it is the same document.

    Raises Refusal where the filter leaves more rows than one document holds, or none.
    """
    policy.require(actor, Permission.DEMAND_VIEW)
    if actor.company_id is None:
        raise NotFound()
    with transaction():
        company = lock(Company, actor.company_id)
        rows = _rows(actor=actor, since=since, until=until, q=q)
        shown = _shown(company, rows, period=write_period(since, until), q=q)
        slip, is_new = slips.issue_billing(
            company_id=company.id,
            programme_id=company.programme_id,
            content_key=f"billing:{company.id}:{_digest(shown)}",
            paper=lambda stamp: BillingPaper(stamp=stamp, **shown),
        )
        if is_new:
            total = {"rows": (0, len(rows)), "total": (0, shown["total"])}
            record.write("slip", slip.id, "issue_billing", actor=actor, change=total)
        return slip, is_new


def issued(*, actor: Actor, before: int | None = None, size: int = 20) -> list[Slip]:
    """Of the actor's company, newest first. Raises Denied."""
    policy.require(actor, Permission.DEMAND_VIEW)
    query = select(Slip).where(Slip.company_id == actor.company_id, Slip.kind == SlipKind.BILLING)
    if before is not None:
        query = query.where(Slip.id < before)
    return list(db.session.scalars(query.order_by(Slip.id.desc()).limit(size)))


def _shown(company: Company, rows: list[Payment], *, period: str, q: str) -> dict[str, Any]:
    """All of the paper but its stamp."""
    paid = _parts(rows)
    cancelled = _parts([row for row in rows if row.state is PaymentState.CANCELLED])
    return {
        "company": Party(
            business_number=write_business_number(company.business_number),
            name=company.name,
            representative=company.representative,
            address=company.address,
        ),
        "period": period,
        "search": q,
        "rows": tuple(_row(row) for row in rows),
        "paid": paid,
        "cancelled": cancelled,
        "total": paid.total - cancelled.total,
    }


def _digest(shown: dict[str, Any]) -> str:
    blank = Stamp(number="", issued_on="", code="", url="", programme="", issuer="", demonstration=False)
    content = json.dumps(BillingPaper(stamp=blank, **shown).dump(), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _rows(**wanted: Any) -> list[Payment]:
    """The oldest first."""
    rows = payments_reads.statement(**wanted, size=MOST + 1)
    if not rows:
        raise Refusal(
            "statement.empty", "조건에 맞는 내역이 없어 청구내역서를 발급하지 않았습니다. 조건을 바꿔 주세요."
        )
    if len(rows) > MOST:
        count = payments_reads.statement_sums(**wanted).count
        raise Refusal(
            "statement.too_many",
            f"청구내역서 한 부에는 {MOST:,}건까지 담을 수 있습니다(지금 {count:,}건). "
            "조회기간을 나누어 발급하거나 엑셀로 내려받아 주세요.",
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
    value = shares.supply_and_tax(amount=payment.amount, tax=payment.tax_part)
    return BilledRow(
        paid_at=f"{paid_at:%Y.%m.%d. %H:%M}",
        service=payment.deal.offering.name,
        supplier=payment.deal.supplier.name,
        business_number=write_business_number(payment.deal.supplier.business_number),
        supply=value.supply,
        vat=value.tax,
        approval_number=payment.approval_number or "",
        grant=payment.grant_part,
        share=payment.share_part,
        tax=payment.tax_part,
        total=payment.total,
        cancelled_on=f"{back.astimezone(clock.KST):%m.%d.}" if back else "",
    )
