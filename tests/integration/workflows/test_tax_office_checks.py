"""Asking the tax office again (R-JOIN-4), through the played one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Denied, NotFound, Refusal
from app.models.applications import Application, ApplicationState
from app.models.companies import Company
from app.models.record import AuditRow
from app.policy import CLOCK, Role
from app.workflows import tax_office, tax_office_checks
from sandbox import behaviours
from tests import factories
from tests.integration.workflows import joining

pytestmark = pytest.mark.usefixtures("tx")
S = ApplicationState


@pytest.fixture
def stage(tx: object) -> joining.Stage:
    return joining.set_stage(vouchers=0, year=2020)


def waiting(stage: joining.Stage, digits: str = "", state: S = S.SCREENING, **fields: object) -> Application:
    """An application whose number the tax office was not able to answer for."""
    if digits:
        fields["business_number"] = behaviours.business_number(digits)
    company = factories.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id, **fields)
    application = factories.make_application(company=company, state=state)
    db.session.commit()
    return application


def trail(application: Application) -> list[tuple[str, str, dict[str, object]]]:
    rows = db.session.scalars(
        select(AuditRow).where(AuditRow.entity == "application", AuditRow.entity_id == application.id)
    )
    return [(row.action, row.actor_name, row.change) for row in rows]


@pytest.mark.parametrize(
    ("digits", "state"), [("", "계속사업자"), ("02", "휴업자"), ("03", "폐업자"), ("04", "미등록")]
)
def test_a_reviewer_asks_again_and_the_answer_is_audited(
    stage: joining.Stage, sandbox: str, digits: str, state: str
) -> None:
    """R-JOIN-4: it decides nothing, and whoever asked needs no flag."""
    application = waiting(stage, digits)
    assert tax_office_checks.recheck(actor=stage.reviewer, application_id=application.id) == state
    company = application.company
    assert company.tax_office_state == state and company.tax_office_asked_at is not None
    assert (application.state, application.flagged_at) == (S.SCREENING, None)
    change = {"tax_office_state": [None, state]}
    assert trail(application) == [("tax_office", stage.reviewer.name, change)]


def test_an_office_that_is_down_says_so_and_the_case_stays(stage: joining.Stage, sandbox: str) -> None:
    application = waiting(stage, "56")
    with pytest.raises(Refusal, match="tax_office.unavailable"):
        tax_office_checks.recheck(actor=stage.reviewer, application_id=application.id)
    assert (application.company.tax_office_state, application.company.tax_office_tries) == (None, 1)
    assert trail(application) == []


def test_only_the_own_agency_asks(stage: joining.Stage) -> None:
    application = waiting(stage)
    elsewhere = factories.make_actor(Role.REVIEWER)
    company = factories.make_actor(Role.DEMAND)
    db.session.commit()
    with pytest.raises(NotFound):
        tax_office_checks.recheck(actor=elsewhere, application_id=application.id)
    with pytest.raises(Denied):
        tax_office_checks.recheck(actor=company, application_id=application.id)


def test_an_answer_for_an_old_number_is_not_kept(
    stage: joining.Stage, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The company corrects its number while the office thinks."""
    application = waiting(stage, "03")
    asked = tax_office.state_of

    def slowly(number: str) -> str | None:
        answer = asked(number)
        application.company.business_number = behaviours.business_number("12")
        db.session.commit()
        return answer

    monkeypatch.setattr(tax_office, "state_of", slowly)
    with pytest.raises(Refusal, match="tax_office.number_changed"):
        tax_office_checks.recheck(actor=stage.reviewer, application_id=application.id)
    assert application.company.tax_office_state is None


def test_the_clock_asks_for_those_that_wait_and_flags_what_is_wrong(
    stage: joining.Stage, sandbox: str
) -> None:
    """R-JOIN-4: told to the agency, decided by a person."""
    going, closed = waiting(stage), waiting(stage, "03", S.SCREENED)
    held, approved = waiting(stage, "02", S.ON_HOLD), waiting(stage, "04", S.APPROVED)
    assert tax_office_checks.recheck_waiting() == 3
    states = {a.id: a.company.tax_office_state for a in (going, closed, held, approved)}
    assert list(states.values()) == ["계속사업자", "폐업자", "휴업자", None]
    assert [a.flagged_at is not None for a in (going, closed, held)] == [False, True, True]
    assert [a.state for a in (going, closed, held)] == [S.SCREENING, S.SCREENED, S.ON_HOLD]
    assert [row[:2] for row in trail(closed)] == [("tax_office", CLOCK.name), ("flag", CLOCK.name)]
    assert tax_office_checks.recheck_waiting() == 0


def test_a_down_office_is_asked_once_a_turn_and_ever_more_seldom(
    stage: joining.Stage, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def down(numbers: list[str]) -> dict[str, str]:
        calls.append(len(numbers))
        return {}

    monkeypatch.setattr(tax_office, "states_of", down)
    for _ in range(3):
        waiting(stage)
    for _ in range(2):
        assert tax_office_checks.recheck_waiting() == 0
    assert calls == [3]
    for minutes, more in ((2, [3, 1]), (4, [3, 1, 1]), (64, [3, 1, 1, 1])):
        later(minutes)
        tax_office_checks.recheck_waiting()
        assert calls[: len(more)] == more


def later(minutes: int) -> None:
    """Let the last question lie so long ago."""
    for company in db.session.scalars(select(Company).where(Company.tax_office_asked_at.is_not(None))):
        company.tax_office_asked_at = clock.real_now() - timedelta(minutes=minutes)
    db.session.commit()


def test_one_number_that_the_office_chokes_on_does_not_keep_the_others_waiting(
    stage: joining.Stage, sandbox: str
) -> None:
    bad = waiting(stage, "59")
    good = [waiting(stage) for _ in range(7)]
    assert tax_office_checks.recheck_waiting() == 0
    for _ in range(8):
        later(64)
        tax_office_checks.recheck_waiting()
    assert bad.company.tax_office_state is None and bad.company.tax_office_tries > 1
    assert {a.company.tax_office_state for a in good} == {tax_office.GOING}
