"""Which required documents a company has not handed in, for one case or for many (R-JOIN-2, R-JOIN-5)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from app.db import db
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.companies import Company, Document, DocumentKind
from app.models.programme import Programme
from app.workflows import company_edits


def lacking(application_ids: Sequence[int]) -> dict[int, list[DocumentKind]]:
    """What is missing, by application, in three queries whatever their number; complete ones are absent."""
    statement = (
        select(Application)
        .where(Application.id.in_(application_ids))
        .options(joinedload(Application.company).joinedload(Company.programme))
    )
    found = list(db.session.scalars(statement))
    companies = [application.company for application in found]
    present = _present([company.id for company in companies])
    first_years = _first_years([company.business_number for company in companies])
    missing: dict[int, list[DocumentKind]] = {}
    for application in found:
        company = application.company
        before = first_years.get(company.business_number, company.programme.year) < company.programme.year
        needed = company_edits.required_documents(
            company.kind,
            programme=company.programme,
            verified_as=company.verified_as,
            joined_before=before,
        )
        lacks = [kind for kind in needed if kind not in present.get(company.id, ())]
        if lacks:
            missing[application.id] = lacks
    return missing


def _present(company_ids: Sequence[int]) -> dict[int, set[DocumentKind]]:
    statement = select(Document.company_id, Document.kind).where(
        Document.company_id.in_(company_ids), Document.replaced_at.is_(None)
    )
    found: dict[int, set[DocumentKind]] = {}
    for company_id, kind in db.session.execute(statement):
        found.setdefault(company_id or 0, set()).add(kind)
    return found


def _first_years(business_numbers: Sequence[str]) -> dict[str, int]:
    """The first year in which each number was 승인 (R-JOIN-5)."""
    statement = (
        select(Company.business_number, func.min(Programme.year))
        .join(Application, Application.company_id == Company.id)
        .join(Programme, Programme.id == Company.programme_id)
        .where(Company.business_number.in_(business_numbers), Application.state == State.APPROVED)
        .group_by(Company.business_number)
    )
    return {number: year for number, year in db.session.execute(statement)}
