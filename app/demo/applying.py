"""K-Startup's companies without an instrument apply (R-KST-3): a month of work for the agencies' screens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy import select

from app import clock
from app.db import db
from app.demo.papers import paper
from app.demo.stage import Stage, business_day_after, instant
from app.demo.words import INDUSTRIES
from app.models.applications import Application, ApplicationState
from app.models.companies import Company, DocumentKind
from app.models.people import Account
from app.models.vouchers import InstrumentKind
from app.policy import Actor
from app.workflows import applications, assignments, budget, company_edits, instruments

NUMBER = 44
"""Of the first round's companies; the later ones have not begun yet."""
FIRST, LAST = date(2020, 10, 14), date(2020, 11, 13)
# The first half is decided faster than the second: an agency under load, as its dashboard should show.
WAITS = (1, 2, 2, 3, 3, 4, 4, 5, 6, 7)
FATES = ("screen", "screen", "hold", "open", "screen", "mended", "screen", "hold", "reject", "mended")
HOLDS = (
    ("clearance_expired",),
    ("registration_unreadable",),
    ("clearance_expired", "address_differs"),
    ("clearance_lacking",),
    ("contact_unreachable",),
)
END = instant(date(2020, 11, 13))
"""What was not decided by then is open when the demonstration begins."""
CONFIRMED = (date(2020, 10, 20), date(2020, 10, 21), date(2020, 10, 22))
"""Their first payments are due in the days after the demonstration's first instant (R-TIME-5)."""


@dataclass
class Applicant:
    actor: Actor
    application_id: int
    agency_id: int
    fate: str
    wait: int
    applied: date


def apply_all(stage: Stage) -> None:
    applicants = _applicants(stage)
    for place, one in enumerate(applicants):
        with clock.at(instant(one.applied, 9 + place % 8, place * 13 % 60)):
            _apply(stage, one, place)
    for place, one in enumerate(applicants):
        _decide(stage, one, place)
    _confirm(stage)
    _send_one_back(stage, applicants)


def _applicants(stage: Stage) -> list[Applicant]:
    waiting = (
        select(Account, Application)
        .join(Application, Application.company_id == Account.company_id)
        .where(Application.state == ApplicationState.NOT_APPLIED)
        .order_by(Application.id)
        .limit(NUMBER)
    )
    days = (LAST - FIRST).days
    return [
        Applicant(
            actor=account.actor(),
            application_id=application.id,
            agency_id=application.agency_id,
            # By fours: each agency meets every fate.
            fate=FATES[place // 4 % len(FATES)],
            wait=WAITS[(place * 3 + place // 4) % (5 if place < NUMBER // 2 else len(WAITS))],
            applied=FIRST + timedelta(days=days * place // NUMBER),
        )
        for place, (account, application) in enumerate(db.session.execute(waiting))
    ]


def _apply(stage: Stage, one: Applicant, place: int) -> None:
    """Details, documents, instrument, '사업 신청': what the company's own pages ask for."""
    company = db.session.get_one(Company, one.actor.company_id)
    typed = {
        "address": f"서울특별시 금천구 가산디지털1로 {100 + place}",
        "industry": INDUSTRIES[place % len(INDUSTRIES)],
        "contact_name": company.representative,
        "payment_contact_name": company.representative,
    }
    company_edits.edit(actor=one.actor, changes=typed)
    needed = company_edits.required_documents(
        company.kind, programme=company.programme, verified_as=company.verified_as
    )
    for kind in needed:
        content = _alike(kind)
        if kind is DocumentKind.BUSINESS_REGISTRATION:
            content = paper(kind.label, [f"상호: {company.name}", f"대표자: {company.representative}"])
        company_edits.replace_document(
            actor=one.actor, kind=kind, file_name=f"{kind.label}.pdf", content=content
        )
    stage.verify_person(company, one.actor)
    instruments.choose(actor=one.actor, kind=InstrumentKind.PERSONAL_CHECK)
    applications.apply(actor=one.actor)


@cache
def _alike(kind: DocumentKind) -> bytes:
    return paper(kind.label, ["위 기업에 대하여 증명합니다."])


def _decide(stage: Stage, one: Applicant, place: int) -> None:
    """What its day has come for; the others are open, most in somebody's hands."""
    reviewer = stage.reviewer_of(one.agency_id)
    decided = instant(business_day_after(one.applied, one.wait), 10 + place % 7, place * 11 % 60)
    if one.fate == "open" or decided >= END:
        if place % 3:
            with clock.at(min(instant(business_day_after(one.applied, 1), 17), END)):
                assignments.take(actor=reviewer, application_id=one.application_id)
        return
    named: dict[str, Any] = {"actor": reviewer, "application_id": one.application_id}
    with clock.at(decided):
        if one.fate == "screen":
            applications.screen(**named)
        elif one.fate == "reject":
            applications.reject(**named, reason="", codes=["closed_or_suspended"])
        else:
            codes = HOLDS[place % len(HOLDS)]
            applications.hold(**named, reason="", codes=codes, marks=["tax_clearance"])
    if one.fate == "mended":
        _mend(one, reviewer, decided.date())


def _mend(one: Applicant, reviewer: Actor, held: date) -> None:
    again, decided = instant(business_day_after(held, 2), 15), instant(business_day_after(held, 4), 11)
    if again < END:
        with clock.at(again):
            applications.resubmit(actor=one.actor)
    if decided < END:
        with clock.at(decided):
            applications.screen(actor=reviewer, application_id=one.application_id)


def _confirm(stage: Stage) -> None:
    for day in CONFIRMED:
        screened = select(Application.id).where(
            Application.state == ApplicationState.SCREENED, Application.screened_at < instant(day, 16)
        )
        with clock.at(instant(day, 16, 30)):
            budget.confirm(actor=stage.staff["budget"], application_ids=list(db.session.scalars(screened)))


def _send_one_back(stage: Stage, applicants: list[Applicant]) -> None:
    """반송: the newest that still stands 심사확정."""
    keys = [one.application_id for one in applicants]
    newest = (
        select(Application.id)
        .where(Application.id.in_(keys), Application.state == ApplicationState.SCREENED)
        .order_by(Application.screened_at.desc())
        .limit(1)
    )
    with clock.at(END):
        budget.send_back(
            actor=stage.staff["budget"],
            application_id=db.session.scalars(newest).one(),
            reason="완납증명서의 발급일이 접수일보다 늦습니다. 다시 확인해 주세요.",
        )
