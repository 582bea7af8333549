"""'심사 및 예산확인': honest waiting (R-SCR-1, R-SCR-4, R-SCR-5, R-TIME-5)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.db import db
from app.models.applications import ApplicationState as State
from app.models.applications import ScreeningRound
from app.models.programme import SelectionOrder
from tests import factories
from tests.integration.portal.applicant import Applicant, LogIn, make_applicant

NOW = datetime(2020, 11, 16, 9, tzinfo=clock.KST)  # a Monday
PAGE = "/company/status"


def others(applicant: Applicant, count: int, state: State, **fields: Any) -> list[Any]:
    """So many companies of the same agency, a day before."""
    rows = []
    for _ in range(count):
        company = factories.make_company(
            programme_id=applicant.stage.programme.id, agency_id=applicant.stage.agency.id
        )
        before = {"submitted_at": NOW - timedelta(days=1)}
        rows.append(factories.make_application(company=company, state=state, **before | fields))
    return rows


def decided(applicant: Applicant, *waited: int, agency_id: int | None = None) -> None:
    for days, application in zip(waited, others(applicant, len(waited), State.SCREENED), strict=True):
        db.session.add(
            ScreeningRound(
                application_id=application.id,
                agency_id=agency_id or application.agency_id,
                programme_id=application.programme_id,
                number=1,
                entered_at=NOW - timedelta(days=10),
                decided_at=NOW - timedelta(days=2),
                decision="screen",
                waited_days=days,
            )
        )
    db.session.commit()


def page(applicant: Applicant, *, at: datetime = NOW) -> str:
    with clock.at(at):
        return applicant.get(PAGE)


def waiting(log_in_as: LogIn, *, arrived: datetime = NOW, state: State = State.SCREENING) -> Applicant:
    with clock.at(arrived):
        applicant = make_applicant(log_in_as, state)
    applicant.application.submitted_at = arrived
    db.session.commit()
    return applicant


def test_place_promise_pace_and_an_estimate_from_the_pace(site: Flask, log_in_as: LogIn) -> None:
    applicant = waiting(log_in_as)
    others(applicant, 3, State.SCREENING)
    decided(applicant, 1, 2, 3, 6, 9, 9)
    shown = page(applicant)
    assert "<strong>4번째</strong>" in shown
    assert "접수한 날부터 10영업일 안에(2020.11.30.(월) 24:00까지) 결과를 알려 드립니다." in shown
    assert "보통 4.5영업일 걸립니다(최근 30일 동안의 결정 6건의 중앙값)" in shown
    # Six decisions in 21 business days (10.18. to 11.16.): the fourth is reached after 14.
    assert "약 14영업일 안에 차례가 됩니다" in shown


def test_of_fewer_than_five_decisions_nothing_is_foretold(site: Flask, log_in_as: LogIn) -> None:
    applicant = waiting(log_in_as)
    elsewhere = factories.make_agency()
    decided(applicant, 1, 2, 3, 4)
    decided(applicant, 1, 1, 1, 1, 1, 1, agency_id=elsewhere.id)
    shown = page(applicant)
    assert "처리한 심사가 4건뿐이어서 걸리는 기간을 말씀드릴 수 없습니다" in shown
    assert "중앙값" not in shown and "차례가 됩니다" not in shown


def test_what_is_late_is_said_to_be_late_on_the_first_day(site: Flask, log_in_as: LogIn) -> None:
    applicant = waiting(log_in_as)
    last = datetime(2020, 11, 30, 23, 59, 59, tzinfo=clock.KST)
    assert "넘겼습니다" not in page(applicant, at=last)
    shown = page(applicant, at=last + timedelta(seconds=1))
    assert "약속드린 10영업일을 1영업일 넘겼습니다" in shown
    assert applicant.stage.agency.phones in shown


@pytest.mark.parametrize("state", [State.ON_HOLD, State.SCREENED, State.APPROVED, State.REJECTED])
def test_who_is_not_screened_is_foretold_nothing(site: Flask, log_in_as: LogIn, state: State) -> None:
    assert "kv-outlook" not in page(waiting(log_in_as, state=state))


def test_place_in_the_line_for_the_budget(site: Flask, log_in_as: LogIn) -> None:
    applicant = waiting(log_in_as, state=State.SCREENED)
    others(applicant, 2, State.SCREENED)
    others(applicant, 1, State.SCREENED, submitted_at=NOW + timedelta(days=1))
    assert "예산확정 대기 중 <strong>3번째</strong> 순서" in page(applicant)


def test_place_by_score_where_the_programme_selects_by_it(site: Flask, log_in_as: LogIn) -> None:
    """R-JOIN-7a"""
    applicant = waiting(log_in_as, state=State.SCREENED)
    applicant.stage.programme.selection_order = SelectionOrder.SCORE
    applicant.application.score = 80
    for score in (95, 80, 79, None):
        others(applicant, 1, State.SCREENED, score=score)
    db.session.commit()
    assert "<strong>3번째</strong>" in page(applicant)
    applicant.application.score = None
    db.session.commit()
    assert "<strong>5번째</strong>" in page(applicant)


def test_an_ended_budget_is_told_with_the_place_among_those_who_wait(site: Flask, log_in_as: LogIn) -> None:
    """R-SCR-4"""
    applicant = waiting(log_in_as, state=State.SCREENED)
    applicant.application.waitlisted_at = NOW
    others(applicant, 2, State.SCREENED, waitlisted_at=NOW)
    others(applicant, 4, State.SCREENED)
    db.session.commit()
    shown = page(applicant)
    assert "예산이 모두 배정되어 2020.11.16.부터 예산을 기다리고 있습니다" in shown
    assert "기다리는 순서는 <strong>3번째</strong>" in shown


def test_after_the_approval_it_says_what_to_do_by_when(site: Flask, log_in_as: LogIn) -> None:
    """R-TIME-5"""
    applicant = waiting(log_in_as, state=State.APPROVED)
    shown = page(applicant)
    assert "첫 결제 기한" in shown and "2020.12.16.(수) 24:00까지, 선정일 2020.11.16.(월)부터 1개월" in shown
    assert "한 번도 결제하지 않으면 바우처가 회수됩니다" in shown
    assert 'href="/voucher"' in shown.split('id="state-title"')[1].split("</section>")[0]
