"""A day at an agency: keys, two people at one case, decisions in bulk, the money (R-SCR-3 to R-SCR-3c)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import axe
from tests.e2e.pages.common import decide, flashed, heading, tick

QUEUE = "/console/screening/"
A_FEW = 2


def _switch_keys_on(page: Page) -> None:
    page.get_by_role("button", name="단축키").click()
    dialog = page.get_by_role("dialog")
    axe.check(page)
    tick(dialog.get_by_label("단축키 사용"))
    dialog.get_by_role("button", name="닫기").click()


def _rows(page: Page) -> list[str]:
    return page.locator("[data-queue-open]").all_inner_texts()


@pytest.mark.slow
def test_a_reviewer_decides_by_keys_alone_and_others_see_who_is_there(person: Callable[..., Page]) -> None:
    """KWCAG 문자 단축키: off at first; R-SCR-3b: who has the case open, and 결정 후 다음."""
    reviewer, manager = person("reviewer1"), person("manager1")
    reviewer.goto(f"{QUEUE}?who=none")
    first, second = _rows(reviewer)[:2]
    reviewer.keyboard.press("j")
    expect(reviewer.locator("[data-queue-open]").first).not_to_be_focused()
    _switch_keys_on(reviewer)
    reviewer.keyboard.press("j")
    expect(reviewer.locator("[data-queue-open]").first).to_be_focused()
    reviewer.keyboard.press("o")
    heading(reviewer, first)
    manager.goto(reviewer.url)
    expect(manager.get_by_role("main")).to_contain_text("님이 이 건을 보고 있습니다")
    axe.check(manager)
    point = reviewer.locator("[data-points] .kv-tick").first
    with reviewer.expect_response(re.compile("/ticks")) as answer:
        reviewer.keyboard.press("1")
    assert answer.value.ok
    expect(point.locator('input[value="ok"]')).to_be_checked()
    reviewer.reload()
    expect(point.locator('input[value="ok"]')).to_be_checked()
    reviewer.get_by_role("link", name="결정 후 다음").click()
    reviewer.wait_for_load_state("load")
    reviewer.keyboard.press("a")
    flashed(reviewer, f"{first}: '심사확정' 처리했습니다")
    heading(reviewer, second)


@pytest.mark.slow
def test_many_are_screened_and_confirmed_at_once(
    person: Callable[..., Page], flask: Callable[..., Any]
) -> None:
    """R-SCR-3c, R-SCR-4, by two people (R-ROLE-4); ledger and audit trail hold afterwards."""
    manager, officer = person("manager1"), person("budget")
    manager.goto(f"{QUEUE}?who=none")
    names = _rows(manager)[:A_FEW]
    for name in names:
        manager.get_by_label(f"{name} 선택", exact=True).check()
    manager.get_by_role("button", name="선택한 건 심사확정").click()
    heading(manager, "일괄 심사확정 미리보기")
    axe.check(manager)
    decide(manager, manager.get_by_role("button", name=f"{A_FEW}건 심사확정 실행"))
    expect(manager.get_by_role("main")).to_contain_text(f"처리됨 {A_FEW}건, 처리하지 못함 0건, 남음 0건")
    officer.goto("/console/budget/")
    for name in names:
        tick(officer.get_by_label(f"{name} 선택", exact=True))
    officer.get_by_role("button", name="선택한 기업 예산확정").click()
    heading(officer, "일괄 예산확정 미리보기")
    decide(officer, officer.get_by_role("button", name=f"{A_FEW}건 예산확정 실행"))
    expect(officer.get_by_role("main")).to_contain_text(f"처리됨 {A_FEW}건, 처리하지 못함 0건, 남음 0건")
    axe.check(officer)
    for name in names:
        officer.goto(f"{QUEUE}?state=approved&q={name}")
        expect(officer.get_by_role("link", name=name, exact=True)).to_be_visible()
    assert flask("ledger", "verify") == {"holds": True, "problems": []}
    assert flask("audit", "verify") == {"holds": True, "problems": []}
