"""A supplier's own numbers: how soon it answers, how much it accepts, what lapses (R-SUP-1, R-TIME-2).

One set-based statement counts all services and their sum, whatever there is to count. Times are business
time: the hours between question and answer without those of days that are none (R-TIME-2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text

from app import clock, policy
from app.db import db
from app.errors import Denied
from app.models.catalogue import Offering
from app.models.deals import Deal
from app.models.programme import ClosingDay
from app.policy import Actor, Permission

PERIODS = (30, 90, 0)
"""Days back from today, by the day of the request; 0 is all."""

_COUNT = text("""
WITH asked AS MATERIALIZED (
  SELECT d.id, d.offering_id, d.programme_id, d.state, d.requested_at, d.accepted_at, d.billed_at,
         coalesce(d.accepted_at, CASE WHEN d.state = 'turned_down' THEN d.closed_at END) AS answered_at
    FROM deal d
   WHERE d.supplier_id = :supplier_id AND d.requested_at >= :since
), off AS (
  SELECT * FROM unnest(CAST(:programmes AS bigint[]), CAST(:days AS date[])) AS o (programme_id, day)
), idle AS (
  SELECT a.id, sum(least(a.answered_at, s.ends) - greatest(a.requested_at, s.starts)) AS span
    FROM asked a
   CROSS JOIN LATERAL generate_series(
         CAST(a.requested_at AT TIME ZONE 'Asia/Seoul' AS date),
         CAST(a.answered_at AT TIME ZONE 'Asia/Seoul' AS date), interval '1 day') AS g (day)
    JOIN off o ON o.programme_id = a.programme_id AND o.day = CAST(g.day AS date)
   CROSS JOIN LATERAL (SELECT CAST(o.day AS timestamp) AT TIME ZONE 'Asia/Seoul' AS starts,
                              CAST(o.day + 1 AS timestamp) AT TIME ZONE 'Asia/Seoul' AS ends) s
   GROUP BY a.id
)
SELECT a.offering_id, count(*) AS asked,
       count(*) FILTER (WHERE a.state = 'consulting') AS waiting,
       count(*) FILTER (WHERE a.accepted_at IS NOT NULL) AS accepted,
       count(*) FILTER (WHERE a.state = 'turned_down') AS turned_down,
       count(*) FILTER (WHERE a.state = 'turned_down' AND a.accepted_at IS NULL) AS turned_down_at_once,
       count(*) FILTER (WHERE a.state = 'lapsed' AND a.accepted_at IS NULL) AS silent,
       count(*) FILTER (WHERE a.state = 'withdrawn') AS withdrawn,
       count(a.billed_at) AS billed,
       count(*) FILTER (WHERE a.state = 'lapsed' AND a.billed_at IS NOT NULL) AS unpaid,
       count(*) FILTER (WHERE a.state IN ('paid', 'payment_cancelled')) AS paid,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM
           a.answered_at - a.requested_at - coalesce(i.span, interval '0'))) AS median
  FROM asked a LEFT JOIN idle i USING (id)
 GROUP BY GROUPING SETS ((a.offering_id), ())
""")


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Of one service, or of all together."""

    offering_id: int | None
    name: str
    asked: int = 0
    waiting: int = 0
    """Not answered yet."""
    accepted: int = 0
    """Also those that went on from there, or ended later."""
    turned_down: int = 0
    """Before or after it was accepted."""
    turned_down_at_once: int = 0
    """Instead of being accepted."""
    silent: int = 0
    """불가, because the supplier did not answer."""
    withdrawn: int = 0
    billed: int = 0
    unpaid: int = 0
    """불가, because the company did not pay."""
    paid: int = 0
    """Also where the payment was cancelled later."""
    median: timedelta | None = None
    """Business time from the request to the answer; None where nothing was answered."""

    @property
    def decided(self) -> int:
        return self.accepted + self.turned_down_at_once + self.silent

    @property
    def accepted_percent(self) -> int | None:
        """Of what the supplier accepted, turned down or let lapse; what waits or was withdrawn is neither."""
        return round(100 * self.accepted / self.decided) if self.decided else None

    @property
    def silent_percent(self) -> int | None:
        return round(100 * self.silent / self.decided) if self.decided else None


@dataclass(frozen=True, kw_only=True)
class SupplierNumbers:
    days: int
    since: date | None
    total: Numbers
    services: list[Numbers]
    """Those that were asked about, the most asked first."""


def numbers(*, actor: Actor, days: int = 30, supplier_id: int | None = None) -> SupplierNumbers:
    """A supplier's own, or, for the lead agency's readers, of any supplier. Raises Denied."""
    whose = actor.supplier_id if actor.may(Permission.SUPPLIER_VIEW) else supplier_id
    if not actor.may(Permission.SUPPLIER_VIEW):
        policy.require(actor, Permission.DEAL_VIEW)
    if whose is None:
        raise Denied()
    first = clock.today() - timedelta(days=days) if days else None
    since = clock.start_of(first) if first else datetime(2000, 1, 1, tzinfo=clock.KST)
    found = _count(whose, since)
    total = found.pop(None, Numbers(offering_id=None, name="전체"))
    services = sorted(found.values(), key=lambda each: (-each.asked, each.name, each.offering_id or 0))
    return SupplierNumbers(days=days, since=first, total=total, services=services)


def _count(supplier_id: int, since: datetime) -> dict[int | None, Numbers]:
    off = _days_off(supplier_id, since)
    parameters: dict[str, Any] = {"supplier_id": supplier_id, "since": since}
    parameters |= {"programmes": [key for key, _day in off], "days": [day for _key, day in off]}
    rows = db.session.execute(_COUNT, parameters).mappings().all()
    keys = [row["offering_id"] for row in rows if row["offering_id"] is not None]
    names = dict(db.session.execute(select(Offering.id, Offering.name).where(Offering.id.in_(keys))).all())
    return {row["offering_id"]: _numbers(dict(row), names) for row in rows}


def _numbers(row: dict[str, Any], names: dict[Any, Any]) -> Numbers:
    median = row.pop("median")
    name = names.get(row["offering_id"], "전체")
    return Numbers(name=name, median=None if median is None else timedelta(seconds=float(median)), **row)


def _days_off(supplier_id: int, since: datetime) -> list[tuple[int, date]]:
    """The days that are no business days, of each programme in which the supplier was asked."""
    mine = Deal.supplier_id == supplier_id, Deal.requested_at >= since
    first = func.min(Deal.requested_at)
    programmes: Sequence[Any] = db.session.execute(
        select(Deal.programme_id, first).where(*mine).group_by(Deal.programme_id)
    ).all()
    rows = db.session.execute(select(ClosingDay.programme_id, ClosingDay.day))
    closed = {(programme, day) for programme, day in rows}
    today = clock.today()
    found = []
    for key, earliest in programmes:
        begin = clock.korean_day(earliest)
        days = (begin + timedelta(days=n) for n in range((today - begin).days + 1))
        shut = {day for programme, day in closed if programme == key}
        found += [(key, day) for day in days if not clock.is_business_day(day, closed=shut)]
    return found
