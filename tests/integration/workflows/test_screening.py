"""Applications through screening and budget, edits on the way, and what reviewer and company see."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.companies import CompanyKind, Document, DocumentKind
from app.models.ledger import LedgerAccount
from app.models.numbers import complete_business_number
from app.models.record import AuditRow, Notice
from app.models.vouchers import InstrumentKind
from app.policy import Actor, Role
from app.workflows import (
    applications,
    applications_reads,
    assignments,
    attachments,
    budget,
    budget_overview,
    case_reads,
    company_edits,
    instruments,
    ledger,
    queue_reads,
    record,
)
from app.workflows.applications import APPLICATION
from tests import factories
from tests.integration.workflows import joining

pytestmark = pytest.mark.usefixtures("tx")
NOW = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)


@pytest.fixture
def stage(tx: object) -> joining.Stage:
    return joining.set_stage(vouchers=2, year=2020)


def applied(
    stage: joining.Stage, state: State = State.SCREENING, papers: bool = True, **fields: object
) -> tuple[Application, Actor]:
    """An application of the stage's agency, and its company's person."""
    company = factories.make_company(
        programme_id=stage.programme.id, agency_id=stage.agency.id, address="서울", industry="소프트웨어",
        contact_name="담당", **fields,
    )  # fmt: skip
    application = factories.make_application(company=company, state=state, papers=papers)
    person = factories.make_actor(Role.DEMAND, company_id=company.id)
    db.session.commit()
    return application, person


def test_from_screening_to_the_voucher(stage: joining.Stage) -> None:
    """R-SCR-4, R-TIME-5, R-MONEY-2"""
    application, person = applied(stage)
    with clock.at(NOW):
        applications.screen(actor=stage.reviewer, application_id=application.id)
        voucher = budget.confirm_one(actor=stage.officer, application_id=application.id)
    assert application.state is State.APPROVED
    assert (application.screened_by_id, application.approved_by_id) == (stage.reviewer.id, stage.officer.id)
    assert (voucher.granted_grant, voucher.granted_share) == (3_600_000, 400_000)
    assert clock.write_deadline(voucher.first_payment_by) == "2020.12.16.(수) 24:00까지"
    assert clock.write_deadline(voucher.full_use_by) == "2021.07.16.(금) 24:00까지"
    assert voucher.due_at == voucher.first_payment_by
    assert ledger.balance(LedgerAccount.PLEDGE, application.company_id) == -400_000
    told = db.session.scalars(select(Notice.text).where(Notice.company_id == person.company_id)).all()
    assert any("심사확정" in text for text in told) and any("승인" in text for text in told)
    assert ledger.verify() == [] and record.verify() == []


def test_hold_names_what_to_mend_and_the_company_hands_it_in_again(stage: joining.Stage) -> None:
    """R-SCR-3a, R-SCR-2"""
    application, person = applied(stage)
    with pytest.raises(InvalidInput, match="reason_missing"):
        applications.hold(actor=stage.reviewer, application_id=application.id, reason=" ")
    with pytest.raises(Conflict, match="company.locked_state"):
        company_edits.edit(actor=person, changes={"address": "부산"})
    applications.hold(
        actor=stage.reviewer, application_id=application.id, reason="주소가 다릅니다.", marks=["address"]
    )
    assert (application.reason, application.marks) == ("주소가 다릅니다.", ["address"])
    company_edits.edit(actor=person, changes={"address": "부산광역시 중구", "contact_phone": "010-9876-5432"})
    applications.resubmit(actor=person)
    assert application.state is State.SCREENING
    shown = case_reads.case(actor=stage.reviewer, application_id=application.id)
    assert {(e.label, e.before, e.after) for e in shown.edits} >= {("주소", "서울", "부산광역시 중구")}
    phones = next(e for e in shown.edits if e.field == "contact_phone")
    assert phones.after == "010-****-5432" and phones.who == person.name
    assert [h.action for h in shown.history][:2] == ["resubmit", "hold"]


def test_a_number_mended_on_hold_is_asked_for_anew(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-4: what the tax office said of the old number says nothing of the new one."""
    application, person = applied(stage)
    applications.hold(actor=stage.reviewer, application_id=application.id, reason="번호가 다릅니다.")
    company = application.company
    company.tax_office_state, company.tax_office_asked_at = "계속사업자", NOW
    db.session.commit()
    company_edits.edit(actor=person, changes={"business_number": complete_business_number("310000077")})
    assert (company.tax_office_state, company.tax_office_asked_at) == (None, None)
    applications.resubmit(actor=person)
    assert application.state is State.SCREENING
    assert company.tax_office_state == "계속사업자" and company.tax_office_asked_at is not None


def test_after_approval_number_and_kind_are_fixed_and_some_edits_are_flagged(stage: joining.Stage) -> None:
    """R-SCR-2"""
    application, person = applied(stage, State.SCREENED)
    with pytest.raises(InvalidInput, match="company.fixed_field"):
        company_edits.edit(actor=person, changes={"kind": CompanyKind.SOLE})
    company_edits.edit(actor=person, changes={"industry": "교육"})
    assert application.flagged_at is None
    company_edits.edit(actor=person, changes={"representative": "새대표"})
    assert application.flagged_at is not None
    applications.clear_flag(actor=stage.reviewer, application_id=application.id)
    assert application.flagged_at is None
    company_edits.replace_document(
        actor=person, kind=DocumentKind.TAX_CLEARANCE, file_name="완납증명서.png", content=joining.PNG
    )
    assert application.flagged_at is not None
    entries = company_edits.edits(actor=person, company_id=application.company_id)
    assert entries[0].after == "국세·지방세 완납증명서: 완납증명서.png"


def test_wrong_values_are_named_by_field(stage: joining.Stage) -> None:
    """R-SCR-2"""
    _, person = applied(stage, State.NOT_APPLIED)
    with pytest.raises(InvalidInput) as refusal:
        company_edits.edit(
            actor=person,
            changes={"email": "없음", "contact_phone": "02-1", "name": "", "address": "가" * 201},
        )
    assert set(refusal.value.fields) == {"email", "contact_phone", "name", "address"}


def test_rejection_is_final_and_told_with_its_reason(stage: joining.Stage) -> None:
    """R-JOIN-6, R-SCR-1"""
    application, person = applied(stage)
    applications.reject(actor=stage.reviewer, application_id=application.id, reason="제외 업종입니다.")
    seen = applications_reads.status(actor=person)
    assert (seen.application.reason, seen.history[0].who) == ("제외 업종입니다.", "운영기관")
    assert seen.edges == [] and not [e for e in APPLICATION.edges if e.source is State.REJECTED]


@pytest.mark.parametrize("edge", APPLICATION.edges, ids=lambda e: f"{e.action}-{e.source.value}")
def test_each_move_is_refused_from_every_other_state(stage: joining.Stage, edge: object) -> None:
    """Each refusal names the present state, in Korean."""
    sources = {e.source for e in APPLICATION.of(edge.action)}  # type: ignore[attr-defined]
    for state in set(State) - sources:
        with pytest.raises(Conflict, match=f"application.{edge.action}.state") as refusal:  # type: ignore[attr-defined]
            APPLICATION.pick(edge.action, state)  # type: ignore[attr-defined]
        assert state.label in refusal.value.text


def test_another_agency_sees_and_decides_nothing(stage: joining.Stage) -> None:
    """R-ROLE-2"""
    application, _ = applied(stage)
    stranger = factories.make_actor(Role.REVIEWER)
    db.session.commit()
    with pytest.raises(NotFound):
        applications.screen(actor=stranger, application_id=application.id)
    with pytest.raises(NotFound):
        case_reads.case(actor=stranger, application_id=application.id)
    assert queue_reads.queue(actor=stranger) == []
    with pytest.raises(Denied):
        applications.screen_many(actor=stranger, application_ids=[application.id])
    manager = factories.make_actor(Role.MANAGER)
    db.session.commit()
    assert applications.screen_many(actor=manager, application_ids=[application.id]) == []
    with pytest.raises(Denied):
        applications.screen(actor=stage.officer, application_id=application.id)


def test_nobody_confirms_what_they_screened(stage: joining.Stage) -> None:
    """R-ROLE-4"""
    application, _ = applied(stage, State.SCREENED)
    application.screened_by_id = stage.officer.id
    db.session.commit()
    with pytest.raises(Denied, match="same_person"):
        budget.confirm_one(actor=stage.officer, application_id=application.id)
    assert budget.confirm(actor=stage.officer, application_ids=[application.id]).same_person == [
        application.id
    ]
    with pytest.raises(Denied, match="same_person"):
        budget.send_back(actor=stage.officer, application_id=application.id, reason="다시")
    assert application.state is State.SCREENED


def test_when_the_budget_ends_the_rest_waits_in_order(stage: joining.Stage) -> None:
    """R-SCR-4, R-MONEY-4"""
    made = [applied(stage, State.SCREENED)[0] for _ in range(4)]
    for n, application in enumerate(made):
        application.submitted_at = NOW - clock.timedelta(hours=n)
    db.session.commit()
    keys = [a.id for a in made]
    result = budget.confirm(actor=stage.officer, application_ids=[*keys, 999_999])
    assert (result.done, result.no_budget) == ([keys[3], keys[2]], [keys[1], keys[0]])
    assert result.other_state == [999_999]
    with pytest.raises(Conflict, match="budget.used_up"):
        budget.confirm_one(actor=stage.officer, application_id=keys[0])
    assert budget.confirm(actor=stage.officer, application_ids=keys).done == []
    row = budget_overview.overview(actor=stage.officer, programme_id=stage.programme.id)[0]
    assert (row.allocated, row.committed, row.free, row.waiting) == (7_200_000, 7_200_000, 0, 2)
    assert ledger.verify() == []


def test_an_allocation_is_entered_once_and_not_beyond_the_programme(stage: joining.Stage) -> None:
    """R-MONEY-3, R-MONEY-4"""
    allocate = {"actor": stage.officer, "programme_id": stage.programme.id, "agency_id": stage.agency.id}
    budget.allocate(**allocate, amount=7_200_000, key="first")  # type: ignore[arg-type]
    assert ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id) == 7_200_000
    with pytest.raises(ledger.Overdrawn):
        budget.allocate(**allocate, amount=1, key="second")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="budget.amount"):
        budget.allocate(**allocate, amount=0, key="third")  # type: ignore[arg-type]


def test_sent_back_it_is_screened_anew(stage: joining.Stage) -> None:
    """Domain section 4, 반송"""
    application, _ = applied(stage)
    applications.screen(actor=stage.reviewer, application_id=application.id)
    budget.send_back(actor=stage.officer, application_id=application.id, reason="서류가 다릅니다.")
    assert (application.state, application.screened_by_id) == (State.SCREENING, None)
    assert application.reason == "서류가 다릅니다."


def test_the_queue_is_oldest_first_by_keyset_with_filters(stage: joining.Stage) -> None:
    """R-SCR-3"""
    with clock.at(NOW):
        made = [applied(stage, name=f"가나다{n}")[0] for n in range(3)]
        for n, application in enumerate(made):
            application.submitted_at = NOW - clock.timedelta(days=7 - n)
        made[1].company.representative = "유일한"
        db.session.commit()
        first = queue_reads.queue(actor=stage.reviewer, size=2)
        assert [r.application.id for r in first] == [made[0].id, made[1].id]
        assert first[0].waiting_days == 5
        rest = queue_reads.queue(actor=stage.reviewer, size=2, after=made[1].id)
        assert [r.application.id for r in rest] == [made[2].id]
        number = made[2].company.business_number
        for search, expected in (
            ("유일한", made[1]),
            (f"{number[:3]}-{number[3:5]}", made[2]),
            ("가나다0", made[0]),
        ):
            found = queue_reads.queue(actor=stage.reviewer, search=search)
            assert expected.id in [r.application.id for r in found]
        assert queue_reads.queue(actor=stage.reviewer, search="100%") == []
        assert queue_reads.total(actor=stage.reviewer) == 3
        assert queue_reads.counts(actor=stage.officer)[State.SCREENING] == 3


def test_a_case_is_taken_and_assigned(stage: joining.Stage) -> None:
    """R-SCR-3b"""
    application, _ = applied(stage)
    other = factories.make_actor(Role.REVIEWER, agency_id=stage.agency.id)
    manager = factories.make_actor(Role.MANAGER, agency_id=stage.agency.id)
    assignments.take(actor=stage.reviewer, application_id=application.id)
    with pytest.raises(Conflict, match="application.taken"):
        assignments.take(actor=other, application_id=application.id)
    assert queue_reads.queue(actor=other)[0].assigned_name == stage.reviewer.name
    assignments.assign(actor=manager, application_id=application.id, account_id=other.id or 0)
    assert application.assigned_to_id == other.id
    with pytest.raises(Denied, match="application.assignee"):
        assignments.assign(actor=manager, application_id=application.id, account_id=stage.officer.id or 0)


def test_the_case_shows_documents_and_lookalikes(stage: joining.Stage) -> None:
    """R-SCR-3"""
    application, person = applied(stage, papers=False, representative="김한결")
    twin, _ = applied(stage, representative="김한결")
    attachments.attach(
        attachments.take_in(file_name="등록증.pdf", content=joining.PDF),
        kind=DocumentKind.BUSINESS_REGISTRATION,
        company_id=application.company_id,
    )
    shown = case_reads.case(actor=stage.reviewer, application_id=application.id)
    assert [d.file_name for d in shown.documents] == ["등록증.pdf"]
    assert shown.needed == ["국세·지방세 완납증명서", "법인 등기부등본"]
    assert [(row.application_id, row.company) for row in shown.lookalikes] == [(twin.id, twin.company.name)]
    db.session.get_one(Application, twin.id).agency_id = factories.make_agency(name="다른 기관").id
    db.session.commit()
    [foreign] = case_reads.case(actor=stage.reviewer, application_id=application.id).lookalikes
    assert (foreign.application_id, foreign.company, foreign.agency) == (
        None,
        "다른 운영기관의 기업",
        "다른 기관",
    )
    assert [e.action for e in shown.edges] == ["hold", "screen", "reject"]
    seen = applications_reads.status(actor=person)
    assert (seen.place, seen.agency.phones) == (1, stage.agency.phones)


def test_each_look_at_a_document_is_recorded(stage: joining.Stage) -> None:
    """R-FILE-1, R-AUD-0"""
    application, person = applied(stage)
    incoming = attachments.take_in(file_name="등록증.pdf", content=joining.PDF)
    document, _ = attachments.attach(
        incoming, kind=DocumentKind.BUSINESS_REGISTRATION, company_id=application.company_id
    )
    db.session.commit()
    handed = attachments.document_for(actor=stage.reviewer, document_id=document.id)
    assert (handed.content, handed.content_type) == (joining.PDF, "application/pdf")
    assert attachments.document_for(actor=person, document_id=document.id).content == joining.PDF
    looks = db.session.scalars(select(AuditRow).where(AuditRow.entity == "document")).all()
    assert [(look.action, look.actor_id) for look in looks] == [("read", stage.reviewer.id)]
    for role, error in ((Role.REVIEWER, NotFound), (Role.DEMAND, NotFound), (Role.FINANCE_OFFICER, Denied)):
        stranger = factories.make_actor(role)
        with pytest.raises(error):
            attachments.document_for(actor=stranger, document_id=document.id)
    assert db.session.get(Document, document.id) is not None


def test_a_k_startup_company_completes_and_applies(stage: joining.Stage, sandbox: str) -> None:
    """R-KST-3"""
    application, person = applied(stage, State.NOT_APPLIED, verified_as=None, kind=CompanyKind.SOLE)
    application.submitted_at = None
    application.company.address = ""
    db.session.commit()
    with pytest.raises(InvalidInput, match="application.incomplete") as refusal:
        applications.apply(actor=person)
    for words in ("주소", "사업자등록증", "국세·지방세 완납증명서", "결제수단 선택"):
        assert words in refusal.value.text
    company_edits.edit(actor=person, changes={"address": "대전광역시 유성구 대학로 99"})
    for kind in (DocumentKind.BUSINESS_REGISTRATION, DocumentKind.TAX_CLEARANCE):
        company_edits.replace_document(actor=person, kind=kind, file_name="a.jpg", content=joining.JPEG)
    instruments.choose(actor=person, kind=InstrumentKind.PERSONAL_CHECK)
    applications.apply(actor=person)
    assert application.state is State.SCREENING and application.submitted_at is not None
    assert application.company.tax_office_state == "계속사업자"
