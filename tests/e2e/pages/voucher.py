"""A demand company's own pages: its state, its instrument, its voucher's balance."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e import axe
from tests.e2e.pages.common import fact, flashed, heading, tick
from tests.e2e.pages.outer import Phone


class Voucher:
    def __init__(self, page: Page) -> None:
        self.page = page

    def state(self) -> str:
        """Of the application, as '심사 및 예산확인' says it."""
        self.page.goto("/company/status")
        heading(self.page, "심사 및 예산확인")
        return (
            self.page.get_by_role("heading", name="현재 상태").inner_text().removeprefix("현재 상태").strip()
        )

    def ask_for_issue(self, *, answer: str) -> None:
        """A personal check card asks for the account that it draws on (R-INS-4)."""
        self.page.goto("/voucher")
        number = self.page.get_by_label("계좌번호")
        if number.is_visible():
            self.page.get_by_label("은행").select_option(label="신한은행")
            number.fill("110-234-567890")
            self.page.get_by_label("예금주 생년월일").fill("811231")
        self.page.get_by_role("button", name="발급신청").click()
        flashed(self.page, answer)

    def verify_person(self, phone: Phone, *, name: str, birth7: str, number: str, role: str = "") -> None:
        """본인인증 of a company from K-Startup, before its personal check card (R-INS-4)."""
        self.page.goto("/voucher")
        self.page.get_by_role("main").get_by_role("link", name="본인인증").first.click()
        heading(self.page, "본인인증")
        axe.check(self.page)
        if role:
            tick(self.page.get_by_label(role, exact=True))
        self.page.get_by_label("이름").fill(name)
        self.page.get_by_label("생년월일과 주민등록번호 뒤 첫 자리").fill(birth7)
        self.page.get_by_label("통신사").select_option("KT")
        self.page.get_by_label("휴대폰 번호").fill(number)
        phone.forget(number)
        self.page.get_by_role("button", name="인증번호 받기").click()
        heading(self.page, "인증번호 확인")
        self.page.get_by_label("인증번호").fill(phone.code(number))
        self.page.get_by_role("button", name="확인", exact=True).click()
        flashed(self.page, "본인인증을 마쳤습니다")

    def choose(self, kind: str) -> None:
        self.page.goto("/voucher")
        tick(self.page.get_by_label(kind))
        self.page.get_by_role("button", name="정하기").click()
        flashed(self.page, kind)

    def fetch_card(self) -> None:
        """The card has come; the page asks its issuer."""
        self.page.goto("/voucher")
        button = self.page.get_by_role("button", name="발급 상태 확인")
        # The scheduler asks as well, every half minute: whoever is first.
        if button.is_visible():
            button.click()
            flashed(self.page, "결제수단이 발급되었습니다")
        expect(fact(self.page, "상태")).to_have_text("발급완료")

    def left(self) -> str:
        self.page.goto("/company")
        return fact(self.page, "남은 금액").inner_text()
