"""응답 현황, the reasons of a 반려, the export, and the bill's preview (R-SUP-1, R-DEAL-2a, R-MONEY-2a)."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import clock
from app.db import db
from app.models.deals import Deal, DealState
from app.models.programme import VatMode
from app.workflows import deals, turn_down_reasons
from tests.integration.portal.buying import LogIn, log_in
from tests.market import MONDAY, Market, make_market
from tests.refusals import ask

H = clock.timedelta(hours=1)


@pytest.fixture
def market(site: Flask) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    return make_market(price=100_000)


@pytest.fixture
def seller(market: Market, log_in_as: LogIn) -> FlaskClient:
    return log_in(log_in_as, market.seller.id)


def sheet(answer: Any) -> list[tuple[Any, ...]]:
    assert answer.status_code == 200
    book = openpyxl.load_workbook(io.BytesIO(answer.data), read_only=True)
    rows = list(book.worksheets[0].iter_rows(values_only=True))
    book.close()
    return rows


def test_the_numbers_stand_in_a_chart_and_a_table(seller: FlaskClient, market: Market) -> None:
    assert "이 기간에 요청받은 거래상담이 없습니다." in seller.get("/supply/numbers").text
    with clock.at(MONDAY):
        deal = ask(market)
    with clock.at(MONDAY + 5 * H):
        deals.accept(actor=market.seller, deal_id=deal.id)
    db.session.commit()
    page = seller.get("/supply/numbers").text
    assert "<svg" in page and "서비스별 답변 결과" in page and market.offering.name in page
    assert ">5시간<" in page
    assert "100%" in page and f"/supply/deals?service={market.offering.id}" in page
    assert "응답 현황" in seller.get("/supply").text
    rows = sheet(seller.get("/supply/numbers.xlsx?days=0"))
    assert [row[0] for row in rows[-2:]] == ["전체", market.offering.name]


def test_a_period_that_is_not_offered_falls_back(seller: FlaskClient, market: Market) -> None:
    ask(market)
    for days in ("", "7", "x", "-1"):
        page = seller.get("/supply/numbers", query_string={"days": days}).text
        assert 'class="active" aria-current="page">최근 30일' in page


def test_the_inbox_is_exported_as_it_is_filtered(seller: FlaskClient, market: Market) -> None:
    ask(market)
    rows = sheet(seller.get("/supply/deals.xlsx?tab=consulting"))
    assert market.company.name in [row[2] for row in rows]
    assert market.company.name not in [
        row[2] for row in sheet(seller.get("/supply/deals.xlsx?tab=consulting&only=soon"))
    ]
    link = seller.get("/supply/deals?only=message&q=x").text
    assert "조건에 맞는 거래가 없습니다." in link


def test_a_reason_is_chosen_written_or_both(seller: FlaskClient, market: Market) -> None:
    """R-DEAL-2a"""
    deal = ask(market)
    address = f"/supply/deals/{deal.id}/turn-down"
    page = seller.get(address).text
    assert all(text in page for text in turn_down_reasons.REASONS.values())
    empty = seller.post(address, data={"code": "", "reason": " "})
    assert empty.status_code == 422 and "반려 사유를 고르거나 사유를 입력해 주세요." in empty.text
    unknown = seller.post(address, data={"code": "made-up", "reason": "쓴 것은 남습니다."})
    assert unknown.status_code == 422 and "쓴 것은 남습니다.</textarea>" in unknown.text
    assert db.session.get_one(Deal, deal.id).state is DealState.CONSULTING
    seller.post(address, data={"code": "capacity", "reason": "1월에 다시 문의해 주세요."})
    reason = db.session.get_one(Deal, deal.id).reason
    assert reason == f"{turn_down_reasons.REASONS['capacity']}\n1월에 다시 문의해 주세요."
    over = seller.get(address, follow_redirects=True).text
    assert "현재 상태가 &#39;반려&#39;이라서" in over


@pytest.mark.parametrize(
    "vat, share, price, words",
    [
        # 1,980,000 (tax included) = 1,260,000 + 540,000 + 180,000 of the programme of 2022
        (VatMode.BORNE, 30, 1_800_000, ("1,980,000원", "1,260,000원", "540,000원", "180,000원")),
        # supply value 4,000,000 = 2,800,000 + 1,200,000 + 400,000
        (VatMode.BORNE, 30, 4_000_000, ("4,400,000원", "2,800,000원", "1,200,000원", "400,000원")),
        # 2020: the voucher pays all, the tax inside it
        (VatMode.INCLUDED, 10, 4_000_000, ("4,000,000원", "3,600,000원", "400,000원", "363,636원")),
        (VatMode.INCLUDED, 10, 1_100_000, ("1,100,000원", "990,000원", "110,000원", "100,000원")),
    ],
)
def test_the_split_is_shown_before_the_bill_is_sent(
    site: Flask, log_in_as: LogIn, vat: VatMode, share: int, price: int, words: tuple[str, ...]
) -> None:
    """R-MONEY-2, R-MONEY-2a: amount, government's and company's share and tax, each on its own."""
    clock.set_offset(MONDAY - clock.real_now())
    market = make_market(price=price, vat_mode=vat, company_share_percent=share)
    deal = ask(market)
    deals.accept(actor=market.seller, deal_id=deal.id)
    db.session.commit()
    terms = {
        "plan_id": market.plan.id,
        "quantity": "1",
        "period_from": "2020.12.01",
        "period_to": "2021.11.30",
        "step": "preview",
    }
    client = log_in(log_in_as, market.seller.id)
    page = client.post(f"/supply/deals/{deal.id}/bill", data=terms).text
    total, *parts = (f"{word}" for word in words)
    assert f"금액 {total}" in page and "결제요청 보내기" in page
    assert all(f'kv-stat__value">{part}</p>' in page for part in parts)
    assert ("바우처와 따로 수요기업이 냅니다" in page) == (vat is VatMode.BORNE)
    assert "이용기간이 다릅니다" not in page
    odd = client.post(f"/supply/deals/{deal.id}/bill", data=terms | {"period_to": "2021.06.30"}).text
    assert "고른 요금제의 이용기간은 12개월인데, 적은 이용기간이 다릅니다." in odd
    assert db.session.get_one(Deal, deal.id).state is DealState.ACCEPTED
