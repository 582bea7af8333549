"""How long cases wait, in business days, as instants that an index can compare (R-SCR-3, R-SCR-5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    and_,
    column,
    false,
    func,
    or_,
    select,
    text,
    values,
)

from app import clock
from app.db import db
from app.models.applications import Application
from app.models.programme import ClosingDay, Programme

# The classes of the age histogram: business days, first and last; the last class is open.
AGES: tuple[tuple[int, int | None], ...] = ((0, 1), (2, 3), (4, 5), (6, 10), (11, 20), (21, None))
PACE_DAYS = 30
LEAST_DECISIONS = 5
"""A median of fewer decisions tells a company nothing."""


def age_label(first: int, last: int | None) -> str:
    """`4~5일`, `21일 이상`: a class as the histogram and its table name it."""
    return f"{first}~{last}일" if last is not None else f"{first}일 이상"


def age_key(first: int, last: int | None) -> str:
    """`4-5`, `21-`: a class in an address."""
    return f"{first}-{'' if last is None else last}"


def since(days: int) -> datetime:
    """The beginning of the last `days` Korean days, today among them."""
    return clock.start_of(clock.today() - timedelta(days=days - 1))


def arrivals(ages: Sequence[int], *, closed: Collection[date] = ()) -> list[datetime]:
    """For each age, ascending: since when a case must have come to have waited at most so long by now."""
    day, age, found = clock.today(), 0, []
    for most in ages:
        while age + clock.is_business_day(day, closed=closed) <= most:
            age += clock.is_business_day(day, closed=closed)
            day -= timedelta(days=1)
        found.append(clock.start_of(day))
    return found


@dataclass(frozen=True, kw_only=True)
class Limits:
    """One programme's limits at this moment: what came before them has waited longer."""

    programme_id: int
    promise: datetime
    ages: list[datetime]
    """Where the classes of AGES end, the first class first; the open one has no end."""


def limits() -> list[Limits]:
    """Of every programme, in two queries."""
    closed: dict[int, set[date]] = {}
    for programme_id, day in db.session.execute(select(ClosingDay.programme_id, ClosingDay.day)):
        closed.setdefault(programme_id, set()).add(day)
    ends = [last for _, last in AGES if last is not None]
    return [
        Limits(
            programme_id=programme_id,
            promise=arrivals([promised], closed=closed.get(programme_id, ()))[0],
            ages=arrivals(ends, closed=closed.get(programme_id, ())),
        )
        for programme_id, promised in db.session.execute(select(Programme.id, Programme.promised_days))
    ]


def bounds(found: Sequence[Limits]) -> Any:
    """The ends of the classes by programme, as a table to join; `found` is not empty."""
    ends = [column(f"end_{place}", DateTime(timezone=True)) for place in range(len(AGES) - 1)]
    rows = [(each.programme_id, *each.ages) for each in found]
    return values(column("programme_id", BigInteger), *ends, name="bounds").data(rows)


def count_by_age(instant: Any, ends: Any, *conditions: ColumnElement[bool]) -> list[Any]:
    """How many have waited since `instant` for as long as each class of AGES says; `ends` is `bounds()`."""
    last = len(AGES) - 1
    return [
        func.count().filter(
            instant.is_not(None),
            *conditions,
            *([instant >= ends.c[f"end_{place}"]] if place < last else []),
            *([instant < ends.c[f"end_{place - 1}"]] if place else []),
        )
        for place in range(len(AGES))
    ]


def over_promise(found: Sequence[Limits] | None = None) -> ColumnElement[bool]:
    """A case that waits longer than its programme promises (`Programme.promised_days`)."""
    return or_(
        false(),
        *[
            and_(Application.programme_id == each.programme_id, Application.submitted_at < each.promise)
            for each in (limits() if found is None else found)
        ],
    )


def of_age(key: str) -> ColumnElement[bool]:
    """A case whose waiting time lies in the class that `age_key` names; none where there is no such class."""
    place = next((at for at, ends in enumerate(AGES) if age_key(*ends) == key), None)
    if place is None:
        return false()
    return or_(
        false(),
        *[
            and_(
                Application.programme_id == each.programme_id,
                *([Application.submitted_at >= each.ages[place]] if place < len(each.ages) else []),
                *([Application.submitted_at < each.ages[place - 1]] if place else []),
            )
            for each in limits()
        ],
    )


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast an agency has decided in the last PACE_DAYS days (R-SCR-5)."""

    decisions: int
    median: float | None
    """Business days; None where the decisions are too few to tell."""
    business_days: int
    """How many business days lay in that time."""


# Of few different values, each counted once: the index alone answers, and only the values are sorted.
_PACE = text("""
SELECT waited_days, count(*) AS number
  FROM screening_round
 WHERE agency_id = :agency_id AND decided_at >= :since AND waited_days IS NOT NULL
 GROUP BY waited_days ORDER BY waited_days
""")


def pace(*, agency_id: int, closed: Collection[date] = ()) -> Pace:
    """The agency's pace by now, from one look into one index."""
    first = since(PACE_DAYS)
    rows = db.session.execute(_PACE, {"agency_id": agency_id, "since": first}).all()
    counted = [(row.waited_days, row.number) for row in rows]
    return Pace(
        decisions=sum(number for _, number in counted),
        median=_median(counted),
        business_days=clock.business_days_between(first, clock.now(), closed=closed)
        + clock.is_business_day(first.date(), closed=closed),
    )


def _median(counted: Sequence[tuple[int, int]]) -> float | None:
    """Of values that ascend, each with its number; of an even number, between the two in the middle."""
    total = sum(number for _, number in counted)
    if total < LEAST_DECISIONS:
        return None
    return (_at(counted, (total - 1) // 2) + _at(counted, total // 2)) / 2


def _at(counted: Sequence[tuple[int, int]], place: int) -> int:
    for value, number in counted:
        if place < number:
            return value
        place -= number
    raise IndexError(place)
