"""Rows for the set-up of tests, each valid as it stands; nothing here moves a state or a won."""

from __future__ import annotations

import itertools
from typing import Any

from app import clock
from app.db import db
from app.models.applications import Application, ApplicationState
from app.models.catalogue import (
    Category,
    Offering,
    OfferingState,
    OfferingVersion,
    Plan,
    Supplier,
    SupplierState,
)
from app.models.companies import Company, CompanyKind, Document, DocumentKind, VerifiedAs
from app.models.numbers import complete_business_number
from app.models.people import Account
from app.models.programme import Agency, AgencyBudget, Programme, VatMode
from app.models.vouchers import Instrument, InstrumentKind, InstrumentState
from app.policy import Actor, Role
from app.workflows.company_edits import required_documents

_serial = itertools.count(1)


def _save(row: Any) -> Any:
    db.session.add(row)
    db.session.flush()
    return row


def make_programme(**fields: Any) -> Programme:
    defaults: dict[str, Any] = {
        "year": 1900 + next(_serial),
        "name": "비대면 서비스 바우처",
        "cap": 4_000_000,
        "company_share_percent": 10,
        "vat_mode": VatMode.INCLUDED,
        "card_opens_on": None,
    }
    return _save(Programme(**defaults | fields))


def make_agency(**fields: Any) -> Agency:
    n = next(_serial)
    return _save(Agency(**{"code": f"agency-{n}", "name": f"운영기관{n}", "phones": "02-0000-0000"} | fields))


def make_agency_budget(*, programme: Programme, agency: Agency) -> AgencyBudget:
    return _save(AgencyBudget(programme_id=programme.id, agency_id=agency.id))


def make_account(role: Role, **fields: Any) -> Account:
    n = next(_serial)
    if role.is_operating_agency and "agency_id" not in fields:
        fields["agency_id"] = make_agency().id
    if role is Role.SUPPLIER and "supplier_id" not in fields:
        fields["supplier_id"] = make_supplier().id
    if role is Role.DEMAND and "company_id" not in fields:
        fields["company_id"] = make_company().id
    defaults: dict[str, Any] = {
        "login": f"user{n}",
        "name": f"사람{n}",
        "role": role,
        "email": f"user{n}@example.kr",
        "phone": f"0100000{n:04}"[:11],
        "created_at": clock.now(),
    }
    return _save(Account(**defaults | fields))


def make_actor(role: Role, **fields: Any) -> Actor:
    return make_account(role, **fields).actor()


def make_company(**fields: Any) -> Company:
    n = next(_serial)
    fields.setdefault("programme_id", 0) or fields.update(programme_id=make_programme().id)
    fields.setdefault("agency_id", 0) or fields.update(agency_id=make_agency().id)
    defaults: dict[str, Any] = {
        "name": f"주식회사 시험{n}",
        "kind": CompanyKind.CORPORATE,
        "business_number": complete_business_number(f"{100000000 + n * 7}"),
        "representative": f"대표{n}",
        "verified_as": VerifiedAs.REPRESENTATIVE,
        "verified_name": f"대표{n}",
        "phone": f"010{20000000 + n}",
        "email": f"company{n}@example.kr",
        "contact_phone": f"010{20000000 + n}",
        "payment_contact_phone": f"010{20000000 + n}",
        "joined_at": clock.now(),
    }
    return _save(Company(**defaults | fields))


def make_document(*, company: Company, kind: DocumentKind, **fields: Any) -> Document:
    """Its row alone: no file lies in the store."""
    defaults: dict[str, Any] = {
        "file_name": f"{kind.label}.pdf",
        "content_type": "application/pdf",
        "size": 1_000,
        "sha256": f"{next(_serial):064}",
        "uploaded_at": clock.now(),
    }
    return _save(Document(company_id=company.id, kind=kind, **defaults | fields))


def make_application(
    *, company: Company, state: ApplicationState, papers: bool = True, **fields: Any
) -> Application:
    """One that waits has the papers of R-JOIN-2, unless `papers` says no."""
    if papers and state in (ApplicationState.SCREENING, ApplicationState.ON_HOLD):
        programme = db.session.get_one(Programme, company.programme_id)
        for kind in required_documents(company.kind, programme=programme, verified_as=company.verified_as):
            make_document(company=company, kind=kind)
    defaults: dict[str, Any] = {
        "receipt_number": f"T-{next(_serial):06}",
        "programme_id": company.programme_id,
        "company_id": company.id,
        "agency_id": company.agency_id,
        "created_at": clock.now(),
        "submitted_at": clock.now(),
    }
    return _save(Application(**defaults | fields, state=state))


def make_instrument(
    *, company: Company, kind: InstrumentKind, state: InstrumentState, **fields: Any
) -> Instrument:
    return _save(Instrument(company_id=company.id, kind=kind, state=state, chosen_at=clock.now(), **fields))


def make_supplier(**fields: Any) -> Supplier:
    n = next(_serial)
    defaults: dict[str, Any] = {
        "name": f"공급{n} 주식회사",
        "business_number": complete_business_number(f"{500000000 + n * 7}"),
        "representative": f"공급대표{n}",
        "state": SupplierState.SELECTED,
        "phone": "02-555-0000",
        "email": f"supplier{n}@example.kr",
        "address": "서울특별시 강남구 테헤란로 1",
        "bank_code": "088",
        "account_number": f"110{n:09}",
        "account_holder": f"공급{n} 주식회사",
        "account_verified_at": clock.now(),
        "joined_at": clock.now(),
    }
    return _save(Supplier(**defaults | fields))


def make_category(**fields: Any) -> Category:
    n = next(_serial)
    return _save(Category(**{"code": f"category-{n}", "name": f"분야{n}", "position": n} | fields))


def make_offering(*, supplier: Supplier | None = None, price: int = 1_100_000, **fields: Any) -> Offering:
    """On sale, with one plan at `price` won."""
    n = next(_serial)
    supplier = supplier or make_supplier()
    fields.setdefault("category_id", 0) or fields.update(category_id=make_category().id)
    defaults: dict[str, Any] = {
        "name": f"화상회의 서비스{n}",
        "summary": "어디서나 회의",
        "description": "어디서나 회의할 수 있습니다.",
        "keywords": ["화상", "회의"],
        "state": OfferingState.ON_SALE,
        "lowest_price": price,
        "created_at": clock.now(),
        "published_at": clock.now(),
    }
    offering = Offering(supplier_id=supplier.id, **defaults | fields)
    offering.search_text = f"{offering.name} {supplier.name} {' '.join(offering.keywords)}"
    _save(offering)
    version = _save(OfferingVersion(offering_id=offering.id, number=1, created_at=clock.now()))
    _save(Plan(version_id=version.id, name="기본", price=price, unit="1년", period_months=12))
    offering.current_version_id = version.id
    db.session.flush()
    return offering
