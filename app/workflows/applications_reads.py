"""What reviewers and companies see of applications (R-SCR-1, R-SCR-3, R-SCR-5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.orm import aliased, joinedload

from app import clock, policy
from app.db import db
from app.errors import NotFound
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.companies import Company, Document
from app.models.numbers import digits
from app.models.people import Account
from app.models.programme import Agency
from app.models.record import AuditRow
from app.models.vouchers import Instrument, Voucher
from app.policy import Actor, Permission
from app.workflows import applications, attachments, company_edits, instruments, programmes, vouchers
from app.workflows.applications import APPLICATION
from app.workflows.company_edits import EditEntry
from app.workflows.lifecycle import Edge

_TITLES = {"submit": "회원가입(심사접수)", "intake": "K-Startup 명단 반영", "assign": "배정"}
_TITLES |= {"flag": "기업정보 수정 알림", "clear_flag": "수정 확인"}
_TITLES |= {edge.action: edge.label for edge in APPLICATION.edges}
_NEXT = {
    State.NOT_APPLIED: "기업정보와 서류를 채우고 결제수단을 선택한 뒤 '사업 신청'을 눌러 주세요.",
    State.SCREENING: "운영기관이 서류를 심사하고 있습니다.",
    State.ON_HOLD: "보류 사유를 보고 고친 뒤 다시 제출해 주세요.",
    State.SCREENED: "전문기관의 예산확정을 기다리고 있습니다.",
    State.APPROVED: "'바우처 신청'에서 결제수단을 발급받고 서비스를 이용해 주세요.",
    State.REJECTED: "올해 사업에는 다시 신청할 수 없습니다. 자세한 내용은 운영기관에 문의해 주세요.",
}


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
    return [QueueRow(a, a.company, _waiting(a, closed[a.programme_id]), name) for a, name in found]


def _waiting(application: Application, closed: Any) -> int:
    """Business days in the queue."""
    if application.submitted_at is None:
        return 0
    return clock.business_days_between(application.submitted_at, clock.now(), closed=closed)


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


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    at: datetime
    action: str
    title: str
    who: str
    reason: str | None
    tone: str


@dataclass(frozen=True, kw_only=True)
class Case:
    application: Application
    company: Company
    instrument: Instrument | None
    voucher: Voucher | None
    documents: list[Document]
    needed: list[str]
    """Labels of the required documents that are missing."""
    history: list[HistoryEntry]
    edits: list[EditEntry]
    lookalikes: list[LookAlike]
    """Others with the same representative's name or phone, whatever the year."""
    waiting_days: int
    assigned_name: str | None
    edges: list[Edge]


def case(*, actor: Actor, application_id: int) -> Case:
    """Everything a reviewer decides by. Raises Denied, NotFound (another agency's)."""
    policy.require(actor, Permission.SCREENING_VIEW)
    application = db.session.get(
        Application, application_id, options=[joinedload(Application.company), joinedload(Application.agency)]
    )
    if application is None:
        raise NotFound()
    policy.require_own(actor, application)
    company = application.company
    documents = attachments.current(company_id=company.id)
    present = {document.kind for document in documents}
    before = company_edits.took_part_before(company.business_number, company.programme)
    needed = company_edits.required_documents(
        company.kind, verified_as=company.verified_as, joined_before=before
    )
    reviewer = application.assigned_to_id and db.session.get(Account, application.assigned_to_id)
    return Case(
        application=application,
        company=company,
        instrument=instruments.of_company(company.id),
        voucher=vouchers.of_company(company.id),
        documents=documents,
        needed=[kind.label for kind in needed if kind not in present],
        history=_history(application.id),
        edits=company_edits.edits(actor=actor, company_id=company.id, size=50),
        lookalikes=_lookalikes(actor, company),
        waiting_days=_waiting(application, programmes.closing_days(programme_id=application.programme_id)),
        assigned_name=reviewer.name if reviewer else None,
        edges=APPLICATION.open_to(actor, application),
    )


def _history(application_id: int, *, own_accounts: Sequence[int] | None = None) -> list[HistoryEntry]:
    """Newest first. A company (`own_accounts`) reads which office decided, not which person."""
    rows = db.session.scalars(
        select(AuditRow)
        .where(AuditRow.entity == "application", AuditRow.entity_id == application_id)
        .order_by(AuditRow.seq.desc())
    )
    inside = ("assign", "flag", "clear_flag")
    return [
        HistoryEntry(
            at=row.at,
            action=row.action,
            title=_TITLES.get(row.action, row.action),
            who=row.actor_name if own_accounts is None else _office(row, own_accounts),
            reason=row.reason,
            tone=_tone(row),
        )
        for row in rows
        if own_accounts is None or row.action not in inside
    ]


def _office(row: AuditRow, own_accounts: Sequence[int]) -> str:
    if row.actor_id in own_accounts:
        return row.actor_name
    return "전문기관" if row.action in ("approve", "send_back", "intake") else "운영기관"


def _tone(row: AuditRow) -> str:
    after = row.change.get("state", [None, None])[1]
    return State(after).tone if after else "neutral"


@dataclass(frozen=True, kw_only=True)
class LookAlike:
    """Another application of the same representative or phone; of another agency's no more (R-ROLE-2)."""

    application_id: int | None
    company: str
    representative: str
    agency: str
    state: State


def _lookalikes(actor: Actor, company: Company) -> list[LookAlike]:
    same = [Company.representative == company.representative]
    if company.phone_index is not None:
        same.append(Company.phone_index == company.phone_index)
    statement = (
        select(Application)
        .join(Company, Company.id == Application.company_id)
        .where(or_(*same), Company.id != company.id)
        .options(joinedload(Application.company), joinedload(Application.agency))
        .order_by(Application.id.desc())
        .limit(10)
    )
    return [_lookalike(actor, found) for found in db.session.scalars(statement)]


def _lookalike(actor: Actor, found: Application) -> LookAlike:
    own = policy.owns(actor, found)
    return LookAlike(
        application_id=found.id if own else None,
        company=found.company.name if own else "다른 운영기관의 기업",
        representative=found.company.representative,
        agency=found.agency.name,
        state=found.state,
    )


@dataclass(frozen=True, kw_only=True)
class Status:
    """'심사 및 예산확인' (R-SCR-1, R-SCR-5)."""

    application: Application
    company: Company
    agency: Agency
    """Its name and phones are shown."""
    history: list[HistoryEntry]
    place: int | None
    """In its agency's queue, from 1; None where it does not wait."""
    waiting_days: int
    next_step: str
    instrument: Instrument | None
    voucher: Voucher | None
    edges: list[Edge]


def status(*, actor: Actor) -> Status:
    """What the company sees of its application. Raises NotFound."""
    application = applications.own(actor=actor)
    accounts = db.session.scalars(select(Account.id).where(Account.company_id == application.company_id))
    return Status(
        application=application,
        company=application.company,
        agency=application.agency,
        history=_history(application.id, own_accounts=list(accounts)),
        place=_place(application),
        waiting_days=_waiting(application, programmes.closing_days(programme_id=application.programme_id)),
        next_step=_NEXT[application.state],
        instrument=instruments.of_company(application.company_id),
        voucher=vouchers.of_company(application.company_id),
        edges=APPLICATION.open_to(actor, application),
    )


def _place(application: Application) -> int | None:
    if application.state not in (State.SCREENING, State.SCREENED):
        return None
    mine = (application.submitted_at, application.id)
    return db.session.scalar(
        select(func.count()).where(
            Application.agency_id == application.agency_id,
            Application.state == application.state,
            tuple_(Application.submitted_at, Application.id) <= mine,
        )
    )
