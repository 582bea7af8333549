"""The agencies' console: screening, budget, intake, settlement."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.pages.common import decide, fetch, flashed, heading, tick


def press(page: Page, label: str) -> None:
    """A decision at the foot of a case; some ask first, by what their form says."""
    bar, button = page.get_by_role("group", name="처리"), page.get_by_role("button", name=label, exact=True)
    form = bar.locator("form").filter(has=button)
    button, asks = form.get_by_role("button"), form.get_attribute("data-confirm")
    if asks:
        decide(page, button, label)
    else:
        button.click()
    flashed(page, f"'{label}' 처리했습니다")


class Screening:
    """심사 of a case (R-SCR-3)."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def search(self, words: str, *, state: str = "screening") -> None:
        self.page.goto(f"/console/screening/?state={state}")
        self.page.get_by_label("검색어").fill(words)
        self.page.get_by_role("button", name="조회").click()
        self.page.wait_for_url("**q=**")

    def states(self) -> dict[str, str]:
        """Company -> state of its application, as the list shows them."""
        titles = [title.strip() for title in self.page.get_by_role("columnheader").all_inner_texts()]
        name, state = titles.index("기업명"), titles.index("상태")
        rows = [line.get_by_role("cell").all_inner_texts() for line in self.page.get_by_role("row").all()[1:]]
        return {cells[name].strip(): cells[state].strip() for cells in rows}

    def open(self, company: str) -> None:
        self.search(company)
        self.page.get_by_role("link", name=company, exact=True).click()
        heading(self.page, company)

    def read_documents(self) -> list[tuple[str, bytes]]:
        """Open each of the papers beside the fields, and fetch what the frame shows."""
        pane = self.page.get_by_role("region", name="제출 서류")
        found = []
        for name in pane.get_by_role("listitem").all_inner_texts():
            pane.get_by_role("link", name=name.strip(), exact=True).click()
            frame = pane.locator("iframe")
            expect(frame).to_have_attribute("title", re.compile(f"^{re.escape(name.strip())}:"))
            answer = fetch(self.page, (frame.get_attribute("src") or "").partition("#")[0])
            found.append((name.strip(), answer.body()))
        return found

    def decide(self, label: str) -> None:
        press(self.page, label)


class Budget:
    """예산확정 of the cases that the agencies have screened (R-SCR-4)."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def confirm(self, company: str) -> None:
        self.page.goto("/console/budget/")
        self.page.get_by_label("검색어").fill(company)
        self.page.get_by_role("button", name="조회").click()
        tick(self.page.get_by_label(f"{company} 선택"))
        self.page.get_by_role("button", name="선택한 기업 예산확정").click()
        heading(self.page, "일괄 예산확정 미리보기")
        expect(self.page.get_by_role("row").filter(has_text=company)).to_be_visible()
        decide(self.page, self.page.get_by_role("button", name="1건 예산확정 실행"))
        heading(self.page, "일괄 예산확정")
        # A worker takes it up; the page looks for itself how far it is.
        done = "처리됨 1건, 처리하지 못함 0건, 남음 0건"
        expect(self.page.get_by_role("main")).to_contain_text(done, timeout=30_000)


class Settlement:
    """정산 from draft to close (R-SET-2)."""

    def __init__(self, page: Page, look: Callable[[Page], None]) -> None:
        self.page, self.look = page, look

    def draft(self) -> str:
        """By today's cut-off; returns the batch's number."""
        self.page.goto("/console/ripe/")
        self.page.get_by_role("button", name="기준으로 정산 작성").click()
        flashed(self.page, "작성했습니다")
        return self.page.get_by_role("heading", level=1).inner_text().removeprefix("정산").strip()

    def open(self, number: str) -> None:
        self.page.goto("/console/settlement/")
        self.page.get_by_role("link", name=number, exact=True).click()
        heading(self.page, f"정산 {number}")

    def decide(self, label: str) -> None:
        press(self.page, label)
        self.look(self.page)

    def export(self, into: Path) -> Path:
        """The file for the bank."""
        with self.page.expect_download() as download:
            decide(self.page, self.page.get_by_role("button", name="이체파일 내보내기"))
        transfers = into / download.value.suggested_filename
        download.value.save_as(transfers)
        return transfers

    def take_result(self, result: Path) -> None:
        self.page.get_by_label("은행 이체결과 파일").set_input_files(result)
        self.page.get_by_role("button", name="결과 파일 확인").click()
        heading(self.page, re.compile("이체결과 미리보기"))
        self.look(self.page)
        decide(self.page, self.page.get_by_role("button", name="결과 반영"))
        flashed(self.page, "지급완료")


class Intake:
    """K-Startup 반입: preview, then one confirmed decision (R-KST-1)."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def preview(self, file: Path) -> None:
        self.page.goto("/console/intake/")
        self.page.get_by_label("선정기업 파일").set_input_files(file)
        self.page.get_by_role("button", name="미리보기").click()
        heading(self.page, "반입 미리보기")

    def count(self, label: str) -> int:
        """One of the numbers above the list: 전체 행, 반영 가능, 이미 반영, 거절."""
        entry = self.page.get_by_role("main").get_by_role("listitem")
        entry = entry.filter(has=self.page.get_by_text(label, exact=True))
        found = re.search(r"([\d,]+)건", entry.inner_text())
        assert found
        return int(found[1].replace(",", ""))

    def refused(self) -> list[tuple[int, str, str]]:
        """Row, column and reason, as they are listed."""
        table = self.page.get_by_role("table", name="거절된 행과 사유")
        rows = [line.get_by_role("cell").all_inner_texts() for line in table.get_by_role("row").all()[1:]]
        return [(int(number), column, reason) for number, column, reason in rows]

    def take(self, good: int) -> None:
        decide(self.page, self.page.get_by_role("button", name=f"{good}건 반영", exact=True), "반영")
        heading(self.page, "반입 결과")
        flashed(self.page, f"{good}건을 반영했습니다")
