"""Who may join at all, and what the others are told (R-JOIN-4 to R-JOIN-7a)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.models.applications import Application, ApplicationState
from app.models.companies import Company
from app.policy import CLOCK
from app.workflows import programmes
from sandbox import behaviours
from tests.integration.portal.applicant import text
from tests.integration.portal.newcomer import Newcomer, make_newcomer, step_of


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"business_number": "123-45-67890"}, "검증번호가 맞지 않습니다"),
        ({"business_number": "000-00-00000"}, "사업자등록번호를 다시 확인해 주세요"),
        ({"email": "no-address"}, "이메일을"),
        ({"name": ""}, "기업명을 입력해 주세요"),
    ],
)
def test_details_are_checked_and_kept(newcomer: Newcomer, changes: dict[str, str], sentence: str) -> None:
    """R-JOIN-4"""
    newcomer.up_to("details")
    page = text(newcomer.details(**changes), 422)
    assert sentence in page and 'value="소프트웨어 개발"' in page


def test_a_number_joins_once(site: Flask, newcomer: Newcomer) -> None:
    """R-JOIN-4, R-JOIN-6: a page with what can be done, and the way to the account that there is."""
    newcomer.up_to("check").post("submit")
    other = make_newcomer(site, newcomer.agency, newcomer.sandbox).up_to("details")
    assert step_of(other.details(business_number=newcomer.number)) == "eligibility"
    page = other.get("eligibility")
    assert "이미 이 사업에 신청한 사업자등록번호입니다" in page
    assert "/login?next=" in page and "/password/find" in page
    application = db.session.scalars(select(Application)).one()
    application.state, application.reason = ApplicationState.REJECTED, "휴업 중입니다."
    db.session.commit()
    other.details(business_number=newcomer.number)
    page = other.get("eligibility")
    assert "심사탈락하여 다시 신청할 수 없는" in page and "휴업 중입니다." in page
    assert newcomer.agency.phones.split(", ")[0] in page


def test_one_representative_holds_one_company(site: Flask, newcomer: Newcomer) -> None:
    """R-JOIN-7"""
    newcomer.up_to("check").post("submit")
    other = make_newcomer(site, newcomer.agency, newcomer.sandbox)
    other.person, other.n = newcomer.person, newcomer.n
    page = text(other.up_to("verify").verify(), 422)
    assert "이 대표자로 이미 가입한 수요기업이 있습니다" in page and "이렇게 해 주세요" in page
    assert "다른 사람으로 본인인증" in page
    other.person = "다른이"
    assert step_of(other.verify()) == "account"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"industry": "일반유흥주점업"}, "지원 제외 업종(&#39;유흥주점&#39;)에 해당합니다"),
        ({"business_number": behaviours.business_number("02")}, "휴업 중으로 조회되는"),
        ({"business_number": behaviours.business_number("03")}, "폐업한 것으로 조회되는"),
        ({"business_number": behaviours.business_number("04")}, "국세청에 등록되지 않은"),
    ],
)
def test_a_company_that_cannot_take_part_is_told_on_a_page_and_loses_nothing(
    newcomer: Newcomer, changes: dict[str, str], sentence: str
) -> None:
    """R-JOIN-4, R-JOIN-7a: from there it goes back, mends it and goes on."""
    newcomer.up_to("details")
    assert step_of(newcomer.details(**changes)) == "eligibility"
    page = newcomer.get("eligibility")
    assert sentence in page and "이렇게 해 주세요" in page and newcomer.url("details") in page
    # Whatever later step is opened says the same, and the form still holds what was typed.
    assert step_of(newcomer.browser.get(newcomer.url("contact"))) == "eligibility"
    assert f"주식회사 새싹{newcomer.n}" in newcomer.get("details")
    assert step_of(newcomer.details()) == "contact"
    assert step_of(newcomer.browser.get(newcomer.url("eligibility"))) == ""


def test_employees_are_asked_where_the_year_needs_them(newcomer: Newcomer) -> None:
    """R-JOIN-7a, 2022"""
    newcomer.up_to("details")
    assert "상시근로자 수" not in newcomer.get("details")
    programmes.current().needs_employees = True
    db.session.commit()
    assert "상시근로자 수" in newcomer.get("details")
    assert "상시근로자 수를 입력해 주세요" in text(newcomer.details(), 422)
    page = text(newcomer.details(employees="세 명"), 422)
    assert "숫자로 입력해 주세요" in page and 'value="세"' in page
    assert step_of(newcomer.details(employees="0")) == "eligibility"
    assert "상시근로자가 한 명 이상" in newcomer.get("eligibility")
    assert step_of(newcomer.details(employees="1,200명")) == "contact"
    newcomer.contact()
    newcomer.instrument()
    assert "1200명" in newcomer.get("check")


def test_a_closed_year_takes_no_more_and_says_so(newcomer: Newcomer) -> None:
    newcomer.up_to("check")
    programmes.current().is_open = False
    db.session.commit()
    page = text(newcomer.browser.post(newcomer.url("submit"), follow_redirects=True))
    assert "2020년 사업의 접수가 끝났습니다" in page
    assert db.session.scalar(select(func.count()).select_from(Company)) == 0


def test_verified_name_must_be_the_representatives(newcomer: Newcomer) -> None:
    newcomer.up_to("check")
    newcomer.details(representative="다른사람")
    page = text(newcomer.post("submit"), 422)
    assert "대표자로 본인인증한 이름과 대표자명이 다릅니다" in page and "기업정보 고치기" in page


def test_the_kinds_are_those_of_the_sign_ups_own_year(newcomer: Newcomer) -> None:
    """R-INS-1, R-JOIN-7a: whatever year has been opened since."""
    newcomer.up_to("instrument")
    programmes.current().card_opens_on = None
    later = programmes.create_programme(actor=CLOCK, year=2022)
    later.is_open, later.card_opens_on = True, clock.today()
    db.session.commit()
    assert programmes.current().id == later.id
    assert 'value="prepaid"' not in newcomer.get("instrument")
    assert newcomer.instrument("zeropay").status_code == 302
