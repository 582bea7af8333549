"""The daily files of card company and ZeroPay: CSV with header, titles, lines and trailer (R-SET-3). Pure.

A header, titles or trailer that do not parse or do not add up stop the whole file: nobody knows then what
else is wrong with it. A row that cannot be read is kept with its number, its text and why; the others count.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date, datetime

from app import clock
from app.documents.bank_files import BadRow, FileRefused
from app.models.statements import StatementSystem

AS_RECEIVED = "받은 파일을 고치거나 다시 저장하지 말고 그대로 올려 주세요."
_APPROVAL = re.compile(r"[0-9A-Za-z]{4,20}")
_WON = re.compile(r"\d{1,13}", re.ASCII)
_FIRST = b"H,"


@dataclass(frozen=True)
class Layout:
    """How one system writes its file. `titles` as its second line has them; `fields`: what we call them."""

    system: StatementSystem
    encoding: str
    charge: str
    cancel: str
    titles: tuple[str, ...]
    fields: tuple[str, ...]


CARD = Layout(
    StatementSystem.CARD,
    "cp949",
    "승인",
    "취소",
    (
        "구분", "취소구분", "거래일시", "승인번호", "카드번호", "가맹점번호", "승인금액", "매입일자",
        "매입금액", "수수료", "입금예정일", "입금액", "주문번호",
    ),
    (
        "mark", "kind", "at", "approval", "card", "merchant", "amount", "bought_on", "bought",
        "fee", "deposit_on", "deposit", "order",
    ),
)  # fmt: skip
ZEROPAY = Layout(
    StatementSystem.ZEROPAY,
    "utf-8-sig",
    "결제",
    "결제취소",
    (
        "구분", "거래구분", "거래일시", "승인번호", "가맹점ID", "주문번호", "결제금액", "수수료",
        "정산예정일", "정산금액",
    ),
    ("mark", "kind", "at", "approval", "merchant", "order", "amount", "fee", "deposit_on", "deposit"),
)  # fmt: skip
LAYOUTS = {"CARD": CARD, "ZEROPAY": ZEROPAY}


@dataclass(frozen=True, slots=True)
class Line:
    row: int
    """As a spreadsheet counts: the header is 1."""
    is_cancel: bool
    approval_number: str
    amount: int
    """Won, never negative."""
    at: datetime
    card: str | None
    order_id: str | None
    fee: int
    deposit_on: date | None
    deposit: int


@dataclass(frozen=True)
class Statement:
    system: StatementSystem
    day: date
    lines: list[Line]
    bad: list[BadRow]

    @property
    def rows(self) -> int:
        return len(self.lines) + len(self.bad)

    def sum_of(self, *, is_cancel: bool) -> int:
        """Won."""
        return sum(line.amount for line in self.lines if line.is_cancel is is_cancel)

    @property
    def fee(self) -> int:
        """Won; what was taken back brings its fee back."""
        return sum(-line.fee if line.is_cancel else line.fee for line in self.lines)


def read(content: bytes) -> Statement:
    """Raises FileRefused: empty, header, encoding, form, titles, trailer, count, total."""
    layout, day = _header(content)
    table = _table(content, layout)
    if tuple(table[1][1]) != layout.titles:
        raise FileRefused(
            "titles", f"둘째 줄이 {layout.system.label} 명세의 제목 줄이 아닙니다. {AS_RECEIVED}"
        )
    body, trailer = table[2:-1], table[-1][1]
    if len(trailer) != 4 or trailer[0] != "T" or not all(map(_WON.fullmatch, trailer[1:])):
        raise FileRefused(
            "trailer",
            "마지막 줄이 합계(T,건수,승인합계,취소합계)가 아닙니다. 파일이 잘리지 않았는지 확인해 주세요.",
        )
    found = _rows(layout, day, body)
    _check_sums(layout, found, body, [int(cell) for cell in trailer[1:]])
    return found


def _header(content: bytes) -> tuple[Layout, date]:
    """Whose file it is stands in plain ASCII, before anything that needs an encoding."""
    if not content.strip():
        raise FileRefused("empty", "빈 파일입니다. 내용이 있는 파일을 선택해 주세요.")
    first = content.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    cells = first.decode("ascii", "replace").strip().split(",")
    day = _day(cells[2]) if len(cells) == 4 and first.startswith(_FIRST) else None
    layout = LAYOUTS.get(cells[1]) if day else None
    if layout is None or day is None:
        raise FileRefused(
            "header",
            "첫 줄이 일별 명세의 머리글(H,CARD 또는 ZEROPAY,날짜,가맹점)이 아닙니다. "
            "카드사나 제로페이에서 받은 파일인지 확인해 주세요.",
        )
    return layout, day


def _table(content: bytes, layout: Layout) -> list[tuple[int, list[str]]]:
    try:
        text = content.decode(layout.encoding)
    except UnicodeDecodeError as error:
        name = "CP949(EUC-KR)" if layout is CARD else "UTF-8"
        raise FileRefused(
            "encoding", f"{layout.system.label} 명세는 {name} 파일이어야 합니다. {AS_RECEIVED}"
        ) from error
    try:
        read_ = csv.reader(io.StringIO(text, newline=""), strict=True)
        table = [(n, [cell.strip() for cell in cells]) for n, cells in enumerate(read_, start=1) if cells]
    except csv.Error as error:
        raise FileRefused("form", f"CSV 형식이 아닙니다. {AS_RECEIVED}") from error
    if len(table) < 3:
        raise FileRefused("trailer", "합계 줄이 없습니다. 파일이 잘리지 않았는지 확인해 주세요.")
    return table


def _rows(layout: Layout, day: date, body: list[tuple[int, list[str]]]) -> Statement:
    lines: list[Line] = []
    bad: list[BadRow] = []
    for number, cells in body:
        try:
            lines.append(_line(layout, number, cells))
        except _Unreadable as error:
            bad.append(BadRow(number, ",".join(cells)[:500], str(error)))
    return Statement(layout.system, day, lines, bad)


class _Unreadable(ValueError):
    """Why a row cannot be taken, in Korean."""


def _line(layout: Layout, number: int, cells: list[str]) -> Line:
    if len(cells) != len(layout.titles) or cells[0] != "D":
        raise _Unreadable(f"줄의 형식이 다릅니다. D로 시작하는 {len(layout.titles)}칸이어야 합니다.")
    row = dict(zip(layout.fields, cells, strict=True))
    if row["kind"] not in (layout.charge, layout.cancel):
        raise _Unreadable(f"거래 구분이 '{layout.charge}'이나 '{layout.cancel}'가 아닙니다.")
    at = _instant(row["at"])
    if at is None:
        raise _Unreadable("거래일시가 올바르지 않습니다.")
    if not _APPROVAL.fullmatch(row["approval"]):
        raise _Unreadable("승인번호의 형식이 다릅니다.")
    amount = _won(row["amount"])
    if not amount:
        raise _Unreadable("금액이 0보다 큰 숫자가 아닙니다.")
    fee, deposit = _won(row["fee"]), _won(row["deposit"])
    if fee is None or deposit is None:
        raise _Unreadable("수수료나 입금액이 숫자가 아닙니다.")
    return Line(
        row=number,
        is_cancel=row["kind"] == layout.cancel,
        approval_number=row["approval"],
        amount=amount,
        at=at,
        card=row.get("card", "")[:30] or None,
        order_id=row["order"][:100] or None,
        fee=fee,
        deposit_on=_day(row["deposit_on"].replace("-", "")),
        deposit=deposit,
    )


def _check_sums(layout: Layout, found: Statement, body: list[tuple[int, list[str]]], said: list[int]) -> None:
    """Count and sums of all rows. The amount of a row may be what cannot be read: then they say no more than
    that the rest does not exceed them."""
    if said[0] != len(body):
        raise FileRefused("count", f"합계 줄의 건수는 {said[0]:,}건인데 실제로는 {len(body):,}건입니다.")
    sums, unread = _sums(layout, body)
    for name, ours, theirs in zip(("승인", "취소"), sums, said[1:], strict=True):
        if ours > theirs or (ours < theirs and not unread):
            raise FileRefused(
                "total",
                f"합계 줄의 {name}합계는 {theirs:,}원인데 줄을 모두 더하면 {ours:,}원입니다.",
            )


def _sums(layout: Layout, body: list[tuple[int, list[str]]]) -> tuple[list[int], bool]:
    """Won of the charges and of the cancellations, and whether a row has neither kind nor amount to go by."""
    sums, unread = [0, 0], False
    kind, amount = layout.fields.index("kind"), layout.fields.index("amount")
    for _, cells in body:
        won = _won(cells[amount]) if len(cells) > max(kind, amount) else None
        if won is None or cells[kind] not in (layout.charge, layout.cancel):
            unread = True
        else:
            sums[cells[kind] == layout.cancel] += won
    return sums, unread


def _won(cell: str) -> int | None:
    return int(cell) if _WON.fullmatch(cell) else None


def _day(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:])) if re.fullmatch(r"[0-9]{8}", text) else None
    except ValueError:
        return None


def _instant(text: str) -> datetime | None:
    """Korean time: the files name no zone."""
    try:
        at = datetime.fromisoformat(text) if len(text) == 19 else None
    except ValueError:
        return None
    return at.replace(tzinfo=clock.KST) if at and at.tzinfo is None else None
