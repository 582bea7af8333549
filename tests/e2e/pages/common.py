"""What every page has: the question before a decision, the message after it, the demonstration's clock."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from playwright.sync_api import APIResponse, Locator, Page, expect


def won(amount: int) -> str:
    return f"{amount:,}원"


def won_of(text: str) -> int:
    """The first amount in a text."""
    found = re.search(r"([\d,]+)원", text)
    assert found, f"no amount in {text!r}"
    return int(found[1].replace(",", ""))


def decide(page: Page, button: Locator, label: str = "", *, reason: str = "") -> None:
    """Press a button that asks first, and answer its dialog with `label` (the button's own by default)."""
    # Before its script has run, the button would lead to the page that asks those without JavaScript.
    page.wait_for_load_state("domcontentloaded")
    label = label or button.inner_text().strip()
    button.click()
    dialog = page.get_by_role("dialog")
    if reason:
        dialog.get_by_label("사유").fill(reason)
    dialog.get_by_role("button", name=label, exact=True).click()


def flashed(page: Page, text: str | re.Pattern[str]) -> None:
    """The message above the page's content; a message of danger shows what the person was told instead."""
    expect(page.locator("#flash")).to_contain_text(text)


def heading(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def tick(box: Locator) -> None:
    """A box or a radio button: KRDS draws it by its label, which lies over it and takes the press."""
    box.check(force=True)


def fetch(page: Page, address: str) -> APIResponse:
    """A file, with the person's session. Asked again where the server has just closed an idle connection."""
    return page.request.get(address, max_retries=3)


def fact(page: Page, term: str) -> Locator:
    """The value that stands beside a term in a list of facts."""
    return page.locator("dl > div").filter(has=page.get_by_text(term, exact=True)).locator("dd").first


class DemonstrationClock:
    """The banner's control, with which anybody moves the demonstration's time forward (R-TIME-7)."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.banner = page.get_by_role("region", name="시연 안내")

    def now(self) -> datetime:
        shown = self.banner.locator("time").get_attribute("datetime")
        assert shown
        return datetime.fromisoformat(shown)

    def forward(self, step: str | re.Pattern[str]) -> datetime:
        """`step` is the button's label; returns the time that the banner shows then."""
        self.banner.get_by_text("시간 앞으로 옮기기").click()
        decide(self.page, self.banner.get_by_role("button", name=step), "옮기기")
        flashed(self.page, "시연 시각을")
        return self.now()

    def forward_days(self, days: int) -> None:
        for _ in range(days):
            before = self.now()
            assert self.forward("하루 앞으로") >= before + timedelta(days=1)
