"""Stopped clocks against sweeps, requests and each other, on real connections (R-TIME-5a, R-TIME-6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.errors import InvalidInput
from app.models.deals import Deal, DealState
from app.models.programme import ClockRun
from app.models.record import AuditRow, Notice
from app.models.vouchers import Voucher
from app.policy import Actor, Role
from app.workflows import clock_runs, clock_stops, deadlines, deals, record, reminders
from tests import factories
from tests.market import ANSWER_DUE, MONDAY, Market, make_market, make_voucher

HOUR = timedelta(hours=1)
Together = Callable[..., list[Any]]


def open_market(**programme: Any) -> tuple[Market, Actor]:
    with clock.at(MONDAY):
        market, manager = make_market(**programme), factories.make_actor(Role.PROGRAMME_MANAGER)
        db.session.commit()
    return market, manager


def open_deals(market: Market, number: int) -> None:
    made = [
        Deal(
            programme_id=market.programme.id,
            company_id=market.company.id,
            supplier_id=market.supplier.id,
            offering_id=market.offering.id,
            version_id=market.offering.current_version_id,
            state=DealState.CONSULTING,
            memo="상담 요청",
            requested_at=MONDAY,
            due_at=ANSWER_DUE,
        )
        for _ in range(number)
    ]
    db.session.add_all(made)
    db.session.commit()


def declarer(programme_id: int, manager: Actor) -> Callable[[], ClockRun]:
    """Declares, and does the job at once."""

    def declare() -> ClockRun:
        with clock.at(ANSWER_DUE):
            run = clock_stops.declare(
                actor=manager,
                programme_id=programme_id,
                starts_at=ANSWER_DUE - 4 * HOUR,
                ends_at=ANSWER_DUE - HOUR,
                reason="장애",
            )
            clock_runs.work(run_id=run.id)
            return run

    return declare


def test_no_sweep_ends_what_a_stop_has_moved(committed: Flask, together: Together) -> None:
    """R-TIME-5a, R-TIME-6: each deal lapsed at its old deadline or runs on to its new one, never both."""
    for _ in range(6):
        market, manager = open_market()
        open_deals(market, 40)
        own = market.programme.id
        stop, *swept = together(declarer(own, manager), *[lambda: deadlines.sweep(at=ANSWER_DUE)] * 2)
        assert isinstance(stop, ClockRun), stop
        assert all(isinstance(one, deadlines.SweepResult) for one in swept), swept
        rows = db.session.execute(
            select(Deal.state, Deal.due_at, func.count())
            .where(Deal.programme_id == own)
            .group_by(Deal.state, Deal.due_at)
        ).all()
        for state, due_at, _number in rows:
            ended = (DealState.LAPSED, ANSWER_DUE)
            assert (state, due_at) in (ended, (DealState.CONSULTING, ANSWER_DUE + 3 * HOUR))
        moved = sum(number for state, _, number in rows if state is DealState.CONSULTING)
        counted = select(ClockRun.moved_deals).where(ClockRun.programme_id == own)
        assert db.session.scalar(counted) == moved
        assert deadlines.sweep(at=ANSWER_DUE).consultations == 0
    both = (
        select(AuditRow.entity_id)
        .where(AuditRow.entity == "deal", AuditRow.action.in_(["lapse", "stop_clock"]))
        .group_by(AuditRow.entity_id)
        .having(func.count() > 1)
    )
    assert db.session.scalars(both).all() == []
    assert record.verify() == []


def test_a_request_at_that_moment_counts_the_stop(committed: Flask, together: Together) -> None:
    """R-TIME-5a: whether it came before or after, its deadline is the same."""
    for _ in range(6):
        market, manager = open_market()

        def ask(buyer: Actor = market.buyer, offering_id: int = market.offering.id) -> int:
            with clock.at(MONDAY):
                return deals.request(actor=buyer, offering_id=offering_id, memo="상담 요청").id

        asked, stop = together(ask, declarer(market.programme.id, manager))
        assert isinstance(stop, ClockRun), stop
        assert isinstance(asked, int), asked
        assert db.session.get_one(Deal, asked, populate_existing=True).due_at == ANSWER_DUE + 3 * HOUR


def test_a_bill_at_that_moment_counts_the_stop(committed: Flask, together: Together) -> None:
    """R-TIME-5a: the biller holds the deal that the declaration comes for, and nobody waits in a circle."""
    for _ in range(6):
        market, manager = open_market()
        with clock.at(MONDAY):
            deal_id = deals.request(actor=market.buyer, offering_id=market.offering.id, memo="상담 요청").id
            deals.accept(actor=market.seller, deal_id=deal_id)

        terms = {"actor": market.seller, "deal_id": deal_id, **market.bill_terms()}

        def bill(terms: dict[str, Any] = terms) -> int:
            with clock.at(MONDAY):
                return deals.bill(**terms).id

        billed, stop = together(bill, declarer(market.programme.id, manager))
        assert isinstance(stop, ClockRun), stop
        assert billed == deal_id
        assert db.session.get_one(Deal, deal_id, populate_existing=True).due_at == ANSWER_DUE + 3 * HOUR


def test_two_declarations_at_once_make_one(committed: Flask, together: Together) -> None:
    """R-TIME-5a"""
    market, manager = open_market()
    open_deals(market, 10)
    declare = declarer(market.programme.id, manager)
    results = together(declare, declare)
    assert {type(result) for result in results} == {ClockRun, InvalidInput}
    due = select(Deal.due_at).where(Deal.programme_id == market.programme.id).distinct()
    assert db.session.scalars(due).all() == [ANSWER_DUE + 3 * HOUR]


def test_sweeps_side_by_side_remind_once(committed: Flask, together: Together) -> None:
    """R-VOU-4, R-MSG-1"""
    market, _ = open_market()
    open_deals(market, 30)
    with clock.at(MONDAY):
        for _ in range(30):
            make_voucher(factories.make_company(programme_id=market.programme.id))
        db.session.commit()
    at = db.session.scalars(select(Voucher.due_at)).first()
    assert at is not None
    moment = at - timedelta(days=5)
    for now in (ANSWER_DUE - HOUR, moment):
        results = together(*[lambda now=now: reminders.sweep(at=now)] * 3)
        assert all(isinstance(one, reminders.Reminded) for one in results), results
        reminders.sweep(at=now)
    keys = db.session.scalars(select(Notice.key).where(Notice.key.like("%:remind:%"))).all()
    assert len(keys) == len(set(keys)) == 61
