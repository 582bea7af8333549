"""Bulk actions: previewed, decided as singly, each row with its result (R-SCR-3c)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app import clock
from app.db import db
from app.errors import Denied, InvalidInput
from app.models.applications import ApplicationState as State
from app.models.applications import ScreeningRound
from app.models.bulk import BulkKind as Kind
from app.models.bulk import BulkOutcome as Outcome
from app.models.bulk import BulkRun, BulkState
from app.models.companies import Document
from app.models.offers import BudgetOffer, OfferState
from app.models.programme import SelectionOrder
from app.policy import Actor, Role
from app.workflows import bulk, bulk_reads, ledger, record
from app.workflows.bulk_reads import Part
from tests import factories
from tests.integration.workflows import bulk_stage, joining
from tests.integration.workflows.bulk_stage import cases, go, keys, reason, results

stage, manager, small = bulk_stage.stage, bulk_stage.manager, bulk_stage.small


def test_the_preview_says_who_cannot_and_why_and_changes_nothing(stage: joining.Stage) -> None:
    """R-SCR-3c, R-SCR-4, R-ROLE-4"""
    made = cases(stage, State.SCREENED, 4)
    [own] = cases(stage, State.SCREENED, screened_by_id=stage.officer.id)
    [moved] = cases(stage, State.ON_HOLD)
    every = [*keys(made), own.id, moved.id, made[0].id, 999_999_999]
    run = bulk.preview(actor=stage.officer, kind=Kind.CONFIRM, application_ids=every)
    assert (run.state, run.rows, run.done, run.refused) == (BulkState.PREVIEWED, 6, 0, 2)
    assert run.arguments == {"amount": 3 * 3_600_000} and run.agency_id is None
    assert "본인이 심사한 건" in reason(run, own) and results(run)[own.id][0] is Outcome.REFUSED
    assert "'심사보류' 상태" in reason(run, moved)
    page = bulk_reads.page(actor=stage.officer, run_id=run.id)
    counted = [page.counts[part] for part in page.parts]
    assert page.parts == (Part.ALL, Part.CAN, Part.LATER, Part.CANNOT) and counted == [6, 3, 1, 2]
    assert sum(number for _, number in page.reasons) == 3 and len(page.reasons) == 3
    # Whom the money does not reach is waiting still: they go on the list when it runs.
    assert "예산이 부족" in reason(run, made[3]) and results(run)[made[3].id][0] is Outcome.WAITING
    cannot = bulk_reads.rows(actor=stage.officer, run_id=run.id, part=Part.CANNOT)
    assert {row.application_id for row in cannot} == {own.id, moved.id}
    [later] = bulk_reads.rows(actor=stage.officer, run_id=run.id, part=Part.LATER)
    assert later.application_id == made[3].id
    assert {a.state for a in made} == {State.SCREENED} and bulk.claim_unattended() == []


def test_confirming_takes_the_previewed_order_across_chunks(stage: joining.Stage, small: None) -> None:
    """R-SCR-4: the money goes to who arrived first, in whatever order they were ticked."""
    made = cases(stage, State.SCREENED, 5)
    for n, application in enumerate(made):
        application.submitted_at = clock.now() - timedelta(hours=n)
    db.session.commit()
    run = bulk.preview(actor=stage.officer, kind=Kind.CONFIRM, application_ids=keys(made))
    run = go(stage.officer, run)
    assert (run.state, run.done, run.refused) == (BulkState.DONE, 3, 2)
    assert [a.state for a in made] == [State.SCREENED] * 2 + [State.APPROVED] * 3
    assert all(a.waitlisted_at for a in made[:2]) and "예산이 부족" in reason(run, made[0])
    assert run.finished_at is not None and ledger.verify() == [] and record.verify() == []


def test_money_kept_for_others_counts_in_the_preview_as_when_it_runs(stage: joining.Stage) -> None:
    """R-SCR-4"""
    first, second, outside = cases(stage, State.SCREENED, 3)
    db.session.add(
        BudgetOffer(
            application_id=outside.id,
            company_id=outside.company_id,
            agency_id=outside.agency_id,
            agency_budget_id=stage.budget.id,
            amount=2 * 3_600_000,
            state=OfferState.OFFERED,
            offered_at=clock.now(),
            due_at=clock.now() + timedelta(days=1),
        )
    )
    db.session.commit()
    run = bulk.preview(actor=stage.officer, kind=Kind.CONFIRM, application_ids=keys([first, second]))
    assert run.arguments["amount"] == 3_600_000 and "예산이 부족" in reason(run, second)
    assert go(stage.officer, run).done == 1


def test_screening_many_of_ones_own_agency(stage: joining.Stage, manager: Actor, small: None) -> None:
    """R-ROLE-2, R-ROLE-3, R-SCR-5: a foreign case is none; each one's round ends."""
    made = cases(stage, State.SCREENING, 3)
    [done] = cases(stage, State.SCREENED)
    [foreign] = cases(stage, State.SCREENING, agency_id=factories.make_agency().id)
    run = bulk.preview(actor=manager, kind=Kind.SCREEN, application_ids=[*keys(made), done.id, foreign.id])
    assert (run.rows, run.refused, run.agency_id) == (4, 1, stage.agency.id)
    run = go(manager, run)
    assert (run.state, run.done, run.refused) == (BulkState.DONE, 3, 1)
    assert {a.state for a in made} == {State.SCREENED} and foreign.state is State.SCREENING
    ended = select(func.count()).select_from(ScreeningRound).where(ScreeningRound.decision == "screen")
    assert db.session.scalar(ended) == 3


def test_without_a_score_there_is_no_screening_by_score(tx: Flask) -> None:
    """R-JOIN-7a"""
    stage = joining.set_stage(vouchers=1, year=2022, selection_order=SelectionOrder.SCORE)
    manager = factories.make_actor(Role.MANAGER, agency_id=stage.agency.id)
    without, scored = cases(stage, State.SCREENING, 2)
    scored.score = 80
    db.session.commit()
    run = bulk.preview(actor=manager, kind=Kind.SCREEN, application_ids=keys([without, scored]))
    assert "점수가 없습니다" in reason(run, without)
    assert go(manager, run).done == 1 and scored.state is State.SCREENED


def test_dealing_out_evenly_over_chunks(stage: joining.Stage, manager: Actor, small: None) -> None:
    """R-SCR-3b"""
    reviewers = [factories.make_actor(Role.REVIEWER, agency_id=stage.agency.id).id for _ in range(2)]
    made = cases(stage, State.SCREENING, 6, assigned_to_id=reviewers[0])
    run = bulk.preview(actor=manager, kind=Kind.ASSIGN, application_ids=keys(made), account_ids=reviewers)
    assert run.refused == 0
    run = go(manager, run)
    assert (run.done, run.refused) == (6, 0)
    held = [application.assigned_to_id for application in made]
    assert sorted(held.count(reviewer) for reviewer in reviewers) == [3, 3]


def test_giving_by_hand_leaves_out_who_has_it(stage: joining.Stage, manager: Actor) -> None:
    """R-SCR-3b"""
    reviewer = factories.make_actor(Role.REVIEWER, agency_id=stage.agency.id)
    stranger = factories.make_actor(Role.REVIEWER)
    [has], [waits] = (
        cases(stage, State.SCREENING, assigned_to_id=reviewer.id),
        cases(stage, State.ON_HOLD),
    )
    about: dict[str, Any] = {"actor": manager, "kind": Kind.ASSIGN, "application_ids": keys([has, waits])}
    with pytest.raises(InvalidInput, match="assignment.nobody"):
        bulk.preview(**about)
    with pytest.raises(Denied):
        bulk.preview(**about, account_ids=[stranger.id])
    run = bulk.preview(**about, account_ids=[reviewer.id])
    assert "이미 이 심사원이" in reason(run, has)
    assert go(manager, run).done == 1 and waits.assigned_to_id == reviewer.id


def test_sending_back_many_with_a_reason(stage: joining.Stage) -> None:
    """Domain section 4, 반송; R-ROLE-4"""
    [first], [own] = (
        cases(stage, State.SCREENED),
        cases(stage, State.SCREENED, screened_by_id=stage.officer.id),
    )
    about: dict[str, Any] = {"actor": stage.officer, "kind": Kind.SEND_BACK}
    about["application_ids"] = keys([first, own])
    with pytest.raises(InvalidInput, match="reason_missing"):
        bulk.preview(**about)
    run = go(stage.officer, bulk.preview(**about, reason="  서류를 다시 확인해 주세요. "))
    assert (run.done, run.refused) == (1, 1)
    assert (first.state, first.reason) == (State.SCREENING, "서류를 다시 확인해 주세요.")
    assert own.state is State.SCREENED and "본인이 심사한 건" in reason(run, own)


@pytest.mark.parametrize(
    ("kind", "roles"),
    [
        (Kind.SCREEN, (Role.REVIEWER, Role.BUDGET_OFFICER)),
        (Kind.ASSIGN, (Role.REVIEWER, Role.BUDGET_OFFICER)),
        (Kind.CONFIRM, (Role.MANAGER, Role.PROGRAMME_MANAGER, Role.AUDITOR)),
        (Kind.SEND_BACK, (Role.MANAGER, Role.AUDITOR)),
    ],
)
def test_each_kind_is_for_whom_its_single_act_is_for(
    stage: joining.Stage, kind: Kind, roles: tuple[Role, ...]
) -> None:
    """R-ROLE-3"""
    for role in roles:
        actor = factories.make_actor(role)
        db.session.commit()
        with pytest.raises(Denied):
            bulk.preview(actor=actor, kind=kind, application_ids=[1], account_ids=[1], reason="사유")


def test_nothing_chosen_and_too_much(stage: joining.Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="bulk.nothing"):
        bulk.preview(actor=stage.officer, kind=Kind.CONFIRM, application_ids=[])
    monkeypatch.setattr(bulk, "MOST_ROWS", 2)
    with pytest.raises(InvalidInput, match="bulk.too_many"):
        bulk.preview(actor=stage.officer, kind=Kind.CONFIRM, application_ids=[1, 2, 3])
    assert db.session.scalar(select(func.count()).select_from(BulkRun)) == 0


def test_what_others_have_in_hand_and_what_lacks_papers_is_told_first(
    stage: joining.Stage, manager: Actor
) -> None:
    """R-ROLE-3, R-SCR-3c, R-JOIN-2: singly a manager gives a reason; a bulk action has none to give."""
    [free], [own], [held] = (
        cases(stage, State.SCREENING, assigned_to_id=holder)
        for holder in (None, manager.id, stage.reviewer.id)
    )
    [bare] = cases(stage, State.SCREENING)
    db.session.execute(
        update(Document).where(Document.company_id == bare.company_id).values(replaced_at=clock.now())
    )
    later = cases(stage, State.SCREENING)[0]
    db.session.commit()
    run = bulk.preview(actor=manager, kind=Kind.SCREEN, application_ids=keys([free, own, held, bare, later]))
    assert run.refused == 2
    assert f"{stage.reviewer.name}님이 맡은 건" in reason(run, held)
    assert "제출되지 않은 서류가 있습니다: " in reason(run, bare)
    later.assigned_to_id = stage.reviewer.id
    db.session.commit()
    run = go(manager, run)
    assert (run.done, run.refused, held.state) == (2, 3, State.SCREENING)
    assert f"{stage.reviewer.name}님이 맡은 건" in reason(run, later)
