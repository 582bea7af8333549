"""A market to deal in: the parties of a deal, as rows that the joining chapter would have made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from app import clock
from app.db import db
from app.models.applications import ApplicationState
from app.models.catalogue import Offering, Plan, Supplier
from app.models.companies import Company
from app.models.deals import Deal
from app.models.payments import Payment, PaymentState
from app.models.programme import Programme
from app.models.vouchers import InstrumentKind, Voucher, VoucherState
from app.policy import CLOCK, Actor, Permission, Role
from app.workflows.deal_lifecycle import DEAL
from app.workflows.lifecycle import fire
from tests import factories

MONDAY = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)
"""Answers are due by Wednesday 18, 24:00."""
ANSWER_DUE = datetime(2020, 11, 19, 0, 0, tzinfo=clock.KST)


@dataclass(frozen=True)
class Market:
    programme: Programme
    company: Company
    supplier: Supplier
    offering: Offering
    plan: Plan
    voucher: Voucher
    buyer: Actor
    seller: Actor

    def bill_terms(self, **terms: Any) -> dict[str, Any]:
        first = date(2020, 12, 1)
        defaults = {
            "plan_id": self.plan.id,
            "quantity": 2,
            "period_from": first,
            "period_to": date(2021, 5, 31),
        }
        return defaults | terms


def make_voucher(company: Company, **fields: Any) -> Voucher:
    application = factories.make_application(company=company, state=ApplicationState.APPROVED)
    programme = db.session.get_one(Programme, company.programme_id)
    budget = factories.make_agency_budget(programme=programme, agency=factories.make_agency())
    defaults = {
        "programme_id": programme.id,
        "company_id": company.id,
        "agency_id": company.agency_id,
        "agency_budget_id": budget.id,
        "application_id": application.id,
        "state": VoucherState.USABLE,
        "granted_grant": 3_600_000,
        "granted_share": 400_000,
        "selected_on": date(2020, 11, 10),
        "first_payment_by": clock.end_of(date(2020, 12, 10)),
        "full_use_by": clock.end_of(date(2021, 7, 10)),
        "due_at": clock.end_of(date(2020, 12, 10)),
    }
    voucher = Voucher(**defaults | fields)
    db.session.add(voucher)
    db.session.flush()
    return voucher


def make_market(*, price: int = 100_000, **programme: Any) -> Market:
    company = factories.make_company(programme_id=factories.make_programme(**programme).id)
    supplier = factories.make_supplier()
    offering = factories.make_offering(supplier=supplier, price=price)
    return Market(
        programme=db.session.get_one(Programme, company.programme_id),
        company=company,
        supplier=supplier,
        offering=offering,
        plan=db.session.scalars(select(Plan).where(Plan.version_id == offering.current_version_id)).one(),
        voucher=make_voucher(company),
        buyer=factories.make_actor(Role.DEMAND, company_id=company.id),
        seller=factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id),
    )


def make_pending_payment(
    market: Market, deal_id: int, *, state: PaymentState = PaymentState.PENDING
) -> Payment:
    """A press of 결제 whose outcome nobody knows yet; no money moves here."""
    payment = Payment(
        programme_id=market.programme.id,
        deal_id=deal_id,
        voucher_id=market.voucher.id,
        company_id=market.company.id,
        supplier_id=market.supplier.id,
        instrument_kind=InstrumentKind.PERSONAL_CHECK,
        state=state,
        idempotency_key=f"press-{deal_id}-{state.value}",
        order_id=f"order-{deal_id}-{state.value}",
        grant_part=180_000,
        share_part=20_000,
        tax_part=0,
        pressed_at=clock.now(),
    )
    db.session.add(payment)
    db.session.flush()
    return payment


def mark_paid(*, deal_id: int, actor: Actor = CLOCK) -> Deal:
    """결제완료 by its edge alone, without a payment."""
    action = "pay" if actor.may(Permission.PAYMENT_MAKE) else "pay_resolved"
    changes = {"due_at": None, "closed_at": clock.now()}
    paid: Deal = fire(DEAL, deal_id, action, actor=actor, changes=changes)
    return paid
