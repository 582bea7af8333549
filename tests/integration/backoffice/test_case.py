"""The case as a reviewer decides it in the console (R-SCR-3 to R-SCR-3b, R-ROLE-2, R-ROLE-3)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app import clock
from app.db import db
from app.models.applications import ApplicationState as State
from app.models.companies import DocumentKind, VerifiedAs
from app.models.programme import SelectionOrder
from app.policy import Role
from tests.integration.backoffice.cases import CASE, HTMX, expired, paper, text_of

# --- what stands beside what --------------------------------------------------------------------------


def test_values_stand_beside_what_others_answer(world: Any, browser: Any) -> None:
    """R-SCR-3, R-JOIN-4: the tax office and the identity service; never the CI."""
    application = world.case()
    company = application.company
    company.tax_office_state, company.verified_name = "폐업자", "다른이름"
    company.representative_ci, company.contact_phone = "CI-OF-A-PERSON", company.phone
    db.session.commit()
    page = text_of(browser(Role.REVIEWER), f"{CASE}/{application.id}")
    assert "폐업자" in page and "확인 필요" in page and "다시 조회" in page
    assert "다른이름 (대표자)" in page and re.search(r"kv-badge--danger\">다름", page)
    assert "같은 번호" in page and company.phone not in page
    assert "CI-OF-A-PERSON" not in page


def test_a_staff_member_is_compared_with_the_contact_person(world: Any, browser: Any) -> None:
    """R-JOIN-2"""
    application = world.case()
    company = application.company
    company.verified_as, company.verified_name, company.contact_name = VerifiedAs.STAFF, "김담당", "김담당"
    db.session.commit()
    page = text_of(browser(Role.REVIEWER), f"{CASE}/{application.id}")
    assert "대표자가 아닌 담당자가 인증" in page and "김담당 (담당자(임직원))" in page
    assert re.search(r"kv-badge--success\">일치", page)
    assert "4대보험 사업장 가입자 명부" in page  # missing, and said so


def test_the_tax_office_is_asked_again(
    world: Any, browser: Any, said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-JOIN-4"""
    from app.workflows import tax_office

    application = world.case()
    monkeypatch.setattr(tax_office, "state_of", lambda number: "휴업자")
    assert "국세청이 &#39;휴업자&#39;" in said(browser(Role.REVIEWER), f"{CASE}/{application.id}/tax-office")
    assert application.company.tax_office_state == "휴업자"
    monkeypatch.setattr(tax_office, "state_of", lambda number: None)
    assert "국세청이 지금 응답하지 않습니다" in said(
        browser(Role.REVIEWER), f"{CASE}/{application.id}/tax-office"
    )


# --- ticks --------------------------------------------------------------------------------------------


def test_a_tick_is_kept_at_once(world: Any, browser: Any) -> None:
    """By htmx: the answer is how far the checking is."""
    application = world.case()
    client, item = browser(Role.REVIEWER), expired(application)
    answer = client.post(
        f"{CASE}/{application.id}/ticks", data={f"check_{item}": "no", "check_name": "ok"}, headers=HTMX
    )
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200 and "다름 1" in text and "저장했습니다" in text and "<html" not in text
    page = text_of(client, f"{CASE}/{application.id}")
    assert f'id="check-{item}-no" value="no" checked' in page
    client.post(f"{CASE}/{application.id}/ticks", data={f"check_{item}": "none"}, headers=HTMX)
    assert f'id="check-{item}-none" value="none" checked' in text_of(client, f"{CASE}/{application.id}")


def test_a_tick_of_a_paper_that_was_replaced_meanwhile_is_refused(world: Any, browser: Any) -> None:
    application = world.case()
    item = expired(application)
    paper(application, DocumentKind.TAX_CLEARANCE).replaced_at = clock.now()
    db.session.commit()
    answer = browser(Role.REVIEWER).post(
        f"{CASE}/{application.id}/ticks", data={f"check_{item}": "ok"}, headers=HTMX
    )
    assert answer.status_code == 422 and answer.headers["HX-Retarget"] == "#flash"
    assert "확인하던 서류가 바뀌었습니다" in answer.get_data(as_text=True)


def test_who_only_reads_finds_nothing_to_tick_or_press(world: Any, browser: Any) -> None:
    """R-ROLE-3"""
    application = world.case()
    page = text_of(browser(Role.AUDITOR), f"{CASE}/{application.id}")
    main = page[page.index("<main") :]
    assert "kv-tick" not in main.replace("kv-tick__", "") and 'type="submit"' not in main
    assert "지금 할 수 있는 처리가 없습니다" in main


# --- decisions ----------------------------------------------------------------------------------------


def test_a_hold_is_filled_from_the_crosses_shown_and_then_made(world: Any, browser: Any) -> None:
    """R-SCR-3a"""
    application = world.case()
    client, item, address = browser(Role.REVIEWER), expired(application), f"{CASE}/{application.id}/hold"
    client.post(f"{CASE}/{application.id}/ticks", data={f"check_{item}": "no", "check_address": "no"})
    page = text_of(client, address)
    for code in ("clearance_expired", "address_differs"):
        assert re.search(rf'value="{code}"[^>]*checked', page), code
    for mark in ("address", "tax_clearance"):
        assert re.search(rf'name="marks"[^>]*value="{mark}" checked', page), mark
    assert not re.search(r'name="marks"[^>]*value="name" checked', page)
    assert "국세·지방세 완납증명서의 유효기간이 지났습니다. 주소가 서류와 다릅니다." not in page
    sent = {"codes": ["clearance_expired"], "reason": "다시 받아 주세요.", "marks": ["tax_clearance"]}
    asked = client.post(address, data=sent).get_data(as_text=True)
    sentence = "국세·지방세 완납증명서의 유효기간이 지났습니다. 다시 받아 주세요."
    assert sentence in asked and "이대로 보류" in asked
    assert application.state is State.SCREENING
    client.post(address, data={**sent, "confirmed": "1"})
    assert (application.state, application.reason) == (State.ON_HOLD, sentence)
    assert (application.marks, application.reason_codes) == (["tax_clearance"], ["clearance_expired"])


def test_a_reason_ticks_what_it_names_where_nothing_is_marked(world: Any, browser: Any) -> None:
    """R-SCR-3a, without JavaScript: before it is confirmed, so that it can be taken back."""
    application = world.case()
    client, address = browser(Role.REVIEWER), f"{CASE}/{application.id}/hold"
    asked = client.post(address, data={"codes": ["contact_unreachable"]}).get_data(as_text=True)
    for mark in ("contact_name", "contact_phone"):
        assert re.search(rf'name="marks"[^>]*value="{mark}" checked', asked), mark
    client.post(address, data={"codes": ["contact_unreachable"], "confirmed": "1"})
    assert application.marks == []


@pytest.mark.parametrize("action", ["hold", "reject"])
def test_a_decision_without_reason_is_asked_for_it(action: str, world: Any, browser: Any) -> None:
    application = world.case()
    answer = browser(Role.REVIEWER).post(
        f"{CASE}/{application.id}/{action}", data={"reason": " ", "confirmed": "1"}
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "사유를 하나 이상 선택하거나" in page
    assert application.state is State.SCREENING


def test_the_preview_says_what_the_company_will_read(world: Any, browser: Any) -> None:
    application = world.case()
    preview = f"{CASE}/{application.id}/preview"
    answer = browser(Role.REVIEWER).post(
        f"{preview}/hold", data={"codes": ["address_differs"], "reason": "2층", "marks": ["address"]}
    )
    text = answer.get_data(as_text=True)
    assert "고쳐서 다시 제출해 주세요. 사유: 주소가 서류와 다릅니다. 2층" in text and "<li>주소</li>" in text
    answer = browser(Role.REVIEWER).post(f"{preview}/reject", data={"codes": ["tax_arrears"]})
    assert "심사탈락되었습니다. 사유: 국세 또는 지방세가 체납되어 있습니다." in answer.get_data(as_text=True)


def test_a_rejection_is_final_and_asked_once_more(world: Any, browser: Any) -> None:
    """R-JOIN-6"""
    application = world.case(State.ON_HOLD)
    client, address = browser(Role.REVIEWER), f"{CASE}/{application.id}/reject"
    assert "되돌릴 수 없습니다" in text_of(client, address)
    sent = {"codes": ["excluded_industry", "false_document"], "reason": ""}
    assert "이대로 탈락" in client.post(address, data=sent).get_data(as_text=True)
    assert application.state is State.ON_HOLD
    client.post(address, data={**sent, "confirmed": "1"})
    assert application.state is State.REJECTED
    assert application.reason == "지원 제외 업종입니다. 제출 서류가 사실과 다릅니다."
    assert application.reason_codes == sent["codes"]


@pytest.mark.parametrize("action", ["hold", "reject"])
def test_what_is_decided_already_says_so(action: str, world: Any, browser: Any) -> None:
    application, client = world.case(State.APPROVED), browser(Role.REVIEWER)
    answer = client.get(f"{CASE}/{application.id}/{action}", follow_redirects=True)
    assert "현재 상태가 &#39;승인&#39;" in answer.get_data(as_text=True)


def test_a_cross_is_asked_about_once_more_and_no_block(world: Any, browser: Any) -> None:
    application = world.case()
    client = browser(Role.REVIEWER)
    client.post(f"{CASE}/{application.id}/ticks", data={"check_address": "no"})
    asked = client.post(f"{CASE}/{application.id}/screen").get_data(as_text=True)
    assert "남아 있습니다" in asked and "<li>주소</li>" in asked and application.state is State.SCREENING
    client.post(f"{CASE}/{application.id}/screen", data={"confirmed": "1"})
    assert application.state is State.SCREENED


def test_missing_papers_block(world: Any, browser: Any, said: Any) -> None:
    """R-JOIN-2"""
    application = world.case(papers=False)
    text = said(browser(Role.REVIEWER), f"{CASE}/{application.id}/screen", data={"confirmed": "1"})
    assert "제출되지 않은 서류가 있어 심사확정할 수 없습니다: 사업자등록증" in text
    assert application.state is State.SCREENING


def test_points_are_typed_where_the_programme_selects_by_them(world: Any, browser: Any, said: Any) -> None:
    """R-JOIN-7a"""
    application, client = world.case(), browser(Role.REVIEWER)
    assert 'name="score"' not in text_of(client, f"{CASE}/{application.id}")
    world.programme.selection_order = SelectionOrder.SCORE
    db.session.commit()
    assert 'name="score"' in text_of(client, f"{CASE}/{application.id}")
    for typed in ("", "101", "열", "-1"):
        assert "0에서 100 사이" in said(client, f"{CASE}/{application.id}/score", data={"score": typed})
    said(client, f"{CASE}/{application.id}/score", data={"score": " 87 "})
    assert application.score == 87
