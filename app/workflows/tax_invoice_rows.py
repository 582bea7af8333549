"""The rows of a file of tax invoices: its columns, and when a row cannot be read (R-SET-1). Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date

from app.documents.sheets import Cell, Line
from app.workflows import tax_invoice_checks
from app.workflows.intake_rows import Fault, cells_of, heading
from app.workflows.tax_invoice_checks import Said

COLUMNS = {
    "payment_id": "결제번호",
    "number": "국세청 승인번호",
    "issued_on": "작성일자",
    "supply": "공급가액",
    "tax": "세액",
    "total": "합계금액",
}
MOST_ROWS = 1_000
_TYPED = ("number", "issued_on", "supply", "tax", "total")
_LONGEST = 40
_LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True)
class InvoiceLine:
    row: int
    """As the spreadsheet shows it."""
    payment_id: int
    said: Said


@dataclass(frozen=True)
class Read:
    """A file, row by row."""

    lines: list[InvoiceLine]
    faults: list[Fault]
    blank: int
    """Rows of the template that were left as they were."""


def read(lines: list[Line], today: date) -> Read:
    """Rows that can be, and those that cannot. Raises InvalidInput for a file without its heading."""
    places = heading(lines, COLUMNS, wanted="세금계산서 양식을 채워")
    found = Read([], [], 0)
    blank, seen = 0, dict[tuple[str, str | int], int]()
    for line in lines[1:]:
        cells = cells_of(line, places)
        if all(cells[name] == "" for name in _TYPED):
            blank += 1
            continue
        checked = _checked(cells, line.number, today)
        if isinstance(checked, InvoiceLine):
            checked = _twice(checked, seen) or checked
        if isinstance(checked, InvoiceLine):
            found.lines.append(checked)
        else:
            found.faults.append(checked)
    return Read(found.lines, found.faults, blank)


def _twice(line: InvoiceLine, seen: dict[tuple[str, str | int], int]) -> Fault | None:
    keys: tuple[tuple[str, str | int], ...] = (("number", line.said.number), ("payment_id", line.payment_id))
    for name, value in keys:
        first = seen.setdefault((name, value), line.row)
        if first != line.row:
            return Fault(line.row, COLUMNS[name], f"{first}행에 같은 값이 있습니다.")
    return None


def _checked(cells: dict[str, Cell], number: int, today: date) -> InvoiceLine | Fault:
    for name, title in COLUMNS.items():
        if reason := _reason(name, cells[name]):
            return Fault(number, title, reason)
    said = Said(
        number=re.sub(r"[\s-]", "", str(cells["number"])),
        issued_on=_day(cells["issued_on"]) or date.min,
        supply=_won(cells["supply"]) or 0,
        tax=_won(cells["tax"]) or 0,
        total=_won(cells["total"]) or 0,
    )
    for name, reason in tax_invoice_checks.faults(said, today=today).items():
        return Fault(number, COLUMNS[name], reason)
    return InvoiceLine(number, _won(cells["payment_id"]) or 0, said)


def _reason(name: str, value: Cell) -> str | None:
    if value == "":
        return "필수 항목이 비어 있습니다."
    if isinstance(value, str):
        if value[0] in "=+@":
            return "수식은 받을 수 없습니다. 값으로 바꾸어 붙여 넣어 주세요."
        if len(value) > _LONGEST:
            return f"{_LONGEST}자를 넘습니다(현재 {len(value)}자)."
    if name == "issued_on":
        return None if _day(value) else "날짜를 읽을 수 없습니다. '2020-11-03' 형식으로 입력해 주세요."
    if name == "number":
        return None
    amount = _won(value)
    if name == "payment_id":
        return (
            None if amount and amount <= _LARGEST_KEY else "결제번호가 아닙니다. 양식의 번호를 그대로 두세요."
        )
    return None if amount is not None else "원 단위 숫자로 입력해 주세요."


def _won(value: Cell) -> int | None:
    """Without its sign: the minus of one that takes another back is ours to put."""
    digits = value.replace(",", "").removesuffix("원").removeprefix("-") if isinstance(value, str) else ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def _day(value: Cell) -> date | None:
    if isinstance(value, date):
        return value
    found = re.fullmatch(r"(\d{4})[-./]?(\d{1,2})[-./]?(\d{1,2})\.?", value, re.ASCII)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def digest(lines: Iterable[InvoiceLine]) -> str:
    """Names what a preview showed, so that nothing else is taken in than was looked at."""
    rows = [(line.row, line.payment_id, *astuple(line.said)) for line in lines]
    return hashlib.sha256(repr(rows).encode()).hexdigest()
