"""What a reviewer decides by: ticks, look-alikes, what changed, who else looks on (R-SCR-3 to 3b)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, InvalidInput, NotFound
from app.models.applications import Application, CaseView, ScreeningCheck
from app.models.applications import ApplicationState as State
from app.models.companies import DocumentKind, VerifiedAs
from app.policy import Actor, Role
from app.workflows import (
    applications,
    case_corrections,
    case_reads,
    company_edits,
    presence,
    rounds,
    screening_checks,
    screening_points,
)
from tests import factories
from tests.integration.workflows import joining

pytestmark = pytest.mark.usefixtures("tx")
NOW = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)
HOUR = timedelta(hours=1)


@pytest.fixture
def stage(tx: object) -> joining.Stage:
    return joining.set_stage(vouchers=0, year=2020)


def applied(stage: joining.Stage, state: State = State.SCREENING, **fields: Any) -> Application:
    programme_id = fields.pop("programme_id", stage.programme.id)
    company = factories.make_company(
        programme_id=programme_id, agency_id=fields.pop("agency_id", stage.agency.id), **fields
    )
    application = factories.make_application(company=company, state=state)
    db.session.commit()
    return application


def person_of(application: Application) -> Actor:
    application.company.tax_office_state = "계속사업자"
    found = factories.make_actor(Role.DEMAND, company_id=application.company_id)
    db.session.commit()
    return found


def case(stage: joining.Stage, application: Application) -> case_reads.Case:
    return case_reads.case(actor=stage.reviewer, application_id=application.id)


def point(application: Application, kind: DocumentKind, code: str) -> str:
    [document] = [one for one in application.company.documents if one.kind is kind and not one.replaced_at]
    return screening_points.item(document.id, code)


# --- ticks ------------------------------------------------------------------------------------------


def test_a_tick_has_three_states_and_keeps_who_and_when(stage: joining.Stage) -> None:
    application = applied(stage)
    expired = point(application, DocumentKind.TAX_CLEARANCE, "valid")
    tick = {"actor": stage.reviewer, "application_id": application.id}
    with clock.at(NOW):
        screening_checks.tick(**tick, fits={"name": True, "address": False, expired: False})  # type: ignore[arg-type]
    with clock.at(NOW + HOUR):
        screening_checks.tick(**tick, fits={"name": True, "address": None})  # type: ignore[arg-type]
    shown = case(stage, application)
    assert shown.ticks == {"name": True, expired: False}
    assert case_reads.crosses(shown) == ["국세·지방세 완납증명서: 유효기간이 지나지 않음"]
    kept = db.session.get_one(ScreeningCheck, (application.id, "name"))
    assert (kept.by_id, kept.at) == (stage.reviewer.id, NOW)
    progress = case_reads.progress(actor=stage.reviewer, application_id=application.id)
    assert (progress.checked, progress.crossed) == (2, 1)


@pytest.mark.parametrize("item", ["state", "document-999999999:valid", "document-1"])
def test_nothing_else_can_be_ticked(item: str, stage: joining.Stage) -> None:
    application = applied(stage)
    with pytest.raises(InvalidInput, match="screening.item"):
        screening_checks.tick(actor=stage.reviewer, application_id=application.id, fits={item: True})
    assert db.session.scalars(select(ScreeningCheck)).all() == []


def test_what_is_decided_is_ticked_no_more(stage: joining.Stage) -> None:
    application = applied(stage, State.SCREENED)
    with pytest.raises(Conflict, match="screening.decided"):
        screening_checks.tick(actor=stage.reviewer, application_id=application.id, fits={"name": True})


def test_a_correction_takes_back_the_ticks_that_it_touches_and_no_other(stage: joining.Stage) -> None:
    """R-SCR-3a"""
    application = applied(stage)
    person = person_of(application)
    kinds = (DocumentKind.BUSINESS_REGISTRATION, DocumentKind.TAX_CLEARANCE)
    kept, lost = point(application, kinds[0], "name"), point(application, kinds[1], "valid")
    fits = {"name": True, "address": False, kept: True, lost: False}
    with clock.at(NOW):
        screening_checks.tick(actor=stage.reviewer, application_id=application.id, fits=fits)
        applications.hold(actor=stage.reviewer, application_id=application.id, reason="주소가 다릅니다.")
    with clock.at(NOW + HOUR):
        company_edits.edit(actor=person, changes={"address": "부산광역시 중구 중앙대로 1"})
        content = {"file_name": "새 완납증명서.png", "content": joining.PNG}
        company_edits.replace_document(actor=person, kind=kinds[1], **content)
        applications.resubmit(actor=person)
    shown = case(stage, application)
    items = screening_points.labels(shown.company, shown.documents)
    assert {item: fit for item, fit in shown.ticks.items() if item in items} == {"name": True, kept: True}


def test_every_kind_of_document_has_its_points() -> None:
    """R-JOIN-2, R-JOIN-5"""
    assert set(screening_points.POINTS) == set(DocumentKind)
    for points in screening_points.POINTS.values():
        codes = [one.code for one in points]
        assert codes and len(codes) == len(set(codes)) <= 9  # one key each


def test_crosses_suggest_reasons_and_marks(stage: joining.Stage) -> None:
    """R-SCR-3a"""
    application = applied(stage)
    old = point(application, DocumentKind.CORPORATE_REGISTER, "issued_within_3m")
    ticks = {"contact_phone": False, "name": True, old: False}
    shown = case(stage, application)
    suggested = screening_points.suggest(ticks, shown.company, shown.documents)
    assert suggested.codes == ["contact_unreachable", "register_old"]
    assert suggested.marks == ["contact_phone", "corporate_register"]


# --- look-alikes ------------------------------------------------------------------------------------


def test_each_likeness_says_what_is_alike(stage: joining.Stage) -> None:
    """R-SCR-3: person, phone, address, number of another year; not the domain of an e-mail address."""
    earlier = factories.make_programme(year=2019)
    mine = applied(
        stage,
        representative="김한결",
        representative_ci_index=b"ci-1",
        phone_index=b"phone-1",
        address="서울특별시 중구 세종대로 110, 2층",
        email="a@hanmail.net",
    )
    number = mine.company.business_number
    every_way = applied(
        stage,
        programme_id=earlier.id,
        business_number=number,
        representative="김한결",
        representative_ci_index=b"ci-1",
        phone_index=b"phone-1",
        address="서울특별시 중구 세종대로 110 2층",
    )
    by_name = applied(stage, representative="김한결")
    neighbour = applied(stage, address="서울특별시 중구 세종대로 110 2층")
    applied(stage, email="b@hanmail.net")
    applied(stage, representative="김한결", representative_ci_index=b"ci-of-a-namesake")
    found = {row.application_id: row.why for row in case(stage, mine).lookalikes}
    assert found == {
        every_way.id: ["같은 사업자번호(이전 사업)", "대표자 동일인(본인인증)", "휴대전화", "주소"],
        by_name.id: ["대표자 이름"],
        neighbour.id: ["주소"],
    }
    first = case(stage, mine).lookalikes[0]
    assert (first.application_id, first.year) == (every_way.id, 2019)


def test_an_empty_address_is_like_no_other(stage: joining.Stage) -> None:
    mine = applied(stage, address="-")
    applied(stage, address="")
    assert case(stage, mine).lookalikes == []


def test_of_another_agencys_company_it_says_no_more_than_that(stage: joining.Stage) -> None:
    """R-ROLE-2"""
    mine = applied(stage, representative="김한결")
    applied(stage, representative="김한결", agency_id=factories.make_agency(name="다른 기관").id)
    [row] = case(stage, mine).lookalikes
    assert (row.application_id, row.company, row.agency) == (None, "다른 운영기관의 기업", "다른 기관")


# --- what changed since a hold ------------------------------------------------------------------------


def held(stage: joining.Stage, **fields: Any) -> tuple[Application, Actor]:
    with clock.at(NOW - HOUR):
        application = applied(stage, address="서울", **fields)
    person = person_of(application)
    with clock.at(NOW):
        rounds.enter([application.id])
        applications.hold(
            actor=stage.reviewer,
            application_id=application.id,
            reason="서류를 확인할 수 없습니다.",
            codes=["clearance_expired"],
            marks=["address", "tax_clearance", "contact_phone"],
        )
    return application, person


def test_what_changed_comes_first_with_what_was_not_touched(stage: joining.Stage) -> None:
    """R-SCR-3a"""
    application, person = held(stage)
    with clock.at(NOW + HOUR):
        company_edits.edit(actor=person, changes={"industry": "교육", "address": "부산"})
        company_edits.edit(actor=person, changes={"address": "부산광역시 중구"})
        content = {"file_name": "새 완납증명서.png", "content": joining.PNG}
        company_edits.replace_document(actor=person, kind=DocumentKind.TAX_CLEARANCE, **content)
        applications.resubmit(actor=person)
    correction = case(stage, application).correction
    assert correction is not None and correction.since == NOW
    found = [(one.label, one.before, one.after, one.marked) for one in correction.changes]
    assert found == [
        ("주소", "서울", "부산광역시 중구", True),
        ("국세·지방세 완납증명서", "국세·지방세 완납증명서.pdf", "새 완납증명서.png", True),
        ("업종", "", "교육", False),
    ]
    paper = next(one for one in correction.changes if one.document)
    assert paper.earlier is not None and paper.earlier.replaced_at is not None
    assert correction.untouched == ["담당자 휴대전화"]


def test_changed_and_changed_back_is_no_change(stage: joining.Stage) -> None:
    application, person = held(stage)
    with clock.at(NOW + HOUR):
        company_edits.edit(actor=person, changes={"address": "부산"})
        company_edits.edit(actor=person, changes={"address": "서울"})
    correction = case_corrections.own_correction(actor=person)
    assert correction is not None and correction.changes == []
    assert correction.untouched == ["주소", "국세·지방세 완납증명서", "담당자 휴대전화"]


def test_a_number_that_looks_alike_when_masked_was_changed_all_the_same(stage: joining.Stage) -> None:
    """R-AUD-1: the trail keeps 010-****-5678 of both."""
    application, person = held(stage, contact_phone="01011115678")
    with clock.at(NOW + HOUR):
        company_edits.edit(actor=person, changes={"contact_phone": "01022225678"})
    correction = case_corrections.own_correction(actor=person)
    assert correction is not None and [one.item for one in correction.changes] == ["contact_phone"]


def test_a_document_that_was_missing_has_none_before_it(stage: joining.Stage) -> None:
    application, person = held(stage, verified_as=VerifiedAs.STAFF)
    extra = DocumentKind.PRIORITY_CERTIFICATE
    with clock.at(NOW + HOUR):
        for name in ("first.png", "second.png"):
            company_edits.replace_document(actor=person, kind=extra, file_name=name, content=joining.PNG)
        applications.resubmit(actor=person)
    correction = case(stage, application).correction
    assert correction is not None
    [change] = [one for one in correction.changes if one.item == extra.value]
    assert (change.before, change.earlier, change.after) == (None, None, "second.png")


def test_without_a_hold_nothing_was_corrected(stage: joining.Stage) -> None:
    application = applied(stage)
    assert case(stage, application).correction is None
    assert case_corrections.own_correction(actor=person_of(application)) is None


def test_the_earlier_rounds_stand_beside_the_case(stage: joining.Stage) -> None:
    application, person = held(stage)
    with clock.at(NOW + timedelta(days=2)):
        applications.resubmit(actor=person)
    now, before = case(stage, application).rounds
    assert (now.number, now.decision, before.decision, before.who) == (2, "", "보류", stage.reviewer.name)
    assert before.reasons == ["국세·지방세 완납증명서의 유효기간이 지났습니다."]


# --- who else looks on --------------------------------------------------------------------------------


def test_who_has_a_case_open_is_told_to_the_others(
    stage: joining.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-SCR-3b: in real time; after three beats without a sign of life one is gone."""
    application, other = applied(stage), applied(stage)
    colleague = factories.make_account(Role.REVIEWER, agency_id=stage.agency.id, name="한심사").actor()
    db.session.commit()
    seen = {"actor": colleague, "application_id": application.id}
    assert presence.seen(**seen) == []  # type: ignore[arg-type]
    assert presence.seen(**seen) == []  # type: ignore[arg-type]
    assert presence.seen(actor=stage.reviewer, application_id=application.id) == ["한심사"]
    ids = [application.id, other.id]
    assert presence.viewers(ids, apart_from=stage.reviewer) == {application.id: ["한심사"]}
    assert presence.viewers([], apart_from=stage.reviewer) == {}
    assert case(stage, application).viewers == ["한심사"]
    moment = clock.real_now()
    for passed, names in ((44, ["한심사"]), (46, [])):
        monkeypatch.setattr(clock, "real_now", lambda passed=passed: moment + timedelta(seconds=passed))
        assert presence.others(actor=stage.reviewer, application_id=application.id) == names


def test_what_is_a_day_old_is_forgotten_by_whoever_writes(
    stage: joining.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, fresh = applied(stage), applied(stage)
    presence.seen(actor=stage.reviewer, application_id=old.id)
    later = clock.real_now() + timedelta(hours=25)
    monkeypatch.setattr(clock, "real_now", lambda: later)
    presence.seen(actor=stage.reviewer, application_id=fresh.id)
    assert db.session.scalars(select(CaseView.application_id)).all() == [fresh.id]


def test_nobody_looks_on_at_another_agencys_case(stage: joining.Stage) -> None:
    """R-ROLE-2"""
    application, stranger = applied(stage), factories.make_actor(Role.REVIEWER)
    db.session.commit()
    for id in (application.id, 999_999_999):
        with pytest.raises(NotFound):
            presence.seen(actor=stranger, application_id=id)


def test_the_neighbours_follow_the_queues_order(stage: joining.Stage) -> None:
    with clock.at(NOW):
        made = [applied(stage) for _ in range(3)]
        foreign = applied(stage, agency_id=factories.make_agency().id)
        for place, one in enumerate([*made[::-1], foreign]):
            one.submitted_at = NOW - timedelta(days=9 - place)
        db.session.commit()
    found = case_reads.neighbours(actor=stage.reviewer, application=made[1])
    assert (found.before, found.after) == (made[2].id, made[0].id)
    last = case_reads.neighbours(actor=stage.reviewer, application=made[0])
    assert (last.before, last.after) == (made[1].id, None)
