"""Who waits for a budget, in which order, and what became of the offers (R-SCR-4, R-SCR-5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db
from app.models.applications import Application
from app.models.offers import BudgetOffer
from app.models.offers import OfferState as State
from app.models.programme import AgencyBudget, Programme
from app.policy import Actor, Permission
from app.workflows import applications, clock_runs, deadlines, offers, offers_sweep
from app.workflows.lifecycle import Edge
from app.workflows.offers import OFFER, OPEN, waits

ENDED = (State.DECLINED, State.LAPSED, State.USED, State.WITHDRAWN)


@dataclass(frozen=True, kw_only=True)
class WaitingRow:
    """One who waits, at its place in its agency's line."""

    place: int
    application: Application
    lapses: int
    """How many offers it let pass: behind those who let fewer pass."""
    offer: BudgetOffer | None
    """That it has now."""

    @property
    def id(self) -> int:
        return self.place


def waiting(
    *, actor: Actor, programme: Programme, agency_id: int, after: int = 0, size: int = 20
) -> list[WaitingRow]:
    """An agency's waiting list in the order of its offers; `after` is a place. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    budget_id = _budget_id(programme.id, agency_id)
    if budget_id is None:
        return []
    passed = offers_sweep.passed(budget_id)
    statement = (
        select(Application, func.coalesce(passed.c.lapses, 0), BudgetOffer)
        .outerjoin(passed, passed.c.application_id == Application.id)
        .outerjoin(BudgetOffer, (BudgetOffer.application_id == Application.id) & BudgetOffer.state.in_(OPEN))
        .where(Application.agency_id == agency_id, Application.programme_id == programme.id, waits())
        .order_by(*offers_sweep.line(programme, passed))
        .options(joinedload(Application.company))
        .offset(after)
        .limit(size)
    )
    found = db.session.execute(statement)
    return [
        WaitingRow(place=place, application=application, lapses=lapses, offer=offer)
        for place, (application, lapses, offer) in enumerate(found, start=after + 1)
    ]


def _budget_id(programme_id: int, agency_id: int) -> int | None:
    found: int | None = db.session.scalar(
        select(AgencyBudget.id).where(
            AgencyBudget.programme_id == programme_id, AgencyBudget.agency_id == agency_id
        )
    )
    return found


def listing(
    *,
    actor: Actor,
    programme_id: int,
    states: Sequence[State],
    agency_id: int | None = None,
    before: int | None = None,
    size: int = 20,
) -> list[BudgetOffer]:
    """Offers in these states, newest first; `before` is an offer's id. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    statement = (
        select(BudgetOffer)
        .join(BudgetOffer.application)
        .where(Application.programme_id == programme_id, BudgetOffer.state.in_(states))
        .options(
            joinedload(BudgetOffer.application).options(
                joinedload(Application.company), joinedload(Application.agency)
            )
        )
        .order_by(BudgetOffer.id.desc())
        .limit(size)
    )
    if agency_id is not None:
        statement = statement.where(BudgetOffer.agency_id == agency_id)
    if before is not None:
        statement = statement.where(BudgetOffer.id < before)
    return list(db.session.scalars(statement))


def counts(*, actor: Actor, programme_id: int, agency_id: int | None = None) -> dict[State, int]:
    """How many offers stand in each state. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    statement = (
        select(BudgetOffer.state, func.count())
        .join(AgencyBudget, AgencyBudget.id == BudgetOffer.agency_budget_id)
        .where(AgencyBudget.programme_id == programme_id)
        .group_by(BudgetOffer.state)
    )
    if agency_id is not None:
        statement = statement.where(BudgetOffer.agency_id == agency_id)
    found = {state: count for state, count in db.session.execute(statement)}
    return {state: found.get(state, 0) for state in State}


def waiting_by_agency(*, actor: Actor, programme_id: int) -> dict[int, int]:
    """How many wait at each agency where somebody does. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    statement = (
        select(Application.agency_id, func.count())
        .where(Application.programme_id == programme_id, waits())
        .group_by(Application.agency_id)
    )
    return {agency_id: count for agency_id, count in db.session.execute(statement)}


@dataclass(frozen=True, kw_only=True)
class OwnOffer:
    """What a company sees of its newest offer."""

    offer: BudgetOffer
    until: str
    """The deadline in words (R-TIME-5a)."""
    late: bool
    """Its deadline has struck, swept or not (R-TIME-6)."""
    held: bool
    """It has struck, but is being moved (R-TIME-5a)."""
    edges: list[Edge]


def own(*, actor: Actor) -> OwnOffer | None:
    """The offer that the company has, or the last one that ended while it still waits."""
    application = applications.own(actor=actor)
    if application.waitlisted_at is None:
        return None
    newest = (
        select(BudgetOffer)
        .where(BudgetOffer.company_id == application.company_id)
        .where(BudgetOffer.application_id == application.id, BudgetOffer.state != State.USED)
        .order_by(BudgetOffer.id.desc())
        .limit(1)
    )
    offer = db.session.scalar(newest)
    if offer is None or offer.offered_at < application.waitlisted_at:
        return None
    struck = offers.is_late(offer)
    held = bool(clock_runs.overtaken(BudgetOffer, [offer.id] if struck else []))
    late = struck and not held
    return OwnOffer(
        offer=offer,
        until=_until(offer, application.company.programme),
        late=late,
        held=held,
        edges=[] if late else OFFER.open_to(actor, offer),
    )


def _until(offer: BudgetOffer, programme: Programme) -> str:
    """With how it is reckoned, unless the programme has changed its count since (R-TIME-4)."""
    explained = deadlines.explain(kind="offer", at=offer.offered_at, programme=programme)
    return explained.text if explained.deadline == offer.due_at else clock.write_deadline(offer.due_at)
