"""The dashboards' numbers of the budget (R-SCR-4, R-TIME-1, R-TIME-5, R-VOU-1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.db import db
from app.errors import Denied
from app.models.applications import ApplicationState as State
from app.models.vouchers import Voucher, VoucherState
from app.policy import Role
from app.workflows import budget, budget_stats, vouchers
from tests import factories as make
from tests.integration.workflows import joining

SELECTED = datetime(2020, 10, 12, 10, tzinfo=clock.KST)
LAST_DAY = datetime(2020, 11, 12, tzinfo=clock.KST)


@pytest.fixture
def stage(tx: Flask) -> Iterator[joining.Stage]:
    with clock.at(SELECTED):
        yield joining.set_stage(vouchers=5, year=2020)


def screened(stage: joining.Stage, **fields: Any) -> Any:
    company = make.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id)
    found = make.make_application(company=company, state=State.SCREENED, **fields)
    db.session.commit()
    return found


def approved(stage: joining.Stage, *, at: datetime = SELECTED) -> Voucher:
    with clock.at(at):
        return budget.confirm_one(actor=stage.officer, application_id=screened(stage).id)


def read(stage: joining.Stage, *, at: datetime) -> budget_stats.BudgetStats:
    with clock.at(at):
        return budget_stats.budgets(actor=stage.officer, programme_id=stage.programme.id)


def test_a_first_payments_deadline_stands_at_the_day_that_it_ends(stage: joining.Stage) -> None:
    """R-TIME-1: 24:00 of the 12th, and no more once it has struck."""
    approved(stage)
    found = read(stage, at=LAST_DAY - timedelta(days=2))
    assert [(one.day.day, one.number, one.amount) for one in found.last_days if one.number] == [
        (12, 1, 3_600_000)
    ]
    assert len(found.last_days) == budget_stats.DEADLINE_DAYS
    for at, number in (
        (LAST_DAY - timedelta(days=7, microseconds=-1), 0),
        (LAST_DAY - timedelta(days=6), 1),
        (LAST_DAY + timedelta(hours=23, minutes=59, seconds=59), 1),
        (LAST_DAY + timedelta(days=1), 0),
    ):
        assert sum(one.number for one in read(stage, at=at).last_days) == number, at
        with clock.at(at):
            assert budget_stats.count_ending(actor=stage.officer) == number


def test_who_has_paid_once_loses_nothing(stage: joining.Stage) -> None:
    voucher = approved(stage)
    voucher.due_at = voucher.full_use_by  # as the first payment leaves it
    db.session.commit()
    assert not any(one.number for one in read(stage, at=LAST_DAY).last_days)


def test_the_list_of_ending_vouchers_is_that_of_the_numbers(stage: joining.Stage) -> None:
    first = approved(stage)
    second = approved(stage, at=SELECTED + timedelta(days=1))
    third = approved(stage, at=SELECTED + timedelta(days=1))
    with clock.at(LAST_DAY):
        rows = budget_stats.ending(actor=stage.officer)
        assert [row.id for row in rows] == [first.id, second.id, third.id]
        after = budget_stats.ending(actor=stage.officer, after=second.id)
        assert [row.id for row in after] == [third.id]
        by_day = {one.day: one.number for one in read(stage, at=LAST_DAY).last_days}
        for day, number in by_day.items():
            assert len(budget_stats.ending(actor=stage.officer, day=day)) == number


def test_what_waits_for_confirmation_has_its_age_since_the_screening(stage: joining.Stage) -> None:
    now = datetime(2020, 11, 16, 9, tzinfo=clock.KST)
    for back, listed in ((0, None), (3, None), (20, now)):
        screened(stage, screened_at=now - timedelta(days=back), waitlisted_at=listed)
    (row,) = [one for one in read(stage, at=now).confirmations if one.agency_id == stage.agency.id]
    assert (row.waiting, row.waitlisted, row.oldest) == (3, 1, now - timedelta(days=20))
    assert row.ages == [2, 0, 0, 0, 1, 0]


def test_vouchers_are_counted_by_state_with_their_worth(stage: joining.Stage) -> None:
    approved(stage)
    voucher = approved(stage)
    with clock.at(LAST_DAY):
        demand = make.make_actor(Role.DEMAND, company_id=voucher.company_id)
        db.session.commit()
        vouchers.request_waiver(actor=demand, reason="쓸 일이 없음")
    found = read(stage, at=LAST_DAY)
    assert found.waivers == 1
    counts = {one.state: (one.number, one.granted) for one in found.vouchers}
    assert counts[VoucherState.USABLE] == (2, 7_200_000)
    assert counts[VoucherState.EXPIRED] == (0, 0)
    (line,) = found.lines
    assert (line.allocated, line.committed, line.free) == (18_000_000, 7_200_000, 10_800_000)


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.MANAGER, Role.SYSTEM_ADMIN, Role.DEMAND])
def test_budgets_are_the_lead_agencys(role: Role, stage: joining.Stage) -> None:
    actor = make.make_actor(role)
    with pytest.raises(Denied):
        budget_stats.budgets(actor=actor, programme_id=stage.programme.id)
    with pytest.raises(Denied):
        budget_stats.ending(actor=actor)


def test_finance_reads_them_as_the_other_sums_of_the_budget(stage: joining.Stage) -> None:
    finance = make.make_actor(Role.FINANCE_OFFICER)
    assert budget_stats.budgets(actor=finance, programme_id=stage.programme.id).lines
    assert budget_stats.ending(actor=finance) == []
