"""Deadlines on their way to a later day: held, caught up, moved once (R-TIME-2, R-TIME-5a, R-TIME-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.dialects import postgresql

from app import clock
from app.db import db
from app.errors import Conflict, Denied, NotFound
from app.models.applications import Application
from app.models.deals import Deal, DealState
from app.models.offers import BudgetOffer, OfferState
from app.models.programme import ClockRunRow
from app.models.record import AuditRow
from app.models.vouchers import Voucher
from app.policy import Actor, Role
from app.workflows import (
    clock_runs,
    closing_days,
    deadlines,
    deals,
    deals_reads,
    offers,
    offers_reads,
    record,
    reminders,
)
from tests import factories
from tests.integration.workflows.stopping import (
    TUESDAY,
    ask,
    bill,
    declare,
    declare_only,
    make_more,
    make_offer,
    told,
)
from tests.market import ANSWER_DUE, MONDAY, Market, make_market
from tests.plans import by_index_alone


@pytest.fixture
def market(tx: Flask) -> Iterator[Market]:
    with clock.at(MONDAY):
        made = make_market()
        db.session.commit()
        yield made


@pytest.fixture
def manager(tx: Flask) -> Actor:
    return factories.make_actor(Role.PROGRAMME_MANAGER)


def test_a_closing_day_moves_business_clocks_and_tells_it(market: Market, manager: Actor) -> None:
    """R-TIME-2: also over a stop; calendar days and months run on."""
    deal, offer = ask(market), make_offer(market)
    billed = bill(make_more(market))
    declare(market, manager)
    run = closing_days.declare(
        actor=manager, programme_id=market.programme.id, day=date(2020, 11, 18), reason="서버 점검"
    )
    clock_runs.work(run_id=run.id)
    assert (run.rows, run.moved_deals, run.moved_vouchers, run.moved_offers) == (2, 1, 0, 1)
    assert deal.due_at == datetime(2020, 11, 20, 4, tzinfo=clock.KST)
    assert offer.due_at == clock.end_of(date(2020, 11, 23))
    assert billed.due_at == ANSWER_DUE + timedelta(hours=4)
    assert told(f"deal:{deal.id}:3:supplier") == [
        "거래상담의 답변 기한이 2020.11.20.(금) 04:00까지로 늦춰졌습니다. "
        "2020.11.18.(수) 하루를 휴무일로 정했습니다(사유: 서버 점검)."
    ]


def settled() -> int:
    return db.session.scalar(select(func.count()).where(ClockRunRow.told.is_not(None))) or 0


def moves_of(entity: str, key: int) -> int:
    """How often a record was moved, by its trail."""
    own = (AuditRow.entity == entity, AuditRow.entity_id == key, AuditRow.action == "stop_clock")
    return db.session.scalar(select(func.count()).where(*own)) or 0


def test_the_declaration_moves_nothing_itself(market: Market, manager: Actor) -> None:
    """R-TIME-5a: it is written and counts at once; the job does the rest."""
    deal = ask(market)
    run = declare_only(market, manager)
    assert (deal.due_at, run.rows, run.finished_at) == (ANSWER_DUE, 2, None)
    assert told(f"deal:{deal.id}:2:%") == []
    explained = deadlines.explain(kind="consultation", at=MONDAY, programme=market.programme)
    assert explained.deadline == ANSWER_DUE + timedelta(hours=4)
    assert clock_runs.claim_unattended() == [run.id]
    assert clock_runs.claim_unattended() == [], "claimed for a while"
    clock_runs.work(run_id=run.id)
    assert deal.due_at == ANSWER_DUE + timedelta(hours=4)
    assert (run.moved_deals, run.moved_vouchers, run.moved_offers) == (1, 1, 0)
    assert run.finished_at is not None and clock_runs.claim_unattended() == []
    assert db.session.scalar(select(func.count()).select_from(ClockRunRow)) == 0


def test_no_sweep_ends_what_waits(market: Market, manager: Actor) -> None:
    """R-TIME-6: whatever its old deadline was; once it is moved, the new one ends it."""
    deal, offer, billed = ask(market), make_offer(market), bill(make_more(market))
    unlike = make_more(market).voucher
    unlike.first_payment_by = unlike.due_at = TUESDAY + timedelta(hours=1)
    db.session.commit()
    run = declare_only(market, manager)
    late = clock.end_of(date(2020, 11, 19)) + timedelta(minutes=1)
    swept = deadlines.sweep(at=late)
    assert (swept.consultations, swept.bills, swept.vouchers_revoked, swept.offers_lapsed) == (0, 0, 0, 0)
    clock_runs.work(run_id=run.id)
    swept = deadlines.sweep(at=late)
    assert (swept.consultations, swept.bills, swept.vouchers_revoked, swept.offers_lapsed) == (1, 1, 1, 0)
    assert {deal.state, billed.state} == {DealState.LAPSED} and offer.state is OfferState.OFFERED
    assert deadlines.sweep(at=late + timedelta(hours=4)).offers_lapsed == 1
    assert record.verify() == []


def test_what_is_not_covered_ends_meanwhile(market: Market, manager: Actor) -> None:
    """R-TIME-6: what was due before the stop begins is no matter of it, nor another programme's."""
    deal, other = ask(market), make_market()
    db.session.commit()
    elsewhere = ask(other)
    after = ANSWER_DUE + timedelta(hours=1)
    declare_only(market, manager, starts_at=after, ends_at=after + timedelta(hours=1))
    assert deadlines.sweep(at=ANSWER_DUE).consultations == 2
    assert {deal.state, elsewhere.state} == {DealState.LAPSED}


def test_an_answer_after_the_old_deadline_moves_its_deal_first(market: Market, manager: Actor) -> None:
    """R-TIME-5a: nobody is refused by a deadline that is on its way, nor waits for the job."""
    deal = ask(market)
    run = declare_only(market, manager)
    with clock.at(ANSWER_DUE + timedelta(hours=1)):
        accepted = deals.accept(actor=market.seller, deal_id=deal.id)
    assert accepted.state is DealState.ACCEPTED and settled() == 1
    assert len(told(f"deal:{deal.id}:2:%")) == 2 and moves_of("deal", deal.id) == 1
    clock_runs.work(run_id=run.id)
    assert moves_of("deal", deal.id) == 1 and run.moved_deals == 1
    assert accepted.due_at is None


def test_what_waits_is_shown_as_open_after_its_old_deadline(market: Market, manager: Actor) -> None:
    """R-TIME-5a: no page takes away what the verbs allow; once it has been moved the new deadline counts."""
    deal, billed, offer = ask(market), bill(make_more(market)), make_offer(market)
    payer = factories.make_actor(Role.DEMAND, company_id=billed.company_id)
    buyer = factories.make_actor(Role.DEMAND, company_id=offer.company_id)
    db.session.get_one(Application, offer.application_id).waitlisted_at = MONDAY
    run = declare_only(market, manager)
    with clock.at(clock.end_of(date(2020, 11, 19)) + timedelta(hours=1)):
        seen = deals_reads.deal_view(actor=market.seller, deal_id=deal.id)
        assert (seen.late, seen.held) == (False, True) and "accept" in [edge.action for edge in seen.actions]
        [row] = deals_reads.by_deadline(actor=payer, tab=deals_reads.DealTab.BILLED)
        assert (row.late, row.held) == (False, True)
        own = offers_reads.own(actor=buyer)
        assert own and (own.late, own.held) == (False, True)
        assert "accept" in [edge.action for edge in own.edges]
        clock_runs.work(run_id=run.id)
        seen = deals_reads.deal_view(actor=market.seller, deal_id=deal.id)
        assert (seen.late, seen.held, seen.actions) == (True, False, [])
        own = offers_reads.own(actor=buyer)
        assert own and (own.late, own.held) == (False, False)


def test_a_question_that_waits_is_not_asked_twice(market: Market, manager: Actor) -> None:
    """R-TIME-5a: after its old deadline it still waits for its answer."""
    ask(market)
    declare_only(market, manager)
    with clock.at(ANSWER_DUE + timedelta(hours=1)), pytest.raises(Conflict) as refused:
        ask(market)
    assert refused.value.code == "deal.open_consultation"


def test_nobody_is_reminded_of_a_deadline_that_is_on_its_way(market: Market, manager: Actor) -> None:
    """R-VOU-4: the reminder comes, with the new one, when that is near."""
    deal = ask(market)
    run = declare_only(market, manager)
    day_before = ANSWER_DUE - timedelta(hours=24)
    none = reminders.Reminded(deals=0, vouchers=0)
    assert reminders.sweep(at=day_before) == none
    assert reminders.sweep(at=clock.end_of(date(2020, 12, 9))) == none
    clock_runs.work(run_id=run.id)
    assert reminders.sweep(at=day_before + timedelta(hours=4)).deals == 1
    assert [text for text in told(f"deal:{deal.id}:remind%") if "2020.11.19.(목) 04:00" in text]


def test_an_answer_after_the_new_deadline_is_late(market: Market, manager: Actor) -> None:
    """R-TIME-6: and leaves the move to the job."""
    deal = ask(market)
    run = declare_only(market, manager)
    with clock.at(ANSWER_DUE + timedelta(hours=4)):
        with pytest.raises(Conflict, match="2020.11.19.\\(목\\) 04:00") as refused:
            deals.accept(actor=market.seller, deal_id=deal.id)
        assert refused.value.code == "deal.late" and settled() == 0
        clock_runs.work(run_id=run.id)
        assert deadlines.sweep().consultations == 1
    assert moves_of("deal", deal.id) == 1


def test_a_voucher_that_waits_is_used_after_its_old_deadline(market: Market, manager: Actor) -> None:
    """R-TIME-5a: also for a request, a waiver and a payment, which all ask for it."""
    voucher, later = market.voucher, clock.end_of(date(2020, 12, 10))
    run = declare_only(market, manager)
    with clock.at(later + timedelta(hours=1)):
        assert ask(market).state is DealState.CONSULTING
        assert voucher.due_at == later + timedelta(hours=4)
        clock_runs.work(run_id=run.id)
    assert moves_of("voucher", voucher.id) == 1 and run.moved_vouchers == 1


def test_a_bill_that_waits_is_in_the_cart_after_its_old_deadline(market: Market, manager: Actor) -> None:
    """R-TIME-5a, R-PAY-5"""
    billed = bill(market)
    declare_only(market, manager)
    with clock.at(billed.due_at + timedelta(hours=1) if billed.due_at else MONDAY):
        [row] = deals_reads.payable(actor=market.buyer)
        assert row.deal.id == billed.id
        assert deals.lock_billed(deal_id=billed.id, actor=market.buyer).due_at == ANSWER_DUE + timedelta(
            hours=4
        )


def test_an_offer_that_waits_is_answered_after_its_old_deadline(market: Market, manager: Actor) -> None:
    """R-SCR-4, R-TIME-5a"""
    offer = make_offer(market)
    buyer = factories.make_actor(Role.DEMAND, company_id=offer.company_id)
    declare_only(market, manager)
    with clock.at(offer.due_at + timedelta(hours=1)):
        assert offers.accept(actor=buyer, offer_id=offer.id).state is OfferState.ACCEPTED


def test_what_begins_meanwhile_is_not_moved_again(market: Market, manager: Actor) -> None:
    """R-TIME-5a: it counts the stop by itself, also the bill of a deal whose consultation still waits."""
    deal = ask(market)
    run = declare_only(market, manager)
    deals.accept(actor=market.seller, deal_id=deal.id)
    deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())
    begun = ask(make_more(market))
    due = ANSWER_DUE + timedelta(hours=4)
    assert (deal.due_at, begun.due_at) == (due, due)
    clock_runs.work(run_id=run.id)
    assert (deal.due_at, begun.due_at) == (due, due)
    assert moves_of("deal", deal.id) == moves_of("deal", begun.id) == run.moved_deals == 0


def test_chunks_move_each_once_and_count_all(
    market: Market, manager: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_runs, "CHUNK", 2)
    asked = [ask(make_more(market)) for _ in range(5)]
    billed, offer = bill(make_more(market)), make_offer(market)
    run = declare_only(market, manager)
    assert run.rows == 5 + 1 + 7 + 1
    assert clock_runs._chunk(run.id) and clock_runs._chunk(run.id)
    found = clock_runs.progress(actor=manager, programme_id=market.programme.id, run_id=run.id)
    assert (found.settled, found.stuck) == (4, False)
    clock_runs.work(run_id=run.id)
    clock_runs.work(run_id=run.id)
    assert (run.moved_deals, run.moved_vouchers, run.moved_offers) == (6, 7, 1)
    hours = timedelta(hours=4)
    assert {deal.due_at for deal in [*asked, billed]} == {ANSWER_DUE + hours}
    assert offer.due_at == clock.end_of(date(2020, 11, 19)) + hours
    assert [moves_of("deal", deal.id) for deal in [*asked, billed]] == [1] * 6
    assert record.verify() == []


def test_nothing_else_is_declared_meanwhile(market: Market, manager: Actor) -> None:
    """R-TIME-5a: neither a stop nor a closing day of this programme; another's does not wait."""
    run = declare_only(market, manager)
    later = {"starts_at": TUESDAY + timedelta(days=3), "ends_at": TUESDAY + timedelta(days=4)}
    own = {"actor": manager, "programme_id": market.programme.id}
    with pytest.raises(Conflict, match="기한을 늦추는 중입니다"):
        declare_only(market, manager, **later)
    with pytest.raises(Conflict, match="기한을 늦추는 중입니다"):
        closing_days.declare(**own, day=date(2020, 11, 20), reason="점검")
    other = make_market()
    db.session.commit()
    declare_only(other, manager)
    clock_runs.work(run_id=run.id)
    declare_only(market, manager, **later)


@pytest.mark.parametrize("model", [Deal, Voucher, BudgetOffer])
def test_what_waits_is_looked_up_by_its_key(market: Market, manager: Actor, model: Any) -> None:
    """R-TIME-6: a fresh run of thousands, unknown to the statistics, does not stand in the sweeps' way."""
    ask(market)
    declare_only(market, manager)
    found = select(model.id).where(model.due_at <= ANSWER_DUE, ~clock_runs.held(model))
    query = found.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    by_index_alone()
    plan = "\n".join(db.session.scalars(text(f"EXPLAIN (COSTS OFF) {query}")))
    [condition] = [line for line in plan.splitlines() if "kind" in line]
    assert "Index Cond" in condition and f"record_id = {model.__tablename__}.id" in condition, plan


def test_a_closing_day_holds_only_what_counts_it(market: Market, manager: Actor) -> None:
    """R-TIME-2: months and calendar days run on, and vouchers wait for nothing."""
    deal, billed = ask(market), bill(make_more(market))
    run = closing_days.declare(
        actor=manager, programme_id=market.programme.id, day=date(2020, 11, 18), reason="서버 점검"
    )
    assert run.rows == 1
    swept = deadlines.sweep(at=ANSWER_DUE)
    assert (swept.consultations, swept.bills) == (0, 1)
    clock_runs.work(run_id=run.id)
    assert (deal.due_at, billed.state) == (clock.end_of(date(2020, 11, 19)), DealState.LAPSED)


def test_who_declared_it_stands_in_each_trail_although_they_have_left(market: Market, manager: Actor) -> None:
    """R-AUD-1: what they were allowed to do is carried out."""
    deal = ask(market)
    run = declare_only(market, manager)
    db.session.execute(text("UPDATE account SET is_active = false WHERE id = :id"), {"id": manager.id})
    db.session.commit()
    clock_runs.work(run_id=run.id)
    rows = db.session.execute(
        select(AuditRow.entity, AuditRow.action, AuditRow.actor_id).where(
            AuditRow.action.in_(["stop_clock", "move_deadlines"])
        )
    ).all()
    assert {tuple(row) for row in rows} == {
        ("programme", "stop_clock", manager.id),
        ("deal", "stop_clock", manager.id),
        ("voucher", "stop_clock", manager.id),
        ("programme", "move_deadlines", manager.id),
    }
    assert moves_of("deal", deal.id) == 1


def test_a_run_that_does_not_get_on_says_so(market: Market, manager: Actor) -> None:
    run = declare_only(market, manager)
    run.tries = clock_runs.MANY_TRIES
    db.session.commit()
    found = clock_runs.under_way(actor=manager, programme_id=market.programme.id)
    assert found is not None and found.stuck
    assert clock_runs.claim_unattended() == [run.id], "it is tried all the same: what waits may not end"
    with pytest.raises(NotFound):
        clock_runs.progress(actor=manager, programme_id=0, run_id=run.id)
    with pytest.raises(Denied):
        clock_runs.under_way(actor=market.buyer, programme_id=market.programme.id)
