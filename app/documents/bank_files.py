"""The bank's files: what a transfer is, and a result with header, lines and trailer (R-SET-2). Pure."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

OK_CODE = "0000"
FAILED_CODES = ("0011", "0012", "0013", "0021", "0031", "0099")
LONGEST_CODE = 20
EMPTY_CODE = f"결과 코드가 비어 있거나 {LONGEST_CODE}자를 넘습니다."
_CMS = re.compile(r"KV(\d{10})")


class FileRefused(ValueError):
    """The file as a whole is not what it should be: header, count, total or form."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Codes:
    """Which of a bank's result codes mean paid, and which failed; any other means nothing yet.

    A transfer that is still being carried out would be paid twice, were it taken for failed (R-SET-2).
    """

    ok: tuple[str, ...] = (OK_CODE,)
    failed: tuple[str, ...] = FAILED_CODES

    def paid(self, code: str) -> bool | None:
        """Whether it means so; None of one that is not known."""
        whole = self.whole(code)
        if whole in map(self.whole, self.ok):
            return True
        return False if whole in map(self.whole, self.failed) else None

    def whole(self, code: str) -> str:
        """Digits with the zeros that a spreadsheet takes off: `0` is `0000` where the codes are so long."""
        width = max((len(each) for each in self.ok if _is_digits(each)), default=0)
        return code.zfill(width) if _is_digits(code) else code

    @property
    def both(self) -> list[str]:
        """Those that are said to mean the one and the other."""
        return [code for code in self.failed if self.whole(code) in map(self.whole, self.ok)]


def _is_digits(code: str) -> bool:
    return code.isascii() and code.isdigit()


def refuse_unknown(codes: Iterable[str]) -> None:
    """A file is taken once: for the lines that nothing can be said of, all wait. Raises FileRefused."""
    found = Counter(codes)
    if found:
        listed = ", ".join(f"‘{code}’({count:,}건)" for code, count in found.most_common(10))
        more = f" 등 {len(found):,}가지" if len(found) > 10 else ""
        raise FileRefused(
            "unknown_code",
            f"뜻을 모르는 결과 코드가 있습니다: {listed}{more}. 은행에 확인한 뒤 ‘은행 양식’에 등록하고 같은 "
            "파일을 다시 올려 주세요. 두 번 지급되지 않도록 이 파일은 한 줄도 반영하지 않았습니다.",
        )


@dataclass(frozen=True)
class Transfer:
    line_id: int
    bank_code: str
    account: str
    amount: int
    """Won."""
    holder: str
    bank_name: str = ""


@dataclass(frozen=True)
class ResultRow:
    row: int
    """As a spreadsheet counts: the header is 1."""
    line_id: int
    amount: int
    code: str
    message: str
    text: str
    paid: bool
    """Whether the code is one that means so."""


@dataclass(frozen=True)
class BadRow:
    row: int
    text: str
    reason: str
    """Korean."""


@dataclass(frozen=True)
class ResultFile:
    batch_number: str | None
    """None where the bank's form does not say it: then the transfers' keys do."""
    day: str
    rows: list[ResultRow]
    bad: list[BadRow]


def cms_of(line_id: int) -> str:
    """The key under which the bank knows a line: the same however often the file is exported."""
    return f"KV{line_id:010}"


def read_result(content: bytes, *, encoding: str = "utf-8", codes: Codes = Codes()) -> ResultFile:
    """Header, count and total are checked, then each row by itself. Raises FileRefused."""
    table = _table(content, encoding)
    header, trailer = table[0][1], table[-1][1]
    if len(header) < 4 or header[0] != "H" or header[3] != "RESULT" or not re.fullmatch(r"\d{8}", header[2]):
        raise FileRefused("header", "첫 줄이 이체결과 파일의 머리글(H,정산번호,날짜,RESULT)이 아닙니다.")
    if len(trailer) < 3 or trailer[0] != "T":
        raise FileRefused(
            "trailer", "마지막 줄이 합계(T,건수,금액)가 아닙니다. 파일이 잘리지 않았는지 확인해 주세요."
        )
    rows, bad, unknown = _rows(table[1:-1], codes)
    lines = len(table) - 2
    if trailer[1] != str(lines):
        raise FileRefused("count", f"합계 줄의 건수는 {trailer[1]}건인데 실제로는 {lines}건입니다.")
    total = sum(_won(cells[3]) or 0 for _, cells in table[1:-1] if len(cells) > 3)
    if trailer[2] != str(total):
        raise FileRefused("total", f"합계 줄의 금액은 {trailer[2]}원인데 줄을 모두 더하면 {total}원입니다.")
    refuse_unknown(unknown)
    return ResultFile(header[1], header[2], rows, bad)


def _table(content: bytes, encoding: str) -> list[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig" if encoding.startswith("utf-8") else encoding)
    except UnicodeDecodeError as error:
        raise FileRefused(
            "encoding", f"{encoding.upper()} CSV 파일이 아닙니다. 은행에서 받은 파일을 그대로 올려 주세요."
        ) from error
    try:
        read = csv.reader(io.StringIO(text, newline=""), strict=True)
        table = [(n, [cell.strip() for cell in cells]) for n, cells in enumerate(read, start=1) if cells]
    except csv.Error as error:
        raise FileRefused("form", "CSV 형식이 아닙니다. 은행에서 받은 파일을 그대로 올려 주세요.") from error
    if len(table) < 2:
        raise FileRefused("header", "빈 파일입니다.")
    return table


def _rows(
    table: list[tuple[int, list[str]]], codes: Codes
) -> tuple[list[ResultRow], list[BadRow], list[str]]:
    rows: list[ResultRow] = []
    bad: list[BadRow] = []
    unknown: list[str] = []
    seen: set[int] = set()
    for number, cells in table:
        text = ",".join(cells)
        if len(cells) != 6 or cells[0] != "D":
            bad.append(BadRow(number, text, "줄의 형식이 D,순번,이체번호,금액,코드,내용이 아닙니다."))
            continue
        cms, amount = _CMS.fullmatch(cells[2]), _won(cells[3])
        if cms is None:
            bad.append(BadRow(number, text, "이체번호의 형식이 다릅니다."))
        elif amount is None:
            bad.append(BadRow(number, text, "금액이 숫자가 아닙니다."))
        elif int(cms[1]) in seen:
            bad.append(BadRow(number, text, "같은 이체번호가 파일에 두 번 있습니다."))
        elif not 0 < len(cells[4]) <= LONGEST_CODE:
            bad.append(BadRow(number, text, EMPTY_CODE))
        elif (paid := codes.paid(cells[4])) is None:
            unknown.append(cells[4])
        else:
            seen.add(int(cms[1]))
            rows.append(ResultRow(number, int(cms[1]), amount, cells[4], cells[5], text, paid))
    return rows, bad, unknown


def _won(cell: str) -> int | None:
    return int(cell) if re.fullmatch(r"\d{1,15}", cell, re.ASCII) else None
