"""The sweep and the people who answer at the last second, on real connections (R-TIME-6)."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db, transaction
from app.errors import Conflict
from app.models.deals import Deal, DealState
from app.models.ledger import JournalKind, LedgerAccount
from app.models.record import AuditRow, Notice, OutboxMessage
from app.models.vouchers import Voucher, VoucherState
from app.policy import CLOCK
from app.workflows import budget, deadlines, deals, ledger, record
from tests import factories
from tests.market import ANSWER_DUE, MONDAY, Market, make_market, make_pending_payment, make_voucher

ROUNDS = 20


def together(app: Flask, *acts: Callable[[], object]) -> list[object]:
    """Run each act in a thread of its own, all at once; what each returned or raised."""
    barrier = threading.Barrier(len(acts))
    results: list[object] = [None] * len(acts)

    def run(place: int, act: Callable[[], object]) -> None:
        with app.app_context():
            barrier.wait()
            try:
                results[place] = act()
            except Conflict as refused:
                results[place] = refused
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def open_market() -> Market:
    with clock.at(MONDAY):
        market = make_market()
        db.session.commit()
    return market


def ask(market: Market) -> int:
    with clock.at(MONDAY):
        return deals.request(actor=market.buyer, offering_id=market.offering.id, memo="상담 요청").id


def state_of(deal_id: int) -> DealState:
    db.session.rollback()
    return db.session.scalars(select(Deal.state).where(Deal.id == deal_id)).one()


def test_an_answer_at_the_last_second_or_the_sweep_but_never_both(committed: Flask) -> None:
    """R-TIME-6: each deal ends in exactly one way, told once."""
    market = open_market()
    for _ in range(ROUNDS):
        deal_id = ask(market)

        def answer(deal_id: int = deal_id) -> object:
            with clock.at(ANSWER_DUE - timedelta(seconds=1)):
                return deals.accept(actor=market.seller, deal_id=deal_id).id

        def sweep() -> object:
            return deadlines.sweep(at=ANSWER_DUE).consultations

        answered, swept = together(committed, answer, sweep)
        won = answered == deal_id
        assert won or isinstance(answered, Conflict)
        if not won:
            assert swept == 1
        else:
            assert swept == 0
        assert state_of(deal_id) is (DealState.ACCEPTED if won else DealState.LAPSED)
        with clock.at(MONDAY), transaction():
            if won:
                deals.withdraw(actor=market.buyer, deal_id=deal_id)
    ends = db.session.scalars(
        select(AuditRow.entity_id).where(AuditRow.entity == "deal", AuditRow.action.in_(["accept", "lapse"]))
    ).all()
    assert len(ends) == len(set(ends)) == ROUNDS


COPIED = (
    "programme_id",
    "company_id",
    "supplier_id",
    "offering_id",
    "version_id",
    "memo",
    "requested_at",
    "due_at",
    "state",
)


def test_sweeps_side_by_side_end_each_deal_once(committed: Flask) -> None:
    """R-TIME-6"""
    market = open_market()
    first = db.session.get_one(Deal, ask(market))
    fields = {name: getattr(first, name) for name in COPIED}
    db.session.add_all(Deal(**fields) for _ in range(60))
    db.session.commit()

    def sweep() -> object:
        return deadlines.sweep(at=ANSWER_DUE).consultations

    counts = together(committed, sweep, sweep, sweep)
    left = deadlines.sweep(at=ANSWER_DUE).consultations
    assert sum(count for count in counts if isinstance(count, int)) + left == 61
    lapsed = db.session.scalars(select(AuditRow.entity_id).where(AuditRow.action == "lapse")).all()
    assert len(lapsed) == len(set(lapsed)) == 61
    told = db.session.scalars(select(Notice.key).where(Notice.key.like("deal:%:supplier"))).all()
    assert len(told) == len(set(told)) == 62


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sweeps_of_different_moments_side_by_side(
    committed: Flask, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """R-TIME-6: late, in the past and doubled at once: each deal ends at its own deadline, told once."""
    monkeypatch.setattr(deadlines, "BATCH", 3)
    chance = random.Random(seed)
    market = open_market()
    first = db.session.get_one(Deal, ask(market))
    fields = {name: getattr(first, name) for name in COPIED}
    days = [chance.randrange(5) for _ in range(40)]
    for day in days:
        state = chance.choice([DealState.CONSULTING, DealState.BILLED])
        due = ANSWER_DUE + timedelta(days=day)
        db.session.add(Deal(**fields | {"state": state, "due_at": due}))
    db.session.commit()
    paying = set(db.session.scalars(select(Deal.id).where(Deal.state == DealState.BILLED).limit(4)))
    with clock.at(MONDAY), transaction():
        for deal_id in paying:
            make_pending_payment(market, deal_id)
    moments = [ANSWER_DUE + timedelta(days=chance.randrange(-1, 5)) for _ in range(3)]

    def sweep(at: datetime) -> Callable[[], object]:
        return lambda: deadlines.sweep(at=at)

    together(committed, *[sweep(at) for at in [*moments, moments[0]]])
    db.session.rollback()
    for deal in db.session.scalars(select(Deal)):
        assert deal.due_at is not None
        lapsed = deal.due_at <= max(moments) and deal.id not in paying
        assert (deal.state is DealState.LAPSED) is lapsed
        assert deal.closed_at == (deal.due_at if lapsed else None)
    together(committed, *[sweep(ANSWER_DUE + timedelta(days=5))] * 2)
    db.session.rollback()
    ended = set(db.session.scalars(select(Deal.id).where(Deal.state == DealState.LAPSED)))
    assert ended == set(db.session.scalars(select(Deal.id))) - paying
    assert_told_once(ended)


def assert_told_once(ended: set[int]) -> None:
    audited = db.session.scalars(select(AuditRow.entity_id).where(AuditRow.action == "lapse")).all()
    assert sorted(audited) == sorted(ended)
    for model in (Notice, OutboxMessage):
        keys = db.session.scalars(select(model.key).where(model.key.op("~")("^deal:[0-9]+:[0-9]+:"))).all()
        told = [(int(key.split(":")[1]), key.split(":")[3]) for key in keys]
        assert sorted(told) == sorted((key, side) for key in ended for side in ("company", "supplier"))
    assert record.verify() == []


def test_a_press_at_the_last_second_keeps_the_bill_open(committed: Flask) -> None:
    """R-VOU-3: either the payment begins and the bill waits, or the bill lapses and the press is refused."""
    market = open_market()
    for _ in range(ROUNDS):
        deal_id = ask(market)
        with clock.at(MONDAY):
            deals.accept(actor=market.seller, deal_id=deal_id)
            due = deals.bill(actor=market.seller, deal_id=deal_id, **market.bill_terms()).due_at
        assert due is not None

        def press(deal_id: int = deal_id, due: datetime = due) -> object:
            with clock.at(due - timedelta(seconds=1)), transaction():
                deals.lock_billed(deal_id=deal_id, actor=market.buyer)
                return make_pending_payment(market, deal_id).deal_id

        def sweep(due: datetime = due) -> object:
            return deadlines.sweep(at=due).bills

        pressed, swept = together(committed, press, sweep)
        won = pressed == deal_id
        assert won or isinstance(pressed, Conflict)
        assert (won, swept) in [(True, 0), (False, 1)]
        assert state_of(deal_id) is (DealState.BILLED if won else DealState.LAPSED)


def test_two_presses_of_a_request_make_one_deal(committed: Flask) -> None:
    """Domain section 7: the voucher's lock puts the company's requests one after the other."""
    market = open_market()

    def press() -> object:
        return ask(market)

    together(committed, press, press, press)
    db.session.rollback()
    assert len(db.session.scalars(select(Deal.id)).all()) == 1


def make_filled_voucher(company_fields: dict[str, object], **fields: object) -> Voucher:
    """Worth 400,000 won of its agency's budget."""
    voucher = make_voucher(factories.make_company(**company_fields), **fields)
    budget_account = (LedgerAccount.AGENCY_BUDGET, voucher.agency_budget_id)
    grant = ledger.move(budget_account, (LedgerAccount.VOUCHER_GRANT, voucher.id), 400_000)
    funded = ledger.move((LedgerAccount.FUNDING, voucher.programme_id), budget_account, 400_000)
    programme_id = voucher.programme_id
    ledger.post(f"f:{voucher.id}", JournalKind.ALLOCATION, funded, programme_id=programme_id, actor=CLOCK)
    ledger.post(f"g:{voucher.id}", JournalKind.APPROVAL, grant, programme_id=programme_id, actor=CLOCK)
    return voucher


def test_a_sweep_and_a_bulk_confirmation_do_not_wait_for_each_other(committed: Flask) -> None:
    """R-SCR-4, R-VOU-1: what is revoked goes back to one agency, what expires to another."""
    with clock.at(MONDAY), transaction():
        programme = {"programme_id": factories.make_programme().id}
        full_use = clock.end_of(MONDAY.date())
        expiring = make_filled_voucher(programme, full_use_by=full_use, due_at=full_use)
        revoked = make_filled_voucher(programme, first_payment_by=full_use, due_at=full_use)
        first, second = expiring.agency_budget_id, revoked.agency_budget_id
        keys = [expiring.id, revoked.id]
    assert first < second
    held, swept = threading.Event(), threading.Event()

    def confirm() -> object:
        with transaction():
            budget.lock_free([first])
            held.set()
            swept.wait(1)
            return budget.lock_free([second])

    def sweep() -> object:
        held.wait(10)
        result = deadlines.sweep(at=full_use)
        swept.set()
        return result

    locked, result = together(committed, confirm, sweep)
    assert isinstance(locked, dict) and isinstance(result, deadlines.SweepResult)
    db.session.rollback()
    states = db.session.scalars(select(Voucher.state).where(Voucher.id.in_(keys)).order_by(Voucher.id)).all()
    assert list(states) == [VoucherState.EXPIRED, VoucherState.REVOKED]
