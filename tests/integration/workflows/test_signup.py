"""Sign-up on the platform, through the played identity service and tax office."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.errors import Conflict, InvalidInput, NotFound
from app.models.applications import Application, ApplicationState
from app.models.companies import Company, CompanyKind, DocumentKind, VerifiedAs
from app.models.people import Account, Verification, VerificationPurpose
from app.models.vouchers import InstrumentKind, InstrumentState
from app.workflows import (
    accounts,
    applications,
    attachments,
    instruments,
    signup,
    signup_submit,
    tax_office,
    verification,
)
from app.workflows.eligibility import Ineligible
from sandbox import behaviours
from tests import factories
from tests.integration.workflows import joining

pytestmark = pytest.mark.usefixtures("tx")


@pytest.fixture
def stage(tx: object) -> joining.Stage:
    return joining.set_stage(vouchers=0, year=2020)


def test_a_filled_sign_up_becomes_company_account_instrument_and_application(
    stage: joining.Stage, sandbox: str
) -> None:
    """R-JOIN-1"""
    filled = joining.fill(sandbox, stage.agency)
    application = signup_submit.submit(token=filled.token, ip="10.0.0.1")
    company = application.company
    assert application.state is ApplicationState.SCREENING
    assert application.receipt_number == f"2020-{company.id:06d}"
    assert (company.representative, company.contact_name, company.payment_contact_name) == ("김대표1",) * 3
    assert company.payment_contact_phone == "01055000001"
    assert company.tax_office_state == "계속사업자"
    chosen = instruments.of_company(company.id)
    assert chosen is not None
    assert (chosen.kind, chosen.state) == (InstrumentKind.ZEROPAY, InstrumentState.CHOSEN)
    assert {d.kind for d in attachments.current(company_id=company.id)} == {
        DocumentKind.BUSINESS_REGISTRATION,
        DocumentKind.TAX_CLEARANCE,
    }
    assert accounts.authenticate(login="NEWCOMER1", password=joining.PASSWORD, ip=None).code_only is False


def test_personal_data_are_encrypted_and_terms_kept_with_version(stage: joining.Stage, sandbox: str) -> None:
    """R-AUD-1, R-JOIN-1"""
    filled = joining.fill(sandbox, stage.agency)
    agreed = filled.answers["terms"]
    assert agreed["service"]["accepted"] and not agreed["marketing"]["accepted"]
    assert agreed["privacy"]["version"] and agreed["privacy"]["at"]
    assert joining.PASSWORD not in str(filled.answers) and "01055000001" not in str(filled.answers)
    signup_submit.submit(token=filled.token)
    assert filled.password_hash is None
    raw = db.session.connection().exec_driver_sql("SELECT phone, representative_ci FROM company").one()
    assert b"01055000001" not in bytes(raw.phone) and len(bytes(raw.representative_ci)) > 88


def test_submitting_twice_makes_one_company(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-8"""
    token = joining.fill(sandbox, stage.agency).token
    first = signup_submit.submit(token=token).id
    assert signup_submit.submit(token=token).id == first
    assert signup_submit.receipt(token=token).id == first
    assert db.session.scalar(select(func.count()).select_from(Company)) == 1
    with pytest.raises(Conflict, match="signup.submitted"):
        signup.set_agency(token=token, agency_id=stage.agency.id)


def test_a_press_overtaken_by_another_gets_the_same_company(
    stage: joining.Stage, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-JOIN-8: the second press has looked, and the first hands in before it asks the tax office."""
    token = joining.fill(sandbox, stage.agency).token
    ask, overtaken = signup.ask_tax_office, []

    def slow(*, token: str) -> str | None:
        if not overtaken:
            overtaken.append(True)
            overtaken[0] = signup_submit.submit(token=token).id
        return ask(token=token)

    monkeypatch.setattr(signup, "ask_tax_office", slow)
    assert signup_submit.submit(token=token).id == overtaken[0]
    assert db.session.scalar(select(func.count()).select_from(Company)) == 1


def test_a_half_filled_sign_up_is_taken_up_again(stage: joining.Stage) -> None:
    """R-JOIN-8"""
    token = signup.begin().token
    signup.accept_terms(token=token, accepted={"service", "privacy"})
    db.session.expire_all()
    kept = signup.load(token=token)
    assert kept.step == "verify" and "terms" in kept.answers
    assert list(signup.missing(kept)) == [
        "verify",
        "account",
        "details",
        "contact",
        "documents",
        "instrument",
    ]
    with pytest.raises(InvalidInput, match="signup.incomplete") as refusal:
        signup_submit.submit(token=token)
    assert "서류를 제출해 주세요" in refusal.value.fields["documents"]
    with pytest.raises(NotFound):
        signup.load(token="somebody-else")


def test_terms_that_are_required(stage: joining.Stage) -> None:
    """R-JOIN-1"""
    token = signup.begin().token
    with pytest.raises(InvalidInput, match="signup.terms"):
        signup.accept_terms(token=token, accepted={"service", "marketing"})


@pytest.mark.parametrize(
    ("kind", "verified_as", "more"),
    [
        (CompanyKind.SOLE, VerifiedAs.REPRESENTATIVE, set()),
        (CompanyKind.CORPORATE, VerifiedAs.REPRESENTATIVE, {DocumentKind.CORPORATE_REGISTER}),
        (CompanyKind.SOLE, VerifiedAs.STAFF, {DocumentKind.INSURANCE_LIST}),
    ],
)
def test_documents_by_kind(
    stage: joining.Stage, sandbox: str, kind: CompanyKind, verified_as: VerifiedAs, more: set[DocumentKind]
) -> None:
    """R-JOIN-2"""
    filled = joining.fill(sandbox, stage.agency, kind=kind, verified_as=verified_as)
    two = {DocumentKind.BUSINESS_REGISTRATION, DocumentKind.TAX_CLEARANCE}
    assert set(signup.required_documents(filled)) == two | more
    assert ("documents" in signup.missing(filled)) is bool(more)


def test_a_company_of_an_earlier_year_needs_its_certificate(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-5"""
    earlier = factories.make_company(programme_id=factories.make_programme(year=2019, is_open=False).id)
    factories.make_application(company=earlier, state=ApplicationState.APPROVED)
    filled = joining.fill(sandbox, stage.agency, number=earlier.business_number)
    assert DocumentKind.PRIORITY_CERTIFICATE in signup.required_documents(filled)


def test_a_business_number_is_checked(stage: joining.Stage) -> None:
    """R-JOIN-4"""
    token = signup.begin().token
    with pytest.raises(InvalidInput) as refusal:
        signup.set_details(token=token, details={"business_number": "123-45-67890", "kind": CompanyKind.SOLE})
    assert "사업자등록번호가 맞지 않습니다" in refusal.value.fields["business_number"]
    assert {"name", "email", "representative", "address", "industry"} <= set(refusal.value.fields)


@pytest.mark.parametrize(
    ("digits", "code", "word"),
    [("02", "at_rest", "재개업"), ("03", "closed_down", "폐업"), ("04", "unregistered", "사업자등록증")],
)
def test_only_a_going_business_joins(
    stage: joining.Stage, sandbox: str, digits: str, code: str, word: str
) -> None:
    """R-JOIN-4: told at the step where the number is typed; nothing typed is lost, and it can be mended."""
    token = joining.fill(sandbox, stage.agency).token
    details = dict(signup.load(token=token).answers) | {"kind": CompanyKind.SOLE}
    number = behaviours.business_number(digits)
    with pytest.raises(Ineligible, match=f"company.{code}") as refusal:
        signup.set_details(token=token, details=details | {"business_number": number, "name": "고친 이름"})
    assert any(word in step for step in refusal.value.steps)
    kept = signup.load(token=token)
    assert (kept.answers["business_number"], kept.answers["name"]) == (number, "고친 이름")
    assert signup.missing(kept)["details"] == refusal.value.text
    with pytest.raises(Ineligible, match=f"company.{code}"):
        signup_submit.submit(token=token)
    assert db.session.scalar(select(func.count()).select_from(Company)) == 0
    signup.set_details(token=token, details=details)
    assert signup_submit.submit(token=token).company.tax_office_state == "계속사업자"


def test_a_business_that_closed_since_is_refused_at_the_last_press(
    stage: joining.Stage, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-JOIN-4: the office is asked again, and its new answer kept for the page that tells it."""
    token = joining.fill(sandbox, stage.agency).token
    monkeypatch.setattr(tax_office, "state_of", lambda number: tax_office.CLOSED)
    with pytest.raises(Ineligible, match="company.closed_down"):
        signup_submit.submit(token=token)
    found = signup.obstacle(signup.load(token=token))
    assert found is not None and found.code == "company.closed_down"


@pytest.mark.parametrize("digits", ["56", "59"])
def test_an_unreachable_tax_office_flags_and_goes_on(stage: joining.Stage, sandbox: str, digits: str) -> None:
    """R-JOIN-4: down, or answering garbage."""
    token = joining.fill(sandbox, stage.agency, number=behaviours.business_number(digits)).token
    company = signup_submit.submit(token=token).company
    assert company.tax_office_state is None and company.tax_office_asked_at is not None


@pytest.mark.parametrize("industry", ["일반유흥주점업", "음식점업(유흥 주점)", "CASINO 카지노 운영"])
def test_excluded_lines_of_business_cannot_join(stage: joining.Stage, sandbox: str, industry: str) -> None:
    """R-JOIN-7a: words of the programme's list, in whatever spelling; mended, the sign-up goes on."""
    stage.programme.excluded_industries = ["유흥주점", "카지노"]
    db.session.commit()
    token = joining.fill(sandbox, stage.agency).token
    details = dict(signup.load(token=token).answers) | {"kind": CompanyKind.SOLE}
    with pytest.raises(Ineligible, match="company.excluded_industry") as refusal:
        signup.set_details(token=token, details=details | {"industry": industry})
    assert industry in refusal.value.text and refusal.value.steps
    assert signup.load(token=token).answers["industry"] == industry
    signup.set_details(token=token, details=details)
    assert signup_submit.submit(token=token).company.industry == "소프트웨어 개발"


def test_companies_without_employees_where_the_year_asks(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-7a, 2022: asked for there and nowhere else."""
    token = joining.fill(sandbox, stage.agency).token
    details = dict(signup.load(token=token).answers) | {"kind": CompanyKind.SOLE}
    signup.set_details(token=token, details=details | {"employees": 0})
    assert "employees" not in signup.load(token=token).answers
    stage.programme.needs_employees = True
    db.session.commit()
    assert "details" in signup.missing(signup.load(token=token))
    for wrong in (None, -1, 100_000, "3"):
        with pytest.raises(InvalidInput, match="company.details") as refused:
            signup.set_details(token=token, details=details | {"employees": wrong})
        assert list(refused.value.fields) == ["employees"]
    with pytest.raises(Ineligible, match="company.no_employees"):
        signup.set_details(token=token, details=details | {"employees": 0})
    signup.set_details(token=token, details=details | {"employees": 3})
    assert signup_submit.submit(token=token).company.employees == 3


def test_a_year_that_is_closed_takes_no_more(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-7a: half-filled ones neither; what was handed in keeps its receipt."""
    first, second = (joining.fill(sandbox, stage.agency, n=n).token for n in (1, 2))
    done = signup_submit.submit(token=first)
    stage.programme.is_open = False
    db.session.commit()
    for refused in (signup.begin, lambda: signup_submit.submit(token=second)):
        with pytest.raises(Conflict, match="signup.closed"):
            refused()
    with pytest.raises(Conflict, match="signup.closed"):
        signup.accept_terms(token=second, accepted={"service", "privacy"})
    assert signup_submit.submit(token=first).id == done.id


def test_a_number_joins_once_and_a_rejected_one_never_again(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-4, R-JOIN-6"""
    first = signup_submit.submit(token=joining.fill(sandbox, stage.agency, n=1).token)
    number = first.company.business_number
    with pytest.raises(InvalidInput, match="company.taken"):
        joining.fill(sandbox, stage.agency, n=2, number=number)
    applications.reject(actor=stage.reviewer, application_id=first.id, reason="휴업 상태입니다.")
    with pytest.raises(InvalidInput, match="company.rejected") as refusal:
        joining.fill(sandbox, stage.agency, n=3, number=number)
    assert "휴업 상태입니다." in refusal.value.text


def test_one_representative_holds_one_company(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-7"""
    signup_submit.submit(token=joining.fill(sandbox, stage.agency, n=1, person="김한사람").token)
    with pytest.raises(Ineligible, match="company.representative_taken"):
        joining.fill(sandbox, stage.agency, n=2, person="김한사람")


def test_two_half_filled_sign_ups_of_one_representative_make_one_company(
    stage: joining.Stage, sandbox: str
) -> None:
    """R-JOIN-7: the check stands at the last press too."""
    one = joining.fill(sandbox, stage.agency, n=1, person="김한사람").token
    two = joining.fill(sandbox, stage.agency, n=2, person="김한사람").token
    signup_submit.submit(token=one)
    with pytest.raises(Ineligible, match="company.representative_taken"):
        signup_submit.submit(token=two)
    assert (
        db.session.scalar(select(func.count()).select_from(Account).where(Account.login == "newcomer2")) == 0
    )


def test_one_verification_serves_one_sign_up(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-1: a staff member's 본인인증, joined to two half-filled sign-ups, makes one company."""
    papers = (
        DocumentKind.BUSINESS_REGISTRATION,
        DocumentKind.TAX_CLEARANCE,
        DocumentKind.INSURANCE_LIST,
    )
    as_staff = {"verified_as": VerifiedAs.STAFF, "documents": papers}
    first = joining.fill(sandbox, stage.agency, n=1, **as_staff)
    second = joining.fill(sandbox, stage.agency, n=2, **as_staff)
    second.verification_id = first.verification_id
    db.session.commit()
    signup_submit.submit(token=first.token)
    with pytest.raises(Conflict, match="verification.not_verified"):
        signup_submit.submit(token=second.token)
    assert db.session.scalar(select(func.count()).select_from(Company)) == 1


def test_the_verified_name_is_the_representative(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-1"""
    filled = joining.fill(sandbox, stage.agency)
    signup.set_details(
        token=filled.token, details={**filled.answers, "kind": CompanyKind.SOLE, "representative": "다른이"}
    )
    with pytest.raises(InvalidInput, match="signup.name"):
        signup_submit.submit(token=filled.token)


def test_a_separate_payment_contact_verifies_their_own_phone(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-3"""
    token = joining.fill(sandbox, stage.agency).token
    payer = joining.verified(
        sandbox, name="이결제", phone="01077778888", purpose=VerificationPurpose.PAYMENT_CONTACT
    )
    contact = {"contact_name": "최담당", "contact_phone": "010-1234-5678", "contact_email": "c@example.kr"}
    signup.set_contact(token=token, contact=contact, payment_verification_token=payer)
    company = signup_submit.submit(token=token).company
    assert (company.contact_name, company.contact_phone) == ("최담당", "01012345678")
    assert (company.payment_contact_name, company.payment_contact_phone) == ("이결제", "01077778888")


def test_a_document_is_taken_by_its_content_and_replaced(stage: joining.Stage) -> None:
    """R-FILE-1"""
    token = signup.begin().token
    kind = DocumentKind.BUSINESS_REGISTRATION
    bad = {
        "document.type": b"MZ\x90 no paper",
        "document.empty": b"",
        "document.size": b"%PDF-" + b"0" * 21_000_000,
    }
    for code, content in bad.items():
        with pytest.raises(InvalidInput, match=code):
            signup.attach_document(token=token, kind=kind, file_name="사업자등록증.pdf", content=content)
    signup.attach_document(token=token, kind=kind, file_name="a.pdf", content=joining.PDF)
    kept = signup.attach_document(token=token, kind=kind, file_name="../../b.exe", content=joining.PNG)
    assert (kept.file_name, kept.content_type) == ("b.exe", "image/png")
    assert [d.id for d in signup.documents(token=token)] == [kept.id]
    signup.remove_document(token=token, document_id=kept.id)
    assert signup.documents(token=token) == []


def test_a_card_that_opens_later_cannot_be_chosen_yet(stage: joining.Stage) -> None:
    """R-INS-1"""
    token = signup.begin().token
    with pytest.raises(InvalidInput, match="instrument.not_open"):
        signup.set_instrument(token=token, kind=InstrumentKind.PREPAID)


def test_a_wrong_code_and_the_limit_of_sendings(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-1"""
    found = verification.request(
        purpose=VerificationPurpose.SIGN_UP,
        name="김인증",
        birth7="9002022",
        carrier="KT",
        phone="010-4444-5555",
    )
    token = found.token
    right = joining.code_for(sandbox, "01044445555")
    with pytest.raises(InvalidInput, match="verification.code"):
        verification.confirm(token=token, code="000000" if right != "000000" else "111111")
    for _ in range(verification.MOST_SENDS - 1):
        verification.resend(token=token)
    with pytest.raises(Conflict, match="verification.too_many"):
        verification.resend(token=token)
    assert verification.confirm(token=token, code=joining.code_for(sandbox, "01044445555")).ci_index
    stored = db.session.scalar(select(Verification).where(Verification.token == token))
    assert stored is not None and stored.verified_at is not None
    assert stored.verified_at <= clock.real_now()


def test_an_identity_that_does_not_match_is_told(stage: joining.Stage, sandbox: str) -> None:
    """R-JOIN-1: phone of the test table that the carrier does not know."""
    with pytest.raises(InvalidInput, match="verification.refused") as refusal:
        verification.request(
            purpose=VerificationPurpose.SIGN_UP,
            name="김",
            birth7="9002022",
            carrier="KT",
            phone="01099990001",
        )
    assert "통신사" in refusal.value.fields["phone"]


def test_the_application_stands_once(stage: joining.Stage, sandbox: str) -> None:
    signup_submit.submit(token=joining.fill(sandbox, stage.agency).token)
    assert db.session.scalar(select(func.count()).select_from(Application)) == 1
