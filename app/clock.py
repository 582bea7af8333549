"""The only source of now(), and the arithmetic of Korean days and deadlines (R-TIME-1 to R-TIME-7).

Two clocks: `now()` is the programme's time, which a demonstration may move forward; `real_now()` is for
log-ins, sessions, signatures and anything the outer world dates. Instants are aware datetimes in Asia/Seoul.
"D+n 24:00" is the first instant of day D+n+1: an action at that instant or later is late.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays

KST = ZoneInfo("Asia/Seoul")
WEEKDAYS = "월화수목금토일"
_TICK = timedelta(microseconds=1)

_frozen: ContextVar[datetime | None] = ContextVar("frozen_now", default=None)
_offset: ContextVar[timedelta] = ContextVar("clock_offset", default=timedelta())


def real_now() -> datetime:
    """The real instant, in Korean time."""
    return datetime.now(KST)


def now() -> datetime:
    """The programme's instant, in Korean time."""
    frozen = _frozen.get()
    return frozen if frozen is not None else real_now() + _offset.get()


def set_offset(offset: timedelta) -> None:
    """How far the demonstration's time is from the real one (R-TIME-7); zero outside a demonstration."""
    _offset.set(offset)


@contextmanager
def at(instant: datetime) -> Iterator[None]:
    """Everything inside happens at `instant`: for `--at`, for histories and for tests."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    token = _frozen.set(instant.astimezone(KST))
    try:
        yield
    finally:
        _frozen.reset(token)


def today() -> date:
    """The programme's Korean day."""
    return now().date()


def korean_day(instant: datetime) -> date:
    return instant.astimezone(KST).date()


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=KST)


def end_of(day: date) -> datetime:
    """24:00 of the day (R-TIME-1): the first instant that is too late."""
    return start_of(day + timedelta(days=1))


@lru_cache(maxsize=64)
def _public_holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("KR", years=year, categories=("public",)))


def is_business_day(day: date, *, closed: Collection[date] = ()) -> bool:
    """No Saturday, Sunday, public or substitute holiday, or declared closing day (R-TIME-2)."""
    return day.weekday() < 5 and day not in _public_holidays(day.year) and day not in closed


def _count(day: date, days: int, counts: Callable[[date], bool]) -> date:
    while days > 0:
        day += timedelta(days=1)
        days -= counts(day)
    return day


def deadline_after(
    instant: datetime, days: int, *, business: bool, closed: Collection[date] = ()
) -> datetime:
    """24:00 of the nth business or calendar day after the day of `instant` (R-TIME-2, R-TIME-3, R-TIME-4)."""
    first = korean_day(instant)
    if not business:
        return end_of(first + timedelta(days=days))
    return end_of(_count(first, days, lambda day: is_business_day(day, closed=closed)))


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the month's last day where it has none (R-TIME-5)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def months_deadline(selected: date, months: int) -> datetime:
    """24:00 of the same day `months` later (R-TIME-5)."""
    return end_of(add_months(selected, months))


def business_days_between(first: datetime, last: datetime, *, closed: Collection[date] = ()) -> int:
    """How many business days after the day of `first` have begun by `last`: a waiting time (R-SCR-3)."""
    day, end, count = korean_day(first), korean_day(last), 0
    while day < end:
        day += timedelta(days=1)
        count += is_business_day(day, closed=closed)
    return count


def skipped_days(instant: datetime, days: int, *, closed: Collection[date] = ()) -> list[date]:
    """The days that a count of business days left out, oldest first."""
    day, skipped = korean_day(instant), []
    while days > 0:
        day += timedelta(days=1)
        if is_business_day(day, closed=closed):
            days -= 1
        else:
            skipped.append(day)
    return skipped


def last_day(deadline: datetime) -> date:
    """The day on which a deadline strikes; that at 24:00 belongs to the day that it ends (R-TIME-1)."""
    return korean_day(deadline - _TICK)


class Stop(NamedTuple):
    """A period in which clocks stand still (R-TIME-5a); its end is exclusive."""

    starts_at: datetime
    ends_at: datetime
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Count:
    """How a clock counts: months, or business or calendar days, after the day on which it begins."""

    days: int = 0
    months: int = 0
    business: bool = False
    closed: frozenset[date] = frozenset()

    def deadline(self, begin: datetime) -> datetime:
        """Where nothing stops the clock (R-TIME-2, R-TIME-3, R-TIME-5)."""
        if self.months:
            return months_deadline(korean_day(begin), self.months)
        return deadline_after(begin, self.days, business=self.business, closed=self.closed)

    def settle(self, moved: datetime) -> datetime:
        """A count of business days ends on one: a moved deadline goes on to the next one's 24:00."""
        if not self.business or is_business_day(last_day(moved), closed=self.closed):
            return moved
        return end_of(_count(last_day(moved), 1, lambda day: is_business_day(day, closed=self.closed)))


@dataclass(frozen=True)
class Run:
    """A clock from its beginning to its deadline."""

    begun: datetime
    """When it began to count: after the stop in which it was started."""
    deadline: datetime
    waited: tuple[Stop, ...]
    """Those in which it was started."""
    stood: tuple[Stop, ...]
    """Those by whose length it was moved."""
    skipped: tuple[date, ...]
    """The days that a count of business days left out, oldest first."""


def run(begin: datetime, count: Count, stops: Collection[Stop] = ()) -> Run:
    """The one way to a deadline (R-TIME-2 to R-TIME-5a).

    A clock started in a stop begins when it ends; each stop that begins while it runs moves it by its whole
    length, in their order, so that a moved deadline may reach the next.
    """
    begun, waited = begin, []
    for stop in sorted(stops):
        if stop.starts_at <= begun < stop.ends_at:
            begun = stop.ends_at
            waited.append(stop)
    skipped = skipped_days(begun, count.days, closed=count.closed) if count.business else []
    deadline, stood = count.deadline(begun), []
    for stop in sorted(stops):
        if begun < stop.starts_at < deadline:
            stood.append(stop)
            moved = deadline + (stop.ends_at - stop.starts_at)
            deadline = count.settle(moved)
            skipped += _days(last_day(moved), last_day(deadline))
    return Run(begun, deadline, tuple(waited), tuple(stood), tuple(skipped))


def extend(deadline: datetime, count: Count, stops: Collection[Stop]) -> datetime:
    """Move a deadline that runs by the stops that it does not count yet and now reaches."""
    for stop in sorted(stops):
        if stop.starts_at < deadline:
            deadline = count.settle(deadline + (stop.ends_at - stop.starts_at))
    return deadline


def _days(first: date, last: date) -> list[date]:
    """From `first` until the day before `last`."""
    return [first + timedelta(days=n) for n in range((last - first).days)]


def write_day(day: date) -> str:
    """`2026.11.24.(화)`"""
    return f"{day:%Y.%m.%d.}({WEEKDAYS[day.weekday()]})"


def write_deadline(deadline: datetime) -> str:
    """`2026.11.24.(화) 24:00까지`: a deadline at midnight is named by the day that it ends."""
    local = deadline.astimezone(KST)
    if local.time() == time():
        return f"{write_day(local.date() - timedelta(days=1))} 24:00까지"
    return f"{write_day(local.date())} {local:%H:%M}까지"


def write_period(starts_at: datetime, ends_at: datetime) -> str:
    """`2020.11.20.(금) 09:00~13:00`; an end at midnight is 24:00 of the day that it ends."""
    first, last = korean_day(starts_at), last_day(ends_at)
    ends = ends_at.astimezone(KST)
    hour = "24:00" if ends.time() == time() else f"{ends:%H:%M}"
    until = hour if first == last else f"{write_day(last)} {hour}"
    return f"{write_day(first)} {starts_at.astimezone(KST):%H:%M}~{until}"


def write_stop(stop: Stop) -> str:
    """`2020.11.20.(금) 09:00~13:00 중지(장애)`"""
    return f"{write_period(stop.starts_at, stop.ends_at)} 중지({stop.reason})"


def explain(begin: datetime, count: Count, stops: Collection[Stop] = ()) -> str:
    """A deadline in words (R-TIME-5a): `2026.11.24.(화) 24:00까지, 영업일 2일, 11.22.(일) 제외`."""
    found = run(begin, count, stops)
    parts = [write_deadline(found.deadline)]
    if count.months:
        parts.append(f"선정일 {write_day(korean_day(begin))}부터 {count.months}개월")
        counted = korean_day(found.begun)
        if add_months(counted, count.months).day != counted.day:
            parts.append("같은 날이 없는 달이라 그 달의 마지막 날")
    else:
        parts.append(f"{'영업일' if count.business else '달력일'} {count.days}일")
    if found.skipped:
        parts.append("·".join(f"{d:%m.%d.}({WEEKDAYS[d.weekday()]})" for d in found.skipped) + " 제외")
    parts += [f"{write_stop(stop)} 뒤부터 셈" for stop in found.waited]
    parts += [f"{write_stop(stop)} 포함" for stop in found.stood]
    return ", ".join(parts)
