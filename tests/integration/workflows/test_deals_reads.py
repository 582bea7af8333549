"""Deals as both sides and the lead agency read them (R-DEAL-1, R-TIME-5a)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.db import db
from app.errors import Denied, NotFound
from app.models.deals import Deal, DealState
from app.policy import Role
from app.workflows import deals, deals_reads
from app.workflows.deals_reads import DealTab
from tests import factories
from tests.market import ANSWER_DUE, MONDAY, Market, make_market


@pytest.fixture
def market(tx: Flask) -> Any:
    with clock.at(MONDAY):
        made = make_market()
        db.session.commit()
        yield made


def ask(market: Market, **kwargs: Any) -> Deal:
    return deals.request(
        actor=market.buyer, **{"offering_id": market.offering.id, "memo": "견적 부탁드립니다."} | kwargs
    )


def billed(market: Market) -> Deal:
    deal = ask(market)
    deals.accept(actor=market.seller, deal_id=deal.id)
    return deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())


def test_tabs_with_counts_and_remaining_time(market: Market) -> None:
    """R-DEAL-1"""
    closed = ask(market)
    deals.turn_down(actor=market.seller, deal_id=closed.id, reason="바쁩니다.")
    bill = billed(market)
    waiting = ask(market)
    for actor in (market.buyer, market.seller):
        counts = deals_reads.tab_counts(actor=actor)
        assert [counts[tab] for tab in DealTab] == [1, 0, 1, 1]
        (row,) = deals_reads.tab_rows(actor=actor, tab=DealTab.CONSULTING)
        assert row.deal.id == waiting.id
        assert row.remaining == timedelta(days=2, hours=15)
        assert row.deadline == "2020.11.18.(수) 24:00까지"
    assert [row.deal.id for row in deals_reads.payable(actor=market.buyer)] == [bill.id]
    with clock.at(ANSWER_DUE):
        (late,) = deals_reads.tab_rows(actor=market.buyer, tab=DealTab.CONSULTING)
        assert (late.late, late.remaining) == (True, timedelta())
        assert deals_reads.payable(actor=market.buyer) == []
        assert deals_reads.deal_view(actor=market.seller, deal_id=waiting.id).actions == []
    stranger = factories.make_actor(Role.DEMAND)
    assert sum(deals_reads.tab_counts(actor=stranger).values()) == 0


def test_one_deal_says_how_its_deadline_was_worked_out(market: Market) -> None:
    """R-TIME-5a"""
    deal = ask(market)
    view = deals_reads.deal_view(actor=market.seller, deal_id=deal.id)
    assert view.explanation == "2020.11.18.(수) 24:00까지, 영업일 2일"
    assert {edge.action for edge in view.actions} == {"accept", "turn_down"}
    auditor = factories.make_actor(Role.AUDITOR)
    assert deals_reads.deal_view(actor=auditor, deal_id=deal.id).actions == []
    with pytest.raises(NotFound):
        deals_reads.deal_view(actor=factories.make_actor(Role.SYSTEM_ADMIN), deal_id=deal.id)


def test_the_console_finds_any_deal(market: Market) -> None:
    deal = ask(market)
    auditor = factories.make_actor(Role.AUDITOR)
    found = deals_reads.console_deals(actor=auditor, q=market.company.name[-3:], state=DealState.CONSULTING)
    assert [row.deal.id for row in found] == [deal.id]
    assert deals_reads.console_deals(actor=auditor, q="없는 기업") == []
    assert deals_reads.console_deals(actor=auditor, before=deal.id) == []
    assert deals_reads.state_counts(actor=auditor)[DealState.CONSULTING] == 1
    with pytest.raises(Denied):
        deals_reads.console_deals(actor=market.seller)
