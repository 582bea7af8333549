"""Joining of a supplier, step by step, by a token: nobody is logged in (R-SUP-1, as R-JOIN-1 to 8)."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select

from app import clock
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.models.catalogue import Supplier, SupplierSignup, SupplierState
from app.models.companies import CompanyKind, Document, DocumentKind, VerifiedAs
from app.models.numbers import digits, valid_business_number
from app.models.people import Verification, VerificationPurpose
from app.workflows import (
    accounts,
    attachments,
    passwords,
    programmes,
    signup_take_up,
    supplier_accounts,
    supplier_papers,
    suppliers,
    tax_office,
    verification,
)
from app.workflows.eligibility import Ineligible
from app.workflows.supplier_accounts import BankAccount
from app.workflows.supplier_terms import SUPPLIER_TERMS

STEPS = (
    ("terms", "약관동의"),
    ("verify", "본인인증"),
    ("account", "로그인 정보"),
    ("details", "기업정보"),
    ("bank", "정산 계좌"),
    ("documents", "서류"),
)
TYPED = ("name", "representative", "phone", "email", "address", "introduction")
DETAILS = ("kind", "business_number", *TYPED)


def begin() -> SupplierSignup:
    """A new, empty one. Raises NotFound `programme.none`."""
    with transaction() as session:
        now = clock.now()
        signup = SupplierSignup(
            token=secrets.token_urlsafe(24),
            programme_id=programmes.current().id,
            step="terms",
            answers={},
            started_at=now,
            updated_at=now,
        )
        session.add(signup)
        session.flush()
        return signup


def load(*, token: str) -> SupplierSignup:
    """Raises NotFound."""
    signup = db.session.scalar(select(SupplierSignup).where(SupplierSignup.token == token))
    if signup is None:
        raise NotFound("signup.none", "진행 중인 공급기업 가입이 없습니다. 처음부터 다시 시작해 주세요.")
    return signup


def lock_open(token: str) -> SupplierSignup:
    """Raises NotFound, Conflict `signup.submitted`."""
    signup = lock(SupplierSignup, load(token=token).id)
    if signup.submitted_at is not None:
        raise Conflict("signup.submitted", "이미 접수된 신청입니다. 로그인해서 심사 상태를 확인해 주세요.")
    return signup


def _answer(signup: SupplierSignup, step: str, answers: Mapping[str, Any]) -> SupplierSignup:
    signup.answers = {**signup.answers, **answers}
    order = [key for key, _ in STEPS]
    following = order[min(order.index(step) + 1, len(order) - 1)]
    if order.index(signup.step) < order.index(following):
        signup.step = following
    signup.updated_at = clock.now()
    return signup


def accept_terms(*, token: str, accepted: Collection[str]) -> SupplierSignup:
    """Keep what was agreed to, with version and time. Raises InvalidInput `signup.terms`."""
    refused = [term for term in SUPPLIER_TERMS if term.required and term.key not in accepted]
    if refused:
        text = f"필수 약관({', '.join(term.title for term in refused)})에 동의해 주세요."
        raise InvalidInput("signup.terms", text, fields={refused[0].key: text})
    now = clock.now().isoformat()
    agreed = {
        term.key: {"accepted": term.key in accepted, "version": term.version, "at": now}
        for term in SUPPLIER_TERMS
    }
    with transaction():
        return _answer(lock_open(token), "terms", {"terms": agreed})


def attach_verification(*, token: str, verification_token: str, verified_as: VerifiedAs) -> SupplierSignup:
    """Join the finished 본인인증. Raises Conflict `verification.not_verified`."""
    with transaction():
        signup = lock_open(token)
        person = verification.finished(token=verification_token, purpose=VerificationPurpose.SIGN_UP)
        before = signup.verification_id and db.session.get(Verification, signup.verification_id)
        if before and before.ci_index != person.ci_index:
            # Somebody else goes on: with the password of the one before, that one could open the account.
            signup.password_hash = None
        signup.verification_id = person.id
        return _answer(signup, "verify", {"verified_as": verified_as.value, "verified_name": person.name})


def take_up(*, token: str) -> SupplierSignup:
    """Go on with the same person's earlier one (R-JOIN-8). Raises NotFound, Conflict `signup.submitted`."""
    with transaction() as session:
        here = load(token=token)
        there = signup_take_up.earlier(here)
        if there is None:
            raise signup_take_up.nothing_to_take_up()
        # In the order of their ids, which is the order of every lock on two rows of a table.
        for key in sorted((there.id, here.id)):
            lock(SupplierSignup, key)
        here, there = lock_open(token), lock_open(there.token)
        signup_take_up.hand_over(here, there)
        session.flush()
        return there


def set_account(*, token: str, login: str, password: str) -> SupplierSignup:
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


def set_details(*, token: str, details: Mapping[str, Any]) -> SupplierSignup:
    """Keep the details, then see whether such a company can join: what was typed is lost in no case.

    Raises InvalidInput `supplier.details`; Ineligible (`refuse_taken`, `tax_office.refuse_closed`).
    """
    values: dict[str, Any] = _check_details(details)
    with transaction():
        signup = lock_open(token)
        if signup.answers.get("business_number") != values["business_number"]:
            # The bank was asked with the old number.
            signup.account_verified_at = None
        _answer(signup, "details", values | {"tax_office_state": None})
    refuse_obstacle(signup)
    ask_tax_office(token=token)
    return load(token=token)


def _check_details(details: Mapping[str, Any]) -> dict[str, str]:
    wrong, values = {}, {}
    try:
        values = suppliers.check_details(**{name: details.get(name) or "" for name in TYPED})
    except InvalidInput as refusal:
        wrong = dict(refusal.fields)
    number, kind = digits(details.get("business_number") or ""), details.get("kind")
    if not valid_business_number(number):
        wrong["business_number"] = "사업자등록번호가 맞지 않습니다. 숫자 열 자리를 다시 확인해 주세요."
    if not isinstance(kind, CompanyKind):
        wrong["kind"] = "기업구분을 선택해 주세요."
    if wrong or not isinstance(kind, CompanyKind):
        raise InvalidInput("supplier.details", "입력한 내용을 다시 확인해 주세요.", fields=wrong)
    return values | {"business_number": number, "kind": kind.value}


def ask_tax_office(*, token: str) -> str | None:
    """Ask for the number that was typed, outside any transaction, and keep the answer (R-JOIN-4).

    None where the office cannot be asked: the application goes on, flagged. Raises Ineligible.
    """
    number = load(token=token).answers["business_number"]
    state = tax_office.state_of(number)
    with transaction():
        signup = lock_open(token)
        if signup.answers["business_number"] == number:
            signup.answers = {**signup.answers, "tax_office_state": state}
    refuse_obstacle(signup)
    return state


def refuse_obstacle(signup: SupplierSignup, /) -> None:
    found = obstacle(signup)
    if found is not None:
        raise found


def obstacle(signup: SupplierSignup, /) -> Ineligible | None:
    """Why a company with these details cannot join, or None."""
    if "business_number" not in signup.answers:
        return None
    try:
        refuse_taken(signup.answers["business_number"])
        tax_office.refuse_closed(signup.answers.get("tax_office_state"))
    except Ineligible as refusal:
        return refusal
    return None


def refuse_taken(business_number: str) -> None:
    """A business number joins once, and 탈락 is final.

    Raises Ineligible `supplier.rejected`, `supplier.exists`.
    """
    found = db.session.execute(
        select(Supplier.state, Supplier.reason).where(Supplier.business_number == business_number)
    ).first()
    if found is None:
        return
    if found.state is SupplierState.REJECTED:
        raise Ineligible(
            "supplier.rejected",
            f"공급기업 심사에서 탈락하여 다시 신청할 수 없는 사업자등록번호입니다. 탈락 사유: {found.reason}",
            field="business_number",
            steps=(
                "탈락 사유가 궁금하면 콜센터를 통해 전문기관에 문의해 주세요.",
                "사업자등록번호를 잘못 입력했다면 기업정보에서 고쳐 주세요.",
            ),
        )
    raise Ineligible(
        "supplier.exists",
        "이미 공급기업으로 신청한 사업자등록번호입니다. 한 번호로 한 번만 신청할 수 있습니다.",
        field="business_number",
        steps=(
            "가입한 아이디로 로그인해 심사 상태를 확인해 주세요.",
            "아이디나 비밀번호를 잊었다면 '비밀번호 찾기'를 이용해 주세요.",
            "신청한 적이 없거나 번호를 잘못 입력했다면 기업정보에서 고치거나 콜센터에 문의해 주세요.",
        ),
    )


def set_bank(*, token: str, bank_code: str, account_number: str, account_holder: str) -> SupplierSignup:
    """Name the account; the bank is asked whose it is, and where it cannot be, staff ask later (R-SET-1).

    Raises InvalidInput `supplier.account`, `supplier.account_holder`, `supplier.bank_questions`.
    """
    account = supplier_accounts.read(bank_code, account_number, account_holder)
    with transaction():
        signup = lock_open(token)
        answers = signup.answers
        if account == kept_account(signup) and signup.account_verified_at is not None:
            return _answer(signup, "bank", {})
        supplier_accounts.refuse_stranger(
            account,
            name=answers["name"],
            representative=answers["representative"],
            kind=CompanyKind(answers["kind"]),
        )
        _count_question(signup)
        number = answers["business_number"]
    confirmed = supplier_accounts.ask(account, business_number=number)
    with transaction():
        signup = lock_open(token)
        signup.account_number = account.number
        unchanged = signup.answers["business_number"] == number
        signup.account_verified_at = clock.now() if confirmed and unchanged else None
        typed = {"bank_code": account.bank_code, "account_holder": account.holder}
        return _answer(signup, "bank", typed)


def kept_account(signup: SupplierSignup, /) -> BankAccount | None:
    answers = signup.answers
    if signup.account_number is None or "account_holder" not in answers:
        return None
    return BankAccount(
        bank_code=answers["bank_code"], number=signup.account_number, holder=answers["account_holder"]
    )


def _count_question(signup: SupplierSignup) -> None:
    day = clock.korean_day(clock.real_now()).isoformat()
    times = _asked(signup.answers, day)
    if times + _asked_elsewhere(signup, day) >= supplier_accounts.MOST_QUESTIONS:
        raise supplier_accounts.too_many()
    signup.answers = {**signup.answers, "bank_asked": {"day": day, "times": times + 1}}


def _asked(answers: Mapping[str, Any], day: str) -> int:
    asked = answers.get("bank_asked", {})
    return int(asked["times"]) if asked.get("day") == day else 0


def _asked_elsewhere(signup: SupplierSignup, day: str) -> int:
    """By the same person in other applications: beginning anew gives nobody new questions."""
    own = select(Verification.ci_index).where(Verification.id == signup.verification_id).scalar_subquery()
    others = (
        select(SupplierSignup.answers)
        .join(Verification, Verification.id == SupplierSignup.verification_id)
        .where(Verification.ci_index == own, SupplierSignup.id != signup.id)
    )
    return sum(_asked(answers, day) for answers in db.session.scalars(others))


def attach_document(*, token: str, kind: DocumentKind, file_name: str, content: bytes) -> Document:
    """Hand in a document, for an earlier one. Raises InvalidInput `document.type`, `.size`, `.empty`."""
    load(token=token)
    incoming = attachments.take_in(file_name=file_name, content=content)
    with transaction():
        signup = lock_open(token)
        document, _ = attachments.attach(incoming, kind=kind, supplier_signup_id=signup.id)
        signup.updated_at = clock.now()
        return document


def remove_document(*, token: str, document_id: int) -> None:
    """Raises NotFound."""
    with transaction():
        signup = lock_open(token)
        document = db.session.get(Document, document_id)
        if document is None or document.supplier_signup_id != signup.id:
            raise NotFound()
        document.replaced_at = document.replaced_at or clock.now()


def documents(*, token: str) -> list[Document]:
    return attachments.current(supplier_signup_id=load(token=token).id)


def required_documents(signup: SupplierSignup, /) -> list[DocumentKind]:
    answers = signup.answers
    kind = CompanyKind(answers.get("kind", CompanyKind.SOLE.value))
    verified = VerifiedAs(answers["verified_as"]) if "verified_as" in answers else None
    return supplier_papers.needed(kind, verified_as=verified)


def missing(signup: SupplierSignup, /) -> dict[str, str]:
    """What is still to be done, by the step at which it is done, in Korean."""
    lacking = {
        "terms": None if "terms" in signup.answers else "약관에 동의해 주세요.",
        "verify": None if signup.verification_id else "본인인증을 해 주세요.",
        "account": None if signup.password_hash else "아이디와 비밀번호를 정해 주세요.",
        "details": _missing_details(signup),
        "bank": _missing_bank(signup),
        "documents": _missing_documents(signup),
    }
    return {step: text for step, text in lacking.items() if text}


def _missing_details(signup: SupplierSignup) -> str | None:
    if "business_number" not in signup.answers:
        return "기업정보를 입력해 주세요."
    found = obstacle(signup)
    return found.text if found else None


def _missing_bank(signup: SupplierSignup) -> str | None:
    account, answers = kept_account(signup), signup.answers
    if account is None:
        return "정산 계좌를 입력해 주세요."
    own = supplier_accounts.fits(
        account.holder,
        name=answers.get("name", ""),
        representative=answers.get("representative", ""),
        kind=CompanyKind(answers.get("kind", CompanyKind.SOLE.value)),
    )
    return None if own else "기업정보가 바뀌어 예금주와 다릅니다. 정산 계좌를 다시 입력해 주세요."


def _missing_documents(signup: SupplierSignup) -> str | None:
    present = {document.kind for document in attachments.current(supplier_signup_id=signup.id)}
    lacking = [kind.label for kind in required_documents(signup) if kind not in present]
    return f"서류를 제출해 주세요: {', '.join(lacking)}" if lacking else None


def verified_person(signup: SupplierSignup, /) -> Verification | None:
    return db.session.get(Verification, signup.verification_id) if signup.verification_id else None
