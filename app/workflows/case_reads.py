"""A case as a reviewer decides it: values, documents, history, look-alikes (R-SCR-3)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from app import policy
from app.db import db
from app.errors import NotFound
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.companies import Company, Document
from app.models.people import Account
from app.models.vouchers import Instrument, Voucher
from app.policy import Actor, Permission
from app.workflows import attachments, company_edits, instruments, programmes, vouchers
from app.workflows.application_history import HistoryEntry, history, waiting_days
from app.workflows.applications import APPLICATION
from app.workflows.company_edits import EditEntry
from app.workflows.lifecycle import Edge


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
        history=history(application.id),
        edits=company_edits.edits(actor=actor, company_id=company.id, size=50),
        lookalikes=_lookalikes(actor, company),
        waiting_days=waiting_days(
            application, programmes.closing_days(programme_id=application.programme_id)
        ),
        assigned_name=reviewer.name if reviewer else None,
        edges=APPLICATION.open_to(actor, application),
    )


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
