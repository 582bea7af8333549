"""Our book of payments beside the gateways' own (R-PAY-4): two sets, compared line by line.

A line is a charge or a cancellation, placed by the gateway's instant, which is also our `paid_at` and
`cancelled_at`. The gateway's book is read by pages, and ours for the stretch of time that a page covers, so
that neither lies in memory whole. What nobody knows yet is left out on both sides, and counted.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select

from app.db import db, transaction
from app.errors import Refusal
from app.gateways.errors import GatewayError
from app.gateways.payments import Transaction
from app.models.payments import UNDECIDED, Payment, PaymentState
from app.models.types import Labelled
from app.models.vouchers import InstrumentKind
from app.workflows import cancellations
from app.workflows.reconciliation_orders import Known, known_orders

log = logging.getLogger(__name__)

DECIDED = (PaymentState.PAID, PaymentState.CANCELLED)
CARDS = tuple(kind for kind in InstrumentKind if kind.is_card)
SYSTEMS = {"신한카드": CARDS, "제로페이": (InstrumentKind.ZEROPAY,)}
ROWS_AT_ONCE = 1_000


class DifferenceKind(Labelled):
    ONLY_OURS = "only_ours", "우리 장부에만 있는 결제"
    ONLY_THEIRS = "only_theirs", "결제 기관에만 있는 결제"
    UNKNOWN_ORDER = "unknown_order", "우리가 모르는 주문"
    AMOUNT = "amount", "금액이 다른 결제"
    CANCEL_ONLY_OURS = "cancel_only_ours", "우리 장부에만 있는 취소"
    CANCEL_ONLY_THEIRS = "cancel_only_theirs", "결제 기관에만 있는 취소"
    DOUBLED = "doubled", "두 번 승인된 결제"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One book: how many charges and cancellations, and the charges less the cancellations, won."""

    count: int = 0
    sum: int = 0


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One order on which the books do not agree; `ours` and `theirs` are the won that it stands at."""

    kind: DifferenceKind
    order_id: str
    payment_id: int | None
    ours: int
    theirs: int
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Books:
    """What was compared. Left out: what is undecided, and charges that went back again."""

    ours: Side
    theirs: Side
    undecided: int
    """Payments of which nobody knows yet whether they, or their cancellation or return, came about."""
    undecided_by: dict[str, int]
    """The same by what is waited for: pending, cancelling, returning."""
    returned: int
    """Payments that failed here and that the gateway has given back: they cancel out in its book."""
    differences: list[Difference]

    @property
    def agree(self) -> bool:
        return not self.differences


class OutOfReach(Refusal):
    """A gateway does not hand out its book."""

    status = 503

    def __init__(self, system: str) -> None:
        super().__init__(
            "reconciliation.out_of_reach",
            f"{system}의 거래 목록을 받지 못해 장부를 대조하지 못했습니다. "
            "연결을 확인하고 잠시 뒤 다시 실행해 주세요.",
        )


@dataclass(frozen=True)
class _Line:
    """A charge, or a cancellation with negative won, as both books have it."""

    order_id: str
    amount: int
    payment_key: str

    @property
    def place(self) -> tuple[str, bool]:
        return self.order_id, self.amount < 0


@dataclass
class _Rest:
    """What found no counterpart of one order; won, and on which side."""

    ours: Counter[_Line] = field(default_factory=Counter)
    theirs: Counter[_Line] = field(default_factory=Counter)

    @staticmethod
    def _won(lines: Counter[_Line], *, back: bool) -> int:
        return sum(abs(line.amount) * n for line, n in lines.items() if (line.amount < 0) is back)

    def charged(self) -> tuple[int, int]:
        return self._won(self.ours, back=False), self._won(self.theirs, back=False)

    def cancelled(self) -> tuple[int, int]:
        return self._won(self.ours, back=True), self._won(self.theirs, back=True)


@dataclass
class _Pass:
    """One reading of both books."""

    ours: Counter[str] = field(default_factory=Counter)
    theirs: Counter[str] = field(default_factory=Counter)
    rests: defaultdict[str, _Rest] = field(default_factory=lambda: defaultdict(_Rest))

    def enter(self, side: Counter[str], line: _Line) -> None:
        side["count"] += 1
        side["sum"] += line.amount


def compare(*, since: datetime, until: datetime) -> Books:
    """Compare everything that the gateways date in [since, until). Takes no lock and changes nothing.

    May run while people pay: what differs is looked at a second time, and only what differs again counts.
    Raises OutOfReach where a gateway does not hand out its book.
    """
    found = _read(since, until)
    if found.rests:
        again = _read(since, until)
        same = {order: rest for order, rest in again.rests.items() if found.rests.get(order) == rest}
        again.rests = defaultdict(_Rest, same)
        found = again
    return _judge(found)


def _read(since: datetime, until: datetime) -> _Pass:
    result = _Pass()
    for system, kinds in SYSTEMS.items():
        gateway = cancellations.gateway_of(kinds[0])
        try:
            for low, high, theirs in _stretches(gateway.transactions(since=since, until=until), since, until):
                _match(result, kinds, low, high, theirs)
        except GatewayError as error:
            log.warning("the gateway's book was not handed out", extra={"why": type(error).__name__})
            raise OutOfReach(system) from None
    return result


def _stretches(
    pages: Iterable[list[Transaction]], since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime, list[Transaction]]]:
    """The gateway's lines with the stretch of time that they fill, end exclusive: what happened at the last
    instant of a page may go on in the next."""
    low, kept = since, list[Transaction]()
    for page in pages:
        kept += page
        if kept and kept[0].at < (high := kept[-1].at):
            yield low, high, [row for row in kept if row.at < high]
            low, kept = high, [row for row in kept if row.at >= high]
    yield low, until, kept


def _match(
    result: _Pass, kinds: tuple[InstrumentKind, ...], low: datetime, high: datetime, theirs: list[Transaction]
) -> None:
    """Strike out what both books have in [low, high); the rest is kept by order.

    The undecided are read before ours: one that is decided in between is left out on both sides.
    """
    with transaction():
        undecided = _undecided_orders(kinds)
        open_lines: defaultdict[tuple[str, bool], Counter[_Line]] = defaultdict(Counter)
        for row in theirs:
            if row.order_id not in undecided:
                line = _Line(row.order_id, row.amount, row.payment_key)
                open_lines[line.place][line] += 1
                result.enter(result.theirs, line)
        for line in _ours(kinds, low, high):
            if line.order_id in undecided:
                continue
            result.enter(result.ours, line)
            counterpart = open_lines.get(line.place)
            if counterpart and counterpart[line]:
                counterpart[line] -= 1
            else:
                result.rests[line.order_id].ours[line] += 1
    for (order_id, _), lines in open_lines.items():
        if left := +lines:
            result.rests[order_id].theirs += left


def _undecided_orders(kinds: tuple[InstrumentKind, ...]) -> set[str]:
    query = select(Payment.order_id).where(Payment.state.in_(UNDECIDED), Payment.instrument_kind.in_(kinds))
    return set(db.session.execute(query).scalars())


def _ours(kinds: tuple[InstrumentKind, ...], low: datetime, high: datetime) -> Iterator[_Line]:
    def within(column: ColumnElement[datetime | None]) -> ColumnElement[bool]:
        return and_(column >= low, column < high)

    charged, back = within(Payment.paid_at), within(Payment.cancelled_at)  # type: ignore[arg-type]
    total = Payment.grant_part + Payment.share_part + Payment.tax_part
    query = select(
        Payment.order_id, Payment.payment_key, total, charged.label("charged"), back.label("back")
    ).where(Payment.state.in_(DECIDED), Payment.instrument_kind.in_(kinds), or_(charged, back))
    for order_id, key, won, is_charged, is_back in db.session.execute(
        query.execution_options(yield_per=ROWS_AT_ONCE)
    ):
        if is_charged:
            yield _Line(order_id, won, key or "")
        if is_back:
            yield _Line(order_id, -won, key or "")


def _judge(found: _Pass) -> Books:
    differences, returned, returning = [], 0, 0
    theirs = Counter(found.theirs)
    with transaction():
        known = known_orders(found.rests)
        waiting = _undecided_counts()
    for order_id, rest in sorted(found.rests.items()):
        order = known.get(order_id)
        if order is not None and order.failed and _went_back(rest, order):
            returned, returning = returned + (not order.returning), returning + order.returning
            theirs["count"] -= rest.theirs.total()
            theirs["sum"] -= sum(line.amount * n for line, n in rest.theirs.items())
        elif difference := _difference(order_id, rest, order):
            differences.append(difference)
    waiting["returning"] = returning
    return Books(
        ours=Side(count=found.ours["count"], sum=found.ours["sum"]),
        theirs=Side(count=theirs["count"], sum=theirs["sum"]),
        undecided=sum(waiting.values()),
        undecided_by=waiting,
        returned=returned,
        differences=differences,
    )


def _undecided_counts() -> dict[str, int]:
    query = select(Payment.state, func.count()).where(Payment.state.in_(UNDECIDED)).group_by(Payment.state)
    found = {state: count for state, count in db.session.execute(query)}
    return {state.value: found.get(state, 0) for state in UNDECIDED}


def _went_back(rest: _Rest, order: Known) -> bool:
    """Whether a charge of a payment that failed is no difference: all of it went back, or is on its way."""
    charged, cancelled = rest.charged()[1], rest.cancelled()[1]
    return charged == cancelled or order.returned or order.returning


def _difference(order_id: str, rest: _Rest, order: Known | None) -> Difference | None:
    (our_charge, their_charge), (our_cancel, their_cancel) = rest.charged(), rest.cancelled()
    kind = _kind(rest, order)
    if kind is None:
        return None
    ours = order.stands_at if order else 0
    theirs = ours + (their_charge - their_cancel) - (our_charge - our_cancel)
    return Difference(
        kind=kind,
        order_id=order_id,
        payment_id=order.payment_id if order else None,
        ours=ours,
        theirs=theirs,
        sentence=_sentence(kind, ours, theirs),
    )


def _kind(rest: _Rest, order: Known | None) -> DifferenceKind | None:
    (our_charge, their_charge), (our_cancel, their_cancel) = rest.charged(), rest.cancelled()
    if order is None:
        return DifferenceKind.UNKNOWN_ORDER
    if our_charge != their_charge:
        if not our_charge:
            return DifferenceKind.ONLY_THEIRS if order.failed else DifferenceKind.DOUBLED
        return DifferenceKind.AMOUNT if their_charge else DifferenceKind.ONLY_OURS
    if our_cancel != their_cancel:
        if not our_cancel:
            return DifferenceKind.CANCEL_ONLY_THEIRS
        return DifferenceKind.AMOUNT if their_cancel else DifferenceKind.CANCEL_ONLY_OURS
    return None  # the same won in other parts, as a cancellation in two


SENTENCES = {
    DifferenceKind.ONLY_OURS: (
        "우리 장부에는 결제 {ours:,}원이 있으나 결제 기관에는 없습니다. "
        "정산을 보류하고 결제 기관에 문의해 주세요."
    ),
    DifferenceKind.ONLY_THEIRS: (
        "결제 기관은 {theirs:,}원을 받았으나 우리 장부에는 결제가 없습니다. "
        "'미확정 결제'에서 다시 확인하고, 남아 있으면 결제 기관에서 취소해 주세요."
    ),
    DifferenceKind.UNKNOWN_ORDER: (
        "우리가 만들지 않은 주문이 결제 기관에 {theirs:,}원으로 있습니다. 결제 기관에 출처를 문의해 주세요."
    ),
    DifferenceKind.AMOUNT: (
        "금액이 다릅니다. "
        "우리 장부 {ours:,}원, "
        "결제 기관 {theirs:,}원입니다. 결제 기관에 승인 내역을 요청해 확인해 주세요."
    ),
    DifferenceKind.CANCEL_ONLY_OURS: (
        "우리 장부에는 취소되었으나 결제 기관에는 {theirs:,}원이 남아 있습니다. 결제 기관에서 취소해 주세요."
    ),
    DifferenceKind.CANCEL_ONLY_THEIRS: (
        "결제 기관에서 취소되어 {theirs:,}원이 남았으나 우리 장부에는 {ours:,}원입니다. "
        "공급기업에 결제취소를 요청해 주세요."
    ),
    DifferenceKind.DOUBLED: (
        "우리 장부에는 {ours:,}원이나 결제 기관은 {theirs:,}원을 받았습니다. "
        "남는 승인을 결제 기관에서 취소해 주세요."
    ),
}


def _sentence(kind: DifferenceKind, ours: int, theirs: int) -> str:
    return SENTENCES[kind].format(ours=ours, theirs=theirs)
