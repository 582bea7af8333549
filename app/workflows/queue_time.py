"""How long the queue's cases wait, in business days, against what a programme promises (R-SCR-3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select

from app import clock
from app.db import db
from app.models.programme import ClosingDay, Programme
from app.workflows import waiting

_DAY = timedelta(days=1)
FIRST = datetime(2000, 1, 1, tzinfo=clock.KST)
"""Before any programme."""
Window = tuple[datetime, datetime]


@dataclass(frozen=True)
class Promise:
    days: int
    closed: frozenset[date]


class QueueTime:
    """The calendars of all programmes, read once; each day is counted once, however many cases came on it."""

    def __init__(self, promises: dict[int, Promise], now: datetime) -> None:
        self._promises, self._today = promises, clock.korean_day(now)
        # How many business days after a day have begun, from today backwards.
        self._waited = {key: [0] for key in promises}

    @classmethod
    def read(cls) -> QueueTime:
        closed = select(func.array_agg(ClosingDay.day)).where(ClosingDay.programme_id == Programme.id)
        rows = db.session.execute(select(Programme.id, Programme.promised_days, closed.scalar_subquery()))
        return cls({key: Promise(days, frozenset(off or ())) for key, days, off in rows}, clock.now())

    def waited(self, programme_id: int, since: datetime) -> int:
        """Business days since the day of arrival; as `clock.business_days_between`."""
        back = (self._today - clock.korean_day(since)).days
        counts, closed = self._waited[programme_id], self._promises[programme_id].closed
        while len(counts) <= back:
            day = self._today - (len(counts) - 1) * _DAY
            counts.append(counts[-1] + clock.is_business_day(day, closed=closed))
        return counts[max(back, 0)]

    def is_late(self, programme_id: int, since: datetime) -> bool:
        return self.waited(programme_id, since) > self._promises[programme_id].days

    def windows(self, *, late: bool, age: str) -> dict[int, Window]:
        """By programme, between which instants a case must have come to be late, or of that class of age.

        Empty where neither is asked for; nothing lies in the windows of a class that there is not.
        """
        if not late and not age:
            return {}
        return {key: self._window(promise, late, age) for key, promise in self._promises.items()}

    def _window(self, promise: Promise, late: bool, age: str) -> Window:
        since, before = FIRST, clock.end_of(self._today)
        if age:
            first, last = next((ends for ends in waiting.AGES if waiting.age_key(*ends) == age), (0, -1))
            since = self._arrived(promise, last) if last is not None and last >= 0 else since
            before = FIRST if last == -1 else self._arrived(promise, first - 1) if first else before
        return since, min(before, self._arrived(promise, promise.days)) if late else before

    def _arrived(self, promise: Promise, days: int) -> datetime:
        """Since when a case must have come to have waited for at most so long."""
        return waiting.arrivals([days], closed=promise.closed)[0]
