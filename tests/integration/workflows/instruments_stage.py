"""What the tests of the instruments share: the days, and a company with its choice."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from app import clock
from app.db import db
from app.models.applications import ApplicationState as State
from app.models.vouchers import Instrument, InstrumentKind, InstrumentState
from app.policy import Actor, Role
from app.workflows import (
    budget,
    instrument_issue,
    instruments,
)
from app.workflows.instrument_accounts import BankAccount
from tests import factories
from tests.integration.workflows import joining

OPENS = date(2020, 11, 2)
PERSONAL, PREPAID = InstrumentKind.PERSONAL_CHECK, InstrumentKind.PREPAID
CORPORATE, ZEROPAY = InstrumentKind.CORPORATE_CHECK, InstrumentKind.ZEROPAY
CHOSEN, REQUESTED, ISSUED = InstrumentState.CHOSEN, InstrumentState.REQUESTED, InstrumentState.ISSUED
DAY = date(2020, 11, 16)
ACCOUNT = BankAccount(bank_code="088", number="110-234-567890", birth_date="800101")


def at(day: date, hour: int = 10, minute: int = 0) -> datetime:
    return clock.start_of(day) + timedelta(hours=hour, minutes=minute)


@pytest.fixture
def stage(tx: object) -> joining.Stage:
    with clock.at(at(date(2020, 10, 5))):
        return joining.set_stage(vouchers=5, year=2020, card_opens_on=OPENS)


def applicant(stage: joining.Stage, state: State = State.SCREENING, **fields: Any) -> tuple[Any, Actor]:
    company = factories.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id, **fields)
    application = factories.make_application(company=company, state=state)
    person = factories.make_actor(Role.DEMAND, company_id=company.id)
    db.session.commit()
    return application, person


def approve(stage: joining.Stage, application: Any, day: date) -> None:
    """예산확정; how an agency comes to 심사확정 is no matter of the instrument."""
    application.state = State.SCREENED
    db.session.commit()
    with clock.at(at(day, 9)):
        budget.confirm_one(actor=stage.officer, application_id=application.id)


def choose(person: Actor, kind: InstrumentKind, day: date, hour: int = 10) -> Instrument:
    with clock.at(at(day, hour)):
        return instruments.choose(actor=person, kind=kind)


def ask(person: Actor, when: datetime, account: BankAccount | None = ACCOUNT) -> Instrument:
    with clock.at(when):
        return instrument_issue.request(actor=person, account=account)


def refreshed(person: Actor, when: datetime) -> InstrumentState:
    with clock.at(when):
        instrument_issue.refresh_issues()
        found = instruments.own(actor=person)
    assert found is not None
    return found.state
