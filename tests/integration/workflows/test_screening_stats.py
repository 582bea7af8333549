"""The dashboards' numbers of the screening (R-SCR-3, R-SCR-5, R-ROLE-2, R-ROLE-3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from app import clock
from app.db import db
from app.errors import Denied
from app.models.applications import Application, ScreeningRound
from app.models.applications import ApplicationState as State
from app.models.programme import ClosingDay
from app.policy import Role
from app.workflows import applications, budget, decision_reads, queue_reads, screening_stats, waiting
from app.workflows.decision_reads import Wanted
from tests import factories as make
from tests.plans import by_index_alone

# A Monday; behind it lie Hangul Day (10.09.) and Chuseok (09.30. to 10.02.).
NOW = datetime(2020, 11, 16, 9, tzinfo=clock.KST)


@pytest.fixture
def stage(tx: Flask) -> Iterator[SimpleNamespace]:
    with clock.at(NOW):
        programme = make.make_programme(promised_days=10)
        own, other, lead = make.make_agency(), make.make_agency(), make.make_agency(is_lead=True)
        manager = make.make_account(Role.MANAGER, agency_id=own.id)
        officer = make.make_account(Role.PROGRAMME_MANAGER, agency_id=lead.id)
        db.session.commit()
        yield SimpleNamespace(
            programme=programme, own=own, other=other, manager=manager.actor(), officer=officer.actor()
        )


def case(stage: Any, *, agency: Any = None, state: State = State.SCREENING, **fields: Any) -> Application:
    agency_id = (agency or stage.own).id
    company = make.make_company(programme_id=stage.programme.id, agency_id=agency_id)
    application = make.make_application(company=company, state=state, **fields)
    if state is State.SCREENING:
        arrive(application)
    return application


def arrive(application: Application, *, number: int = 1, **fields: Any) -> ScreeningRound:
    round_ = ScreeningRound(
        application_id=application.id,
        agency_id=application.agency_id,
        programme_id=application.programme_id,
        number=number,
        **{"entered_at": application.submitted_at} | fields,
    )
    db.session.add(round_)
    db.session.flush()
    return round_


def decided(stage: Any, *waited: int, days_ago: int = 1, agency: Any = None, **fields: Any) -> None:
    """A decision for each number of business days waited."""
    for days in waited:
        application = case(stage, agency=agency, state=State.SCREENED)
        at = NOW - timedelta(days=days_ago)
        arrive(
            application,
            **{"decided_at": at, "decision": "screen", "waited_days": days, "entered_at": at} | fields,
        )


def of(stage: Any, **asked: Any) -> screening_stats.ScreeningStats:
    return screening_stats.screening(actor=stage.manager, **asked)


# --- what is open -------------------------------------------------------------------------------------


def test_the_histogram_counts_each_case_as_the_clock_does(stage: Any) -> None:
    """R-SCR-3: at every edge, over weekends, holidays and a closing day of the programme."""
    closed = clock.today() - timedelta(days=5)
    db.session.add(ClosingDay(programme_id=stage.programme.id, day=closed, reason="전산 점검"))
    expected = [0] * len(waiting.AGES)
    late = 0
    for back in range(60):
        day = clock.start_of(clock.today() - timedelta(days=back))
        for arrived in (day, day + timedelta(hours=23, minutes=59)):
            if arrived <= clock.now():
                case(stage, submitted_at=arrived)
                age = clock.business_days_between(arrived, clock.now(), closed=[closed])
                expected[_class(age)] += 1
                late += age > 10
    own = of(stage).agencies[0]
    assert own.ages == expected and all(expected)
    assert own.over == late
    assert own.open == sum(expected)


def _class(age: int) -> int:
    fits = (first <= age and (last is None or age <= last) for first, last in waiting.AGES)
    return list(fits).index(True)


def test_a_programmes_own_promise_counts(stage: Any) -> None:
    generous = make.make_programme(promised_days=30)
    arrived = NOW - timedelta(days=21)
    case(stage, submitted_at=arrived)
    company = make.make_company(programme_id=generous.id, agency_id=stage.own.id)
    make.make_application(company=company, state=State.SCREENING, submitted_at=arrived)
    assert of(stage).total.over == 1


def test_every_open_number_is_that_of_its_list(stage: Any) -> None:
    """The dashboard leads to the queue: both count the same."""
    reviewer = make.make_account(Role.REVIEWER, agency_id=stage.own.id)
    for back in (0, 3, 14, 15, 16, 40):
        case(stage, submitted_at=NOW - timedelta(days=back))
    case(stage, submitted_at=NOW - timedelta(days=30), assigned_to_id=reviewer.id)
    case(stage, assigned_to_id=reviewer.id)
    again = case(stage, state=State.ON_HOLD)
    arrive(again, decided_at=NOW, decision="hold", waited_days=0)
    again.state = State.SCREENING
    arrive(again, number=2)
    case(stage, state=State.ON_HOLD)
    case(stage, state=State.APPROVED, flagged_at=NOW)
    case(stage, agency=stage.other, submitted_at=NOW - timedelta(days=40))
    db.session.commit()
    found = of(stage)

    def listed(**filters: Any) -> int:
        return queue_reads.total(actor=stage.manager, **filters)

    own = found.agencies[0]
    assert own.open == listed() == 9
    assert own.over == listed(late=True) == 4
    assert own.unassigned == listed(unassigned=True) == 7
    assert own.again == listed(again=True) == 1
    assert own.on_hold == listed(states=[State.ON_HOLD]) == 1
    assert own.flagged == listed(states=list(State), flagged=True) == 1
    (load,) = [one for one in found.reviewers if one.account_id == reviewer.id]
    assert load.open == listed(account_id=reviewer.id) == 2
    assert load.over == listed(account_id=reviewer.id, late=True) == 1
    for place, ends in enumerate(waiting.AGES):
        assert own.ages[place] == listed(age=waiting.age_key(*ends))


# --- what was decided ---------------------------------------------------------------------------------


def test_medians_are_of_the_days_they_name(stage: Any) -> None:
    """R-SCR-5"""
    decided(stage, 1, 3, 4)
    own = of(stage).agencies[0]
    assert (own.median, own.median_30, own.median_90, own.decided) == (3, 3, 3, 3)
    decided(stage, 8)
    assert of(stage).agencies[0].median_30 == 3.5
    decided(stage, 20, 20, 20, 20, 20, days_ago=60)
    own = of(stage, days=7).agencies[0]
    assert (own.median, own.median_30, own.median_90) == (3.5, 3.5, 20)
    assert own.decided == 4
    assert of(stage, days=90).agencies[0].decided == 9


def test_the_sums_median_is_of_all_decisions_and_no_mean_of_medians(stage: Any) -> None:
    decided(stage, 1, 1, 1, 1, 1)
    decided(stage, 9, agency=stage.other)
    found = screening_stats.screening(actor=stage.officer)
    medians = {f.agency_id: f.median for f in found.agencies}
    assert (medians[stage.own.id], medians[stage.other.id]) == (1, 9)
    assert found.total.median == 1


def test_a_period_begins_with_its_first_korean_day(stage: Any) -> None:
    first = clock.start_of(clock.today() - timedelta(days=6))
    for at in (first, first - timedelta(microseconds=1)):
        decided(stage, 1, decided_at=at)
    assert of(stage, days=7).total.decided == 1


def test_weeks_run_from_monday_and_have_gaps(stage: Any) -> None:
    decided(stage, 2, 4, decided_at=datetime(2020, 11, 15, 23, 59, tzinfo=clock.KST))
    decided(stage, 7, decided_at=datetime(2020, 11, 16, 0, tzinfo=clock.KST))
    weeks = of(stage).weeks
    assert len(weeks) == 8 and weeks[-1].monday == NOW.date()
    medians = [week.medians.get(stage.own.id) for week in weeks[-3:]]
    assert medians == [None, 3, 7]
    assert [week.decided.get(None, 0) for week in weeks[-3:]] == [0, 2, 1]
    wanted = Wanted(days=30, week=weeks[-2].monday)
    assert decision_reads.total(actor=stage.manager, wanted=wanted) == 2


def test_decisions_reasons_and_second_rounds_lead_to_the_same_rounds(stage: Any) -> None:
    decided(stage, 1, 2)
    decided(stage, 3, decision="reject", reason_codes=["tax_arrears"])
    decided(stage, 1, decision="hold", reason_codes=["clearance_expired", "address_differs"])
    decided(stage, 1, decision="hold", reason_codes=["clearance_expired"])
    decided(stage, 1, decision="hold")
    held = db.session.query(ScreeningRound).filter_by(decision="hold").order_by(ScreeningRound.id).first()
    assert held is not None
    arrive(db.session.get_one(Application, held.application_id), number=2)
    decided(stage, 5, number=2)
    decided(stage, 1, decision="hold", agency=stage.other, reason_codes=["address_differs"])
    found = of(stage)
    own = found.agencies[0]
    assert own.decisions == {"screen": 3, "hold": 3, "reject": 1}
    assert (own.held, own.handed_in, own.handed_in_percent) == (3, 1, 33)
    assert (own.decided_again, own.again_percent) == (1, 14)
    reasons = [(r.decision, r.code, r.number) for r in found.reasons]
    assert reasons[0] == ("hold", "clearance_expired", 2)
    assert set(reasons[1:]) == {
        ("hold", "address_differs", 1),
        ("hold", "", 1),
        ("reject", "tax_arrears", 1),
    }

    def listed(**asked: Any) -> int:
        wanted = Wanted(days=30, **asked)
        rows = decision_reads.rounds(actor=stage.manager, wanted=wanted, size=100)
        assert len(rows) == decision_reads.total(actor=stage.manager, wanted=wanted)
        return len(rows)

    assert listed() == own.decided == 7
    assert [listed(decision=kind) for kind in own.decisions] == [3, 3, 1]
    assert listed(decision="hold", code="clearance_expired") == 2
    assert listed(decision="hold", code=decision_reads.NO_CODE) == 1
    assert listed(decision="hold", handed_in=True) == 1
    assert listed(again=True) == 1


def test_a_return_is_counted_with_the_reason_of_the_lead_agency(stage: Any) -> None:
    """R-SCR-3, domain section 4: 반송."""
    application = case(stage)
    reviewer = make.make_actor(Role.REVIEWER, agency_id=stage.own.id)
    officer = make.make_actor(Role.BUDGET_OFFICER)
    db.session.commit()
    applications.screen(actor=reviewer, application_id=application.id)
    budget.send_back(actor=officer, application_id=application.id, reason="완납증명서 날짜를 다시 확인")
    found = of(stage)
    assert found.total.returned == 1
    (row,) = decision_reads.rounds(actor=stage.manager, wanted=Wanted(days=30, returned=True))
    assert (row.number, row.reasons, row.decision) == (2, "완납증명서 날짜를 다시 확인", "")
    # A second round after a hold is none.
    held = case(stage)
    db.session.commit()
    applications.hold(actor=reviewer, application_id=held.id, reason="주소를 고쳐 주세요")
    held.state = State.SCREENING
    arrive(held, number=2)
    assert of(stage).total.returned == 1


def test_load_is_of_those_who_work_here_in_the_order_of_their_names(stage: Any) -> None:
    b = make.make_account(Role.REVIEWER, agency_id=stage.own.id, name="나리뷰")
    a = make.make_account(Role.REVIEWER, agency_id=stage.own.id, name="가리뷰")
    gone = make.make_account(Role.REVIEWER, agency_id=stage.own.id, name="다퇴사", is_active=False)
    make.make_account(Role.REVIEWER, agency_id=stage.own.id, name="라퇴사", is_active=False)
    make.make_account(Role.REVIEWER, agency_id=stage.other.id, name="남의 심사원")
    case(stage, assigned_to_id=gone.id)
    case(stage, assigned_to_id=b.id)
    decided(stage, 1, 1, decided_by_id=a.id)
    decided(stage, 1, decided_by_id=a.id, days_ago=8)
    loads = {one.name: (one.open, one.decided_7) for one in of(stage).reviewers}
    assert [name for name in loads if not name.startswith("사람")] == ["가리뷰", "나리뷰", "다퇴사"]
    assert (loads["가리뷰"], loads["나리뷰"], loads["다퇴사"]) == ((0, 2), (1, 0), (1, 0))
    wanted = Wanted(days=7, account_id=a.id)
    assert decision_reads.total(actor=stage.manager, wanted=wanted) == 2


# --- whose numbers ------------------------------------------------------------------------------------


def test_another_agencys_numbers_never_appear(stage: Any) -> None:
    """R-ROLE-2, whatever the address asks for."""
    case(stage, agency=stage.other, submitted_at=NOW - timedelta(days=40))
    decided(stage, 5, agency=stage.other, decision="hold", reason_codes=["address_differs"])
    found = of(stage, agency_id=stage.other.id)
    assert [f.agency_id for f in found.agencies] == [stage.own.id]
    for figures in (*found.agencies, found.total):
        assert (figures.open, figures.over, figures.decided, figures.held, figures.median) == (
            0,
            0,
            0,
            0,
            None,
        )
    assert not found.reasons and not any(week.decided for week in found.weeks)
    wanted = Wanted(days=180, agency_id=stage.other.id)
    assert decision_reads.rounds(actor=stage.manager, wanted=wanted) == []


def test_the_lead_agency_sees_all_side_by_side_or_one(stage: Any) -> None:
    case(stage)
    case(stage, agency=stage.other)
    both = screening_stats.screening(actor=stage.officer)
    opened = {f.agency_id: f.open for f in both.agencies}
    assert (opened[stage.own.id], opened[stage.other.id]) == (1, 1)
    assert both.total.open == 2 and not both.reviewers
    one = screening_stats.screening(actor=stage.officer, agency_id=stage.other.id)
    assert [f.agency_id for f in one.agencies] == [stage.other.id]


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.FINANCE_OFFICER, Role.SYSTEM_ADMIN, Role.DEMAND])
def test_who_may_not_see_the_screenings_numbers_is_refused(role: Role, stage: Any) -> None:
    actor = make.make_actor(role)
    for read in (
        lambda: screening_stats.screening(actor=actor),
        lambda: decision_reads.rounds(actor=actor, wanted=Wanted(days=30)),
    ):
        with pytest.raises(Denied):
            read()


def test_as_many_queries_whatever_there_is_to_count(stage: Any) -> None:
    def queries() -> int:
        counted: list[str] = []
        listener = lambda *args: counted.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listener)
        of(stage)
        event.remove(db.engine, "before_cursor_execute", listener)
        return len(counted)

    few = queries()
    for back in range(20):
        case(stage, submitted_at=NOW - timedelta(days=back))
        decided(stage, back, days_ago=back)
        make.make_account(Role.REVIEWER, agency_id=stage.own.id)
        make.make_programme()
    assert queries() == few


# --- the pace that a company is told ------------------------------------------------------------------


def test_too_few_decisions_tell_no_median(stage: Any) -> None:
    """R-SCR-5: nothing is invented."""
    decided(stage, 1, 2, 3, 4)
    pace = waiting.pace(agency_id=stage.own.id)
    assert (pace.decisions, pace.median) == (4, None)
    decided(stage, 9)
    decided(stage, 50, days_ago=31)
    decided(stage, 50, agency=stage.other)
    pace = waiting.pace(agency_id=stage.own.id)
    assert (pace.decisions, pace.median) == (5, 3)
    decided(stage, 3)
    assert waiting.pace(agency_id=stage.own.id).median == 3
    decided(stage, 9, 9)
    assert waiting.pace(agency_id=stage.own.id).median == 3.5


def test_the_company_is_told_what_the_manager_sees(stage: Any) -> None:
    decided(stage, 0, 1, 1, 4, 6, 6, 7, 12)
    assert waiting.pace(agency_id=stage.own.id).median == of(stage).agencies[0].median_30 == 5


def test_the_pace_is_one_look_into_one_index(stage: Any) -> None:
    by_index_alone()
    asked = {"agency_id": stage.own.id, "since": waiting.since(30)}
    plan = db.session.execute(text(f"EXPLAIN {waiting._PACE.text}"), asked).scalars().all()
    assert any("Index Only Scan using ix_screening_round_decided" in line for line in plan), plan
