"""Asking the tax office again for what it did not answer (R-JOIN-4): by a reviewer, or by the clock.

What it answers later is told to the agency and decides nothing: a person does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Interval, Row, func, literal, or_, select

from app import clock, policy
from app.db import lock, transaction
from app.errors import Conflict, Refusal
from app.gateways.tax_office import MOST_NUMBERS
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.companies import Company
from app.policy import CLOCK, Actor, Permission
from app.workflows import record, tax_office

WAITING = (State.SCREENING, State.ON_HOLD, State.SCREENED)
MOST_DOUBLINGS = 6
"""The pause between two questions for one number doubles from a minute up to 64 of them."""
_MINUTE = literal(timedelta(minutes=1), Interval())


def recheck(*, actor: Actor, application_id: int) -> str:
    """Ask now, for a reviewer; the answer is kept with the case. Returns the state.

    Raises Denied, NotFound, Refusal `tax_office.unavailable`, Conflict `tax_office.number_changed`.
    """
    policy.require(actor, Permission.SCREENING_DECIDE)
    with transaction():
        application = lock(Application, application_id)
        policy.require_own(actor, application)
        number = application.company.business_number
    state = tax_office.state_of(number)
    kept = _keep(application_id, number, state, actor=actor)
    if state is None:
        raise Refusal(
            "tax_office.unavailable",
            "국세청이 지금 응답하지 않습니다. 자동으로 다시 조회하므로 기다리거나, 잠시 뒤 다시 눌러 주세요.",
        )
    if not kept:
        raise Conflict(
            "tax_office.number_changed",
            "조회하는 사이에 기업이 사업자등록번호를 고쳤습니다. 새 번호로 다시 조회해 주세요.",
        )
    return state


def _keep(application_id: int, number: str, state: str | None, *, actor: Actor) -> bool:
    """Write down what was answered, or that nothing was; False where the number is another one by now."""
    with transaction():
        application = lock(Application, application_id)
        company = lock(Company, application.company_id)
        if company.business_number != number:
            return False
        company.tax_office_asked_at = clock.real_now()
        if state is None:
            company.tax_office_tries += 1
            return True
        change = {"tax_office_state": (company.tax_office_state, state)}
        company.tax_office_state, company.tax_office_tries = state, 0
        record.write("application", application.id, "tax_office", actor=actor, change=change)
        if actor is CLOCK and state != tax_office.GOING:
            # Nobody looked on when the answer came: the agency is told that there is something to look at.
            application.flagged_at = clock.now()
            record.write("application", application.id, "flag", actor=actor, change=change)
        return True


def recheck_waiting(*, limit: int = 500) -> int:
    """Ask for the numbers that are due, fewest tries first; returns how many were answered.

    Where a number went unanswered before, the first call asks for it alone, and while answers come each next
    call asks for five times as many: an office that is down gets one short question a turn, and one number
    that it chokes on does not keep the others waiting. The first call without an answer ends the turn.
    """
    due = _due(limit)
    size = 1 if due and due[0].tries else MOST_NUMBERS
    answered = 0
    while due:
        batch, due = due[:size], due[size:]
        states = tax_office.states_of([row.business_number for row in batch])
        for row in batch:
            _keep(row.id, row.business_number, states.get(row.business_number), actor=CLOCK)
        answered += len(states)
        if not states:
            break
        size = min(size * 5, MOST_NUMBERS)
    return answered


def _due(limit: int) -> Sequence[Row[int, str, int]]:
    tries, asked_at = Company.tax_office_tries, Company.tax_office_asked_at
    pause = func.power(2, func.least(tries, MOST_DOUBLINGS)) * _MINUTE
    statement = (
        select(Application.id, Company.business_number, tries.label("tries"))
        .join(Company, Company.id == Application.company_id)
        .where(
            Company.tax_office_state.is_(None),
            Application.state.in_(WAITING),
            or_(asked_at.is_(None), asked_at + pause <= clock.real_now()),
        )
        .order_by(tries, asked_at.nulls_first(), Company.id)
        .limit(limit)
    )
    with transaction() as session:
        return session.execute(statement).all()
