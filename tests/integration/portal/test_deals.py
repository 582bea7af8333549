"""'서비스 요청' of the demand company (R-DEAL-1, R-DEAL-2a)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import clock
from app.db import db
from app.models.deals import Deal, DealState
from app.policy import Role
from app.workflows import deadlines, deals, offering_review
from tests import factories
from tests.integration.portal.buying import LogIn, log_in, path_of
from tests.integration.workflows.stopping import declare_only, make_more
from tests.market import ANSWER_DUE, MONDAY, Market, make_market


@pytest.fixture
def market(site: Flask) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    return make_market(price=100_000)


@pytest.fixture
def browser(market: Market, log_in_as: LogIn) -> FlaskClient:
    return log_in(log_in_as, market.buyer.id)


@pytest.fixture
def deal(market: Market) -> Deal:
    return deals.request(actor=market.buyer, offering_id=market.offering.id, memo="열 명이 씁니다.")


def page_of(browser: FlaskClient, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_consultation_tab_shows_memo_deadline_and_what_is_left(browser: FlaskClient, deal: Deal) -> None:
    """R-DEAL-1, R-TIME-2: the time that is left in words, and the date."""
    page = page_of(browser, "/deals")
    assert "열 명이 씁니다." in page and "2020.11.18.(수) 24:00" in page and "남은 시간 2일 " in page
    for label in ("거래상담", "거래수락", "결제요청", "반려/불가"):
        assert label in page
    assert "진행 중인 거래상담이 없습니다." not in page
    assert "수락된 거래가 없습니다." in page_of(browser, "/deals?tab=accepted")


def test_billed_tab_and_detail_show_the_bill(browser: FlaskClient, market: Market, deal: Deal) -> None:
    """R-MONEY-2b: the bill's way to 결제."""
    deals.accept(actor=market.seller, deal_id=deal.id)
    assert deal.offering.name in page_of(browser, "/deals?tab=accepted")
    deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())
    tab = page_of(browser, "/deals?tab=billed")
    assert "200,000원" in tab and f"/pay/{deal.id}" in tab and "열 명이 씁니다." in tab
    page = page_of(browser, f"/deals/{deal.id}")
    assert "200,000원" in page and "100,000원 × 2" in page and f"/pay/{deal.id}" in page
    assert "거래상담 요청" in page and "거래수락" in page


def test_what_a_stop_moves_can_be_paid_and_answered_meanwhile(
    browser: FlaskClient, market: Market, deal: Deal, log_in_as: LogIn
) -> None:
    """R-TIME-5a: on its pages nothing is late whose deadline is on its way to a later one."""
    seller = log_in(log_in_as, market.seller.id)
    other = deals.request(actor=make_more(market).buyer, offering_id=market.offering.id, memo="문의")
    deals.accept(actor=market.seller, deal_id=deal.id)
    deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())
    declare_only(market, factories.make_actor(Role.PROGRAMME_MANAGER))
    with clock.at(ANSWER_DUE + timedelta(hours=1)):
        page = page_of(browser, f"/deals/{deal.id}")
        assert "기한을 늦추어 반영하는 중" in page and f"/pay/{deal.id}" in page
        assert f"/pay/{deal.id}" in page_of(browser, "/deals?tab=billed")
        assert "200,000원" in page_of(browser, f"/pay/{deal.id}")
        page = page_of(seller, f"/supply/deals/{other.id}")
        assert "기한을 늦추어 반영하는 중" in page and f"/supply/deals/{other.id}/accept" in page


def test_turned_down_shows_the_reason_and_asks_again_once(
    browser: FlaskClient, market: Market, deal: Deal
) -> None:
    """R-DEAL-2a, 다시 거래상담"""
    deals.turn_down(actor=market.seller, deal_id=deal.id, reason="이번 달은 자리가 없습니다.")
    tab = page_of(browser, "/deals?tab=closed")
    assert "이번 달은 자리가 없습니다." in tab and "열 명이 씁니다." in tab
    assert 'href="#again-title"' in page_of(browser, f"/deals/{deal.id}")
    empty = browser.post(f"/deals/{deal.id}/again", data={"memo": ""})
    assert empty.status_code == 422 and "상담 내용을 입력해 주세요." in empty.get_data(as_text=True)
    there = path_of(browser.post(f"/deals/{deal.id}/again", data={"memo": "다음 달은 어떤가요?"}))
    assert "이전 거래상담 보기" in page_of(browser, there)
    twice = browser.post(f"/deals/{deal.id}/again", data={"memo": "한 번 더"})
    assert "이미 다시 거래상담을 요청했습니다." in twice.get_data(as_text=True)


def test_no_way_leads_to_the_page_of_a_suspended_service(
    browser: FlaskClient, market: Market, deal: Deal
) -> None:
    """R-CAT-5: its page is gone for companies, the open deal is not."""
    public = f'href="/services/{deal.offering_id}"'
    assert public in page_of(browser, f"/deals/{deal.id}")
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    offering_review.suspend(actor=manager, offering_id=deal.offering_id, reason="가격 증빙이 다릅니다.")
    page = page_of(browser, f"/deals/{deal.id}")
    assert public not in page and "이 거래는 그대로 이어집니다." in page


def test_lapsed_says_which_side_did_not_answer(browser: FlaskClient, deal: Deal) -> None:
    """R-DEAL-2a"""
    deadlines.sweep(at=MONDAY + clock.timedelta(days=4))
    db.session.expire_all()
    assert "공급기업이 답변 기한 안에 답하지 않아" in page_of(browser, "/deals?tab=closed")


def test_withdrawing_asks_first(browser: FlaskClient, deal: Deal) -> None:
    """요청취소"""
    asked = browser.post(f"/deals/{deal.id}/withdraw")
    assert "거래 요청을 취소할까요?" in asked.get_data(as_text=True)
    assert db.session.get_one(Deal, deal.id, populate_existing=True).state is DealState.CONSULTING
    path_of(browser.post(f"/deals/{deal.id}/withdraw", data={"confirmed": "1"}))
    assert db.session.get_one(Deal, deal.id, populate_existing=True).state is DealState.WITHDRAWN
    path_of(browser.post(f"/deals/{deal.id}/withdraw", data={"confirmed": "1"}))
    assert "현재 상태가" in page_of(browser, f"/deals/{deal.id}")


def test_lists_page_by_cursor(browser: FlaskClient, market: Market) -> None:
    for n in range(11):
        offering = factories.make_offering(supplier=market.supplier, name=f"서비스{n:02}")
        deals.request(actor=market.buyer, offering_id=offering.id, memo="상담")
    first = page_of(browser, "/deals?size=10")
    assert "서비스10" in first and "서비스00" not in first
    last = db.session.query(Deal).order_by(Deal.id.desc()).offset(9).first()
    assert last is not None and f"after={last.id}" in first
    assert "서비스00" in page_of(browser, f"/deals?size=10&after={last.id}")


def test_another_company_and_a_supplier_do_not_see_it(deal: Deal, market: Market, log_in_as: LogIn) -> None:
    """R-ROLE-1"""
    other = log_in(log_in_as, make_market().buyer.id)
    assert other.get(f"/deals/{deal.id}").status_code == 404
    assert other.post(f"/deals/{deal.id}/withdraw", data={"confirmed": "1"}).status_code == 404
    assert db.session.get_one(Deal, deal.id, populate_existing=True).state is DealState.CONSULTING
    assert log_in(log_in_as, market.seller.id).get("/deals").status_code == 403
