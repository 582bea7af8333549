"""'공급기업 신청': what was filled in becomes supplier and account, once (R-SUP-1, as R-JOIN-8)."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app import clock
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.models.catalogue import Supplier, SupplierSignup, SupplierState
from app.models.companies import CompanyKind, Document, VerifiedAs
from app.models.people import Account, Verification
from app.policy import Actor, Role
from app.workflows import accounts, lifecycle, record, supplier_signup
from app.workflows.eligibility import Ineligible
from app.workflows.supplier_lifecycle import HOME, SUPPLIER

_RACES = {
    "business_number": (
        "supplier.exists",
        "business_number",
        "이미 공급기업으로 신청한 사업자등록번호입니다.",
    ),
    "account_login": (
        "account.login_taken",
        "login",
        "이미 사용 중인 아이디입니다. 다른 아이디를 정해 주세요.",
    ),
}


def submit(*, token: str, ip: str | None = None) -> Supplier:
    """Hand it in; a second time gives the same supplier. The tax office is asked before (R-JOIN-4).

    Raises InvalidInput `signup.incomplete`, `signup.name`, `supplier.exists`, `account.login_taken`;
    Ineligible; Conflict `verification.not_verified`; NotFound.
    """
    try:
        return _hand_in(token, ip)
    except (Conflict, InvalidInput, Ineligible):
        # Two presses at once: the slower one may have met what the faster one made.
        try:
            return receipt(token=token)
        except NotFound:
            pass
        raise


def _hand_in(token: str, ip: str | None) -> Supplier:
    with transaction() as session:
        found = supplier_signup.load(token=token)
        if found.supplier_id is not None:
            return session.get_one(Supplier, found.supplier_id)
        _refuse_incomplete(found)
    supplier_signup.ask_tax_office(token=token)
    try:
        with transaction():
            return _submit(token, ip)
    except IntegrityError as error:
        raise _race(error) from error


def _refuse_incomplete(found: SupplierSignup) -> None:
    supplier_signup.refuse_obstacle(found)
    lacking = supplier_signup.missing(found)
    if lacking:
        raise InvalidInput("signup.incomplete", "아직 마치지 않은 단계가 있습니다.", fields=lacking)
    answers = found.answers
    if _is_representative(found) and answers["verified_name"] != answers["representative"]:
        text = (
            "대표자로 본인인증한 이름과 대표자명이 다릅니다. 대표자명을 확인하거나 "
            "담당자(임직원)로 인증해 주세요."
        )
        raise InvalidInput("signup.name", text, fields={"representative": text})


def _is_representative(found: SupplierSignup) -> bool:
    return bool(found.answers["verified_as"] == VerifiedAs.REPRESENTATIVE.value)


def _race(error: IntegrityError) -> Exception:
    """Somebody was faster between the check and the insert: the database's unique keys decide."""
    for part, (code, field, text) in _RACES.items():
        if part in str(error.orig):
            return InvalidInput(code, text, fields={field: text})
    return error


def _submit(token: str, ip: str | None) -> Supplier:
    found = lock(SupplierSignup, supplier_signup.load(token=token).id)
    if found.supplier_id is not None:
        return db.session.get_one(Supplier, found.supplier_id)
    _refuse_incomplete(found)
    person = lock(Verification, found.verification_id)
    if person.used_at is not None:
        raise Conflict(
            "verification.not_verified",
            "본인인증이 다른 회원가입에 이미 쓰였습니다. 본인인증을 다시 해 주세요.",
        )
    accounts.check_login(found.answers["login"])
    supplier = _supplier(found, person)
    # Who joins has no account yet: it is made for the supplier that the first row of the trail makes.
    visitor = Actor(id=None, role=Role.SUPPLIER, name=person.name, ip=ip)
    lifecycle.begin(SUPPLIER, supplier, actor=visitor, action="join")
    account = _account(found, supplier, person)
    record.write(
        "account", account.id, "create", actor=account.actor(ip), change={"role": (None, account.role)}
    )
    _close(found, supplier, person)
    text = f"공급기업 신청이 접수되었습니다. 접수번호는 {receipt_number(supplier)}입니다."
    key = f"supplier:{supplier.id}:received"
    record.tell([record.Message(key=key, text=text, supplier_id=supplier.id, link=HOME)])
    return supplier


def _supplier(found: SupplierSignup, person: Verification) -> Supplier:
    """The CI is kept where it is the representative's: by it a deal with oneself is known (R-DEAL-2)."""
    answers, representative = found.answers, _is_representative(found)
    return Supplier(
        **{name: answers[name] for name in supplier_signup.TYPED},
        kind=CompanyKind(answers["kind"]),
        business_number=answers["business_number"],
        state=SupplierState.SCREENING,
        representative_ci=person.ci if representative else None,
        representative_ci_index=person.ci_index if representative else None,
        contact_name=person.name,
        contact_phone=person.phone,
        bank_code=answers["bank_code"],
        account_number=found.account_number,
        account_holder=answers["account_holder"],
        account_verified_at=found.account_verified_at,
        tax_office_state=answers.get("tax_office_state"),
        tax_office_asked_at=clock.real_now(),
        joined_at=clock.now(),
    )


def _account(found: SupplierSignup, supplier: Supplier, person: Verification) -> Account:
    account = Account(
        login=found.answers["login"],
        password_hash=found.password_hash,
        role=Role.SUPPLIER,
        name=person.name,
        email=supplier.email,
        phone=person.phone,
        supplier_id=supplier.id,
        created_at=clock.now(),
    )
    db.session.add(account)
    db.session.flush()
    return account


def _close(found: SupplierSignup, supplier: Supplier, person: Verification) -> None:
    """The documents become the supplier's; what was only for the way here is forgotten."""
    db.session.execute(
        update(Document)
        .where(Document.supplier_signup_id == found.id, Document.replaced_at.is_(None))
        .values(supplier_id=supplier.id)
    )
    person.used_at = clock.real_now()
    found.supplier_id = supplier.id
    found.submitted_at = clock.now()
    found.password_hash = found.account_number = None
    db.session.flush()


def receipt_number(supplier: Supplier) -> str:
    return f"S{supplier.joined_at.year}-{supplier.id:06d}"


def receipt(*, token: str) -> Supplier:
    """What the page after it shows; raises NotFound."""
    statement = (
        select(Supplier)
        .join(SupplierSignup, SupplierSignup.supplier_id == Supplier.id)
        .where(SupplierSignup.token == token)
    )
    supplier = db.session.scalar(statement)
    if supplier is None:
        raise NotFound()
    return supplier
