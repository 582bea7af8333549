"""Deals as both sides and the lead agency see them (R-DEAL-1, R-DEAL-3). Query counts are constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db
from app.errors import Denied, NotFound
from app.models.catalogue import Offering, Plan, Supplier
from app.models.companies import Company
from app.models.deals import Deal, DealState
from app.models.payments import Payment, PaymentState
from app.models.record import AuditRow
from app.models.types import Labelled
from app.policy import Actor, Permission
from app.workflows import clock_runs, deadlines, deals, search
from app.workflows.deal_lifecycle import DEAL
from app.workflows.lifecycle import Edge


class DealTab(Labelled):
    CONSULTING = "consulting", "거래상담"
    ACCEPTED = "accepted", "거래수락"
    BILLED = "billed", "결제요청"
    CLOSED = "closed", "반려/불가"


TAB_STATES = {
    DealTab.CONSULTING: (DealState.CONSULTING,),
    DealTab.ACCEPTED: (DealState.ACCEPTED,),
    DealTab.BILLED: (DealState.BILLED,),
    DealTab.CLOSED: (DealState.TURNED_DOWN, DealState.LAPSED, DealState.WITHDRAWN),
}
"""What was withdrawn is listed with 반려/불가, so that no deal is out of sight; paid ones are payments."""

SIDES = {
    Permission.DEAL_REQUEST: "수요기업",
    Permission.PAYMENT_MAKE: "수요기업",
    Permission.DEAL_ANSWER: "공급기업",
    Permission.PAYMENT_CANCEL_LATE: "공급기업",
    Permission.CLOCKWORK: "시스템",
}

OTHER_STEPS = {
    "request": ("거래상담 요청", "수요기업"),
    "begin": ("거래상담 요청", "수요기업"),
    "stop_clock": ("기한 연장(기한 중지)", "전문기관"),
    "close_day": ("기한 연장(휴무일)", "전문기관"),
}
"""What is no move between states: its label, and whose step it is."""


@dataclass(frozen=True, kw_only=True)
class DealRow:
    deal: Deal
    remaining: timedelta | None
    """Until the deadline; zero when it has struck, None where no clock runs."""
    late: bool
    held: bool
    """Its deadline has struck, but is being moved: it is not late (R-TIME-5a)."""
    deadline: str | None


@dataclass(frozen=True, kw_only=True)
class Step:
    at: datetime
    label: str
    side: str
    who: str
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class DealView:
    deal: Deal
    plan: Plan | None
    plans: list[Plan]
    """Of the version that the deal began with: what can be billed."""
    previous: Deal | None
    following: Deal | None
    remaining: timedelta | None
    late: bool
    held: bool
    deadline: str | None
    explanation: str | None
    """How the present deadline was worked out (R-TIME-5a)."""
    history: list[Step]
    actions: list[Edge]
    """What this person may do now; nothing once the deadline has struck."""


def remaining(deal: Deal) -> timedelta | None:
    if deal.state not in (DealState.CONSULTING, DealState.BILLED) or deal.due_at is None:
        return None
    return max(deal.due_at - clock.now(), timedelta())


def _rows_of(found: Sequence[Deal]) -> list[DealRow]:
    struck = {deal.id for deal in found if deals.is_late(deal)}
    held = clock_runs.overtaken(Deal, struck)
    return [_row(deal, late=deal.id in struck - held, held=deal.id in held) for deal in found]


def _row(deal: Deal, *, late: bool, held: bool) -> DealRow:
    left = remaining(deal)
    deadline = clock.write_deadline(deal.due_at) if left is not None and deal.due_at else None
    return DealRow(deal=deal, remaining=left, late=late, held=held, deadline=deadline)


def _own(actor: Actor) -> ColumnElement[bool]:
    if actor.company_id is not None and actor.may(Permission.DEMAND_VIEW):
        return Deal.company_id == actor.company_id
    if actor.supplier_id is not None and actor.may(Permission.SUPPLIER_VIEW):
        return Deal.supplier_id == actor.supplier_id
    raise Denied()


def _with_parties(statement: Any) -> Any:
    return statement.options(joinedload(Deal.company), joinedload(Deal.supplier), joinedload(Deal.offering))


def tab_counts(*, actor: Actor) -> dict[DealTab, int]:
    """How many deals stand in each tab of this side."""
    statement = select(Deal.state, func.count()).where(_own(actor)).group_by(Deal.state)
    counts: dict[DealState, int] = dict(db.session.execute(statement).all())
    return {tab: sum(counts.get(state, 0) for state in states) for tab, states in TAB_STATES.items()}


def tab_rows(*, actor: Actor, tab: DealTab, before: int | None = None, size: int = 20) -> list[DealRow]:
    """One tab of this side, newest first, by keyset."""
    statement = select(Deal).where(_own(actor), Deal.state.in_(TAB_STATES[tab]))
    return _rows(statement, before, size)


def by_deadline(
    *, actor: Actor, tab: DealTab, after: tuple[datetime, int] | None = None, size: int = 20
) -> list[DealRow]:
    """A tab whose clock runs, what runs out first at the top; `after` is the last row's deadline and id."""
    statement = select(Deal).where(_own(actor), Deal.state.in_(TAB_STATES[tab]), Deal.due_at.is_not(None))
    if after is not None:
        statement = statement.where(tuple_(Deal.due_at, Deal.id) > after)
    statement = _with_parties(statement.order_by(Deal.due_at, Deal.id).limit(size))
    return _rows_of(db.session.scalars(statement).all())


def _rows(statement: Any, before: int | None, size: int) -> list[DealRow]:
    if before is not None:
        statement = statement.where(Deal.id < before)
    statement = _with_parties(statement.order_by(Deal.id.desc()).limit(size))
    return _rows_of(db.session.scalars(statement).all())


def payable(*, actor: Actor, deal_ids: Sequence[int] | None = None) -> list[DealRow]:
    """장바구니: the company's bills that can be paid now, the most urgent first (R-DEAL-3).

    Late ones, and those whose payment is being looked into, are left out.
    """
    policy.require(actor, Permission.PAYMENT_MAKE)
    pending = select(Payment.id).where(Payment.deal_id == Deal.id, Payment.state == PaymentState.PENDING)
    statement = select(Deal).where(
        _own(actor),
        Deal.state == DealState.BILLED,
        (Deal.due_at > clock.now()) | clock_runs.held(Deal),
        ~pending.exists(),
    )
    if deal_ids is not None:
        statement = statement.where(Deal.id.in_(deal_ids))
    statement = _with_parties(statement.order_by(Deal.due_at, Deal.id).limit(100))
    return _rows_of(db.session.scalars(statement).all())


def deal_view(*, actor: Actor, deal_id: int) -> DealView:
    """One deal with its history, to either side and to the lead agency's readers. Raises NotFound, Denied."""
    deal: Deal | None = db.session.scalar(_with_parties(select(Deal).where(Deal.id == deal_id)))
    if deal is None:
        raise NotFound()
    policy.require_own(actor, deal)
    if actor.company_id is None and actor.supplier_id is None:
        policy.require(actor, Permission.DEAL_VIEW)
    plans = list(db.session.scalars(select(Plan).where(Plan.version_id == deal.version_id).order_by(Plan.id)))
    [row] = _rows_of([deal])
    return DealView(
        deal=deal,
        plan=next((plan for plan in plans if plan.id == deal.plan_id), None),
        plans=plans,
        previous=db.session.get(Deal, deal.previous_id) if deal.previous_id else None,
        following=db.session.scalar(select(Deal).where(Deal.previous_id == deal.id).limit(1)),
        remaining=row.remaining,
        late=row.late,
        held=row.held,
        deadline=row.deadline,
        explanation=deadlines.explain_deal(deal),
        history=_history(deal_id),
        actions=[] if row.late else DEAL.open_to(actor, deal),
    )


def _history(deal_id: int) -> list[Step]:
    edges = {edge.action: edge for edge in DEAL.edges}
    rows = db.session.scalars(
        select(AuditRow)
        .where(AuditRow.entity == DEAL.entity, AuditRow.entity_id == deal_id)
        .order_by(AuditRow.seq)
    )
    return [
        Step(
            at=row.at,
            label=edges[row.action].label if row.action in edges else OTHER_STEPS[row.action][0],
            side=SIDES[edges[row.action].permission] if row.action in edges else OTHER_STEPS[row.action][1],
            who=row.actor_name,
            reason=row.reason,
        )
        for row in rows
    ]


def console_deals(
    *, actor: Actor, state: DealState | None = None, q: str = "", before: int | None = None, size: int = 50
) -> list[DealRow]:
    """Any deal, for the lead agency, newest first; `q` is part of a party's or a service's name."""
    policy.require(actor, Permission.DEAL_VIEW)
    statement = select(Deal)
    if state is not None:
        statement = statement.where(Deal.state == state)
    if text := search.clean(q):
        statement = statement.where(
            Deal.company_id.in_(select(Company.id).where(Company.name.icontains(text, autoescape=True)))
            | Deal.supplier_id.in_(select(Supplier.id).where(Supplier.name.icontains(text, autoescape=True)))
            | Deal.offering_id.in_(select(Offering.id).where(Offering.name.icontains(text, autoescape=True)))
        )
    return _rows(statement, before, size)


def state_counts(*, actor: Actor) -> dict[DealState, int]:
    policy.require(actor, Permission.DEAL_VIEW)
    rows = db.session.execute(select(Deal.state, func.count()).group_by(Deal.state)).all()
    return {state: 0 for state in DealState} | dict(rows)
