"""'바우처 신청': instrument, issue, (잔여)예산포기 (R-INS-1 to R-INS-5, R-VOU-2, R-MONEY-2b)."""

from __future__ import annotations

import pytest
from flask import Flask

from app import clock
from app.db import db
from app.models.applications import ApplicationState as State
from app.models.vouchers import InstrumentKind, InstrumentState, VoucherState
from app.workflows import instruments, programmes, vouchers
from tests.integration.portal.applicant import LogIn, days_later, make_applicant, text


@pytest.mark.parametrize("state", [state for state in State if state is not State.APPROVED])
def test_issue_is_refused_before_approval_with_the_state_as_reason(
    site: Flask, log_in_as: LogIn, state: State
) -> None:
    """R-INS-3"""
    applicant = make_applicant(log_in_as, state, instrument=InstrumentKind.ZEROPAY)
    page = applicant.get("/voucher")
    assert f"현재 상태가 ‘{state.label}’이라서" in page and "/voucher/issue" not in page
    applicant.post("/voucher/issue")
    assert f"현재 상태가 &#39;{state.label}&#39;이라서 바우처 신청을 할 수 없습니다" in applicant.get(
        "/voucher"
    )
    assert instruments.own(actor=applicant.actor).state is InstrumentState.CHOSEN


def test_choice_can_be_changed_until_screened_and_no_longer(site: Flask, log_in_as: LogIn) -> None:
    """R-INS-2"""
    early = make_applicant(log_in_as, State.ON_HOLD, instrument=InstrumentKind.ZEROPAY)
    assert early.post("/voucher/instrument", {"instrument": "personal_check"}).location == "/voucher"
    assert instruments.own(actor=early.actor).kind is InstrumentKind.PERSONAL_CHECK
    late = make_applicant(log_in_as, State.SCREENED, stage=early.stage, instrument=InstrumentKind.ZEROPAY)
    assert 'name="instrument"' not in late.get("/voucher")
    refused = late.post("/voucher/instrument", {"instrument": "personal_check"})
    assert "바꿀 수 없습니다" in text(refused, 422)
    assert instruments.own(actor=late.actor).kind is InstrumentKind.ZEROPAY


def test_first_choice_after_approval_asks_and_is_final(site: Flask, log_in_as: LogIn) -> None:
    """R-INS-2"""
    applicant = make_applicant(log_in_as, State.APPROVED)
    assert "결제수단을 선택해 주세요." in text(applicant.post("/voucher/instrument"), 422)
    asked = text(applicant.post("/voucher/instrument", {"instrument": "zeropay"}))
    assert "한 번 정한 결제수단은 바꿀 수 없습니다." in asked
    assert instruments.own(actor=applicant.actor) is None
    done = applicant.post("/voucher/instrument", {"instrument": "zeropay", "confirmed": "1"})
    assert done.location == "/voucher"
    again = applicant.post("/voucher/instrument", {"instrument": "personal_check", "confirmed": "1"})
    assert again.status_code == 422
    assert instruments.own(actor=applicant.actor).kind is InstrumentKind.ZEROPAY


def test_kinds_that_open_later_are_named_with_their_day(site: Flask, log_in_as: LogIn) -> None:
    """R-INS-1"""
    applicant = make_applicant(log_in_as, State.APPROVED)
    opens = clock.today() + clock.timedelta(days=3)
    applicant.stage.programme.card_opens_on = opens
    db.session.commit()
    assert f"신한선불형카드: {opens:%Y.%m.%d}.부터" in applicant.get("/voucher")
    assert applicant.post("/voucher/instrument", {"instrument": "prepaid"}).status_code == 422
    days_later(3)
    assert 'value="prepaid"' in applicant.get("/voucher")


def test_zeropay_opens_at_once_and_shows_its_wallet(site: Flask, log_in_as: LogIn, sandbox_url: str) -> None:
    """R-INS-4: what is held, what is still to be bought, whose name the account bears."""
    applicant = make_applicant(log_in_as, State.APPROVED, instrument=InstrumentKind.ZEROPAY)
    assert applicant.post("/voucher/issue").location == "/voucher"
    page = applicant.get("/voucher")
    assert "발급완료" in page and "더 구매할 기업 부담금" in page and "400,000원" in page
    assert applicant.company.name in page and "입금 계좌" in page
    applicant.post("/voucher/issue")
    assert "이미" in applicant.get("/voucher") or "발급완료" in applicant.get("/voucher")


def test_card_can_be_asked_for_from_the_next_day_and_arrives_later(
    site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    """R-INS-4"""
    applicant = make_applicant(log_in_as, State.APPROVED, instrument=InstrumentKind.PERSONAL_CHECK)
    page = applicant.get("/voucher")
    assert "선택한 다음 날" in page and "/voucher/issue" not in page
    applicant.post("/voucher/issue")
    assert instruments.own(actor=applicant.actor).state is InstrumentState.CHOSEN
    days_later(1)
    assert "/voucher/issue" in applicant.get("/voucher")
    applicant.post("/voucher/issue")
    page = applicant.get("/voucher")
    assert "카드 발급을 신청했습니다." in page and "/voucher/refresh" in page
    applicant.post("/voucher/refresh")
    assert "아직 발급이 끝나지 않았습니다." in applicant.get("/voucher")
    days_later(8)
    applicant.post("/voucher/refresh")
    assert "결제수단이 발급되었습니다." in applicant.get("/voucher")
    assert instruments.own(actor=applicant.actor).state is InstrumentState.ISSUED


def test_help_lines_stand_on_the_page(site: Flask, log_in_as: LogIn) -> None:
    """R-INS-5"""
    applicant = make_applicant(log_in_as, State.SCREENING)
    page = applicant.get("/voucher")
    phones = [programmes.CARD_PHONE, programmes.ZEROPAY_PHONE, programmes.PLATFORM_PHONE]
    assert all(phone in page for phone in [*phones, applicant.stage.agency.phones])


def test_waiver_asks_first_then_waits_for_the_lead_agency(site: Flask, log_in_as: LogIn) -> None:
    """R-VOU-2"""
    applicant = make_applicant(log_in_as, State.APPROVED)
    address, reason = "/voucher/waiver", "올해는 쓸 계획이 없습니다."
    assert "포기 사유를 입력해 주세요." in text(applicant.post(address, {"waiver_reason": " "}), 422)
    asked = text(applicant.post(address, {"waiver_reason": reason}))
    assert "남은 예산을 포기할까요?" in asked and reason in asked
    assert vouchers.of_company(applicant.company.id).waiver_requested_at is None
    assert applicant.post(address, {"waiver_reason": reason, "confirmed": "1"}).location == address
    page = applicant.get(address)
    assert "예산포기를 신청했습니다" in page and reason in page and "예산포기 신청</button>" not in page
    twice = applicant.post(address, {"waiver_reason": reason, "confirmed": "1"})
    assert "바우처를 사용할 수 없습니다" in text(twice, 422)


def test_waived_voucher_shows_where_its_money_went(site: Flask, log_in_as: LogIn) -> None:
    applicant = make_applicant(log_in_as, State.APPROVED)
    voucher = vouchers.request_waiver(actor=applicant.actor, reason="쓰지 않습니다.")
    vouchers.approve_waiver(actor=applicant.stage.officer, voucher_id=voucher.id)
    page = applicant.get("/voucher/waiver")
    assert "예산포기가 승인되어" in page and "예산으로 돌아간 금액" in page
    assert VoucherState.WAIVED.label in page
    refused = applicant.post("/voucher/waiver", {"waiver_reason": "다시", "confirmed": "1"})
    assert "예산포기한 바우처는 사용할 수 없습니다" in text(refused, 422)


def test_nothing_to_waive_without_a_voucher(site: Flask, log_in_as: LogIn) -> None:
    applicant = make_applicant(log_in_as, State.SCREENING)
    assert "아직 바우처가 없습니다." in applicant.get("/voucher/waiver")
    refused = applicant.post("/voucher/waiver", {"waiver_reason": "포기", "confirmed": "1"})
    assert "아직 바우처가 없습니다" in text(refused, 422)


def test_balance_opens_into_its_parts(site: Flask, log_in_as: LogIn) -> None:
    """R-MONEY-2b"""
    page = make_applicant(log_in_as, State.APPROVED).get("/voucher")
    for label in ("지원받은 금액", "사용한 금액", "결제 진행 중", "남은 금액", "정부 지원금", "기업 부담금"):
        assert label in page
    assert page.count("3,600,000원") >= 2
