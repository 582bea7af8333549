"""What a company sees when it may not deal, and what a supplier does not see (R-DEAL-2, R-ROLE-1)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app import clock
from app.db import db
from app.models.catalogue import SupplierState
from app.models.deals import Deal, DealState
from app.workflows import deal_refusals, deals, threads
from tests.integration.portal.buying import LogIn, log_in
from tests.market import MONDAY, Market, make_market
from tests.refusals import ASKING, Play, ask

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


@pytest.fixture
def market(site: Flask) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    made = make_market(price=100_000)
    db.session.commit()
    return made


SHOWN = [play for play in ASKING if "suspended" not in play.when and "정지" not in play.when]


@pytest.mark.parametrize("play", SHOWN, ids=lambda play: play.when)
def test_the_page_says_why_and_where_to_go(play: Play, market: Market, log_in_as: LogIn) -> None:
    """The sentence, the next step with its link, and what was typed."""
    assert play.setting
    market = play.setting(market)
    db.session.commit()
    address = f"/services/{market.offering.id}/request"
    answer = log_in(log_in_as, market.buyer.id).post(address, data={"memo": "정성껏 쓴 상담 내용"})
    way_out = deal_refusals.way_out(play.code)
    assert answer.status_code == 422 and way_out
    assert way_out.text in answer.text and f'href="{way_out.link}"' in answer.text
    assert "정성껏 쓴 상담 내용</textarea>" in answer.text and 'role="alert"' in answer.text
    assert log_in(log_in_as, market.buyer.id).get(way_out.link).status_code == 200


def test_a_service_that_is_not_on_sale_is_not_shown(market: Market, log_in_as: LogIn) -> None:
    """R-SUP-1: to a company it is as if it were not there."""
    market.supplier.state = SupplierState.SUSPENDED
    db.session.commit()
    browser = log_in(log_in_as, market.buyer.id)
    assert browser.get(f"/services/{market.offering.id}").status_code == 404
    address = f"/services/{market.offering.id}/request"
    page = browser.post(address, data={"memo": "상담"}, follow_redirects=True)
    assert "지금은 판매하지 않는 서비스입니다. 다른 서비스를 찾아 주세요." in page.text
    assert page.request.path == "/services"


def test_asking_again_says_it_too(market: Market, log_in_as: LogIn) -> None:
    deal = ask(market)
    deals.turn_down(actor=market.seller, deal_id=deal.id, reason="자리가 없습니다.")
    market.voucher.waiver_requested_at = clock.now()
    db.session.commit()
    answer = log_in(log_in_as, market.buyer.id).post(
        f"/deals/{deal.id}/again", data={"memo": "다시 여쭙니다."}
    )
    assert answer.status_code == 422 and "예산포기를 신청하여" in answer.text
    assert (
        "신청이 반려되면 다시 쓸 수 있습니다." in answer.text and "다시 여쭙니다.</textarea>" in answer.text
    )


def supply_endpoints(site: Flask) -> list[tuple[str, str]]:
    """Every address of the supply side that names a deal or a payment, with each method."""
    return sorted(
        (rule.rule, method)
        for rule in site.url_map.iter_rules()
        if rule.endpoint.startswith("supply.") and rule.arguments & {"deal_id", "payment_id"}
        for method in (rule.methods or set()) & {"GET", "POST"}
    )


def test_a_supplier_reaches_nothing_of_anothers_deal(site: Flask, market: Market, log_in_as: LogIn) -> None:
    deal = ask(market)
    message = threads.post(
        actor=market.buyer, deal_id=deal.id, text="비밀", token="x", files=[("견적.pdf", PDF)]
    )
    stranger = make_market().seller
    db.session.commit()
    endpoints = supply_endpoints(site)
    assert len(endpoints) >= 10
    given: dict[str, Any] = {"deal_id": deal.id, "payment_id": 1, "file_id": message.files[0].id}
    form = {"confirmed": "1", "reason": "남의 거래", "text": "끼어들기", "form_id": "z", "step": "send"}
    for rule, method in endpoints:
        address = rule.replace("<int:", "{").replace(">", "}").format(**given)
        browser = log_in(log_in_as, stranger.id)
        answer = browser.open(address, method=method, data=form if method == "POST" else None)
        assert answer.status_code == 404, (method, address)
    assert db.session.get_one(Deal, deal.id, populate_existing=True).state is DealState.CONSULTING


def test_lists_and_files_of_a_supplier_hold_its_own_deals(market: Market, log_in_as: LogIn) -> None:
    ask(market)
    stranger = make_market().seller
    db.session.commit()
    for address in ("/supply", "/supply/deals", "/supply/deals/messages", "/supply/numbers?days=0"):
        page = log_in(log_in_as, stranger.id).get(address)
        assert page.status_code == 200 and market.company.name not in page.text, address
        assert market.offering.name not in page.text


def test_a_suspended_supplier_goes_on_with_its_open_deals(market: Market, log_in_as: LogIn) -> None:
    """R-CAT-5: without harming open deals; and its home says so."""
    deal = ask(market)
    market.supplier.state = SupplierState.SUSPENDED
    db.session.commit()
    seller = log_in(log_in_as, market.seller.id)
    assert "진행 중인 거래는 그대로 답변하고" in seller.get("/supply").text
    assert (
        "거래를 수락했습니다." in seller.post(f"/supply/deals/{deal.id}/accept", follow_redirects=True).text
    )
    sent = seller.post(f"/supply/deals/{deal.id}/messages", data={"text": "계속합니다.", "form_id": "a"})
    assert sent.status_code == 302
    terms = {
        "plan_id": market.plan.id,
        "quantity": "1",
        "period_from": "2020.12.01",
        "period_to": "2021.11.30",
        "step": "send",
    }
    billed = seller.post(f"/supply/deals/{deal.id}/bill", data=terms, follow_redirects=True)
    assert "결제요청을 보냈습니다." in billed.text
