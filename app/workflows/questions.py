"""서비스 문의: a company asks about a service in public or in private, its supplier answers (R-CAT-3).

A question binds nobody and has no clock: what a company means to buy, it asks by 거래상담.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, Denied, InvalidInput
from app.models.catalogue import Offering, OfferingState, Supplier, SupplierState
from app.models.companies import Company
from app.models.questions import Question
from app.policy import Actor, Permission
from app.workflows import record

MAX_BODY = 1000
MAX_ANSWER = 2000
MAX_REASON = 500
MOST_OPEN = 3
"""Unanswered questions of one company about one service."""
MOST_A_DAY = 20
"""Questions of one company within a day."""
COMPANY_LINK = "/questions"
SUPPLIER_LINK = "/supply/questions"


def ask(*, actor: Actor, offering_id: int, body: str, is_private: bool = False) -> Question:
    """Ask the supplier of a service on sale; the same question twice is one.

    Raises Denied, InvalidInput, Conflict `offering.not_on_sale`, `question.open`, `question.too_many`.
    """
    policy.require(actor, Permission.DEAL_REQUEST)
    if actor.company_id is None:
        raise Denied()
    body = _text(body, "body", "문의 내용을", MAX_BODY)
    with transaction() as session:
        # Whose questions are counted: they come one after the other.
        company = lock(Company, actor.company_id)
        offering = _on_sale(offering_id)
        waiting = _open(company.id, offering.id)
        for earlier in waiting:
            if earlier.body == body and earlier.is_private is is_private:
                return earlier
        _refuse_many(company.id, len(waiting))
        question = Question(
            offering_id=offering.id,
            supplier_id=offering.supplier_id,
            company_id=company.id,
            asked_by_id=actor.id,
            body=body,
            is_private=is_private,
            asked_at=clock.now(),
        )
        session.add(question)
        session.flush()
        _tell_of(question, offering, actor)
        return question


def _tell_of(question: Question, offering: Offering, actor: Actor) -> None:
    fields = ("offering_id", "body", "is_private")
    change = {name: (None, getattr(question, name)) for name in fields}
    record.write("question", question.id, "ask", actor=actor, change=change)
    text = f"'{offering.name}' 서비스에 문의가 등록되었습니다. 답변해 주세요."
    _tell_supplier(question, f"question:{question.id}:asked", text)


def _on_sale(offering_id: int) -> Offering:
    found = db.session.scalar(
        select(Offering)
        .join(Offering.supplier)
        .where(
            Offering.id == offering_id,
            Offering.state == OfferingState.ON_SALE,
            Supplier.state == SupplierState.SELECTED,
        )
    )
    if found is None:
        raise Conflict(
            "offering.not_on_sale",
            "지금은 판매하지 않는 서비스라서 문의할 수 없습니다. 목록을 확인해 주세요.",
        )
    return found


def _open(company_id: int, offering_id: int) -> list[Question]:
    statement = select(Question).where(
        Question.company_id == company_id,
        Question.offering_id == offering_id,
        Question.answered_at.is_(None),
        Question.hidden_at.is_(None),
    )
    return list(db.session.scalars(statement))


def _refuse_many(company_id: int, waiting: int) -> None:
    if waiting >= MOST_OPEN:
        raise Conflict(
            "question.open",
            f"이 서비스에 답변을 기다리는 문의가 {waiting}건 있습니다. 답변을 받은 뒤에 다시 문의해 주세요.",
        )
    today = select(func.count()).where(
        Question.company_id == company_id, Question.asked_at >= clock.start_of(clock.today())
    )
    if (db.session.scalar(today) or 0) >= MOST_A_DAY:
        raise Conflict(
            "question.too_many",
            f"문의는 하루에 {MOST_A_DAY}건까지 등록할 수 있습니다. 내일 다시 문의해 주세요.",
        )


def answer(*, actor: Actor, question_id: int, text: str) -> Question:
    """Answer once. The same answer again changes nothing.

    Raises NotFound (another's), Denied, InvalidInput, Conflict `question.answered`, `question.hidden`.
    """
    text = _text(text, "answer", "답변을", MAX_ANSWER)
    with transaction():
        question = _own(actor, question_id)
        if question.answer == text:
            return question
        if question.answered_at is not None:
            raise Conflict(
                "question.answered", "이미 답변한 문의입니다. 고치려면 '답변 고치기'를 이용해 주세요."
            )
        return _answer(actor, question, text, "answer", clock.now())


def mend(*, actor: Actor, question_id: int, text: str) -> Question:
    """Put another answer in the place of the first; the trail keeps both. Raises as `answer`."""
    text = _text(text, "answer", "답변을", MAX_ANSWER)
    with transaction():
        question = _own(actor, question_id)
        if question.answered_at is None:
            raise Conflict("question.not_answered", "아직 답변하지 않은 문의입니다. 먼저 답변해 주세요.")
        if question.answer == text:
            return question
        return _answer(actor, question, text, "mend", question.answered_at)


def _own(actor: Actor, question_id: int) -> Question:
    """The supplier's own, locked, and not hidden."""
    policy.require(actor, Permission.DEAL_ANSWER)
    question = lock(Question, question_id)
    policy.require_own(actor, question)
    if question.hidden_at is not None:
        raise Conflict("question.hidden", "전문기관이 숨긴 문의라서 답변할 수 없습니다.")
    return question


def _answer(actor: Actor, question: Question, text: str, action: str, at: datetime) -> Question:
    change = {"answer": (question.answer, text)}
    question.answer, question.answered_by_id, question.answered_at = text, actor.id, at
    db.session.flush()
    seq = record.write("question", question.id, action, actor=actor, change=change)
    done = "답변했습니다" if action == "answer" else "답변을 고쳤습니다"
    told = f"공급기업이 '{question.offering.name}' 문의에 {done}."
    _tell_company(question, f"question:{question.id}:{seq}:company", told)
    return question


def hide(*, actor: Actor, question_id: int, reason: str) -> Question:
    """Take a question and its answer off the public page. Raises NotFound, Denied, InvalidInput, Conflict."""
    policy.require(actor, Permission.OFFERING_APPROVE)
    reason = _text(reason, "reason", "사유를", MAX_REASON)
    with transaction():
        question = lock(Question, question_id)
        if question.hidden_at is not None:
            raise Conflict("question.hidden", "이미 숨긴 문의입니다.")
        return _show(actor, question, "hide", clock.now(), reason)


def show(*, actor: Actor, question_id: int) -> Question:
    """Let a hidden one be seen again. Raises NotFound, Denied, Conflict."""
    policy.require(actor, Permission.OFFERING_APPROVE)
    with transaction():
        question = lock(Question, question_id)
        if question.hidden_at is None:
            raise Conflict("question.not_hidden", "숨긴 문의가 아닙니다.")
        return _show(actor, question, "show", None, None)


def _show(
    actor: Actor, question: Question, action: str, hidden_at: datetime | None, reason: str | None
) -> Question:
    change = {"hidden_at": (question.hidden_at, hidden_at), "hidden_reason": (question.hidden_reason, reason)}
    question.hidden_at, question.hidden_reason = hidden_at, reason
    db.session.flush()
    seq = record.write("question", question.id, action, actor=actor, change=change, reason=reason)
    name = question.offering.name
    told = f"'{name}' 서비스의 문의가 다시 공개되었습니다."
    if hidden_at is not None:
        told = f"'{name}' 서비스의 문의가 숨김 처리되었습니다. 사유: {reason}"
    _tell_company(question, f"question:{question.id}:{seq}:company", told)
    _tell_supplier(question, f"question:{question.id}:{seq}:supplier", told)
    return question


def _tell_company(question: Question, key: str, text: str) -> None:
    message = record.Message(key=key, text=text, company_id=question.company_id, link=COMPANY_LINK)
    record.tell([message])


def _tell_supplier(question: Question, key: str, text: str) -> None:
    message = record.Message(key=key, text=text, supplier_id=question.supplier_id, link=SUPPLIER_LINK)
    record.tell([message])


def _text(text: str, field: str, label: str, longest: int) -> str:
    text = text.strip()
    if not 1 <= len(text) <= longest:
        wrong = f"{label} {longest:,}자까지 입력해 주세요."
        raise InvalidInput(f"question.{field}", wrong, fields={field: wrong})
    return text
