"""Who may not deal, and what a company reads then: docs/refusals.md, row by row (R-DEAL-2, R-CAT-5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.errors import Refusal
from app.models.catalogue import OfferingState, SupplierState
from app.models.deals import Deal, DealState
from app.models.vouchers import VoucherState
from app.policy import CLOCK
from app.workflows import deal_refusals, deals, threads
from tests.market import MONDAY, Market, make_market, mark_paid
from tests.refusals import PLAYS, Play, ask

PAGE = Path(__file__).parents[3] / "docs" / "refusals.md"


def written() -> list[list[str]]:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


@pytest.fixture
def market(tx: Flask) -> Any:
    with clock.at(MONDAY):
        made = make_market(year=2020)
        made.company.representative, made.supplier.representative = "김하나", "이두리"
        db.session.commit()
        yield made


def _play(play: Play, market: Market) -> Refusal:
    with pytest.raises(Refusal) as refused:
        play.act(market)
    return refused.value


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.when)
def test_each_is_refused_as_the_page_says(play: Play, market: Market) -> None:
    refusal = _play(play, market)
    assert refusal.code == play.code
    way_out = deal_refusals.way_out(play.code)
    next_step = [way_out.text, f"{way_out.label} (`{way_out.link}`)"] if way_out else ["", ""]
    assert written()[PLAYS.index(play)] == [play.when, f"`{play.code}`", refusal.text, *next_step]


def test_the_page_lists_nothing_else() -> None:
    assert len(written()) == len(PLAYS)
    assert set(deal_refusals.WAYS_OUT) == {play.code for play in PLAYS} - {"not_found"}


def test_no_voucher_state_but_usable_opens_a_deal() -> None:
    played = {play.code for play in PLAYS}
    assert {f"voucher.{state.value}" for state in VoucherState} - played == {"voucher.usable"}


@pytest.mark.parametrize("play", [p for p in PLAYS if p.setting], ids=lambda play: play.when)
def test_a_refused_request_leaves_nothing_behind(play: Play, market: Market) -> None:
    _play(play, market)
    made = db.session.scalar(select(func.count()).select_from(Deal)) or 0
    assert made == (1 if play.code == "deal.open_consultation" else 0)


@pytest.mark.parametrize("what", ["offering", "supplier"])
def test_an_open_deal_goes_on_when_its_service_or_supplier_is_suspended(what: str, market: Market) -> None:
    """R-CAT-5: no new ones, but accept, bill, pay and the thread stay open."""
    deal = ask(market)
    if what == "offering":
        market.offering.state = OfferingState.SUSPENDED
    else:
        market.supplier.state = SupplierState.SUSPENDED
    db.session.commit()
    deals.accept(actor=market.seller, deal_id=deal.id)
    threads.post(actor=market.seller, deal_id=deal.id, text="계속 진행합니다.", token="")
    deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())
    assert deals.lock_billed(deal_id=deal.id, actor=market.buyer).state is DealState.BILLED
    mark_paid(deal_id=deal.id, actor=CLOCK)
    db.session.commit()
    with pytest.raises(Refusal) as refused:
        ask(market)
    assert refused.value.code == "offering.not_on_sale"
