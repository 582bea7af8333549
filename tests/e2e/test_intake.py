"""K-Startup's files in an operator's hands, and the first log-in of a company that came by one: step 1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e import axe, papers
from tests.e2e.pages.common import decide, flashed, heading
from tests.e2e.pages.console import Intake, Screening
from tests.e2e.pages.outer import Phone
from tests.e2e.pages.voucher import Voucher

AGENCIES = ("대덕이노폴리스벤처협회", "벤처기업협회", "중소기업기술혁신협회(이노비즈협회)")
SELECTED = "2020-11-13"
NEW_PASSWORD = "Kstartup-2020!"
OPERATOR = "programme"


def company(place: int, *, instrument: str = "", **changes: str) -> tuple[str, ...]:
    row = {
        "아이디": f"kse2e{place:03}",
        "기업명": f"주식회사 반입{place:03}",
        "기업구분": "법인",
        "사업자등록번호": papers.business_number(f"31486{7000 + place}"),
        "대표자명": "서다온",
        "휴대폰번호": f"010-8240-{3000 + place}",
        "이메일": f"kse2e{place:03}@example.kr",
        "운영기관": AGENCIES[place % 3],
        "선정일": SELECTED,
        "결제수단": instrument,
    }
    assert set(changes) <= set(row)
    return tuple((row | changes).values())


RIGHT = papers.business_number("314867004")
WRONG_DIGIT = f"{RIGHT[:-1]}{(int(RIGHT[-1]) + 1) % 10}"
BOOK = (
    company(1, instrument="제로페이"),
    company(2, instrument="신한개인체크카드"),
    company(3),
    company(4, 사업자등록번호=WRONG_DIGIT),
    company(5, 휴대폰번호="02-123-4567"),
    company(6, 기업명="=HYPERLINK(1)"),
    company(7, 아이디="kse2e001"),
    company(8, 선정일="2020-13-40"),
)
BOOK_REFUSED = [(5, "사업자등록번호"), (6, "휴대폰번호"), (7, "기업명"), (8, "아이디"), (9, "선정일")]
TABLE = (
    company(11, instrument="제로페이"),
    company(12, 운영기관="없는기관"),
    company(13),
    company(14, 이메일="메일아님"),
    company(15, 대표자명=""),
)
TABLE_REFUSED = [(3, "운영기관"), (5, "이메일"), (6, "대표자명")]


def _refused(intake: Intake, expected: list[tuple[int, str]]) -> None:
    """Each with its row, its column and a reason in words."""
    listed = intake.refused()
    assert [(row, column) for row, column, _ in listed] == expected
    assert all(len(reason) > 5 for *_, reason in listed), listed


def test_a_spreadsheet_with_faults(person: Callable[..., Page], scratch: Path) -> None:
    """R-KST-1: previewed, refused row by row, taken in as one decision, and never twice."""
    page = person(OPERATOR)
    intake, file = Intake(page), papers.spreadsheet(scratch / "선정기업.xlsx", BOOK)
    intake.preview(file)
    counts = {label: intake.count(label) for label in ("전체 행", "반영 가능", "이미 반영", "거절")}
    assert counts == {"전체 행": 8, "반영 가능": 3, "이미 반영": 0, "거절": 5}
    _refused(intake, BOOK_REFUSED)
    axe.check(page)
    intake.take(3)
    _refused(intake, BOOK_REFUSED)

    intake.preview(file)
    assert (intake.count("반영 가능"), intake.count("이미 반영")) == (0, 3)
    expect(page.get_by_role("main")).to_contain_text("반영할 수 있는 행이 없습니다")
    queue = Screening(page)
    queue.search("반입00", state="all")
    # Without an instrument there is an account, and no application yet (R-KST-3).
    assert queue.states() == {"주식회사 반입001": "승인", "주식회사 반입002": "승인"}
    without = BOOK[2][0]
    heading(person(without, f"{without}1"), "인증번호 확인")  # R-KST-4


def test_a_korean_csv_with_faults(
    person: Callable[..., Page], scratch: Path, flask: Callable[..., Any]
) -> None:
    """The same in CP949, by the command and in the console."""
    file = papers.comma_separated(scratch / "선정기업.csv", TABLE)
    seen = flask("intake", "preview", str(file))
    assert set(seen) == {"rows", "good", "already", "refused"}
    assert (seen["rows"], seen["good"], seen["already"]) == (5, 2, 0)
    assert [set(fault) for fault in seen["refused"]] == [{"row", "column", "reason"}] * 3

    intake = Intake(person(OPERATOR))
    intake.preview(file)
    _refused(intake, TABLE_REFUSED)
    listed = [{"row": row, "column": column, "reason": reason} for row, column, reason in intake.refused()]
    assert listed == seen["refused"]
    intake.take(2)


def _sets_password(page: Page, phone: Phone, number: str) -> None:
    """The code that came by SMS, then the '비밀번호' popup, which takes the focus and keeps it."""
    heading(page, "인증번호 확인")
    axe.check(page)
    page.get_by_label("인증번호").fill(phone.code(number))
    page.get_by_role("button", name="확인", exact=True).click()
    popup = page.get_by_role("dialog", name="비밀번호")
    expect(popup.get_by_label("새 비밀번호", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    axe.check(page)
    popup.get_by_label("새 비밀번호", exact=True).fill(NEW_PASSWORD)
    popup.get_by_label("새 비밀번호 확인").fill(NEW_PASSWORD)
    popup.get_by_role("button", name="비밀번호 정하기").click()
    flashed(page, "새 비밀번호를 정했습니다")


@pytest.mark.parametrize(
    ("place", "instrument", "answer"),
    [
        (21, "제로페이", "모바일 상품권을 개설했습니다. 바로 쓸 수 있습니다."),
        (22, "신한개인체크카드", "카드 발급을 신청했습니다. 3일 안팎에 카드가 도착합니다."),
    ],
)
def test_with_an_instrument_its_person_opens_the_account(
    new_context: Callable[..., BrowserContext],
    log_in: Callable[..., None],
    phone: Phone,
    scratch: Path,
    flask: Callable[..., Any],
    place: int,
    instrument: str,
    answer: str,
) -> None:
    """R-KST-2, table 1's first column: '비밀번호 찾기', a code, the popup, log in, the issue."""
    chosen = company(place, instrument=instrument)
    login, number = chosen[0], chosen[5]
    file = papers.spreadsheet(scratch / "선정기업.xlsx", [chosen])
    assert flask("intake", "import", str(file), "--yes")["imported"] == 1
    page = new_context().new_page()
    page.goto("/login")
    page.get_by_role("main").get_by_role("link", name="비밀번호 찾기").click()
    page.get_by_label("아이디").fill(login)
    page.get_by_label("휴대폰 번호").fill(number)
    phone.forget(number)
    page.get_by_role("button", name="인증요청").click()
    _sets_password(page, phone, number)
    log_in(page, login, NEW_PASSWORD)
    voucher = Voucher(page)
    assert voucher.state() == "승인"
    if instrument == "신한개인체크카드":
        voucher.verify_person(phone, name=chosen[4], birth7="8112311", number=number)
    voucher.ask_for_issue(answer=answer)
    axe.check(page)
    shown = "신한은행 ****7890" if instrument == "신한개인체크카드" else "제로페이 상품권"
    expect(page.get_by_role("main")).to_contain_text(shown)


def test_without_an_instrument_its_person_applies(
    person: Callable[..., Page],
    log_in: Callable[..., None],
    phone: Phone,
    scratch: Path,
    flask: Callable[..., Any],
) -> None:
    """R-KST-3, R-KST-4, the second column: the first password, details, papers, instrument, '사업 신청'."""
    row = company(31)
    login, number = row[0], row[5]
    file = papers.spreadsheet(scratch / "선정기업.xlsx", [row])
    assert flask("intake", "import", str(file), "--yes")["imported"] == 1
    phone.forget(number)
    page = person(login, f"{login}1")
    page.goto("/company")
    heading(page, "로그인")  # R-KST-4: it opened nothing
    page.goto("/password/code")
    _sets_password(page, phone, number)
    log_in(page, login, NEW_PASSWORD)
    assert Voucher(page).state() == "신청 전"
    expect(page.get_by_role("main")).to_contain_text("사업 신청 전에 마칠 것")

    page.goto("/company/profile/edit")
    page.get_by_label("업종").fill("소프트웨어 개발 및 공급업")
    page.get_by_label("주소").fill("대전광역시 유성구 대학로 99")
    page.get_by_role("button", name="저장").click()
    flashed(page, "기업정보를 저장했습니다")
    page.goto("/company/profile/documents")
    for title in ("사업자등록증", "국세·지방세 완납증명서", "법인 등기부등본"):
        paper = papers.pdf(scratch, title, [title, row[1]])
        page.get_by_label(title, exact=True).set_input_files(paper)
    page.get_by_role("button", name="등록", exact=True).click()
    flashed(page, "서류를 등록했습니다")
    who = {"name": row[4], "birth7": "8203052", "number": number}
    Voucher(page).verify_person(phone, **who, role="대표자")
    Voucher(page).choose("신한개인체크카드")
    axe.check(page)

    page.goto("/company/status")
    decide(page, page.get_by_role("button", name="사업 신청"))
    flashed(page, "접수되었습니다")
    assert Voucher(page).state() == "심사중"
    page.goto("/voucher")
    expect(page.get_by_role("main")).to_contain_text(
        "현재 상태가 ‘심사중’이라서 바우처 신청(발급)을 할 수 없습니다"
    )
    expect(page.get_by_role("button", name="발급신청")).to_have_count(0)
