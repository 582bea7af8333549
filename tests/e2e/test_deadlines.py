"""Deadlines at work: the demonstration's time is moved by its banner, and by the command (step 8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e import axe
from tests.e2e.pages.common import DemonstrationClock, heading
from tests.e2e.pages.market import Market

COMPANY = "demand2"  # approved, nothing asked yet
SERVICE, WORDS = "전자칠판 협업", "전자칠판"
NO_ANSWER = "공급기업이 답변 기한 안에 답하지 않아"
COUNTS = {"consultations", "bills", "vouchers_revoked", "vouchers_expired"}


def test_an_unanswered_consultation_lapses(person: Callable[..., Page], flask: Callable[..., Any]) -> None:
    """R-TIME-2, R-TIME-7: past its deadline it is 불가, and the page says who did not answer."""
    page = person(COMPANY)
    market, clock = Market(page, axe.check), DemonstrationClock(page)
    market.search(WORDS)
    market.open_service(SERVICE)
    deal = market.ask("답을 받지 못할 상담입니다.")
    state = page.get_by_role("main").locator(".kv-badge").first
    expect(state).to_have_text("거래상담")
    deadline = market.deadline()
    assert clock.now() < deadline <= clock.now() + timedelta(days=9)

    while clock.now() < deadline:
        clock.forward("하루 앞으로" if deadline - clock.now() > timedelta(hours=23) else "한 시간 앞으로")
    page.goto(deal)
    expect(state).to_have_text("불가")
    expect(page.get_by_role("main")).to_contain_text(NO_ANSWER)
    page.goto("/deals?tab=closed")
    heading(page, "서비스 요청")
    expect(page.get_by_role("row").filter(has_text=SERVICE)).to_contain_text("불가")

    swept = flask("deadlines", "sweep")
    assert set(swept) == COUNTS


def test_the_sweep_takes_an_instant(flask: Callable[..., Any]) -> None:
    """R-TIME-6: as if it were later, without waiting; a second time there is nothing left to end."""
    later = "2021-09-01T00:00"
    first, second = flask("deadlines", "sweep", "--at", later), flask("deadlines", "sweep", "--at", later)
    assert set(first) == COUNTS
    assert first["vouchers_revoked"] + first["vouchers_expired"] > 0
    assert second == dict.fromkeys(COUNTS, 0)
    assert flask("ledger", "verify")["holds"]
