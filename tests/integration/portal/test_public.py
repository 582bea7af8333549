"""The pages that anybody may read (R-PUB-1, R-PUB-2, R-INS-5)."""

from __future__ import annotations

import pytest
from flask import Flask

from app.policy import CLOCK
from app.workflows import programmes
from tests import factories
from tests.integration.portal.applicant import text

PAGES = {
    "/about": "사업안내",
    "/notices": "사업공고",
    "/companies": "수요기업",
    "/suppliers": "공급기업",
    "/support": "고객센터",
    "/privacy": "개인정보 처리방침",
    "/terms": "이용약관",
}


@pytest.fixture(autouse=True)
def _programme(site: Flask) -> None:
    programmes.create_programme(actor=CLOCK, year=2020)


@pytest.mark.parametrize(("address", "heading"), PAGES.items())
def test_each_page_opens_for_a_visitor(site: Flask, address: str, heading: str) -> None:
    page = text(site.test_client().get(address))
    assert f"<h1>{heading}</h1>" in page
    assert "실제 정부 누리집이 아닙니다" in page or "정부기관도 운영하지 않습니다" in page


def test_main_page_has_menus_six_categories_and_the_two_ways_in(site: Flask) -> None:
    page = text(site.test_client().get("/"))
    for label in ("사업안내", "사업공고", "공급기업", "수요기업", "고객센터", "로그인", "수요기업 회원가입"):
        assert label in page
    for name in programmes.CATEGORIES.values():
        assert name in page
    assert "4,000,000원" in page


def test_main_page_shows_what_is_on_sale_and_nothing_else(site: Flask) -> None:
    offering = factories.make_offering(name="온라인 회의실", price=990_000)
    hidden = factories.make_offering(name="숨은 서비스", state=factories.OfferingState.IN_REVIEW)
    page = text(site.test_client().get("/"))
    assert offering.name in page and "990,000원" in page
    assert hidden.name not in page


def test_support_names_the_four_agencies_and_the_help_lines(site: Flask) -> None:
    """R-ROLE-2, R-INS-5"""
    page = text(site.test_client().get("/support"))
    for name, phones in programmes.AGENCIES.values():
        assert name in page
        assert all(phone in page for phone in phones.split(", "))
    for phone in (programmes.PLATFORM_PHONE, programmes.CARD_PHONE, programmes.ZEROPAY_PHONE):
        assert phone in page


def test_between_two_years_the_public_pages_stay_open_and_sign_up_says_why_not(site: Flask) -> None:
    programmes.current().is_open = False
    factories.db.session.commit()
    visitor = site.test_client()
    assert "모집이 끝났습니다" in text(visitor.get("/notices"))
    page = text(visitor.get("/"))
    assert "지금은 모집하는 사업이 없습니다" in page
    assert all(visitor.get(address).status_code == 200 for address in PAGES)
    assert "지금은 신청을 받는 사업이 없습니다" in text(visitor.get("/signup"), 409)


def test_main_page_opens_before_any_programme_exists(site: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    programmes.current().is_open = False
    factories.db.session.commit()
    monkeypatch.setattr(programmes, "programmes", lambda: [])
    visitor = site.test_client()
    assert "지금은 모집하는 사업이 없습니다" in text(visitor.get("/"))
    assert all(visitor.get(address).status_code == 200 for address in PAGES)
