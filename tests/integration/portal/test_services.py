"""The catalogue's pages, 찜 and the request for a consultation (R-CAT-2, R-CAT-3, R-CAT-4, R-DEAL-2)."""

from __future__ import annotations

import pytest
from flask import Flask

from app import clock
from app.db import db, transaction
from app.models.catalogue import Offering, OfferingState
from app.models.deals import Deal, DealState
from app.models.settlements import Evaluation
from app.policy import Role
from tests import factories
from tests.integration.portal.buying import LogIn, log_in, path_of
from tests.market import MONDAY, Market, make_market


@pytest.fixture
def market(site: Flask) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    # A refusal rolls back what is not committed yet.
    with transaction():
        factories.make_programme(year=2020)
        return make_market(price=100_000)


def found(site: Flask, address: str) -> str:
    answer = site.test_client().get(address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def evaluate(deal: Deal, score: int) -> None:
    db.session.add(
        Evaluation(
            deal_id=deal.id,
            company_id=deal.company_id,
            supplier_id=deal.supplier_id,
            offering_id=deal.offering_id,
            comment="회의가 끊기지 않습니다.",
            at=clock.now(),
            **dict.fromkeys(Evaluation.CRITERIA, score),
        )
    )
    offering = db.session.get_one(Offering, deal.offering_id)
    offering.rating_sum, offering.rating_count = score * 5, 1
    db.session.flush()


def deal_of(market: Market, state: DealState) -> Deal:
    deal = Deal(
        programme_id=market.programme.id,
        company_id=market.company.id,
        supplier_id=market.supplier.id,
        offering_id=market.offering.id,
        version_id=market.offering.current_version_id,
        state=state,
        memo="상담을 부탁드립니다.",
        requested_at=clock.now(),
    )
    db.session.add(deal)
    db.session.flush()
    return deal


def test_search_finds_by_name_keyword_and_company(site: Flask, market: Market) -> None:
    """R-CAT-2: two letters and a part of a word are enough; what does not fit is not shown."""
    other = factories.make_offering(name="재택근무 협업도구", keywords=["메신저"], price=5_000)
    for word in ("재택", "업도", "메신저", other.supplier.name):
        page = found(site, f"/services?q={word}")
        assert other.name in page and market.offering.name not in page
    page = found(site, "/services?q=없는서비스")
    assert "맞는 서비스가 없습니다." in page and "전체 서비스 보기" in page


def test_sorts_and_pages_live_in_the_address(site: Flask, market: Market) -> None:
    for n in range(13):
        factories.make_offering(supplier=market.supplier, name=f"묶음{n:02}", price=1_000 + n)
    cheap = found(site, "/services?sort=price")
    assert cheap.index("묶음00") < cheap.index("묶음01")
    assert "1 / 2" in cheap and "sort=price&amp;page=2" in cheap
    assert "묶음12" in found(site, "/services?sort=price&page=2")
    newest = found(site, "/services?sort=latest")
    assert newest.index("묶음12") < newest.index("묶음11")
    assert "평점순" in newest and "정확도순" not in newest


def test_detail_shows_plans_supplier_and_masked_evaluations(site: Flask, market: Market) -> None:
    """R-CAT-3, R-EVA-1"""
    evaluate(deal_of(market, DealState.PAID), 4)
    page = found(site, f"/services/{market.offering.id}")
    for text in (
        "서비스 정보",
        "공급기업 정보",
        "서비스 문의",
        "서비스 평점",
        "100,000원",
        market.supplier.name,
    ):
        assert text in page
    assert "회의가 끊기지 않습니다." in page and market.company.name not in page
    assert f"/login?next=/services/{market.offering.id}" in page


def test_what_is_not_on_sale_is_not_there(site: Flask, market: Market) -> None:
    hidden = factories.make_offering(state=OfferingState.SUSPENDED)
    assert site.test_client().get(f"/services/{hidden.id}").status_code == 404
    assert hidden.name not in found(site, "/services")


def test_request_makes_a_deal_once(site: Flask, market: Market, log_in_as: LogIn) -> None:
    """R-TIME-2, R-DEAL-1: a second press is told of the first."""
    browser = log_in(log_in_as, market.buyer.id)
    address = f"/services/{market.offering.id}/request"
    first = browser.post(address, data={"memo": "열 명이 쓰려고 합니다."})
    deal = db.session.query(Deal).one()
    assert path_of(first) == f"/deals/{deal.id}" and deal.state is DealState.CONSULTING
    again = browser.post(address, data={"memo": "열 명이 쓰려고 합니다."})
    page = again.get_data(as_text=True)
    assert "답변을 기다리는 거래상담이 이미 있습니다" in page and "열 명이 쓰려고 합니다." in page
    assert db.session.query(Deal).count() == 1


def test_request_refusals_are_korean_and_keep_the_memo(site: Flask, market: Market, log_in_as: LogIn) -> None:
    browser = log_in(log_in_as, market.buyer.id)
    empty = browser.post(f"/services/{market.offering.id}/request", data={"memo": " "})
    assert empty.status_code == 422 and "상담 내용을 입력해 주세요." in empty.get_data(as_text=True)
    with transaction():
        poor = log_in(log_in_as, factories.make_account(Role.DEMAND).id)
    answer = poor.post(f"/services/{market.offering.id}/request", data={"memo": "쓰고 싶습니다."})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "쓰고 싶습니다." in page and "바우처" in page
    assert db.session.query(Deal).count() == 0


def test_visitors_log_in_first_and_suppliers_do_not_ask(
    site: Flask, market: Market, log_in_as: LogIn
) -> None:
    address = f"/services/{market.offering.id}/request"
    assert path_of(site.test_client().post(address, data={"memo": "x"})).startswith("/login")
    supplier = log_in(log_in_as, market.seller.id)
    assert supplier.post(address, data={"memo": "x"}).status_code == 403
    assert "거래상담은 수요기업만 요청할 수 있습니다." in supplier.get(
        f"/services/{market.offering.id}"
    ).get_data(as_text=True)


def test_what_nobody_has_approved_is_not_on_the_wish_list(market: Market, log_in_as: LogIn) -> None:
    """R-CAT-5: a supplier may be writing anew what it has taken off sale."""
    browser = log_in(log_in_as, market.buyer.id)
    browser.post(f"/services/{market.offering.id}/wish")
    market.offering.summary = "계좌로 바로 보내 주세요."
    db.session.commit()
    assert market.offering.summary in browser.get("/wishlist").get_data(as_text=True)
    market.offering.state = OfferingState.DRAFT
    db.session.commit()
    page = browser.get("/wishlist").get_data(as_text=True)
    assert "판매하지 않음" in page and market.offering.summary not in page


def test_wishing_toggles_and_is_listed(site: Flask, market: Market, log_in_as: LogIn) -> None:
    """R-CAT-4"""
    browser = log_in(log_in_as, market.buyer.id)
    address = f"/services/{market.offering.id}/wish"
    assert "찜한 서비스가 없습니다." in browser.get("/wishlist").get_data(as_text=True)
    assert path_of(browser.post(address)) == f"/services/{market.offering.id}"
    assert market.offering.name in browser.get("/wishlist").get_data(as_text=True)
    assert path_of(browser.post(address, data={"back": "wishlist"})) == "/wishlist"
    assert "찜 목록에서 뺐습니다." in browser.get("/wishlist").get_data(as_text=True)
    assert path_of(site.test_client().get("/wishlist")) == "/login?next=/wishlist"
