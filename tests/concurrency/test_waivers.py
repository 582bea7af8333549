"""One press too many on an 예산포기: its money returns once (R-VOU-2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from app.db import db
from app.errors import Refusal
from app.models.applications import ApplicationState as State
from app.models.ledger import LedgerAccount
from app.models.record import AuditRow
from app.models.vouchers import Voucher, VoucherState
from app.policy import Role
from app.workflows import budget, ledger, vouchers
from tests import factories
from tests.integration.workflows import joining


@pytest.fixture
def given(committed: object) -> tuple[joining.Stage, Any, int]:
    stage = joining.set_stage(vouchers=1)
    company = factories.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id)
    application = factories.make_application(company=company, state=State.SCREENED)
    person = factories.make_actor(Role.DEMAND, company_id=company.id)
    db.session.commit()
    found = budget.confirm_one(actor=stage.officer, application_id=application.id)
    return stage, person, found.id


def rows(action: str) -> int:
    counted = select(func.count()).where(AuditRow.entity == "voucher", AuditRow.action == action)
    return db.session.execute(counted).scalar_one()


def test_asked_twice_at_once_it_is_asked_once(
    given: tuple[joining.Stage, Any, int], together: Callable[..., list[Any]]
) -> None:
    _, person, _ = given

    def ask() -> Any:
        return vouchers.request_waiver(actor=person, reason="쓰지 않습니다.").id

    results = together(ask, ask)
    (refused,) = [result for result in results if isinstance(result, Refusal)]
    assert refused.code == "voucher.waiver_requested"
    assert rows("request_waiver") == 1


def test_approved_and_declined_at_once_one_of_them_wins(
    given: tuple[joining.Stage, Any, int], together: Callable[..., list[Any]]
) -> None:
    stage, person, key = given
    vouchers.request_waiver(actor=person, reason="쓰지 않습니다.")
    results = together(
        lambda: vouchers.approve_waiver(actor=stage.officer, voucher_id=key).id,
        lambda: vouchers.approve_waiver(actor=stage.manager, voucher_id=key).id,
        lambda: vouchers.decline_waiver(actor=stage.officer, voucher_id=key, reason="통화로 취소").id,
    )
    assert len([result for result in results if isinstance(result, Refusal)]) == 2, results
    db.session.expire_all()
    voucher = db.session.get_one(Voucher, key)
    waived = voucher.state is VoucherState.WAIVED
    assert (rows("waive"), rows("decline_waiver")) == ((1, 0) if waived else (0, 1))
    free = ledger.balance(LedgerAccount.AGENCY_BUDGET, voucher.agency_budget_id)
    assert (free, sum(vouchers.left(voucher))) == ((3_600_000, 0) if waived else (0, 4_000_000))
    assert ledger.verify() == []
