"""One agency's budget ends: its companies wait, money comes back and is offered to them (R-SCR-4)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from app import clock
from app.db import db
from app.demo.companies import Buyer
from app.demo.stage import Stage, instant
from app.models.applications import Application, ApplicationState
from app.models.deals import Deal
from app.models.offers import BudgetOffer
from app.models.people import Account
from app.models.programme import Agency
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor
from app.workflows import (
    allocations,
    applications,
    budget,
    budget_overview,
    deadlines,
    offers,
    offers_sweep,
    vouchers,
)

ENDS, TAKES = "mainbiz", "innopolis"
"""Whose free money the lead agency gives to whom."""
THURSDAY, FRIDAY = date(2020, 11, 12), date(2020, 11, 13)
SCREENED = 2
"""Cases decided that day, so that a line forms."""
WAIVED = 2
"""Vouchers that come back: one is taken up, the other still asked about."""


def end_a_budget(stage: Stage, buyers: list[Buyer]) -> None:
    agency = _agency(ENDS)
    _screen(stage, agency)
    with clock.at(instant(FRIDAY, 9)):
        deadlines.sweep()  # what was not used within a month has come back by then
    _move_free_money(stage, agency)
    waiting = _applications(agency, ApplicationState.SCREENED)
    with clock.at(instant(FRIDAY, 10, 30)):
        budget.confirm(actor=stage.staff["budget"], application_ids=waiting)
    for place, buyer in enumerate(_with_untouched_vouchers(agency, buyers)[:WAIVED]):
        _waive(stage, buyer, minute=place)
    with clock.at(instant(FRIDAY, 15)):
        offers_sweep.sweep(at=clock.now())
    _accept_the_first()


def _agency(code: str) -> Agency:
    return db.session.scalars(select(Agency).where(Agency.code == code)).one()


def _applications(agency: Agency, state: ApplicationState) -> list[int]:
    statement = select(Application.id).where(Application.agency_id == agency.id, Application.state == state)
    return list(db.session.scalars(statement.order_by(Application.submitted_at, Application.id)))


def _screen(stage: Stage, agency: Agency) -> None:
    reviewer = stage.reviewer_of(agency.id)
    for place, key in enumerate(_applications(agency, ApplicationState.SCREENING)[:SCREENED]):
        with clock.at(instant(THURSDAY, 17, 10 * place)):
            applications.screen(actor=reviewer, application_id=key)


def _move_free_money(stage: Stage, agency: Agency) -> None:
    officer, programme_id = stage.staff["budget"], stage.programme.id
    with clock.at(instant(FRIDAY, 10)):
        line = budget_overview.of_agency(actor=officer, programme_id=programme_id, agency_id=agency.id)
        allocations.take_back(
            actor=officer,
            programme_id=programme_id,
            agency_id=agency.id,
            amount=line.free,
            reason="중간 점검: 집행이 남은 예산을 신청이 많은 기관에 다시 배정",
            key="2020-2",
        )
        budget.allocate(
            actor=officer,
            programme_id=programme_id,
            agency_id=_agency(TAKES).id,
            amount=line.free,
            key="2020-2",
        )


def _with_untouched_vouchers(agency: Agency, buyers: list[Buyer]) -> list[Actor]:
    dealt = select(Deal.id).where(Deal.company_id == Voucher.company_id).exists()
    statement = select(Voucher.company_id).where(
        Voucher.agency_id == agency.id, Voucher.state == VoucherState.USABLE, ~dealt
    )
    untouched = set(db.session.scalars(statement))
    return [buyer.actor for buyer in buyers if buyer.actor.company_id in untouched]


def _waive(stage: Stage, company: Actor, *, minute: int) -> None:
    with clock.at(instant(FRIDAY, 11, minute)):
        asked = vouchers.request_waiver(actor=company, reason="올해는 필요한 서비스를 찾지 못했습니다.")
    with clock.at(instant(FRIDAY, 14, minute)):
        vouchers.approve_waiver(actor=stage.staff["programme"], voucher_id=asked.id)


def _accept_the_first() -> None:
    first = db.session.scalars(select(BudgetOffer).order_by(BudgetOffer.id).limit(1)).one()
    company = db.session.scalars(select(Account).where(Account.company_id == first.company_id)).one()
    with clock.at(instant(FRIDAY, 16, 40)):
        offers.accept(actor=company.actor(), offer_id=first.id)
