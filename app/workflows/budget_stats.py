"""Numbers of the budget that the lead agency acts on: what waits, what runs out, what is about to be lost
(R-SCR-4, R-VOU-1, R-TIME-5). Amounts in won, times in business days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.programme import Agency
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor, Permission
from app.workflows import budget_overview, offers_accepted, programmes, waiting
from app.workflows.budget_overview import BudgetLine
from app.workflows.offers_accepted import Standing
from app.workflows.waiting import AGES, Limits

DEADLINE_DAYS = 7


@dataclass(kw_only=True)
class Confirmation:
    """What waits for 예산확정 at one agency; its age counts from 심사확정."""

    agency_id: int
    name: str
    waiting: int = 0
    waitlisted: int = 0
    """Of these, left over because the agency's budget had ended (R-SCR-4)."""
    oldest: datetime | None = None
    ages: list[int] = field(default_factory=lambda: [0] * len(AGES))


@dataclass(frozen=True, kw_only=True)
class VoucherCount:
    state: VoucherState
    number: int
    granted: int
    """The government's part, won."""


@dataclass(frozen=True, kw_only=True)
class LastDay:
    """Vouchers that end with this day unless their companies pay for the first time by 24:00 (R-TIME-5)."""

    day: date
    number: int
    amount: int
    """What would return to the budget, won."""


@dataclass(frozen=True, kw_only=True)
class BudgetStats:
    lines: list[BudgetLine]
    confirmations: list[Confirmation]
    vouchers: list[VoucherCount]
    last_days: list[LastDay]
    waivers: int
    """(잔여)예산포기 asked for and not decided."""
    accepted: list[Standing]
    """Offers that companies accepted and nobody has confirmed (R-SCR-4)."""
    answer_days: int
    """How many business days the programme gives a company to answer an offer."""


def budgets(*, actor: Actor, programme_id: int) -> BudgetStats:
    """The programme's numbers at this moment. Raises Denied."""
    policy.require(actor, Permission.DASHBOARD_VIEW)
    lines = budget_overview.overview(actor=actor, programme_id=programme_id)
    programme = programmes.get(programme_id=programme_id)
    asked = (Voucher.waiver_requested_at.is_not(None), Voucher.state == VoucherState.USABLE)
    return BudgetStats(
        lines=lines,
        confirmations=_confirmations(),
        vouchers=_vouchers(programme_id),
        last_days=_last_days(),
        waivers=db.session.scalar(select(func.count()).select_from(Voucher).where(*asked)) or 0,
        accepted=offers_accepted.by_agency(actor=actor, programme=programme),
        answer_days=programme.offer_days,
    )


def _confirmations() -> list[Confirmation]:
    agencies = db.session.execute(select(Agency.id, Agency.name).where(~Agency.is_lead).order_by(Agency.id))
    found = {key: Confirmation(agency_id=key, name=name) for key, name in agencies}
    limits = waiting.limits()
    for agency_id, number, waitlisted, oldest, *ages in db.session.execute(_by_age(limits)) if limits else ():
        row = found.get(agency_id)
        if row is not None:
            row.waiting, row.waitlisted, row.oldest, row.ages = number, waitlisted, oldest, ages
    return list(found.values())


def _by_age(limits: Sequence[Limits]) -> Any:
    screened, bounds = Application.screened_at, waiting.bounds(limits)
    return (
        select(
            Application.agency_id,
            func.count(),
            func.count(Application.waitlisted_at),
            func.min(screened),
            *waiting.count_by_age(screened, bounds),
        )
        .join(bounds, bounds.c.programme_id == Application.programme_id)
        .where(Application.state == State.SCREENED)
        .group_by(Application.agency_id)
    )


def _vouchers(programme_id: int) -> list[VoucherCount]:
    statement = (
        select(Voucher.state, func.count(), func.coalesce(func.sum(Voucher.granted_grant), 0))
        .where(Voucher.programme_id == programme_id)
        .group_by(Voucher.state)
    )
    found = {state: (number, int(granted)) for state, number, granted in db.session.execute(statement)}
    return [
        VoucherCount(state=state, number=found.get(state, (0, 0))[0], granted=found.get(state, (0, 0))[1])
        for state in VoucherState
    ]


def count_ending(*, actor: Actor) -> int:
    """How many vouchers end in the next days for want of a first payment. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    return db.session.scalar(select(func.count()).select_from(Voucher).where(*_ending())) or 0


def _ending() -> list[Any]:
    """No first payment yet, and the deadline for it strikes within the next days."""
    now = clock.now()
    return [
        Voucher.state == VoucherState.USABLE,
        Voucher.due_at == Voucher.first_payment_by,
        Voucher.due_at > now,
        Voucher.due_at <= clock.end_of(clock.today() + timedelta(days=DEADLINE_DAYS - 1)),
    ]


def _last_days() -> list[LastDay]:
    statement = (
        select(Voucher.due_at, func.count(), func.sum(Voucher.granted_grant))
        .where(*_ending())
        .group_by(Voucher.due_at)
    )
    days = {clock.today() + timedelta(days=n): (0, 0) for n in range(DEADLINE_DAYS)}
    for due_at, number, amount in db.session.execute(statement):
        if due_at is None:
            continue
        # 24:00 of a day is the first instant of the next one (R-TIME-1).
        day = clock.korean_day(due_at - timedelta(microseconds=1))
        days[day] = (days[day][0] + number, days[day][1] + int(amount))
    return [LastDay(day=day, number=number, amount=amount) for day, (number, amount) in days.items()]


def ending(
    *, actor: Actor, day: date | None = None, after: int | None = None, size: int = 20
) -> list[Voucher]:
    """The vouchers behind the numbers of the last days, the nearest deadline first, with their companies.

    `day`: those that end with this day alone; `after`: the voucher seen last. Raises Denied.
    """
    policy.require(actor, Permission.BUDGET_VIEW)
    statement = (
        select(Voucher)
        .where(*_ending())
        .order_by(Voucher.due_at, Voucher.id)
        .limit(size)
        .options(joinedload(Voucher.company))
    )
    if day is not None:
        statement = statement.where(Voucher.due_at > clock.start_of(day), Voucher.due_at <= clock.end_of(day))
    if after is not None:
        seen = db.session.get(Voucher, after)
        if seen is not None and seen.due_at is not None:
            statement = statement.where(tuple_(Voucher.due_at, Voucher.id) > (seen.due_at, seen.id))
    return list(db.session.scalars(statement))
