"""What cannot be taken back is asked about once there is something to ask about (R-EVA-1, R-PUB-3)."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e import axe
from tests.e2e.pages.common import tick


def test_an_empty_form_is_checked_before_the_question(person: Callable[..., Page]) -> None:
    page = person("demand")
    page.goto("/evaluations")
    page.get_by_role("table").get_by_role("link", name="평가").last.click()
    page.wait_for_load_state("domcontentloaded")
    address, send, dialog = page.url, page.get_by_role("button", name="평가 제출"), page.get_by_role("dialog")
    criteria = page.get_by_role("main").get_by_role("group")
    send.click()
    expect(dialog).to_be_hidden()
    expect(criteria.first.get_by_role("radio").first).to_be_focused()
    expect(page.get_by_text("필수 항목입니다. 선택해 주세요.")).to_have_count(criteria.count())
    axe.check(page)

    for group in criteria.all():
        tick(group.get_by_role("radio").first)
    expect(page.get_by_text("필수 항목입니다. 선택해 주세요.")).to_have_count(0)
    comment = page.get_by_label("평가 의견")
    comment.fill("   ")
    send.click()
    expect(dialog).to_be_hidden()
    expect(comment).to_be_focused()
    comment.fill("약속한 날에 시작했습니다.")
    send.click()
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="취소", exact=True).click()
    assert page.url == address
