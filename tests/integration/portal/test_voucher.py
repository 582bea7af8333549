"""'바우처 신청': instrument, issue, (잔여)예산포기 (R-INS-1 to R-INS-5, R-VOU-2, R-MONEY-2b)."""

from __future__ import annotations

import httpx
import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db
from app.models.applications import ApplicationState as State
from app.models.deals import Deal, DealState
from app.models.payments import Payment
from app.models.programme import VatMode
from app.models.vouchers import InstrumentKind, InstrumentState, VoucherState
from app.workflows import instruments, payments, programmes, vouchers
from tests import factories
from tests.integration.portal.applicant import Applicant, LogIn, days_later, make_applicant, text
from tests.integration.workflows import joining

ACCOUNT = {"bank_code": "088", "account_number": "110-234-567890", "birth_date": "811231"}


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
    assert "발급완료" in page and "더 구매할 금액" in page and "400,000원" in page
    assert applicant.company.name in page and "입금 계좌" in page and "잔액 새로고침" in page
    applicant.post("/voucher/issue")
    assert "발급신청&#39;을 할 수 없습니다" in applicant.get("/voucher")


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
    assert "은행을 선택해 주세요." in text(applicant.post("/voucher/issue"), 422)
    wrong = text(applicant.post("/voucher/issue", ACCOUNT | {"account_number": "110234569991"}), 422)
    assert "본인인증한" in wrong and "811231" not in wrong and "110234569991" in wrong
    assert applicant.post("/voucher/issue", ACCOUNT).location == "/voucher"
    page = applicant.get("/voucher")
    assert "신한은행 ****7890" in page and "110234567890" not in page and "811231" not in page
    assert "카드 발급을 신청했습니다." in page and "/voucher/refresh" in page
    applicant.post("/voucher/refresh")
    assert "아직 발급이 끝나지 않았습니다." in applicant.get("/voucher")
    days_later(8)
    applicant.post("/voucher/refresh")
    assert "결제수단이 발급되었습니다." in applicant.get("/voucher")
    assert instruments.own(actor=applicant.actor).state is InstrumentState.ISSUED


def test_account_can_be_changed_until_the_card_is_there(
    site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    """R-SCR-2, R-INS-4"""
    applicant = make_applicant(log_in_as, State.APPROVED, instrument=InstrumentKind.PERSONAL_CHECK)
    assert applicant.browser.get("/voucher/account").location == "/voucher"
    days_later(1)
    applicant.post("/voucher/issue", ACCOUNT)
    assert "신한은행 ****7890" in applicant.get("/voucher/account")
    other = ACCOUNT | {"bank_code": "004", "account_number": "004-12-3456781"}
    assert "본인인증한" in text(
        applicant.post("/voucher/account", other | {"account_number": "99991119991"}), 422
    )
    assert applicant.post("/voucher/account", other).location == "/voucher"
    assert "국민은행 ****6781" in applicant.get("/voucher")
    assert "국민은행 ****6781" in applicant.get("/company/edits")
    db.session.expire_all()
    assert applicant.application.flagged_at is not None
    days_later(8)
    applicant.post("/voucher/refresh")
    assert applicant.browser.get("/voucher/account").location == "/voucher"
    assert "신한카드에 문의해 주세요." in applicant.get("/voucher")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (InstrumentKind.PERSONAL_CHECK, ["카드를 연결할 계좌", "예금주 생년월일", "3일 안팎"]),
        (InstrumentKind.PREPAID, ["온라인으로 신청하며", "3일 안팎"]),
        (InstrumentKind.CORPORATE_CHECK, ["지점 방문 안내", "신한은행 영업점을 방문"]),
        (InstrumentKind.ZEROPAY, ["바로 쓸 수 있습니다"]),
    ],
)
def test_each_kind_says_how_it_is_issued(
    site: Flask, log_in_as: LogIn, kind: InstrumentKind, says: list[str]
) -> None:
    """R-INS-4: where one stands, step by step, with days in words."""
    applicant = make_applicant(log_in_as, State.APPROVED, instrument=kind)
    applicant.stage.programme.card_opens_on = clock.today()
    db.session.commit()
    today = clock.write_day(clock.today())
    if kind.is_card:
        tomorrow = clock.write_day(clock.today() + clock.timedelta(days=1))
        assert f"선택한 다음 날({tomorrow})부터" in applicant.get("/voucher")
        days_later(1)
    page = applicant.get("/voucher")
    assert f"{today} {kind.label} 선택" in page and 'aria-current="step"' in page
    assert all(words in page for words in says), says


def test_certificates_still_to_be_bought_count_tax_and_what_is_held(
    site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    """R-INS-4, R-MONEY-2a: 30 % of 4,000,000 and the tax on top, less what was bought already."""
    stage = joining.set_stage(company_share_percent=30, vat_mode=VatMode.BORNE)
    applicant = make_applicant(log_in_as, State.APPROVED, stage=stage, instrument=InstrumentKind.ZEROPAY)
    applicant.post("/voucher/issue")
    page = applicant.get("/voucher")
    for amount in ("1,600,000원", "1,200,000원", "400,000원"):
        assert amount in page
    instrument = instruments.own(actor=applicant.actor)
    assert instrument is not None
    address = f"{sandbox_url}/zeropay/wallets/{instrument.issuer_reference}"
    assert httpx.post(address, data={"amount": "1000000"}).status_code == 303
    page = applicant.get("/voucher")
    assert "600,000원을 아래 계좌에 입금" in page and "−1,000,000원" in page
    httpx.post(address, data={"amount": "700000"})
    assert "더 구매할 상품권이 없습니다." in applicant.get("/voucher")


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
    again = applicant.post(address, {"waiver_reason": "두 번째", "confirmed": "1"})
    assert again.location == address
    page = applicant.get(address)
    assert "예산포기를 이미 신청했습니다." in page and "두 번째" not in page


def test_what_is_in_the_way_of_a_waiver_is_linked(site: Flask, log_in_as: LogIn) -> None:
    """R-VOU-2: no form while a bill is open or a payment under way, but the way to both."""
    applicant = make_applicant(log_in_as, State.APPROVED)
    bill = billed(applicant)
    address = "/voucher/waiver"
    page = applicant.get(address)
    assert (
        "먼저 끝내야 하는 것" in page and f"/deals/{bill.id}" in page and "예산포기 신청</button>" not in page
    )
    refused = applicant.post(address, {"waiver_reason": "포기", "confirmed": "1"})
    assert "진행 중인 결제나 결제하지 않은 결제요청이 있어" in text(refused, 422)
    factories.make_instrument(
        company=applicant.company, kind=InstrumentKind.PREPAID, state=InstrumentState.ISSUED
    )
    db.session.commit()
    payments.hold(actor=applicant.actor, deal_id=bill.id, idempotency_key="k", order_id="order-k", card=True)
    payment = db.session.scalars(select(Payment).where(Payment.deal_id == bill.id)).one()
    assert f"/payments/{payment.id}" in applicant.get(address)


def billed(applicant: Applicant) -> Deal:
    offering = factories.make_offering()
    now = clock.now()
    deal = Deal(
        programme_id=applicant.stage.programme.id, company_id=applicant.company.id,
        supplier_id=offering.supplier_id, offering_id=offering.id, version_id=offering.current_version_id,
        state=DealState.BILLED, memo="", requested_at=now, billed_at=now,
        due_at=now + clock.timedelta(days=2), amount=1_000_000, tax=0,
    )  # fmt: skip
    db.session.add(deal)
    db.session.commit()
    return deal


def test_a_declined_waiver_is_told_with_its_reason(site: Flask, log_in_as: LogIn) -> None:
    """R-VOU-2: the company sees what became of each request, and can ask again."""
    applicant = make_applicant(log_in_as, State.APPROVED)
    voucher = vouchers.request_waiver(actor=applicant.actor, reason="쓰지 않습니다.")
    vouchers.decline_waiver(actor=applicant.stage.officer, voucher_id=voucher.id, reason="통화로 취소하심")
    page = applicant.get("/voucher/waiver")
    for words in ("신청 내역", "반려", "사유: 통화로 취소하심", "사유: 쓰지 않습니다.", "전문기관"):
        assert words in page
    assert applicant.stage.officer.name not in page and "예산포기 신청</button>" in page


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
