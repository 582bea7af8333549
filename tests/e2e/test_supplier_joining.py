"""A supplier joins, mends what it is asked to, is selected, and comes home (R-SUP-1, R-SET-1, R-SCR-3a)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e import axe, papers
from tests.e2e.pages.common import decide, flashed, heading
from tests.e2e.pages.outer import Phone
from tests.e2e.pages.supplier_signup import Newcomer, Selection, SupplierSignUp

NEWCOMER = Newcomer(
    login="hwasangstudio",
    password="Sell-remote-2020",
    name="주식회사 화상스튜디오",
    business_number=papers.business_number("731810955"),
    representative="모란희",
    birth7="8002022",
    phone="010-8120-7701",
    account_number="110-202-040001",
)
PAPERS = ("사업자등록증", "국세·지방세 완납증명서", "통장 사본", "법인 등기부등본")
EXPIRED = "국세·지방세 완납증명서의 유효기간이 지났습니다."


@pytest.mark.slow
def test_from_the_public_menu_to_the_suppliers_home(
    new_context: Callable[..., BrowserContext],
    person: Callable[..., Page],
    phone: Phone,
    tmp_path: Path,
) -> None:
    files = {label: papers.pdf(tmp_path, label, [f"상호: {NEWCOMER.name}"]) for label in PAPERS}
    receipt = SupplierSignUp(new_context().new_page(), phone, axe.check).apply(NEWCOMER, files)
    assert receipt.startswith("S2020-"), receipt

    desk = Selection(person("programme"), axe.check)
    desk.open(NEWCOMER.name)
    main = desk.page.get_by_role("main")
    for answer in ("계속사업자", f"예금주 {NEWCOMER.name}", f"{NEWCOMER.representative} (대표자)"):
        expect(main).to_contain_text(answer)
    looked_at = desk.read_documents()
    assert set(looked_at) == set(PAPERS)
    assert NEWCOMER.name.replace(" ", "") in papers.text_of(looked_at["사업자등록증"])
    desk.tick("account")
    desk.ask_for(reason=EXPIRED, mark="국세·지방세 완납증명서")

    seller = person(NEWCOMER.login, NEWCOMER.password)
    mend(seller, papers.pdf(tmp_path, "새 완납증명서", [NEWCOMER.name]))

    desk.open(NEWCOMER.name)
    expect(main).to_contain_text("보완하여 다시 제출했습니다")
    expect(main).to_contain_text("새 완납증명서.pdf")
    desk.select()

    seller.goto("/supply")
    heading(seller, "공급기업 홈")
    expect(seller.get_by_role("main")).to_contain_text("판매할 서비스를 등록해 주세요.")
    axe.check(seller)


def mend(page: Page, paper: Path) -> None:
    """Exactly what is marked; everything else is kept."""
    page.goto("/supply/profile")
    expect(page.get_by_role("main")).to_contain_text(EXPIRED)
    axe.check(page)
    page.get_by_role("link", name="국세·지방세 완납증명서", exact=True).first.click()
    heading(page, "서류 교체")
    axe.check(page)
    page.get_by_label("국세·지방세 완납증명서", exact=True).set_input_files(paper)
    page.get_by_role("button", name="등록", exact=True).click()
    flashed(page, "서류를 등록했습니다")
    decide(page, page.get_by_role("button", name="보완 제출", exact=True))
    flashed(page, "보완한 내용을 제출했습니다")


def test_what_the_demonstration_left_to_mend_is_marked(person: Callable[..., Page]) -> None:
    """R-SCR-3a"""
    page = person("supplier13")
    for address, title in (
        ("/supply/profile", "기업정보·계좌"),
        ("/supply/profile/edit", "기업정보 고치기"),
        ("/supply/profile/documents", "서류 교체"),
        ("/supply/profile/account", "정산 계좌 변경"),
        ("/supply/profile/edits", "기업정보 수정 이력"),
    ):
        page.goto(address)
        heading(page, title)
        axe.check(page)
