"""A half-filled sign-up is its person's, and taken up again (R-JOIN-8)."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import db
from app.models.companies import Company
from app.models.programme import Agency
from tests.integration.portal.applicant import text
from tests.integration.portal.newcomer import STEPS, Newcomer, make_newcomer, step_of


def test_a_half_filled_sign_up_is_found_on_another_device(site: Flask, newcomer: Newcomer) -> None:
    """R-JOIN-8: by the same person's 본인인증, and going on is their choice."""
    newcomer.up_to("contact")
    other = make_newcomer(site, newcomer.agency, newcomer.sandbox)
    other.person, other.n = newcomer.person, newcomer.n
    assert step_of(other.up_to("verify").verify()) == "earlier"
    page = other.get("earlier")
    assert f"주식회사 새싹{newcomer.n}" in page and "약관동의, 본인인증, 로그인 정보, 기업정보" in page
    assert newcomer.token not in page
    taken = other.post("earlier")
    assert newcomer.token in taken.location
    assert step_of(other.browser.get(taken.location)) == "contact"
    assert step_of(other.browser.get(other.url("earlier"))) == "verify"


def test_half_filled_is_taken_up_again(site: Flask, newcomer: Newcomer) -> None:
    """R-JOIN-8: by the browser's cookie."""
    newcomer.up_to("contact")
    page = text(newcomer.browser.get("/signup"))
    assert "이어서 작성하기" in page and f"/signup/{newcomer.token}" in page
    assert step_of(newcomer.browser.get(f"/signup/{newcomer.token}")) == "contact"
    assert f'value="주식회사 새싹{newcomer.n}"' in newcomer.get("details")
    assert "이어서 작성하기" not in text(site.test_client().get("/signup"))


def elsewhere(site: Flask, newcomer: Newcomer) -> Newcomer:
    """The same address in another browser."""
    other = make_newcomer(site, newcomer.agency, newcomer.sandbox)
    other.token = newcomer.token
    return other


@pytest.mark.parametrize("step", STEPS[2:])
def test_its_address_alone_shows_nothing_of_it(site: Flask, newcomer: Newcomer, step: str) -> None:
    """R-JOIN-8: kept for its person. An address stays in the history of a shared computer."""
    newcomer.up_to("check")
    other = elsewhere(site, newcomer)
    assert step_of(other.browser.get(other.url(step))) == "verify"
    page = other.get("verify")
    assert "이 기기에서 본인인증을 해 주세요" in page and "본인인증을 마쳤습니다" not in page


def test_its_person_goes_on_by_its_address_elsewhere(site: Flask, newcomer: Newcomer) -> None:
    """R-JOIN-8"""
    newcomer.up_to("contact")
    other = elsewhere(site, newcomer)
    other.person, other.n = newcomer.person, newcomer.n
    other.verify()
    assert f"주식회사 새싹{newcomer.n}" in other.get("details")
    assert step_of(newcomer.contact()) == "documents"


def test_nobody_else_takes_it_over_by_its_address(site: Flask, newcomer: Newcomer) -> None:
    """R-JOIN-8: not to read it, not to hand it in, not to take a paper out of it."""
    newcomer.up_to("check")
    paper = re.search(r"/documents/(\d+)/delete", newcomer.get("documents"))
    other = elsewhere(site, newcomer)
    page = text(other.verify(), 422)
    assert "이 신청서를 작성하던 사람과 다른 사람입니다" in page
    assert step_of(other.browser.get(other.url("details"))) == "verify"
    assert step_of(other.post("submit")) == "verify"
    assert paper and step_of(other.post(f"documents/{paper[1]}/delete")) == "verify"
    assert db.session.scalar(select(func.count()).select_from(Company)) == 0
    assert step_of(newcomer.post("submit")) == "done"


def test_an_invented_token_is_not_found(site: Flask, agency: Agency) -> None:
    for step in ("", "/terms", "/check", "/done"):
        assert site.test_client().get(f"/signup/invented{step}").status_code == 404
