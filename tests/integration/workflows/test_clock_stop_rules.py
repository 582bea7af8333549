"""Who may stop clocks, what is no stop; stops previewed, audited and put into words (R-TIME-5a)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from app import clock
from app.db import db
from app.errors import Denied, InvalidInput, NotFound
from app.models.programme import ClockStop
from app.models.record import AuditRow
from app.policy import Actor, Role
from app.workflows import (
    clock_moves,
    clock_stops,
    deadlines,
    deals_reads,
    record,
)
from tests import factories
from tests.integration.workflows.stopping import (
    OUTAGE,
    TUESDAY,
    ask,
    bill,
    declare,
    make_more,
    make_offer,
)
from tests.market import ANSWER_DUE, MONDAY, Market, make_market


@pytest.fixture
def market(tx: Flask) -> Iterator[Market]:
    with clock.at(MONDAY):
        made = make_market()
        db.session.commit()
        yield made


@pytest.fixture
def manager(tx: Flask) -> Actor:
    return factories.make_actor(Role.PROGRAMME_MANAGER)


def test_a_preview_writes_nothing_and_tells_the_truth(market: Market, manager: Actor) -> None:
    """R-TIME-5a"""
    deal, other, _ = ask(market), bill(make_more(market)), make_offer(market)
    period = {name: OUTAGE[name] for name in ("starts_at", "ends_at")}
    seen = clock_stops.preview(actor=manager, programme_id=market.programme.id, **period)
    assert deal.due_at == ANSWER_DUE
    assert db.session.scalar(select(func.count()).select_from(ClockStop)) == 0
    row = declare(market, manager)
    assert seen.moved == clock_moves.Moved(
        deals=row.moved_deals, vouchers=row.moved_vouchers, offers=row.moved_offers
    )
    assert (row.moved_deals, row.moved_vouchers, row.moved_offers) == (2, 2, 1)
    assert other.due_at == ANSWER_DUE + timedelta(hours=4)


def test_another_programme_runs_on(market: Market, manager: Actor) -> None:
    other = make_market()
    db.session.commit()
    deal = ask(other)
    declare(market, manager)
    assert deal.due_at == ANSWER_DUE


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"reason": "  "}, "clock_stop.reason"),
        ({"reason": "가" * 201}, "clock_stop.reason"),
        ({"ends_at": TUESDAY}, "clock_stop.period"),
        ({"ends_at": TUESDAY + timedelta(days=400)}, "clock_stop.period"),
        (
            {"starts_at": TUESDAY + timedelta(hours=3), "ends_at": TUESDAY + timedelta(days=1)},
            "clock_stop.overlap",
        ),
    ],
)
def test_what_is_no_stop(market: Market, manager: Actor, wrong: dict[str, Any], code: str) -> None:
    declare(market, manager)
    with pytest.raises(InvalidInput) as refused:
        declare(market, manager, **wrong)
    assert refused.value.code == code
    assert db.session.scalar(select(func.count()).select_from(ClockStop)) == 1


def test_two_presses_make_one_stop(market: Market, manager: Actor) -> None:
    deal = ask(market)
    declare(market, manager)
    with pytest.raises(InvalidInput, match="겹칩니다"):
        declare(market, manager)
    assert deal.due_at == ANSWER_DUE + timedelta(hours=4)
    declare(market, manager, starts_at=OUTAGE["ends_at"], ends_at=OUTAGE["ends_at"] + timedelta(hours=1))
    assert deal.due_at == ANSWER_DUE + timedelta(hours=5)


def test_only_a_programme_manager_stops_clocks(market: Market) -> None:
    """R-ROLE-3: others of the lead agency may read."""
    auditor = factories.make_actor(Role.AUDITOR)
    with pytest.raises(Denied):
        declare(market, auditor)
    with pytest.raises(Denied):
        period = {"starts_at": TUESDAY, "ends_at": TUESDAY + timedelta(hours=1)}
        clock_stops.preview(actor=auditor, programme_id=market.programme.id, **period)
    assert clock_stops.stops(actor=auditor, programme_id=market.programme.id) == []
    with pytest.raises(Denied):
        clock_stops.stops(actor=market.buyer, programme_id=market.programme.id)


def test_an_unknown_programme(manager: Actor) -> None:
    with pytest.raises(NotFound):
        clock_stops.declare(actor=manager, programme_id=999_999_999, **OUTAGE)  # type: ignore[arg-type]


def test_the_period_is_guarded_by_the_database(market: Market) -> None:
    bad = "INSERT INTO clock_stop (programme_id, starts_at, ends_at, reason, declared_at)"
    bad += " VALUES (:id, now(), now(), 'x', now())"
    with pytest.raises(Exception, match="ck_clock_stop_period"), db.session.begin_nested():
        db.session.execute(text(bad), {"id": market.programme.id})


def test_stops_are_listed_with_who_declared_them(market: Market, manager: Actor) -> None:
    run = declare(market, manager)
    [row] = clock_stops.stops(actor=manager, programme_id=market.programme.id)
    assert row.run is run and row.declared_by is not None
    assert row.declared_by.id == manager.id


def test_every_explanation_names_the_stop(market: Market, manager: Actor) -> None:
    """R-TIME-5a"""
    deal = ask(market)
    declare(market, manager)
    named = "2020.11.17.(화) 09:00~13:00 중지(장애) 포함"
    view = deals_reads.deal_view(actor=market.buyer, deal_id=deal.id)
    assert view.explanation == f"2020.11.19.(목) 04:00까지, 영업일 2일, {named}"
    first, full = deadlines.explain_voucher(market.voucher)
    assert first == f"2020.12.11.(금) 04:00까지, 선정일 2020.11.10.(화)부터 1개월, {named}"
    assert full == f"2021.07.11.(일) 04:00까지, 선정일 2020.11.10.(화)부터 8개월, {named}"
    asked = deadlines.explain(kind="consultation", at=MONDAY, programme=market.programme)
    assert (asked.deadline, asked.text) == (deal.due_at, view.explanation)


def test_the_programme_and_each_record_are_audited(market: Market, manager: Actor) -> None:
    """R-AUD-1"""
    deal = ask(market)
    declare(market, manager)
    rows = db.session.scalars(select(AuditRow).where(AuditRow.action == "stop_clock")).all()
    assert {(row.entity, row.reason) for row in rows} == {
        ("programme", "장애"),
        ("deal", "장애"),
        ("voucher", "장애"),
    }
    change = next(row.change for row in rows if row.entity == "deal")
    assert change == {"due_at": [ANSWER_DUE.isoformat(), (ANSWER_DUE + timedelta(hours=4)).isoformat()]}
    assert record.verify() == []
    view = deals_reads.deal_view(actor=market.buyer, deal_id=deal.id)
    assert (view.history[-1].label, view.history[-1].side) == ("기한 연장(기한 중지)", "전문기관")
