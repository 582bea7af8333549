"""A demand company's own pages (R-SCR-1, R-SCR-2, R-SCR-3a, R-SCR-5, R-KST-3, R-TIME-5, R-FILE-1)."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest
from flask import Flask

from app.db import db
from app.models.applications import ApplicationState as State
from app.models.companies import CompanyKind, DocumentKind
from app.models.vouchers import InstrumentKind
from app.policy import Role
from app.workflows import attachments, company_edits
from tests import factories
from tests.integration.portal.applicant import Applicant, LogIn, make_applicant, text, upload
from tests.integration.workflows.joining import PDF, PNG, code_for

OWN_PAGES = (
    "/company",
    "/company/status",
    "/company/profile",
    "/company/edits",
    "/voucher",
    "/voucher/waiver",
)


@pytest.mark.parametrize("address", [*OWN_PAGES, "/notifications"])
def test_pages_are_closed_to_visitors(site: Flask, address: str) -> None:
    assert "/login" in site.test_client().get(address).location


@pytest.mark.parametrize("role", [Role.SUPPLIER, Role.REVIEWER, Role.BUDGET_OFFICER, Role.SYSTEM_ADMIN])
def test_pages_are_closed_to_other_roles(site: Flask, log_in_as: LogIn, role: Role) -> None:
    """R-ROLE-1"""
    browser = log_in_as(factories.make_account(role))
    assert [browser.get(address).status_code for address in OWN_PAGES] == [403] * len(OWN_PAGES)


@pytest.mark.parametrize("state", State)
def test_home_and_status_say_the_state_and_the_next_step(site: Flask, log_in_as: LogIn, state: State) -> None:
    """R-SCR-1, R-SCR-5"""
    applicant = make_applicant(log_in_as, state)
    home, status = applicant.get("/company"), applicant.get("/company/status")
    assert "다음 할 일" in home and state.label in home
    assert f"{state.label}</span>" in status
    assert applicant.stage.agency.name in status and applicant.stage.agency.phones in status
    assert ("1번째" in status) is (state in (State.SCREENING, State.SCREENED))


def test_hold_shows_its_reason_and_marks_and_can_be_handed_in_again(site: Flask, log_in_as: LogIn) -> None:
    """R-SCR-3a"""
    applicant = make_applicant(log_in_as, State.ON_HOLD)
    page = applicant.get("/company/status")
    assert "사업자등록증을 읽을 수 없습니다." in page
    assert page.count("아직 수정하지 않음") == 2
    assert applicant.get("/company/profile").count("보완 요청</span>") == 2
    asked = text(applicant.post("/company/resubmit"))
    assert "고친 내용을 다시 제출할까요?" in asked and applicant.state() is State.ON_HOLD
    assert applicant.post("/company/resubmit", {"confirmed": "1"}).location == "/company/status"
    assert applicant.state() is State.SCREENING
    assert "수정 제출" in applicant.get("/company/status")


def test_what_cannot_be_handed_in_is_refused_in_korean(site: Flask, log_in_as: LogIn) -> None:
    applicant = make_applicant(log_in_as, State.SCREENING)
    applicant.post("/company/resubmit", {"confirmed": "1"})
    assert 'role="alert"' in applicant.get("/company/status")
    assert applicant.state() is State.SCREENING


def test_rejection_shows_its_reason_and_no_way_to_apply(site: Flask, log_in_as: LogIn) -> None:
    page = make_applicant(log_in_as, State.REJECTED).get("/company/status")
    assert "휴업 중입니다." in page and "탈락 사유" in page
    assert "/company/resubmit" not in page and "/company/apply" not in page


def test_kstartup_company_applies_when_nothing_is_missing(
    site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    """R-KST-3"""
    applicant = make_applicant(log_in_as, State.NOT_APPLIED, kind=CompanyKind.SOLE, address="")
    page = applicant.get("/company/status")
    for lacking in ("주소", "사업자등록증", "국세·지방세 완납증명서", "결제수단 선택"):
        assert f"<li>{lacking}</li>" in page
    assert "/company/apply" not in page
    applicant.post("/company/apply", {"confirmed": "1"})
    assert applicant.state() is State.NOT_APPLIED
    applicant.post("/company/profile/edit", profile_form(applicant, address="서울특별시 중구 을지로 1"))
    applicant.post(
        "/company/profile/documents", {"business_registration": upload(), "tax_clearance": upload()}
    )
    applicant.post("/voucher/instrument", {"instrument": "zeropay"})
    assert "/company/apply" in applicant.get("/company/status")
    applicant.post("/company/apply", {"confirmed": "1"})
    assert applicant.state() is State.SCREENING


def profile_form(applicant: Applicant, **changes: str) -> dict[str, str]:
    company = applicant.company
    kept = {name: getattr(company, name) or "" for name in company_edits.EDITABLE if name != "kind"}
    return kept | {"kind": company.kind.value} | changes


def test_edit_is_saved_and_stands_in_the_history(site: Flask, log_in_as: LogIn) -> None:
    """R-SCR-2"""
    applicant = make_applicant(log_in_as, State.ON_HOLD)
    form = profile_form(applicant, address="부산광역시 해운대구 1", contact_phone="010-9988-7766")
    assert applicant.post("/company/profile/edit", form).location == "/company/profile"
    assert "부산광역시 해운대구 1" in applicant.get("/company/profile")
    page = applicant.get("/company/edits")
    assert "서울특별시 중구 세종대로 110" in page and "부산광역시 해운대구 1" in page
    assert "010-****-7766" in page and "01099887766" not in page and "김담당" in page


def test_history_is_paged_and_exported(site: Flask, log_in_as: LogIn) -> None:
    applicant = make_applicant(log_in_as, State.ON_HOLD)
    for n in range(14):
        company_edits.edit(actor=applicant.actor, changes={"industry": f"업종 {n}"})
    page = applicant.get("/company/edits?size=10")
    assert "업종 13" in page and "업종 2</td>" not in page
    following = re.search(r'href="([^"]*after=[^"]*)" rel="next"', page)
    assert following
    second = applicant.get(following[1].replace("&amp;", "&"))
    assert "업종 0</td>" in second and "업종 13" not in second
    answer = applicant.browser.get("/company/edits.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    assert sheet.max_row == 15 + (sheet.cell(1, 1).value != "수정일시")
    assert "attachment" in answer.headers["Content-Disposition"]


def test_wrong_input_is_kept_and_explained(site: Flask, log_in_as: LogIn) -> None:
    applicant = make_applicant(log_in_as, State.ON_HOLD)
    form = profile_form(applicant, email="no-address", name="새 이름")
    page = text(applicant.post("/company/profile/edit", form), 422)
    assert "이메일을" in page and 'value="새 이름"' in page and "<title>오류: " in page


@pytest.mark.parametrize("state", [State.SCREENING, State.REJECTED])
def test_nothing_is_edited_where_the_state_does_not_allow_it(
    site: Flask, log_in_as: LogIn, state: State
) -> None:
    """R-SCR-2"""
    applicant = make_applicant(log_in_as, state)
    assert "수정할 수 없습니다" in applicant.get("/company/profile")
    for address in ("/company/profile/edit", "/company/profile/documents"):
        assert applicant.browser.get(address).location == "/company/profile"
        assert applicant.post(address, profile_form(applicant, name="새 이름")).location == "/company/profile"
    db.session.expire_all()
    assert applicant.company.name != "새 이름"


@pytest.mark.parametrize("state", [State.SCREENED, State.APPROVED])
def test_number_and_kind_are_fixed_from_screening_on(site: Flask, log_in_as: LogIn, state: State) -> None:
    """R-SCR-2: and an edit of the representative flags the case."""
    applicant = make_applicant(log_in_as, state)
    page = applicant.get("/company/profile/edit")
    assert 'name="business_number"' not in page and 'name="kind"' not in page
    number = applicant.company.business_number
    form = profile_form(applicant, representative="새대표", business_number="1208800767", kind="sole")
    assert applicant.post("/company/profile/edit", form).status_code == 302
    db.session.expire_all()
    assert (applicant.company.business_number, applicant.company.representative) == (number, "새대표")
    assert applicant.company.kind is CompanyKind.CORPORATE and applicant.application.flagged_at is not None


def hand_in(applicant: Applicant, content: bytes = PDF) -> int:
    return company_edits.replace_document(
        actor=applicant.actor,
        kind=DocumentKind.BUSINESS_REGISTRATION,
        file_name="등록증.pdf",
        content=content,
    ).id


def test_document_is_replaced_and_the_change_recorded(site: Flask, log_in_as: LogIn) -> None:
    applicant = make_applicant(log_in_as, State.ON_HOLD)
    hand_in(applicant)
    answer = applicant.post("/company/profile/documents", {"business_registration": upload(PNG, "새것.png")})
    assert answer.location == "/company/profile"
    page = applicant.get("/company/profile")
    assert "새것.png" in page and "등록증.pdf" not in page
    assert "등록증.pdf" in applicant.get("/company/edits")
    wrong = applicant.post("/company/profile/documents", {"tax_clearance": upload(b"no paper", "증명서.pdf")})
    assert "PDF, JPEG, PNG 파일만 등록할 수 있습니다" in text(wrong, 422)
    assert "등록할 파일을 선택해 주세요." in text(applicant.post("/company/profile/documents"), 422)
    mixed = {
        "business_registration": upload(PNG, "더새것.png"),
        "tax_clearance": upload(b"no paper", "증명서.pdf"),
    }
    page = text(applicant.post("/company/profile/documents", mixed), 422)
    assert "더새것.png" in page and "PDF, JPEG, PNG 파일만" in page
    kinds = [one.kind for one in attachments.current(company_id=applicant.company.id)]
    assert kinds.count(DocumentKind.BUSINESS_REGISTRATION) == 1


def test_document_is_handed_out_inline_to_its_company_only(site: Flask, log_in_as: LogIn) -> None:
    """R-FILE-1"""
    applicant = make_applicant(log_in_as, State.ON_HOLD)
    document = hand_in(applicant)
    answer = applicant.browser.get(f"/company/documents/{document}")
    assert (answer.data, answer.content_type) == (PDF, "application/pdf")
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert (
        answer.headers["X-Content-Type-Options"] == "nosniff"
        and "no-store" in answer.headers["Cache-Control"]
    )
    other = make_applicant(log_in_as, State.ON_HOLD, stage=applicant.stage)
    assert other.browser.get(f"/company/documents/{document}").status_code == 404
    reviewer = log_in_as(factories.make_account(Role.REVIEWER, agency_id=applicant.stage.agency.id))
    assert reviewer.get(f"/company/documents/{document}").status_code == 403


def test_another_payment_contact_verifies_their_phone(
    site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    """R-JOIN-3"""
    applicant = make_applicant(log_in_as, State.APPROVED)
    who = {"name": "박결제", "birth7": "9001012", "carrier": "KT", "phone": "010-6633-0044"}
    assert applicant.post("/company/profile/payer", who).location == "/company/profile/payer/code"
    wrong = applicant.post("/company/profile/payer/code", {"code": "12"})
    assert "인증번호" in text(wrong, 422)
    code = code_for(sandbox_url, "01066330044")
    assert applicant.post("/company/profile/payer/code", {"code": code}).location == "/company/profile"
    db.session.expire_all()
    assert (applicant.company.payment_contact_name, applicant.company.payment_contact_phone) == (
        "박결제",
        "01066330044",
    )


def test_home_shows_the_balance_in_parts_and_the_deadlines_in_words(site: Flask, log_in_as: LogIn) -> None:
    """R-MONEY-2b, R-TIME-5, R-TIME-5a"""
    applicant = make_applicant(log_in_as, State.APPROVED, instrument=InstrumentKind.ZEROPAY)
    page = applicant.get("/company")
    assert "남은 금액" in page and "4,000,000원" in page
    assert "3,600,000원" in page and "400,000원" in page
    assert "첫 결제 기한" in page and "24:00까지, 선정일" in page and "8개월" in page
    assert "발급을 신청해 주세요" in page


def test_menu_marks_where_one_is(site: Flask, log_in_as: LogIn) -> None:
    applicant = make_applicant(log_in_as, State.ON_HOLD)
    page = applicant.get("/company/profile/edit")
    marked = re.findall(r'class="active" aria-current="page">([^<]+)<', page)
    assert marked == ["기업정보"]
    for label in (
        "심사 및 예산확인",
        "회원정보 수정 이력",
        "바우처 신청",
        "서비스 결제 관리",
        "청구내역",
    ):
        assert f">{label}</a>" in page
    assert re.search(r">알림 \(\d+\)</a>", page), "what nobody has read is counted"


def test_the_way_back_from_a_public_page_and_the_count_of_what_is_unread(
    site: Flask, log_in_as: LogIn
) -> None:
    applicant = make_applicant(log_in_as, State.ON_HOLD)
    mine = '<a href="/company">나의 업무</a>'
    for address in ("/", "/services", "/companies"):
        page = applicant.get(address)
        assert mine in page
        assert "수요기업 회원가입" not in page
    assert mine not in site.test_client().get("/").text
    applicant.post("/notifications/read")
    assert ">알림</a>" in applicant.get("/company")
