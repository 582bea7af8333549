"""What the tests of joining share: a small programme, files, and the way through the sign-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.db import db
from app.models.companies import CompanyKind, DocumentKind, Signup, VerifiedAs
from app.models.numbers import complete_business_number
from app.models.people import VerificationPurpose
from app.models.programme import Agency, AgencyBudget, Programme
from app.models.vouchers import InstrumentKind
from app.policy import Actor, Role
from app.workflows import budget, signup, verification
from tests import factories
from tests.money import WEB

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 20 + b"\x00\x00\x00\x00IEND\xaeB`\x82"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\x00" * 20 + b"\xff\xd9"
PASSWORD = "Correct-horse-7"


@dataclass
class Stage:
    programme: Programme
    agency: Agency
    budget: AgencyBudget
    reviewer: Actor
    officer: Actor
    manager: Actor


def set_stage(*, vouchers: int = 10, **fields: Any) -> Stage:
    """A programme whose one agency can pay for so many vouchers."""
    programme = factories.make_programme(**fields)
    agency = factories.make_agency()
    row = factories.make_agency_budget(programme=programme, agency=agency)
    officer = factories.make_actor(Role.BUDGET_OFFICER)
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    reviewer = factories.make_actor(Role.REVIEWER, agency_id=agency.id)
    if vouchers:
        amount = 3_600_000 * vouchers
        budget.fund(actor=manager, programme_id=programme.id, amount=amount, key="first")
        budget.allocate(
            actor=officer, programme_id=programme.id, agency_id=agency.id, amount=amount, key="first"
        )
    db.session.commit()
    return Stage(programme, agency, row, reviewer, officer, manager)


def code_for(sandbox: str, phone: str) -> str:
    """The code in the newest message to a phone, as a person would read it off."""
    messages = WEB.get(f"{sandbox}/messages.json", params={"to": phone}).json()
    texts = [m for m in messages if m["to"] == phone]
    text = texts[0]["text"]
    return text[text.index("[", text.index("인증번호")) + 1 :][:6]


def verified(sandbox: str, *, name: str, phone: str, birth7: str = "8001011", purpose: Any = None) -> str:
    """A finished 본인인증; its token."""
    found = verification.request(
        purpose=purpose or VerificationPurpose.SIGN_UP, name=name, birth7=birth7, carrier="SKT", phone=phone
    )
    token = found.token
    verification.confirm(token=token, code=code_for(sandbox, phone))
    return token


def fill(
    sandbox: str,
    agency: Agency,
    *,
    n: int = 1,
    login: str = "",
    person: str = "",
    kind: CompanyKind = CompanyKind.SOLE,
    instrument: InstrumentKind | None = InstrumentKind.ZEROPAY,
    verified_as: VerifiedAs = VerifiedAs.REPRESENTATIVE,
    documents: tuple[DocumentKind, ...] = (DocumentKind.BUSINESS_REGISTRATION, DocumentKind.TAX_CLEARANCE),
    number: str = "",
) -> Signup:
    """A sign-up that lacks only the last press."""
    person = person or f"김대표{n}"
    token = signup.begin().token
    signup.accept_terms(token=token, accepted={"service", "privacy"})
    checked = verified(sandbox, name=person, phone=f"010{55000000 + n}")
    signup.attach_verification(token=token, verification_token=checked, verified_as=verified_as)
    signup.set_account(token=token, login=login or f"newcomer{n}", password=PASSWORD)
    details = {
        "name": f"새싹상사{n}",
        "kind": kind,
        "business_number": number or complete_business_number(f"{220000000 + n * 3}"),
        "representative": person if verified_as is VerifiedAs.REPRESENTATIVE else "박대표",
        "email": f"new{n}@example.co.kr",
        "address": "서울특별시 중구 세종대로 110",
        "industry": "소프트웨어 개발",
    }
    signup.set_details(token=token, details=details)
    signup.set_contact(token=token, contact={"same_as_representative": True})
    for document in documents:
        signup.attach_document(token=token, kind=document, file_name=f"{document.value}.pdf", content=PDF)
    signup.set_instrument(token=token, kind=instrument)
    signup.set_agency(token=token, agency_id=agency.id)
    return signup.load(token=token)
