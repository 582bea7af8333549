"""A company's own details: which can be changed when, and '회원정보 수정 이력' (R-SCR-2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import clock, crypto, policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.korean import with_object, with_topic
from app.models.applications import Application, ApplicationState
from app.models.companies import Company, CompanyKind, Document, DocumentKind, VerifiedAs
from app.models.numbers import digits, valid_business_number, valid_mobile
from app.models.people import VerificationPurpose
from app.models.programme import Programme
from app.models.record import AuditRow
from app.models.vouchers import Instrument
from app.policy import Actor, Permission
from app.workflows import attachments, eligibility, needed_documents, record, tax_office, verification

LABELS = {
    "name": "기업명",
    "kind": "기업구분",
    "business_number": "사업자등록번호",
    "representative": "대표자명",
    "email": "기업 이메일",
    "address": "주소",
    "industry": "업종",
    "employees": "상시근로자 수",
    "contact_name": "담당자명",
    "contact_phone": "담당자 휴대전화",
    "contact_email": "담당자 이메일",
    "payment_contact_name": "결제담당자명",
    "payment_contact_phone": "결제담당자 휴대전화",
    "document": "제출 서류",
    "account": "카드 연결계좌",
}
LENGTHS = {"name": 100, "representative": 50, "email": 100, "address": 200, "industry": 100}
LENGTHS |= {"contact_name": 50, "contact_email": 100}
REQUIRED = ("name", "representative", "email", "address", "industry", "contact_name", "contact_phone")
NOT_TYPED = ("payment_", "document", "account", "employees")
EDITABLE = tuple(field for field in LABELS if not field.startswith(NOT_TYPED))
ALSO_EDITABLE = (*EDITABLE, "employees")
MOST_EMPLOYEES = 99_999
FIXED_LATER = ("business_number", "kind")
FLAGGING = ("representative", "document", "account")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_S = ApplicationState
_EARLY = (_S.NOT_APPLIED, _S.ON_HOLD)
_OPEN = (*_EARLY, _S.SCREENED, _S.APPROVED)


def editable(state: ApplicationState, programme: Programme | None = None) -> tuple[str, ...]:
    """What the company can change in this state (R-SCR-2); employees where its year asks (R-JOIN-7a)."""
    if state not in _OPEN:
        return ()
    fields = ALSO_EDITABLE if programme is not None and programme.needs_employees else EDITABLE
    return fields if state in _EARLY else tuple(field for field in fields if field not in FIXED_LATER)


def valid_email(text: str) -> bool:
    return len(text) <= 100 and bool(_EMAIL.fullmatch(text))


def check_details(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the fields that are given, in Korean, by field."""
    wrong = {}
    for field, value in values.items():
        if field == "employees":
            if not (isinstance(value, int) and 0 <= value <= MOST_EMPLOYEES):
                wrong[field] = "상시근로자 수를 0 이상의 숫자로 입력해 주세요. 없으면 0을 입력합니다."
        elif field in REQUIRED and not value:
            wrong[field] = f"{with_object(LABELS[field])} 입력해 주세요."
        elif field in LENGTHS and len(value) > LENGTHS[field]:
            wrong[field] = f"{with_topic(LABELS[field])} {LENGTHS[field]}자 이하로 입력해 주세요."
        elif field.endswith("email") and value and not valid_email(value):
            wrong[field] = "이메일을 'name@example.co.kr' 형식으로 입력해 주세요."
        elif field.endswith("phone") and value and not valid_mobile(value):
            wrong[field] = "휴대전화 번호를 '010-0000-0000' 형식으로 입력해 주세요."
        elif field == "business_number" and not valid_business_number(value):
            wrong[field] = "사업자등록번호가 맞지 않습니다. 숫자 열 자리를 다시 확인해 주세요."
    return wrong


def clean(values: Mapping[str, Any]) -> dict[str, Any]:
    """As they are kept: numbers without hyphens, texts without blanks at their ends."""
    cleaned: dict[str, Any] = {}
    for field, value in values.items():
        if field == "kind":
            cleaned[field] = value if isinstance(value, CompanyKind) else CompanyKind(value)
        elif field == "business_number" or field.endswith("phone"):
            cleaned[field] = digits(value or "")
        elif field == "employees":
            cleaned[field] = value
        else:
            cleaned[field] = " ".join((value or "").split())
    return cleaned


def mask(field: str, value: Any) -> Any:
    """Personal data as the audit trail keeps it."""
    if value and field.endswith("phone"):
        return f"{value[:3]}-****-{value[-4:]}"
    if value and field.endswith("email"):
        name, _, host = value.partition("@")
        return f"{name[:2]}***@{host}"
    return value


def own(*, actor: Actor) -> Company:
    """Raises NotFound."""
    company = db.session.get(Company, actor.company_id) if actor.company_id else None
    if company is None:
        raise NotFound()
    return company


def _lock_own(actor: Actor) -> tuple[Company, Application]:
    """Application first, then company: the order of every verb here."""
    found = db.session.scalar(select(Application.id).where(Application.company_id == actor.company_id))
    if found is None:
        raise NotFound()
    application = lock(Application, found)
    policy.require_own(actor, application)
    company = lock(Company, application.company_id)
    if application.state not in _OPEN:
        raise Conflict(
            "company.locked_state",
            f"현재 상태가 '{application.state.label}'이라서 기업정보를 수정할 수 없습니다.",
        )
    return company, application


def edit(
    *, actor: Actor, changes: Mapping[str, Any], payment_verification_token: str | None = None
) -> Company:
    """Change details; every change lands in the history. A new payment contact verifies their phone first.

    Raises Denied, Conflict `company.locked_state`, `company.fixed_field`, `company.taken`, InvalidInput.
    """
    policy.require(actor, Permission.COMPANY_EDIT)
    values = clean({field: value for field, value in changes.items() if field in ALSO_EDITABLE})
    wrong = check_details(values)
    if wrong:
        raise InvalidInput("company.details", "입력한 내용을 다시 확인해 주세요.", fields=wrong)
    try:
        with transaction():
            return _edit(actor, values, payment_verification_token)
    except IntegrityError as error:
        text = "이미 이 사업에 참여한 사업자등록번호입니다."
        raise InvalidInput("company.taken", text, fields={"business_number": text}) from error


def _edit(actor: Actor, values: dict[str, Any], payment_token: str | None) -> Company:
    company, application = _lock_own(actor)
    if payment_token:
        contact = verification.finished(token=payment_token, purpose=VerificationPurpose.PAYMENT_CONTACT)
        contact.used_at = clock.real_now()
        values |= {"payment_contact_name": contact.name, "payment_contact_phone": contact.phone}
    change = {f: (getattr(company, f), v) for f, v in values.items() if getattr(company, f) != v}
    fixed = [field for field in FIXED_LATER if field in change]
    if fixed and application.state not in _EARLY:
        text = f"{with_topic(LABELS[fixed[0]])} 심사확정된 뒤에는 바꿀 수 없습니다."
        raise InvalidInput("company.fixed_field", text, fields={fixed[0]: text})
    if not change:
        return company
    for field, (_, value) in change.items():
        setattr(company, field, value)
    if "business_number" in change:
        # What the tax office said of the old number says nothing of this one; it is asked on handing in.
        company.tax_office_state = company.tax_office_asked_at = None
        company.tax_office_tries = 0
    db.session.flush()
    masked = {f: (mask(f, old), mask(f, new)) for f, (old, new) in change.items()}
    record.write("company", company.id, "edit", actor=actor, change=masked)
    _flag(application, change, actor=actor)
    return company


def _flag(application: Application, change: Mapping[str, Any], *, actor: Actor) -> None:
    """After 심사확정 some edits are for the agency to look at (R-SCR-2)."""
    if application.state in _EARLY or not set(change) & set(FLAGGING):
        return
    application.flagged_at = clock.now()
    what = {field: (None, "수정됨") for field in change if field in FLAGGING}
    record.write("application", application.id, "flag", actor=actor, change=what)


def replace_document(*, actor: Actor, kind: DocumentKind, file_name: str, content: bytes) -> Document:
    """Hand in a document, in the place of the earlier one. Raises as `edit`, and as attachments.take_in."""
    policy.require(actor, Permission.COMPANY_EDIT)
    incoming = attachments.take_in(file_name=file_name, content=content)
    with transaction():
        company, application = _lock_own(actor)
        document, earlier = attachments.attach(incoming, kind=kind, company_id=company.id)
        named = (f"{kind.label}: {earlier}" if earlier else None, f"{kind.label}: {document.file_name}")
        record.write("company", company.id, "edit", actor=actor, change={"document": named})
        _flag(application, {"document": named}, actor=actor)
        return document


def account_changed(application: Application, *, before: str | None, after: str | None, actor: Actor) -> None:
    """Another account behind the card: into the history, and told to the agency (R-SCR-2, R-INS-4).

    Inside the caller's transaction, with application and company locked.
    """
    change = {"account": (before, after)}
    record.write("company", application.company_id, "edit", actor=actor, change=change)
    _flag(application, change, actor=actor)


@dataclass(frozen=True, kw_only=True)
class EditEntry:
    id: int
    at: datetime
    who: str
    field: str
    label: str
    before: Any
    after: Any


def edits(*, actor: Actor, company_id: int, before: int | None = None, size: int = 20) -> list[EditEntry]:
    """'회원정보 수정 이력', newest first: one entry per field; `before` is an entry's id. Raises NotFound."""
    company = db.session.get(Company, company_id)
    if company is None:
        raise NotFound()
    policy.require_own(actor, company)
    statement = select(AuditRow).where(
        AuditRow.entity == "company", AuditRow.entity_id == company_id, AuditRow.action == "edit"
    )
    if before is not None:
        statement = statement.where(AuditRow.id < before)
    rows = db.session.scalars(statement.order_by(AuditRow.seq.desc()).limit(size))
    return [
        EditEntry(
            id=row.id,
            at=row.at,
            who=row.actor_name,
            field=field,
            label=LABELS.get(field, field),
            before=_shown(field, old),
            after=_shown(field, new),
        )
        for row in rows
        for field, (old, new) in row.change.items()
    ]


def _shown(field: str, value: Any) -> Any:
    return CompanyKind(value).label if field == "kind" and value else value


def required_documents(
    kind: CompanyKind, *, programme: Programme, verified_as: VerifiedAs | None, joined_before: bool = False
) -> list[DocumentKind]:
    """By the programme's table (R-JOIN-2, R-JOIN-5, R-JOIN-7a)."""
    return needed_documents.needed(programme, kind=kind, verified_as=verified_as, joined_before=joined_before)


def took_part_before(business_number: str, programme: Programme) -> bool:
    """Whether it was 승인 in an earlier year (R-JOIN-5)."""
    found = db.session.scalar(
        select(Application.id)
        .join(Company, Company.id == Application.company_id)
        .join(Programme, Programme.id == Company.programme_id)
        .where(Company.business_number == business_number, Programme.year < programme.year)
        .where(Application.state == ApplicationState.APPROVED)
        .limit(1)
    )
    return found is not None


def missing_for_application(*, actor: Actor) -> list[str]:
    """What '사업 신청' of a company from K-Startup still needs, in Korean (R-KST-3)."""
    company = own(actor=actor)
    lacking = [LABELS[field] for field in REQUIRED if not getattr(company, field)]
    if company.programme.needs_employees and company.employees is None:
        lacking.append(LABELS["employees"])
    joined_before = took_part_before(company.business_number, company.programme)
    needed = required_documents(
        company.kind,
        programme=company.programme,
        verified_as=company.verified_as,
        joined_before=joined_before,
    )
    present = {document.kind for document in attachments.current(company_id=company.id)}
    lacking += [kind.label for kind in needed if kind not in present]
    if not db.session.scalar(select(Instrument.id).where(Instrument.company_id == company.id)):
        lacking.append("결제수단 선택")
    return lacking


def refuse_ineligible(*, actor: Actor) -> None:
    """'사업 신청' is for companies that can take part (R-JOIN-7a). Raises Ineligible, NotFound."""
    company = own(actor=actor)
    eligibility.refuse(company.programme, industry=company.industry, employees=company.employees)


def ask_tax_office(*, actor: Actor) -> None:
    """Ask for the state of the own business number, outside any transaction, and keep the answer (R-JOIN-4).

    Raises Ineligible as tax_office.refuse_closed. Unreachable: goes on, and `tax_office_state` stays None.
    """
    with transaction():
        number = own(actor=actor).business_number
    state = tax_office.state_of(number)
    tax_office.refuse_closed(state)
    with transaction():
        company = lock(Company, actor.company_id)
        company.tax_office_state = state
        company.tax_office_asked_at = clock.real_now()


def phone_index(phone: str) -> bytes:
    """How a company's phone is found again (R-SCR-3)."""
    return crypto.blind_index(f"phone {digits(phone)}")
