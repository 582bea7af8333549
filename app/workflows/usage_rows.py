"""The rows of a file of usage reports: its columns, and when a row cannot be read (R-SET-1a). Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from datetime import date

from app.documents.sheets import Cell, Line
from app.workflows.intake_rows import Fault, cells_of, heading

COLUMNS = {
    "deal_id": "거래번호",
    "month": "이용월",
    "logins": "로그인 횟수",
    "last_used_on": "마지막 이용일",
}
LARGEST_KEY = 2**63 - 1
MOST_LOGINS = 1_000_000
"""Of one deal in one month: above it somebody has typed something else."""
_LONGEST = 40
_FORMULA = "=+-@"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a supplier says of one deal and month."""

    deal_id: int
    month: date
    """Its first day."""
    logins: int
    last_used_on: date | None
    row: int = field(default=0, compare=False)
    """Of the file, as the spreadsheet shows it; 0 where it comes from a form."""


def month_of(text: str) -> date | None:
    """`2020-10`, `2020.10`, `2020년 10월`: the month's first day."""
    found = re.fullmatch(r"(20\d\d)[-./년]\s*(\d{1,2})월?", text.strip(), re.ASCII)
    if found is None or not 1 <= int(found[2]) <= 12:
        return None
    return date(int(found[1]), int(found[2]), 1)


def write_month(month: date) -> str:
    """`2020년 10월`"""
    return f"{month.year}년 {month.month}월"


def wrong_values(report: Report, today: date) -> dict[str, str]:
    """What of a report cannot be, whatever its deal is; by field."""
    found: dict[str, str] = {}
    day = report.last_used_on
    if report.month > today:
        found["month"] = "아직 오지 않은 달입니다."
    if not 0 <= report.logins <= MOST_LOGINS:
        found["logins"] = f"로그인 횟수는 0에서 {MOST_LOGINS:,} 사이의 정수입니다."
    if day is None:
        if report.logins > 0:
            found["last_used_on"] = "로그인이 있으면 마지막 이용일도 입력해 주세요."
    elif report.logins == 0:
        found["last_used_on"] = "로그인 횟수가 0이면 마지막 이용일을 비워 주세요."
    elif day.replace(day=1) != report.month:
        found["last_used_on"] = f"마지막 이용일은 {write_month(report.month)} 안의 날짜여야 합니다."
    elif day > today:
        found["last_used_on"] = "마지막 이용일은 오늘까지의 날짜여야 합니다."
    return found


def check(cells: dict[str, Cell], number: int) -> Report | Fault:
    """The row in the platform's own terms, or the first fault by column."""
    for name, title in COLUMNS.items():
        reason = _reason(name, cells[name])
        if reason:
            return Fault(number, title, reason)
    month = _month(cells["month"])
    return Report(
        deal_id=_whole(cells["deal_id"]) or 0,
        month=month or date.min,
        logins=_whole(cells["logins"]) or 0,
        last_used_on=_day(cells["last_used_on"]),
        row=number,
    )


def _reason(name: str, value: Cell) -> str | None:
    if value == "":
        return None if name == "last_used_on" else "필수 항목이 비어 있습니다."
    if isinstance(value, str):
        if value[0] in _FORMULA:
            return "'=', '+', '-', '@'로 시작하는 값은 받을 수 없습니다."
        if len(value) > _LONGEST:
            return f"{_LONGEST}자를 넘습니다(현재 {len(value)}자)."
    if name == "deal_id":
        number = _whole(value)
        return (
            None if number and number <= LARGEST_KEY else "거래번호가 아닙니다. 양식의 번호를 그대로 두세요."
        )
    if name == "logins":
        return None if _whole(value) is not None else "0 이상의 정수로 입력해 주세요."
    if name == "month":
        return None if _month(value) else "이용월을 읽을 수 없습니다. '2020-10' 형식으로 입력해 주세요."
    return None if _day(value) else "날짜를 읽을 수 없습니다. '2020-10-31' 형식으로 입력해 주세요."


def _whole(value: Cell) -> int | None:
    digits = value.replace(",", "") if isinstance(value, str) else ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def _month(value: Cell) -> date | None:
    """A spreadsheet makes a day of `2020-10`: its first."""
    if isinstance(value, date):
        return value if value.day == 1 else None
    return month_of(value)


def _day(value: Cell) -> date | None:
    if isinstance(value, date):
        return value
    found = re.fullmatch(r"(\d{4})[-./](\d{1,2})[-./](\d{1,2})\.?", value, re.ASCII)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


@dataclass(frozen=True)
class Read:
    """A file, row by row."""

    reports: list[Report]
    faults: list[Fault]
    blank: int
    """Rows of the form's template that were left as they were."""


def read(lines: list[Line], today: date) -> Read:
    """Rows that can be, and those that cannot. Raises InvalidInput for a file without its heading."""
    places = heading(lines, COLUMNS, wanted="이용실적 양식을 채워")
    found = Read([], [], sum(1 for line in lines[1:] if _is_blank(cells_of(line, places))))
    seen: dict[tuple[int, date], int] = {}
    for line in lines[1:]:
        cells = cells_of(line, places)
        if _is_blank(cells):
            continue
        checked = check(cells, line.number)
        if isinstance(checked, Report):
            checked = _refuse(checked, today, seen) or checked
        (found.reports if isinstance(checked, Report) else found.faults).append(checked)  # type: ignore[arg-type]
    return Read(found.reports, found.faults, found.blank)


def _is_blank(cells: dict[str, Cell]) -> bool:
    return cells["logins"] == "" and cells["last_used_on"] == ""


def _refuse(report: Report, today: date, seen: dict[tuple[int, date], int]) -> Fault | None:
    for name, reason in wrong_values(report, today).items():
        return Fault(report.row, COLUMNS[name], reason)
    first = seen.setdefault((report.deal_id, report.month), report.row)
    if first != report.row:
        return Fault(report.row, COLUMNS["month"], f"{first}행에 같은 거래와 이용월이 있습니다.")
    return None


def digest(reports: Iterable[Report]) -> str:
    """Names what a preview showed, so that nothing else is taken in than was looked at."""
    rows = sorted(astuple(report)[:4] for report in reports)
    return hashlib.sha256(repr(rows).encode()).hexdigest()
