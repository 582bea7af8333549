"""서비스 문의 (R-CAT-3): who asks, who answers, who reads, and what is told to whom."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import OfferingState, SupplierState
from app.models.companies import Company
from app.models.questions import Question
from app.models.record import AuditRow, Notice
from app.policy import Actor, Role
from app.workflows import questions, questions_reads
from app.workflows.questions_reads import PublicQuestion, QuestionTab
from tests import factories
from tests.market import MONDAY, Market, make_market


@pytest.fixture
def market(tx: Flask) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    made = make_market()
    db.session.commit()
    return made


@pytest.fixture
def manager(market: Market) -> Actor:
    return factories.make_actor(Role.PROGRAMME_MANAGER)


def ask(market: Market, body: str = "설치가 필요한가요?", **fields: bool) -> Question:
    return questions.ask(actor=market.buyer, offering_id=market.offering.id, body=body, **fields)


def read_by(actor: Actor | None, market: Market) -> list[PublicQuestion]:
    return questions_reads.of_offering(actor=actor, offering=market.offering)


def notices(**whose: int) -> list[str]:
    return list(db.session.scalars(select(Notice.text).filter_by(**whose).order_by(Notice.id)))


def trail(question: Question) -> list[AuditRow]:
    found = select(AuditRow).where(AuditRow.entity == "question", AuditRow.entity_id == question.id)
    return list(db.session.scalars(found.order_by(AuditRow.seq)))


def test_a_company_asks_and_the_supplier_is_told(market: Market) -> None:
    question = ask(market, "  설치가 필요한가요?  ")
    assert (question.body, question.supplier_id) == ("설치가 필요한가요?", market.supplier.id)
    assert question.asked_at == clock.now() or question.asked_at <= clock.now()
    [told] = notices(supplier_id=market.supplier.id)
    assert market.offering.name in told
    assert [row.action for row in trail(question)] == ["ask"]
    assert questions_reads.open_count(actor=market.seller) == 1


def test_an_answer_is_given_once_and_may_be_mended_with_both_on_the_trail(market: Market) -> None:
    question = ask(market)
    questions.answer(actor=market.seller, question_id=question.id, text="아니요.")
    first = question.answered_at
    questions.answer(actor=market.seller, question_id=question.id, text="아니요.")
    with pytest.raises(Conflict) as refusal:
        questions.answer(actor=market.seller, question_id=question.id, text="네.")
    assert refusal.value.code == "question.answered"
    questions.mend(actor=market.seller, question_id=question.id, text="아니요, 웹에서 씁니다.")
    assert (question.answer, question.answered_at) == ("아니요, 웹에서 씁니다.", first)
    assert [(row.action, row.change.get("answer")) for row in trail(question)][1:] == [
        ("answer", [None, "아니요."]),
        ("mend", ["아니요.", "아니요, 웹에서 씁니다."]),
    ]
    told = notices(company_id=market.company.id)
    assert [("답변했습니다" in text, "고쳤습니다" in text) for text in told] == [(True, False), (False, True)]


def test_nothing_is_mended_before_it_is_answered(market: Market) -> None:
    question = ask(market)
    with pytest.raises(Conflict) as refusal:
        questions.mend(actor=market.seller, question_id=question.id, text="네.")
    assert refusal.value.code == "question.not_answered"


def test_the_same_question_twice_is_one(market: Market) -> None:
    assert ask(market).id == ask(market).id
    assert ask(market, is_private=True).id != ask(market).id
    assert len(notices(supplier_id=market.supplier.id)) == 2


def test_three_unanswered_about_a_service_are_enough(market: Market) -> None:
    asked = [ask(market, f"질문 {n}") for n in range(questions.MOST_OPEN)]
    db.session.commit()
    with pytest.raises(Conflict) as refusal:
        ask(market, "또 질문")
    assert refusal.value.code == "question.open"
    other = factories.make_offering()
    questions.ask(actor=market.buyer, offering_id=other.id, body="다른 서비스에 대한 질문")
    questions.answer(actor=market.seller, question_id=asked[0].id, text="답")
    assert ask(market, "또 질문").id


def test_a_company_asks_no_more_than_twenty_a_day(market: Market) -> None:
    for n in range(questions.MOST_A_DAY):
        question = ask(market, f"질문 {n}")
        questions.answer(actor=market.seller, question_id=question.id, text="답")
    db.session.commit()
    with pytest.raises(Conflict) as refusal:
        ask(market, "하나 더")
    assert refusal.value.code == "question.too_many"
    with clock.at(clock.now() + timedelta(days=1)):
        assert ask(market, "하나 더").id


@pytest.mark.parametrize("body", ["", "  \n ", "가" * (questions.MAX_BODY + 1)])
def test_a_question_has_its_length(market: Market, body: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        ask(market, body)
    assert list(refusal.value.fields) == ["body"]


@pytest.mark.parametrize("text", ["", " ", "가" * (questions.MAX_ANSWER + 1)])
def test_an_answer_has_its_length(market: Market, text: str) -> None:
    question = ask(market)
    with pytest.raises(InvalidInput) as refusal:
        questions.answer(actor=market.seller, question_id=question.id, text=text)
    assert list(refusal.value.fields) == ["answer"]


def test_what_is_not_on_sale_is_not_asked_about(market: Market) -> None:
    """R-SUP-1"""
    stopped = factories.make_offering(state=OfferingState.SUSPENDED)
    orphan = factories.make_offering(supplier=factories.make_supplier(state=SupplierState.SUSPENDED))
    db.session.commit()
    for offering in (stopped, orphan):
        with pytest.raises(Conflict) as refusal:
            questions.ask(actor=market.buyer, offering_id=offering.id, body="아직 팔아요?")
        assert refusal.value.code == "offering.not_on_sale"


def test_only_a_demand_company_asks_and_only_the_supplier_answers(market: Market, manager: Actor) -> None:
    question = ask(market)
    stranger = factories.make_actor(Role.SUPPLIER)
    db.session.commit()
    for actor in (market.seller, manager):
        with pytest.raises(Denied):
            questions.ask(actor=actor, offering_id=market.offering.id, body="?")
    with pytest.raises(NotFound):
        questions.answer(actor=stranger, question_id=question.id, text="제가 답합니다.")
    with pytest.raises(NotFound):
        questions_reads.for_answer(actor=stranger, question_id=question.id)
    with pytest.raises(Denied):
        questions.answer(actor=market.buyer, question_id=question.id, text="제가 답합니다.")


def test_a_private_one_is_read_by_both_sides_and_the_lead_agency_alone(
    market: Market, manager: Actor
) -> None:
    public, private = ask(market, "공개 질문"), ask(market, "비공개 질문", is_private=True)
    other_buyer, other_seller = factories.make_actor(Role.DEMAND), factories.make_actor(Role.SUPPLIER)
    reviewer = factories.make_actor(Role.REVIEWER)
    both, one = [private.id, public.id], [public.id]
    seen = {
        actor: [row.id for row in read_by(actor, market)]
        for actor in (market.buyer, market.seller, manager, other_buyer, other_seller, reviewer, None)
    }
    assert list(seen.values()) == [both, both, both, one, one, one, one]


def test_the_public_reads_masked_names_and_the_asker_knows_its_own(market: Market) -> None:
    market.company.name = "주식회사 가나다라"
    ask(market)
    db.session.commit()
    assert [(row.company, row.is_own) for row in read_by(None, market)] == [("주식회사 가***", False)]
    assert [row.is_own for row in read_by(market.buyer, market)] == [True]


def test_hiding_takes_it_off_the_page_with_a_reason_that_both_are_told(
    market: Market, manager: Actor
) -> None:
    question = ask(market)
    questions.hide(actor=manager, question_id=question.id, reason=" 개인정보 포함 ")
    assert [read_by(actor, market) for actor in (None, market.buyer, market.seller)] == [[], [], []]
    for told in (notices(company_id=market.company.id), notices(supplier_id=market.supplier.id)):
        assert "사유: 개인정보 포함" in told[-1]
    assert trail(question)[-1].reason == "개인정보 포함"
    with pytest.raises(Conflict) as refusal:
        questions.answer(actor=market.seller, question_id=question.id, text="답")
    assert refusal.value.code == "question.hidden"
    with pytest.raises(Conflict):
        questions.hide(actor=manager, question_id=question.id, reason="또")
    questions.show(actor=manager, question_id=question.id)
    assert [row.id for row in read_by(None, market)] == [question.id]
    assert question.hidden_reason is None
    assert "다시 공개" in notices(company_id=market.company.id)[-1]
    with pytest.raises(Conflict):
        questions.show(actor=manager, question_id=question.id)


def test_hiding_needs_a_reason_and_the_programme_manager(market: Market, manager: Actor) -> None:
    question = ask(market)
    auditor = factories.make_actor(Role.AUDITOR)
    db.session.commit()
    with pytest.raises(InvalidInput):
        questions.hide(actor=manager, question_id=question.id, reason=" ")
    for actor in (auditor, market.seller, market.buyer):
        with pytest.raises(Denied):
            questions.hide(actor=actor, question_id=question.id, reason="사유")
        with pytest.raises(Denied):
            questions.show(actor=actor, question_id=question.id)


def test_the_lists_of_each_side(market: Market, manager: Actor) -> None:
    waiting, answered, hidden = (ask(market, f"질문 {n}") for n in range(3))
    questions.answer(actor=market.seller, question_id=answered.id, text="답")
    questions.hide(actor=manager, question_id=hidden.id, reason="사유")
    counts = questions_reads.supplier_counts(actor=market.seller)
    assert counts == {QuestionTab.OPEN: 1, QuestionTab.ANSWERED: 1, QuestionTab.HIDDEN: 1}
    tabs = {tab: questions_reads.of_supplier(actor=market.seller, tab=tab) for tab in QuestionTab}
    assert [[row.id for row in rows] for rows in tabs.values()] == [[waiting.id], [answered.id], [hidden.id]]
    assert [questions_reads.tab_of(row) for [row] in tabs.values()] == list(QuestionTab)
    assert len(questions_reads.own(actor=market.buyer)) == 3
    assert [row.id for row in questions_reads.own(actor=market.buyer, before=answered.id)] == [waiting.id]
    stranger = factories.make_actor(Role.SUPPLIER)
    assert questions_reads.of_supplier(actor=stranger, tab=QuestionTab.OPEN) == []
    assert questions_reads.own(actor=factories.make_actor(Role.DEMAND)) == []
    with pytest.raises(Denied):
        questions_reads.own(actor=market.seller)


def test_the_lead_agency_finds_any(market: Market, manager: Actor) -> None:
    company = db.session.get_one(Company, market.company.id)
    question = ask(market, is_private=True)
    for q in ("", company.name, market.offering.name, market.supplier.name):
        rows = questions_reads.console_questions(actor=manager, q=q)
        assert [row.id for row in rows] == [question.id], q
    assert questions_reads.console_questions(actor=manager, q="없는 이름") == []
    assert questions_reads.console_questions(actor=manager, tab=QuestionTab.HIDDEN) == []
    with pytest.raises(Denied):
        questions_reads.console_questions(actor=market.seller)


def test_a_day_begins_at_midnight_in_korea(market: Market) -> None:
    """R-TIME-1"""
    late = datetime(2020, 11, 16, 23, 59, tzinfo=clock.KST)
    with clock.at(late):
        for n in range(questions.MOST_A_DAY):
            question = ask(market, f"질문 {n}")
            questions.answer(actor=market.seller, question_id=question.id, text="답")
    with clock.at(late + timedelta(minutes=1)):
        assert ask(market, "다음 날의 질문").id
