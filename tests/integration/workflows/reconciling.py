"""What the tests of reconciliation share: daily files as the systems write them, and what they brought."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from app import clock
from app.db import db, transaction
from app.models.payments import Payment
from app.models.programme import Programme
from app.models.statements import Bucket, ItemState, ReconItem, StatementFile, StatementSystem
from app.policy import CLOCK
from app.workflows import matching, statements
from tests import factories

DAY = date(2020, 11, 10)
CARD_TITLES = (
    "구분,취소구분,거래일시,승인번호,카드번호,가맹점번호,승인금액,매입일자,매입금액,수수료,입금예정일,입금액,주문번호"
).split(",")
ZEROPAY_TITLES = (
    "구분,거래구분,거래일시,승인번호,가맹점ID,주문번호,결제금액,수수료,정산예정일,정산금액"
).split(",")


@dataclass(frozen=True)
class Row:
    """One line of a file; won."""

    approval: str
    amount: int
    at: datetime
    order: str = ""
    is_cancel: bool = False

    def on(self, day: date) -> Row:
        return replace(self, at=datetime.combine(day, self.at.time(), tzinfo=clock.KST))


def charge(payment: Payment, **changes: Any) -> Row:
    """The payment as the other side has it."""
    assert payment.paid_at and payment.approval_number
    return replace(Row(payment.approval_number, payment.total, payment.paid_at, payment.order_id), **changes)


def back(payment: Payment, **changes: Any) -> Row:
    """Its cancellation."""
    assert payment.cancelled_at and payment.approval_number
    row = Row(payment.approval_number, payment.total, payment.cancelled_at, payment.order_id, is_cancel=True)
    return replace(row, **changes)


@dataclass
class File:
    """A daily file to write; what stands in `trailer` takes the place of what adds up."""

    day: date = DAY
    system: StatementSystem = StatementSystem.CARD
    rows: list[Row] = field(default_factory=list)
    raw: list[list[str]] = field(default_factory=list)
    """Further lines, as they stand."""
    trailer: list[str] | None = None

    def lines(self) -> list[list[str]]:
        return [self._cells(row) for row in self.rows] + self.raw

    def _cells(self, row: Row) -> list[str]:
        at = f"{row.at.astimezone(clock.KST):%Y-%m-%d %H:%M:%S}"
        day, amount = "2020-11-13", str(row.amount)
        if self.system is StatementSystem.CARD:
            kind = "취소" if row.is_cancel else "승인"
            card = "****-****-****-1234"
            return [
                "D", kind, at, row.approval, card, "shop", amount, day, amount, "80", day, amount, row.order
            ]  # fmt: skip
        kind = "결제취소" if row.is_cancel else "결제"
        return ["D", kind, at, row.approval, "shop", row.order, amount, "0", day, amount]

    def content(self) -> bytes:
        titles = CARD_TITLES if self.system is StatementSystem.CARD else ZEROPAY_TITLES
        sums = [sum(row.amount for row in self.rows if row.is_cancel is b) for b in (False, True)]
        trailer = self.trailer or ["T", str(len(self.lines())), *map(str, sums)]
        out = io.StringIO(newline="")
        head = ["H", self.system.value.upper(), f"{self.day:%Y%m%d}", "shop"]
        csv.writer(out, lineterminator="\r\n").writerows([head, titles, *self.lines(), trailer])
        return out.getvalue().encode("cp949" if self.system is StatementSystem.CARD else "utf-8")


def begin() -> None:
    """A first programme of long ago: the year of any other depends on how many tests ran before."""
    if db.session.scalar(select(Programme.id).where(Programme.year == 1000)) is None:
        with transaction():
            factories.make_programme(year=1000)


def take(file: File, name: str = "statement.csv") -> StatementFile:
    """As the job does: taken, once the day is over, and matched."""
    begin()
    with clock.at(max(clock.now(), clock.end_of(file.day))):
        taken = statements.take(actor=CLOCK, content=file.content(), file_name=name)
    matching.match(file_id=taken.id)
    return db.session.get_one(StatementFile, taken.id, populate_existing=True)


def days(*files: list[Row], first: date = DAY, system: StatementSystem = StatementSystem.CARD) -> None:
    """The files of days in a row, each with these lines."""
    for place, rows in enumerate(files):
        take(File(first + timedelta(days=place), system, rows))


def items(*, state: ItemState | None = ItemState.OPEN) -> list[ReconItem]:
    query = select(ReconItem).order_by(ReconItem.id).execution_options(populate_existing=True)
    if state is not None:
        query = query.where(ReconItem.state == state)
    return list(db.session.scalars(query))


def buckets(*, state: ItemState | None = ItemState.OPEN) -> list[Bucket]:
    return [item.bucket for item in items(state=state)]
