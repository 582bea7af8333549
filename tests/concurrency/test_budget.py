"""Officers at the same time: nothing approved twice, no budget overcommitted (R-SCR-4, R-MONEY-4)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import db
from app.models.applications import Application, ApplicationState
from app.models.ledger import LedgerAccount
from app.models.vouchers import Voucher
from app.policy import Actor, Role
from app.workflows import budget, ledger, record, signup_submit
from tests import factories
from tests.integration.workflows import joining


def _waiting(stage: joining.Stage, count: int) -> list[int]:
    keys = []
    for _ in range(count):
        company = factories.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id)
        keys.append(factories.make_application(company=company, state=ApplicationState.SCREENED).id)
    db.session.commit()
    return keys


def _at_once(app: Flask, calls: list[tuple[Actor, list[int]]]) -> list[budget.Confirmed]:
    start = Barrier(len(calls))

    def work(call: tuple[Actor, list[int]]) -> budget.Confirmed:
        with app.app_context():
            start.wait()
            try:
                return budget.confirm(actor=call[0], application_ids=call[1])
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(work, calls))


@pytest.mark.parametrize("pays_for", [30, 7])
def test_two_officers_confirm_the_same_twenty(committed: Flask, pays_for: int) -> None:
    """R-SCR-4: each is approved once, and only as many as the budget pays for."""
    stage = joining.set_stage(vouchers=pays_for, year=2020)
    other = factories.make_actor(Role.BUDGET_OFFICER)
    keys = _waiting(stage, 20)
    results = _at_once(committed, [(stage.officer, keys), (other, keys[::-1])])
    done = [key for result in results for key in result.done]
    assert len(done) == len(set(done)) == min(20, pays_for)
    assert db.session.scalar(select(func.count()).select_from(Voucher)) == len(done)
    approved = Application.state == ApplicationState.APPROVED
    assert db.session.scalar(select(func.count()).where(approved)) == len(done)
    left = ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id)
    assert left == (pays_for - len(done)) * 3_600_000 and left >= 0
    assert ledger.verify() == [] and record.verify() == []


def test_overlapping_lists_share_one_budget(committed: Flask) -> None:
    """R-MONEY-4: four officers, crossing lists, ten vouchers' worth."""
    stage = joining.set_stage(vouchers=10, year=2020)
    officers = [stage.officer, *(factories.make_actor(Role.BUDGET_OFFICER) for _ in range(3))]
    keys = _waiting(stage, 24)
    lists = [keys[:12], keys[6:18][::-1], keys[12:], keys[::-1]]
    results = _at_once(committed, list(zip(officers, lists, strict=True)))
    done = [key for result in results for key in result.done]
    assert len(done) == len(set(done)) == 10
    assert ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id) == 0
    assert ledger.verify() == []


def test_pressing_submit_in_two_tabs_makes_one_company(committed: Flask, sandbox: str) -> None:
    """R-JOIN-8"""
    stage = joining.set_stage(vouchers=0, year=2020)
    token = joining.fill(sandbox, stage.agency).token
    start = Barrier(2)

    def press(_: int) -> int:
        with committed.app_context():
            start.wait()
            try:
                return signup_submit.submit(token=token).id
            finally:
                db.session.remove()

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(press, range(2)))
    assert made[0] == made[1]
    assert db.session.scalar(select(func.count()).select_from(Application)) == 1
