"""Usage reports as the supplier, the company and the lead agency see them (R-SET-1a).

A report is due for each month that has ended, from the later of the payment's month and the one in which the
period of use begins, until the one in which it ends; any month from the payment's on may be reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on

from app import clock, policy
from app.db import db
from app.errors import NotFound
from app.models.deals import Deal, DealState
from app.models.payments import STILL_PAID, Payment
from app.models.types import Labelled
from app.models.usage import UsageReport, UsageSource
from app.policy import Actor, Permission
from app.workflows import usage_warnings

SHOWN = (DealState.PAID, DealState.PAYMENT_CANCELLED)
"""Deals whose use has been, or is, reported."""


class UsageState(Labelled):
    REPORTED = "reported", "제출", "success"
    MISSING = "missing", "미제출", "warning"
    RUNNING = "running", "제출 전", "neutral"
    """The month has not ended: it may be reported, and need not be."""
    OUTSIDE = "outside", "이용기간 아님", "neutral"


@dataclass(frozen=True, kw_only=True)
class Month:
    """What is said of one month of a deal."""

    month: date
    state: UsageState
    logins: int | None = None
    last_used_on: date | None = None
    reported_at: datetime | None = None
    source: UsageSource | None = None


@dataclass(frozen=True, kw_only=True)
class UsageRow(Month):
    """One paid deal in the month that is looked at."""

    id: int
    """The deal's: 거래번호."""
    company: str
    offering: str
    paid_at: datetime
    period_from: date | None
    period_to: date | None


@dataclass(frozen=True)
class Counts:
    total: int
    reported: int
    missing: int


@dataclass(frozen=True)
class History:
    """Of one deal; the latest month first."""

    deal: Deal
    months: list[Month]
    logins: int
    last_used_on: date | None
    open: bool
    """Whether its supplier may report."""
    warnings: list[usage_warnings.Shown]
    """That it is not used, the latest first."""

    @property
    def reported(self) -> bool:
        return any(each.state is UsageState.REPORTED for each in self.months)

    @property
    def in_use(self) -> list[Month]:
        """Without the months in which nothing was to be used, and nothing was reported."""
        return [each for each in self.months if each.state is not UsageState.OUTSIDE]

    @property
    def missing(self) -> list[date]:
        return sorted(each.month for each in self.months if each.state is UsageState.MISSING)


PAID = """
WITH paid AS (
  SELECT d.id, c.name AS company, o.name AS offering, p.paid_at, d.period_from, d.period_to,
         CAST(date_trunc('month', p.paid_at AT TIME ZONE 'Asia/Seoul') AS date) AS first_month,
         CAST(greatest(date_trunc('month', p.paid_at AT TIME ZONE 'Asia/Seoul'),
                       date_trunc('month', CAST(d.period_from AS timestamp))) AS date) AS due_from,
         least(CAST(:present AS date) - 1, d.period_to) AS due_to
    FROM deal d
    JOIN payment p ON p.deal_id = d.id AND p.state IN ('paid', 'cancelling')
    JOIN company c ON c.id = d.company_id
    JOIN offering o ON o.id = d.offering_id
   WHERE d.supplier_id = :supplier_id AND d.state = 'paid')
"""
"""A supplier's paid deals, with from when until when reports are due."""
_DUE = ":month BETWEEN a.due_from AND a.due_to"

_ROWS = text(f"""{PAID}
SELECT a.id, a.company, a.offering, a.paid_at, a.period_from, a.period_to, a.due_from, a.due_to,
       u.logins, u.last_used_on, u.reported_at, u.source
  FROM paid a LEFT JOIN usage_report u ON u.deal_id = a.id AND u.month = CAST(:month AS date)
 WHERE a.first_month <= CAST(:month AS date)
   AND (NOT CAST(:only_missing AS boolean) OR u.deal_id IS NULL AND {_DUE})
   AND (CAST(:before AS bigint) IS NULL OR a.id < :before)
 ORDER BY a.id DESC LIMIT :size
""")  # noqa: S608

_COUNTS = text(f"""{PAID}
SELECT count(*) AS total, count(u.deal_id) AS reported,
       count(*) FILTER (WHERE u.deal_id IS NULL AND {_DUE}) AS missing
  FROM paid a LEFT JOIN usage_report u ON u.deal_id = a.id AND u.month = CAST(:month AS date)
 WHERE a.first_month <= CAST(:month AS date)
""")  # noqa: S608

_MISSING = text(f"""{PAID}
SELECT CAST(m.month AS date) AS month, count(*) AS deals
  FROM paid a
 CROSS JOIN LATERAL generate_series(CAST(a.due_from AS timestamp), CAST(a.due_to AS timestamp),
                                    interval '1 month') AS m (month)
 WHERE NOT EXISTS (SELECT 1 FROM usage_report u WHERE u.deal_id = a.id AND u.month = CAST(m.month AS date))
 GROUP BY m.month ORDER BY m.month
""")  # noqa: S608


def present_month() -> date:
    """The programme's month, by its first day."""
    return clock.today().replace(day=1)


def months_until_now(first: date) -> list[date]:
    """From a month to the present one, the latest first."""
    latest = present_month()
    count = (latest.year - first.year) * 12 + latest.month - first.month
    return [clock.add_months(latest, -back) for back in range(count + 1)]


def month_choices(*, actor: Actor) -> list[date]:
    """The months in which the supplier has something to report, the latest first."""
    live = Payment.state.in_(STILL_PAID)
    statement = select(func.min(Payment.paid_at)).where(Payment.supplier_id == _supplier(actor), live)
    first = db.session.scalar(statement)
    return months_until_now(clock.korean_day(first).replace(day=1) if first else present_month())


def month_rows(
    *, actor: Actor, month: date, only_missing: bool = False, before: int | None = None, size: int = 20
) -> list[UsageRow]:
    """The supplier's paid deals in a month, the newest deal first; `before` is a deal's id."""
    parameters = _parameters(actor) | {"month": month, "only_missing": only_missing}
    rows = db.session.execute(_ROWS, parameters | {"before": before, "size": size}).mappings()
    return [_row(row, month) for row in rows]


def _row(row: RowMapping, month: date) -> UsageRow:
    due = row["due_from"] <= month and (row["period_to"] is None or month <= row["period_to"])
    source = row["source"]
    return UsageRow(
        id=row["id"],
        company=row["company"],
        offering=row["offering"],
        paid_at=row["paid_at"],
        period_from=row["period_from"],
        period_to=row["period_to"],
        month=month,
        state=_state(month, reported=source is not None, in_use=due),
        logins=row["logins"],
        last_used_on=row["last_used_on"],
        reported_at=row["reported_at"],
        source=UsageSource(source) if source else None,
    )


def _state(month: date, *, reported: bool, in_use: bool) -> UsageState:
    if reported:
        return UsageState.REPORTED
    if not in_use:
        return UsageState.OUTSIDE
    return UsageState.MISSING if month < present_month() else UsageState.RUNNING


def month_counts(*, actor: Actor, month: date) -> Counts:
    row = db.session.execute(_COUNTS, _parameters(actor) | {"month": month}).one()
    return Counts(row.total, row.reported, row.missing)


def missing(*, actor: Actor) -> dict[date, int]:
    """How many reports are due and not made, by month, the oldest first."""
    return {row.month: row.deals for row in db.session.execute(_MISSING, _parameters(actor))}


def _parameters(actor: Actor) -> dict[str, Any]:
    return {"supplier_id": _supplier(actor), "present": present_month()}


def _supplier(actor: Actor) -> int:
    policy.require(actor, Permission.SUPPLIER_VIEW)
    if actor.supplier_id is None:
        raise NotFound()
    return actor.supplier_id


def history(*, actor: Actor, deal_id: int) -> History:
    """A deal's use, to its supplier. Raises Denied; NotFound, also for a deal that was never paid."""
    policy.require(actor, Permission.SUPPLIER_VIEW)
    deal = db.session.get(Deal, deal_id)
    if deal is None:
        raise NotFound()
    found = of_deal(actor=actor, deal=deal)
    if found is None:
        raise NotFound()
    return found


def of_deal(*, actor: Actor, deal: Deal) -> History | None:
    """A deal's use, to either side and to the lead agency's readers; None where nothing was paid.

    Asks nothing of the database before the deal is paid. Raises Denied, NotFound.
    """
    policy.require_own(actor, deal)
    if policy.side(actor) is None:
        policy.require(actor, Permission.DEAL_VIEW)
    if deal.state not in SHOWN:
        return None
    paid_at = db.session.scalar(select(func.max(Payment.paid_at)).where(Payment.deal_id == deal.id))
    if paid_at is None:
        return None
    statement = select(UsageReport).where(UsageReport.deal_id == deal.id)
    reports = {row.month: row for row in db.session.scalars(statement)}
    months = [_month(deal, each, reports.get(each), paid_at) for each in _shown(deal, paid_at, reports)]
    used = [row.last_used_on for row in reports.values() if row.last_used_on]
    return History(
        deal=deal,
        months=months,
        logins=sum(row.logins for row in reports.values()),
        last_used_on=max(used, default=None),
        open=deal.state is DealState.PAID,
        warnings=usage_warnings.of_deal(actor=actor, deal=deal),
    )


def _shown(deal: Deal, paid_at: datetime, reports: dict[date, UsageReport]) -> list[date]:
    """Every month that may be reported; of a deal that was cancelled, those that were."""
    if deal.state is not DealState.PAID:
        return sorted(reports, reverse=True)
    return months_until_now(clock.korean_day(paid_at).replace(day=1))


def _month(deal: Deal, month: date, found: UsageReport | None, paid_at: datetime) -> Month:
    begins = max(clock.korean_day(paid_at), deal.period_from or date.min).replace(day=1)
    in_use = begins <= month and (deal.period_to is None or month <= deal.period_to)
    return Month(
        month=month,
        state=_state(month, reported=found is not None, in_use=in_use),
        logins=found.logins if found else None,
        last_used_on=found.last_used_on if found else None,
        reported_at=found.reported_at if found else None,
        source=found.source if found else None,
    )


def latest(deal_ids: Sequence[int]) -> dict[int, UsageReport]:
    """The last month that was reported of each of these deals, for a list: one query.

    The caller has seen to whose they are.
    """
    if not deal_ids:
        return {}
    statement = (
        select(UsageReport)
        .ext(distinct_on(UsageReport.deal_id))
        .where(UsageReport.deal_id.in_(deal_ids))
        .order_by(UsageReport.deal_id, UsageReport.month.desc())
    )
    return {row.deal_id: row for row in db.session.scalars(statement)}
