"""The reviewers' queue (R-SCR-3): own agency's alone, oldest first, by keyset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.orm import aliased, joinedload

from app import policy
from app.db import db
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.companies import Company
from app.models.numbers import digits
from app.models.people import Account
from app.policy import Actor, Permission
from app.workflows import programmes
from app.workflows.application_history import waiting_days


@dataclass(frozen=True)
class QueueRow:
    application: Application
    company: Company
    waiting_days: int
    assigned_name: str | None


def _scope(actor: Actor) -> list[ColumnElement[bool]]:
    """An operating agency sees its own only (R-ROLE-2)."""
    policy.require(actor, Permission.SCREENING_VIEW)
    return [Application.agency_id == actor.agency_id] if actor.role.is_operating_agency else []


def _filters(
    actor: Actor,
    states: Sequence[State],
    search: str,
    agency_id: int | None,
    *,
    flagged: bool = False,
    mine: bool = False,
) -> list[ColumnElement[bool]]:
    conditions = [*_scope(actor), Application.state.in_(states), Application.submitted_at.is_not(None)]
    if flagged:
        conditions.append(Application.flagged_at.is_not(None))
    if mine:
        conditions.append(Application.assigned_to_id == actor.id)
    if agency_id is not None:
        conditions.append(Application.agency_id == agency_id)
    words = search.strip()
    if words:
        number = digits(words)
        either = [
            Company.name.icontains(words, autoescape=True),
            Company.representative.icontains(words, autoescape=True),
            Application.receipt_number == words,
        ]
        if number.isdigit():
            either.append(Company.business_number.startswith(number))
        conditions.append(or_(*either))
    return conditions


def queue(
    *,
    actor: Actor,
    states: Sequence[State] = (State.SCREENING,),
    search: str = "",
    agency_id: int | None = None,
    flagged: bool = False,
    mine: bool = False,
    after: int | None = None,
    size: int = 20,
) -> list[QueueRow]:
    """Oldest first; `after` is the application seen last. What was not applied for stands in no queue.

    `flagged`: edited after its decision (R-SCR-2); `mine`: assigned to the actor.
    """
    reviewer = aliased(Account)
    position = tuple_(Application.submitted_at, Application.id)
    statement = (
        select(Application, reviewer.name)
        .join(Company, Company.id == Application.company_id)
        .outerjoin(reviewer, reviewer.id == Application.assigned_to_id)
        .where(
            *_filters(actor, states, search, agency_id, flagged=flagged, mine=mine),
            Application.submitted_at.is_not(None),
        )
        .options(joinedload(Application.company), joinedload(Application.agency))
        .order_by(Application.submitted_at, Application.id)
        .limit(size)
    )
    if after is not None:
        seen = aliased(Application)
        last = select(seen.submitted_at, seen.id).where(seen.id == after).scalar_subquery()
        statement = statement.where(position > last)
    found = db.session.execute(statement).all()
    closed = {p: programmes.closing_days(programme_id=p) for p in {a.programme_id for a, _ in found}}
    return [QueueRow(a, a.company, waiting_days(a, closed[a.programme_id]), name) for a, name in found]


def total(
    *,
    actor: Actor,
    states: Sequence[State] = (State.SCREENING,),
    search: str = "",
    agency_id: int | None = None,
    flagged: bool = False,
    mine: bool = False,
) -> int:
    statement = (
        select(func.count())
        .select_from(Application)
        .join(Company, Company.id == Application.company_id)
        .where(
            *_filters(actor, states, search, agency_id, flagged=flagged, mine=mine),
            Application.submitted_at.is_not(None),
        )
    )
    return db.session.scalar(statement) or 0


def counts(*, actor: Actor) -> dict[State, int]:
    """How many in each state, within the actor's scope."""
    statement = select(Application.state, func.count()).where(*_scope(actor)).group_by(Application.state)
    return dict.fromkeys(State, 0) | {state: count for state, count in db.session.execute(statement)}
