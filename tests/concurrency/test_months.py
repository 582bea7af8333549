"""Entries against the close of their month, on real connections (R-SET-3a)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select, text

from app import clock
from app.db import db, transaction
from app.errors import Conflict, Denied
from app.models.ledger import Journal, JournalKind, LedgerAccount
from app.models.months import AccountingMonth, MonthState
from app.models.people import Account
from app.policy import CLOCK, Actor, Role
from app.workflows import ledger, month_trial, months
from tests import factories

SEPTEMBER, OCTOBER = date(2020, 9, 1), date(2020, 10, 1)
IN_SEPTEMBER = datetime(2020, 9, 20, 10, 0, tzinfo=clock.KST)
NOW = datetime(2020, 11, 5, 9, 0, tzinfo=clock.KST)
Together = Callable[..., list[Any]]


@pytest.fixture
def programme_id(committed: Any) -> int:
    with transaction():
        key: int = factories.make_programme().id
    enter(key, "first")
    return key


@pytest.fixture
def officers(committed: Any) -> list[Actor]:
    with transaction():
        made = [factories.make_account(Role.FINANCE_OFFICER).id for _ in range(3)]
    return [db.session.get_one(Account, key).actor() for key in made]


def enter(programme_id: int, key: str, *, before_commit: Callable[[], None] = lambda: None) -> bool:
    legs = ledger.move((LedgerAccount.FUNDING, programme_id), (LedgerAccount.PAYABLE, 1), 10)
    with clock.at(IN_SEPTEMBER), transaction():
        done = ledger.post(key, JournalKind.PAYMENT, legs, programme_id=programme_id, actor=CLOCK)
        before_commit()
    return done


def close(actor: Actor, programme_id: int, month: date = SEPTEMBER) -> Any:
    with clock.at(NOW):
        return months.close(actor=actor, programme_id=programme_id, month=month).state


def test_the_close_waits_for_an_entry_that_is_being_written(
    programme_id: int, officers: list[Actor], together: Together
) -> None:
    """What was entered before is in the month and its trial balance, though it commits meanwhile."""
    entered, seconds = threading.Event(), 0.7

    def write() -> bool:
        def linger() -> None:
            entered.set()
            time.sleep(seconds)

        return enter(programme_id, "slow", before_commit=linger)

    def press() -> tuple[Any, float]:
        assert entered.wait(20)
        began = time.monotonic()
        return close(officers[0], programme_id), time.monotonic() - began

    written, (state, waited) = together(write, press)
    assert written and state is MonthState.CLOSED and waited > seconds / 2
    month = db.session.scalars(select(AccountingMonth)).one()
    slow = db.session.scalars(select(Journal).where(Journal.event_key == "slow")).one()
    assert slow.belongs_to is None and slow.at == IN_SEPTEMBER and slow.id <= (month.last_journal_id or 0)
    lines = {line.account: line.balance for line in month_trial.trial(programme_id, SEPTEMBER)}
    assert lines[LedgerAccount.PAYABLE] == 20
    assert (
        month_trial.file(programme_id, SEPTEMBER, month_trial.trial(programme_id, SEPTEMBER))
        == months.kept_trial(actor=officers[0], month_id=month.id).content
    )
    assert ledger.verify() == []


def test_an_entry_that_waits_for_the_close_goes_to_the_open_month(
    programme_id: int, officers: list[Actor], together: Together
) -> None:
    """It began before the close was committed, with the closed month on it."""
    stopped, asked = threading.Event(), threading.Event()

    def shut() -> None:
        with clock.at(NOW), transaction() as session:
            months.one_at_a_time(programme_id)
            session.execute(text("SELECT stop_entries()"))
            stopped.set()
            assert asked.wait(20)
            time.sleep(0.3)
            last = session.execute(text("SELECT max(id) FROM journal")).scalar_one()
            session.add(
                AccountingMonth(
                    programme_id=programme_id,
                    month=SEPTEMBER,
                    state=MonthState.CLOSED,
                    closed_at=NOW,
                    last_journal_id=last,
                )
            )

    def write() -> bool:
        assert stopped.wait(20)
        asked.set()
        return enter(programme_id, "late")

    _, written = together(shut, write)
    late = db.session.scalars(select(Journal).where(Journal.event_key == "late")).one()
    assert written and late.belongs_to == SEPTEMBER and late.at == clock.start_of(OCTOBER)
    assert ledger.verify() == []


def test_entries_and_a_close_at_once_leave_no_entry_behind_it(
    programme_id: int, officers: list[Actor], together: Together
) -> None:
    def many(number: int) -> int:
        return sum(enter(programme_id, f"{number}:{n}") for n in range(30))

    jobs = [lambda number=number: many(number) for number in range(4)]
    *counts, state = together(*jobs, lambda: close(officers[0], programme_id))
    assert counts == [30] * 4 and state is MonthState.CLOSED
    rows = db.session.execute(
        select(Journal.belongs_to, Journal.at).where(Journal.event_key != "first")
    ).all()
    assert len(rows) == 120
    assert {(row.belongs_to, row.at.date().month) for row in rows} <= {(None, 9), (SEPTEMBER, 10)}
    assert ledger.verify() == []


def test_two_who_close_one_month_close_it_once(
    programme_id: int, officers: list[Actor], together: Together
) -> None:
    results = together(*(lambda actor=actor: close(actor, programme_id) for actor in officers[:2]))
    assert results.count(MonthState.CLOSED) == 1
    (refused,) = [result for result in results if result is not MonthState.CLOSED]
    assert isinstance(refused, Conflict) and refused.code == "accounting_month.close.state"


def test_opening_a_month_and_closing_the_next_do_not_both_happen(
    programme_id: int, officers: list[Actor], together: Together
) -> None:
    """Else a closed month would stand behind an open one."""
    close(officers[0], programme_id)
    with clock.at(NOW):
        key = db.session.scalars(select(AccountingMonth.id)).one()
        months.ask_reopen(actor=officers[1], month_id=key, reason="정정")

    def reopen() -> Any:
        with clock.at(NOW):
            return months.reopen(actor=officers[2], month_id=key).state

    results = together(reopen, lambda: close(officers[0], programme_id, OCTOBER))
    assert sum(isinstance(result, Conflict | Denied) for result in results) == 1
    states = dict(db.session.execute(select(AccountingMonth.month, AccountingMonth.state)).all())
    assert not (states[SEPTEMBER] is MonthState.OPEN and states.get(OCTOBER) is MonthState.CLOSED)


def test_a_close_does_not_keep_payments_waiting_for_long(
    programme_id: int, officers: list[Actor], together: Together
) -> None:
    """Where somebody writes for longer than three seconds, the close gives up and says so."""
    entered, gave_up = threading.Event(), threading.Event()

    def write() -> bool:
        def linger() -> None:
            entered.set()
            assert gave_up.wait(30)

        return enter(programme_id, "slow", before_commit=linger)

    def press() -> Any:
        assert entered.wait(20)
        try:
            return close(officers[0], programme_id)
        finally:
            gave_up.set()

    written, refused = together(write, press)
    assert written and isinstance(refused, Conflict) and refused.code == "month.busy"
    assert db.session.scalars(select(AccountingMonth)).all() == []
