"""알림 (R-MSG-1)."""

from __future__ import annotations

import re

from flask import Flask

from app.db import transaction
from app.models.applications import ApplicationState
from app.policy import Role
from app.workflows import messages, record
from tests import factories
from tests.integration.portal.applicant import Applicant, LogIn, make_applicant


def tell(applicant: Applicant, *texts: str) -> None:
    with transaction():
        record.tell(
            [
                record.Message(
                    key=f"test:{applicant.company.id}:{n}", text=each, company_id=applicant.company.id
                )
                for n, each in enumerate(texts)
            ]
        )


def test_news_are_listed_newest_first_to_their_company_only(site: Flask, log_in_as: LogIn) -> None:
    applicant = make_applicant(log_in_as, ApplicationState.SCREENING)
    other = make_applicant(log_in_as, ApplicationState.SCREENING, stage=applicant.stage)
    tell(applicant, "첫째 소식", "둘째 소식")
    page = applicant.get("/notifications")
    assert page.index("둘째 소식") < page.index("첫째 소식")
    assert page.count("새 알림") == 2
    assert "소식" not in other.get("/notifications") and "아직 알림이 없습니다" in other.get("/notifications")


def test_all_are_marked_as_read(site: Flask, log_in_as: LogIn) -> None:
    applicant = make_applicant(log_in_as, ApplicationState.SCREENING)
    tell(applicant, "첫째 소식")
    assert applicant.post("/notifications/read").location == "/notifications"
    assert messages.unread(actor=applicant.actor) == 0
    assert "새 알림" not in applicant.get("/notifications")


def test_a_decision_is_told(site: Flask, log_in_as: LogIn) -> None:
    applicant = make_applicant(log_in_as, ApplicationState.ON_HOLD)
    assert "심사가 보류되었습니다" in applicant.get("/notifications")


def test_pages_go_on_where_the_first_ended(site: Flask, log_in_as: LogIn) -> None:
    applicant = make_applicant(log_in_as, ApplicationState.SCREENING)
    tell(applicant, *[f"소식 {n:02}" for n in range(12)])
    page = applicant.get("/notifications?size=10")
    assert "소식 11" in page and "소식 01" not in page
    following = re.search(r'href="([^"]*after=\d+)" rel="next"', page)
    assert following
    second = applicant.get(following[1].replace("&amp;", "&"))
    assert "소식 01" in second and "소식 11" not in second


def test_staff_has_no_news_page(site: Flask, log_in_as: LogIn) -> None:
    assert log_in_as(factories.make_account(Role.REVIEWER)).get("/notifications").status_code == 403
