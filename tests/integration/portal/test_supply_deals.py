"""The supplier answers, bills and turns down (R-DEAL-1, R-DEAL-2a, R-TIME-2, R-TIME-3, R-MONEY-2b)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import clock
from app.db import db
from app.models.deals import Deal, DealState
from app.models.people import Account
from app.policy import Role
from app.workflows import deals
from tests import factories
from tests.market import ANSWER_DUE, MONDAY, Market, make_market

LogIn = Callable[[Account], FlaskClient]


@pytest.fixture
def market(site: Any) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    return make_market(price=100_000)


@pytest.fixture
def seller(market: Market, log_in_as: LogIn) -> FlaskClient:
    return log_in_as(db.session.get_one(Account, market.seller.id))


@pytest.fixture
def deal(market: Market) -> Deal:
    return deals.request(
        actor=market.buyer, offering_id=market.offering.id, memo="열 명이 쓸 요금제가 궁금합니다."
    )


def _terms(market: Market, **changes: Any) -> dict[str, Any]:
    terms = {
        "plan_id": market.plan.id,
        "quantity": "3",
        "period_from": "2020.11.20",
        "period_to": "2021.11.19",
        "step": "preview",
    }
    return terms | changes


def test_home_shows_what_runs_out_first(seller: FlaskClient, market: Market, deal: Deal) -> None:
    page = seller.get("/supply").text
    assert "공급기업 홈" in page and "다음 할 일" in page
    assert f"거래상담 1건에 답변해 주세요. 가장 급한 것은 {market.company.name}의 요청입니다." in page
    assert "2020.11.18.(수) 24:00까지" in page and "남은 시간 2일" in page


def test_home_without_any_deal_says_so(seller: FlaskClient) -> None:
    page = seller.get("/supply").text
    assert "지금 처리할 일이 없습니다." in page and "답변을 기다리는 거래상담이 없습니다." in page


@pytest.mark.parametrize(
    "tab, heading",
    [("consulting", "답변 기한"), ("accepted", "수락일시"), ("billed", "결제 기한"), ("closed", "결과")],
)
def test_each_tab_opens_with_its_count(
    seller: FlaskClient, market: Market, deal: Deal, tab: str, heading: str
) -> None:
    """R-DEAL-1"""
    if tab in ("accepted", "billed"):
        deals.accept(actor=market.seller, deal_id=deal.id)
    if tab == "billed":
        deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())
    if tab == "closed":
        deals.turn_down(actor=market.seller, deal_id=deal.id, reason="인력이 부족합니다.")
    page = seller.get(f"/supply/deals?tab={tab}").text
    assert heading in page and market.company.name in page
    assert "총 <strong>1</strong>건" in page
    if tab == "closed":
        assert "인력이 부족합니다." in page


def test_consultations_are_sorted_by_deadline_across_pages(seller: FlaskClient, market: Market) -> None:
    """What runs out first stands at the top, whenever it was asked."""
    due = []
    for place in range(12):
        offering = factories.make_offering(supplier=market.supplier)
        asked = deals.request(actor=market.buyer, offering_id=offering.id, memo=f"질문 {place}번입니다.")
        asked.due_at = ANSWER_DUE - timedelta(hours=place % 4)
        due.append((asked.due_at, asked.id))
    db.session.flush()
    first = seller.get("/supply/deals?size=10").text
    following = first.split('rel="next"')[0].rpartition('href="')[2].rstrip('" ').replace("&amp;", "&")
    second = seller.get(following).text
    shown = [
        int(part.partition('"')[0])
        for page in (first, second)
        for part in page.split('href="/supply/deals/')[1:]
        if part.partition('"')[0].isdecimal()
    ]
    assert shown == [number for _, number in sorted(due)]


@pytest.mark.parametrize("after", ["x", "2020-11-18~7", "~", "2020-11-18T00:00:00.000000+0900~abc"])
def test_a_mistyped_cursor_begins_anew(seller: FlaskClient, market: Market, deal: Deal, after: str) -> None:
    assert market.company.name in seller.get("/supply/deals", query_string={"after": after}).text


def test_detail_keeps_the_company_private_until_accepted(
    seller: FlaskClient, market: Market, deal: Deal
) -> None:
    page = seller.get(f"/supply/deals/{deal.id}").text
    assert "열 명이 쓸 요금제가 궁금합니다." in page and "영업일 2일" in page
    assert "거래수락" in page and "반려" in page
    assert market.company.email not in page and market.company.phone not in page
    deals.accept(actor=market.seller, deal_id=deal.id)
    page = seller.get(f"/supply/deals/{deal.id}").text
    assert market.company.email in page
    assert market.company.contact_phone not in page and "010-" not in page


def test_accept_moves_the_deal(seller: FlaskClient, deal: Deal) -> None:
    answer = seller.post(f"/supply/deals/{deal.id}/accept", follow_redirects=True)
    assert "거래를 수락했습니다." in answer.text
    assert db.session.get_one(Deal, deal.id).state is DealState.ACCEPTED


def test_an_answer_at_the_deadline_is_refused(seller: FlaskClient, deal: Deal) -> None:
    """R-TIME-2, R-TIME-6"""
    clock.set_offset(ANSWER_DUE - clock.real_now())
    answer = seller.post(f"/supply/deals/{deal.id}/accept", follow_redirects=True)
    assert "답변 기한(2020.11.18.(수) 24:00까지)이 지나 처리할 수 없습니다." in answer.text
    assert "기한이 지났습니다" in answer.text
    assert f'action="/supply/deals/{deal.id}/accept"' not in answer.text
    assert db.session.get_one(Deal, deal.id).state is DealState.CONSULTING


def test_turn_down_asks_for_a_reason_first(seller: FlaskClient, deal: Deal) -> None:
    """R-DEAL-2a"""
    asked = seller.post(f"/supply/deals/{deal.id}/turn-down")
    assert "이 거래를 반려할까요?" in asked.text and "사유" in asked.text
    missing = seller.post(f"/supply/deals/{deal.id}/turn-down", data={"confirmed": "1", "reason": " "})
    assert "사유를 입력해 주세요." in missing.text
    assert db.session.get_one(Deal, deal.id).state is DealState.CONSULTING
    done = seller.post(
        f"/supply/deals/{deal.id}/turn-down",
        data={"confirmed": "1", "reason": "요청한 기능이 없습니다."},
        follow_redirects=True,
    )
    assert "거래를 반려했습니다." in done.text and "요청한 기능이 없습니다." in done.text
    assert db.session.get_one(Deal, deal.id).state is DealState.TURNED_DOWN


def test_bill_is_shown_before_it_is_sent(seller: FlaskClient, market: Market, deal: Deal) -> None:
    """R-MONEY-2b: amount, government's and company's share, and the tax inside."""
    deals.accept(actor=market.seller, deal_id=deal.id)
    address = f"/supply/deals/{deal.id}/bill"
    assert "2020.11.16" in seller.get(address).text
    page = seller.post(address, data=_terms(market)).text
    for words in (
        "300,000원",
        "270,000원",
        "30,000원",
        "27,273원",
        "2020.11.18.(수) 24:00까지",
        "결제요청 보내기",
    ):
        assert words in page
    assert db.session.get_one(Deal, deal.id).state is DealState.ACCEPTED
    edited = seller.post(address, data=_terms(market, step="edit")).text
    assert 'value="3"' in edited and 'value="2020.11.20"' in edited and "금액 확인" in edited
    sent = seller.post(address, data=_terms(market, step="send"), follow_redirects=True)
    assert "결제요청을 보냈습니다." in sent.text
    billed = db.session.get_one(Deal, deal.id)
    assert (billed.state, billed.amount, billed.quantity) == (DealState.BILLED, 300_000, 3)
    again = seller.post(address, data=_terms(market, step="send"), follow_redirects=True)
    assert "할 수 없습니다" not in again.text


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"quantity": "0"}, "1에서 10,000 사이로 입력해 주세요."),
        ({"quantity": "다섯"}, "숫자로 입력해 주세요."),
        ({"quantity": ""}, "수량을 입력해 주세요."),
        ({"quantity": "41"}, "바우처 한도 4,000,000원을 넘습니다."),
        ({"period_to": "2020.11.19"}, "이용 종료일은 시작일과 같거나 그 뒤여야 합니다."),
        ({"period_from": "2020.11.01"}, "이용 시작일은 거래상담을 요청한 날 이후여야 합니다."),
        ({"period_from": "내일"}, "날짜를 YYYY.MM.DD 형식으로 입력해 주세요."),
        ({"plan_id": "0"}, "요금제"),
    ],
)
def test_a_wrong_bill_comes_back_with_what_was_typed(
    seller: FlaskClient, market: Market, deal: Deal, changes: dict[str, str], sentence: str
) -> None:
    deals.accept(actor=market.seller, deal_id=deal.id)
    answer = seller.post(f"/supply/deals/{deal.id}/bill", data=_terms(market, **changes))
    assert answer.status_code == 422
    assert sentence in answer.text and "<title>오류: " in answer.text
    for name, value in changes.items():
        assert f'value="{value}"' in answer.text or name == "plan_id"


def test_only_an_accepted_deal_is_billed(seller: FlaskClient, market: Market, deal: Deal) -> None:
    answer = seller.post(f"/supply/deals/{deal.id}/bill", data=_terms(market), follow_redirects=True)
    assert "현재 상태가 &#39;거래상담&#39;이라서" in answer.text


def test_the_tax_on_top_is_shown_apart(site: Any, log_in_as: LogIn) -> None:
    """R-MONEY-2a: from 2022 the company bears the tax."""
    from app.models.programme import VatMode

    clock.set_offset(MONDAY - clock.real_now())
    market = make_market(price=1_800_000, vat_mode=VatMode.BORNE, company_share_percent=30)
    asked = deals.request(actor=market.buyer, offering_id=market.offering.id, memo="상담 부탁드립니다.")
    deals.accept(actor=market.seller, deal_id=asked.id)
    client = log_in_as(db.session.get_one(Account, market.seller.id))
    page = client.post(f"/supply/deals/{asked.id}/bill", data=_terms(market, quantity="1")).text
    for words in ("1,260,000원", "540,000원", "180,000원", "1,980,000원"):
        assert words in page


@pytest.mark.parametrize(
    "method, path",
    [("GET", ""), ("GET", "/bill"), ("POST", "/bill"), ("POST", "/accept"), ("POST", "/turn-down")],
)
def test_anothers_deal_is_not_there(site: Any, log_in_as: LogIn, deal: Deal, method: str, path: str) -> None:
    other = log_in_as(factories.make_account(Role.SUPPLIER))
    data = {"confirmed": "1", "reason": "남의 거래"}
    assert other.open(f"/supply/deals/{deal.id}{path}", method=method, data=data).status_code == 404
    assert db.session.get_one(Deal, deal.id).state is DealState.CONSULTING


PAGES = (
    "/supply", "/supply/deals", "/supply/services", "/supply/services/new", "/supply/sales",
    "/supply/sales.xlsx", "/supply/settlement", "/supply/settlement.xlsx", "/supply/profile",
    "/supply/profile/edit", "/supply/profile/account",
)  # fmt: skip


def test_the_pages_are_the_suppliers_only(site: Any, log_in_as: LogIn) -> None:
    """R-ROLE-1"""
    demand = log_in_as(factories.make_account(Role.DEMAND))
    visitor = site.test_client()
    for page in PAGES:
        assert demand.get(page).status_code == 403, page
        assert "/login" in visitor.get(page).headers["Location"], page
