"""Where a sign-up does not go straight: not eligible, taken up on another device, a paper on a slow line."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from sandbox import behaviours
from tests.e2e import axe, papers
from tests.e2e.pages.common import heading
from tests.e2e.pages.outer import Phone
from tests.e2e.pages.signup import Applicant, SignUp

NewContext = Callable[..., BrowserContext]
APPLICANT = Applicant(
    login="detourcorp",
    password="Way-around-2020",
    name="주식회사 에움길",
    business_number=papers.business_number("724810947"),
    representative="한누리",
    birth7="8103152",
    phone="010-8120-5581",
    instrument="제로페이 모바일 상품권",
    agency="벤처기업협회",
)
# Bytes a second, and a paper that takes some seconds at that.
SLOW, LARGE = 1_500_000, 6_000_000


def to_the_papers(page: Page, phone: Phone) -> None:
    """As far as 서류, with a number that the tax office calls closed on the way (R-JOIN-4)."""
    walk = SignUp(page, phone, axe.check)
    page.goto("/signup")
    page.get_by_role("button", name="회원가입 시작").click()
    walk._terms()
    walk._verify(APPLICANT)
    walk._account(APPLICANT)
    walk._details(dataclasses.replace(APPLICANT, business_number=behaviours.business_number("03")))
    heading(page, "지금은 신청할 수 없습니다")
    axe.check(page)
    page.get_by_role("link", name="기업정보 고치기").click()
    expect(page.get_by_label("기업명")).to_have_value(APPLICANT.name)
    walk._details(APPLICANT)
    walk._contact()
    heading(page, "제출 서류")


def test_a_half_filled_sign_up_goes_on_on_another_device(new_context: NewContext, phone: Phone) -> None:
    """R-JOIN-8: the same person, by 본인인증 with another phone; the first device then shows the same."""
    first, second = new_context().new_page(), new_context().new_page()
    to_the_papers(first, phone)
    walk = SignUp(second, phone, axe.check)
    second.goto("/signup")
    second.get_by_role("button", name="회원가입 시작").click()
    walk._terms()
    walk._verify(dataclasses.replace(APPLICANT, phone="010-8120-5582"))
    heading(second, "작성하던 신청서가 있습니다")
    axe.check(second)
    expect(second.get_by_role("main")).to_contain_text(APPLICANT.name)
    second.get_by_role("button", name="이어서 작성하기").click()
    heading(second, "제출 서류")


def test_a_paper_on_a_slow_line_shows_how_far_it_is(
    new_context: NewContext, phone: Phone, tmp_path: Path
) -> None:
    """R-FILE-1: real bytes, read aloud too; it can be stopped and sent again."""
    page = new_context().new_page()
    walk = SignUp(page, phone, axe.check)
    page.goto("/signup")
    page.get_by_role("button", name="회원가입 시작").click()
    walk._terms()
    applicant = dataclasses.replace(
        APPLICANT,
        representative="한나래",
        login="slowlinecorp",
        phone="010-8120-5583",
        business_number=papers.business_number("724810953"),
    )
    walk._verify(applicant)
    walk._account(applicant)
    walk._details(applicant)
    walk._contact()
    heading(page, "제출 서류")
    large = tmp_path / "완납증명서.pdf"
    large.write_bytes(b"%PDF-1.7\n" + b"0" * LARGE + b"\n%%EOF\n")
    for field in page.locator("input[type=file]").all():
        field.set_input_files(large)
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    speed = {"offline": False, "latency": 0, "downloadThroughput": -1}
    line.send("Network.emulateNetworkConditions", speed | {"uploadThroughput": SLOW})
    page.get_by_role("button", name="저장하고 다음").click()
    bar = page.get_by_role("progressbar")
    expect(bar).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="업로드 중")).to_have_count(1)
    axe.check(page)
    page.get_by_role("button", name="업로드 취소").click()
    expect(page.get_by_role("alert").filter(has_text="업로드를 취소했습니다")).to_be_visible()
    line.send("Network.emulateNetworkConditions", speed | {"uploadThroughput": -1})
    page.get_by_role("button", name="저장하고 다음").click()
    heading(page, "결제수단과 운영기관")
