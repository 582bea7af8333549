"""What a demand company does with its voucher: search, ask, pay, read the papers, evaluate."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime

from playwright.sync_api import Page, expect

from tests.e2e.pages.common import decide, fetch, flashed, heading, tick
from tests.e2e.pages.outer import PATIENCE_SECONDS, Phone


class Market:
    """`look` is called on every page that no link of the menus leads to."""

    def __init__(self, page: Page, look: Callable[[Page], None]) -> None:
        self.page, self.look = page, look

    def search(self, words: str) -> None:
        """From the bar at the top of every page (R-CAT-2)."""
        self.page.goto("/")
        self.page.get_by_label("통합검색").fill(words)
        self.page.get_by_role("banner").get_by_role("button", name="검색").click()
        expect(self.page.get_by_role("main")).to_contain_text(f"‘{words}’ 검색 결과입니다.")

    def open_service(self, name: str) -> None:
        self.page.get_by_role("list", name="서비스 목록").get_by_role("link", name=name, exact=True).click()
        heading(self.page, name)

    def supplier(self) -> str:
        section = self.page.get_by_role("region", name="공급기업 정보")
        return section.locator("dl > div").first.locator("dd").inner_text().strip()

    def ask(self, memo: str) -> str:
        """거래상담 요청; returns the address of the deal's page."""
        self.page.get_by_label("상담 내용").fill(memo)
        self.page.get_by_role("button", name="거래상담 요청").click()
        flashed(self.page, "거래상담을 요청했습니다")
        return self.page.url

    def deadline(self) -> datetime:
        """Of the deal whose page is open."""
        shown = self.page.get_by_role("main").locator(".kv-deadline time").get_attribute("datetime")
        assert shown
        return datetime.fromisoformat(shown)

    def pay_by_card(self, deal: str, *, card: str, expiry: str, phone: Phone, number: str) -> None:
        """`number` is the phone of the payment contact, to which the card company sends the code."""
        self.page.goto(deal)
        self.page.get_by_role("link", name="결제", exact=True).click()
        heading(self.page, "결제")
        self.page.get_by_label("카드번호").fill(card)
        self.page.get_by_label("유효기간(월/년)").fill(expiry)
        phone.forget(number)
        self.page.get_by_role("button", name="인증번호 받기").click()
        heading(self.page, "인증번호 확인")
        self.look(self.page)
        self.page.get_by_label("인증번호").fill(phone.code(number))
        self.page.get_by_role("button", name="결제", exact=True).click()
        expect(self.page.get_by_role("heading", name="결제가 완료되었습니다")).to_be_visible()
        self.look(self.page)

    def paper(self, label: str) -> bytes:
        """A PDF from 결제성공: the link appears when the worker has drawn it."""
        self.page.goto("/payments?tab=paid")
        payment = self.page.get_by_role("table").get_by_role("row").nth(1)
        link = payment.get_by_role("link", name=re.compile(rf"^{label} PDF"))
        end = time.monotonic() + PATIENCE_SECONDS
        while not link.is_visible() and time.monotonic() < end:
            self.page.reload()
        href = link.get_attribute("href")
        assert href
        answer = fetch(self.page, href)
        assert answer.headers["content-type"] == "application/pdf"
        return answer.body()

    def evaluate(self, service: str, *, score: str, comment: str) -> None:
        self.page.goto("/evaluations")
        self.page.get_by_role("row").filter(has_text=service).get_by_role("link", name="평가").click()
        heading(self.page, "서비스 평가")
        self.look(self.page)
        for box in self.page.get_by_role("radio", name=score).all():
            tick(box)
        self.page.get_by_label("평가 의견").fill(comment)
        decide(self.page, self.page.get_by_role("button", name="평가 제출"), "제출")
        flashed(self.page, "평가를 제출했습니다")
