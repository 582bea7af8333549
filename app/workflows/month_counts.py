"""How many entries a programme's months have (R-SET-3a)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import text

from app import clock
from app.db import db
from app.models.months import AccountingMonth, MonthState

_ENTRIES = text("""
SELECT CAST(date_trunc('month', at AT TIME ZONE 'Asia/Seoul') AS date) AS month, count(*) AS entries
  FROM journal WHERE programme_id = :programme_id AND at >= :starts GROUP BY 1
""")
_COUNT = text("""
SELECT count(*) FROM journal WHERE programme_id = :programme_id AND at >= :starts AND at < :ends
""")
_LATE = text("""
SELECT belongs_to AS month, count(*) AS entries FROM journal
 WHERE programme_id = :programme_id AND belongs_to IS NOT NULL GROUP BY 1
""")


def entries(programme_id: int, kept: Mapping[date, AccountingMonth]) -> dict[date, int]:
    """By month; `kept` in the order of time.

    Of what is closed it is known: the journal is read from the first month on that is not.
    """
    counted: dict[date, int] = {}
    starts = datetime.min.replace(tzinfo=clock.KST)
    for month, row in kept.items():
        if row.state is MonthState.OPEN or row.entries is None:
            break
        counted[month], starts = row.entries, _end(month)
    about = {"programme_id": programme_id, "starts": starts}
    return counted | {row.month: row.entries for row in db.session.execute(_ENTRIES, about)}


def late(programme_id: int) -> dict[date, int]:
    """By the month for which they came after its close."""
    found = db.session.execute(_LATE, {"programme_id": programme_id})
    return {row.month: row.entries for row in found}


def of(programme_id: int, month: date) -> int:
    """Of one month."""
    about = {"programme_id": programme_id, "starts": clock.start_of(month), "ends": _end(month)}
    return int(db.session.execute(_COUNT, about).scalar_one())


def _end(month: date) -> datetime:
    return clock.start_of(clock.add_months(month, 1))
