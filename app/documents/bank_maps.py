"""Column maps: how a bank wants its transfer file, and where its result says what (R-SET-2). Pure.

A map has a frame. `control` has lines of its own before and after (H, D, T), by which the result is read
too; `titles` has a row of titles first and, in the result, a row of sums last; `plain` has titles alone, and
then the result is checked against what was asked of the bank.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from app.documents import bank_files, plain_xlsx, sheets
from app.documents.bank_files import Codes, FileRefused, Transfer
from app.models.types import Labelled

MOST_COLUMNS = 16
LONGEST_TITLE = 30
MOST_CODES = {"ok": 10, "failed": 60}


class FileKind(Labelled):
    CSV = "csv", "CSV"
    XLSX = "xlsx", "엑셀(XLSX)"


class Encoding(Labelled):
    UTF8 = "utf-8", "UTF-8"
    UTF8_BOM = "utf-8-sig", "UTF-8(BOM)"
    CP949 = "cp949", "CP949(EUC-KR)"


class Frame(Labelled):
    CONTROL = "control", "머리 줄(H)·합계 줄(T)"
    TITLES = "titles", "열 제목, 결과에 합계 행"
    PLAIN = "plain", "열 제목만"


class Field(Labelled):
    SEQ = "seq", "순번"
    BANK_CODE = "bank_code", "은행 코드"
    BANK_NAME = "bank_name", "은행 이름"
    ACCOUNT = "account", "계좌번호"
    AMOUNT = "amount", "금액"
    HOLDER = "holder", "예금주"
    CMS = "cms", "이체번호(CMS)"
    BATCH = "batch", "정산번호"
    TEXT = "text", "정한 글자"


@dataclass(frozen=True)
class OutColumn:
    title: str
    field: Field
    value: str = ""
    """What stands in every row of a column of `Field.TEXT`."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """The titles under which the bank's answer stands, and the codes that mean paid or failed."""

    cms: str = "CMS코드"
    amount: str = "이체금액"
    code: str = "처리결과"
    message: str = "결과내용"
    ok: tuple[str, ...] = (bank_files.OK_CODE,)
    failed: tuple[str, ...] = bank_files.FAILED_CODES

    @property
    def codes(self) -> Codes:
        return Codes(self.ok, self.failed)

    @property
    def titles(self) -> tuple[str, ...]:
        return (self.cms, self.amount, self.code, self.message)


@dataclass(frozen=True, kw_only=True)
class Layout:
    name: str
    file: FileKind
    frame: Frame
    columns: tuple[OutColumn, ...]
    encoding: Encoding = Encoding.UTF8
    commas: bool = False
    """Amounts as texts with commas."""
    results: Results = field(default_factory=Results)

    @property
    def content_type(self) -> str:
        if self.file is FileKind.XLSX:
            return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return f"text/csv; charset={'euc-kr' if self.encoding is Encoding.CP949 else 'utf-8'}"

    def dump(self) -> dict[str, Any]:
        """As the table keeps it."""
        return {
            "name": self.name,
            "file": self.file.value,
            "frame": self.frame.value,
            "encoding": self.encoding.value,
            "commas": self.commas,
            "columns": [[each.title, each.field.value, each.value] for each in self.columns],
            "results": {
                "cms": self.results.cms,
                "amount": self.results.amount,
                "code": self.results.code,
                "message": self.results.message,
                "ok": list(self.results.ok),
                "failed": list(self.results.failed),
            },
        }


def load(kept: Mapping[str, Any]) -> Layout:
    """What `dump` gave."""
    results = dict(kept["results"])
    lists = {name: tuple(results[name]) for name in MOST_CODES if name in results}
    return Layout(
        name=kept["name"],
        file=FileKind(kept["file"]),
        frame=Frame(kept["frame"]),
        encoding=Encoding(kept["encoding"]),
        commas=kept["commas"],
        columns=tuple(OutColumn(title, Field(name), value) for title, name, value in kept["columns"]),
        results=Results(**results | lists),
    )


def faults(layout: Layout) -> dict[str, str]:
    """What of a map cannot be, by the editor's field."""
    found: dict[str, str] = {}
    fields, titles = [each.field for each in layout.columns], [each.title for each in layout.columns]
    if not layout.name:
        found["name"] = "양식 이름을 입력해 주세요."
    lacking = [each.label for each in (Field.ACCOUNT, Field.AMOUNT, Field.CMS) if fields.count(each) != 1]
    if not {Field.BANK_CODE, Field.BANK_NAME} & set(fields):
        lacking.append("은행 코드 또는 은행 이름")
    if lacking:
        found["columns"] = f"이체파일에는 다음 항목의 열이 하나씩 있어야 합니다: {', '.join(lacking)}"
    elif len(layout.columns) > MOST_COLUMNS:
        found["columns"] = f"열은 {MOST_COLUMNS}개까지 둘 수 있습니다."
    elif layout.frame is Frame.CONTROL:
        found |= _control_faults(layout)
    elif len(set(titles)) < len(titles) or any(not 0 < len(title) <= LONGEST_TITLE for title in titles):
        found["columns"] = f"열 제목은 서로 다르게 {LONGEST_TITLE}자까지 입력해 주세요."
    if layout.frame is not Frame.CONTROL:
        said = layout.results.titles
        if len(set(said)) < len(said) or any(not 0 < len(title) <= LONGEST_TITLE for title in said):
            found["results"] = (
                f"결과 파일의 열 제목 네 가지를 서로 다르게 {LONGEST_TITLE}자까지 입력해 주세요."
            )
    return found | _code_faults(layout.results.codes)


def _code_faults(codes: Codes) -> dict[str, str]:
    found: dict[str, str] = {}
    if not codes.ok:
        found["ok"] = "지급된 것으로 볼 결과 코드를 하나 이상 입력해 주세요. 예) 0000"
    for name, listed in (("ok", codes.ok), ("failed", codes.failed)):
        if len(listed) > MOST_CODES[name] or any(len(code) > bank_files.LONGEST_CODE for code in listed):
            found[name] = (
                f"결과 코드는 {MOST_CODES[name]}개까지, 하나에 {bank_files.LONGEST_CODE}자까지 입력해 주세요."
            )
    if codes.both:
        found["failed"] = f"지급된 것으로 볼 코드에도 있습니다: {', '.join(codes.both)}"
    return found


def _control_faults(layout: Layout) -> dict[str, str]:
    if layout.file is FileKind.XLSX:
        return {"frame": "머리 줄(H)과 합계 줄(T)은 CSV 파일에만 둘 수 있습니다."}
    return {}


def write(layout: Layout, batch_number: str, day: date, transfers: Iterable[Transfer]) -> bytes:
    """The file for the bank, in the order given. Same input, same bytes.

    Raises FileRefused `encoding` for a letter that the bank's own encoding does not have.
    """
    lines = list(transfers)
    rows = [[_value(layout, column, place, batch_number, each) for column in layout.columns]
            for place, each in enumerate(lines, start=1)]  # fmt: skip
    if layout.frame is Frame.CONTROL:
        total = sum(each.amount for each in lines)
        frame: list[Sequence[plain_xlsx.Cell]] = [["H", batch_number, f"{day:%Y%m%d}"], *rows]
        return _csv([*frame, ["T", len(lines), total]], layout.encoding)
    table: list[Sequence[plain_xlsx.Cell]] = [[column.title for column in layout.columns], *rows]
    if layout.file is FileKind.CSV:
        return _csv(table, layout.encoding)
    return plain_xlsx.write(table, title="대량이체", widths=[18] * len(layout.columns))


def _value(layout: Layout, column: OutColumn, place: int, batch: str, each: Transfer) -> plain_xlsx.Cell:
    if column.field is Field.AMOUNT:
        return f"{each.amount:,}" if layout.commas else each.amount
    values: dict[Field, plain_xlsx.Cell] = {
        Field.SEQ: place,
        Field.BANK_CODE: each.bank_code,
        Field.BANK_NAME: each.bank_name or each.bank_code,
        Field.ACCOUNT: re.sub(r"\D", "", each.account),
        Field.HOLDER: each.holder,
        Field.CMS: bank_files.cms_of(each.line_id),
        Field.BATCH: batch,
        Field.TEXT: column.value,
    }
    return values[column.field]


def _csv(rows: Iterable[Sequence[plain_xlsx.Cell]], encoding: Encoding) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    try:
        return out.getvalue().encode(encoding.value)
    except UnicodeEncodeError as error:
        letter = error.object[error.start : error.end]
        raise FileRefused(
            "encoding",
            f"‘{letter}’ 글자는 {encoding.label}로 쓸 수 없습니다. UTF-8이나 엑셀 양식으로 내보내 주세요.",
        ) from error


def table_of(content: bytes) -> list[list[str]]:
    """A file of ours as the cells that a spreadsheet shows."""
    return [[str(cell) for cell in line.cells] for line in sheets.read(content)]


def text_of(layout: Layout, content: bytes) -> str | None:
    """A file of ours as an editor shows it; None of a workbook."""
    return None if layout.file is FileKind.XLSX else content.decode(layout.encoding.value)


COMMON = "common"
PRESETS: dict[str, Layout] = {
    COMMON: Layout(
        name="공통 CSV",
        file=FileKind.CSV,
        frame=Frame.CONTROL,
        columns=(
            OutColumn("구분", Field.TEXT, "D"),
            OutColumn("순번", Field.SEQ),
            OutColumn("은행코드", Field.BANK_CODE),
            OutColumn("계좌번호", Field.ACCOUNT),
            OutColumn("금액", Field.AMOUNT),
            OutColumn("예금주", Field.HOLDER),
            OutColumn("이체번호", Field.CMS),
        ),
    ),
    "shinhan": Layout(
        name="신한은행 대량이체(엑셀)",
        file=FileKind.XLSX,
        frame=Frame.TITLES,
        columns=(
            OutColumn("입금은행", Field.BANK_NAME),
            OutColumn("입금계좌번호", Field.ACCOUNT),
            OutColumn("이체금액", Field.AMOUNT),
            OutColumn("예상예금주", Field.HOLDER),
            OutColumn("입금통장표시", Field.TEXT, "비대면바우처"),
            OutColumn("출금통장표시", Field.BATCH),
            OutColumn("CMS코드", Field.CMS),
        ),
    ),
    "kookmin": Layout(
        name="국민은행 대량이체(CSV)",
        file=FileKind.CSV,
        frame=Frame.TITLES,
        encoding=Encoding.CP949,
        columns=(
            OutColumn("입금은행코드", Field.BANK_CODE),
            OutColumn("입금계좌번호", Field.ACCOUNT),
            OutColumn("입금액", Field.AMOUNT),
            OutColumn("예상예금주", Field.HOLDER),
            OutColumn("입금통장표시내용", Field.TEXT, "비대면바우처"),
            OutColumn("CMS코드", Field.CMS),
        ),
        commas=True,
        results=Results(cms="CMS코드", amount="입금액", code="처리결과코드", message="처리결과"),
    ),
    "ibk": Layout(
        name="기업은행 대량이체(엑셀)",
        file=FileKind.XLSX,
        frame=Frame.PLAIN,
        columns=(
            OutColumn("순번", Field.SEQ),
            OutColumn("입금은행코드", Field.BANK_CODE),
            OutColumn("입금계좌", Field.ACCOUNT),
            OutColumn("금액", Field.AMOUNT),
            OutColumn("예금주", Field.HOLDER),
            OutColumn("메모", Field.TEXT, "비대면바우처"),
            OutColumn("CMS코드", Field.CMS),
        ),
        results=Results(amount="금액", code="결과코드", message="결과메시지"),
    ),
}
"""Shipped. What a bank really wants it says itself; each can be changed, and others made after them."""
