"""회원가입 from the terms to the receipt, as a person does it (R-JOIN-1 to R-JOIN-8, R-FILE-1)."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import db
from app.models.applications import Application, ApplicationState
from app.models.companies import Company
from app.models.vouchers import Instrument, InstrumentKind
from app.workflows import programmes
from tests.integration.portal.applicant import text, upload
from tests.integration.portal.newcomer import STEPS, Newcomer, make_newcomer, step_of
from tests.integration.workflows.joining import PASSWORD, PNG, code_for


def test_the_whole_way_makes_one_company_in_screening(newcomer: Newcomer) -> None:
    """R-JOIN-1, R-JOIN-8: the second press finds what the first made."""
    newcomer.up_to("check")
    page = newcomer.get("check")
    assert f"주식회사 새싹{newcomer.n}" in page and newcomer.agency.name in page and "제로페이" in page
    assert PASSWORD not in page
    assert step_of(newcomer.post("submit")) == "done"
    assert step_of(newcomer.post("submit")) == "done"
    company = db.session.scalars(select(Company).where(Company.business_number == newcomer.number)).one()
    application = db.session.scalars(select(Application).where(Application.company_id == company.id)).one()
    instrument = db.session.scalars(select(Instrument).where(Instrument.company_id == company.id)).one()
    assert application.state is ApplicationState.SCREENING
    assert (company.agency_id, instrument.kind) == (newcomer.agency.id, InstrumentKind.ZEROPAY)
    done = newcomer.get("done")
    assert application.receipt_number in done and "심사중" in done
    assert all(phone in done for phone in newcomer.agency.phones.split(", "))
    entered = newcomer.browser.post("/login", data={"login": f"newcomer-{newcomer.n}", "password": PASSWORD})
    assert entered.location == "/company"


def test_after_submission_every_step_leads_to_the_receipt(newcomer: Newcomer) -> None:
    newcomer.up_to("check").post("submit")
    for step in STEPS:
        assert step_of(newcomer.browser.get(newcomer.url(step))) == "done"
    assert "이어서 작성하기" not in text(newcomer.browser.get("/signup"))


def test_terms_must_be_accepted_but_not_the_optional_one(newcomer: Newcomer) -> None:
    newcomer.begin()
    page = text(newcomer.post("terms", service="y", marketing="y"), 422)
    assert "개인정보 처리방침에 동의해 주세요." in page
    assert re.search(r"<input[^>]*checked[^>]*name=\"service\"", page)
    assert "전체 동의" in page and "[선택]" in page
    assert step_of(newcomer.terms()) == "verify"


@pytest.mark.parametrize("step", STEPS[1:])
def test_no_step_opens_before_what_it_builds_on(newcomer: Newcomer, step: str) -> None:
    newcomer.begin()
    assert step_of(newcomer.browser.get(newcomer.url(step))) == "terms"


def test_wrong_code_is_refused_and_the_right_one_still_works(newcomer: Newcomer) -> None:
    newcomer.up_to("verify")
    newcomer.ask("verify", phone=newcomer.phone, verified_as="staff")
    code = code_for(newcomer.sandbox, newcomer.phone)
    wrong = "000000" if code != "000000" else "111111"
    page = text(newcomer.post("verify/code", code=wrong), 422)
    assert "인증번호가 맞지 않습니다" in page and "남은 시간" in page
    assert step_of(newcomer.post("verify/code", code=code)) == "account"
    assert "본인인증을 마쳤습니다" in newcomer.get("verify")


def test_code_sent_again_replaces_the_first(newcomer: Newcomer) -> None:
    newcomer.up_to("verify")
    newcomer.ask("verify", phone=newcomer.phone, verified_as="staff")
    assert step_of(newcomer.post("verify/resend")) == "verify/code"
    assert step_of(newcomer.post("verify/code", code=code_for(newcomer.sandbox, newcomer.phone))) == "account"


def test_verification_keeps_what_was_typed_but_not_the_birth_date(newcomer: Newcomer) -> None:
    newcomer.up_to("verify")
    page = text(newcomer.ask("verify", phone="02-123", verified_as="staff", birth7="8001011"), 422)
    assert "휴대폰 번호를 다시 확인해 주세요" in page
    assert f'value="{newcomer.person}"' in page and '8001011"' not in page


def test_password_never_returns_to_a_page(newcomer: Newcomer) -> None:
    newcomer.up_to("account")
    answer = newcomer.post("account", login="bright-new", password=PASSWORD, again="different")
    page = text(answer, 422)
    assert 'value="bright-new"' in page and PASSWORD not in page and "different" not in page
    newcomer.account()
    assert PASSWORD not in newcomer.get("account")
    assert "로그인 정보를 이미 정했습니다" in newcomer.get("account")


def test_the_papers_to_get_ready_follow_the_programme(newcomer: Newcomer) -> None:
    """R-JOIN-2, R-JOIN-7a"""
    page = text(newcomer.browser.get("/signup"))
    assert "법인 등기부등본도 제출합니다" in page and "통장 사본" not in page and "유흥주점" in page
    table = programmes.current().needed_documents | {"bank_book": "always", "corporate_register": "never"}
    programmes.current().needed_documents = table
    db.session.commit()
    page = text(newcomer.browser.get("/signup"))
    assert "통장 사본" in page and "법인 등기부등본" not in page
    assert "통장 사본" in newcomer.up_to("documents").get("documents")


def test_same_as_representative_copies(newcomer: Newcomer) -> None:
    """R-JOIN-3"""
    newcomer.up_to("contact").contact()
    page = newcomer.get("check")
    assert page.count(newcomer.person) >= 2
    assert newcomer.phone[-4:] in page


def test_contact_without_the_tick_needs_a_name_and_a_phone(newcomer: Newcomer) -> None:
    newcomer.up_to("contact")
    page = text(newcomer.post("contact", payer="verified", contact_name="박담당"), 422)
    assert "담당자 휴대전화" in page and 'value="박담당"' in page


def test_separate_payment_contact_verifies_their_own_phone(newcomer: Newcomer) -> None:
    """R-JOIN-3"""
    newcomer.up_to("contact")
    assert step_of(newcomer.contact(payer="separate")) == "payer"
    phone = newcomer.phone[:-2] + "77"
    newcomer.ask("payer", phone=phone, name="이결제")
    assert step_of(newcomer.post("payer/code", code=code_for(newcomer.sandbox, phone))) == "documents"
    assert "이*제 (010-****-" in newcomer.get("check")
    newcomer.contact(payer="verified")
    assert "이*제" not in newcomer.get("check")


def test_staff_member_hands_in_the_insurance_list_too(newcomer: Newcomer) -> None:
    """R-JOIN-2"""
    newcomer.begin()
    newcomer.terms()
    newcomer.verify("staff")
    newcomer.account()
    newcomer.details(representative="박대표")
    newcomer.contact()
    assert "4대보험 사업장 가입자 명부" in newcomer.get("documents")
    sole = newcomer.details(representative="박대표", kind="sole")
    assert sole.status_code == 302
    assert "법인 등기부등본" not in newcomer.get("documents")


def test_documents_are_taken_by_content_replaced_and_removed(newcomer: Newcomer) -> None:
    """R-FILE-1: what is wrong says so beside its field, and what was right is kept."""
    newcomer.up_to("documents")
    mixed = newcomer.post(
        "documents",
        business_registration=upload(PNG, "등록증.png"),
        tax_clearance=upload(b"MZ this is a program", "완납증명서.pdf"),
    )
    page = text(mixed, 422)
    assert (
        "PDF, JPEG, PNG 파일만 등록할 수 있습니다" in page
        and "등록증.png" in page
        and "완납증명서.pdf" not in page
    )
    page = text(newcomer.documents("tax_clearance"), 422)
    assert "법인 등기부등본 파일을 선택해 주세요." in page
    newcomer.post("documents", business_registration=upload(name="새 등록증.pdf"))
    page = newcomer.get("documents")
    assert "새 등록증.pdf" in page and "등록증.png" not in page
    delete = re.search(r'formaction="([^"]+/delete)"', page)
    assert delete and newcomer.browser.post(delete[1]).status_code == 302
    assert "새 등록증.pdf" not in newcomer.get("documents")


def test_no_document_is_removed_through_another_sign_up(site: Flask, newcomer: Newcomer) -> None:
    newcomer.up_to("instrument")
    delete = re.search(r"/documents/(\d+)/delete", newcomer.get("documents"))
    other = make_newcomer(site, newcomer.agency, newcomer.sandbox)
    other.begin()
    assert delete and other.post(f"documents/{delete[1]}/delete").status_code == 404


def test_papers_may_come_later_but_not_after_submission(newcomer: Newcomer) -> None:
    newcomer.up_to("documents")
    assert "나중에 제출하고 다음으로" in newcomer.get("documents")
    newcomer.instrument("later")
    page = newcomer.get("check")
    assert "서류를 제출해 주세요: 사업자등록증" in page
    assert '/submit"' not in page and "나중에 선택" in page
    assert newcomer.post("submit").status_code == 422
    assert db.session.scalar(select(func.count()).select_from(Company)) == 0


def test_instruments_not_open_yet_are_named_with_their_day(newcomer: Newcomer) -> None:
    """R-INS-1, R-INS-5, R-ROLE-2"""
    programmes.current().card_opens_on = None
    db.session.commit()
    page = newcomer.up_to("instrument").get("instrument")
    assert "신한선불형카드: 아직 선택할 수 없습니다." in page
    assert 'value="prepaid"' not in page and 'value="personal_check"' in page
    for each in programmes.operating_agencies():
        assert each.name in page and each.phones in page
    assert programmes.CARD_PHONE in page and programmes.ZEROPAY_PHONE in page
    assert newcomer.instrument("prepaid").status_code == 422


def test_change_leads_back_to_the_answers(newcomer: Newcomer) -> None:
    newcomer.up_to("check")
    page = newcomer.get("check")
    assert f"/signup/{newcomer.token}/details?from=check" in page
    changed = newcomer.browser.post(
        newcomer.url("instrument") + "?from=check",
        data={"instrument": "personal_check", "agency_id": str(newcomer.agency.id)},
    )
    assert step_of(changed) == "check"
    assert "신한개인체크카드" in newcomer.get("check")
