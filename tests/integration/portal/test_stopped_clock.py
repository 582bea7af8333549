"""A stopped clock as both sides of a deal see it (R-TIME-5a)."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import clock
from app.db import db
from app.models.deals import Deal
from app.policy import Role
from app.workflows import clock_runs, clock_stops, deals
from tests import factories
from tests.integration.portal.buying import LogIn, log_in
from tests.market import MONDAY, Market, make_market

STOPPED = "2020.11.17.(화) 09:00~13:00 중지(장애) 포함"


@pytest.fixture
def market(site: Flask) -> Market:
    clock.set_offset(MONDAY - clock.real_now())
    return make_market()


@pytest.fixture
def deal(market: Market) -> Deal:
    return deals.request(actor=market.buyer, offering_id=market.offering.id, memo="열 명이 씁니다.")


def stop_the_clocks(market: Market) -> None:
    starts_at, ends_at = (datetime(2020, 11, 17, hour, tzinfo=clock.KST) for hour in (9, 13))
    run = clock_stops.declare(
        actor=factories.make_actor(Role.PROGRAMME_MANAGER),
        programme_id=market.programme.id,
        starts_at=starts_at,
        ends_at=ends_at,
        reason="장애",
    )
    clock_runs.work(run_id=run.id)


def both(log_in_as: LogIn, market: Market) -> list[tuple[FlaskClient, str]]:
    return [
        (log_in(log_in_as, market.buyer.id), "/deals"),
        (log_in(log_in_as, market.seller.id), "/supply/deals"),
    ]


def test_the_pages_of_a_consultation_say_so(market: Market, deal: Deal, log_in_as: LogIn) -> None:
    """Four hours on, through the Thursday's first: list, detail with how it was reckoned, and 알림."""
    sides = both(log_in_as, market)
    for browser, home in sides:
        assert "2020.11.18.(수) 24:00" in browser.get(home).get_data(as_text=True)
    stop_the_clocks(market)
    db.session.expire_all()
    for browser, home in sides:
        assert "2020.11.19.(목) 04:00" in browser.get(home).get_data(as_text=True)
        page = browser.get(f"{home}/{deal.id}").get_data(as_text=True)
        assert f"2020.11.19.(목) 04:00까지, 영업일 2일, {STOPPED}" in page
        told = browser.get("/notifications").get_data(as_text=True)
        assert "답변 기한이 2020.11.19.(목) 04:00까지로 늦춰졌습니다." in told


def test_the_page_of_a_bill_says_so(market: Market, deal: Deal, log_in_as: LogIn) -> None:
    deals.accept(actor=market.seller, deal_id=deal.id)
    deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())
    stop_the_clocks(market)
    db.session.expire_all()
    for browser, home in both(log_in_as, market):
        page = browser.get(f"{home}/{deal.id}").get_data(as_text=True)
        assert f"2020.11.19.(목) 04:00까지, 달력일 2일, {STOPPED}" in page
