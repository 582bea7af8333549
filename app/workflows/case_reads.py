"""A case as a reviewer decides it: values, documents, what changed, look-alikes, history (R-SCR-3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.orm import joinedload

from app import policy
from app.db import db
from app.errors import NotFound
from app.models.applications import Application, ScreeningRound
from app.models.companies import Company, Document
from app.models.people import Account
from app.models.programme import SelectionOrder
from app.models.vouchers import Instrument, Voucher
from app.policy import Actor, Permission
from app.workflows import (
    attachments,
    case_corrections,
    case_lookalikes,
    company_edits,
    instruments,
    presence,
    programmes,
    required_papers,
    screening_checks,
    screening_points,
    screening_reasons,
    vouchers,
)
from app.workflows.application_history import HistoryEntry, history, waiting_days
from app.workflows.applications import APPLICATION
from app.workflows.case_corrections import Correction
from app.workflows.case_lookalikes import LookAlike
from app.workflows.company_edits import EditEntry
from app.workflows.lifecycle import Edge

EDITS = 50
"""How far back a case looks into '회원정보 수정 이력'."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """One stay in the queue, from arrival to decision."""

    number: int
    entered_at: datetime
    decided_at: datetime | None
    decision: str
    """What ended it, in Korean; empty while it waits."""
    reasons: list[str]
    who: str
    waited_days: int | None


@dataclass(frozen=True, kw_only=True)
class Case:
    application: Application
    company: Company
    instrument: Instrument | None
    voucher: Voucher | None
    documents: list[Document]
    needed: list[str]
    """Labels of the required documents that are missing."""
    ticks: dict[str, bool]
    """What fits and what does not, by item (screening_checks)."""
    correction: Correction | None
    """What changed since the hold; None where there was none."""
    history: list[HistoryEntry]
    edits: list[EditEntry]
    lookalikes: list[LookAlike]
    """Others with the same representative's name or phone, whatever the year."""
    rounds: list[Round]
    waiting_days: int
    assigned_name: str | None
    viewers: list[str]
    """Who else has it open at this moment (R-SCR-3b)."""
    by_score: bool
    """Whether its programme selects by score (R-JOIN-7a)."""
    edges: list[Edge]


def own_application(*, actor: Actor, application_id: int) -> Application:
    """With its company, programme and agency. Raises Denied, NotFound (another agency's)."""
    policy.require(actor, Permission.SCREENING_VIEW)
    application = db.session.get(
        Application,
        application_id,
        options=[
            joinedload(Application.company).joinedload(Company.programme),
            joinedload(Application.agency),
        ],
    )
    if application is None:
        raise NotFound()
    policy.require_own(actor, application)
    return application


def case(*, actor: Actor, application_id: int) -> Case:
    """Everything a reviewer decides by. Raises Denied, NotFound (another agency's)."""
    application = own_application(actor=actor, application_id=application_id)
    company = application.company
    edits = company_edits.edits(actor=actor, company_id=company.id, size=EDITS)
    entries = history(application.id)
    reviewer = application.assigned_to_id and db.session.get(Account, application.assigned_to_id)
    lacks = required_papers.lacking([application.id]).get(application.id, [])
    return Case(
        application=application,
        company=company,
        instrument=instruments.of_company(company.id),
        voucher=vouchers.of_company(company.id),
        documents=attachments.current(company_id=company.id),
        needed=[kind.label for kind in lacks],
        ticks=screening_checks.ticks(application_id=application.id, edits=edits),
        correction=case_corrections.since_hold(application, entries, edits),
        history=entries,
        edits=edits,
        lookalikes=case_lookalikes.lookalikes(actor=actor, company=company),
        rounds=_rounds(application.id),
        waiting_days=waiting_days(
            application, programmes.closing_days(programme_id=application.programme_id)
        ),
        assigned_name=reviewer.name if reviewer else None,
        viewers=presence.others(actor=actor, application_id=application.id),
        by_score=company.programme.selection_order is SelectionOrder.SCORE,
        edges=APPLICATION.open_to(actor, application),
    )


def _rounds(application_id: int) -> list[Round]:
    """Newest first."""
    statement = (
        select(ScreeningRound, Account.name)
        .outerjoin(Account, Account.id == ScreeningRound.decided_by_id)
        .where(ScreeningRound.application_id == application_id)
        .order_by(ScreeningRound.number.desc())
    )
    return [
        Round(
            number=row.number,
            entered_at=row.entered_at,
            decided_at=row.decided_at,
            decision=APPLICATION.of(row.decision)[0].label if row.decision else "",
            reasons=[screening_reasons.label(code) for code in row.reason_codes],
            who=who or "",
            waited_days=row.waited_days,
        )
        for row, who in db.session.execute(statement)
    ]


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """The cases before and after one, in the same state and the actor's scope; None at either end."""

    before: int | None
    after: int | None


def neighbours(*, actor: Actor, application: Application) -> Neighbours:
    """By the queue's own order, in two looks into its index. The caller has checked whose case it is."""
    if application.submitted_at is None:
        return Neighbours(before=None, after=None)
    position = tuple_(Application.submitted_at, Application.id)
    here = (application.submitted_at, application.id)
    scope = [Application.state == application.state, Application.submitted_at.is_not(None)]
    if actor.role.is_operating_agency:
        scope.append(Application.agency_id == actor.agency_id)
    earlier = (Application.submitted_at.desc(), Application.id.desc())
    statement = select(Application.id).where(*scope).limit(1)
    return Neighbours(
        before=db.session.scalar(statement.where(position < here).order_by(*earlier)),
        after=db.session.scalar(
            statement.where(position > here).order_by(Application.submitted_at, Application.id)
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the checking is: items in all, those looked at, and those of them that do not fit."""

    items: int
    checked: int
    crossed: int


def progress_of(ticks: Mapping[str, bool], company: Company, documents: Sequence[Document]) -> Progress:
    items = screening_points.labels(company, documents)
    fits = [ticks[item] for item in items if item in ticks]
    return Progress(items=len(items), checked=len(fits), crossed=fits.count(False))


def progress(*, actor: Actor, application_id: int) -> Progress:
    """Of one case, after a tick. Raises Denied, NotFound."""
    application = own_application(actor=actor, application_id=application_id)
    edits = company_edits.edits(actor=actor, company_id=application.company_id, size=EDITS)
    ticks = screening_checks.ticks(application_id=application_id, edits=edits)
    company = application.company
    return progress_of(ticks, company, attachments.current(company_id=company.id))


def crosses(found: Case) -> list[str]:
    """What does not fit, in Korean, in the order of the page."""
    labels = screening_points.labels(found.company, found.documents)
    return [label for item, label in labels.items() if found.ticks.get(item) is False]
