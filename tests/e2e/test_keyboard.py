"""Log-in and a decision without a mouse (R-PUB-3)."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from ops.system import System
from tests.e2e.pages.common import flashed

REVIEWER = "reviewer2"
MOST_STEPS = 200


class Keyboard:
    """A person who has nothing but keys."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def walk_to(self, name: str) -> None:
        """Tab until the focus stands on what has this name; it must be visible there."""
        seen = []
        for _ in range(MOST_STEPS):
            self.page.keyboard.press("Tab")
            focus = self.page.locator(":focus")
            if focus.count() == 0:
                continue
            seen.append(focus.evaluate("one => (one.labels?.[0] ?? one).textContent.trim()"))
            if seen[-1] == name:
                expect(focus).to_be_in_viewport()
                return
        raise AssertionError(f"{name!r} is not reached by Tab on {self.page.url}: {seen}")

    def press(self, name: str) -> None:
        self.walk_to(name)
        self.page.keyboard.press("Enter")


def test_log_in_and_decide(system: System, new_context: Callable[..., BrowserContext]) -> None:
    password = system.accounts[0]["password"]
    page = new_context().new_page()
    keys = Keyboard(page)
    page.goto("/")
    # The first stop of every page leads past the menus.
    keys.press("본문 바로가기")
    expect(page.locator("#main")).to_be_focused()

    page.goto("/login")
    keys.walk_to("아이디")
    page.keyboard.type(REVIEWER)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/")
    keys.press("심사")
    page.wait_for_url("**/console/screening/**")
    company = page.get_by_role("table").get_by_role("link").first.inner_text()
    keys.press(company)
    expect(page.get_by_role("heading", level=1)).to_have_text(company)
    page.wait_for_load_state("domcontentloaded")
    keys.press("심사확정")
    flashed(page, f"{company}: '심사확정' 처리했습니다.")


def test_what_is_ticked_in_the_cart_is_summed_at_once(
    system: System, new_context: Callable[..., BrowserContext]
) -> None:
    """R-DEAL-3, R-PAY-5: said aloud with each tick, kept over a reload, and carried on to the next page."""
    password = system.accounts[0]["password"]
    page = new_context().new_page()
    keys = Keyboard(page)
    page.goto("/login")
    keys.walk_to("아이디")
    page.keyboard.type("demand")
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/company")
    page.goto("/cart")
    said = page.locator("#cart-sum-said")
    expect(said).to_contain_text("고른 청구 0건")
    row = page.get_by_role("row").filter(has=page.locator("[data-row-check]")).first
    service, amount = row.get_by_role("link").first.inner_text(), row.get_by_role("cell").nth(2).inner_text()
    # The box itself is drawn by its label, and has no size of its own.
    page.get_by_role("checkbox", name=f"{service} 선택").focus()
    page.keyboard.press("Space")
    expect(said).to_contain_text(f"결제할 금액 {amount}")
    page.reload()
    expect(said).to_contain_text("고른 청구 1건")
    keys.press("선택한 청구 결제")
    expect(page.get_by_role("heading", name="합계")).to_be_visible()
    expect(page.get_by_text(amount).first).to_be_visible()
