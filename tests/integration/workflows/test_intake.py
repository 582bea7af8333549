"""K-Startup intake: small files of our own that hold every kind of fault."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput
from app.models.applications import Application, ApplicationState
from app.models.companies import Company
from app.models.intake import IntakeState
from app.models.ledger import LedgerAccount
from app.models.numbers import complete_business_number
from app.models.people import Account
from app.models.vouchers import InstrumentState
from app.policy import Role
from app.workflows import accounts, instruments, intake, intake_reads, ledger, record, vouchers
from app.workflows.intake_rows import COLUMNS
from tests import factories
from tests.integration.workflows import joining

pytestmark = pytest.mark.usefixtures("tx")
NOW = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)


@pytest.fixture
def stage(tx: object) -> joining.Stage:
    with clock.at(NOW):
        return joining.set_stage(vouchers=5, year=2020)


def line(stage: joining.Stage, n: int, **changes: Any) -> list[Any]:
    good = {
        "kstartup_id": f"start_{n:03}",
        "name": f"주식회사 뷁테크{n}",
        "kind": "법인",
        "business_number": complete_business_number(f"{330000000 + n * 3}"),
        "representative": "김대표",
        "phone": f"010-1234-{n:04}",
        "email": f"ceo{n}@example.co.kr",
        "agency": stage.agency.name,
        "selected_on": "2020-11-01",
        "instrument": "",
    }
    return list((good | changes).values())


def as_csv(lines: list[list[Any]], encoding: str = "cp949") -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([list(COLUMNS.values()), *lines])
    return text.getvalue().encode(encoding)


def as_xlsx(lines: list[list[Any]]) -> bytes:
    book = Workbook()
    assert book.active is not None
    for row in [list(COLUMNS.values()), *lines]:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def preview(stage: joining.Stage, content: bytes, name: str = "명단.csv") -> Any:
    with clock.at(NOW):
        return intake.preview(
            actor=stage.officer, programme_id=stage.programme.id, file_name=name, content=content
        )


def confirm(stage: joining.Stage, intake_id: int) -> Any:
    with clock.at(NOW):
        return intake.confirm(actor=stage.officer, intake_id=intake_id)


FAULTS: list[tuple[str, Any, str]] = [
    ("kstartup_id", "", "비어"),
    ("kstartup_id", "가나다", "영문"),
    ("name", "", "비어"),
    ("name", "가" * 101, "100자"),
    ("name", '=HYPERLINK("x")', "시작하는"),
    ("representative", "@SUM(1)", "시작하는"),
    ("representative", "+82", "시작하는"),
    ("email", "-x@example.kr", "시작하는"),
    ("kind", "재단", "개인"),
    ("business_number", "123-45-67890", "검증번호"),
    ("business_number", "000-00-00000", "검증번호"),
    ("phone", "", "비어"),
    ("phone", "02-123", "휴대전화"),
    ("phone", "1012345678", "앞의 0"),
    ("email", "없음", "이메일"),
    ("agency", "없는협회", "운영기관"),
    ("selected_on", "", "비어"),
    ("selected_on", "2020-13-45", "날짜"),
    ("selected_on", "2020/11/01", "날짜"),
    ("instrument", "현금", "결제수단"),
    ("name", "두\n줄", "줄바꿈"),
]


@pytest.mark.parametrize("encoding", ["cp949", "utf-8-sig", "utf-8"])
def test_every_fault_is_refused_with_row_column_and_reason(stage: joining.Stage, encoding: str) -> None:
    """R-KST-1"""
    lines = [line(stage, 0)] + [line(stage, n, **{f: v}) for n, (f, v, _) in enumerate(FAULTS, 1)]
    lines.append(line(stage, 900, kstartup_id="START_000"))
    lines.append(line(stage, 901, business_number=line(stage, 0)[3].replace("-", "")))
    found = preview(stage, as_csv(lines, encoding))
    assert (found.rows, found.good, found.already) == (len(FAULTS) + 3, 1, 0)
    for n, (field, _, words) in enumerate(FAULTS):
        refused = found.refused[n]
        assert (refused["row"], refused["column"]) == (n + 3, COLUMNS[field])
        assert words in refused["reason"]
    later_id, later_number = found.refused[-2:]
    assert (later_id["column"], later_id["reason"]) == ("아이디", "2행에 같은 값이 있습니다.")
    assert (later_number["row"], later_number["column"]) == (len(FAULTS) + 4, "사업자등록번호")
    assert "=HYPERLINK" not in str(found.refused) + (found.good_rows or "")


def test_nothing_of_a_refused_row_is_kept(stage: joining.Stage) -> None:
    """R-KST-1"""
    found = preview(stage, as_csv([line(stage, 1), line(stage, 2, kind="재단", name="비밀상사")]))
    assert "비밀상사" not in (found.good_rows or "")
    confirm(stage, found.id)
    assert found.good_rows is None and found.imported == 1
    assert db.session.scalar(select(func.count()).select_from(Company)) == 1


def test_a_spreadsheet_with_its_own_dates_and_numbers(stage: joining.Stage) -> None:
    """R-KST-1: XLSX; a blank line keeps the numbering of the lines after it."""
    number = complete_business_number("440000001")
    lines: list[list[Any]] = [
        line(stage, 1, selected_on=date(2020, 10, 31), business_number=int(number)),
        [None] * 10,
        line(stage, 2, selected_on=NOW.replace(tzinfo=None), instrument=None),
        line(stage, 3, name="=1+1"),
    ]
    found = preview(stage, as_xlsx(lines), "명단.xlsx")
    assert (found.rows, found.good) == (3, 2)
    assert found.refused == [{"row": 5, "column": "기업명", "reason": found.refused[0]["reason"]}]
    confirm(stage, found.id)
    company = db.session.scalar(select(Company).where(Company.kstartup_id == "start_001"))
    assert company is not None and company.business_number == number


def test_with_an_instrument_the_company_has_its_voucher(stage: joining.Stage) -> None:
    """R-KST-2: the clocks begin on the file's selection date."""
    found = preview(stage, as_csv([line(stage, 1, instrument="제로페이", selected_on="2020-10-31")]))
    confirm(stage, found.id)
    application = db.session.scalars(select(Application)).one()
    voucher = vouchers.of_company(application.company_id)
    assert application.state is ApplicationState.APPROVED and voucher is not None
    assert clock.write_deadline(voucher.first_payment_by) == "2020.11.30.(월) 24:00까지"
    assert clock.write_deadline(voucher.full_use_by) == "2021.06.30.(수) 24:00까지"
    assert vouchers.left(voucher) == (3_600_000, 400_000)
    assert ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id) == 4 * 3_600_000
    chosen = instruments.of_company(application.company_id)
    assert chosen is not None and chosen.state is InstrumentState.CHOSEN
    assert ledger.verify() == [] and record.verify() == []
    account = db.session.scalars(select(Account).where(Account.login == "start_001")).one()
    assert not account.opens_by_code_only
    with pytest.raises(accounts.SignInRefused, match="account.wrong"):
        accounts.authenticate(login="start_001", password="start_0011", ip=None)


def test_without_an_instrument_the_initial_password_opens_only_the_code_step(stage: joining.Stage) -> None:
    """R-KST-3, R-KST-4"""
    confirm(stage, preview(stage, as_csv([line(stage, 1)])).id)
    application = db.session.scalars(select(Application)).one()
    assert application.state is ApplicationState.NOT_APPLIED and application.submitted_at is None
    with clock.at(NOW):
        assert accounts.authenticate(login="start_001", password="start_0011", ip=None).code_only
    lapsed = clock.end_of(NOW.date() + clock.timedelta(days=stage.programme.initial_password_days))
    with clock.at(lapsed - clock.timedelta(seconds=1)):
        assert accounts.authenticate(login="start_001", password="start_0011", ip=None).code_only
    with clock.at(lapsed), pytest.raises(accounts.SignInRefused, match="account.initial_lapsed") as refusal:
        accounts.authenticate(login="start_001", password="start_0011", ip=None)
    assert "'비밀번호 찾기'에서 새 비밀번호를 정해 주세요" in refusal.value.text


def test_the_programme_says_when_the_initial_password_lapses(stage: joining.Stage) -> None:
    """R-KST-4"""
    stage.programme.initial_password_days = 3
    db.session.commit()
    confirm(stage, preview(stage, as_csv([line(stage, 1)])).id)
    account = accounts.find("start_001")
    assert account is not None
    assert account.initial_password_lapses_at == clock.end_of(NOW.date() + clock.timedelta(days=3))


def test_the_preview_says_what_each_agency_gets(stage: joining.Stage) -> None:
    """R-KST-1: before the one decision, with what the budget lacks for it."""
    rows = [line(stage, n, instrument="제로페이" if n <= 6 else "") for n in range(1, 9)]
    seen = preview(stage, as_csv(rows))
    (part,) = intake_reads.breakdown(actor=stage.officer, intake=seen)
    assert (part.agency.id, part.approved, part.accounts) == (stage.agency.id, 6, 2)
    assert (part.grant, part.free, part.short) == (6 * 3_600_000, 5 * 3_600_000, 3_600_000)
    with pytest.raises(Conflict, match="intake.no_budget"):
        confirm(stage, seen.id)
    fits = preview(stage, as_csv(rows[1:]))
    confirm(stage, fits.id)
    assert intake_reads.breakdown(actor=stage.officer, intake=fits) == []
    with pytest.raises(Denied):
        intake_reads.breakdown(actor=factories.make_actor(Role.REVIEWER), intake=fits)


def test_a_file_taken_in_twice_adds_nothing(stage: joining.Stage) -> None:
    """R-KST-1"""
    content = as_csv([line(stage, 1, instrument="제로페이"), line(stage, 2), line(stage, 3, kind="재단")])
    first = preview(stage, content)
    assert confirm(stage, first.id).imported == 2
    assert confirm(stage, first.id).imported == 2
    again = preview(stage, content)
    assert (again.rows, again.good, again.already, len(again.refused)) == (3, 0, 2, 1)
    assert confirm(stage, again.id).imported == 0
    assert again.state is IntakeState.IMPORTED
    assert db.session.scalar(select(func.count()).select_from(Company)) == 2


def test_two_previews_of_one_file_take_it_in_once(stage: joining.Stage) -> None:
    """R-KST-1"""
    content = as_csv([line(stage, 1), line(stage, 2)])
    one, two = preview(stage, content), preview(stage, content)
    assert confirm(stage, one.id).imported == 2
    assert confirm(stage, two.id).imported == 0


def test_all_or_none_when_the_budget_ends(stage: joining.Stage) -> None:
    """R-KST-1, R-MONEY-4"""
    lines = [line(stage, n, instrument="신한개인체크카드") for n in range(6)]
    found = preview(stage, as_csv(lines))
    with pytest.raises(Conflict, match="intake.no_budget") as refusal:
        confirm(stage, found.id)
    assert f"{stage.agency.name} 3,600,000원" in refusal.value.text
    assert db.session.scalar(select(func.count()).select_from(Company)) == 0
    db.session.refresh(found)
    assert found.state is IntakeState.PREVIEWED


def test_an_id_that_somebody_else_logs_in_with_is_refused(stage: joining.Stage) -> None:
    """R-KST-1"""
    factories.make_account(Role.REVIEWER, login="Start_001")
    found = preview(stage, as_csv([line(stage, 1)]))
    assert found.refused[0]["column"] == "아이디" and "다른 회원" in found.refused[0]["reason"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "intake.empty"),
        (b"\xff\xfe\x00not a table", "intake.format"),
        (b"PK\x03\x04 broken", "intake.format"),
        ("아이디,기업명\nabc,가나".encode(), "intake.heading"),
        (b"x" * (10 * 1024 * 1024 + 1), "intake.too_large"),
    ],
)
def test_a_file_that_is_no_list(stage: joining.Stage, content: bytes, code: str) -> None:
    """R-KST-1"""
    with pytest.raises(InvalidInput, match=code):
        preview(stage, content)


def test_a_zip_bomb_and_too_many_rows_are_turned_away(stage: joining.Stage) -> None:
    """R-KST-1: bounded in size and rows."""
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (101 * 1024 * 1024))
    with pytest.raises(InvalidInput, match="intake.too_large"):
        preview(stage, bomb.getvalue())
    with pytest.raises(InvalidInput, match="intake.too_large"):
        preview(stage, as_csv([["x"]] * 20_002))


def test_only_the_lead_agency_takes_files_in(stage: joining.Stage) -> None:
    with pytest.raises(Denied):
        intake.preview(actor=stage.reviewer, programme_id=stage.programme.id, file_name="a.csv", content=b"")
