"""서비스 문의 at the browser: the service's page, 내 문의, the supplier's list (R-CAT-3)."""

from __future__ import annotations

import html

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import clock
from app.db import db, transaction
from app.models.questions import Question
from app.policy import Role
from app.workflows import questions
from tests import factories
from tests.integration.portal.buying import LogIn, log_in, path_of
from tests.market import MONDAY, Market, make_market


@pytest.fixture
def market(site: Flask) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    with transaction():
        return make_market(price=100_000)


def read(answer: TestResponse, status: int = 200) -> str:
    assert answer.status_code == status, answer.get_data(as_text=True)[:2000]
    return html.unescape(answer.get_data(as_text=True))


def ask(market: Market, body: str = "설치가 필요한가요?", **fields: bool) -> Question:
    return questions.ask(actor=market.buyer, offering_id=market.offering.id, body=body, **fields)


def test_a_zero_byte_is_no_error(site: Flask, market: Market, log_in_as: LogIn) -> None:
    """The database knows none; no form lets one through."""
    browser, address = log_in(log_in_as, market.buyer.id), f"/services/{market.offering.id}"
    browser.post(f"{address}/questions", data={"body": "몇 명까지\x00 쓰나요?"})
    assert db.session.scalars(select(Question.body)).one() == "몇 명까지 쓰나요?"


def test_a_company_asks_on_the_services_page(site: Flask, market: Market, log_in_as: LogIn) -> None:
    browser, address = log_in(log_in_as, market.buyer.id), f"/services/{market.offering.id}"
    answer = browser.post(f"{address}/questions", data={"body": "몇 명까지 쓰나요?"})
    assert path_of(answer) == f"{address}#question"
    page = read(browser.get(address))
    assert "문의를 등록했습니다." in page and "몇 명까지 쓰나요?" in page and "내 문의" in page
    visitor = read(site.test_client().get(address))
    assert "몇 명까지 쓰나요?" in visitor and market.company.name not in visitor
    assert "로그인</a>하면 문의를 남길 수 있습니다." in visitor


def test_a_private_question_is_not_on_the_public_page(site: Flask, market: Market, log_in_as: LogIn) -> None:
    browser, address = log_in(log_in_as, market.buyer.id), f"/services/{market.offering.id}"
    browser.post(f"{address}/questions", data={"body": "단가를 낮출 수 있나요?", "is_private": "y"})
    assert "단가를 낮출 수 있나요?" in read(browser.get(address))
    other = log_in(log_in_as, factories.make_account(Role.DEMAND).id)
    for reader in (site.test_client(), other):
        for page in (address, f"{address}/questions"):
            assert "단가를 낮출 수 있나요?" not in read(reader.get(page))
    assert "단가를 낮출 수 있나요?" in read(log_in(log_in_as, market.seller.id).get(address))


def test_what_is_wrong_is_said_and_what_was_typed_stays(
    site: Flask, market: Market, log_in_as: LogIn
) -> None:
    browser, address = log_in(log_in_as, market.buyer.id), f"/services/{market.offering.id}/questions"
    page = read(browser.post(address, data={"body": " "}), 422)
    assert "문의 내용을 입력해 주세요." in page and "<title>오류: " in page
    for n in range(questions.MOST_OPEN):
        browser.post(address, data={"body": f"질문 {n}"})
    page = read(browser.post(address, data={"body": "하나만 더요"}), 422)
    assert "답변을 받은 뒤에 다시 문의해 주세요." in page and "하나만 더요</textarea>" in page


def test_visitors_log_in_and_suppliers_do_not_ask(site: Flask, market: Market, log_in_as: LogIn) -> None:
    address = f"/services/{market.offering.id}/questions"
    assert path_of(site.test_client().post(address, data={"body": "?"})).startswith("/login")
    assert log_in(log_in_as, market.seller.id).post(address, data={"body": "?"}).status_code == 403
    assert db.session.query(Question).count() == 0


def test_all_questions_by_pages(site: Flask, market: Market) -> None:
    with transaction() as session:
        for n in range(25):
            session.add(
                Question(
                    offering_id=market.offering.id,
                    supplier_id=market.supplier.id,
                    company_id=market.company.id,
                    body=f"질문 {n:02}",
                    asked_at=clock.now(),
                )
            )
    visitor = site.test_client()
    detail = read(visitor.get(f"/services/{market.offering.id}"))
    assert "질문 24" in detail and "질문 19" not in detail
    first = read(visitor.get(f"/services/{market.offering.id}/questions"))
    assert "질문 05" in first and "질문 04" not in first
    last = db.session.query(Question).order_by(Question.id).all()[5]
    assert "질문 04" in read(visitor.get(f"/services/{market.offering.id}/questions?after={last.id}"))


def test_own_questions_show_answers_and_why_one_is_hidden(
    site: Flask, market: Market, log_in_as: LogIn
) -> None:
    browser = log_in(log_in_as, market.buyer.id)
    assert "남긴 문의가 없습니다." in read(browser.get("/questions"))
    answered, hidden = ask(market, "첫째"), ask(market, "둘째")
    questions.answer(actor=market.seller, question_id=answered.id, text="네, 됩니다.")
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    questions.hide(actor=manager, question_id=hidden.id, reason="광고")
    page = read(browser.get("/questions"))
    for text in ("답변완료", "네, 됩니다.", "숨김", "사유: 광고", market.offering.name):
        assert text in page
    other = log_in(log_in_as, factories.make_account(Role.DEMAND).id)
    assert "남긴 문의가 없습니다." in read(other.get("/questions"))


def test_the_supplier_answers_from_its_list(site: Flask, market: Market, log_in_as: LogIn) -> None:
    question = ask(market)
    browser = log_in(log_in_as, market.seller.id)
    page = read(browser.get("/supply/questions"))
    assert "서비스 문의 (1)" in page and question.body in page
    address = f"/supply/questions/{question.id}"
    assert question.body in read(browser.get(address))
    assert "답변을 입력해 주세요." in read(browser.post(address, data={"answer": ""}), 422)
    assert path_of(browser.post(address, data={"answer": "아니요."})) == "/supply/questions"
    assert "답변을 기다리는 문의가 없습니다." in read(browser.get("/supply/questions"))
    assert "답변 보기" in read(browser.get("/supply/questions?tab=answered"))
    page = read(browser.get(address))
    assert "답변 고치기" in page and "아니요.</textarea>" in page
    browser.post(address, data={"answer": "아니요, 웹에서 씁니다."})
    assert "아니요, 웹에서 씁니다." in read(site.test_client().get(f"/services/{market.offering.id}"))


def test_a_hidden_question_says_why_and_takes_no_answer(
    site: Flask, market: Market, log_in_as: LogIn
) -> None:
    question = ask(market)
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    questions.hide(actor=manager, question_id=question.id, reason="개인정보 포함")
    browser, address = log_in(log_in_as, market.seller.id), f"/supply/questions/{question.id}"
    assert "개인정보 포함" in read(browser.get(address))
    assert "전문기관이 숨긴 문의라서" in read(browser.post(address, data={"answer": "답"}), 422)
    assert "사유 보기" in read(browser.get("/supply/questions?tab=hidden"))


def test_anothers_question_is_not_there(site: Flask, market: Market, log_in_as: LogIn) -> None:
    question = ask(market)
    stranger = log_in(log_in_as, factories.make_account(Role.SUPPLIER).id)
    address = f"/supply/questions/{question.id}"
    assert (
        stranger.get(address).status_code == stranger.post(address, data={"answer": "답"}).status_code == 404
    )
    assert log_in(log_in_as, market.buyer.id).get("/supply/questions").status_code == 403
