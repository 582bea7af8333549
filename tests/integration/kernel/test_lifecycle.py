"""The engine of the lifecycles: fire(), fire_many(), begin() and what they leave behind."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from app import clock
from app.db import db, transaction
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.applications import Application
from app.models.applications import ApplicationState as S
from app.models.people import Account
from app.policy import CLOCK, Permission, Role
from app.workflows import lifecycle, record
from tests import factories


def audit(key, entity="toy"):
    return db.session.execute(
        text("SELECT * FROM audit_row WHERE entity = :entity AND entity_id = :key ORDER BY seq"),
        {"entity": entity, "key": key},
    ).all()


def count(table):
    return db.session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


@pytest.fixture
def unchanged(application):
    """Denied also proves that nothing changed: neither the state nor a row of audit, notice or outbox."""
    before = application.state
    yield
    db.session.expire_all()
    assert db.session.get(Application, application.id).state is before
    assert [count(table) for table in ("audit_row", "notice", "outbox_message")] == [0, 0, 0]


def test_a_move_changes_state_and_fields_and_audits_before_and_after(toy, application, reviewer):
    """R-AUD-1: who, what, when, from where, before and after."""
    with clock.at(clock.start_of(clock.date(2020, 11, 16))):
        moved = lifecycle.fire(
            toy,
            application.id,
            "hold",
            actor=reviewer,
            reason=" 서류가 흐립니다. ",
            changes={"reason": "흐림"},
        )
    assert moved is application and (moved.state, moved.reason) == (S.ON_HOLD, "흐림")
    (row,) = audit(application.id)
    assert row.change == {"state": ["screening", "on_hold"], "reason": [None, "흐림"]}
    assert (row.seq, row.action, row.reason) == (1, "hold", "서류가 흐립니다.")
    assert (row.actor_id, row.actor_name, row.ip) == (101, "심사원", "10.0.0.7")
    assert row.at.astimezone(clock.KST).isoformat() == "2020-11-16T00:00:00+09:00"
    assert row.recorded_at.year >= 2025


def test_a_field_that_stays_the_same_is_not_audited(toy, application, reviewer):
    application.reason = "그대로"
    lifecycle.fire(toy, application.id, "confirm", actor=reviewer, changes={"reason": "그대로"})
    assert audit(application.id)[0].change == {"state": ["screening", "screened"]}


def test_personal_data_is_masked_in_the_trail(toy, application, reviewer):
    """R-AUD-1: what is encrypted at rest must not stand in the clear beside its table."""
    columns = replace(toy, model=Account)
    account = factories.make_account(Role.AUDITOR, phone="01012345678")
    change = lifecycle._change(
        columns, {"phone": account.phone, "name": "가"}, {"phone": "02123", "name": "나"}
    )
    assert change == {"phone": ("*******5678", "****2123"), "name": ("가", "나")}
    assert lifecycle._change(columns, {"phone": None}, {"phone": "123"}) == {"phone": (None, "****")}


def test_a_move_tells_once_in_the_platform_and_once_outside(toy, application, reviewer):
    """R-MSG-1"""
    lifecycle.fire(toy, application.id, "hold", actor=reviewer, reason="흐림", name="홍길동")
    notice = db.session.execute(text("SELECT * FROM notice")).one()
    message = db.session.execute(text("SELECT * FROM outbox_message")).one()
    assert notice.text == "보류되었습니다. 사유: 흐림 홍길동"
    assert (notice.company_id, notice.supplier_id, notice.link) == (application.company_id, None, "/status")
    assert message.key == notice.key == f"toy:{application.id}:1:company"
    assert (message.kind, message.payload["company_id"]) == ("sms", application.company_id)
    assert message.payload["text"] == notice.text


def test_braces_in_a_reason_are_only_text(toy, application, reviewer):
    lifecycle.fire(toy, application.id, "hold", actor=reviewer, reason="{name} {0} {reason.__class__}")
    assert "{name} {0} {reason.__class__}" in db.session.execute(text("SELECT text FROM notice")).scalar_one()


def test_an_unknown_action_is_a_bug_and_no_refusal(toy, application, reviewer, unchanged):
    with pytest.raises(LookupError, match="toy knows no action fly"):
        lifecycle.fire(toy, application.id, "fly", actor=reviewer)


def test_another_state_is_refused_with_both_states_in_korean(toy, application, officer, unchanged):
    with pytest.raises(Conflict) as refused:
        lifecycle.fire(toy, application.id, "approve", actor=officer)
    assert refused.value.code == "toy.approve.state"
    for word in ("'심사중'", "'예산확정'", "'심사확정' 상태에서만"):
        assert word in refused.value.text


def test_no_such_record_is_not_found(toy, application, reviewer, unchanged):
    with pytest.raises(NotFound):
        lifecycle.fire(toy, application.id + 1, "confirm", actor=reviewer)


def test_anothers_record_is_not_found(toy, application, reviewer, unchanged):
    """R-ROLE-2: the two are told apart by nobody."""
    with pytest.raises(NotFound):
        lifecycle.fire(
            toy, application.id, "confirm", actor=replace(reviewer, agency_id=reviewer.agency_id + 1)
        )


def test_without_permission_it_is_denied_whatever_the_state(toy, application, applicant, unchanged):
    for action in ("hold", "confirm", "approve"):
        with pytest.raises(Denied):
            lifecycle.fire(toy, application.id, action, actor=applicant, reason="사유")


def test_the_person_of_the_earlier_step_is_denied(toy, application, reviewer, officer):
    """R-ROLE-4"""
    with transaction():
        account = factories.make_account(Role.BUDGET_OFFICER)
        application.state, application.screened_by_id = S.SCREENED, account.id
    with pytest.raises(Denied) as refused:
        lifecycle.fire(toy, application.id, "approve", actor=account.actor())
    assert refused.value.code == "same_person"
    db.session.refresh(application)
    assert application.state is S.SCREENED and not audit(application.id)
    lifecycle.fire(toy, application.id, "approve", actor=officer)


@pytest.mark.parametrize("reason", [None, "", " \n\t "])
def test_a_missing_reason_is_refused_at_its_field(toy, application, reviewer, unchanged, reason):
    with pytest.raises(InvalidInput) as refused:
        lifecycle.fire(toy, application.id, "hold", actor=reviewer, reason=reason)
    assert refused.value.fields == {"reason": "사유를 입력해 주세요."}


def test_begin_audits_the_first_state_and_refuses_another(toy, tx, reviewer):
    company = factories.make_company()
    new = factories.Application(
        receipt_number="T-toy",
        programme_id=company.programme_id,
        company_id=company.id,
        agency_id=company.agency_id,
        created_at=clock.now(),
        state=S.APPROVED,
    )
    with pytest.raises(ValueError, match="does not begin as"):
        lifecycle.begin(toy, new, actor=reviewer)
    new.state = S.SCREENING
    lifecycle.begin(toy, new, actor=reviewer, reason="접수")
    (row,) = audit(new.id)
    assert (row.action, row.reason, row.change) == ("begin", "접수", {"state": [None, "screening"]})


def test_open_to_lists_what_this_person_may_press_now(toy, application, reviewer, officer, applicant):
    """The buttons come from the table."""

    def actions(actor):
        return [edge.action for edge in toy.open_to(actor, application)]

    assert actions(reviewer) == ["hold", "confirm"]
    assert actions(officer) == actions(applicant) == []
    assert actions(replace(reviewer, agency_id=reviewer.agency_id + 1)) == []
    application.state = S.SCREENED
    assert actions(officer) == ["approve"]
    application.screened_by_id = officer.id
    assert actions(officer) == []


def test_open_to_shows_the_clock_its_edges_though_it_is_no_person(toy, application):
    edge = replace(toy.edges[0], permission=Permission.CLOCKWORK, other_than=("screened_by_id",))
    assert replace(toy, edges=(edge,)).open_to(CLOCK, application) == [edge]


def make_many(agency_id, states):
    company = factories.make_company(agency_id=agency_id)
    return [
        factories.make_application(
            company=factories.make_company(agency_id=agency_id, programme_id=company.programme_id),
            state=state,
        )
        for state in states
    ]


def test_fire_many_moves_only_what_fits(toy, application, reviewer):
    """Not another state, not another agency's (R-ROLE-2), not outside `also`, not what was not named."""
    fits, held, other_state, excluded, unnamed = make_many(
        reviewer.agency_id, [S.SCREENING, S.SCREENING, S.SCREENED, S.SCREENING, S.SCREENING]
    )
    (foreign,) = make_many(factories.make_agency().id, [S.SCREENING])
    held.reason = "옛 사유"
    excluded.receipt_number = "excluded"
    table = toy.model.__table__
    moved = lifecycle.fire_many(
        toy,
        [fits.id, held.id, other_state.id, excluded.id, foreign.id, 10**9],
        "hold",
        actor=reviewer,
        source=S.SCREENING,
        reason="일괄 보류",
        changes={"reason": "일괄"},
        also=[table.c.receipt_number != "excluded"],
    )
    assert moved == [fits.id, held.id]
    assert [r.state for r in (fits, held)] == [S.ON_HOLD, S.ON_HOLD]
    assert {r.state for r in (excluded, unnamed, foreign, application)} == {S.SCREENING}
    assert audit(fits.id)[0].change == {"state": ["screening", "on_hold"], "reason": [None, "일괄"]}
    assert audit(held.id)[0].change == {"state": ["screening", "on_hold"], "reason": ["옛 사유", "일괄"]}
    assert [count(t) for t in ("audit_row", "notice", "outbox_message")] == [2, 2, 2]
    assert record.verify() == []


def test_fire_many_again_moves_nothing_and_tells_nobody(toy, application, reviewer):
    """R-SCR-3c: running it again does nothing twice."""
    again = {"actor": reviewer, "source": S.SCREENING, "reason": "보류"}
    assert lifecycle.fire_many(toy, [application.id], "hold", **again) == [application.id]
    assert lifecycle.fire_many(toy, [application.id], "hold", **again) == []
    assert [count(t) for t in ("audit_row", "notice", "outbox_message")] == [1, 1, 1]


def test_fire_many_leaves_out_what_the_same_person_screened(toy, application):
    """R-ROLE-4, also in bulk."""
    officer = factories.make_account(Role.BUDGET_OFFICER)
    mine, others, nobodys = make_many(application.agency_id, [S.SCREENED] * 3)
    mine.screened_by_id, others.screened_by_id = officer.id, factories.make_account(Role.REVIEWER).id
    keys = [mine.id, others.id, nobodys.id]
    moved = lifecycle.fire_many(toy, keys, "approve", actor=officer.actor(), source=S.SCREENED)
    assert moved == [others.id, nobodys.id]


def test_fire_many_asks_for_permission_reason_and_an_edge(toy, application, reviewer, applicant, unchanged):
    keys = [application.id]
    with pytest.raises(Denied):
        lifecycle.fire_many(toy, keys, "hold", actor=applicant, source=S.SCREENING, reason="사유")
    with pytest.raises(InvalidInput):
        lifecycle.fire_many(toy, keys, "hold", actor=reviewer, source=S.SCREENING)
    with pytest.raises(Conflict):
        lifecycle.fire_many(toy, keys, "hold", actor=reviewer, source=S.SCREENED, reason="사유")


def test_fire_many_is_nobodys_without_a_side(toy, application, reviewer, unchanged):
    """R-ROLE-2: an actor without an agency owns nothing, in bulk as singly."""
    nobody = replace(reviewer, agency_id=None)
    assert lifecycle.fire_many(toy, [application.id], "confirm", actor=nobody, source=S.SCREENING) == []


def test_fire_many_keeps_what_was_pending_in_the_session(toy, application, reviewer):
    """It works past the ORM and forgets the session's rows: a change made before must be written first."""
    company = application.company
    company.name = "바뀐 상호"
    lifecycle.fire_many(toy, [application.id], "confirm", actor=reviewer, source=S.SCREENING)
    assert company.name == "바뀐 상호"


def test_fire_many_takes_the_same_number_of_statements_for_many(toy, application, reviewer, statements):
    few = make_many(reviewer.agency_id, [S.SCREENING] * 2)
    many = make_many(reviewer.agency_id, [S.SCREENING] * 40)
    counts = []
    for rows in (few, many):
        keys = [row.id for row in rows]
        with transaction(), statements() as seen:
            lifecycle.fire_many(toy, keys, "hold", actor=reviewer, source=S.SCREENING, reason="보류")
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 6
