"""What the console shows of the daily files: the board of days, one file, its lines (R-SET-3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db
from app.documents import store
from app.errors import NotFound
from app.models.payments import Payment, PaymentState
from app.models.statements import (
    ItemState,
    ReconItem,
    StatementFetch,
    StatementFile,
    StatementLine,
    StatementMatch,
    StatementSystem,
)
from app.models.vouchers import InstrumentKind
from app.policy import Actor, Permission

TOTAL = Payment.grant_part + Payment.share_part + Payment.tax_part
_CHARGED = (PaymentState.PAID, PaymentState.CANCELLING, PaymentState.CANCELLED)


@dataclass(frozen=True)
class Sums:
    """One book of one day of one system; won."""

    charges: int = 0
    charged: int = 0
    cancels: int = 0
    cancelled: int = 0

    @property
    def net(self) -> int:
        return self.charged - self.cancelled


@dataclass(frozen=True)
class Cell:
    """A day of one system: its file or why there is none, our side, and what differs."""

    system: StatementSystem
    day: date
    file: StatementFile | None
    error: str | None
    ours: Sums
    open_items: int
    items: int

    @property
    def gap(self) -> int | None:
        """Theirs less ours, won; None without a file."""
        return self.file.charged - self.file.cancelled - self.ours.net if self.file else None


@dataclass(frozen=True)
class Board:
    """A month, the latest day first, each day with its systems."""

    month: date
    days: list[list[Cell]]
    before: date
    after: date | None

    def cells(self) -> Iterator[Cell]:
        for day in self.days:
            yield from day


@dataclass(frozen=True)
class FilePage:
    file: StatementFile
    ours: Sums
    unmatched: int
    """Lines that are not accounted for as of now."""
    open_items: int


@dataclass(frozen=True)
class LineRow:
    line: StatementLine
    matched: str
    """How it is accounted for, or empty."""
    payment_id: int | None
    order_id: str | None
    item_id: int | None

    @property
    def id(self) -> int:
        return self.line.id


def board(*, actor: Actor, month: date | None = None) -> Board:
    """The month's days until today, in a fixed number of queries. Raises Denied."""
    policy.require(actor, Permission.RECONCILE_VIEW)
    first = (month or clock.today()).replace(day=1)
    after = clock.add_months(first, 1)
    last = min(after - timedelta(days=1), clock.today())
    days = [last - timedelta(days=n) for n in range((last - first).days + 1)]
    found = _Month(first, after)
    return Board(
        month=first,
        days=[[found.cell(system, day) for system in StatementSystem] for day in days],
        before=clock.add_months(first, -1),
        after=after if after <= clock.today() else None,
    )


class _Month:
    """What is known of the days in [first, after), by system and day."""

    def __init__(self, first: date, after: date) -> None:
        def within(column: Any) -> ColumnElement[bool]:
            return and_(column >= first, column < after)

        files = db.session.scalars(select(StatementFile).where(within(StatementFile.day)))
        self.files = {(file.system, file.day): file for file in files}
        tried = select(StatementFetch.system, StatementFetch.day, StatementFetch.error)
        self.errors = {(s, d): e for s, d, e in db.session.execute(tried.where(within(StatementFetch.day)))}
        live = func.count().filter(ReconItem.state != ItemState.CLOSED)
        items = (
            select(ReconItem.system, ReconItem.day, live, func.count())
            .where(within(ReconItem.day))
            .group_by(ReconItem.system, ReconItem.day)
        )
        self.items = {(s, d): (n, every) for s, d, n, every in db.session.execute(items)}
        self.ours = ours(first, after)

    def cell(self, system: StatementSystem, day: date) -> Cell:
        key = system, day
        open_items, items = self.items.get(key, (0, 0))
        return Cell(
            system,
            day,
            self.files.get(key),
            self.errors.get(key),
            self.ours.get(key, Sums()),
            open_items,
            items,
        )


def ours(first: date, after: date) -> dict[tuple[StatementSystem, date], Sums]:
    """Our side of the days in [first, after), by the gateways' instants."""
    both = _side(Payment.paid_at, _CHARGED, first, after, back=False).union_all(
        _side(Payment.cancelled_at, (PaymentState.CANCELLED,), first, after, back=True)
    )
    side = both.subquery()
    counted = [func.count().filter(side.c.back.is_(flag)) for flag in (False, True)]
    summed = [func.coalesce(func.sum(side.c.won).filter(side.c.back.is_(flag)), 0) for flag in (False, True)]
    rows = db.session.execute(
        select(side.c.system, side.c.day, counted[0], summed[0], counted[1], summed[1]).group_by(
            side.c.system, side.c.day
        )
    )
    return {
        (StatementSystem(system), day): Sums(charges, int(charged), cancels, int(cancelled))
        for system, day, charges, charged, cancels, cancelled in rows
    }


def _side(at: Any, states: tuple[PaymentState, ...], first: date, after: date, *, back: bool) -> Select[Any]:
    zeropay = Payment.instrument_kind == InstrumentKind.ZEROPAY
    return select(
        case((zeropay, StatementSystem.ZEROPAY.value), else_=StatementSystem.CARD.value).label("system"),
        func.date(func.timezone("Asia/Seoul", at)).label("day"),
        TOTAL.label("won"),
        literal(back).label("back"),
    ).where(Payment.state.in_(states), at >= clock.start_of(first), at < clock.start_of(after))


def file(*, actor: Actor, file_id: int) -> FilePage:
    """One file with its sums beside ours. Raises Denied, NotFound."""
    found = _file(actor, file_id)
    unmatched = db.session.scalar(
        select(func.count())
        .select_from(StatementLine)
        .outerjoin(StatementMatch, StatementMatch.line_id == StatementLine.id)
        .where(StatementLine.file_id == file_id, StatementMatch.line_id.is_(None))
    )
    live = (ReconItem.opened_by_file_id == file_id) & (ReconItem.state != ItemState.CLOSED)
    opened = db.session.scalar(select(func.count()).select_from(ReconItem).where(live))
    side = ours(found.day, found.day + timedelta(days=1)).get((found.system, found.day), Sums())
    return FilePage(found, side, unmatched or 0, opened or 0)


def _file(actor: Actor, file_id: int) -> StatementFile:
    policy.require(actor, Permission.RECONCILE_VIEW)
    query = (
        select(StatementFile).where(StatementFile.id == file_id).options(joinedload(StatementFile.taken_by))
    )
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NotFound()
    return found


def original(*, actor: Actor, file_id: int) -> tuple[str, bytes]:
    """The file as it came: its name and its content. Raises Denied, NotFound."""
    found = _file(actor, file_id)
    return f"{found.system.value}_{found.day:%Y%m%d}.csv", store.read(found.sha256)


def lines(
    *, actor: Actor, file_id: int, only_open: bool = False, after: int = 0, size: int = 50
) -> list[LineRow]:
    """A file's lines with the payments that they match; `only_open` leaves those without. By keyset."""
    policy.require(actor, Permission.RECONCILE_VIEW)
    query = (
        select(StatementLine, StatementMatch, Payment.order_id, ReconItem)
        .outerjoin(StatementMatch, StatementMatch.line_id == StatementLine.id)
        .outerjoin(Payment, Payment.id == StatementMatch.payment_id)
        .outerjoin(ReconItem, ReconItem.line_id == StatementLine.id)
        .where(StatementLine.file_id == file_id, StatementLine.id > after)
        .order_by(StatementLine.id)
        .limit(size)
    )
    if only_open:
        query = query.where(or_(StatementMatch.line_id.is_(None), ReconItem.id.is_not(None)))
    return [
        LineRow(
            line,
            _how(match, item),
            match.payment_id if match is not None else None,
            order_id,
            item.id if item is not None else None,
        )
        for line, match, order_id, item in db.session.execute(query)
    ]


def _how(match: StatementMatch | None, item: ReconItem | None) -> str:
    if match is None:
        return ""
    if match.against_line_id is not None:
        return "승인·취소 상계"
    return "담당자 연결" if item is not None and item.with_item_id is not None else "자동 대조"
