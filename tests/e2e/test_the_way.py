"""A company from its sign-up to the day on which its supplier is paid: steps 2 to 7 of the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from ops.system import System
from tests.e2e import axe, papers
from tests.e2e.pages import console
from tests.e2e.pages.common import DemonstrationClock, won, won_of
from tests.e2e.pages.market import Market
from tests.e2e.pages.outer import Bank, Phone
from tests.e2e.pages.signup import Applicant, SignUp
from tests.e2e.pages.supply import Supply
from tests.e2e.pages.voucher import Voucher

APPLICANT = Applicant(
    login="thewaycorp",
    password="Way-to-work-2020",
    name="주식회사 뷁뚫길",
    business_number=papers.business_number("724810931"),
    representative="한가람",
    birth7="8003151",
    phone="010-8120-4471",
    instrument="신한개인체크카드",
    agency="대덕이노폴리스벤처협회",
)
REVIEWER = "reviewer1"  # of that agency
SERVICE, KEYWORD, PLAN = "화면공유 원격지원", "원격지원", "기본 1년"
SUPPLIER, SELLER = "주식회사 든든넷", "supplier8"
CARD, EXPIRY = "4518420000000007", "12/29"
# A card may be asked for on the day after its choice and comes three days later (R-INS-4).
TO_ASK, TO_COME = 1, 3


class Journey:
    """The people of the way, each at a browser of their own, and what they know of each other."""

    def __init__(
        self,
        *,
        system: System,
        new_context: Callable[..., BrowserContext],
        person: Callable[..., Page],
        phone: Phone,
        scratch: Path,
    ) -> None:
        self.system, self.new_context, self.person = system, new_context, person
        self.phone, self.scratch = phone, scratch

    def sign_up(self) -> None:
        """Step 2."""
        lines = [f"상호: {APPLICANT.name}", f"사업자등록번호: {APPLICANT.business_number}"]
        labels = ("사업자등록증", "국세·지방세 완납증명서", "법인 등기부등본")
        files = {label: papers.pdf(self.scratch, label, lines) for label in labels}
        page = self.new_context().new_page()
        receipt = SignUp(page, self.phone, axe.check).apply(APPLICANT, files)
        assert receipt.startswith("2020-"), receipt

    def screen(self) -> None:
        """Step 3, in the hands of two people (R-ROLE-4)."""
        reviewer = console.Screening(self.person(REVIEWER))
        reviewer.open(APPLICANT.name)
        looked_at = reviewer.read_documents()
        assert [name for name, _ in looked_at] == [
            "사업자등록증",
            "국세·지방세 완납증명서",
            "법인 등기부등본",
        ]
        assert "뷁뚫길" in papers.text_of(looked_at[0][1])
        reviewer.decide("심사확정")
        console.Budget(self.person("budget")).confirm(APPLICANT.name)

    def get_card(self, company: Page) -> None:
        """Step 4. The days pass by the banner, as a person would let them pass."""
        voucher, clock = Voucher(company), DemonstrationClock(company)
        assert voucher.state() == "승인"
        clock.forward_days(TO_ASK)
        voucher.ask_for_issue(answer="카드 발급을 신청했습니다.")
        clock.forward_days(TO_COME)
        voucher.fetch_card()
        assert won_of(voucher.left()) == 4_000_000

    def buy(self, company: Page) -> int:
        """Step 5; the amount."""
        market = Market(company, axe.check)
        market.search(KEYWORD)
        market.open_service(SERVICE)
        assert market.supplier() == SUPPLIER
        deal = market.ask("직원 12명이 씁니다. 다음 주부터 1년 동안 쓰고 싶습니다.")
        selling = Supply(self.person(SELLER), axe.check)
        selling.open_consultation(APPLICANT.name)
        selling.accept()
        amount = selling.bill(plan=PLAN)
        market.pay_by_card(deal, card=CARD, expiry=EXPIRY, phone=self.phone, number=APPLICANT.phone)
        assert won_of(Voucher(company).left()) == 4_000_000 - amount
        return amount

    def read_papers(self, company: Page, amount: int) -> None:
        """Step 6: drawn by the worker, with both names and the amount in text that can be found."""
        for label in ("전표", "거래명세서"):
            text = papers.text_of(Market(company, axe.check).paper(label))
            for expected in (APPLICANT.name, SUPPLIER, f"{amount:,}", label):
                assert expected.replace(" ", "") in text, f"{expected!r} is not on the {label}"

    def settle(self, amount: int) -> None:
        """Step 7: who drafts never approves, and takes in no result."""
        drafting = console.Settlement(self.person("finance1"), axe.check)
        number = drafting.draft()
        drafting.decide("승인요청")
        approving = console.Settlement(self.person("finance2"), axe.check)
        approving.open(number)
        approving.decide("승인")
        transfers = approving.export(self.scratch)
        result = Bank(self.new_context().new_page(), self.system.settings.sandbox_url).carry_out(
            transfers, batch=number, into=self.scratch
        )
        approving.open(number)
        approving.take_result(result)
        approving.decide("마감")
        paid = Supply(self.person(SELLER), axe.check).settlement_of(APPLICANT.name)
        expect(paid).to_contain_text("지급완료")
        expect(paid).to_contain_text(won(amount))


@pytest.mark.slow
def test_from_the_application_to_the_paid_supplier(
    system: System,
    new_context: Callable[..., BrowserContext],
    person: Callable[..., Page],
    phone: Phone,
    scratch: Path,
    flask: Callable[..., Any],
) -> None:
    way = Journey(system=system, new_context=new_context, person=person, phone=phone, scratch=scratch)
    way.sign_up()
    way.screen()
    company = person(APPLICANT.login, APPLICANT.password)
    way.get_card(company)
    amount = way.buy(company)
    way.read_papers(company, amount)
    Market(company, axe.check).evaluate(SERVICE, score="5점", comment="설치부터 교육까지 막힘이 없었습니다.")
    way.settle(amount)
    assert flask("ledger", "verify") == {"holds": True, "problems": []}
    assert flask("audit", "verify") == {"holds": True, "problems": []}
