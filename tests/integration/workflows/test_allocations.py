"""Budgets of the agencies: taken back while free, and every sum true (R-SCR-4, R-MONEY-3, R-MONEY-4)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.ledger import JournalKind, LedgerAccount
from app.policy import Role
from app.workflows import allocations, budget, budget_overview, ledger, offers_sweep
from tests import factories
from tests.integration.workflows import joining
from tests.integration.workflows.waiting_line import (
    BACK,
    GRANT,
    START,
    ended_budget,
    money_comes_back,
    screened,
    waiting,
)


def _take(stage: joining.Stage, amount: int, *, key: str = "k", reason: str = "다른 기관에 배정") -> None:
    allocations.take_back(
        actor=stage.officer,
        programme_id=stage.programme.id,
        agency_id=stage.agency.id,
        amount=amount,
        reason=reason,
        key=key,
    )


def test_free_money_goes_back_to_the_programme_once(tx: Flask) -> None:
    stage = joining.set_stage(vouchers=3, year=2020)
    for _ in range(2):
        _take(stage, GRANT)
    assert ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id) == 2 * GRANT
    assert ledger.balance(LedgerAccount.PROGRAMME_BUDGET, stage.programme.id) == GRANT
    back, given = allocations.history(actor=stage.officer, budget_id=stage.budget.id)
    assert (back.title, back.amount, back.reason) == ("배정 회수", -GRANT, "다른 기관에 배정")
    assert (given.title, given.amount, given.who) == ("배정", 3 * GRANT, stage.officer.name)
    assert ledger.verify() == []


def test_what_is_committed_or_kept_for_an_offer_stays(tx: Flask) -> None:
    """R-MONEY-4"""
    stage = ended_budget(vouchers=2)
    waiting(stage, 1)
    with pytest.raises(Conflict, match=r"budget\.not_free"):
        _take(stage, GRANT)
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    with pytest.raises(Conflict) as refused:
        _take(stage, GRANT + 1)
    assert "3,600,000원" in refused.value.text
    _take(stage, GRANT)
    assert ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id) == GRANT


def test_it_needs_an_amount_a_reason_a_budget_and_the_right(tx: Flask) -> None:
    stage = joining.set_stage(vouchers=1, year=2020)
    with pytest.raises(InvalidInput) as wrong:
        _take(stage, 0, reason=" ")
    assert set(wrong.value.fields) == {"amount", "reason"}
    with pytest.raises(NotFound):
        allocations.take_back(
            actor=stage.officer,
            programme_id=stage.programme.id,
            agency_id=factories.make_agency().id,
            amount=1,
            reason="사유",
            key="k",
        )
    with pytest.raises(Denied):
        allocations.take_back(
            actor=factories.make_actor(Role.FINANCE_OFFICER),
            programme_id=stage.programme.id,
            agency_id=stage.agency.id,
            amount=1,
            reason="사유",
            key="k",
        )


def test_every_sum_of_a_budget_adds_up(tx: Flask) -> None:
    """R-MONEY-2b: 배정 = 확정 - 회수 + 안내 중 + 잔여, and 확정 - 회수 = 집행 + 바우처에 남은 금액."""
    stage = ended_budget(vouchers=4)
    waiting(stage, 1)
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    with clock.at(BACK + timedelta(hours=9)):
        again = screened(stage)
        db.session.commit()
        budget.confirm(actor=stage.officer, application_ids=[again.id])
    _take(stage, GRANT)
    line = budget_overview.of_agency(
        actor=stage.officer, programme_id=stage.programme.id, agency_id=stage.agency.id
    )
    assert (line.allocated, line.committed, line.returned) == (3 * GRANT, 5 * GRANT, 4 * GRANT)
    assert (line.reserved, line.free, line.waiting, line.waitlisted) == (GRANT, GRANT, 1, 1)
    assert line.allocated == line.committed - line.returned + line.reserved + line.free
    assert line.committed - line.returned == line.spent + line.unspent == GRANT
    assert line.balance == ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id)


def test_each_sum_has_the_list_behind_it(tx: Flask) -> None:
    stage = ended_budget(vouchers=2)
    money_comes_back()
    budget_id = stage.budget.id
    sums = {each.kind: each for each in budget_overview.by_kind(actor=stage.officer, budget_id=budget_id)}
    assert {kind: (each.count, each.amount) for kind, each in sums.items()} == {
        JournalKind.ALLOCATION: (1, 2 * GRANT),
        JournalKind.APPROVAL: (2, -2 * GRANT),
        JournalKind.REVOCATION: (2, 2 * GRANT),
    }
    rows = budget_overview.movements(actor=stage.officer, budget_id=budget_id, kinds=[JournalKind.APPROVAL])
    assert [row.amount for row in rows] == [-GRANT, -GRANT]
    assert all(row.company and row.application_id and row.actor_name == stage.officer.name for row in rows)
    assert rows[0].at == START
    rest = budget_overview.movements(actor=stage.officer, budget_id=budget_id, before=rows[0].id)
    assert [row.kind for row in rest] == [JournalKind.APPROVAL, JournalKind.ALLOCATION]


def test_only_the_lead_agency_reads_them(tx: Flask) -> None:
    """R-ROLE-1"""
    stage = joining.set_stage(vouchers=0, year=2020)
    for read, where in (
        (budget_overview.overview, {"programme_id": stage.programme.id}),
        (budget_overview.by_kind, {"budget_id": stage.budget.id}),
        (budget_overview.movements, {"budget_id": stage.budget.id}),
        (budget_overview.spendings, {"budget_id": stage.budget.id}),
        (allocations.history, {"budget_id": stage.budget.id}),
    ):
        with pytest.raises(Denied):
            read(actor=stage.reviewer, **where)  # type: ignore[operator]
