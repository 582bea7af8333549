"""공급기업 가입, page by page, and its selection in the console (R-SUP-1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.pages.common import decide, fetch, flashed, heading, tick
from tests.e2e.pages.outer import Phone


@dataclass(frozen=True)
class Newcomer:
    """A supplier that does not exist, and its representative."""

    login: str
    password: str
    name: str
    business_number: str
    representative: str
    birth7: str
    phone: str
    account_number: str


class SupplierSignUp:
    """`look` is called on every page that a person sees on the way."""

    def __init__(self, page: Page, phone: Phone, look: Callable[[Page], None]) -> None:
        self.page, self.phone, self.look = page, phone, look

    def _next(self, label: str = "다음") -> None:
        self.look(self.page)
        self.page.get_by_role("button", name=label, exact=True).click()

    def apply(self, one: Newcomer, papers: dict[str, Path]) -> str:
        """From the public menu to the receipt; returns its number."""
        self.page.goto("/suppliers")
        self.look(self.page)
        self.page.get_by_role("main").get_by_role("link", name="공급기업 가입").click()
        self._next("공급기업 가입 시작")
        heading(self.page, "약관동의")
        tick(self.page.get_by_label("전체 동의"))
        self._next()
        self._verify(one)
        self._account(one)
        self._details(one)
        self._bank(one)
        heading(self.page, "제출 서류")
        for label, path in papers.items():
            self.page.get_by_label(label, exact=True).set_input_files(path)
        self._next("저장하고 다음")
        return self._submit(one)

    def _verify(self, one: Newcomer) -> None:
        heading(self.page, "본인인증")
        tick(self.page.get_by_label("대표자", exact=True))
        self.page.get_by_label("이름").fill(one.representative)
        self.page.get_by_label("생년월일과 주민등록번호 뒤 첫 자리").fill(one.birth7)
        self.page.get_by_label("통신사").select_option("KT")
        self.page.get_by_label("휴대폰 번호").fill(one.phone)
        self._next("인증번호 받기")
        heading(self.page, "인증번호 확인")
        self.page.get_by_label("인증번호").fill(self.phone.code(one.phone))
        self._next("확인")

    def _account(self, one: Newcomer) -> None:
        heading(self.page, "로그인 정보")
        self.page.get_by_label("아이디").fill(one.login)
        self.page.get_by_label("비밀번호", exact=True).fill(one.password)
        self.page.get_by_label("비밀번호 확인").fill(one.password)
        self._next()

    def _details(self, one: Newcomer) -> None:
        heading(self.page, "기업정보")
        tick(self.page.get_by_label("법인"))
        self.page.get_by_label("사업자등록번호").fill(one.business_number)
        self.page.get_by_label("기업명").fill(one.name)
        # What the phone's owner is called is known already.
        expect(self.page.get_by_label("대표자명")).to_have_value(one.representative)
        self.page.get_by_label("대표 전화").fill("02-6010-1234")
        self.page.get_by_label("이메일").fill(f"{one.login}@example.kr")
        self.page.get_by_label("주소").fill("대전광역시 유성구 대학로 99, 5층")
        self.page.get_by_label("기업 소개").fill("화상교육을 만들고 운영합니다.")
        self._next()

    def _bank(self, one: Newcomer) -> None:
        """The bank is asked whose account it is (R-SET-1)."""
        heading(self.page, "정산 계좌")
        self.page.get_by_label("은행").select_option("088")
        self.page.get_by_label("계좌번호").fill(one.account_number)
        self._next("예금주 확인하고 다음")
        flashed(self.page, "예금주를 확인했습니다")

    def _submit(self, one: Newcomer) -> str:
        heading(self.page, "입력한 내용 확인")
        expect(self.page.get_by_role("main")).to_contain_text(one.name)
        self._next("공급기업 신청하기")
        heading(self.page, "공급기업 신청 완료")
        self.look(self.page)
        receipt = self.page.get_by_role("region", name="접수되었습니다")
        return receipt.locator("p").nth(1).inner_text()


class Selection:
    """공급기업 in the console of the lead agency."""

    def __init__(self, page: Page, look: Callable[[Page], None]) -> None:
        self.page, self.look = page, look

    def open(self, name: str, *, state: str = "screening") -> None:
        self.page.goto(f"/console/suppliers/?state={state}")
        self.look(self.page)
        self.page.get_by_role("link", name=name, exact=True).click()
        heading(self.page, name)
        self.look(self.page)

    def read_documents(self) -> dict[str, bytes]:
        """Open each of the papers beside the fields, and fetch what the frame shows."""
        pane = self.page.get_by_role("region", name="제출 서류")
        found = {}
        for name in [text.strip() for text in pane.get_by_role("listitem").all_inner_texts()]:
            link = pane.get_by_role("link", name=name, exact=True)
            # The open one is there: asked for again, it would come while the next is asked for.
            if link.get_attribute("aria-current") is None:
                link.click()
            frame = pane.locator(f"iframe[title^='{name}:']")
            expect(frame).to_be_visible()
            found[name] = fetch(self.page, (frame.get_attribute("src") or "").partition("#")[0]).body()
        return found

    def tick(self, field: str) -> None:
        """맞음, kept at once. The label is what one sees of it."""
        self.page.locator(f"label[for='check-{field}-ok']").click()
        expect(self.page.locator("#tally")).to_contain_text("저장했습니다")

    def ask_for(self, *, reason: str, mark: str) -> None:
        """보완요청 with a reason of the list, which ticks what it names."""
        bar = self.page.get_by_role("group", name="처리")
        bar.get_by_role("link", name="보완요청", exact=True).click()
        tick(self.page.get_by_label(reason))
        expect(self.page.get_by_role("group", name="고칠 항목").get_by_label(mark)).to_be_checked()
        expect(self.page.get_by_role("region", name="공급기업이 읽을 내용")).to_contain_text(reason)
        self.look(self.page)
        decide(self.page, self.page.get_by_role("button", name="보완요청", exact=True))
        flashed(self.page, "'보완요청' 처리했습니다")

    def select(self) -> None:
        bar = self.page.get_by_role("group", name="처리")
        bar.get_by_role("button", name="선정", exact=True).click()
        flashed(self.page, "'선정' 처리했습니다")
