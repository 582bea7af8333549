"""How a programme counts: its settings, closing days and stopped clocks, read together (R-TIME-2 to 5a).

Every `due_at` is worked out here, when its clock begins and when it is moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlalchemy import func, select

from app import clock
from app.db import db
from app.models.companies import Company
from app.models.deals import Deal
from app.models.programme import ClockStop, ClosingDay, Programme

Kind = Literal["consultation", "payment", "first_payment", "full_use", "offer"]
KINDS: dict[Kind, str] = {
    "consultation": "거래상담 답변",
    "payment": "결제",
    "first_payment": "바우처 첫 결제",
    "full_use": "바우처 사용",
    "offer": "예산 안내 답변",
}

_LOCKS = 20_200_817 << 32
"""With a programme's id: the advisory lock of its clocks."""


@dataclass(frozen=True)
class Reckoner:
    programme: Programme
    closed: frozenset[date]
    stops: tuple[clock.Stop, ...]

    def count(self, kind: Kind) -> clock.Count:
        """Raises ValueError for another kind."""
        own = self.programme
        match kind:
            case "consultation":
                return self._days(own.consultation_days, business=own.consultation_business)
            case "payment":
                return self._days(own.payment_days, business=own.payment_business)
            case "offer":
                return self._days(own.offer_days, business=True)
            case "first_payment":
                return clock.Count(months=own.first_payment_months)
            case "full_use":
                return clock.Count(months=own.full_use_months)
        raise ValueError(f"no deadline of kind {kind}")

    def _days(self, days: int, *, business: bool) -> clock.Count:
        return clock.Count(days=days, business=business, closed=self.closed if business else frozenset())

    def deadline(self, kind: Kind, begin: datetime) -> datetime:
        return clock.run(begin, self.count(kind), self.stops).deadline

    def business_deadline(self, begin: datetime, days: int) -> datetime:
        return clock.run(begin, self._days(days, business=True), self.stops).deadline

    def voucher(self, selected_on: date) -> tuple[datetime, datetime]:
        """First payment and full use (R-TIME-5). The clocks of a voucher begin with the 선정일."""
        begin = clock.start_of(selected_on)
        return self.deadline("first_payment", begin), self.deadline("full_use", begin)


def of(programme: Programme) -> Reckoner:
    """For the screens; who begins a clock says `begin`."""
    closed = db.session.scalars(select(ClosingDay.day).where(ClosingDay.programme_id == programme.id))
    return Reckoner(programme, frozenset(closed), stops(programme_id=programme.id))


def stops(*, programme_id: int) -> tuple[clock.Stop, ...]:
    """In the order of their start."""
    rows = db.session.execute(
        select(ClockStop.starts_at, ClockStop.ends_at, ClockStop.reason)
        .where(ClockStop.programme_id == programme_id)
        .order_by(ClockStop.starts_at)
    )
    return tuple(clock.Stop(*row) for row in rows)


def begin(programme: Programme) -> Reckoner:
    """For whoever begins a clock, inside its transaction: until it ends, nobody stops or moves clocks.

    Who also locks deals, vouchers or offers says `hold_…` before that: a declaration locks in this order.
    """
    db.session.execute(select(func.pg_advisory_xact_lock_shared(_LOCKS + programme.id)))
    return of(programme)


def hold_of_company(company_id: int) -> None:
    """Keep the clocks of a company's programme from being stopped or moved until the transaction ends."""
    shared = func.pg_advisory_xact_lock_shared(Company.programme_id + _LOCKS)
    db.session.execute(select(shared).where(Company.id == company_id))


def hold_of_deal(deal_id: int) -> None:
    """Keep the clocks of a deal's programme from being stopped or moved until the transaction ends."""
    shared = func.pg_advisory_xact_lock_shared(Deal.programme_id + _LOCKS)
    db.session.execute(select(shared).where(Deal.id == deal_id))


def hold_alone(programme_id: int) -> None:
    """Wait for those who are beginning clocks, and keep others out until the transaction ends."""
    db.session.execute(select(func.pg_advisory_xact_lock(_LOCKS + programme_id)))


def moved(before: Reckoner, after: Reckoner, kind: Kind, begin: datetime, due_at: datetime) -> datetime:
    """A running deadline under `after`, where it was reckoned under `before`; never earlier.

    What runs by settings of an earlier day keeps them (R-TIME-4) and is moved from where it stands.
    """
    if clock.run(begin, before.count(kind), before.stops).deadline == due_at:
        due = clock.run(begin, after.count(kind), after.stops).deadline
    else:
        due = _moved_on(before, after, kind, begin, due_at)
    return max(due, due_at)


def _moved_on(before: Reckoner, after: Reckoner, kind: Kind, begin: datetime, due_at: datetime) -> datetime:
    count, old = after.count(kind), before.count(kind)
    if count.business:
        first, last = clock.korean_day(begin), clock.last_day(due_at)
        closed = [day for day in count.closed - old.closed if clock.is_business_day(day, closed=old.closed)]
        lost = sum(first < day <= last for day in closed)
        if lost:
            due_at = clock.Count(days=lost, business=True, closed=count.closed).deadline(clock.start_of(last))
    new = [
        stop._replace(starts_at=max(stop.starts_at, begin))
        for stop in after.stops
        if stop not in before.stops and stop.ends_at > begin
    ]
    return clock.extend(due_at, count, [*new, *(s for s in before.stops if s.starts_at >= due_at and new)])
