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
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

KST = ZoneInfo("Asia/Seoul")
WEEKDAYS = "월화수목금토일"

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


def write_day(day: date) -> str:
    """`2026.11.24.(화)`"""
    return f"{day:%Y.%m.%d.}({WEEKDAYS[day.weekday()]})"


def write_deadline(deadline: datetime) -> str:
    """`2026.11.24.(화) 24:00까지`: a deadline at midnight is named by the day that it ends."""
    local = deadline.astimezone(KST)
    if local.time() == time():
        return f"{write_day(local.date() - timedelta(days=1))} 24:00까지"
    return f"{write_day(local.date())} {local:%H:%M}까지"


def explain_deadline(instant: datetime, days: int, *, business: bool, closed: Collection[date] = ()) -> str:
    """A deadline in words (R-TIME-5a): `2026.11.24.(화) 24:00까지, 영업일 2일, 11.22.(일) 제외`."""
    deadline = deadline_after(instant, days, business=business, closed=closed)
    text = f"{write_deadline(deadline)}, {'영업일' if business else '달력일'} {days}일"
    skipped = skipped_days(instant, days, closed=closed) if business else []
    if skipped:
        text += ", " + "·".join(f"{d:%m.%d.}({WEEKDAYS[d.weekday()]})" for d in skipped) + " 제외"
    return text
