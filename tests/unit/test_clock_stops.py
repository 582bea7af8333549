"""Deadlines with stopped clocks (R-TIME-5a) and vouchers' vectors (R-TIME-5), reckoned by hand."""

from __future__ import annotations

import dataclasses
import random
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import clock
from app.clock import Count, Stop
from app.models.programme import Programme
from app.workflows import reckoning
from app.workflows.reckoning import Reckoner

D = date.fromisoformat
BUSINESS, CALENDAR = Count(days=2, business=True), Count(days=2)
MONTH, EIGHT = Count(months=1), Count(months=8)


def kst(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=clock.KST)


def stop(starts: str, ends: str, reason: str = "장애") -> Stop:
    return Stop(kst(starts), kst(ends), reason)


# asked, stop, deadline, why
CONSULTATIONS = [
    ("2020-11-16 09:00", "2020-11-17 09:00", "2020-11-17 13:00", "2020-11-19 04:00", "four hours"),
    ("2020-11-16 09:00", "2020-11-19 09:00", "2020-11-19 13:00", "2020-11-18 24:00", "after the deadline"),
    ("2020-11-16 09:00", "2020-11-19 00:00", "2020-11-20 00:00", "2020-11-18 24:00", "at the deadline"),
    ("2020-11-16 09:00", "2020-11-18 23:59", "2020-11-19 00:01", "2020-11-19 00:02", "a minute before"),
    ("2020-11-16 09:00", "2020-11-16 08:00", "2020-11-17 10:00", "2020-11-19 24:00", "asked in a stop"),
    ("2020-11-16 08:00", "2020-11-16 08:00", "2020-11-17 00:00", "2020-11-19 24:00", "asked as it begins"),
    ("2020-11-16 12:00", "2020-11-16 08:00", "2020-11-16 12:00", "2020-11-18 24:00", "asked as it ends"),
    ("2020-11-18 10:00", "2020-11-20 09:00", "2020-11-20 13:00", "2020-11-23 24:00", "onto a Saturday"),
    ("2020-11-17 10:00", "2020-11-19 00:00", "2020-11-20 00:00", "2020-11-20 24:00", "24:00 of a Friday"),
    ("2020-11-16 09:00", "2020-11-19 06:00", "2020-11-19 08:00", "2020-11-18 24:00", "not reached"),
    ("2020-09-28 09:00", "2020-09-29 00:00", "2020-09-30 00:00", "2020-10-06 24:00", "a day by Chuseok"),
    ("2020-09-25 10:00", "2020-09-29 10:00", "2020-09-29 14:00", "2020-10-05 24:00", "onto Chuseok"),
    ("2020-09-29 15:00", "2020-10-02 00:00", "2020-10-02 06:00", "2020-10-07 06:00", "on a holiday"),
    ("2020-01-22 10:00", "2020-01-23 09:00", "2020-01-24 09:00", "2020-01-29 24:00", "over Seollal"),
    ("2020-01-23 10:00", "2020-01-28 09:00", "2020-01-28 12:00", "2020-01-30 03:00", "after a substitute"),
    ("2020-08-13 10:00", "2020-08-14 09:00", "2020-08-14 10:00", "2020-08-19 01:00", "temporary holiday"),
    ("2020-08-12 10:00", "2020-08-14 09:00", "2020-08-14 10:00", "2020-08-18 24:00", "onto that weekend"),
    ("2020-04-13 10:00", "2020-04-14 09:00", "2020-04-15 09:00", "2020-04-17 24:00", "election day"),
    ("2020-12-30 10:00", "2020-12-31 18:00", "2021-01-01 18:00", "2021-01-05 24:00", "the year's end"),
]


def read(text: str) -> datetime:
    """`24:00` is the first instant of the next day."""
    return clock.end_of(D(text[:10])) if text.endswith("24:00") else kst(text)


@pytest.mark.parametrize(
    ("asked", "starts", "ends", "deadline", "why"), CONSULTATIONS, ids=[row[4] for row in CONSULTATIONS]
)
def test_consultations(asked: str, starts: str, ends: str, deadline: str, why: str) -> None:
    """R-TIME-5a on R-TIME-2."""
    assert clock.run(kst(asked), BUSINESS, [stop(starts, ends)]).deadline == read(deadline)


def test_a_moved_deadline_reaches_the_next_stop() -> None:
    """R-TIME-5a: the second alone would come too late."""
    stops = [stop("2020-11-19 06:00", "2020-11-19 08:00"), stop("2020-11-17 00:00", "2020-11-17 12:00")]
    assert clock.run(kst("2020-11-16 09:00"), BUSINESS, stops).deadline == kst("2020-11-19 14:00")


def test_a_bill_moves_by_the_minutes_that_were_lost() -> None:
    """R-TIME-5a on R-TIME-3: calendar days end where they end, also on a Monday at half past one."""
    stops = [stop("2020-11-21 10:00", "2020-11-21 11:30")]
    assert clock.run(kst("2020-11-20 15:00"), CALENDAR, stops).deadline == kst("2020-11-23 01:30")


def test_a_moved_deadline_does_not_end_on_a_closing_day() -> None:
    """R-TIME-2, R-TIME-5a"""
    stops = [stop("2020-11-17 09:00", "2020-11-17 13:00")]
    count = Count(days=2, business=True, closed=frozenset({D("2020-11-19")}))
    assert clock.run(kst("2020-11-16 09:00"), count, stops).deadline == kst("2020-11-21 00:00")
    count = Count(days=2, business=True, closed=frozenset({D("2020-11-18")}))
    assert clock.run(kst("2020-11-16 09:00"), count, stops).deadline == kst("2020-11-20 04:00")


# selected, first payment, full use, why
VOUCHERS = [
    ("2021-01-31", "2021-02-28", "2021-09-30", "no 31st"),
    ("2020-01-31", "2020-02-29", "2020-09-30", "a leap year"),
    ("2020-02-29", "2020-03-29", "2020-10-29", "selected on the leap day"),
    ("2019-06-29", "2019-07-29", "2020-02-29", "ends on the leap day"),
    ("2019-07-30", "2019-08-30", "2020-03-30", "eight months over a leap day"),
    ("2020-06-30", "2020-07-30", "2021-02-28", "full use in a short month"),
    ("2020-10-01", "2020-11-01", "2021-06-01", "selected on Chuseok: a Sunday ends it all the same"),
    ("2020-08-17", "2020-09-17", "2021-04-17", "selected on a temporary holiday"),
    ("2020-12-30", "2021-01-30", "2021-08-30", "at the year's end"),
    ("2020-12-31", "2021-01-31", "2021-08-31", "on the year's last day"),
]


@pytest.mark.parametrize(("selected", "first", "full", "why"), VOUCHERS, ids=[row[3] for row in VOUCHERS])
def test_vouchers(selected: str, first: str, full: str, why: str) -> None:
    """R-TIME-5"""
    begin = clock.start_of(D(selected))
    assert clock.run(begin, MONTH).deadline == clock.end_of(D(first))
    assert clock.run(begin, EIGHT).deadline == clock.end_of(D(full))


def test_a_stop_moves_both_clocks_of_a_voucher() -> None:
    """R-TIME-5a on R-TIME-5"""
    begin, outage = clock.start_of(D("2020-11-16")), stop("2020-12-01 09:00", "2020-12-01 18:00")
    late = stop("2021-01-10 00:00", "2021-01-11 00:00")
    assert clock.run(begin, MONTH, [late, outage]).deadline == kst("2020-12-17 09:00")
    assert clock.run(begin, EIGHT, [late, outage]).deadline == kst("2021-07-18 09:00")


def test_selected_while_the_clocks_stood_still() -> None:
    """R-TIME-5a: the months count from the day on which the stop ends."""
    decree = stop("2020-12-28 00:00", "2021-01-04 00:00", "조치")
    begin = clock.start_of(D("2020-12-30"))
    assert clock.run(begin, MONTH, [decree]).deadline == kst("2021-02-05 00:00")
    assert clock.run(begin, EIGHT, [decree]).deadline == kst("2021-09-05 00:00")


def test_words_name_stops_and_days_left_out() -> None:
    """R-TIME-5a"""
    outage = stop("2020-11-20 09:00", "2020-11-20 13:00")
    assert clock.explain(kst("2020-11-18 10:00"), BUSINESS, [outage]) == (
        "2020.11.23.(월) 24:00까지, 영업일 2일, 11.21.(토)·11.22.(일) 제외, "
        "2020.11.20.(금) 09:00~13:00 중지(장애) 포함"
    )
    assert clock.explain(kst("2020-11-20 10:00"), CALENDAR, [outage]) == (
        "2020.11.22.(일) 24:00까지, 달력일 2일, 2020.11.20.(금) 09:00~13:00 중지(장애) 뒤부터 셈"
    )
    decree = stop("2021-01-10 00:00", "2021-01-13 00:00", "조치")
    assert clock.explain(clock.start_of(D("2020-12-31")), MONTH, [decree]) == (
        "2021.02.03.(수) 24:00까지, 선정일 2020.12.31.(목)부터 1개월, "
        "2021.01.10.(일) 00:00~2021.01.12.(화) 24:00 중지(조치) 포함"
    )


def test_a_period_in_words() -> None:
    assert (
        clock.write_period(kst("2020-11-20 09:00"), kst("2020-11-20 13:30")) == "2020.11.20.(금) 09:00~13:30"
    )
    assert (
        clock.write_period(kst("2020-11-20 09:00"), kst("2020-11-21 00:00")) == "2020.11.20.(금) 09:00~24:00"
    )
    assert clock.write_period(kst("2020-11-20 09:00"), kst("2020-11-21 01:00")) == (
        "2020.11.20.(금) 09:00~2020.11.21.(토) 01:00"
    )


periods = st.lists(st.tuples(st.integers(0, 30 * 24), st.integers(1, 60)), max_size=5)


def stops_of(periods: list[tuple[int, int]]) -> list[Stop]:
    """Hours after a Monday morning and hours of length, as stops that do not overlap."""
    made: list[Stop] = []
    for hours, length in sorted(periods):
        begins = kst("2020-09-21 09:00") + timedelta(hours=hours)
        if not made or made[-1].ends_at <= begins:
            made.append(Stop(begins, begins + timedelta(hours=length), "장애"))
    return made


@given(st.integers(-48, 20 * 24), periods, st.booleans())
def test_stops_only_ever_give_time(hours: int, lost: list[tuple[int, int]], business: bool) -> None:
    """R-TIME-5a: each stop counted moves it by its length; a business clock ends on a business day."""
    begin, stops = kst("2020-09-21 09:00") + timedelta(hours=hours), stops_of(lost)
    count = Count(days=2, business=business)
    found = clock.run(begin, count, stops)
    length = sum((s.ends_at - s.starts_at for s in found.stood), timedelta())
    assert found.deadline >= count.deadline(found.begun) + length
    assert found.begun >= begin
    if business:
        assert clock.is_business_day(clock.last_day(found.deadline))
    else:
        assert found.deadline == count.deadline(found.begun) + length


@given(st.integers(-48, 20 * 24), periods, st.sampled_from(["consultation", "payment"]), st.randoms())
def test_declared_in_any_order_it_is_the_same_deadline(
    hours: int, lost: list[tuple[int, int]], kind: reckoning.Kind, chance: random.Random
) -> None:
    """R-TIME-5a, R-TIME-6: what moves a running deadline ends where a new clock would have."""
    programme = Programme(
        consultation_days=2, consultation_business=True, payment_days=2, payment_business=False
    )
    begin, stops = kst("2020-09-21 09:00") + timedelta(hours=hours), stops_of(lost)
    reckoner = Reckoner(programme, frozenset(), ())
    due = reckoner.deadline(kind, begin)
    for declared in chance.sample(stops, len(stops)):
        after = dataclasses.replace(reckoner, stops=tuple(sorted([*reckoner.stops, declared])))
        due = reckoning.moved(reckoner, after, kind, begin, due)
        reckoner = after
    assert due == clock.run(begin, reckoner.count(kind), stops).deadline


def test_what_runs_by_earlier_settings_is_moved_from_where_it_stands() -> None:
    """R-TIME-4, R-TIME-5a"""
    programme = Programme(consultation_days=2, consultation_business=True)
    before = Reckoner(programme, frozenset(), (stop("2020-11-20 00:00", "2020-11-20 02:00"),))
    begin, due = kst("2020-11-16 09:00"), clock.end_of(D("2020-11-19"))  # three days, as it was then
    outage = stop("2020-11-17 09:00", "2020-11-17 13:00")
    after = dataclasses.replace(before, stops=(outage, *before.stops))
    moved = reckoning.moved(before, after, "consultation", begin, due)
    assert moved == kst("2020-11-20 06:00")  # and so reaches the stop that it did not count
    inside = stop("2020-11-16 08:00", "2020-11-16 12:00")
    after = dataclasses.replace(before, stops=(inside, *before.stops))
    assert reckoning.moved(before, after, "consultation", begin, due) == kst("2020-11-20 05:00")
    closed = dataclasses.replace(before, closed=frozenset({D("2020-11-18"), D("2020-11-21")}))
    assert reckoning.moved(before, closed, "consultation", begin, due) == kst("2020-11-23 00:00") - timedelta(
        days=2
    )
    assert reckoning.moved(before, before, "consultation", begin, due) == due


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="no deadline"):
        Reckoner(Programme(), frozenset(), ()).count("other")  # type: ignore[arg-type]
