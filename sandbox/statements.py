"""The file of a day's approvals and cancellations, as the card company and ZeroPay hand it to a merchant.

The two differ as such files do: other columns, other names for them, CP949 here and UTF-8 there. What lies
in a file follows from the book and from the test numbers alone, so that it is the same whenever it is asked
for; only the first file with a wrong trailer (98) is mended at the next asking.
"""

from __future__ import annotations

import csv
import io
import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, Response

from sandbox.errors import ApiError
from sandbox.world import demand_basic_key

if TYPE_CHECKING:
    from sandbox.psp import Psp

TOO_MUCH = 100
STRANGE_AMOUNT = 55_000
LATE_DAYS = {"94": 1, "95": 3}
BROKEN_TIME = "0000-00-00 00:00:00"
DEPOSIT_DAYS = 3
CARD_FEE_PER_MILLE = 8
_DAY = re.compile(r"\d{8}")
_SOUGHT = (
    "SELECT l.id, l.entry, l.order_id, l.amount, l.at, p.approve_no, p.last4, p.scenario"
    " FROM ledger l JOIN payment p ON p.payment_key = l.payment_key"
    " WHERE l.kind = ? AND l.at >= ? AND l.at < ? ORDER BY l.at, l.id"
)


@dataclass(frozen=True)
class Line:
    """A charge or a cancellation; won."""

    is_cancel: bool
    at: str
    approval: str
    last4: str
    order_id: str
    amount: int
    day: date
    key: int


def add_route(psp: Psp, blueprint: Blueprint) -> None:
    """`GET /v1/statements/<YYYYMMDD>`: the file of that Korean day; one without transactions has no lines."""

    @blueprint.get("/v1/statements/<day>")
    def statement(day: str) -> Response:
        demand_basic_key(psp.key)
        content = _file(psp, _date(day)).encode(ENCODINGS[psp.system])
        name = f'attachment; filename="{psp.system}_{day}.csv"'
        return Response(
            content,
            content_type=f"text/csv; charset={ENCODINGS[psp.system]}",
            headers={"Content-Disposition": name},
        )


def _date(text: str) -> date:
    try:
        if not _DAY.fullmatch(text):
            raise ValueError(text)
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise ApiError("INVALID_REQUEST", "날짜는 YYYYMMDD 형식이어야 합니다.") from None


def _file(psp: Psp, day: date) -> str:
    lines = sorted(_lines(psp, day), key=lambda line: (line.at, line.key))
    out = io.StringIO(newline="")
    write = csv.writer(out, lineterminator="\r\n").writerow
    write(["H", psp.system.upper(), f"{day:%Y%m%d}", f"kvoucher_{psp.system}"])
    write(TITLES[psp.system])
    for line in lines:
        write(ROWS[psp.system](line))
    sums = [sum(line.amount for line in lines if line.is_cancel is back) for back in (False, True)]
    write(["T", len(lines) + _wrong_by(psp, day), *sums])
    return out.getvalue()


def _lines(psp: Psp, day: date) -> Iterator[Line]:
    """What happened that day and is listed in time, and what is listed that day because it is late."""
    for days in (0, *sorted(set(LATE_DAYS.values()))):
        for row in _rows(psp, day - timedelta(days=days)):
            if LATE_DAYS.get(row["scenario"], 0) == days:
                yield from _listed(row, day - timedelta(days=days))


def _rows(psp: Psp, day: date) -> list[sqlite3.Row]:
    return psp.world.book.all(_SOUGHT, psp.system, f"{day}", f"{day + timedelta(days=1)}")


def _listed(row: sqlite3.Row, day: date) -> Iterator[Line]:
    """One line of the book as the file has it: as it is, or as its test number says."""
    back = row["entry"] == "cancel"
    local = str(row["at"])[:19].replace("T", " ")
    line = Line(
        back, local, row["approve_no"], row["last4"], row["order_id"], row["amount"], day, 10 * row["id"]
    )
    scenario = row["scenario"]
    if scenario == "90" or (scenario == "93" and back):
        return
    if scenario == "91":
        line = replace(line, amount=line.amount + TOO_MUCH)
    elif scenario == "97" and not back:
        line = replace(line, at=BROKEN_TIME)
    yield line
    if back:
        return
    if scenario == "92":
        yield replace(line, key=line.key + 1)
    elif scenario == "96":
        number = f"{99_000_000 + row['id'] % 1_000_000}"
        yield replace(line, approval=number, amount=STRANGE_AMOUNT, order_id="", key=line.key + 1)
    elif scenario == "99":
        yield replace(line, is_cancel=True, key=line.key + 1)


def _wrong_by(psp: Psp, day: date) -> int:
    with psp.world.book.write() as rows:
        mended = rows.execute(
            "UPDATE payment SET stumbled = 1 WHERE system = ? AND scenario = '98' AND stumbled = 0"
            " AND approved_at >= ? AND approved_at < ?",
            (psp.system, f"{day}", f"{day + timedelta(days=1)}"),
        )
        return 1 if mended.rowcount else 0


def _card(line: Line) -> list[object]:
    fee = line.amount * CARD_FEE_PER_MILLE // 1_000
    bought, paid = line.day + timedelta(days=1), line.day + timedelta(days=DEPOSIT_DAYS)
    kind = "취소" if line.is_cancel else "승인"
    card = f"****-****-****-{line.last4}"
    about = [kind, line.at, line.approval, card, "kvoucher_card", line.amount]
    return ["D", *about, f"{bought}", line.amount, fee, f"{paid}", line.amount - fee, line.order_id]


def _zeropay(line: Line) -> list[object]:
    paid = line.day + timedelta(days=DEPOSIT_DAYS)
    kind = "결제취소" if line.is_cancel else "결제"
    about = [kind, line.at, line.approval, "kvoucher_zeropay", line.order_id, line.amount]
    return ["D", *about, 0, f"{paid}", line.amount]


ENCODINGS = {"card": "cp949", "zeropay": "utf-8"}
TITLES: dict[str, list[str]] = {
    "card": [
        "구분", "취소구분", "거래일시", "승인번호", "카드번호", "가맹점번호", "승인금액", "매입일자",
        "매입금액", "수수료", "입금예정일", "입금액", "주문번호",
    ],
    "zeropay": [
        "구분", "거래구분", "거래일시", "승인번호", "가맹점ID", "주문번호", "결제금액", "수수료",
        "정산예정일", "정산금액",
    ],
}  # fmt: skip
ROWS: dict[str, Callable[[Line], list[object]]] = {"card": _card, "zeropay": _zeropay}
