"""기업정보·계좌 of a supplier: what is to be mended, documents, account, history (R-SUP-1, R-SET-1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.db import db
from app.models.catalogue import Supplier, SupplierState
from app.models.companies import DocumentKind
from app.models.people import Account
from app.policy import Actor, Role
from app.workflows import attachments, suppliers
from tests import factories
from tests.integration.portal.applicant import text, upload
from tests.integration.workflows import supplying
from tests.integration.workflows.joining import PNG


@pytest.fixture
def manager(site: Flask) -> Actor:
    factories.make_programme()
    return factories.make_actor(Role.PROGRAMME_MANAGER)


@pytest.fixture
def held(
    manager: Actor, sandbox_url: str, log_in_as: Callable[[Account], FlaskClient]
) -> tuple[Supplier, FlaskClient]:
    """One that has joined and is to mend its address and its bank book."""
    supplier, person = supplying.joined(sandbox_url)
    suppliers.ask_supplement(
        actor=manager,
        supplier_id=supplier.id,
        codes=["bank_book_unreadable", "supplier_address"],
        marks=["address", "bank_book"],
    )
    return supplier, log_in_as(db.session.get_one(Account, person.id))


def test_exactly_what_is_to_be_mended_is_marked(held: tuple[Supplier, FlaskClient]) -> None:
    """R-SCR-3a: each with where it is mended, and everything else kept."""
    supplier, browser = held
    page = text(browser.get("/supply/profile"))
    assert "통장 사본을 확인할 수 없습니다. 주소가 서류와 다릅니다." in page
    assert 'href="/supply/profile/edit#address"' in page
    assert 'href="/supply/profile/documents#bank_book"' in page
    assert page.count("아직 수정하지 않음") == 2
    form = text(browser.get("/supply/profile/edit"))
    assert form.count("kv-marked") == 1 and supplier.introduction in form
    papers = text(browser.get("/supply/profile/documents"))
    assert papers.count("kv-marked") == 1 and "사업자등록증.pdf" in papers


def test_mended_and_handed_in_again(held: tuple[Supplier, FlaskClient]) -> None:
    supplier, browser = held
    asked = text(browser.post("/supply/profile/resubmit"))
    assert "아직 바꾸지 않은 항목이 있습니다: 주소, 통장 사본" in asked
    sent = browser.post("/supply/profile/documents", data={"bank_book": upload(PNG, "통장.png")})
    assert sent.location.endswith("/supply/profile")
    typed = {
        name: getattr(supplier, name) for name in ("name", "representative", "phone", "email", "introduction")
    }
    browser.post("/supply/profile/edit", data=typed | {"address": "서울특별시 중구 세종대로 110"})
    page = text(browser.get("/supply/profile"))
    assert page.count("수정함") == 2
    browser.post("/supply/profile/resubmit", data={"confirmed": "1"})
    assert supplier.state is SupplierState.SCREENING
    page = text(browser.get("/supply/profile"))
    assert "심사하고 있습니다" in page and "서류 교체" not in page.split("처리 이력")[0].split("제출 서류")[1]
    edits = text(browser.get("/supply/profile/edits"))
    assert "통장.png" in edits and "세종대로 110" in edits


def test_documents_are_not_changed_under_the_eyes_of_those_who_look(
    manager: Actor, sandbox_url: str, log_in_as: Any
) -> None:
    _, person = supplying.joined(sandbox_url)
    browser = log_in_as(db.session.get_one(Account, person.id))
    assert browser.get("/supply/profile/documents").location.endswith("/supply/profile")


def test_a_wrong_file_is_told_and_the_others_are_taken(held: tuple[Supplier, FlaskClient]) -> None:
    """R-FILE-1"""
    supplier, browser = held
    sent = {"bank_book": upload(b"MZ", "통장.pdf"), "tax_clearance": upload(PNG, "완납.png")}
    page = text(browser.post("/supply/profile/documents", data=sent), 422)
    assert "완납.png" in page
    names = {one.kind: one.file_name for one in attachments.current(supplier_id=supplier.id)}
    assert names[DocumentKind.BANK_BOOK] == "통장 사본.pdf"
    assert "등록할 파일을 선택" in text(browser.post("/supply/profile/documents"), 422)


def test_a_document_is_ones_own(held: tuple[Supplier, FlaskClient], log_in_as: Any) -> None:
    supplier, browser = held
    document = attachments.current(supplier_id=supplier.id)[0]
    address = f"/supply/profile/documents/{document.id}"
    answer = browser.get(address)
    assert answer.status_code == 200 and answer.headers["Content-Disposition"].startswith("inline")
    stranger = factories.make_account(Role.SUPPLIER)
    db.session.commit()
    assert log_in_as(stranger).get(address).status_code == 404


@pytest.mark.parametrize(
    ("ending", "said"), [("0001", "예금주를 확인했습니다"), ("9995", "전문기관이 나중에 확인합니다")]
)
def test_the_bank_is_asked_at_a_change_of_account(
    held: tuple[Supplier, FlaskClient], ending: str, said: str
) -> None:
    supplier, browser = held
    typed = {"bank_code": "004", "account_number": f"1234567{ending}", "account_holder": supplier.name}
    question = text(browser.post("/supply/profile/account", data=typed))
    assert "정산 계좌를 바꿀까요?" in question
    page = text(
        browser.post("/supply/profile/account", data=typed | {"confirmed": "1"}, follow_redirects=True)
    )
    assert said in page and (supplier.account_verified_at is not None) is (ending == "0001")
    assert f"1234567{ending}" not in page


def test_another_ones_account_is_refused(held: tuple[Supplier, FlaskClient]) -> None:
    supplier, browser = held
    typed = {"bank_code": "004", "account_number": "12345679991", "account_holder": supplier.name}
    page = text(browser.post("/supply/profile/account", data=typed | {"confirmed": "1"}), 422)
    assert "은행에 등록된 예금주가" in page
    assert supplier.account_number == "110123456789"
