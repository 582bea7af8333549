"""Deadlines at work: the demonstration's time is moved by its banner, and by the command (step 8)."""

from __future__ import annotations

import re
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
TWO_WEEKS_LATER = "2020-11-30T00:00"
NEXT_DEADLINE = re.compile("^다음 기한으로")
COUNTS = {
    "consultations",
    "bills",
    "vouchers_revoked",
    "vouchers_expired",
    "deals_reminded",
    "vouchers_reminded",
    "offers_lapsed",
    "offers_made",
}


def test_the_sweep_takes_an_instant(flask: Callable[..., Any]) -> None:
    """R-TIME-6: as if it were two weeks later; a second time there is nothing left to end."""
    first, second = (flask("deadlines", "sweep", "--at", TWO_WEEKS_LATER) for _ in range(2))
    assert set(first) == COUNTS
    assert first["consultations"] > 0
    assert first["bills"] > 0
    assert second == dict.fromkeys(COUNTS, 0)


def test_an_unanswered_consultation_lapses(person: Callable[..., Page]) -> None:
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
        clock.forward("하루 앞으로" if deadline - clock.now() > timedelta(days=1) else NEXT_DEADLINE)
    page.goto(deal)
    expect(state).to_have_text("불가")
    expect(page.get_by_role("main")).to_contain_text(NO_ANSWER)
    page.goto("/deals?tab=closed")
    heading(page, "서비스 요청")
    expect(page.get_by_role("row").filter(has_text=SERVICE)).to_contain_text("불가")
