"""Who looks like the company of a case (R-SCR-3): same person, phone, address, or number in another year.

A hint, never a verdict: an address alone decides nothing. The domain of an e-mail address is no likeness:
half of all companies share theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, select, union_all
from sqlalchemy.orm import joinedload

from app import policy
from app.db import db
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.companies import Company
from app.models.programme import Programme
from app.policy import Actor

MOST = 20
"""Of each likeness, the newest: a common name or an office tower has hundreds."""
LABELS = {
    "number": "같은 사업자번호(이전 사업)",
    "person": "대표자 동일인(본인인증)",
    "name": "대표자 이름",
    "phone": "휴대전화",
    "address": "주소",
}


@dataclass(frozen=True, kw_only=True)
class LookAlike:
    """Another application; of another agency's no more than that there is one (R-ROLE-2)."""

    application_id: int | None
    company: str
    representative: str
    agency: str
    year: int
    state: State
    why: list[str]
    """What is the same, in Korean."""


def _likenesses(company: Company, address_key: str) -> dict[str, ColumnElement[bool]]:
    """Each condition goes through an index of its own."""
    ci, same_name = company.representative_ci_index, Company.representative == company.representative
    if ci is not None:
        # Where the identity service has named both persons it decides; a namesake is no likeness.
        same_name = and_(same_name, Company.representative_ci_index.is_(None))
    found = {
        "number": Company.business_number == company.business_number,
        # The programmes are named for the index's sake, which begins with them.
        "person": and_(Company.programme_id.in_(select(Programme.id)), Company.representative_ci_index == ci)
        if ci is not None
        else None,
        "name": same_name,
        "phone": Company.phone_index == company.phone_index if company.phone_index is not None else None,
        # `<> ''` is said again: the index holds no empty addresses, and is used only where the query says so.
        "address": and_(Company.address_key == address_key, Company.address_key != "")
        if address_key
        else None,
    }
    return {why: condition for why, condition in found.items() if condition is not None}


def _newest(company: Company, why: str, condition: ColumnElement[bool]) -> Select[Any, Any]:
    return (
        select(Company.id, literal(why).label("why"))
        .where(condition, Company.id != company.id)
        .order_by(Company.id.desc())
        .limit(MOST)
    )


def lookalikes(*, actor: Actor, company: Company) -> list[LookAlike]:
    """Most alike first, in three queries whatever is found. The caller has checked whose case it is."""
    address_key = db.session.scalar(select(Company.address_key).where(Company.id == company.id)) or ""
    parts = [_newest(company, why, how) for why, how in _likenesses(company, address_key).items()]
    alike = union_all(*[select(part.subquery()) for part in parts]).subquery()
    grouped = select(alike.c.id, func.array_agg(alike.c.why)).group_by(alike.c.id)
    reasons: dict[int, list[str]] = {key: why for key, why in db.session.execute(grouped)}
    statement = (
        select(Application)
        .where(Application.company_id.in_(reasons))
        .options(
            joinedload(Application.company).joinedload(Company.programme), joinedload(Application.agency)
        )
    )
    found = [
        _lookalike(actor, application, reasons[application.company_id])
        for application in db.session.scalars(statement)
    ]
    return sorted(found, key=lambda row: (-len(row.why), -row.year))[:MOST]


def _lookalike(actor: Actor, found: Application, why: list[str]) -> LookAlike:
    own = policy.owns(actor, found)
    return LookAlike(
        application_id=found.id if own else None,
        company=found.company.name if own else "다른 운영기관의 기업",
        representative=found.company.representative,
        agency=found.agency.name,
        year=found.company.programme.year,
        state=found.state,
        why=[label for key, label in LABELS.items() if key in why],
    )
