"""예산확정 as a set: order, money kept for offers, who is told, and what is written (R-SCR-4, R-JOIN-7a)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.ledger import Journal, JournalKind, LedgerAccount
from app.models.offers import BudgetOffer, OfferState
from app.models.programme import SelectionOrder
from app.models.record import AuditRow, Notice, OutboxMessage
from app.models.vouchers import Voucher, VoucherState
from app.policy import Role
from app.workflows import budget, ledger, record, vouchers
from tests import factories
from tests.integration.workflows import joining

GRANT = 3_600_000


@pytest.fixture
def stage(tx: Flask) -> joining.Stage:
    return joining.set_stage(vouchers=2, year=2020)


def screened(stage: joining.Stage, **fields: Any) -> Application:
    company = factories.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id)
    found: Application = factories.make_application(company=company, state=State.SCREENED, **fields)
    return found


def waiting(stage: joining.Stage, count: int, **fields: Any) -> list[Application]:
    """The first arrived last: order is not that of the ids."""
    now = clock.now()
    made = [screened(stage, submitted_at=now - timedelta(hours=n), **fields) for n in range(count)]
    db.session.commit()
    return made


def keys(*applications: Application) -> list[int]:
    return [application.id for application in applications]


def offer(stage: joining.Stage, application: Application, state: OfferState) -> BudgetOffer:
    made = BudgetOffer(
        application_id=application.id,
        company_id=application.company_id,
        agency_id=application.agency_id,
        agency_budget_id=stage.budget.id,
        amount=GRANT,
        state=state,
        offered_at=clock.now(),
        due_at=clock.now() + timedelta(days=3),
    )
    db.session.add(made)
    db.session.commit()
    return made


def acts(entity: str, key: int) -> list[AuditRow]:
    found = select(AuditRow).where(AuditRow.entity == entity, AuditRow.entity_id == key)
    return list(db.session.scalars(found.order_by(AuditRow.seq)))


def test_what_is_written_of_one_is_what_one_by_one_would_write(stage: joining.Stage) -> None:
    """R-MONEY-3, R-AUD-1, R-MSG-1: the same rows as `fire`, `grant_many` and `write_many` make."""
    with clock.at(clock.now()):
        [application] = waiting(stage, 1, reason="다시 확인했습니다.")
        before = len(acts("application", application.id))
        assert budget.confirm(actor=stage.officer, application_ids=[application.id]).done == [application.id]
        now, day = clock.now(), clock.today()
    assert (application.state, application.approved_by_id) == (State.APPROVED, stage.officer.id)
    assert (application.approved_at, application.reason) == (now, None)
    row = acts("application", application.id)[before]
    assert (row.action, row.actor_id, row.actor_name) == ("approve", stage.officer.id, stage.officer.name)
    assert row.change == {
        "state": ["screened", "approved"],
        "approved_by_id": [None, stage.officer.id],
        "approved_at": [None, now.isoformat()],
        "reason": ["다시 확인했습니다.", None],
    }
    voucher = vouchers.require_voucher(application.company_id)
    assert (voucher.state, voucher.selected_on) == (VoucherState.USABLE, day)
    assert voucher.first_payment_by == voucher.due_at == clock.months_deadline(day, 1)
    assert voucher.full_use_by == clock.months_deadline(day, 8)
    begun = acts("voucher", voucher.id)
    assert [(r.action, r.change) for r in begun] == [
        ("begin", {"state": [None, "usable"], "granted": [None, 4_000_000]})
    ]
    journal = db.session.scalars(
        select(Journal).where(Journal.event_key == f"approval:voucher:{voucher.id}")
    ).one()
    assert (journal.kind, journal.actor_id) == (JournalKind.APPROVAL, stage.officer.id)
    assert [(p.account, p.owner_id, p.amount) for p in journal.postings] == [
        (LedgerAccount.AGENCY_BUDGET, stage.budget.id, -GRANT),
        (LedgerAccount.VOUCHER_GRANT, voucher.id, GRANT),
        (LedgerAccount.PLEDGE, voucher.company_id, -400_000),
        (LedgerAccount.VOUCHER_SHARE, voucher.id, 400_000),
    ]
    key = f"application:{application.id}:{row.seq}:company"
    told = db.session.scalars(select(Notice).where(Notice.key == key)).one()
    sent = db.session.scalars(select(OutboxMessage).where(OutboxMessage.key == key)).one()
    assert told.company_id == application.company_id and "승인되었습니다" in told.text
    assert sent.payload == {"company_id": told.company_id, "supplier_id": None, "text": told.text}
    assert ledger.verify() == [] and record.verify() == []


def test_without_a_share_there_is_no_pledge(tx: Flask) -> None:
    """R-MONEY-2"""
    stage = joining.set_stage(vouchers=2, year=2020, company_share_percent=0)
    [application] = waiting(stage, 1)
    budget.confirm(actor=stage.officer, application_ids=[application.id])
    voucher = vouchers.require_voucher(application.company_id)
    assert vouchers.left(voucher) == (4_000_000, 0)
    assert ledger.verify() == []


def test_whom_the_budget_does_not_reach_is_told_once(stage: joining.Stage) -> None:
    """R-SCR-4"""
    made = waiting(stage, 4)
    result = budget.confirm(actor=stage.officer, application_ids=keys(*made))
    assert result.done == keys(made[3], made[2]) and result.no_budget == keys(made[1], made[0])
    since = made[0].waitlisted_at
    assert since is not None and made[3].waitlisted_at is None
    for _ in range(2):
        budget.confirm(actor=stage.officer, application_ids=keys(made[0]))
        with pytest.raises(Conflict, match="budget.used_up"):
            budget.confirm_one(actor=stage.officer, application_id=made[0].id)
    assert made[0].waitlisted_at == since and made[0].state is State.SCREENED
    assert [row.action for row in acts("application", made[0].id)] == ["waitlist"]
    told = select(Notice).where(Notice.company_id == made[0].company_id)
    [notice] = db.session.scalars(told)
    assert "예산을 기다리고 있습니다" in notice.text
    assert (
        db.session.scalars(select(OutboxMessage.kind).where(OutboxMessage.key == notice.key)).one() == "sms"
    )
    assert record.verify() == []


def test_a_single_confirmation_without_money_puts_on_the_list_too(tx: Flask) -> None:
    """R-SCR-4: the refusal does not take back that it waits."""
    stage = joining.set_stage(vouchers=0, year=2020)
    [application] = waiting(stage, 1)
    with pytest.raises(Conflict, match="budget.used_up") as refusal:
        budget.confirm_one(actor=stage.officer, application_id=application.id)
    assert "대기 순서에 올렸습니다" in refusal.value.text
    assert application.waitlisted_at is not None


def test_by_score_where_the_programme_says_so(tx: Flask) -> None:
    """R-JOIN-7a: the higher score first, then arrival; without a score last."""
    stage = joining.set_stage(vouchers=2, year=2022, selection_order=SelectionOrder.SCORE)
    low, tied_late, none, tied_early = waiting(stage, 4)
    low.score, tied_late.score, tied_early.score = 60, 90, 90
    db.session.commit()
    result = budget.confirm(actor=stage.officer, application_ids=keys(low, tied_late, none, tied_early))
    assert result.done == keys(tied_early, tied_late) and result.no_budget == keys(low, none)


def test_money_kept_for_others_is_left_alone_and_ones_own_is_used(stage: joining.Stage) -> None:
    """R-SCR-4: two vouchers' worth, one of it kept for a company outside this selection."""
    outside, accepted, early = waiting(stage, 3)
    kept = offer(stage, outside, OfferState.OFFERED)
    result = budget.confirm(actor=stage.officer, application_ids=keys(early, accepted))
    assert (result.done, result.no_budget) == (keys(early), keys(accepted))
    own = offer(stage, accepted, OfferState.ACCEPTED)
    assert budget.confirm(actor=stage.officer, application_ids=keys(accepted)).no_budget == keys(accepted)
    kept.state = OfferState.LAPSED
    db.session.commit()
    assert budget.confirm(actor=stage.officer, application_ids=keys(accepted)).done == keys(accepted)
    assert own.state is OfferState.USED
    assert [(r.action, r.change) for r in acts("budget_offer", own.id)] == [
        ("use", {"state": ["accepted", "used"]})
    ]
    assert ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id) == 0
    assert ledger.verify() == [] and record.verify() == []


def test_who_accepted_comes_first_then_who_was_asked(tx: Flask) -> None:
    """R-SCR-4"""
    stage = joining.set_stage(vouchers=2, year=2020)
    accepted, asked, early, earliest = waiting(stage, 4)
    offer(stage, accepted, OfferState.ACCEPTED)
    offer(stage, asked, OfferState.OFFERED)
    result = budget.confirm(actor=stage.officer, application_ids=keys(earliest, early, asked, accepted))
    assert (result.done, result.no_budget) == (keys(accepted, asked), keys(earliest, early))


def test_the_offer_to_a_case_of_ones_own_stays_kept(tx: Flask) -> None:
    """R-ROLE-4: what this officer may not confirm keeps its money."""
    stage = joining.set_stage(vouchers=1, year=2020)
    own, other = waiting(stage, 2)
    own.screened_by_id = stage.officer.id
    kept = offer(stage, own, OfferState.ACCEPTED)
    result = budget.confirm(actor=stage.officer, application_ids=keys(own, other))
    assert (result.same_person, result.no_budget, result.done) == (keys(own), keys(other), [])
    assert kept.state is OfferState.ACCEPTED


def test_each_agency_has_its_own_money(stage: joining.Stage) -> None:
    """R-MONEY-4: another agency without a budget of its own takes none of this one's."""
    poor = factories.make_agency()
    company = factories.make_company(programme_id=stage.programme.id, agency_id=poor.id)
    without = factories.make_application(company=company, state=State.SCREENED)
    made = waiting(stage, 2)
    result = budget.confirm(actor=stage.officer, application_ids=keys(without, *made))
    assert sorted(result.done) == sorted(keys(*made)) and result.no_budget == keys(without)
    assert db.session.scalars(select(Voucher.agency_id)).all() == [stage.agency.id] * 2


def test_programmes_are_confirmed_side_by_side(stage: joining.Stage) -> None:
    """R-JOIN-7a: what differs by year is data: here the company bears 30 %."""
    later = joining.set_stage(vouchers=1, year=2022, company_share_percent=30)
    [first], [second] = waiting(stage, 1), waiting(later, 1)
    result = budget.confirm(actor=stage.officer, application_ids=keys(first, second))
    assert sorted(result.done) == sorted(keys(first, second))
    assert vouchers.left(vouchers.require_voucher(second.company_id)) == (2_800_000, 1_200_000)
    assert ledger.verify() == []


def test_nobody_else_confirms(stage: joining.Stage) -> None:
    [application] = waiting(stage, 1)
    for role in (Role.MANAGER, Role.PROGRAMME_MANAGER, Role.AUDITOR):
        actor = factories.make_actor(role)
        db.session.commit()
        with pytest.raises(Denied):
            budget.confirm(actor=actor, application_ids=keys(application))
        with pytest.raises(Denied):
            budget.send_back_many(actor=actor, application_ids=keys(application), reason="사유")
    assert application.state is State.SCREENED


def test_many_go_back_with_one_reason(stage: joining.Stage) -> None:
    """Domain section 4, 반송: what is kept for them is free again, and they wait for no budget any more."""
    first, second, own, moved = waiting(stage, 4)
    own.screened_by_id, moved.state = stage.officer.id, State.SCREENING
    first.waitlisted_at = clock.now()
    kept = offer(stage, first, OfferState.ACCEPTED)
    with pytest.raises(InvalidInput, match="reason_missing"):
        budget.send_back_many(actor=stage.officer, application_ids=keys(first), reason=" ")
    every = keys(first, second, own, moved)
    sent = budget.send_back_many(actor=stage.officer, application_ids=every, reason="서류 재확인")
    assert sorted(sent) == sorted(keys(first, second))
    assert (first.state, first.reason, first.waitlisted_at) == (State.SCREENING, "서류 재확인", None)
    assert kept.state is OfferState.WITHDRAWN and own.state is State.SCREENED
    assert budget.send_back_many(actor=stage.officer, application_ids=every, reason="서류 재확인") == []
    assert [row.action for row in acts("application", second.id)] == ["send_back"]
    assert record.verify() == []
