"""A hold as the company sees it: exactly what is marked, everything else kept (R-SCR-3a)."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from app.models.applications import ApplicationState as State
from app.models.companies import DocumentKind
from app.workflows import attachments, company_edits
from tests.integration.portal.applicant import LogIn, make_applicant, text, upload

MARKED = r'class="kv-marked">.*?</div>\s*</div>'


def test_exactly_what_is_marked_is_shown_to_be_mended(site: Flask, log_in_as: LogIn) -> None:
    """The hold of the applicant names the address and the business registration."""
    applicant = make_applicant(log_in_as, State.ON_HOLD)
    edit, documents = applicant.get("/company/profile/edit"), applicant.get("/company/profile/documents")
    assert edit.count('class="kv-marked"') == documents.count('class="kv-marked"') == 1
    [marked] = re.findall(MARKED, edit, re.DOTALL)
    assert 'name="address"' in marked and 'name="industry"' not in marked
    [marked] = re.findall(r'class="kv-marked">.*?type="file" name="(\w+)"', documents, re.DOTALL)
    assert marked == "business_registration"
    for page in (edit, documents, applicant.get("/company/status")):
        assert "사업자등록증을 읽을 수 없습니다." in page
        assert 'href="/company/profile/edit#address"' in page
        assert 'href="/company/profile/documents#business_registration"' in page


def test_what_is_not_marked_can_be_changed_and_is_kept(site: Flask, log_in_as: LogIn) -> None:
    applicant = make_applicant(log_in_as, State.ON_HOLD)
    before = {field: getattr(applicant.company, field) for field in company_edits.EDITABLE}
    papers = {one.kind: one.id for one in attachments.current(company_id=applicant.company.id)}
    page = applicant.get("/company/profile/edit")
    assert f'value="{before["name"]}"' in page and 'name="contact_name"' in page
    upload_ = {DocumentKind.BUSINESS_REGISTRATION.value: upload()}
    applicant.post("/company/profile/documents", upload_)
    now = {one.kind: one.id for one in attachments.current(company_id=applicant.company.id)}
    changed = [kind for kind in papers if papers[kind] != now[kind]]
    assert changed == [DocumentKind.BUSINESS_REGISTRATION]
    assert {field: getattr(applicant.company, field) for field in before} == before


def test_handing_in_says_what_is_still_untouched_and_is_no_block(site: Flask, log_in_as: LogIn) -> None:
    applicant = make_applicant(log_in_as, State.ON_HOLD)
    asked = text(applicant.post("/company/resubmit"))
    assert "아직 바꾸지 않은 항목이 있습니다: 주소, 사업자등록증." in asked
    company_edits.edit(actor=applicant.account.actor(), changes={"address": "부산광역시 중구 중앙대로 1"})
    page = applicant.get("/company/status")
    assert page.count("아직 수정하지 않음") == 1 and "수정함</span>" in page
    asked = text(applicant.post("/company/resubmit"))
    assert "아직 바꾸지 않은 항목이 있습니다: 사업자등록증." in asked
    applicant.post("/company/resubmit", {"confirmed": "1"})
    assert applicant.state() is State.SCREENING


@pytest.mark.parametrize("state", [State.SCREENING, State.SCREENED])
def test_outside_a_hold_nothing_is_marked(state: State, site: Flask, log_in_as: LogIn) -> None:
    """Marks of an earlier hold stay with the case for its reviewer; the company sees them no more."""
    applicant = make_applicant(log_in_as, State.ON_HOLD)
    applicant.application.state = state
    page = applicant.get("/company/profile")
    assert "보완 요청" not in page and "보류 사유" not in page
