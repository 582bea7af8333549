"""What the tests of a case share: its page, its papers, its people."""

from __future__ import annotations

from typing import Any

from app.db import db
from app.models.companies import Document, DocumentKind
from app.policy import Role
from app.workflows import attachments, screening_points
from tests import factories as make

CASE = "/console/case"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 20 + b"\x00\x00\x00\x00IEND\xaeB`\x82"
HTMX = {"HX-Request": "true"}


def text_of(client: Any, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    page: str = answer.get_data(as_text=True)
    return page


def paper(application: Any, kind: DocumentKind) -> Document:
    return next(one for one in attachments.current(company_id=application.company_id) if one.kind is kind)


def expired(application: Any) -> str:
    """The tick on the validity of the tax clearance."""
    return screening_points.item(paper(application, DocumentKind.TAX_CLEARANCE).id, "valid")


def colleague(world: Any, name: str = "한심사") -> Any:
    account = make.make_account(Role.REVIEWER, agency_id=world.agency.id, name=name)
    db.session.commit()
    return account


def person_of(application: Any) -> Any:
    application.company.tax_office_state = "계속사업자"
    company = application.company
    company.industry, company.address, company.contact_name = "소프트웨어", "서울", "담당"
    account = make.make_account(Role.DEMAND, company_id=company.id)
    db.session.commit()
    return account.actor()
