"""Sign-up of a demand company, step by step, by a token: nobody is logged in (R-JOIN-1 to R-JOIN-8)."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select

from app import clock
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.models.applications import Application, ApplicationState
from app.models.companies import Company, CompanyKind, Document, DocumentKind, Signup, VerifiedAs
from app.models.people import Verification, VerificationPurpose
from app.models.programme import Agency, Programme
from app.models.vouchers import InstrumentKind
from app.workflows import (
    accounts,
    attachments,
    company_edits,
    eligibility,
    instruments,
    passwords,
    programmes,
    signup_drafts,
    tax_office,
    verification,
)
from app.workflows.eligibility import Ineligible
from app.workflows.terms import TERMS

STEPS = (
    ("terms", "약관동의"),
    ("verify", "본인인증"),
    ("account", "로그인 정보"),
    ("details", "기업정보"),
    ("contact", "담당자"),
    ("documents", "서류"),
    ("instrument", "결제수단·운영기관"),
)
DETAILS = ("name", "kind", "business_number", "representative", "email", "address", "industry")
CONTACT = ("contact_name", "contact_phone", "contact_email")


def open_programme() -> Programme:
    """Raises Conflict `signup.closed`."""
    found = next((programme for programme in programmes.programmes() if programme.is_open), None)
    if found is None:
        raise Conflict("signup.closed", "지금은 신청을 받는 사업이 없습니다. 사업공고를 확인해 주세요.")
    return found


def agencies() -> list[Agency]:
    return programmes.operating_agencies()


def begin() -> Signup:
    """A new, empty sign-up. Raises Conflict `signup.closed`."""
    with transaction() as session:
        now = clock.now()
        signup = Signup(
            token=secrets.token_urlsafe(24),
            programme_id=open_programme().id,
            step="terms",
            answers={},
            started_at=now,
            updated_at=now,
        )
        session.add(signup)
        session.flush()
        return signup


def load(*, token: str) -> Signup:
    """Raises NotFound."""
    signup = db.session.scalar(select(Signup).where(Signup.token == token))
    if signup is None:
        raise NotFound("signup.none", "진행 중인 회원가입이 없습니다. 처음부터 다시 시작해 주세요.")
    return signup


def lock_open(token: str) -> Signup:
    """Raises NotFound, Conflict `signup.submitted`, `signup.closed` (its year takes no more)."""
    signup = lock(Signup, load(token=token).id)
    if signup.submitted_at is not None:
        raise Conflict(
            "signup.submitted", "이미 접수된 회원가입입니다. 로그인해서 심사 상태를 확인해 주세요."
        )
    refuse_late(programme_of(signup))
    return signup


def refuse_late(programme: Programme) -> None:
    if not programme.is_open:
        raise Conflict(
            "signup.closed",
            f"{programme.year}년 사업의 접수가 끝났습니다. 다음 모집은 사업공고에서 확인해 주세요.",
        )


def programme_of(signup: Signup, /) -> Programme:
    return db.session.get_one(Programme, signup.programme_id)


def _answer(signup: Signup, step: str, answers: Mapping[str, Any]) -> Signup:
    signup.answers = {**signup_drafts.without(signup.answers, step), **answers}
    order = [key for key, _ in STEPS]
    following = order[min(order.index(step) + 1, len(order) - 1)]
    if order.index(signup.step) < order.index(following):
        signup.step = following
    signup.updated_at = clock.now()
    return signup


def accept_terms(*, token: str, accepted: Collection[str]) -> Signup:
    """Keep what was agreed to, with version and time. Raises InvalidInput `signup.terms`."""
    refused = [term for term in TERMS if term.required and term.key not in accepted]
    if refused:
        text = f"필수 약관({', '.join(term.title for term in refused)})에 동의해 주세요."
        raise InvalidInput("signup.terms", text, fields={refused[0].key: text})
    with transaction():
        signup = lock_open(token)
        agreed = {
            term.key: {
                "accepted": term.key in accepted,
                "version": term.version,
                "at": clock.now().isoformat(),
            }
            for term in TERMS
        }
        return _answer(signup, "terms", {"terms": agreed})


def attach_verification(*, token: str, verification_token: str, verified_as: VerifiedAs) -> Signup:
    """Join the finished 본인인증.

    Raises Conflict `verification.not_verified`, Ineligible `company.representative_taken`.
    """
    with transaction():
        signup = lock_open(token)
        person = verification.finished(token=verification_token, purpose=VerificationPurpose.SIGN_UP)
        if verified_as is VerifiedAs.REPRESENTATIVE:
            refuse_second_company(signup.programme_id, person)
        before = signup.verification_id and db.session.get(Verification, signup.verification_id)
        if before and before.ci_index != person.ci_index:
            # Somebody else goes on: with the password of the one before, that one could open the account.
            signup.password_hash = None
        signup.verification_id = person.id
        return _answer(signup, "verify", {"verified_as": verified_as.value, "verified_name": person.name})


def refuse_second_company(programme_id: int, person: Verification) -> None:
    """One representative, by CI, holds one company per programme (R-JOIN-7)."""
    taken = db.session.scalar(
        select(Company.id).where(
            Company.programme_id == programme_id, Company.representative_ci_index == person.ci_index
        )
    )
    if taken is not None:
        raise Ineligible(
            "company.representative_taken",
            "이 대표자로 이미 가입한 수요기업이 있습니다. 대표자 한 분은 한 사업에 한 기업만 참여할 수 "
            "있습니다.",
            field="representative",
            steps=(
                "이미 가입한 기업의 아이디로 로그인해 심사 상태를 확인해 주세요.",
                "아이디나 비밀번호를 잊었다면 '비밀번호 찾기'를 이용해 주세요.",
                "가입한 적이 없다면 콜센터에 문의해 주세요.",
            ),
        )


def set_account(*, token: str, login: str, password: str) -> Signup:
    """Only the password's hash is kept.

    Raises InvalidInput `account.login_form`, `account.login_taken`, `password.weak`.
    """
    accounts.check_login(login)
    passwords.check_strength(password=password, login=login)
    hashed = passwords.hash_password(password)
    with transaction():
        signup = lock_open(token)
        signup.password_hash = hashed
        return _answer(signup, "account", {"login": login})


def set_details(*, token: str, details: Mapping[str, Any]) -> Signup:
    """Keep the details, then see whether such a company can join: what was typed is lost in no case.

    Raises InvalidInput `company.details`; Ineligible (`eligibility.refuse`, `refuse_taken`,
    `tax_office.refuse_closed`).
    """
    values = company_edits.clean({field: details.get(field) or "" for field in DETAILS if field != "kind"})
    kind = details.get("kind")
    with transaction():
        signup = lock_open(token)
        if programme_of(signup).needs_employees:
            values["employees"] = details.get("employees")
        wrong = company_edits.check_details(values)
        if not isinstance(kind, CompanyKind):
            wrong["kind"] = "기업구분을 선택해 주세요."
        if wrong or not isinstance(kind, CompanyKind):
            raise InvalidInput("company.details", "입력한 내용을 다시 확인해 주세요.", fields=wrong)
        _answer(signup, "details", values | {"kind": kind.value, "tax_office_state": None})
    refuse_obstacle(signup)
    ask_tax_office(token=token)
    return load(token=token)


def ask_tax_office(*, token: str) -> str | None:
    """Ask for the number that was typed, outside any transaction, and keep the answer (R-JOIN-4).

    None where the office cannot be asked: the sign-up goes on. Raises Ineligible.
    """
    number = load(token=token).answers["business_number"]
    state = tax_office.state_of(number)
    with transaction():
        signup = lock_open(token)
        if signup.answers["business_number"] == number:
            signup.answers = {**signup.answers, "tax_office_state": state}
    refuse_obstacle(signup)
    return state


def refuse_obstacle(signup: Signup, /) -> None:
    found = obstacle(signup)
    if found is not None:
        raise found


def obstacle(signup: Signup, /) -> Ineligible | None:
    """Why a company with these details cannot join, or None (R-JOIN-4, R-JOIN-6, R-JOIN-7a)."""
    answers, programme = signup.answers, programme_of(signup)
    if "business_number" not in answers:
        return None
    try:
        eligibility.refuse(programme, industry=answers["industry"], employees=answers.get("employees"))
        refuse_taken(programme, answers["business_number"])
        tax_office.refuse_closed(answers.get("tax_office_state"))
    except Ineligible as refusal:
        return refusal
    return None


def refuse_taken(programme: Programme, business_number: str) -> None:
    """A business number joins once per programme, and 심사탈락 is final (R-JOIN-4, R-JOIN-6)."""
    found = db.session.execute(
        select(Application.state, Application.reason)
        .join(Company, Company.id == Application.company_id)
        .where(Company.programme_id == programme.id, Company.business_number == business_number)
    ).first()
    if found is None:
        return
    if found.state is ApplicationState.REJECTED:
        raise Ineligible(
            "company.rejected",
            f"{programme.year}년 사업에서 심사탈락하여 다시 신청할 수 없는 사업자등록번호입니다. "
            f"탈락 사유: {found.reason}",
            field="business_number",
            steps=(
                "심사탈락은 되돌릴 수 없습니다. 다음 연도 사업에는 다시 신청할 수 있습니다.",
                "탈락 사유가 궁금하면 심사한 운영기관에 문의해 주세요.",
                "사업자등록번호를 잘못 입력했다면 기업정보에서 고쳐 주세요.",
            ),
        )
    raise Ineligible(
        "company.taken",
        "이미 이 사업에 신청한 사업자등록번호입니다. 한 번호로 한 번만 신청할 수 있습니다.",
        field="business_number",
        steps=(
            "가입한 아이디로 로그인해 심사 상태를 확인해 주세요.",
            "아이디나 비밀번호를 잊었다면 '비밀번호 찾기'를 이용해 주세요.",
            "신청한 적이 없거나 번호를 잘못 입력했다면 기업정보에서 고치거나 콜센터에 문의해 주세요.",
        ),
    )


def set_contact(
    *, token: str, contact: Mapping[str, Any], payment_verification_token: str | None = None
) -> Signup:
    """The contact person; '대표자와 동일' copies the representative (R-JOIN-3).

    A separate payment contact has verified their own phone; `separate_payer` False gives the part back to the
    verified person. Raises InvalidInput `company.details`, Conflict.
    """
    with transaction():
        signup = lock_open(token)
        if payment_verification_token:
            purpose = VerificationPurpose.PAYMENT_CONTACT
            payer = verification.finished(token=payment_verification_token, purpose=purpose)
            signup.payment_verification_id = payer.id
        elif not contact.get("separate_payer", True):
            signup.payment_verification_id = None
        values = _contact(signup, contact)
        wrong = company_edits.check_details(values)
        if wrong:
            raise InvalidInput("company.details", "입력한 내용을 다시 확인해 주세요.", fields=wrong)
        signup.contact_phone = values.pop("contact_phone")
        same = bool(contact.get("same_as_representative"))
        return _answer(signup, "contact", values | {"same_as_representative": same})


def _contact(signup: Signup, contact: Mapping[str, Any]) -> dict[str, Any]:
    values = company_edits.clean({field: contact.get(field) or "" for field in CONTACT})
    if contact.get("same_as_representative"):
        values["contact_name"] = signup.answers.get("representative", "")
        values["contact_email"] = values["contact_email"] or signup.answers.get("email", "")
        if not values["contact_phone"] and signup.verification_id:
            values["contact_phone"] = db.session.get_one(Verification, signup.verification_id).phone
    return values


def attach_document(*, token: str, kind: DocumentKind, file_name: str, content: bytes) -> Document:
    """Hand in a document, for an earlier one. Raises InvalidInput `document.type`, `.size`, `.empty`."""
    load(token=token)
    incoming = attachments.take_in(file_name=file_name, content=content)
    with transaction():
        signup = lock_open(token)
        document, _ = attachments.attach(incoming, kind=kind, signup_id=signup.id)
        signup.updated_at = clock.now()
        return document


def remove_document(*, token: str, document_id: int) -> None:
    """Raises NotFound."""
    with transaction():
        signup = lock_open(token)
        document = db.session.get(Document, document_id)
        if document is None or document.signup_id != signup.id:
            raise NotFound()
        document.replaced_at = document.replaced_at or clock.now()


def documents(*, token: str) -> list[Document]:
    return attachments.current(signup_id=load(token=token).id)


def required_documents(signup: Signup) -> list[DocumentKind]:
    """R-JOIN-2, R-JOIN-5, by what was answered so far."""
    answers = signup.answers
    programme = programme_of(signup)
    number = answers.get("business_number", "")
    return company_edits.required_documents(
        CompanyKind(answers.get("kind", CompanyKind.SOLE.value)),
        programme=programme,
        verified_as=VerifiedAs(answers["verified_as"]) if "verified_as" in answers else None,
        joined_before=company_edits.took_part_before(number, programme) if number else False,
    )


def set_instrument(*, token: str, kind: InstrumentKind | None) -> Signup:
    """None: chosen later, after 승인 (R-INS-2). Raises InvalidInput `instrument.not_open`."""
    with transaction():
        signup = lock_open(token)
        if kind is not None:
            instruments.check_open(kind, programme_of(signup))
        signup.answers = {**signup.answers, "instrument": kind.value if kind else None}
        signup.updated_at = clock.now()
        return signup


def set_agency(*, token: str, agency_id: int) -> Signup:
    """Raises InvalidInput `signup.agency`."""
    if agency_id not in [agency.id for agency in agencies()]:
        text = "운영기관을 선택해 주세요."
        raise InvalidInput("signup.agency", text, fields={"agency_id": text})
    with transaction():
        return _answer(lock_open(token), "instrument", {"agency_id": agency_id})


def missing(signup: Signup) -> dict[str, str]:
    """What is still to be done, by the step at which it is done, in Korean."""
    answers = signup.answers
    lacking = {
        "terms": None if "terms" in answers else "약관에 동의해 주세요.",
        "verify": None if signup.verification_id else "본인인증을 해 주세요.",
        "account": None if signup.password_hash else "아이디와 비밀번호를 정해 주세요.",
        "details": _missing_details(signup),
        "contact": None if signup.contact_phone else "담당자 정보를 입력해 주세요.",
        "documents": _missing_documents(signup),
        "instrument": None if "agency_id" in answers else "운영기관을 선택해 주세요.",
    }
    return {step: text for step, text in lacking.items() if text}


def _missing_details(signup: Signup) -> str | None:
    asks_employees = programme_of(signup).needs_employees and signup.answers.get("employees") is None
    if "business_number" not in signup.answers or asks_employees:
        return "기업정보를 입력해 주세요."
    found = obstacle(signup)
    return found.text if found else None


def _missing_documents(signup: Signup) -> str | None:
    present = {document.kind for document in attachments.current(signup_id=signup.id)}
    lacking = [kind.label for kind in required_documents(signup) if kind not in present]
    return f"서류를 제출해 주세요: {', '.join(lacking)}" if lacking else None
