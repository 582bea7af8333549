"""Decisions with reason codes, whose they are, points, rounds of waiting, dealing out (R-SCR-3 to 3b)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.applications import Application, ScreeningRound
from app.models.applications import ApplicationState as State
from app.models.companies import DocumentKind, VerifiedAs
from app.models.programme import ClosingDay, SelectionOrder
from app.models.record import AuditRow, Notice
from app.policy import Actor, Role
from app.workflows import (
    application_history,
    applications,
    assignments,
    budget,
    required_papers,
    rounds,
    screening_reasons,
)
from tests import factories
from tests.integration.workflows import joining

pytestmark = pytest.mark.usefixtures("tx")
# A Friday, with a weekend before the next business day.
FRIDAY = datetime(2020, 11, 13, 15, 0, tzinfo=clock.KST)


@pytest.fixture
def stage(tx: object) -> joining.Stage:
    return joining.set_stage(vouchers=2, year=2020)


def applied(stage: joining.Stage, state: State = State.SCREENING, **fields: Any) -> Application:
    own = {name: fields.pop(name) for name in ("papers", "submitted_at", "score") if name in fields}
    company = factories.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id, **fields)
    application = factories.make_application(company=company, state=state, **own)
    db.session.commit()
    return application


def manager_of(stage: joining.Stage) -> Actor:
    found = factories.make_actor(Role.MANAGER, agency_id=stage.agency.id)
    db.session.commit()
    return found


def rows(application: Application, action: str) -> list[AuditRow]:
    statement = select(AuditRow).where(
        AuditRow.entity == "application", AuditRow.entity_id == application.id, AuditRow.action == action
    )
    return list(db.session.scalars(statement.order_by(AuditRow.seq)))


# --- reasons ----------------------------------------------------------------------------------------


def test_a_hold_keeps_its_codes_and_tells_their_sentences(stage: joining.Stage) -> None:
    """R-SCR-3a: the codes for counting, their sentences and the free text for the company."""
    application = applied(stage)
    applications.hold(
        actor=stage.reviewer,
        application_id=application.id,
        codes=["clearance_expired", "address_differs"],
        reason="  2층이 빠졌습니다. ",
        marks=["address", "tax_clearance"],
    )
    sentence = "국세·지방세 완납증명서의 유효기간이 지났습니다. 주소가 서류와 다릅니다. 2층이 빠졌습니다."
    assert application.reason_codes == ["clearance_expired", "address_differs"]
    assert application.reason == sentence
    told = db.session.scalars(select(Notice.text).where(Notice.company_id == application.company_id)).all()
    assert any(sentence in text for text in told)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"reason": " "}, "reason_missing"),
        ({"reason": "", "codes": ["no_such_code"]}, "reason.code"),
        ({"reason": "주소", "marks": ["tax_office_state"]}, "marks.unknown"),
    ],
)
def test_a_hold_without_reason_or_with_unknown_ones_is_refused(
    arguments: dict[str, Any], code: str, stage: joining.Stage
) -> None:
    application = applied(stage)
    with pytest.raises(InvalidInput, match=code):
        applications.hold(actor=stage.reviewer, application_id=application.id, **arguments)
    assert application.state is State.SCREENING


def test_a_code_alone_is_reason_enough_to_reject(stage: joining.Stage) -> None:
    """R-JOIN-6"""
    application = applied(stage, State.ON_HOLD)
    applications.reject(
        actor=stage.reviewer, application_id=application.id, reason="", codes=["excluded_industry"]
    )
    assert (application.state, application.reason) == (State.REJECTED, "지원 제외 업종입니다.")


def test_each_reason_names_what_a_company_can_mend() -> None:
    """R-SCR-3a: a code's marks are fields of the company's form or kinds of document."""
    from app.workflows import company_edits

    known = {*company_edits.EDITABLE, *[kind.value for kind in DocumentKind]}
    assert all(known.issuperset(reason.marks) for reason in screening_reasons.HOLD)
    codes = [reason.code for reason in (*screening_reasons.HOLD, *screening_reasons.REJECT)]
    assert len(codes) == len(set(codes))
    offered = screening_reasons.for_hold([DocumentKind.BUSINESS_REGISTRATION, DocumentKind.TAX_CLEARANCE])
    assert "register_old" not in [reason.code for reason in offered]
    assert "clearance_expired" in [reason.code for reason in offered]


# --- whose it is ------------------------------------------------------------------------------------


def test_what_somebody_else_has_in_hand_is_theirs_and_a_manager_says_why(stage: joining.Stage) -> None:
    """R-ROLE-3, R-SCR-3b"""
    application = applied(stage)
    other = factories.make_account(Role.REVIEWER, agency_id=stage.agency.id, name="한심사")
    application.assigned_to_id = other.id
    manager = manager_of(stage)
    with pytest.raises(Conflict, match="application.assigned_elsewhere") as refusal:
        applications.screen(actor=stage.reviewer, application_id=application.id)
    assert "한심사님이 맡은 건입니다" in refusal.value.text
    with pytest.raises(InvalidInput, match="override_missing"):
        applications.hold(actor=manager, application_id=application.id, reason="주소가 다릅니다.")
    assert application.state is State.SCREENING and not rows(application, "hold")
    applications.screen(actor=manager, application_id=application.id, override="한심사 휴가")
    assert application.state is State.SCREENED
    [row] = rows(application, "override")
    assert (row.reason, row.actor_id) == ("한심사 휴가", manager.id)


def test_ones_own_case_needs_no_override(stage: joining.Stage) -> None:
    application = applied(stage)
    application.assigned_to_id = stage.reviewer.id
    db.session.commit()
    applications.screen(actor=stage.reviewer, application_id=application.id)
    assert application.state is State.SCREENED and not rows(application, "override")


# --- what 심사확정 needs ------------------------------------------------------------------------------


def test_nothing_is_confirmed_without_its_papers(stage: joining.Stage) -> None:
    """R-JOIN-2, R-JOIN-5"""
    application = applied(stage, papers=False, verified_as=VerifiedAs.STAFF)
    factories.make_document(company=application.company, kind=DocumentKind.BUSINESS_REGISTRATION)
    db.session.commit()
    with pytest.raises(Conflict, match="application.documents_missing") as refusal:
        applications.screen(actor=stage.reviewer, application_id=application.id)
    for label in ("국세·지방세 완납증명서", "법인 등기부등본", "4대보험 사업장 가입자 명부"):
        assert label in refusal.value.text
    assert "사업자등록증" not in refusal.value.text
    assert application.state is State.SCREENING
    assert applications.screen_many(actor=manager_of(stage), application_ids=[application.id]) == []


def test_who_took_part_before_hands_in_the_certificate(stage: joining.Stage) -> None:
    """R-JOIN-5: asked for many at once as for one."""
    new, again = applied(stage), applied(stage)
    earlier = factories.make_company(
        programme_id=factories.make_programme(year=2019).id, business_number=again.company.business_number
    )
    factories.make_application(company=earlier, state=State.APPROVED)
    db.session.commit()
    assert required_papers.lacking([new.id, again.id]) == {again.id: [DocumentKind.PRIORITY_CERTIFICATE]}
    factories.make_document(company=again.company, kind=DocumentKind.PRIORITY_CERTIFICATE)
    assert required_papers.lacking([new.id, again.id]) == {}


def test_points_are_needed_where_they_select(stage: joining.Stage) -> None:
    """R-JOIN-7a: 2022 selects by score."""
    stage.programme.selection_order = SelectionOrder.SCORE
    application, without = applied(stage), applied(stage)
    manager = manager_of(stage)
    with pytest.raises(Conflict, match="application.score_missing"):
        applications.screen(actor=stage.reviewer, application_id=application.id)
    for wrong in (-1, 101):
        with pytest.raises(InvalidInput, match="application.score"):
            applications.set_score(actor=stage.reviewer, application_id=application.id, score=wrong)
    applications.set_score(actor=stage.reviewer, application_id=application.id, score=87)
    applications.set_score(actor=stage.reviewer, application_id=application.id, score=87)
    [row] = rows(application, "score")
    assert row.change == {"score": [None, 87]}
    done = applications.screen_many(actor=manager, application_ids=[without.id, application.id])
    assert done == [application.id]
    with pytest.raises(Conflict, match="application.screen.state"):
        applications.set_score(actor=stage.reviewer, application_id=application.id, score=90)


def test_many_are_confirmed_by_a_manager_and_nobody_elses(stage: joining.Stage) -> None:
    """R-SCR-3c, R-ROLE-3"""
    good, held = applied(stage), applied(stage, State.ON_HOLD)
    foreign = applied(stage)
    foreign.agency_id = factories.make_agency().id
    manager, ids = manager_of(stage), [good.id, held.id, foreign.id]
    with pytest.raises(Denied):
        applications.screen_many(actor=stage.reviewer, application_ids=ids)
    assert applications.screen_many(actor=manager, application_ids=ids) == [good.id]
    assert applications.screen_many(actor=manager, application_ids=ids) == []
    assert (good.state, good.screened_by_id) == (State.SCREENED, manager.id)
    assert (held.state, foreign.state) == (State.ON_HOLD, State.SCREENING)


def test_a_note_stays_among_colleagues(stage: joining.Stage) -> None:
    application = applied(stage)
    applications.add_note(actor=stage.reviewer, application_id=application.id, text=" 내일 서류가 온다고 함 ")
    [entry] = application_history.history(application.id)
    assert (entry.title, entry.reason, entry.who) == (
        "심사 메모",
        "내일 서류가 온다고 함",
        stage.reviewer.name,
    )
    assert application_history.history(application.id, own_accounts=[]) == []
    for wrong in (" ", "가" * 1_001):
        with pytest.raises(InvalidInput, match="application.note"):
            applications.add_note(actor=stage.reviewer, application_id=application.id, text=wrong)
    stranger = factories.make_actor(Role.REVIEWER)
    db.session.commit()
    with pytest.raises(NotFound):
        applications.add_note(actor=stranger, application_id=application.id, text="메모")


# --- rounds -----------------------------------------------------------------------------------------


def of(application: Application) -> list[ScreeningRound]:
    statement = select(ScreeningRound).where(ScreeningRound.application_id == application.id)
    return list(db.session.scalars(statement.order_by(ScreeningRound.number)))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=clock.KST)


@pytest.mark.parametrize(
    ("came", "decided", "days"),
    [
        ("2020-11-13 15:00", "2020-11-13 17:00", 0),
        # a weekend between
        ("2020-11-13 15:00", "2020-11-16 09:00", 1),
        ("2020-11-14 10:00", "2020-11-15 10:00", 0),
        # Chuseok, 30 September to 2 October, and a weekend
        ("2020-09-29 15:00", "2020-10-05 10:00", 1),
        # Hangul day on a Friday, and a closing day of the programme on the Monday after
        ("2020-10-08 09:00", "2020-10-13 09:00", 1),
    ],
)
def test_a_round_waits_in_business_days(came: str, decided: str, days: int, stage: joining.Stage) -> None:
    """R-SCR-3, R-TIME-2"""
    db.session.add(ClosingDay(programme_id=stage.programme.id, day=date(2020, 10, 12), reason="창립기념일"))
    with clock.at(at(came)):
        application = applied(stage)
        rounds.enter([application.id])
    with clock.at(at(decided)):
        applications.screen(actor=stage.reviewer, application_id=application.id)
    [row] = of(application)
    assert (row.number, row.waited_days, row.decision) == (1, days, "screen")
    assert row.decided_by_id == stage.reviewer.id


def test_each_return_to_the_queue_is_a_round_of_its_own(stage: joining.Stage) -> None:
    """R-SCR-5: a hold, a correction, a 반송."""
    application = applied(stage)
    person = factories.make_actor(Role.DEMAND, company_id=application.company_id)
    application.company.tax_office_state = "계속사업자"
    db.session.commit()
    rounds.enter([application.id])
    rounds.enter([application.id])
    assert [row.number for row in of(application)] == [1]
    codes = ["clearance_expired"]
    applications.hold(actor=stage.reviewer, application_id=application.id, reason="", codes=codes)
    applications.resubmit(actor=person)
    applications.screen(actor=stage.reviewer, application_id=application.id)
    budget.send_back(actor=stage.officer, application_id=application.id, reason="서류가 다릅니다.")
    applications.reject(actor=stage.reviewer, application_id=application.id, reason="허위 서류")
    found = [(row.number, row.decision, row.reason_codes) for row in of(application)]
    assert found == [(1, "hold", codes), (2, "screen", []), (3, "reject", [])]
    assert all(row.decided_at is not None for row in of(application))


def test_many_leave_their_rounds_together_each_with_its_days(stage: joining.Stage) -> None:
    with clock.at(FRIDAY):
        early = applied(stage)
        rounds.enter([early.id])
    with clock.at(FRIDAY + clock.timedelta(days=3)):
        late, in_no_queue = applied(stage), applied(stage)
        rounds.enter([late.id])
    with clock.at(FRIDAY + clock.timedelta(days=4)):
        ids = [early.id, late.id, in_no_queue.id]
        assert applications.screen_many(actor=manager_of(stage), application_ids=ids) == ids
    assert [row.waited_days for row in (*of(early), *of(late))] == [2, 1]
    assert of(in_no_queue) == []


# --- dealing out ------------------------------------------------------------------------------------


def test_cases_are_dealt_out_to_whom_has_least(stage: joining.Stage) -> None:
    """R-SCR-3b: evenly by what each has in hand by then."""
    manager = manager_of(stage)
    busy = factories.make_account(Role.REVIEWER, agency_id=stage.agency.id)
    idle = factories.make_account(Role.REVIEWER, agency_id=stage.agency.id)
    for _ in range(2):
        applied(stage).assigned_to_id = busy.id
    db.session.commit()
    waiting = [applied(stage).id for _ in range(4)]
    given = assignments.spread(actor=manager, application_ids=waiting, account_ids=[busy.id, idle.id])
    assert list(given) == waiting
    assert [*given.values()].count(idle.id) == 3 and [*given.values()].count(busy.id) == 1
    again = assignments.spread(actor=manager, application_ids=waiting, account_ids=[busy.id, idle.id])
    assert again == given
    with pytest.raises(InvalidInput, match="assignment.nobody"):
        assignments.spread(actor=manager, application_ids=waiting, account_ids=[])
    with pytest.raises(Denied):
        assignments.spread(actor=stage.reviewer, application_ids=waiting, account_ids=[busy.id])


def test_many_are_given_at_once_and_each_is_on_record(stage: joining.Stage) -> None:
    """R-SCR-3b, R-AUD-1"""
    manager = manager_of(stage)
    reviewer = factories.make_account(Role.REVIEWER, agency_id=stage.agency.id)
    waiting, held = applied(stage), applied(stage, State.ON_HOLD)
    done, foreign = applied(stage, State.SCREENED), applied(stage)
    foreign.agency_id = factories.make_agency().id
    db.session.commit()
    given = dict.fromkeys([waiting.id, held.id, done.id, foreign.id], reviewer.id)
    assert assignments.assign_many(actor=manager, given=given) == [waiting.id, held.id]
    assert assignments.assign_many(actor=manager, given=given) == []
    assert (waiting.assigned_to_id, done.assigned_to_id, foreign.assigned_to_id) == (reviewer.id, None, None)
    [row] = rows(waiting, "assign")
    assert row.change == {"assigned_to_id": [None, reviewer.id]} and row.actor_id == manager.id


@pytest.mark.parametrize("kind", ["stranger", "inactive", "officer"])
def test_cases_go_to_active_reviewers_of_the_own_agency_alone(kind: str, stage: joining.Stage) -> None:
    manager, application = manager_of(stage), applied(stage)
    account = {
        "stranger": lambda: factories.make_account(Role.REVIEWER),
        "inactive": lambda: factories.make_account(Role.REVIEWER, agency_id=stage.agency.id, is_active=False),
        "officer": lambda: factories.make_account(Role.BUDGET_OFFICER, agency_id=stage.agency.id),
    }[kind]()
    db.session.commit()
    with pytest.raises(Denied, match="application.assignee"):
        assignments.assign_many(actor=manager, given={application.id: account.id})
    assert application.assigned_to_id is None
