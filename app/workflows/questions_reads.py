"""서비스 문의 as the public, the two sides and the lead agency see them (R-CAT-3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import joinedload

from app import policy
from app.db import db
from app.errors import Denied, NotFound
from app.models.catalogue import Offering
from app.models.companies import Company
from app.models.questions import Question
from app.models.types import Labelled
from app.policy import Actor, Permission
from app.workflows import search
from app.workflows.evaluations import masked_company


class QuestionTab(Labelled):
    OPEN = "open", "답변대기", "warning"
    ANSWERED = "answered", "답변완료", "success"
    HIDDEN = "hidden", "숨김", "neutral"


def tab_of(question: Question) -> QuestionTab:
    if question.hidden_at is not None:
        return QuestionTab.HIDDEN
    return QuestionTab.OPEN if question.answered_at is None else QuestionTab.ANSWERED


_IN_TAB: dict[QuestionTab, ColumnElement[bool]] = {
    QuestionTab.OPEN: Question.answered_at.is_(None) & Question.hidden_at.is_(None),
    QuestionTab.ANSWERED: Question.answered_at.is_not(None) & Question.hidden_at.is_(None),
    QuestionTab.HIDDEN: Question.hidden_at.is_not(None),
}


@dataclass(frozen=True, kw_only=True)
class PublicQuestion:
    """As the service's page shows it."""

    id: int
    company: str
    """Masked, as in the evaluations; the reader's own is said to be so."""
    is_own: bool
    is_private: bool
    body: str
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None


def of_offering(
    *, actor: Actor | None, offering: Offering, before: int | None = None, size: int = 10
) -> list[PublicQuestion]:
    """The questions about a service that this person may read, newest first; hidden ones are nobody's."""
    own_company = actor.company_id if actor else None
    statement = (
        select(Question, Company.name)
        .join(Question.company)
        .where(
            Question.offering_id == offering.id,
            Question.hidden_at.is_(None),
            _readable(actor, offering),
        )
        .order_by(Question.id.desc())
        .limit(size)
    )
    if before is not None:
        statement = statement.where(Question.id < before)
    return [
        PublicQuestion(
            id=row.id,
            company=masked_company(name),
            is_own=row.company_id == own_company,
            is_private=row.is_private,
            body=row.body,
            asked_at=row.asked_at,
            answer=row.answer,
            answered_at=row.answered_at,
        )
        for row, name in db.session.execute(statement)
    ]


def _readable(actor: Actor | None, offering: Offering) -> ColumnElement[bool]:
    """A private one is read by the two sides and the lead agency alone."""
    if actor is not None and (actor.may(Permission.DEAL_VIEW) or actor.supplier_id == offering.supplier_id):
        return true()
    if actor is not None and actor.company_id is not None:
        return ~Question.is_private | (Question.company_id == actor.company_id)
    return ~Question.is_private


def own(*, actor: Actor, before: int | None = None, size: int = 20) -> list[Question]:
    """내 문의: what the company has asked, newest first."""
    policy.require(actor, Permission.DEMAND_VIEW)
    if actor.company_id is None:
        raise Denied()
    statement = select(Question).where(Question.company_id == actor.company_id)
    return _page(statement, before, size)


def of_supplier(
    *, actor: Actor, tab: QuestionTab, before: int | None = None, size: int = 20
) -> list[Question]:
    """One tab of the supplier's list, newest first."""
    statement = select(Question).where(Question.supplier_id == _supplier(actor), _IN_TAB[tab])
    return _page(statement, before, size)


def supplier_counts(*, actor: Actor) -> dict[QuestionTab, int]:
    columns = [func.count().filter(condition) for condition in _IN_TAB.values()]
    row = db.session.execute(select(*columns).where(Question.supplier_id == _supplier(actor))).one()
    return dict(zip(_IN_TAB, row, strict=True))


def open_count(*, actor: Actor) -> int:
    """How many questions wait for the supplier's answer; by an index that holds nothing else."""
    statement = select(func.count()).where(
        Question.supplier_id == _supplier(actor), _IN_TAB[QuestionTab.OPEN]
    )
    return db.session.scalar(statement) or 0


def for_answer(*, actor: Actor, question_id: int) -> Question:
    """The supplier's own question. Raises NotFound."""
    policy.require(actor, Permission.DEAL_ANSWER)
    question = db.session.scalar(_with_parties(select(Question).where(Question.id == question_id)))
    if question is None:
        raise NotFound()
    policy.require_own(actor, question)
    found: Question = question
    return found


def _supplier(actor: Actor) -> int:
    policy.require(actor, Permission.DEAL_ANSWER)
    if actor.supplier_id is None:
        raise Denied()
    return actor.supplier_id


def console_questions(
    *, actor: Actor, tab: QuestionTab | None = None, q: str = "", before: int | None = None, size: int = 50
) -> list[Question]:
    """Every question, for the lead agency, newest first; `q` is part of a party's or the service's name."""
    policy.require(actor, Permission.DEAL_VIEW)
    statement = select(Question)
    if tab is not None:
        statement = statement.where(_IN_TAB[tab])
    if text := search.clean(q):
        statement = statement.where(
            Question.offering_id.in_(select(Offering.id).where(search.matching(text)))
            | Question.company_id.in_(select(Company.id).where(Company.name.icontains(text, autoescape=True)))
        )
    return _page(statement, before, size)


def _page(statement: Any, before: int | None, size: int) -> list[Question]:
    if before is not None:
        statement = statement.where(Question.id < before)
    return list(db.session.scalars(_with_parties(statement.order_by(Question.id.desc()).limit(size))))


def _with_parties(statement: Any) -> Any:
    offering = joinedload(Question.offering)
    return statement.options(offering.joinedload(Offering.supplier), joinedload(Question.company))
