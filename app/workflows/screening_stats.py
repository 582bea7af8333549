"""Numbers of the screening that a manager acts on, agency by agency (R-SCR-3, R-SCR-5, R-ROLE-3).

An operating agency sees its own (R-ROLE-2), the lead agency all side by side. Every number is counted in the
database, in as many queries whatever there is to count. Times are business days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select, text

from app import clock, policy
from app.db import db
from app.models.applications import Application, ScreeningRound
from app.models.applications import ApplicationState as State
from app.models.programme import Agency
from app.policy import Actor, Permission
from app.workflows import waiting
from app.workflows.waiting import AGES, Limits

PERIODS = (7, 30, 90, 180)
TREND_WEEKS = (8, 26)
"""At least and at most: fewer weeks show no trend, more cannot be read."""
DECISIONS = {"screen": "심사확정", "hold": "보류", "reject": "탈락"}


@dataclass(kw_only=True)
class Figures:
    """One agency's, or the sum of all. Of the period: what was decided, held and sent back in it."""

    agency_id: int | None
    name: str
    open: int = 0
    over: int = 0
    """Of the open ones, longer than promised."""
    unassigned: int = 0
    again: int = 0
    """Of the open ones, in their second round or a later one."""
    on_hold: int = 0
    flagged: int = 0
    ages: list[int] = field(default_factory=lambda: [0] * len(AGES))
    decided: int = 0
    decisions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(DECISIONS, 0))
    decided_again: int = 0
    median: float | None = None
    """Of the period."""
    median_30: float | None = None
    median_90: float | None = None
    held: int = 0
    handed_in: int = 0
    """Of those held in the period, how many their companies have handed in again."""
    returned: int = 0

    @property
    def handed_in_percent(self) -> int | None:
        return round(100 * self.handed_in / self.held) if self.held else None

    @property
    def again_percent(self) -> int | None:
        return round(100 * self.decided_again / self.decided) if self.decided else None


@dataclass(frozen=True, kw_only=True)
class Week:
    monday: date
    medians: dict[int | None, float]
    """By agency; by None of all together. A week without a decision is not in it."""
    decided: dict[int | None, int]


@dataclass(frozen=True, kw_only=True)
class ReasonCount:
    decision: str
    code: str
    """Empty: none of the list, only what was written."""
    number: int


@dataclass(frozen=True, kw_only=True)
class ReviewerLoad:
    """What a reviewer has in hand: for dealing out work, no ranking."""

    account_id: int
    name: str
    role: str
    open: int
    over: int
    decided_7: int


@dataclass(frozen=True, kw_only=True)
class ScreeningStats:
    days: int
    agencies: list[Figures]
    total: Figures
    weeks: list[Week]
    reasons: list[ReasonCount]
    reviewers: list[ReviewerLoad]
    """Of one agency; empty where several are shown side by side."""


def screening(*, actor: Actor, days: int = 30, agency_id: int | None = None) -> ScreeningStats:
    """The numbers of the last `days` days, of one agency or of all. Raises Denied."""
    policy.require(actor, Permission.DASHBOARD_VIEW)
    policy.require(actor, Permission.SCREENING_VIEW)
    wanted = scope(actor, agency_id)
    agencies = _agencies(wanted)
    total = Figures(agency_id=None, name="전체")
    found = {figures.agency_id: figures for figures in agencies} | {None: total}
    limits = waiting.limits()
    _count_open(found, wanted, limits)
    _count_flagged(found, wanted)
    parameters = {"agency_id": wanted, "since": waiting.since(days)}
    _count_decisions(found, parameters, days)
    _count_held(found, parameters)
    _count_returned(found, parameters)
    return ScreeningStats(
        days=days,
        agencies=agencies,
        total=total,
        weeks=_weeks(wanted, days),
        reasons=_reasons(parameters),
        reviewers=_reviewers(wanted, limits) if wanted is not None else [],
    )


def scope(actor: Actor, agency_id: int | None) -> int | None:
    """Whose numbers: an operating agency's are its own, whatever was asked for (R-ROLE-2)."""
    return actor.agency_id if actor.role.is_operating_agency else agency_id


def _agencies(wanted: int | None) -> list[Figures]:
    statement = select(Agency.id, Agency.name).where(~Agency.is_lead).order_by(Agency.id)
    if wanted is not None:
        statement = statement.where(Agency.id == wanted)
    return [Figures(agency_id=key, name=name) for key, name in db.session.execute(statement)]


def _count_open(found: dict[int | None, Figures], wanted: int | None, limits: Sequence[Limits]) -> None:
    if not limits:
        return
    bounds, arrived = waiting.bounds(limits), Application.submitted_at
    screening_ = Application.state == State.SCREENING
    classes = waiting.count_by_age(arrived, bounds, screening_)
    counts = {
        "open": func.count().filter(screening_),
        "over": func.count().filter(screening_, waiting.over_promise(limits)),
        "unassigned": func.count().filter(screening_, Application.assigned_to_id.is_(None)),
        "on_hold": func.count().filter(Application.state == State.ON_HOLD),
        "again": func.count().filter(screening_, ScreeningRound.number > 1),
    }
    round_ = (ScreeningRound.application_id == Application.id) & ScreeningRound.decided_at.is_(None)
    statement = (
        select(Application.agency_id, *[count.label(name) for name, count in counts.items()], *classes)
        .join(bounds, bounds.c.programme_id == Application.programme_id)
        .outerjoin(ScreeningRound, round_)
        .where(Application.state.in_((State.SCREENING, State.ON_HOLD)), arrived.is_not(None))
        .group_by(Application.agency_id)
    )
    if wanted is not None:
        statement = statement.where(Application.agency_id == wanted)
    for agency_id, *numbers in db.session.execute(statement):
        for figures in _both(found, agency_id):
            for name, number in zip(counts, numbers, strict=False):
                setattr(figures, name, getattr(figures, name) + number)
            more = numbers[len(counts) :]
            figures.ages = [sum(pair) for pair in zip(figures.ages, more, strict=True)]


def _both(found: dict[int | None, Figures], agency_id: int) -> list[Figures]:
    """The agency's and the sum's: what is counted for the one is added to the other."""
    return [found[key] for key in (agency_id, None) if key in found]


def _count_flagged(found: dict[int | None, Figures], wanted: int | None) -> None:
    statement = (
        select(Application.agency_id, func.count())
        .where(Application.flagged_at.is_not(None), Application.submitted_at.is_not(None))
        .group_by(Application.agency_id)
    )
    if wanted is not None:
        statement = statement.where(Application.agency_id == wanted)
    for agency_id, number in db.session.execute(statement):
        for figures in _both(found, agency_id):
            figures.flagged += number


# A median is of the whole of its rows: the sum's is no sum of the agencies', hence the grouping sets.
_DECISIONS = text("""
SELECT agency_id,
       count(*) FILTER (WHERE decided_at >= :since) AS decided,
       count(*) FILTER (WHERE decided_at >= :since AND decision = 'screen') AS screen,
       count(*) FILTER (WHERE decided_at >= :since AND decision = 'hold') AS hold,
       count(*) FILTER (WHERE decided_at >= :since AND decision = 'reject') AS reject,
       count(*) FILTER (WHERE decided_at >= :since AND number > 1) AS again,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY waited_days) FILTER (WHERE decided_at >= :since)
         AS median,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY waited_days) FILTER (WHERE decided_at >= :since_30)
         AS median_30,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY waited_days) FILTER (WHERE decided_at >= :since_90)
         AS median_90
  FROM screening_round
 WHERE decided_at >= :first AND (CAST(:agency_id AS bigint) IS NULL OR agency_id = :agency_id)
 GROUP BY GROUPING SETS ((agency_id), ())
""")


def _count_decisions(found: dict[int | None, Figures], parameters: dict[str, Any], days: int) -> None:
    windows = {"since_30": waiting.since(30), "since_90": waiting.since(90)}
    rows = db.session.execute(_DECISIONS, parameters | windows | {"first": waiting.since(max(days, 90))})
    for row in rows:
        figures = found.get(row.agency_id)
        if figures is None:
            continue
        figures.decided, figures.decided_again = row.decided, row.again
        figures.decisions = {"screen": row.screen, "hold": row.hold, "reject": row.reject}
        figures.median, figures.median_30, figures.median_90 = row.median, row.median_30, row.median_90


_HELD = text("""
SELECT held.agency_id, count(*) AS held, count(later.id) AS handed_in
  FROM screening_round held
  LEFT JOIN screening_round later
    ON later.application_id = held.application_id AND later.number = held.number + 1
 WHERE held.decided_at >= :since AND held.decision = 'hold'
   AND (CAST(:agency_id AS bigint) IS NULL OR held.agency_id = :agency_id)
 GROUP BY held.agency_id
""")


def _count_held(found: dict[int | None, Figures], parameters: dict[str, Any]) -> None:
    for row in db.session.execute(_HELD, parameters):
        for figures in _both(found, row.agency_id):
            figures.held += row.held
            figures.handed_in += row.handed_in


# 반송: a round that followed a 심사확정.
_RETURNED = text("""
SELECT r.agency_id, count(*) AS number
  FROM screening_round r
  JOIN screening_round before
    ON before.application_id = r.application_id AND before.number = r.number - 1
   AND before.decision = 'screen'
 WHERE r.number > 1 AND r.entered_at >= :since
   AND (CAST(:agency_id AS bigint) IS NULL OR r.agency_id = :agency_id)
 GROUP BY r.agency_id
""")


def _count_returned(found: dict[int | None, Figures], parameters: dict[str, Any]) -> None:
    for row in db.session.execute(_RETURNED, parameters):
        for figures in _both(found, row.agency_id):
            figures.returned += row.number


_WEEKS = text("""
SELECT agency_id, CAST(date_trunc('week', decided_at AT TIME ZONE 'Asia/Seoul') AS date) AS monday,
       count(*) AS decided, percentile_cont(0.5) WITHIN GROUP (ORDER BY waited_days) AS median
  FROM screening_round
 WHERE decided_at >= :first AND (CAST(:agency_id AS bigint) IS NULL OR agency_id = :agency_id)
 GROUP BY GROUPING SETS ((agency_id, 2), (2))
""")


def _weeks(wanted: int | None, days: int) -> list[Week]:
    """Week by week, Monday to Sunday in Korean time, the present one last."""
    this = clock.today() - timedelta(days=clock.today().weekday())
    number = min(max(-(-days // 7), TREND_WEEKS[0]), TREND_WEEKS[1])
    mondays = [this - timedelta(weeks=number - 1 - place) for place in range(number)]
    parameters = {"agency_id": wanted, "first": clock.start_of(mondays[0])}
    by_week: dict[date, Week] = {day: Week(monday=day, medians={}, decided={}) for day in mondays}
    for row in db.session.execute(_WEEKS, parameters):
        week = by_week.get(row.monday)
        if week is not None and row.median is not None:
            week.medians[row.agency_id] = row.median
            week.decided[row.agency_id] = row.decided
    return list(by_week.values())


_REASONS = text("""
SELECT decision, coalesce(code, '') AS code, count(*) AS number
  FROM screening_round LEFT JOIN LATERAL unnest(reason_codes) AS code ON true
 WHERE decided_at >= :since AND decision IN ('hold', 'reject')
   AND (CAST(:agency_id AS bigint) IS NULL OR agency_id = :agency_id)
 GROUP BY 1, 2 ORDER BY number DESC, code
""")


def _reasons(parameters: dict[str, Any]) -> list[ReasonCount]:
    """The most frequent first. A decision with several reasons counts at each."""
    rows = db.session.execute(_REASONS, parameters)
    return [ReasonCount(decision=row.decision, code=row.code, number=row.number) for row in rows]


_DECIDED_BY = text("""
SELECT decided_by_id, count(*) AS number
  FROM screening_round WHERE agency_id = :agency_id AND decided_at >= :since GROUP BY 1
""")
_STAFF = text("""
SELECT id, name, role, is_active FROM account
 WHERE agency_id = :agency_id AND role IN ('reviewer', 'manager') ORDER BY name, id
""")


def _reviewers(agency_id: int, limits: Sequence[Limits]) -> list[ReviewerLoad]:
    """In the order of their names. Who left is shown while cases are still in their hands."""
    statement = (
        select(
            Application.assigned_to_id,
            func.count(),
            func.count().filter(waiting.over_promise(limits)),
        )
        .where(
            Application.agency_id == agency_id,
            Application.state == State.SCREENING,
            Application.submitted_at.is_not(None),
            Application.assigned_to_id.is_not(None),
        )
        .group_by(Application.assigned_to_id)
    )
    hands = {key: (open_, over) for key, open_, over in db.session.execute(statement)}
    week = {"agency_id": agency_id, "since": waiting.since(7)}
    decided = {row.decided_by_id: row.number for row in db.session.execute(_DECIDED_BY, week)}
    return [
        ReviewerLoad(
            account_id=row.id,
            name=row.name,
            role=policy.Role(row.role).label,
            open=hands.get(row.id, (0, 0))[0],
            over=hands.get(row.id, (0, 0))[1],
            decided_7=decided.get(row.id, 0),
        )
        for row in db.session.execute(_STAFF, {"agency_id": agency_id})
        if row.is_active or row.id in hands
    ]


__all__ = ["Figures", "ReasonCount", "ReviewerLoad", "ScreeningStats", "Week", "scope", "screening"]
