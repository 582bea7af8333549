"""What the tests of offers share: an agency whose budget has ended, and people who wait for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app import clock
from app.db import db
from app.models.applications import Application, ApplicationState
from app.models.offers import BudgetOffer, OfferState
from app.policy import Actor, Role
from app.workflows import budget, vouchers
from tests import factories
from tests.integration.workflows import joining

GRANT = 3_600_000
START = datetime(2020, 10, 5, 10, tzinfo=clock.KST)  # a Monday; Friday the 9th is Hangul Day
BACK = datetime(2020, 11, 6, 0, 1, tzinfo=clock.KST)  # a Friday: a month after the selection, all unused
DUE = datetime(2020, 11, 12, tzinfo=clock.KST)  # 24:00 of Wednesday, the 3rd business day after


def ended_budget(*, vouchers: int, year: int = 2020, **fields: Any) -> joining.Stage:
    """Every voucher that the budget pays for is given out; each can come back by its clock."""
    with clock.at(START):
        stage = joining.set_stage(vouchers=vouchers, year=year, **fields)
        given = [screened(stage).id for _ in range(vouchers)]
        db.session.commit()
        if given:
            budget.confirm(actor=stage.officer, application_ids=given)
    return stage


def screened(stage: joining.Stage, **fields: Any) -> Application:
    company = factories.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id)
    return factories.make_application(company=company, state=ApplicationState.SCREENED, **fields)


def waiting(stage: joining.Stage, count: int, **fields: Any) -> list[Application]:
    """So many wait, in the order of their arrival."""
    rows = []
    for n in range(count):
        arrived = START + timedelta(hours=1, minutes=n)
        rows.append(screened(stage, submitted_at=arrived, waitlisted_at=START + timedelta(days=1), **fields))
    db.session.commit()
    return rows


def money_comes_back(at: datetime = BACK) -> int:
    """회수 of what was not used within a month; how many vouchers ended."""
    return len(vouchers.sweep(at=at).revoked)


def company_of(application: Application) -> Actor:
    actor = factories.make_actor(Role.DEMAND, company_id=application.company_id)
    db.session.commit()
    return actor


def offers_of(*states: OfferState) -> list[BudgetOffer]:
    statement = select(BudgetOffer).order_by(BudgetOffer.id)
    if states:
        statement = statement.where(BudgetOffer.state.in_(states))
    return list(db.session.scalars(statement))


def offered_to(*states: OfferState) -> list[int]:
    return [offer.application_id for offer in offers_of(*states)]
