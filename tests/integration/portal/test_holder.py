"""본인인증 of a K-Startup company at its browser, and the limit of the bank's questions (R-INS-4)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.models.applications import ApplicationState as State
from app.models.companies import VerifiedAs
from app.models.vouchers import InstrumentKind, InstrumentState
from app.workflows import account_questions, instruments
from tests.integration.portal.applicant import Applicant, LogIn, days_later, make_applicant, text
from tests.integration.workflows.joining import code_for

UNVERIFIED: dict[str, Any] = {"verified_as": None, "verified_name": None, "representative": "서다온"}
PERSONAL = InstrumentKind.PERSONAL_CHECK
PHONE = "01072223333"
WHO = {"name": "서다온", "birth7": "8112311", "carrier": "SKT", "phone": PHONE}
ACCOUNT = {"bank_code": "088", "account_number": "110234567890", "birth_date": "811231"}


def verify(applicant: Applicant, sandbox_url: str, **who: str) -> Any:
    asked = applicant.post("/voucher/person", WHO | who)
    assert asked.location == "/voucher/person/code", text(asked)
    return applicant.post("/voucher/person/code", {"code": code_for(sandbox_url, PHONE)})


def test_the_card_of_the_file_waits_for_its_person(site: Flask, log_in_as: LogIn, sandbox_url: str) -> None:
    """R-KST-2: 승인 by the file; the page leads to 본인인증 and from there to '발급신청'."""
    applicant = make_applicant(log_in_as, State.APPROVED, instrument=PERSONAL, **UNVERIFIED)
    days_later(1)
    page = applicant.get("/voucher")
    assert (
        "본인인증이 필요합니다" in page and 'href="/voucher/person"' in page and "/voucher/issue" not in page
    )
    assert "본인인증 전" in page
    applicant.post("/voucher/issue", ACCOUNT)
    assert instruments.own(actor=applicant.actor).state is InstrumentState.CHOSEN
    person = applicant.get("/voucher/person")
    assert 'name="verified_as"' not in person and "대표자만 인증할 수 있습니다" in person
    assert "이미 본인인증" not in person
    assert verify(applicant, sandbox_url).location == "/voucher"
    page = applicant.get("/voucher")
    assert "본인인증을 마쳤습니다" in page and "/voucher/issue" in page
    assert applicant.post("/voucher/issue", ACCOUNT).location == "/voucher"
    assert instruments.own(actor=applicant.actor).account_holder == "서다온"
    assert applicant.browser.get("/voucher/person").location == "/voucher"


def test_chosen_only_after_it(site: Flask, log_in_as: LogIn, sandbox_url: str) -> None:
    """R-KST-3: nothing is asked about being final before; a staff member may be the person here."""
    applicant = make_applicant(log_in_as, State.NOT_APPLIED, **UNVERIFIED)
    refused = text(applicant.post("/voucher/instrument", {"instrument": "personal_check"}), 422)
    assert "본인인증을 먼저 해 주세요" in refused and 'href="/voucher/person"' in refused
    done = verify(applicant, sandbox_url, name="한직원", verified_as="staff")
    assert done.location == "/voucher"
    assert applicant.company.verified_as is VerifiedAs.STAFF
    assert applicant.post("/voucher/instrument", {"instrument": "personal_check"}).location == "/voucher"
    assert "4대보험 사업장 가입자 명부" in applicant.get("/company/profile")


def test_another_persons_phone_is_told_and_can_be_changed(
    site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    applicant = make_applicant(log_in_as, State.APPROVED, **UNVERIFIED)
    page = text(verify(applicant, sandbox_url, name="한다른"), 422)
    assert "등록된 대표자명이 다릅니다" in page and 'href="/voucher/person"' in page
    assert applicant.company.verified_name is None


def test_a_new_code_can_be_asked_for(site: Flask, log_in_as: LogIn, sandbox_url: str) -> None:
    applicant = make_applicant(log_in_as, State.APPROVED, **UNVERIFIED)
    assert applicant.browser.get("/voucher/person/code").location == "/voucher/person"
    applicant.post("/voucher/person", WHO)
    assert "4번 더 보낼 수 있습니다" in applicant.get("/voucher/person/code")
    assert applicant.post("/voucher/person/resend").location == "/voucher/person/code"
    assert "3번 더 보낼 수 있습니다" in applicant.get("/voucher/person/code")
    assert applicant.company.verified_name is None


def test_too_many_questions_keep_what_was_typed(
    site: Flask, log_in_as: LogIn, sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-INS-4: the form comes back with bank and number, and says when to go on."""
    monkeypatch.setattr(account_questions, "_LIMITS", ((1, account_questions.timedelta(hours=1)),))
    applicant = make_applicant(log_in_as, State.APPROVED, instrument=PERSONAL)
    days_later(1)
    anothers = ACCOUNT | {"account_number": "110234569991"}
    assert "예금주는 본인인증한" in text(applicant.post("/voucher/issue", anothers), 422)
    page = text(applicant.post("/voucher/issue", ACCOUNT), 422)
    assert "60분 뒤에 다시 시도해 주세요" in page or "1시간 0분 뒤에 다시 시도해 주세요" in page
    assert 'value="110234567890"' in page and 'value="811231"' not in page
