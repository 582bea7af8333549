"""Deals as both sides and the lead agency see them (R-DEAL-1, R-DEAL-3). Query counts are constant."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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
from app.workflows import clock_runs, deadlines, deals, search, threads, threads_reads
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


SOON = timedelta(hours=24)
"""Before a deadline, when it is urgent (R-VOU-4 reminds as early)."""


@dataclass(frozen=True, kw_only=True)
class DealRow:
    deal: Deal
    remaining: timedelta | None
    """Until the deadline; zero when it has struck, None where no clock runs."""
    late: bool
    held: bool
    """Its deadline has struck, but is being moved: it is not late (R-TIME-5a)."""
    deadline: str | None
    new_message: bool = False
    """Whether the other side wrote last."""


@dataclass(frozen=True, kw_only=True)
class DealFilter:
    """What a list leaves over of its tab."""

    soon: bool = False
    """Of those whose clock runs, what runs out within a day."""
    new_message: bool = False
    offering_id: int | None = None
    q: str = ""
    """Part of the name of the company, the supplier or the service."""


@dataclass(frozen=True, kw_only=True)
class Step:
    at: datetime
    label: str
    side: str
    who: str
    reason: str | None
    due_before: datetime | None = None
    due_after: datetime | None = None
    """Where the step moved the deadline: what it was, what it became."""

    @property
    def was(self) -> str:
        return clock.write_deadline(self.due_before) if self.due_before else ""

    @property
    def becomes(self) -> str:
        return clock.write_deadline(self.due_after) if self.due_after else ""

    @property
    def by(self) -> str:
        """The side and the person, once where they are the same."""
        return self.side if self.who == self.side else f"{self.side} {self.who}"


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


def _rows_of(found: Iterable[Deal], *, new: Collection[int] = ()) -> list[DealRow]:
    """`new` are those in which the other side wrote last."""
    listed = list(found)
    struck = {deal.id for deal in listed if deals.is_late(deal)}
    held = clock_runs.overtaken(Deal, struck)
    return [
        _row(deal, late=deal.id in struck - held, held=deal.id in held, new_message=deal.id in new)
        for deal in listed
    ]


def _row(deal: Deal, *, late: bool, held: bool, new_message: bool) -> DealRow:
    left = remaining(deal)
    deadline = clock.write_deadline(deal.due_at) if left is not None and deal.due_at else None
    return DealRow(
        deal=deal, remaining=left, late=late, held=held, deadline=deadline, new_message=new_message
    )


def _with_messages(found: Iterable[Deal], actor: Actor) -> list[DealRow]:
    """The rows of a side's list, with one more query for all of them."""
    rows, side = list(found), threads.side_of(actor)
    last = threads_reads.last_written_by([deal.id for deal in rows]) if side else {}
    return _rows_of(rows, new={deal.id for deal in rows if last.get(deal.id, side) is not side})


def _matching(wanted: DealFilter, actor: Actor) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.soon:
        conditions.append(Deal.due_at.between(clock.now(), clock.now() + SOON))
    side = threads.side_of(actor)
    if wanted.new_message and side is not None:
        conditions.append(threads_reads.waits_for(side))
    if wanted.offering_id is not None:
        conditions.append(Deal.offering_id == wanted.offering_id)
    if text := search.clean(wanted.q):
        conditions.append(_named(text))
    return conditions


def _named(text: str) -> ColumnElement[bool]:
    return (
        Deal.company_id.in_(select(Company.id).where(Company.name.icontains(text, autoescape=True)))
        | Deal.supplier_id.in_(select(Supplier.id).where(Supplier.name.icontains(text, autoescape=True)))
        | Deal.offering_id.in_(select(Offering.id).where(Offering.name.icontains(text, autoescape=True)))
    )


def _own(actor: Actor) -> ColumnElement[bool]:
    if actor.company_id is not None and actor.may(Permission.DEMAND_VIEW):
        return Deal.company_id == actor.company_id
    if actor.supplier_id is not None and actor.may(Permission.SUPPLIER_VIEW):
        return Deal.supplier_id == actor.supplier_id
    raise Denied()


def with_parties(statement: Any) -> Any:
    return statement.options(joinedload(Deal.company), joinedload(Deal.supplier), joinedload(Deal.offering))


def tab_counts(*, actor: Actor) -> dict[DealTab, int]:
    """How many deals stand in each tab of this side."""
    statement = select(Deal.state, func.count()).where(_own(actor)).group_by(Deal.state)
    counts: dict[DealState, int] = dict(db.session.execute(statement).all())
    return {tab: sum(counts.get(state, 0) for state in states) for tab, states in TAB_STATES.items()}


NO_FILTER = DealFilter()


def tab_rows(
    *,
    actor: Actor,
    tab: DealTab,
    wanted: DealFilter = NO_FILTER,
    before: int | None = None,
    size: int = 20,
) -> list[DealRow]:
    """One tab of this side, newest first, by keyset."""
    own = (_own(actor), Deal.state.in_(TAB_STATES[tab]))
    return _with_messages(_newest(select(Deal).where(*own, *_matching(wanted, actor)), before, size), actor)


def by_deadline(
    *,
    actor: Actor,
    tab: DealTab,
    wanted: DealFilter = NO_FILTER,
    after: tuple[datetime, int] | None = None,
    size: int = 20,
) -> list[DealRow]:
    """A tab whose clock runs, what runs out first at the top; `after` is the last row's deadline and id."""
    statement = select(Deal).where(_own(actor), Deal.state.in_(TAB_STATES[tab]), Deal.due_at.is_not(None))
    statement = statement.where(*_matching(wanted, actor))
    if after is not None:
        statement = statement.where(tuple_(Deal.due_at, Deal.id) > after)
    statement = with_parties(statement.order_by(Deal.due_at, Deal.id).limit(size))
    return _with_messages(db.session.scalars(statement), actor)


def with_new_messages(*, actor: Actor, before: int | None = None, size: int = 20) -> list[DealRow]:
    """Of every state, the paid ones too: where the other side wrote last, the latest deal first."""
    side = threads.side_of(actor)
    if side is None:
        raise Denied()
    waiting = (_own(actor), threads_reads.waits_for(side))
    return _with_messages(_newest(select(Deal).where(*waiting), before, size), actor)


def own_offerings(*, actor: Actor) -> list[tuple[int, str]]:
    """The services about which this side has deals: what its list can be filtered by."""
    asked = select(Deal.offering_id).where(_own(actor)).distinct()
    rows = db.session.execute(
        select(Offering.id, Offering.name).where(Offering.id.in_(asked)).order_by(Offering.name, Offering.id)
    )
    return [(key, name) for key, name in rows]


def _newest(statement: Any, before: int | None, size: int) -> list[Deal]:
    if before is not None:
        statement = statement.where(Deal.id < before)
    return list(db.session.scalars(with_parties(statement.order_by(Deal.id.desc()).limit(size))))


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
    statement = with_parties(statement.order_by(Deal.due_at, Deal.id).limit(100))
    return _rows_of(db.session.scalars(statement))


def bills(*, actor: Actor, deal_ids: Sequence[int]) -> list[Deal]:
    """The company's own that were billed, in the order asked for; what is another's is left out."""
    policy.require(actor, Permission.DEMAND_VIEW)
    statement = select(Deal).where(_own(actor), Deal.id.in_(deal_ids), Deal.amount.is_not(None))
    found = {deal.id: deal for deal in db.session.scalars(with_parties(statement))}
    return [found[deal_id] for deal_id in dict.fromkeys(deal_ids) if deal_id in found]


def deal_view(*, actor: Actor, deal_id: int) -> DealView:
    """One deal with its history, to either side and to the lead agency's readers. Raises NotFound, Denied."""
    deal: Deal | None = db.session.scalar(with_parties(select(Deal).where(Deal.id == deal_id)))
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
    return [_step(row, edges) for row in rows]


def _step(row: AuditRow, edges: dict[str, Edge]) -> Step:
    edge = edges.get(row.action)
    label, side = (edge.label, SIDES[edge.permission]) if edge else OTHER_STEPS[row.action]
    due = [datetime.fromisoformat(at) if at else None for at in row.change.get("due_at", (None, None))]
    return Step(
        at=row.at,
        label=label,
        side=side,
        who=row.actor_name,
        reason=row.reason,
        due_before=due[0],
        due_after=due[1],
    )


@dataclass(frozen=True, kw_only=True)
class ConsoleFilter:
    """Days are Korean days of the request, both inclusive; names are parts of names."""

    state: DealState | None = None
    q: str = ""
    company: str = ""
    supplier: str = ""
    since: date | None = None
    until: date | None = None
    soon: bool = False


def console_deals(*, actor: Actor, before: int | None = None, size: int = 50, **wanted: Any) -> list[DealRow]:
    """Any deal, for the lead agency, newest first; `wanted` are the fields of `ConsoleFilter`."""
    policy.require(actor, Permission.DEAL_VIEW)
    only = ConsoleFilter(**wanted)
    conditions = _console(only)
    if only.state is not None:
        conditions.append(Deal.state == only.state)
    return _rows_of(_newest(select(Deal).where(*conditions), before, size))


def _console(only: ConsoleFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if text := search.clean(only.q):
        conditions.append(_named(text))
    if text := search.clean(only.company):
        named = select(Company.id).where(Company.name.icontains(text, autoescape=True))
        conditions.append(Deal.company_id.in_(named))
    if text := search.clean(only.supplier):
        named = select(Supplier.id).where(Supplier.name.icontains(text, autoescape=True))
        conditions.append(Deal.supplier_id.in_(named))
    if only.since is not None:
        conditions.append(Deal.requested_at >= clock.start_of(only.since))
    if only.until is not None:
        conditions.append(Deal.requested_at < clock.end_of(only.until))
    if only.soon:
        running = Deal.state.in_((DealState.CONSULTING, DealState.BILLED))
        conditions += [running, Deal.due_at.between(clock.now(), clock.now() + SOON)]
    return conditions


def state_counts(*, actor: Actor, **wanted: Any) -> dict[DealState, int]:
    """How many deals stand in each state, of those that the filter leaves; its own state does not count."""
    policy.require(actor, Permission.DEAL_VIEW)
    conditions = _console(ConsoleFilter(**wanted))
    rows = db.session.execute(select(Deal.state, func.count()).where(*conditions).group_by(Deal.state)).all()
    return {state: 0 for state in DealState} | dict(rows)
