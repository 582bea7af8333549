"""What the tests of a supplier's joining share: the way through it, and one that has joined."""

from __future__ import annotations

import itertools
from typing import Any

from sqlalchemy import select

from app.db import db
from app.models.catalogue import Supplier, SupplierSignup, SupplierState
from app.models.companies import CompanyKind, DocumentKind, VerifiedAs
from app.models.numbers import complete_business_number
from app.models.people import Account
from app.models.record import AuditRow
from app.policy import Actor, Role
from app.workflows import supplier_signup, supplier_signup_submit
from tests import factories
from tests.integration.workflows.joining import PASSWORD, PDF, verified

_serial = itertools.count(1)
HOLDER = "새빛소프트 주식회사"


def typed(n: int, **changes: Any) -> dict[str, Any]:
    return {
        "kind": CompanyKind.CORPORATE,
        "business_number": complete_business_number(f"{640000000 + n * 3}"),
        "name": f"주식회사 새빛{n}",
        "representative": f"한새빛{n}",
        "phone": "02-555-1234",
        "email": f"hello{n}@saebit.example",
        "address": "서울특별시 구로구 디지털로 1",
        "introduction": "협업 도구를 만듭니다.",
    } | changes


def fill(
    sandbox: str,
    *,
    n: int = 0,
    verified_as: VerifiedAs = VerifiedAs.REPRESENTATIVE,
    account_number: str = "110-123-456789",
    papers: bool = True,
    login: str = "",
    **changes: Any,
) -> SupplierSignup:
    """An application that lacks only the last press."""
    n = n or next(_serial)
    details = typed(n, **changes)
    token = supplier_signup.begin().token
    supplier_signup.accept_terms(token=token, accepted={"service", "privacy"})
    person = details["representative"] if verified_as is VerifiedAs.REPRESENTATIVE else f"박담당{n}"
    checked = verified(sandbox, name=person, phone=f"010{57000000 + n}")
    supplier_signup.attach_verification(token=token, verification_token=checked, verified_as=verified_as)
    supplier_signup.set_account(token=token, login=login or f"seller-{n}", password=PASSWORD)
    supplier_signup.set_details(token=token, details=details)
    supplier_signup.set_bank(
        token=token, bank_code="088", account_number=account_number, account_holder=details["name"]
    )
    if papers:
        attach(token)
    return supplier_signup.load(token=token)


def attach(token: str, *kinds: DocumentKind) -> None:
    for kind in kinds or supplier_signup.required_documents(supplier_signup.load(token=token)):
        supplier_signup.attach_document(token=token, kind=kind, file_name=f"{kind.label}.pdf", content=PDF)


def joined(sandbox: str, **changes: Any) -> tuple[Supplier, Actor]:
    supplier = supplier_signup_submit.submit(token=fill(sandbox, **changes).token, ip="10.0.0.9")
    account = db.session.query(Account).filter_by(supplier_id=supplier.id).one()
    return supplier, account.actor()


def waiting(**fields: Any) -> tuple[Supplier, Actor]:
    """A row of one that waits, with nothing behind it; its person."""
    given = {"name": HOLDER, "representative": "한새빛", "state": SupplierState.SCREENING}
    given |= {"account_number": "110123456789", "account_holder": HOLDER, "account_verified_at": None}
    supplier = factories.make_supplier(**given | fields)
    person = factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)
    db.session.commit()
    return supplier, person


def trail(supplier: Supplier, action: str) -> list[AuditRow]:
    statement = select(AuditRow).where(
        AuditRow.entity == "supplier", AuditRow.entity_id == supplier.id, AuditRow.action == action
    )
    return list(db.session.scalars(statement.order_by(AuditRow.seq)))
