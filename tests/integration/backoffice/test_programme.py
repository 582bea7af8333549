"""사업 설정 in the console (R-JOIN-7a, R-TIME-2, R-TIME-4)."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from openpyxl import load_workbook

from app import clock
from app.db import db
from app.models.programme import ClosingDay, Programme, SelectionOrder, VatMode
from app.policy import Role
from app.workflows import programme_settings, programmes
from tests import factories as make

PLAIN = {
    "selection_order": "arrival",
    "promised_days": "7",
    "offer_days": "3",
    "initial_password_days": "60",
    "consultation_days": "3",
    "consultation_business": "y",
    "payment_days": "3",
    "first_payment_months": "2",
    "full_use_months": "8",
    "card_opens_on": "2020.11.02",
    "settlement_use_days": "10",
    "settlement_fee_bp": "0",
    "settle_by_days": "y",
    "usage_idle_days": "30",
    "usage_idle_months": "3",
    "usage_grace_days": "14",
}


def text(response: Any) -> str:
    return str(response.get_data(as_text=True))


@pytest.fixture
def manager(browser: Any) -> Any:
    return browser(Role.PROGRAMME_MANAGER)


@pytest.fixture
def address(world: Any) -> str:
    return f"/console/programme/{world.programme.id}"


def test_settings_are_changed_within_their_bounds(world: Any, manager: Any, address: str) -> None:
    """R-TIME-4: what is wrong stands by its field, and nothing is kept."""
    for wrong in ({"payment_days": "0"}, {"payment_days": "셋"}, {"selection_order": "lot"}):
        page = manager.post(f"{address}/settings", data=PLAIN | wrong)
        assert page.status_code == 422 and "kv-error" in text(page)
    assert world.programme.payment_days == 2
    assert manager.post(f"{address}/settings", data=PLAIN).status_code == 302
    assert (world.programme.consultation_days, world.programme.payment_business) == (3, False)
    assert world.programme.selection_order is SelectionOrder.ARRIVAL
    done = manager.post(
        f"{address}/settings", data=PLAIN | {"selection_order": "score", "needs_employees": "y"}
    )
    assert done.status_code == 302
    assert (world.programme.selection_order, world.programme.needs_employees) == (SelectionOrder.SCORE, True)


def test_what_counts_as_use_cannot_all_be_switched_off(world: Any, manager: Any, address: str) -> None:
    """R-SET-1: the sentence stands by the first of the three, and nothing is kept."""
    none_left = {name: value for name, value in PLAIN.items() if name != "settle_by_days"}
    page = manager.post(f"{address}/settings", data=none_left | {"payment_days": "9"})
    assert page.status_code == 422 and "하나 이상 켜 주세요" in text(page)
    assert world.programme.payment_days == 2 and world.programme.settle_by_days
    done = manager.post(f"{address}/settings", data=none_left | {"settle_by_usage": "y"})
    assert done.status_code == 302
    programme = world.programme
    assert (programme.settle_by_usage, programme.settle_by_days) == (True, False)
    assert (programme.usage_idle_stops, programme.usage_idle_cancels) == (False, False)


def test_the_worth_of_a_voucher_is_asked_first_and_needs_a_reason(
    world: Any, manager: Any, address: str
) -> None:
    """R-MONEY-2: the question shows what becomes of a voucher's parts."""
    data = {"cap": "4,000,000", "company_share_percent": "30", "vat_mode": "borne"}
    page = text(manager.post(f"{address}/worth", data=data))
    assert "2,800,000원" in page and "1,200,000원" in page
    assert world.programme.company_share_percent == 10
    manager.post(f"{address}/worth", data=data | {"confirmed": "1"})
    assert world.programme.company_share_percent == 10
    done = manager.post(f"{address}/worth", data=data | {"confirmed": "1", "reason": "지침 개정"})
    assert done.status_code == 302
    assert (world.programme.company_share_percent, world.programme.vat_mode) == (30, VatMode.BORNE)
    wrong = manager.post(f"{address}/worth", data=data | {"cap": "4,000,500"})
    assert wrong.status_code == 422 and "만 원 단위로" in text(wrong)


def test_lists_are_edited(world: Any, manager: Any, address: str) -> None:
    """R-JOIN-7a: excluded lines of business, needed documents, categories."""
    add, remove = f"{address}/industries/add", f"{address}/industries/remove"
    assert manager.post(add, data={"word": "  귀금속   도매 "}).status_code == 302
    again = manager.post(add, data={"word": "귀금속도매"})
    assert again.status_code == 422 and "이미 있는 제외 업종입니다" in text(again)
    assert world.programme.excluded_industries == ["귀금속 도매"]
    assert "귀금속 도매" in text(manager.get("/console/programme/"))
    manager.post(remove, data={"word": "귀금속 도매"})
    assert world.programme.excluded_industries == []
    documents = {
        "business_registration": "always",
        "tax_clearance": "never",
        "corporate_register": "corporate",
        "insurance_list": "always",
        "priority_certificate": "joined_before",
        "bank_book": "never",
    }
    assert manager.post(f"{address}/documents", data=documents).status_code == 302
    assert world.programme.needed_documents == documents
    assert manager.post(f"{address}/documents", data=documents | {"bank_book": "x"}).status_code == 422
    assert manager.post(f"{address}/categories", data={"category_codes": ["video"]}).status_code == 302
    assert world.programme.category_codes == ["video"]
    none = manager.post(f"{address}/categories", data={})
    assert none.status_code == 422 and "하나 이상" in text(none)


def test_the_history_shows_each_change_and_goes_into_a_file(world: Any, manager: Any, address: str) -> None:
    """R-AUD-1"""
    manager.post(f"{address}/settings", data=PLAIN)
    for number in range(12):
        manager.post(f"{address}/industries/add", data={"word": f"업종 {number}"})
    page = text(manager.get("/console/programme/history?size=10"))
    assert "업종 11" in page and "결제 기한" not in page and "after=" in page
    whole = text(manager.get("/console/programme/history?size=50"))
    assert "<strong>결제 기한</strong>: 2일 → 3일" in whole
    file = manager.get("/console/programme/history?format=xlsx")
    rows = list(load_workbook(io.BytesIO(file.data)).active.iter_rows(values_only=True))
    assert rows[0][:5] == ("일시", "처리자", "설정", "변경 전", "변경 후")
    assert ("결제 기한", "2일", "3일") in [row[2:5] for row in rows]
    assert "업종 11" in text(manager.get(f"/console/programme/history?year={world.programme.year}"))


def test_sign_up_is_closed_and_started_after_a_question(world: Any, manager: Any, address: str) -> None:
    question = text(manager.post(f"{address}/close"))
    assert "접수를 마감할까요?" in question and world.programme.is_open
    manager.post(f"{address}/close", data={"confirmed": "1"})
    assert world.programme.is_open is False
    # The page itself stays, and so does the way back.
    assert "접수 시작" in text(manager.get("/console/programme/"))
    manager.post(f"{address}/open", data={"confirmed": "1"})
    assert world.programme.is_open is True


def test_the_next_year_comes_from_its_preset_closed(world: Any, manager: Any) -> None:
    """R-JOIN-7a: what it brings is shown first, and what differs from this year."""
    page = text(manager.get("/console/programme/new?preset=2022"))
    assert "30%" in page and "평가점수 순서" in page and "다름" in page
    asked = {"preset": "2022", "confirmed": "1"}
    assert "year=2022" in manager.post("/console/programme/new", data=asked).headers["Location"]
    made = db.session.query(Programme).filter_by(year=2022).one()
    assert (made.is_open, made.needs_employees) == (False, True)
    assert programmes.current().id == world.programme.id
    warned = text(manager.post(f"/console/programme/{made.id}/open"))
    assert f"{world.programme.year}년 사업도 접수 중입니다" in warned
    assert "이미 있습니다" in text(manager.post("/console/programme/new", data=asked, follow_redirects=True))
    assert "만들 수 있는 연도가 아닙니다" in text(manager.get("/console/programme/new?preset=1999"))


def test_a_closing_day_is_declared(world: Any, manager: Any, address: str) -> None:
    """R-TIME-2"""
    day = clock.today() + timedelta(days=40)
    data = {"day": f"{day:%Y.%m.%d}"}
    asked = text(manager.post(f"{address}/closing-days", data=data))
    assert "휴무일로 정할까요" in asked and "되돌릴 수 없습니다" in asked
    assert db.session.get(ClosingDay, (world.programme.id, day)) is None
    data |= {"reason": "전산 점검", "confirmed": "1"}
    assert manager.post(f"{address}/closing-days", data=data).status_code == 302
    assert db.session.get(ClosingDay, (world.programme.id, day)) is not None
    again = manager.post(f"{address}/closing-days", data=data)
    assert again.status_code == 422 and "이미 휴무일로" in text(again)


def test_who_sees_and_changes_what(world: Any, browser: Any, address: str) -> None:
    """Domain, section 1: the system administrator sets, and decides nothing; the auditor reads."""
    admin = browser(Role.SYSTEM_ADMIN)
    page = text(admin.get("/console/programme/"))
    assert (
        "저장" in page and "접수 마감" not in page.replace("접수 마감됨", "") and "지원금 바꾸기" not in page
    )
    assert admin.post(f"{address}/settings", data=PLAIN).status_code == 302
    assert admin.post(f"{address}/worth", data={}).status_code == 403
    auditor = browser(Role.AUDITOR)
    page = text(auditor.get("/console/programme/"))
    assert "3일" in page and ">저장<" not in page and ">추가<" not in page
    assert auditor.post(f"{address}/settings", data=PLAIN).status_code == 403


def test_years_have_their_own_pages(world: Any, manager: Any) -> None:
    older = make.make_programme(year=2000, is_open=False, name="2000년 사업")
    db.session.commit()
    page = text(manager.get("/console/programme/?year=2000"))
    assert older.name in page and f"{world.programme.year}년 · 접수 중" in page
    assert manager.get("/console/programme/?year=1990").status_code == 404


def test_every_setting_has_a_place_on_the_page(world: Any, manager: Any) -> None:
    page = text(manager.get("/console/programme/"))
    missing = [setting.label for setting in programme_settings.SETTINGS.values() if setting.label not in page]
    assert missing == ["접수 여부"]  # a button, with its question
