"""Deadlines worked out by hand from the Korean calendar of 2020 to 2026 (R-TIME-1 to R-TIME-5a).

Nothing here is computed: a deadline is the instant that a person finds with a wall calendar and the law.
Public holidays are those of 관공서의 공휴일에 관한 규정 (a decree; election days at the end of a term by its
article 2 no. 10의2, what the government declares from time to time by no. 11, substitute days by article 3)
and, since July 2021, of 공휴일에 관한 법률. Substitute days are given for Seollal, Chuseok and Children's day
since 2014, for the four national days since August 2021, for Buddha's birthday and Christmas since May 2023.
Labour day and Constitution day are public holidays since 2026 only, by the amended act.

`docs/deadlines.md` is made from this table.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from app import clock

Kind = Literal["consultation", "payment", "first_payment", "full_use"]


class Vector(NamedTuple):
    at: str
    """When the supplier was asked, the bill sent or the budget confirmed."""
    last: str
    """The day at whose 24:00 the deadline strikes."""
    why: str

    @property
    def instant(self) -> datetime:
        return datetime.fromisoformat(self.at).replace(tzinfo=clock.KST)

    @property
    def deadline(self) -> datetime:
        """24:00 of the last day, by the calendar alone: `clock.end_of` is among what is tested."""
        return datetime.fromisoformat(self.last).replace(tzinfo=clock.KST) + timedelta(days=1)


# 24:00 of the second business day after the day of the request (R-TIME-2).
CONSULTATIONS = (
    # The examples of the rules, and where a day begins and ends.
    Vector(
        "2020-09-29 15:00", "2020-10-06", "R-TIME-2's example: Chuseok (Wed to Fri) and a weekend between"
    ),
    Vector("2026-11-21 10:00", "2026-11-24", "R-TIME-5a's example: asked on a Saturday, the Sunday left out"),
    Vector("2020-11-16 09:00", "2020-11-18", "an ordinary Monday"),
    Vector("2020-11-20 23:59", "2020-11-24", "the last minute of a Friday: Monday and Tuesday count"),
    Vector("2020-11-21 00:00", "2020-11-24", "24:00 of that Friday is already Saturday (R-TIME-1)"),
    Vector("2020-11-22 23:59", "2020-11-24", "the last minute of a Sunday: Monday is the first day"),
    Vector("2020-11-23 00:00", "2020-11-25", "a minute later it is Monday, and Tuesday is the first day"),
    # Seollal.
    Vector("2020-01-22 10:00", "2020-01-28", "Thursday counts, then Seollal and its substitute Monday"),
    Vector("2020-01-23 18:00", "2020-01-29", "Seollal Fri to Sun, substitute on Monday 27 for the Sunday"),
    Vector("2021-02-10 10:00", "2021-02-16", "Seollal Thu to Sat: a Saturday gives no substitute"),
    Vector("2022-01-28 10:00", "2022-02-04", "Seollal Mon to Wed after a weekend"),
    Vector("2023-01-20 10:00", "2023-01-26", "Seollal Sat to Mon, substitute on Tuesday 24"),
    Vector("2024-02-08 10:00", "2024-02-14", "Seollal Fri to Sun, substitute on Monday 12"),
    Vector("2025-01-24 10:00", "2025-02-03", "temporary holiday on Monday 27, Seollal Tue to Thu, a weekend"),
    Vector("2026-02-13 10:00", "2026-02-20", "Seollal Mon to Wed after a weekend"),
    # Chuseok.
    Vector("2021-09-17 10:00", "2021-09-24", "Chuseok Mon to Wed after a weekend"),
    Vector("2022-09-08 10:00", "2022-09-14", "Chuseok Fri to Sun, substitute on Monday 12"),
    Vector(
        "2023-09-27 10:00", "2023-10-05", "Chuseok, temporary holiday on Mon 10-02, Foundation day on Tue"
    ),
    Vector("2024-09-13 10:00", "2024-09-20", "Chuseok Mon to Wed after a weekend"),
    Vector(
        "2025-10-02 10:00", "2025-10-13", "Foundation day, Chuseok, its substitute, Hangul day: nine days"
    ),
    Vector("2026-09-23 10:00", "2026-09-29", "Chuseok Thu to Sat: a Saturday gives no substitute"),
    # Election days: of 공직선거법 제34조, and 2025, after a vacancy, declared as a temporary holiday.
    Vector("2020-04-14 10:00", "2020-04-17", "National Assembly election on Wednesday 15"),
    Vector("2022-03-08 10:00", "2022-03-11", "presidential election on Wednesday 9"),
    Vector("2022-05-31 10:00", "2022-06-03", "local elections on Wednesday 1"),
    Vector("2024-04-09 10:00", "2024-04-12", "National Assembly election on Wednesday 10"),
    Vector("2025-06-02 10:00", "2025-06-05", "presidential election on Tuesday 3"),
    Vector("2026-06-02 10:00", "2026-06-05", "local elections on Wednesday 3"),
    # Temporary holidays that the government declared.
    Vector(
        "2020-08-14 10:00", "2020-08-19", "temporary holiday on Monday 17, after Liberation day on a Saturday"
    ),
    Vector(
        "2024-09-30 10:00", "2024-10-04", "Armed Forces day a temporary holiday, Foundation day on Thursday"
    ),
    # Substitute holidays: since when, and for which days.
    Vector("2020-06-05 10:00", "2020-06-09", "Memorial day on a Saturday: never a substitute"),
    Vector("2021-06-04 10:00", "2021-06-08", "Memorial day on a Sunday: never a substitute"),
    Vector("2021-02-26 10:00", "2021-03-03", "Independence Movement day on a Monday"),
    Vector("2021-08-13 10:00", "2021-08-18", "Liberation day on a Sunday: the first substitute of its kind"),
    Vector("2021-10-01 10:00", "2021-10-06", "Foundation day on a Sunday, substitute on Monday 4"),
    Vector("2021-10-08 10:00", "2021-10-13", "Hangul day on a Saturday, substitute on Monday 11"),
    Vector("2022-10-07 10:00", "2022-10-12", "Hangul day on a Sunday, substitute on Monday 10"),
    Vector("2022-05-06 10:00", "2022-05-10", "Buddha's birthday on a Sunday: no substitute before 2023"),
    Vector(
        "2023-05-26 10:00", "2023-05-31", "Buddha's birthday on a Saturday: its first substitute, Monday 29"
    ),
    Vector("2021-12-24 10:00", "2021-12-28", "Christmas on a Saturday: no substitute before 2023"),
    Vector("2022-12-23 10:00", "2022-12-27", "Christmas on a Sunday: no substitute before 2023"),
    Vector("2024-05-03 10:00", "2024-05-08", "Children's day on a Sunday, substitute on Monday 6"),
    Vector("2025-05-02 10:00", "2025-05-08", "Children's day is Buddha's birthday: substitute on Tuesday 6"),
    Vector(
        "2025-02-28 10:00", "2025-03-05", "Independence Movement day on a Saturday, substitute on Monday 3"
    ),
    Vector("2026-02-27 10:00", "2026-03-04", "Independence Movement day on a Sunday, substitute on Monday 2"),
    Vector("2026-08-14 10:00", "2026-08-19", "Liberation day on a Saturday, substitute on Monday 17"),
    Vector("2026-10-02 10:00", "2026-10-07", "Foundation day on a Saturday, substitute on Monday 5"),
    # What is on the calendar and no public holiday, until it is one.
    Vector("2020-04-29 10:00", "2020-05-04", "Buddha's birthday on Thursday, but Labour day (Friday) counts"),
    Vector("2025-04-30 10:00", "2025-05-02", "Labour day counts"),
    Vector(
        "2026-04-30 10:00", "2026-05-06", "Labour day is a public holiday since 2026, then Children's day"
    ),
    Vector("2020-07-16 10:00", "2020-07-20", "Constitution day counts"),
    Vector("2025-07-16 10:00", "2025-07-18", "Constitution day counts"),
    Vector("2026-07-16 10:00", "2026-07-21", "Constitution day is a public holiday again since 2026"),
    # Year's end and leap day.
    Vector("2020-12-24 10:00", "2020-12-29", "Christmas on a Friday"),
    Vector("2020-12-30 10:00", "2021-01-04", "over the year's end: New Year's day is a Friday"),
    Vector("2020-12-31 23:59", "2021-01-05", "the last minute of the year"),
    Vector("2021-12-31 10:00", "2022-01-04", "New Year's day on a Saturday: never a substitute"),
    Vector("2022-12-30 10:00", "2023-01-03", "New Year's day on a Sunday: never a substitute"),
    Vector("2023-12-29 10:00", "2024-01-03", "New Year's day on a Monday"),
    Vector(
        "2024-02-28 10:00", "2024-03-04", "the leap day counts, Independence Movement day on Friday does not"
    ),
)

# 24:00 of the second calendar day after the day of the bill (R-TIME-3).
PAYMENTS = (
    Vector("2020-09-29 15:00", "2020-10-01", "Chuseok itself: every day counts"),
    Vector("2020-11-20 00:00", "2020-11-22", "the first minute of a Friday: until Sunday"),
    Vector("2020-11-20 23:59", "2020-11-22", "and its last minute"),
    Vector("2020-12-30 10:00", "2021-01-01", "on New Year's day"),
    Vector("2020-12-31 23:59", "2021-01-02", "over the year's end"),
    Vector("2020-02-27 10:00", "2020-02-29", "on the leap day"),
    Vector("2020-02-28 10:00", "2020-03-01", "over the leap day"),
    Vector("2021-02-27 23:59", "2021-03-01", "a year without one"),
    Vector("2025-01-26 10:00", "2025-01-28", "into Seollal"),
    Vector("2026-06-01 10:00", "2026-06-03", "on an election day"),
)

# 24:00 of the same day one month after the day of selection (R-TIME-5).
FIRST_PAYMENTS = (
    Vector("2020-11-16 10:00", "2020-12-16", "the same day"),
    Vector("2020-01-31 10:00", "2020-02-29", "R-TIME-5's example in a leap year"),
    Vector("2021-01-31 10:00", "2021-02-28", "R-TIME-5's example in an ordinary one"),
    Vector("2020-02-29 10:00", "2020-03-29", "from the leap day"),
    Vector("2021-03-31 10:00", "2021-04-30", "the month's last day"),
    Vector("2020-12-31 23:59", "2021-01-31", "over the year's end"),
    Vector("2021-08-21 10:00", "2021-09-21", "on Chuseok: holidays do not matter"),
)

# 24:00 of the same day eight months after it (R-TIME-5).
FULL_USES = (
    Vector("2020-11-16 10:00", "2021-07-16", "the same day"),
    Vector("2020-06-30 10:00", "2021-02-28", "February of an ordinary year"),
    Vector("2023-06-30 10:00", "2024-02-29", "February of a leap year"),
    Vector("2020-08-31 10:00", "2021-04-30", "the month's last day"),
    Vector("2020-10-31 10:00", "2021-06-30", "the month's last day"),
    Vector("2020-12-31 23:59", "2021-08-31", "both months have the day"),
    Vector("2021-02-28 10:00", "2021-10-28", "the last day of a month is not kept as such"),
)

VECTORS: dict[Kind, tuple[Vector, ...]] = {
    "consultation": CONSULTATIONS,
    "payment": PAYMENTS,
    "first_payment": FIRST_PAYMENTS,
    "full_use": FULL_USES,
}
EACH = [(kind, vector) for kind, vectors in VECTORS.items() for vector in vectors]
