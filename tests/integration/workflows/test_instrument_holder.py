"""본인인증 of a company out of K-Startup's file, before its personal check card (R-INS-4, R-KST-2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput
from app.models.applications import ApplicationState as State
from app.models.companies import Company, DocumentKind, VerifiedAs
from app.models.people import VerificationPurpose
from app.models.record import AuditRow
from app.policy import Actor, Role
from app.workflows import company_edits, instrument_holder, instruments
from app.workflows.eligibility import Ineligible
from tests import factories
from tests.integration.workflows import instruments_stage, joining
from tests.integration.workflows.instruments_stage import (
    CHOSEN,
    DAY,
    PERSONAL,
    PREPAID,
    REQUESTED,
    ZEROPAY,
    applicant,
    approve,
    ask,
    at,
    choose,
)

pytestmark = pytest.mark.usefixtures("tx")
UNVERIFIED: dict[str, Any] = {"verified_as": None, "verified_name": None, "representative": "서다온"}
BEFORE = DAY - timedelta(days=7)

stage = instruments_stage.stage


def named_by_kstartup(stage: joining.Stage, state: State = State.NOT_APPLIED) -> tuple[Any, Actor, Company]:
    application, person = applicant(stage, state, kstartup_id=f"ks{state.value}", **UNVERIFIED)
    return application, person, application.company


def verify(
    sandbox: str,
    person: Actor,
    *,
    name: str = "서다온",
    verified_as: VerifiedAs = VerifiedAs.REPRESENTATIVE,
    **asked: Any,
) -> Company:
    token = joining.verified(sandbox, name=name, phone="01071234567", **asked)
    return instrument_holder.verify_person(actor=person, verification_token=token, verified_as=verified_as)


def test_without_the_person_no_personal_card_is_chosen(stage: joining.Stage) -> None:
    """R-INS-4: the other kinds bear the company's name, and need none."""
    _, person, _ = named_by_kstartup(stage)
    with pytest.raises(Conflict, match="instrument.not_verified") as refusal:
        choose(person, PERSONAL, BEFORE)
    assert "본인인증을 먼저" in refusal.value.fields["instrument"]
    assert instruments.own(actor=person) is None
    for kind in (ZEROPAY, PREPAID):
        assert choose(person, kind, BEFORE).kind is kind
    with pytest.raises(Conflict, match="instrument.not_verified"):
        choose(person, PERSONAL, BEFORE)


def test_named_in_the_file_it_is_not_issued_before(stage: joining.Stage, sandbox: str) -> None:
    """R-KST-2: 승인 with a personal card by the file alone; then in the name of the verified person."""
    application, person, company = named_by_kstartup(stage, State.SCREENING)
    with clock.at(at(BEFORE)):
        factories.make_instrument(company=company, kind=PERSONAL, state=CHOSEN)
    approve(stage, application, DAY)
    with pytest.raises(Conflict, match="instrument.not_verified"):
        ask(person, at(DAY))
    asked = select(AuditRow.id).where(AuditRow.action == "ask_account_holder")
    assert db.session.scalar(asked) is None, "the bank is not asked about a name that nobody proved"
    verify(sandbox, person)
    instrument = ask(person, at(DAY, 12))
    assert (instrument.state, instrument.account_holder) == (REQUESTED, "서다온")


def test_the_person_is_written_down_once(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-7, R-AUD-1"""
    _, person, company = named_by_kstartup(stage)
    verify(sandbox, person)
    assert (company.verified_name, company.verified_as) == ("서다온", VerifiedAs.REPRESENTATIVE)
    assert company.phone == "01071234567" and company.phone_index == company_edits.phone_index("01071234567")
    assert company.representative_ci_index is not None
    [row] = db.session.scalars(select(AuditRow).where(AuditRow.action == "verify_person"))
    assert row.entity_id == company.id and "01071234567" not in str(row.change)
    with pytest.raises(Conflict, match="company.verified"):
        verify(sandbox, person)
    assert choose(person, PERSONAL, BEFORE).kind is PERSONAL


def test_another_name_is_not_the_representative(stage: joining.Stage, sandbox: str) -> None:
    _, person, company = named_by_kstartup(stage)
    with pytest.raises(InvalidInput, match="company.verified_name") as refusal:
        verify(sandbox, person, name="한다른")
    assert "대표자의 휴대폰으로" in refusal.value.text
    assert company.verified_name is None


def test_a_staff_member_only_while_papers_are_still_handed_in(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-2: their 가입자 명부 comes with '사업 신청', and is looked at then."""
    _, person, _ = named_by_kstartup(stage)
    verify(sandbox, person, name="한직원", verified_as=VerifiedAs.STAFF)
    assert DocumentKind.INSURANCE_LIST.label in company_edits.missing_for_application(actor=person)
    _, late, company = named_by_kstartup(stage, State.APPROVED)
    with pytest.raises(InvalidInput, match="company.verified_as"):
        verify(sandbox, late, name="한직원", verified_as=VerifiedAs.STAFF)
    assert company.verified_name is None


def test_one_representative_holds_one_company(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-7"""
    verify(sandbox, named_by_kstartup(stage)[1])
    _, second, company = named_by_kstartup(stage, State.APPROVED)
    with pytest.raises(Ineligible, match="company.representative_taken"):
        verify(sandbox, second)
    assert company.verified_name is None


def test_neither_another_purpose_nor_another_role_counts(stage: joining.Stage, sandbox: str) -> None:
    """R-KST-2: the code of a payment contact, or of '비밀번호 찾기', is no 본인인증 of this person."""
    _, person, company = named_by_kstartup(stage)
    with pytest.raises(Conflict, match="verification.not_verified"):
        verify(sandbox, person, purpose=VerificationPurpose.PAYMENT_CONTACT)
    with pytest.raises(Denied):
        verify(sandbox, factories.make_actor(Role.REVIEWER, agency_id=stage.agency.id))
    assert company.verified_name is None
