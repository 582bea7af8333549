"""Accepted offers that nobody has confirmed yet: what is kept for them until the lead agency acts (R-SCR-4).

No deadline ends them: the company has done its part. So they are shown with how long they stand, and as old
once that is longer than the programme gave the company to answer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db
from app.models.applications import Application
from app.models.offers import BudgetOffer
from app.models.offers import OfferState as State
from app.models.programme import Agency, AgencyBudget, Programme
from app.policy import Actor, Permission
from app.workflows import programmes, waiting


@dataclass(frozen=True, kw_only=True)
class AcceptedRow:
    offer: BudgetOffer
    days: int
    """For how many business days it stands accepted."""
    is_old: bool
    """Longer than the company was given to answer."""

    @property
    def id(self) -> int:
        return self.offer.id


def _old_before(programme: Programme, closed: Collection[date]) -> datetime:
    return waiting.arrivals([programme.offer_days], closed=closed)[0]


def _of(programme: Programme) -> list[ColumnElement[bool]]:
    budgets = select(AgencyBudget.id).where(AgencyBudget.programme_id == programme.id)
    return [BudgetOffer.state == State.ACCEPTED, BudgetOffer.agency_budget_id.in_(budgets)]


def listing(
    *,
    actor: Actor,
    programme: Programme,
    agency_id: int | None = None,
    old: bool = False,
    after: int | None = None,
    size: int = 20,
) -> list[AcceptedRow]:
    """Who accepted first comes first; `old` leaves those that stand too long; `after` is an offer's id.

    Raises Denied.
    """
    policy.require(actor, Permission.BUDGET_VIEW)
    closed = programmes.closing_days(programme_id=programme.id)
    before, place = _old_before(programme, closed), (BudgetOffer.answered_at, BudgetOffer.id)
    application = joinedload(BudgetOffer.application)
    statement = (
        select(BudgetOffer)
        .where(*_of(programme))
        .options(application.options(joinedload(Application.company), joinedload(Application.agency)))
        .order_by(*place)
        .limit(size)
    )
    if agency_id is not None:
        statement = statement.where(BudgetOffer.agency_id == agency_id)
    if old:
        statement = statement.where(BudgetOffer.answered_at < before)
    last = db.session.get(BudgetOffer, after) if after is not None else None
    # One that was decided since has no place here any more: the list begins anew.
    if last is not None and last.state is State.ACCEPTED:
        statement = statement.where(tuple_(*place) > (last.answered_at, last.id))
    return [_row(offer, before, closed) for offer in db.session.scalars(statement)]


def _row(offer: BudgetOffer, before: datetime, closed: Collection[date]) -> AcceptedRow:
    since = offer.answered_at or offer.offered_at
    days = clock.business_days_between(since, clock.now(), closed=closed)
    return AcceptedRow(offer=offer, days=days, is_old=since < before)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What stands accepted at one agency."""

    agency_id: int
    name: str
    number: int
    amount: int
    """Kept of its budget, won."""
    days: int
    """Business days since the oldest was accepted."""
    old: int
    """How many stand longer than their companies were given to answer."""


def by_agency(*, actor: Actor, programme: Programme) -> list[Standing]:
    """Each agency where an accepted offer stands. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    closed = programmes.closing_days(programme_id=programme.id)
    answered = func.coalesce(BudgetOffer.answered_at, BudgetOffer.offered_at)
    statement = (
        select(
            Agency.id,
            Agency.name,
            func.count(),
            func.sum(BudgetOffer.amount),
            func.min(answered),
            func.count().filter(answered < _old_before(programme, closed)),
        )
        .join(BudgetOffer, BudgetOffer.agency_id == Agency.id)
        .where(*_of(programme))
        .group_by(Agency.id)
        .order_by(Agency.id)
    )
    return [
        Standing(
            agency_id=agency_id,
            name=name,
            number=number,
            amount=int(amount),
            days=clock.business_days_between(oldest, clock.now(), closed=closed),
            old=old,
        )
        for agency_id, name, number, amount, oldest, old in db.session.execute(statement)
    ]
