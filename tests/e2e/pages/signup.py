"""회원가입 of a demand company, page by page (R-JOIN-1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.pages.common import heading, tick
from tests.e2e.pages.outer import Phone


@dataclass(frozen=True)
class Applicant:
    """A company that does not exist, and its representative."""

    login: str
    password: str
    name: str
    business_number: str
    representative: str
    birth7: str
    phone: str
    instrument: str
    agency: str


class SignUp:
    """`look` is called on every page that a person sees on the way."""

    def __init__(self, page: Page, phone: Phone, look: Callable[[Page], None]) -> None:
        self.page, self.phone, self.look = page, phone, look

    def _next(self, label: str = "다음") -> None:
        self.look(self.page)
        self.page.get_by_role("button", name=label, exact=True).click()

    def apply(self, applicant: Applicant, papers: dict[str, Path]) -> str:
        """From the first page to the receipt; returns its number."""
        self.page.goto("/signup")
        self._next("회원가입 시작")
        self._terms()
        self._verify(applicant)
        self._account(applicant)
        self._details(applicant)
        self._contact()
        self._documents(papers)
        self._instrument(applicant)
        return self._submit(applicant)

    def _terms(self) -> None:
        heading(self.page, "약관동의")
        tick(self.page.get_by_label("전체 동의"))
        self._next()

    def _verify(self, applicant: Applicant) -> None:
        heading(self.page, "본인인증")
        tick(self.page.get_by_label("대표자", exact=True))
        self.page.get_by_label("이름").fill(applicant.representative)
        self.page.get_by_label("생년월일과 주민등록번호 뒤 첫 자리").fill(applicant.birth7)
        self.page.get_by_label("통신사").select_option("KT")
        self.page.get_by_label("휴대폰 번호").fill(applicant.phone)
        self._next("인증번호 받기")
        heading(self.page, "인증번호 확인")
        self.page.get_by_label("인증번호").fill(self.phone.code(applicant.phone))
        self._next("확인")

    def _account(self, applicant: Applicant) -> None:
        heading(self.page, "로그인 정보")
        self.page.get_by_label("아이디").fill(applicant.login)
        self.page.get_by_label("비밀번호", exact=True).fill(applicant.password)
        self.page.get_by_label("비밀번호 확인").fill(applicant.password)
        self._next()

    def _details(self, applicant: Applicant) -> None:
        heading(self.page, "기업정보")
        tick(self.page.get_by_label("법인"))
        self.page.get_by_label("사업자등록번호").fill(applicant.business_number)
        self.page.get_by_label("기업명").fill(applicant.name)
        # What the phone's owner is called is known already.
        expect(self.page.get_by_label("대표자명")).to_have_value(applicant.representative)
        self.page.get_by_label("업종").fill("서비스업(소프트웨어 개발)")
        self.page.get_by_label("주소").fill("대전광역시 유성구 대학로 99, 3층")
        self.page.get_by_label("기업 이메일").fill(f"{applicant.login}@example.kr")
        self._next()

    def _contact(self) -> None:
        heading(self.page, "담당자 정보")
        tick(self.page.get_by_label("대표자와 동일"))
        tick(self.page.get_by_label("본인인증한 사람이 결제합니다"))
        self._next()

    def _documents(self, papers: dict[str, Path]) -> None:
        heading(self.page, "제출 서류")
        for label, path in papers.items():
            self.page.get_by_label(label, exact=True).set_input_files(path)
        self._next("저장하고 다음")

    def _instrument(self, applicant: Applicant) -> None:
        heading(self.page, "결제수단과 운영기관")
        tick(self.page.get_by_label(applicant.instrument, exact=True))
        tick(self.page.get_by_label(applicant.agency))
        self._next()

    def _submit(self, applicant: Applicant) -> str:
        heading(self.page, "입력한 내용 확인")
        expect(self.page.get_by_role("main")).to_contain_text(applicant.name)
        self._next("회원가입(심사접수)")
        heading(self.page, "회원가입(심사접수) 완료")
        self.look(self.page)
        receipt = self.page.get_by_role("region", name="접수되었습니다")
        return receipt.locator("p").nth(1).inner_text()
