"""No account below zero, no won lost, whatever runs at the same time (R-MONEY-4)."""

import pytest
from sqlalchemy import text

from app.db import db, transaction
from app.models.ledger import JournalKind, LedgerAccount
from app.policy import CLOCK
from app.workflows import ledger
from app.workflows.ledger import Overdrawn, move
from tests import factories

A = LedgerAccount


@pytest.fixture
def programme(committed):
    with transaction():
        return factories.make_programme().id


@pytest.fixture
def post(programme):
    def enter(key, legs):
        with transaction():
            return ledger.post(key, JournalKind.APPROVAL, legs, programme_id=programme, actor=CLOCK)

    return enter


def count(table):
    return db.session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_of_thirty_two_who_want_it_seven_get_the_money_for_seven(post, together):
    post("in", move((A.FUNDING, 1), (A.VOUCHER_GRANT, 9), 700))

    def take(n):
        return lambda: post(f"take:{n}", move((A.VOUCHER_GRANT, 9), (A.FEE, n), 100))

    results = together(*[take(n) for n in range(32)])
    assert results.count(True) == 7
    assert len([r for r in results if isinstance(r, Overdrawn)]) == 25
    assert ledger.balance(A.VOUCHER_GRANT, 9) == 0
    assert count("journal") == 8
    assert ledger.verify() == []


def test_the_same_event_from_many_threads_is_entered_once(post, together):
    """R-PAY-4: two tabs, a retry and a call-back at the same instant."""
    results = together(*[lambda: post("once", move((A.FUNDING, 1), (A.VOUCHER_GRANT, 9), 5))] * 12)
    assert (results.count(True), results.count(False)) == (1, 11)
    assert ledger.balance(A.VOUCHER_GRANT, 9) == 5
    assert ledger.verify() == []


def test_accounts_that_begin_at_the_same_instant_lose_nothing(post, together):
    """The first posting makes the balance: two firsts at once must both be in it."""
    for turn in range(15):
        legs = move((A.FUNDING, 1), (A.VOUCHER_GRANT, turn), 3)
        results = together(*[lambda n=n, t=turn, legs=legs: post(f"{t}:{n}", legs) for n in range(6)])
        assert results == [True] * 6
        assert ledger.balance(A.VOUCHER_GRANT, turn) == 18
    assert ledger.verify() == []


def test_bulk_postings_in_opposite_order_do_not_wait_for_each_other(programme, post, together):
    """R-SCR-4: thousands at once, from two officers; the guard locks in the order of the keys."""
    post("in", move((A.FUNDING, 1), (A.AGENCY_BUDGET, 1), 10_000_000))
    owners = list(range(100, 160))

    def bulk(mark, order, kept):
        def enter():
            made = 0
            for turn in range(4):
                entries = {f"{mark}:{turn}:{o}": move((A.AGENCY_BUDGET, 1), (kept, o), 10) for o in order}
                with transaction():
                    made += len(
                        ledger.post_many(entries, JournalKind.APPROVAL, programme_id=programme, actor=CLOCK)
                    )
            return made

        return enter

    results = together(
        bulk("a", owners, A.VOUCHER_GRANT),
        bulk("b", owners[::-1], A.VOUCHER_GRANT),
        bulk("c", owners[::-1], A.VOUCHER_SHARE),
    )
    assert results == [240, 240, 240]
    assert ledger.balance(A.AGENCY_BUDGET, 1) == 10_000_000 - 3 * 2_400
    assert set(ledger.balances(A.VOUCHER_GRANT, owners).values()) == {80}
    assert ledger.verify() == []


def test_two_that_move_money_back_and_forth_do_not_deadlock(post, together):
    post("in:1", move((A.FUNDING, 1), (A.VOUCHER_GRANT, 1), 1_000))
    post("in:2", move((A.FUNDING, 1), (A.VOUCHER_GRANT, 2), 1_000))

    def swap(mark, source, target):
        def run():
            legs = move((A.VOUCHER_GRANT, source), (A.VOUCHER_GRANT, target), 1)
            return sum(post(f"{mark}:{n}", legs) for n in range(30))

        return run

    assert together(swap("a", 1, 2), swap("b", 2, 1)) == [30, 30]
    assert ledger.balances(A.VOUCHER_GRANT, [1, 2]) == {1: 1_000, 2: 1_000}
