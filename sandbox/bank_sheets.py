"""The bank's own transfer sheets: XLSX, or CSV in CP949 or UTF-8, known by their titles; answered in kind.

Every bank calls its columns otherwise, and this one knows all their names. It reads no H and T lines here:
its sheets have titles, and its answer a row of sums.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from sandbox.errors import ApiError

NAMES = {
    "bank": ("입금은행", "입금은행코드", "은행코드", "은행"),
    "account": ("입금계좌번호", "입금계좌", "계좌번호"),
    "amount": ("이체금액", "입금액", "금액"),
    "holder": ("예상예금주", "예금주", "받는분"),
    "cms": ("CMS코드", "이체번호"),
}
# Each bank's own words for its answer, by what it calls the amount.
ANSWERS = {
    "이체금액": ("처리결과", "결과내용"),
    "입금액": ("처리결과코드", "처리결과"),
    "금액": ("결과코드", "결과메시지"),
}


@dataclass(frozen=True)
class Line:
    account: str
    amount: int
    cms: str


@dataclass(frozen=True)
class Sheet:
    lines: list[Line]
    encoding: str
    """`xlsx`, or that of the CSV."""
    amount_title: str
    cms_title: str


def read(content: bytes) -> Sheet | None:
    """None for a file of another kind: without the titles. One row that does not parse stops it all."""
    encoding, table = _table(content)
    if not table:
        return None
    titles = [cell.replace(" ", "") for cell in table[0]]
    places = {
        field: next((titles.index(n) for n in names if n in titles), None) for field, names in NAMES.items()
    }
    if any(place is None for field, place in places.items() if field != "holder"):
        return None
    at = {field: place for field, place in places.items() if place is not None}
    lines = [_line(number, row, at) for number, row in enumerate(table[1:], start=2)]
    if not lines or len({line.cms for line in lines}) != len(lines):
        raise ApiError("INVALID_FILE", "이체할 줄이 없거나 CMS코드가 겹칩니다.")
    return Sheet(lines, encoding, table[0][at["amount"]], table[0][at["cms"]])


def _table(content: bytes) -> tuple[str, list[list[str]]]:
    if content.startswith(b"PK\x03\x04"):
        try:
            sheet = load_workbook(io.BytesIO(content), read_only=True).worksheets[0]
        except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError):
            raise ApiError("INVALID_FILE", "엑셀 파일을 읽을 수 없습니다.") from None
        rows = [
            ["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)
        ]
        return "xlsx", [row for row in rows if any(row)]
    for encoding in ("utf-8-sig", "cp949"):
        try:
            text = content.decode(encoding)
            return encoding, [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
        except (UnicodeDecodeError, csv.Error):
            continue
    raise ApiError("INVALID_FILE", "CSV(UTF-8, CP949)도 엑셀도 아닌 파일입니다.")


def _line(number: int, row: Sequence[str], at: dict[str, int]) -> Line:
    cells = {field: row[place].strip() if place < len(row) else "" for field, place in at.items()}
    account, amount = cells["account"].replace("-", ""), cells["amount"].replace(",", "")
    good = (
        cells["bank"]
        and re.fullmatch(r"\d{7,14}", account)
        and re.fullmatch(r"[1-9]\d{0,12}", amount)
        and cells["cms"]
    )
    if not good:
        raise ApiError("INVALID_FILE", f"{number}번째 줄이 올바르지 않습니다.")
    return Line(account, int(amount), cells["cms"])


def answer(sheet: Sheet, outcomes: Sequence[tuple[str, str]], *, received: str) -> bytes:
    """A caption, the bank's titles, a row for each transfer, and a row of sums; in the kind that was sent."""
    code, message = ANSWERS.get(sheet.amount_title.replace(" ", ""), ANSWERS["이체금액"])
    rows: list[list[str | int]] = [["이체결과", "", "", "", received]]
    rows.append(["번호", sheet.cms_title, sheet.amount_title, code, message])
    for place, (line, outcome) in enumerate(zip(sheet.lines, outcomes, strict=True), start=1):
        rows.append([place, line.cms, line.amount, *outcome])
    rows.append(["합계", f"{len(sheet.lines)}건", sum(line.amount for line in sheet.lines), "", ""])
    return _xlsx(rows) if sheet.encoding == "xlsx" else _csv(rows, sheet.encoding)


def _xlsx(rows: Sequence[Sequence[str | int]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("이체결과")
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _csv(rows: Sequence[Sequence[str | int]], encoding: str) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode(encoding)
