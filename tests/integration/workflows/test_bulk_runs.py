"""The run of a bulk action: nothing twice, stopped and gone on with, whose it is (R-SCR-3c)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, NotFound
from app.models.applications import ApplicationState as State
from app.models.bulk import BulkKind as Kind
from app.models.bulk import BulkRow, BulkState
from app.models.people import Account
from app.models.record import AuditRow
from app.models.vouchers import Voucher
from app.policy import Actor, Role
from app.workflows import bulk, bulk_reads
from tests import factories
from tests.integration.workflows import bulk_stage, joining
from tests.integration.workflows.bulk_stage import cases, go, keys, reason

stage, manager, small = bulk_stage.stage, bulk_stage.manager, bulk_stage.small


def test_run_again_it_does_nothing_twice(stage: joining.Stage, small: None) -> None:
    """R-SCR-3c: the job delivered twice, started twice, previewed twice."""
    made = cases(stage, State.SCREENED, 3)
    first = bulk.preview(actor=stage.officer, kind=Kind.CONFIRM, application_ids=keys(made))
    second = bulk.preview(actor=stage.officer, kind=Kind.CONFIRM, application_ids=keys(made))
    go(stage.officer, first)
    bulk.work(run_id=first.id)
    assert bulk.start(actor=stage.officer, run_id=first.id).state is BulkState.DONE
    assert (first.done, first.refused) == (3, 0)
    again = go(stage.officer, second)
    assert (again.done, again.refused) == (0, 3) and "'승인' 상태" in reason(again, made[0])
    assert db.session.scalar(select(func.count()).select_from(Voucher)) == 3
    starts = select(AuditRow.action).where(AuditRow.entity == "bulk_run", AuditRow.entity_id == first.id)
    assert list(db.session.scalars(starts.order_by(AuditRow.seq))) == ["preview", "start", "finish"]


def test_what_changed_since_the_preview_is_decided_anew(stage: joining.Stage) -> None:
    """R-ROLE-4: permission, state and person are looked at when it runs."""
    moved, own, fine = cases(stage, State.SCREENED, 3)
    run = bulk.preview(actor=stage.officer, kind=Kind.CONFIRM, application_ids=keys([moved, own, fine]))
    assert run.refused == 0
    moved.state, own.screened_by_id = State.SCREENING, stage.officer.id
    db.session.commit()
    run = go(stage.officer, run)
    assert (run.done, run.refused) == (1, 2)
    assert "'심사중' 상태" in reason(run, moved) and "본인이 심사한 건" in reason(run, own)


def test_stopped_between_chunks_and_gone_on_with(
    stage: joining.Stage, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cases(stage, State.SCREENED, 3)
    run = bulk.preview(actor=stage.officer, kind=Kind.CONFIRM, application_ids=keys(made))
    other = factories.make_actor(Role.BUDGET_OFFICER)
    db.session.commit()
    bulk.start(actor=stage.officer, run_id=run.id)
    assert bulk._chunk(run.id)
    assert bulk.stop(actor=other, run_id=run.id).state is BulkState.STOPPED
    bulk.work(run_id=run.id)
    assert (run.done, run.state, bulk.claim_unattended()) == (2, BulkState.STOPPED, [])
    with pytest.raises(Conflict, match="bulk_run.start.state"):
        bulk.start(actor=stage.officer, run_id=run.id)
    with pytest.raises(NotFound):
        bulk.resume(actor=other, run_id=run.id)
    assert bulk.resume(actor=stage.officer, run_id=run.id).state is BulkState.RUNNING
    assert bulk.claim_unattended() == [run.id]
    bulk.work(run_id=run.id)
    assert (run.done, run.state) == (3, BulkState.DONE)
    assert bulk.stop(actor=stage.officer, run_id=run.id).state is BulkState.DONE


def test_a_dead_worker_is_noticed_and_a_poisoned_run_parked(stage: joining.Stage) -> None:
    """R-SCR-3c: nobody needs to look after it."""
    run = bulk.preview(
        actor=stage.officer, kind=Kind.CONFIRM, application_ids=keys(cases(stage, State.SCREENED))
    )
    bulk.start(actor=stage.officer, run_id=run.id)
    assert bulk.claim_unattended() == [run.id]
    assert bulk.claim_unattended() == [], "claimed: somebody is on the way"
    for _ in range(bulk.MOST_TRIES):
        run.tries, run.leased_until = run.tries + 1, clock.real_now() - timedelta(seconds=1)
        db.session.commit()
        given = bulk.claim_unattended()
    assert given == [] and run.state is BulkState.STOPPED and "여러 번 실패" in (run.note or "")
    bulk.resume(actor=stage.officer, run_id=run.id)
    assert (run.tries, run.note) == (0, None) and bulk.claim_unattended() == [run.id]
    bulk.work(run_id=run.id)
    assert run.state is BulkState.DONE


def test_a_closed_account_or_another_role_stops_the_run(stage: joining.Stage) -> None:
    """R-ROLE-3: it runs as the person who started it, as they are now."""
    [application] = cases(stage, State.SCREENED)
    officer = db.session.get_one(Account, stage.officer.id)
    for change in ({"is_active": False}, {"is_active": True, "role": Role.FINANCE_OFFICER}):
        officer.is_active, officer.role = True, Role.BUDGET_OFFICER
        run = bulk.preview(actor=stage.officer, kind=Kind.CONFIRM, application_ids=[application.id])
        bulk.start(actor=stage.officer, run_id=run.id)
        for name, value in change.items():
            setattr(officer, name, value)
        db.session.commit()
        bulk.work(run_id=run.id)
        assert run.state is BulkState.STOPPED and run.note
        assert application.state is State.SCREENED


def test_a_reviewer_who_left_stops_the_dealing_out(stage: joining.Stage, manager: Actor) -> None:
    [application] = cases(stage, State.SCREENING)
    reviewer = factories.make_account(Role.REVIEWER, agency_id=stage.agency.id)
    run = bulk.preview(
        actor=manager, kind=Kind.ASSIGN, application_ids=[application.id], account_ids=[reviewer.id]
    )
    reviewer.is_active = False
    db.session.commit()
    run = go(manager, run)
    assert run.state is BulkState.STOPPED and "심사원" in (run.note or "")
    assert application.assigned_to_id is None


def test_the_runs_of_others_are_not_there(stage: joining.Stage, manager: Actor) -> None:
    """R-ROLE-2"""
    run = bulk.preview(actor=manager, kind=Kind.SCREEN, application_ids=keys(cases(stage, State.SCREENING)))
    own_reviewer, stranger = stage.reviewer, factories.make_actor(Role.MANAGER)
    colleague = factories.make_actor(Role.MANAGER, agency_id=stage.agency.id)
    auditor = factories.make_actor(Role.AUDITOR)
    db.session.commit()
    for actor in (stranger, stage.officer):
        assert bulk_reads.runs(actor=actor) == []
        for verb in (bulk.start, bulk.stop, bulk.resume, bulk.discard):
            with pytest.raises(NotFound):
                verb(actor=actor, run_id=run.id)
        with pytest.raises(NotFound):
            bulk_reads.rows(actor=actor, run_id=run.id)
    for actor in (own_reviewer, colleague, auditor, manager):
        assert bulk_reads.runs(actor=actor) == [run]
    assert bulk_reads.page(actor=colleague, run_id=run.id).edges == []
    with pytest.raises(NotFound, match="bulk.foreign"):
        bulk.start(actor=colleague, run_id=run.id)
    with pytest.raises(Denied):
        bulk_reads.runs(actor=factories.make_actor(Role.FINANCE_OFFICER))
    assert [e.action for e in bulk_reads.page(actor=manager, run_id=run.id).edges] == ["start"]


def test_a_preview_can_be_discarded_and_is_forgotten_after_a_week(stage: joining.Stage) -> None:
    made = keys(cases(stage, State.SCREENED))
    run = bulk.preview(actor=stage.officer, kind=Kind.CONFIRM, application_ids=made)
    bulk.discard(actor=stage.officer, run_id=run.id)
    old = bulk.preview(actor=stage.officer, kind=Kind.CONFIRM, application_ids=made)
    started = bulk.preview(actor=stage.officer, kind=Kind.CONFIRM, application_ids=made)
    bulk.start(actor=stage.officer, run_id=started.id)
    with pytest.raises(Conflict):
        bulk.discard(actor=stage.officer, run_id=started.id)
    assert old.id
    with clock.at(clock.now() + bulk.KEPT + timedelta(seconds=1)):
        bulk.claim_unattended()
    assert [run.id for run in bulk_reads.runs(actor=stage.officer)] == [started.id]
    assert db.session.scalars(select(BulkRow.run_id)).all() == [started.id]
