"""Services side by side and asked together, at the browser (R-CAT-3, R-DEAL-1, R-DEAL-2)."""

from __future__ import annotations

import html
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock
from app.db import db, transaction
from app.models.catalogue import Offering, OfferingState
from app.models.deals import Deal
from app.policy import Role
from tests import factories
from tests.integration.portal.buying import LogIn, hidden, log_in, path_of
from tests.market import MONDAY, Market, make_market


@pytest.fixture
def market(site: Flask) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    with transaction():
        return make_market(price=100_000)


@pytest.fixture
def others(market: Market) -> list[Offering]:
    with transaction():
        return [
            factories.make_offering(name=name, keywords=[f"{name}말"]) for name in ("협업 하나", "협업 둘")
        ]


def read(answer: TestResponse, status: int = 200) -> str:
    assert answer.status_code == status, answer.get_data(as_text=True)[:2000]
    return html.unescape(answer.get_data(as_text=True))


def address(*offerings: Offering) -> str:
    return "/services/compare?" + "&".join(f"id={offering.id}" for offering in offerings)


def press(browser: FlaskClient, *offerings: Offering, memo: str = "견적을 알려 주세요.") -> TestResponse:
    key = hidden(read(browser.get(address(*offerings))), "key")
    form = {"id": [offering.id for offering in offerings], "memo": memo, "key": key}
    return browser.post("/services/compare/request", data=form)


def test_anybody_compares_by_an_address_that_can_be_sent(
    site: Flask, market: Market, others: list[Offering]
) -> None:
    page = read(site.test_client().get(address(others[1], market.offering, others[0])))
    assert page.index("협업 둘") < page.index(market.offering.name) < page.index("협업 하나")
    for text in (
        "요금제",
        "100,000원",
        "8,333원",
        "평가 없음",
        "협업 둘말",
        market.supplier.name,
        "12개월",
        "인쇄",
    ):
        assert text in page
    assert page.count('role="columnheader"') == 4 and "kv-compare--3" in page
    assert "로그인하고 함께 상담 요청" in page


def test_what_cannot_be_compared_is_said(site: Flask, market: Market, others: list[Offering]) -> None:
    browser = site.test_client()
    assert "비교할 서비스를 선택하지 않았습니다." in read(browser.get("/services/compare"))
    assert "하나 더 선택해 주세요" in read(browser.get(address(market.offering)))
    fourth = factories.make_offering(name="넷째")
    page = read(browser.get(address(market.offering, *others, fourth)))
    assert "3개까지 비교할 수 있어" in page and "넷째" not in page
    with transaction():
        others[0].state = OfferingState.SUSPENDED
    page = read(browser.get(address(market.offering, *others)))
    assert "판매하지 않는 서비스 1개는 비교에서 뺐습니다." in page and "협업 하나" not in page
    assert browser.get("/services/compare?id=99999999999999999999&id=x").status_code == 200


def test_ticks_of_a_list_fill_the_basket_and_lead_to_the_comparison(
    site: Flask, market: Market, others: list[Offering]
) -> None:
    browser = site.test_client()
    answer = browser.post("/services/compare", data={"id": [others[0].id, market.offering.id]})
    assert path_of(answer) == f"/services/compare?id={others[0].id}&id={market.offering.id}"
    assert path_of(browser.get("/services/compare")) == path_of(answer)
    page = read(browser.get("/services"))
    ticked = re.findall(r'name="id" value="(\d+)"[^>]*checked', page)
    assert sorted(map(int, ticked)) == sorted([others[0].id, market.offering.id])
    # What was kept from another page goes along with what is ticked on this one.
    page = read(browser.get("/services?q=협업 둘"))
    assert re.findall(r'id="kept-(\d+)"', page) == [str(others[0].id), str(market.offering.id)]
    empty = browser.post("/services/compare", data={})
    assert "비교할 서비스를 선택하지 않았습니다." in read(browser.get(path_of(empty)))


def test_a_service_is_put_into_the_basket_and_taken_out(
    site: Flask, market: Market, others: list[Offering]
) -> None:
    browser, fourth = site.test_client(), factories.make_offering()
    db.session.commit()
    detail = f"/services/{market.offering.id}"
    assert "비교 담기" in read(browser.get(detail))
    assert path_of(browser.post(f"{detail}/compare")) == detail
    page = read(browser.get(detail))
    assert "비교 빼기" in page and f"비교함 1개: {market.offering.name}" in page
    for offering in others:
        browser.post(f"/services/{offering.id}/compare")
    browser.post(f"/services/{fourth.id}/compare")
    assert "3개까지 담을 수 있습니다" in read(browser.get(f"/services/{fourth.id}"))
    browser.post(f"{detail}/compare")
    assert "비교함 2개" in read(browser.get(detail))
    assert browser.post("/services/99999999/compare").status_code == 404


def test_one_press_asks_all_and_the_result_can_be_kept(
    site: Flask, market: Market, others: list[Offering], log_in_as: LogIn
) -> None:
    browser = log_in(log_in_as, market.buyer.id)
    answer = press(browser, market.offering, *others)
    result = path_of(answer)
    page = read(browser.get(result))
    assert "공급기업 3곳에 거래상담을 요청했습니다." in page and "2020.11.18.(수) 24:00까지" in page
    deals = db.session.query(Deal).all()
    assert len(deals) == 3 and len({deal.asked_together for deal in deals}) == 1
    assert all(f'href="/deals/{deal.id}"' in page for deal in deals)
    stranger = log_in(log_in_as, factories.make_account(Role.DEMAND).id)
    assert stranger.get(result).status_code == 404


def test_a_double_press_is_harmless(
    site: Flask, market: Market, others: list[Offering], log_in_as: LogIn
) -> None:
    browser = log_in(log_in_as, market.buyer.id)
    key = hidden(read(browser.get(address(*others))), "key")
    form = {"id": [offering.id for offering in others], "memo": "견적을 알려 주세요.", "key": key}
    first, second = (browser.post("/services/compare/request", data=form) for _ in range(2))
    assert path_of(first) == path_of(second) == f"/services/compare/asked/{key}"
    assert db.session.query(Deal).count() == 2


def test_the_result_says_which_failed_and_why(
    site: Flask, market: Market, others: list[Offering], log_in_as: LogIn
) -> None:
    """R-DEAL-2"""
    with transaction():
        others[0].supplier.business_number = market.company.business_number
    browser = log_in(log_in_as, market.buyer.id)
    page = read(browser.get(path_of(press(browser, others[0], market.offering))))
    assert "1건은 요청하지 못했습니다." in page and "사업자등록번호가 같은 기업과는" in page
    assert "요청하지 못한 서비스" in page and "협업 하나" in page


def test_when_none_can_be_asked_the_page_stays_with_what_was_typed(
    site: Flask, market: Market, others: list[Offering], log_in_as: LogIn
) -> None:
    browser = log_in(log_in_as, market.buyer.id)
    press(browser, *others)
    page = read(press(browser, *others, memo="다시 묻습니다."), 422)
    assert "모두 상담을 요청하지 못했습니다" in page and "다시 묻습니다." in page
    assert page.count("답변을 기다리는 거래상담이 이미 있습니다") == 2
    assert "답변을 기다리는 상담 있음" in page
    empty = read(press(browser, *others, memo=" "), 422)
    assert "상담 내용을 입력해 주세요." in empty and "협업 하나" in empty
    none = browser.post("/services/compare/request", data={"shown": [others[0].id], "memo": "묻습니다."})
    assert "1개에서 3개까지 선택해 주세요." in read(none, 422)
    assert db.session.query(Deal).count() == 2


def test_nobody_else_asks(site: Flask, market: Market, others: list[Offering], log_in_as: LogIn) -> None:
    form = {"id": [others[0].id], "memo": "견적"}
    assert path_of(site.test_client().post("/services/compare/request", data=form)).startswith("/login")
    seller = log_in(log_in_as, market.seller.id)
    assert seller.post("/services/compare/request", data=form).status_code == 403
    assert "거래상담은 수요기업만" in read(seller.get(address(*others)))
    with transaction():
        poor = log_in(log_in_as, factories.make_account(Role.DEMAND).id)
    page = read(press(poor, *others), 422)
    assert "아직 바우처가 없습니다." in page and "견적을 알려 주세요." in page
    assert "심사 및 예산확인" in page and 'href="/company/status"' in page
    assert db.session.query(Deal).count() == 0
