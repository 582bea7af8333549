"""The bank's files: transfers out, results back. UTF-8 CSV with header, lines and trailer (R-SET-2). Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

OK_CODE = "0000"
_CMS = re.compile(r"KV(\d{10})")


class FileRefused(ValueError):
    """The file as a whole is not what it should be: header, count, total or form."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Transfer:
    line_id: int
    bank_code: str
    account: str
    amount: int
    """Won."""
    holder: str


@dataclass(frozen=True)
class ResultRow:
    row: int
    """As a spreadsheet counts: the header is 1."""
    line_id: int
    amount: int
    code: str
    message: str
    text: str


@dataclass(frozen=True)
class BadRow:
    row: int
    text: str
    reason: str
    """Korean."""


@dataclass(frozen=True)
class ResultFile:
    batch_number: str
    day: str
    rows: list[ResultRow]
    bad: list[BadRow]


def cms_of(line_id: int) -> str:
    """The key under which the bank knows a line: the same however often the file is exported."""
    return f"KV{line_id:010}"


def write_transfers(batch_number: str, day: date, transfers: Iterable[Transfer]) -> bytes:
    """The file for the bank: `H`, one `D` per line in the order given, `T`. Same input, same bytes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["H", batch_number, f"{day:%Y%m%d}"])
    count = total = 0
    for count, each in enumerate(transfers, start=1):
        account = re.sub(r"\D", "", each.account)
        row = ["D", count, each.bank_code, account, each.amount, each.holder, cms_of(each.line_id)]
        writer.writerow(row)
        total += each.amount
    writer.writerow(["T", count, total])
    return out.getvalue().encode()


def read_result(content: bytes) -> ResultFile:
    """Header, count and total are checked, then each row by itself. Raises FileRefused."""
    table = _table(content)
    header, trailer = table[0][1], table[-1][1]
    if len(header) < 4 or header[0] != "H" or header[3] != "RESULT" or not re.fullmatch(r"\d{8}", header[2]):
        raise FileRefused("header", "첫 줄이 이체결과 파일의 머리글(H,정산번호,날짜,RESULT)이 아닙니다.")
    if len(trailer) < 3 or trailer[0] != "T":
        raise FileRefused(
            "trailer", "마지막 줄이 합계(T,건수,금액)가 아닙니다. 파일이 잘리지 않았는지 확인해 주세요."
        )
    rows, bad = _rows(table[1:-1])
    lines = len(table) - 2
    if trailer[1] != str(lines):
        raise FileRefused("count", f"합계 줄의 건수는 {trailer[1]}건인데 실제로는 {lines}건입니다.")
    total = sum(_won(cells[3]) or 0 for _, cells in table[1:-1] if len(cells) > 3)
    if trailer[2] != str(total):
        raise FileRefused("total", f"합계 줄의 금액은 {trailer[2]}원인데 줄을 모두 더하면 {total}원입니다.")
    return ResultFile(header[1], header[2], rows, bad)


def _table(content: bytes) -> list[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileRefused(
            "encoding", "UTF-8 CSV 파일이 아닙니다. 은행에서 받은 파일을 그대로 올려 주세요."
        ) from error
    try:
        read = csv.reader(io.StringIO(text, newline=""), strict=True)
        table = [(n, [cell.strip() for cell in cells]) for n, cells in enumerate(read, start=1) if cells]
    except csv.Error as error:
        raise FileRefused("form", "CSV 형식이 아닙니다. 은행에서 받은 파일을 그대로 올려 주세요.") from error
    if len(table) < 2:
        raise FileRefused("header", "빈 파일입니다.")
    return table


def _rows(table: list[tuple[int, list[str]]]) -> tuple[list[ResultRow], list[BadRow]]:
    rows: list[ResultRow] = []
    bad: list[BadRow] = []
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
        elif not re.fullmatch(r"[0-9A-Z]{4}", cells[4]):
            bad.append(BadRow(number, text, "결과 코드의 형식이 다릅니다."))
        else:
            seen.add(int(cms[1]))
            rows.append(ResultRow(number, int(cms[1]), amount, cells[4], cells[5], text))
    return rows, bad


def _won(cell: str) -> int | None:
    return int(cell) if re.fullmatch(r"\d{1,15}", cell, re.ASCII) else None
