"""Where a trace begins: records by a number that stands on them, or by a name (R-MONEY-3)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from app import policy
from app.db import db
from app.models.companies import Company
from app.models.numbers import digits
from app.models.payments import Payment
from app.models.programme import Agency, AgencyBudget
from app.models.settlements import SettlementBatch, SettlementLine
from app.models.tax_invoices import TaxInvoice
from app.models.vouchers import Voucher
from app.policy import Actor, Permission
from app.workflows import search
from app.workflows.ledger_trace import TraceKind

MOST_FOUND = 20


@dataclass(frozen=True, kw_only=True)
class Found:
    kind: TraceKind
    id: int
    title: str
    text: str


def find(*, actor: Actor, q: str) -> list[Found]:
    """Records by a number that stands on them: order, approval, tax invoice, transfer, settlement, business
    number, or a name.

    Raises Denied.
    """
    policy.require(actor, Permission.LEDGER_VIEW)
    words = search.clean(q)
    if not words:
        return _budgets()
    return [*_transfers(words), *_payments(words), *_vouchers(words)][:MOST_FOUND]


def _budgets() -> list[Found]:
    rows = db.session.execute(
        select(AgencyBudget.id, Agency.name)
        .join(Agency, Agency.id == AgencyBudget.agency_id)
        .order_by(AgencyBudget.id.desc())
        .limit(MOST_FOUND)
    )
    return [Found(kind=TraceKind.BUDGET, id=key, title=name, text="운영기관 예산") for key, name in rows]


def _transfers(words: str) -> list[Found]:
    """One by its own number, or all of a settlement by that one's."""
    number = words.upper().removeprefix("KV")
    if words.upper().startswith("KV") and number.isascii() and number.isdigit() and len(number) < 19:
        which = SettlementLine.id == int(number)
    else:
        which = SettlementLine.batch.has(SettlementBatch.number == words.upper())
    lines = db.session.scalars(
        select(SettlementLine)
        .where(which)
        .order_by(SettlementLine.id)
        .limit(MOST_FOUND)
        .options(joinedload(SettlementLine.supplier), joinedload(SettlementLine.batch))
    )
    return [
        Found(kind=TraceKind.LINE, id=line.id, title=line.supplier.name, text=line.batch.number)
        for line in lines
    ]


def _payments(words: str) -> list[Found]:
    invoiced = select(TaxInvoice.payment_id).where(TaxInvoice.number == words)
    rows = db.session.scalars(
        select(Payment)
        .where(or_(Payment.order_id == words, Payment.approval_number == words, Payment.id.in_(invoiced)))
        .order_by(Payment.id.desc())
        .limit(MOST_FOUND)
    )
    return [
        Found(kind=TraceKind.PAYMENT, id=row.id, title=row.order_id, text=row.approval_number or "")
        for row in rows
    ]


def _vouchers(words: str) -> list[Found]:
    rows = db.session.execute(
        select(Voucher.id, Company.name, Company.business_number)
        .join(Company, Company.id == Voucher.company_id)
        .where(
            or_(
                Company.name.icontains(words, autoescape=True),
                Company.business_number == (digits(words) or words),
            )
        )
        .order_by(Voucher.id.desc())
        .limit(MOST_FOUND)
    )
    return [Found(kind=TraceKind.VOUCHER, id=key, title=name, text=number) for key, name, number in rows]
