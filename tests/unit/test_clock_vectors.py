"""The table of deadlines worked out by hand, against the clock, and the page that is made from it."""

from __future__ import annotations

import runpy
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app import clock
from tests.clock_vectors import EACH, VECTORS, Kind, Vector

DOCS = Path(__file__).parents[2] / "docs"
# As a programme is set up (R-TIME-2, R-TIME-3, R-TIME-5).
COUNTS: dict[Kind, clock.Count] = {
    "consultation": clock.Count(days=2, business=True),
    "payment": clock.Count(days=2),
    "first_payment": clock.Count(months=1),
    "full_use": clock.Count(months=8),
}
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(("kind", "vector"), EACH, ids=[f"{kind} {v.at}" for kind, v in EACH])
def test_a_deadline_worked_out_by_hand(kind: Kind, vector: Vector) -> None:
    """R-TIME-1 to R-TIME-5: 24:00 of the last day is the first instant that is too late."""
    found = clock.run(vector.instant, COUNTS[kind]).deadline
    assert found == vector.deadline
    assert clock.last_day(found).isoformat() == vector.last
    assert (found.hour, found.minute, (found - TICK).date().isoformat()) == (0, 0, vector.last)


def test_the_table_covers_each_year_and_each_kind_of_day() -> None:
    years = Counter(vector.last[:4] for vector in VECTORS["consultation"])
    assert set(years) == {str(year) for year in range(2020, 2027)}
    assert min(years.values()) >= 4 and len(EACH) >= 40
    assert len({(kind, vector.at) for kind, vector in EACH}) == len(EACH), "a vector stands there twice"


@pytest.mark.parametrize(
    "day",
    [
        "2020-04-15", "2022-03-09", "2022-06-01", "2024-04-10", "2025-06-03", "2026-06-03",
        "2020-08-17", "2023-10-02", "2024-10-01", "2025-01-27",
    ],
)  # fmt: skip
def test_election_days_and_temporary_holidays_are_known(day: str) -> None:
    """R-TIME-2: they follow from no rule of the calendar."""
    assert not clock.is_business_day(datetime.fromisoformat(day).date())


def test_the_page_is_made_from_the_table() -> None:
    made = runpy.run_path(str(DOCS / "make_deadlines.py"))["document"]()
    written = (DOCS / "deadlines.md").read_text(encoding="utf-8")
    assert written == made, "docs/deadlines.md is not up to date: run `make docs`"
