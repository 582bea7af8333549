"""Korean days and deadlines (R-TIME-1 to R-TIME-7), against dates taken from the calendar by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import clock

D = date.fromisoformat
CHUSEOK_CLOSED = frozenset({D("2020-11-18")})


def kst(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=clock.KST)


# asked, last day of the answer, why the days between do not count
BUSINESS = [
    ("2020-09-29 15:00", "2020-10-06", "Chuseok and a weekend: the example of R-TIME-2"),
    ("2020-09-28 09:00", "2020-10-05", "one day before Chuseok, one after"),
    ("2020-09-30 12:00", "2020-10-06", "asked on a holiday"),
    ("2020-10-03 23:59", "2020-10-06", "asked on a Saturday that is a holiday"),
    ("2020-10-08 10:00", "2020-10-13", "Hangul day on a Friday"),
    ("2020-01-23 10:00", "2020-01-29", "Seollal 2020 with its substitute holiday on Monday 27"),
    ("2020-01-22 10:00", "2020-01-28", "a day before Seollal, a day after"),
    ("2021-02-10 10:00", "2021-02-16", "Seollal 2021, no substitute for its Saturday"),
    ("2021-02-09 10:00", "2021-02-15", "a day before Seollal 2021, a day after"),
    ("2022-09-08 10:00", "2022-09-14", "Chuseok 2022 with its substitute holiday"),
    ("2020-04-14 10:00", "2020-04-17", "general election on Wednesday 15"),
    ("2020-04-13 10:00", "2020-04-16", "general election as the second day"),
    ("2022-03-08 10:00", "2022-03-11", "presidential election on Wednesday 9"),
    ("2022-05-31 10:00", "2022-06-03", "local elections on Wednesday 1"),
    ("2020-08-14 10:00", "2020-08-19", "temporary holiday on Monday 17"),
    ("2021-08-13 10:00", "2021-08-18", "Liberation day on a Sunday: substitute on Monday 16"),
    ("2021-10-01 10:00", "2021-10-06", "Foundation day on a Sunday: substitute on Monday 4"),
    ("2021-10-08 10:00", "2021-10-13", "Hangul day on a Saturday: substitute on Monday 11"),
    ("2020-12-30 10:00", "2021-01-04", "over the year's end"),
    ("2020-12-31 23:59", "2021-01-05", "the last minute of the year"),
    ("2020-12-24 10:00", "2020-12-29", "Christmas on a Friday"),
    ("2020-02-27 10:00", "2020-03-02", "leap day on a Saturday"),
    ("2020-02-28 10:00", "2020-03-03", "asked on the day before the leap day"),
    ("2020-11-16 09:00", "2020-11-18", "an ordinary Monday"),
    ("2020-11-20 23:59", "2020-11-24", "late on a Friday"),
    ("2020-11-21 00:00", "2020-11-24", "midnight belongs to the Saturday that begins"),
    ("2026-11-21 10:00", "2026-11-24", "the example of R-TIME-5a"),
]

CALENDAR = [
    ("2020-09-29 15:00", "2020-10-01", "holidays count"),
    ("2020-12-30 10:00", "2021-01-01", "over the year's end"),
    ("2020-02-27 10:00", "2020-02-29", "on the leap day"),
    ("2020-02-28 10:00", "2020-03-01", "over the leap day"),
    ("2021-02-27 23:59", "2021-03-01", "no leap day"),
    ("2020-11-20 00:00", "2020-11-22", "a weekend counts"),
]

MONTHS = [
    ("2021-01-31", 1, "2021-02-28"),
    ("2020-01-31", 1, "2020-02-29"),
    ("2020-01-29", 1, "2020-02-29"),
    ("2020-11-16", 1, "2020-12-16"),
    ("2020-12-15", 1, "2021-01-15"),
    ("2020-12-31", 8, "2021-08-31"),
    ("2020-06-30", 8, "2021-02-28"),
    ("2019-06-30", 8, "2020-02-29"),
    ("2020-10-31", 8, "2021-06-30"),
]


@pytest.mark.parametrize(("asked", "last", "why"), BUSINESS, ids=[row[2] for row in BUSINESS])
def test_two_business_days(asked: str, last: str, why: str) -> None:
    """R-TIME-2"""
    assert clock.deadline_after(kst(asked), 2, business=True) == clock.end_of(D(last))


@pytest.mark.parametrize(("asked", "last", "why"), CALENDAR, ids=[row[2] for row in CALENDAR])
def test_two_calendar_days(asked: str, last: str, why: str) -> None:
    """R-TIME-3"""
    assert clock.deadline_after(kst(asked), 2, business=False) == clock.end_of(D(last))


@pytest.mark.parametrize(("selected", "months", "last"), MONTHS)
def test_months(selected: str, months: int, last: str) -> None:
    """R-TIME-5: the same day, or the month's last one."""
    assert clock.months_deadline(D(selected), months) == clock.end_of(D(last))


def test_a_declared_closing_day_is_no_business_day() -> None:
    """R-TIME-2"""
    asked = kst("2020-11-16 09:00")
    assert clock.deadline_after(asked, 2, business=True, closed=CHUSEOK_CLOSED) == clock.end_of(
        D("2020-11-19")
    )
    assert clock.deadline_after(asked, 2, business=False, closed=CHUSEOK_CLOSED) == clock.end_of(
        D("2020-11-18")
    )


def test_the_korean_day_counts_wherever_the_server_stands() -> None:
    """R-TIME-1: 15:00 in Greenwich is the next day in Seoul."""
    instant = datetime(2020, 11, 16, 15, 0, tzinfo=UTC)
    assert clock.korean_day(instant) == D("2020-11-17")
    assert clock.deadline_after(instant, 2, business=True) == kst("2020-11-20 00:00")


def test_24_00_is_the_first_instant_of_the_next_day() -> None:
    """R-TIME-1"""
    assert clock.end_of(D("2020-12-31")) == clock.start_of(D("2021-01-01")) == kst("2021-01-01 00:00")


def test_words() -> None:
    """R-TIME-5a"""
    business, calendar = clock.Count(days=2, business=True), clock.Count(days=2)
    explained = clock.explain(kst("2026-11-21 10:00"), business)
    assert explained == "2026.11.24.(화) 24:00까지, 영업일 2일, 11.22.(일) 제외"
    chuseok = clock.explain(kst("2020-09-29 15:00"), business)
    assert chuseok == (
        "2020.10.06.(화) 24:00까지, 영업일 2일, 09.30.(수)·10.01.(목)·10.02.(금)·10.03.(토)·10.04.(일) 제외"
    )
    assert clock.explain(kst("2020-11-16 09:00"), business) == "2020.11.18.(수) 24:00까지, 영업일 2일"
    assert clock.explain(kst("2020-11-20 09:00"), calendar) == "2020.11.22.(일) 24:00까지, 달력일 2일"
    assert clock.write_deadline(kst("2020-11-16 18:30")) == "2020.11.16.(월) 18:30까지"
    assert clock.write_day(D("2020-11-16")) == "2020.11.16.(월)"


def test_waiting_time_in_business_days() -> None:
    """R-SCR-3"""
    assert clock.business_days_between(kst("2020-09-29 15:00"), kst("2020-10-06 09:00")) == 2
    assert clock.business_days_between(kst("2020-11-20 09:00"), kst("2020-11-22 09:00")) == 0
    closed = clock.business_days_between(
        kst("2020-11-16 09:00"), kst("2020-11-19 09:00"), closed=CHUSEOK_CLOSED
    )
    assert closed == 2


def test_frozen_time_nests_and_ends() -> None:
    with clock.at(kst("2020-11-16 09:00")):
        with clock.at(datetime(2020, 12, 1, tzinfo=UTC)):
            assert clock.now() == kst("2020-12-01 09:00")
            assert clock.now().tzinfo is clock.KST
        assert clock.now() == kst("2020-11-16 09:00")
        assert clock.today() == D("2020-11-16")
    assert abs(clock.now() - clock.real_now()) < timedelta(seconds=5)


def test_an_instant_without_a_zone_is_refused() -> None:
    naive = datetime(2020, 11, 16)  # noqa: DTZ001 - what is refused
    with pytest.raises(ValueError, match="time zone"), clock.at(naive):
        pass


def test_the_demonstrations_time_runs_on_beside_the_real_one() -> None:
    """R-TIME-7"""
    clock.set_offset(timedelta(days=-100))
    assert abs(clock.real_now() - timedelta(days=100) - clock.now()) < timedelta(seconds=5)
    assert clock.real_now().tzinfo is clock.KST


@given(
    st.datetimes(datetime(2015, 1, 1), datetime(2030, 12, 1)),  # noqa: DTZ001 - a zone is added below
    st.integers(1, 10),
)
def test_a_count_of_business_days_leaves_out_just_what_it_names(moment: datetime, days: int) -> None:
    """R-TIME-2: from the day after to the last day lie exactly the counted and the skipped days."""
    asked = moment.replace(tzinfo=clock.KST)
    deadline = clock.deadline_after(asked, days, business=True)
    last = clock.korean_day(deadline) - timedelta(days=1)
    skipped = clock.skipped_days(asked, days)
    assert clock.is_business_day(last)
    assert not any(map(clock.is_business_day, skipped))
    assert (last - asked.date()).days == days + len(skipped)
