"""공급기업 가입 through the pages, from the public menu to the receipt (R-SUP-1, R-SET-1, R-JOIN-8)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.db import db
from app.models.catalogue import Supplier
from app.models.numbers import complete_business_number
from app.policy import Role
from sandbox import behaviours
from tests import factories
from tests.integration.portal.applicant import text, upload
from tests.integration.workflows.joining import PASSWORD, code_for

_serial = itertools.count(1)
STEPS = ("terms", "verify", "account", "details", "bank", "documents", "check")
PAPERS = ("business_registration", "tax_clearance", "bank_book", "corporate_register")


@dataclass
class Seller:
    """Somebody who joins, and what they type."""

    browser: FlaskClient
    sandbox: str
    n: int
    token: str = ""

    @property
    def person(self) -> str:
        return f"남궁{'가나다라마바사아자차카타파하'[self.n % 14]}{self.n}"

    @property
    def phone(self) -> str:
        return f"010{67100000 + self.n * 100}"

    def url(self, step: str) -> str:
        return f"/supplier-signup/{self.token}/{step}"

    def get(self, step: str, status: int = 200) -> str:
        return text(self.browser.get(self.url(step)), status)

    def post(self, step: str, **form: Any) -> TestResponse:
        return self.browser.post(self.url(step), data=form)

    def terms(self) -> TestResponse:
        return self.post("terms", service="y", privacy="y")

    def verify(self, phone: str = "") -> TestResponse:
        phone = phone or self.phone
        who = {"name": self.person, "birth7": "8001011", "carrier": "SKT", "phone": phone}
        asked = self.post("verify", **who, verified_as="representative")
        assert asked.status_code == 302, text(asked)
        return self.post("verify/code", code=code_for(self.sandbox, phone))

    def account(self) -> TestResponse:
        return self.post("account", login=f"new-seller-{self.n}", password=PASSWORD, again=PASSWORD)

    def details(self, **changes: Any) -> TestResponse:
        typed = {
            "kind": "corporate",
            "business_number": complete_business_number(f"{710000000 + self.n * 7}"),
            "name": f"주식회사 판매{self.n}",
            "representative": self.person,
            "phone": "02-123-4567",
            "email": "office@example.co.kr",
            "address": "서울특별시 중구 세종대로 110",
            "introduction": "화상회의를 만듭니다.",
        }
        return self.post("details", **typed | changes)

    def bank(self, **changes: Any) -> TestResponse:
        typed = {"bank_code": "088", "account_number": "110-123-456789"}
        return self.post("bank", **typed | {"account_holder": f"주식회사 판매{self.n}"} | changes)

    def documents(self) -> TestResponse:
        return self.post("documents", **{kind: upload() for kind in PAPERS})

    def up_to(self, last: str) -> Seller:
        """Everything before this step is done."""
        self.token = self.browser.post("/supplier-signup").location.split("/")[2]
        for step in STEPS[: STEPS.index(last)]:
            done = getattr(self, step)()
            assert done.status_code == 302, text(done)
        return self


@pytest.fixture
def seller(site: Flask, sandbox_url: str) -> Seller:
    factories.make_programme(year=2800 + next(_serial))
    db.session.commit()
    return Seller(site.test_client(), sandbox_url, next(_serial))


def of(seller: Seller) -> Supplier | None:
    found = db.session.query(Supplier).filter_by(name=f"주식회사 판매{seller.n}").one_or_none()
    return found if found is None else found


def test_it_is_found_from_the_menu_and_from_the_other_sign_up(seller: Seller) -> None:
    for address in ("/suppliers", "/signup"):
        assert 'href="/supplier-signup"' in text(seller.browser.get(address))
    page = text(seller.browser.get("/supplier-signup"))
    assert "통장 사본" in page and 'href="/signup"' in page


def test_the_whole_way(seller: Seller) -> None:
    seller.up_to("check")
    page = seller.get("check")
    assert "공급기업 신청하기" in page and "확인함" in page
    assert "110123456789" not in page and PASSWORD not in page
    done = seller.post("submit")
    assert done.location.endswith("/done")
    receipt = seller.get("done")
    supplier = of(seller)
    assert supplier is not None and f"-{supplier.id:06d}" in receipt and "심사중" in receipt
    assert seller.browser.get(seller.url("done")).headers["Cache-Control"] == "no-store"
    # 'Back' and a second press find the receipt.
    assert seller.post("submit").location.endswith("/done")
    assert seller.browser.get(seller.url("details")).location.endswith("/done")


def test_steps_come_in_their_order(seller: Seller) -> None:
    seller.up_to("account")
    assert seller.browser.get(seller.url("bank")).location.endswith("/account")
    # Papers may come later.
    seller.account(), seller.details(), seller.bank()
    assert "서류를 제출해 주세요" in seller.get("check")


def test_a_business_number_that_cannot_join_has_a_page_of_its_own(seller: Seller) -> None:
    seller.up_to("details")
    refused = seller.details(business_number=behaviours.business_number("03"))
    assert refused.location.endswith("/eligibility")
    page = seller.get("eligibility")
    assert "폐업" in page and 'href="/suppliers"' in page
    kept = seller.get("details")
    assert f"주식회사 판매{seller.n}" in kept
    assert seller.details().location.endswith("/bank")


def test_one_who_has_joined_is_shown_the_way_in(seller: Seller) -> None:
    known = factories.make_supplier()
    db.session.commit()
    seller.up_to("details")
    seller.details(business_number=known.business_number)
    page = seller.get("eligibility")
    assert "이미 공급기업으로 신청한" in page and 'href="/login' in page


@pytest.mark.parametrize(
    ("number", "words"),
    [("12345679991", "은행에 등록된 예금주가"), ("12345679999", "계좌"), ("12a", "숫자")],
)
def test_a_wrong_account_is_told_at_its_field(seller: Seller, number: str, words: str) -> None:
    seller.up_to("bank")
    refused = text(seller.bank(account_number=number), 422)
    assert words in refused and f'value="주식회사 판매{seller.n}"' in refused


def test_a_bank_that_does_not_answer(seller: Seller) -> None:
    seller.up_to("bank")
    assert seller.bank(account_number="12345679995").location.endswith("/documents")
    assert "심사할 때 확인합니다" in seller.get("documents")
    assert "예금주를 아직 확인하지 못했습니다" in seller.get("bank")


def test_a_kept_account_is_not_typed_again(seller: Seller) -> None:
    seller.up_to("documents")
    page = seller.get("bank")
    assert "이 계좌로 다음" in page and "110123456789" not in page


def test_papers_by_content(seller: Seller) -> None:
    """R-FILE-1"""
    seller.up_to("documents")
    wrong = {kind: upload() for kind in PAPERS} | {"bank_book": upload(b"MZ nothing", "통장.pdf")}
    page = text(seller.post("documents", **wrong), 422)
    assert page.count("등록됨") == 3
    assert "통장 사본 파일" in text(seller.post("documents"), 422) or "통장 사본" in page


def test_another_browser_shows_nothing_before_the_same_person_is_there(seller: Seller, site: Flask) -> None:
    """R-JOIN-8: the address proves nothing."""
    seller.up_to("documents")
    other = Seller(site.test_client(), seller.sandbox, seller.n, seller.token)
    for step in ("account", "details", "bank", "documents", "check"):
        assert other.browser.get(other.url(step)).location.endswith("/verify")
    assert other.post("submit").location.endswith("/verify")
    page = other.get("verify")
    assert seller.person not in page and seller.phone[-4:] not in page
    elsewhere = Seller(site.test_client(), seller.sandbox, seller.n)
    elsewhere.token = elsewhere.browser.post("/supplier-signup").location.split("/")[2]
    elsewhere.terms()
    found = elsewhere.verify(phone=f"010{67100000 + seller.n * 100 + 1}")
    assert found.location.endswith("/earlier")
    assert f"주식회사 판매{seller.n}" in elsewhere.get("earlier")
    taken = elsewhere.browser.post(elsewhere.url("earlier"))
    assert taken.location.endswith(seller.token)
    elsewhere.token = seller.token
    assert f"주식회사 판매{seller.n}" in elsewhere.get("details")


def test_what_was_begun_here_is_offered_again(seller: Seller) -> None:
    seller.up_to("bank")
    page = text(seller.browser.get("/supplier-signup"))
    assert "작성하던 신청서가 있습니다" in page
    assert seller.browser.get(f"/supplier-signup/{seller.token}").location.endswith("/bank")


def test_who_is_logged_in_goes_home(seller: Seller, log_in_as: Any) -> None:
    account = factories.make_account(Role.SUPPLIER)
    db.session.commit()
    assert log_in_as(account).get("/supplier-signup").location.endswith("/supply")
