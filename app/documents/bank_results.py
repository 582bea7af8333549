"""What a bank answered to a transfer file, read by its column map (R-SET-2). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.documents import bank_files, sheets
from app.documents.bank_files import BadRow, Codes, FileRefused, ResultFile, ResultRow
from app.documents.bank_maps import Frame, Layout
from app.errors import InvalidInput
from app.korean import subject_mark

_CAPTION_ROWS = 10
"""How far down the row of titles may stand: banks put captions above it."""
_CMS = re.compile(r"KV(\d{10})")
_SUM = ("합계", "총계", "계")


def read(layout: Layout, content: bytes, *, count: int, total: int) -> ResultFile:
    """The bank's answer to a file of so many transfers of so many won together, in this map's form.

    Titles, count and total are checked, then each row by itself; a code that the map does not know refuses
    the whole file. Raises FileRefused.
    """
    if layout.frame is Frame.CONTROL:
        return bank_files.read_result(content, encoding=layout.encoding.value, codes=layout.results.codes)
    table = _table(content)
    titles = [_squeezed(title) for title in layout.results.titles]
    head = next(
        (at for at, (_, row) in enumerate(table[:_CAPTION_ROWS]) if set(titles) <= set(map(_squeezed, row))),
        None,
    )
    if head is None:
        wanted = ", ".join(f"‘{title}’" for title in layout.results.titles)
        raise FileRefused(
            "header",
            f"열 제목 {wanted}{subject_mark(wanted)} 있는 행을 찾지 못했습니다. "
            "은행이 보낸 결과 파일을 올려 주세요.",
        )
    squeezed = [_squeezed(cell) for cell in table[head][1]]
    places = [squeezed.index(title) for title in titles]
    lines, sums = _parted(table[head + 1 :], places)
    if layout.frame is Frame.TITLES:
        if sums is None:
            raise FileRefused("trailer", "마지막에 합계 행이 없습니다. 파일이 잘리지 않았는지 확인해 주세요.")
        count, total = _declared(sums, places[1])
    _check_sums(lines, places[1], count, total)
    rows, bad, unknown = _rows(lines, places, layout.results.codes)
    bank_files.refuse_unknown(unknown)
    return ResultFile(None, "", rows, bad)


def _table(content: bytes) -> list[tuple[int, list[str]]]:
    try:
        lines = sheets.read(content)
    except InvalidInput as refused:
        raise FileRefused("form", refused.text) from refused
    if not lines:
        raise FileRefused("header", "빈 파일입니다.")
    return [(line.number, [str(cell) for cell in line.cells]) for line in lines]


def _squeezed(title: str) -> str:
    return re.sub(r"\s", "", title)


def _at(row: Sequence[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _parted(
    table: Sequence[tuple[int, list[str]]], places: Sequence[int]
) -> tuple[list[tuple[int, list[str]]], list[str] | None]:
    """The rows, and the row of sums where there is one: it bears no key, and says that it sums up."""
    for at, (_, row) in enumerate(table):
        words = _squeezed(next((cell for cell in row if cell), ""))
        if not _CMS.fullmatch(_at(row, places[0])) and words.startswith(_SUM):
            if at + 1 < len(table):
                raise FileRefused(
                    "trailer",
                    f"합계 행 뒤에 줄이 더 있습니다({table[at + 1][0]:,}행). "
                    "은행이 보낸 파일을 그대로 올려 주세요.",
                )
            return list(table[:at]), row
    return list(table), None


def _declared(sums: Sequence[str], amount: int) -> tuple[int, int]:
    counts = [
        n for at, cell in enumerate(sums) if at != amount and (n := _won(cell.removesuffix("건"))) is not None
    ]
    total = _won(_at(sums, amount))
    if len(counts) != 1 or total is None:
        raise FileRefused(
            "trailer", "합계 행에서 건수와 금액을 읽을 수 없습니다. 은행이 보낸 파일을 그대로 올려 주세요."
        )
    return counts[0], total


def _check_sums(lines: Sequence[tuple[int, list[str]]], amount: int, count: int, total: int) -> None:
    if len(lines) != count:
        raise FileRefused("count", f"{count:,}건이어야 하는데 파일에는 {len(lines):,}건이 있습니다.")
    found = sum(_won(_at(row, amount)) or 0 for _, row in lines)
    if found != total:
        raise FileRefused("total", f"합계가 {total:,}원이어야 하는데 줄을 모두 더하면 {found:,}원입니다.")


def _rows(
    lines: Sequence[tuple[int, list[str]]], places: Sequence[int], codes: Codes
) -> tuple[list[ResultRow], list[BadRow], list[str]]:
    rows: list[ResultRow] = []
    bad: list[BadRow] = []
    unknown: list[str] = []
    seen: set[int] = set()
    for number, row in lines:
        key, won, code, message = (_at(row, place) for place in places)
        text, amount, cms = ",".join(row), _won(won), _CMS.fullmatch(key)
        if cms is None:
            bad.append(BadRow(number, text, "이체번호의 형식이 다릅니다."))
        elif amount is None:
            bad.append(BadRow(number, text, "금액이 숫자가 아닙니다."))
        elif int(cms[1]) in seen:
            bad.append(BadRow(number, text, "같은 이체번호가 파일에 두 번 있습니다."))
        elif not 0 < len(code) <= bank_files.LONGEST_CODE:
            bad.append(BadRow(number, text, bank_files.EMPTY_CODE))
        elif (paid := codes.paid(code)) is None:
            unknown.append(code)
        else:
            seen.add(int(cms[1]))
            rows.append(ResultRow(number, int(cms[1]), amount, code, message, text, paid))
    return rows, bad, unknown


def _won(cell: str) -> int | None:
    digits = cell.strip().removesuffix("원").replace(",", "")
    return int(digits) if re.fullmatch(r"\d{1,15}", digits, re.ASCII) else None
