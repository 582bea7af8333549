"""What a supplier does: answer a consultation, bill it, see its money."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.e2e.pages.common import flashed, heading, won_of


class Supply:
    """`look` is called on every page that no link of the menus leads to."""

    def __init__(self, page: Page, look: Callable[[Page], None]) -> None:
        self.page, self.look = page, look

    def open_consultation(self, company: str) -> None:
        self.page.goto("/supply/deals")
        self.page.get_by_role("link", name=company, exact=True).click()

    def accept(self) -> None:
        self.page.get_by_role("button", name="거래수락").click()
        flashed(self.page, "거래를 수락했습니다")

    def bill(self, *, plan: str) -> int:
        """결제요청 by way of its preview; returns the amount that the preview showed."""
        self.page.get_by_role("link", name="결제요청", exact=True).click()
        heading(self.page, "결제요청")
        self.look(self.page)
        choice = self.page.get_by_label("요금제")
        choice.select_option(choice.locator("option").filter(has_text=plan).first.get_attribute("value"))
        self.page.get_by_role("button", name="금액 확인").click()
        heading(self.page, "결제요청 금액 확인")
        self.look(self.page)
        amount = won_of(self.page.get_by_role("heading", name="금액", exact=False).nth(1).inner_text())
        self.page.get_by_role("button", name="결제요청 보내기").click()
        flashed(self.page, "결제요청을 보냈습니다")
        return amount

    def settlement_of(self, company: str) -> Locator:
        """The row of '공급대금 정산' of a company's payment."""
        self.page.goto("/supply/settlement")
        found = self.page.get_by_role("row").filter(has_text=company)
        expect(found).to_have_count(1)
        return found
