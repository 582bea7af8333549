"""Deals, bills and offers in a market, and stops of its clocks with their runs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from app import clock
from app.db import db
from app.models.applications import ApplicationState
from app.models.deals import Deal
from app.models.offers import BudgetOffer, OfferState
from app.models.programme import ClockRun
from app.models.record import Notice
from app.policy import Actor, Role
from app.workflows import clock_runs, clock_stops, deals
from tests import factories
from tests.market import MONDAY, Market, make_voucher

TUESDAY = MONDAY + timedelta(days=1)
OUTAGE = {"starts_at": TUESDAY, "ends_at": TUESDAY + timedelta(hours=4), "reason": "장애"}
WORDS = "2020.11.17.(화) 09:00~13:00 동안 기한이 멈췄습니다(사유: 장애)."


def declare_only(market: Market, manager: Actor, **period: Any) -> ClockRun:
    """Without the job that moves the deadlines."""
    return clock_stops.declare(actor=manager, programme_id=market.programme.id, **OUTAGE | period)


def declare(market: Market, manager: Actor, **period: Any) -> ClockRun:
    run = declare_only(market, manager, **period)
    clock_runs.work(run_id=run.id)
    return run


def ask(market: Market) -> Deal:
    return deals.request(actor=market.buyer, offering_id=market.offering.id, memo="견적 부탁드립니다.")


def bill(market: Market) -> Deal:
    deal = ask(market)
    deals.accept(actor=market.seller, deal_id=deal.id)
    return deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())


def told(key: str) -> list[str]:
    statement = select(Notice.text).where(Notice.key.like(key)).order_by(Notice.id)
    return list(db.session.scalars(statement))


def make_offer(market: Market) -> BudgetOffer:
    """Answered by Thursday 19, 24:00."""
    company = factories.make_company(programme_id=market.programme.id, agency_id=market.company.agency_id)
    application = factories.make_application(company=company, state=ApplicationState.SCREENED)
    offer = BudgetOffer(
        application_id=application.id,
        company_id=company.id,
        agency_id=company.agency_id,
        agency_budget_id=market.voucher.agency_budget_id,
        amount=3_600_000,
        state=OfferState.OFFERED,
        offered_at=MONDAY,
        due_at=clock.end_of(date(2020, 11, 19)),
    )
    db.session.add(offer)
    db.session.commit()
    return offer


def make_more(market: Market) -> Market:
    """Another company in the same programme and market."""
    company = factories.make_company(programme_id=market.programme.id)
    voucher = make_voucher(company)
    db.session.commit()
    return Market(
        programme=market.programme,
        company=company,
        supplier=market.supplier,
        offering=market.offering,
        plan=market.plan,
        voucher=voucher,
        buyer=factories.make_actor(Role.DEMAND, company_id=company.id),
        seller=market.seller,
    )
