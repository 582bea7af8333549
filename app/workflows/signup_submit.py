"""'회원가입(심사접수)': a sign-up becomes company, account, instrument and application, once (R-JOIN-8)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app import clock
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput
from app.models.applications import Application, ApplicationState
from app.models.companies import Company, CompanyKind, Document, Signup, VerifiedAs
from app.models.people import Account, Verification
from app.models.programme import Programme
from app.models.vouchers import Instrument, InstrumentKind, InstrumentState
from app.policy import Role
from app.workflows import (
    accounts,
    applications,
    company_edits,
    lifecycle,
    record,
    rounds,
    signup,
)
from app.workflows.applications import APPLICATION
from app.workflows.instruments import INSTRUMENT

_RACES = {
    "business_number": ("company.taken", "business_number", "이미 이 사업에 신청한 사업자등록번호입니다."),
    "representative_ci": (
        "company.representative_taken",
        "representative",
        "이 대표자로 이미 가입한 수요기업이 있습니다.",
    ),
    "account_login": (
        "account.login_taken",
        "login",
        "이미 사용 중인 아이디입니다. 다른 아이디를 정해 주세요.",
    ),
}


def submit(*, token: str, ip: str | None = None) -> Application:
    """Hand the sign-up in; a second time gives the same application.

    The tax office is asked before (R-JOIN-4); where it cannot be reached the sign-up goes on, and
    `tax_office_state` stays None.

    Raises InvalidInput `signup.incomplete`, `signup.name`, `company.*`, `account.login_taken`; Ineligible;
    Conflict `verification.not_verified`, `signup.closed`; NotFound.
    """
    if submitted := _submitted(token):
        return submitted
    with transaction():
        _refuse_incomplete(signup.load(token=token))
    try:
        state = signup.ask_tax_office(token=token)
    except Conflict:
        # A second press may have been faster while this one came here.
        if submitted := _submitted(token):
            return submitted
        raise
    try:
        with transaction():
            return _submit(token, ip, state)
    except IntegrityError as error:
        raise _race(error) from error


def _submitted(token: str) -> Application | None:
    with transaction():
        found = signup.load(token=token)
        done = found.submitted_at is not None
        return applications.of_company(found.company_id or 0) if done else None


def _refuse_incomplete(found: Signup) -> None:
    signup.refuse_late(signup.programme_of(found))
    signup.refuse_obstacle(found)
    lacking = signup.missing(found)
    if lacking:
        raise InvalidInput("signup.incomplete", "아직 마치지 않은 단계가 있습니다.", fields=lacking)
    answers = found.answers
    as_representative = answers["verified_as"] == VerifiedAs.REPRESENTATIVE.value
    if as_representative and answers["verified_name"] != answers["representative"]:
        text = (
            "대표자로 본인인증한 이름과 대표자명이 다릅니다. 대표자명을 확인하거나 "
            "담당자(임직원)로 인증해 주세요."
        )
        raise InvalidInput("signup.name", text, fields={"representative": text})


def _race(error: IntegrityError) -> Exception:
    """Somebody was faster between the check and the insert: the database's unique keys decide."""
    for part, (code, field, text) in _RACES.items():
        if part in str(error.orig):
            return InvalidInput(code, text, fields={field: text})
    return error


def _submit(token: str, ip: str | None, tax_state: str | None) -> Application:
    found = lock(Signup, signup.load(token=token).id)
    if found.submitted_at is not None:
        return applications.of_company(found.company_id or 0)
    _refuse_incomplete(found)
    person = lock(Verification, found.verification_id)
    payer = lock(Verification, found.payment_verification_id) if found.payment_verification_id else person
    if person.used_at is not None or payer.used_at is not None:
        raise Conflict(
            "verification.not_verified",
            "본인인증이 다른 회원가입에 이미 쓰였습니다. 본인인증을 다시 해 주세요.",
        )
    company = _company(found, person, payer, tax_state)
    account = _account(found, company, person)
    actor = account.actor(ip)
    record.write("company", company.id, "join", actor=actor, change={"agency_id": (None, company.agency_id)})
    if found.answers.get("instrument"):
        kind = InstrumentKind(found.answers["instrument"])
        instrument = Instrument(
            company_id=company.id, kind=kind, state=InstrumentState.CHOSEN, chosen_at=clock.now()
        )
        lifecycle.begin(INSTRUMENT, instrument, actor=actor, action="choose")
    application = new_application(company, ApplicationState.SCREENING)
    lifecycle.begin(APPLICATION, application, actor=actor, action="submit")
    rounds.enter([application.id])
    _close(found, company, [person, payer])
    text = f"회원가입(심사접수)이 완료되었습니다. 접수번호는 {application.receipt_number}입니다."
    key = f"application:{application.id}:received"
    record.tell([record.Message(key=key, text=text, company_id=company.id)])
    return application


def _company(found: Signup, person: Verification, payer: Verification, tax_state: str | None) -> Company:
    answers = found.answers
    verified_as = VerifiedAs(answers["verified_as"])
    fields: dict[str, Any] = {name: answers[name] for name in signup.DETAILS if name != "kind"}
    if verified_as is VerifiedAs.REPRESENTATIVE:
        signup.refuse_second_company(found.programme_id, person)
        fields |= {"representative_ci": person.ci, "representative_ci_index": person.ci_index}
    company = Company(
        programme_id=found.programme_id,
        agency_id=answers["agency_id"],
        kind=CompanyKind(answers["kind"]),
        verified_as=verified_as,
        verified_name=person.name,
        phone=person.phone,
        phone_index=company_edits.phone_index(person.phone),
        contact_name=answers["contact_name"],
        contact_phone=found.contact_phone,
        contact_email=answers["contact_email"],
        payment_contact_name=payer.name,
        payment_contact_phone=payer.phone,
        tax_office_state=tax_state,
        tax_office_asked_at=clock.real_now(),
        employees=answers.get("employees"),
        joined_at=clock.now(),
        **fields,
    )
    db.session.add(company)
    db.session.flush()
    return company


def _account(found: Signup, company: Company, person: Verification) -> Account:
    accounts.check_login(found.answers["login"])
    account = Account(
        login=found.answers["login"],
        password_hash=found.password_hash,
        role=Role.DEMAND,
        name=person.name,
        email=company.email,
        phone=person.phone,
        company_id=company.id,
        created_at=clock.now(),
    )
    db.session.add(account)
    db.session.flush()
    return account


def new_application(company: Company, state: ApplicationState) -> Application:
    """Its receipt number is the company's: a company applies once."""
    programme = db.session.get_one(Programme, company.programme_id)
    now = clock.now()
    return Application(
        receipt_number=f"{programme.year}-{company.id:06d}",
        programme_id=company.programme_id,
        company_id=company.id,
        agency_id=company.agency_id,
        state=state,
        created_at=now,
        submitted_at=None if state is ApplicationState.NOT_APPLIED else now,
        marks=[],
    )


def _close(found: Signup, company: Company, used: list[Verification]) -> None:
    """The documents become the company's; what was only for the way here is forgotten."""
    db.session.execute(
        update(Document)
        .where(Document.signup_id == found.id, Document.replaced_at.is_(None))
        .values(company_id=company.id)
    )
    for verification in used:
        verification.used_at = clock.real_now()
    found.company_id = company.id
    found.submitted_at = clock.now()
    found.password_hash = found.contact_phone = None
    db.session.flush()


def receipt(*, token: str) -> Application:
    """What the page after the sign-up shows; raises NotFound."""
    found = db.session.scalar(select(Signup).where(Signup.token == token))
    return applications.of_company((found.company_id if found else None) or 0)
