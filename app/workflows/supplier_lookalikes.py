"""Who looks like a supplier, among suppliers and demand companies (R-SUP-1, R-DEAL-2, R-SET-4).

A hint, never a verdict: an address alone decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, literal, or_, select, union_all
from sqlalchemy.orm import joinedload

from app import policy
from app.db import db
from app.models.applications import Application
from app.models.catalogue import Supplier
from app.models.companies import Company
from app.models.programme import Programme
from app.models.types import Labelled
from app.policy import Actor, Permission
from app.workflows import company_edits

MOST = 20
LABELS = {
    "number": "사업자등록번호",
    "person": "대표자 동일인(본인인증)",
    "name": "대표자 이름",
    "phone": "전화",
    "address": "주소",
    "account": "계좌번호",
}


@dataclass(frozen=True, kw_only=True)
class LookAlike:
    supplier_id: int | None
    application_id: int | None
    """Of a demand company."""
    name: str
    representative: str
    business_number: str
    state: Labelled
    why: list[str]
    """What is the same, in Korean."""


def lookalikes(*, actor: Actor, supplier: Supplier) -> list[LookAlike]:
    """Most alike first; the number of queries is the same whatever is found. Raises Denied."""
    policy.require(actor, Permission.DEAL_VIEW)
    found = [*_suppliers(supplier), *_companies(supplier)]
    return sorted(found, key=lambda row: -len(row.why))[:MOST]


def _key(column: Any) -> Any:
    """As `company.address_key`: without blanks and signs."""
    return func.lower(func.regexp_replace(column, "[^0-9A-Za-z가-힣]", "", "g"))


def _words(why: list[str]) -> list[str]:
    return [label for key, label in LABELS.items() if key in why]


def _suppliers(supplier: Supplier) -> list[LookAlike]:
    """There are some thousands at most: one pass over them. Account numbers are compared in the clear."""
    alike: dict[str, ColumnElement[bool]] = {
        "name": Supplier.representative == supplier.representative,
        "phone": Supplier.phone == supplier.phone,
        "address": _key(Supplier.address) == _key(literal(supplier.address)),
        "account": Supplier.bank_code == supplier.bank_code,
    }
    if supplier.representative_ci_index is not None:
        alike["person"] = Supplier.representative_ci_index == supplier.representative_ci_index
    columns = [condition.label(f"is_{why}") for why, condition in alike.items()]
    statement = (
        select(Supplier, *columns)
        .where(or_(*alike.values()), Supplier.id != supplier.id)
        .order_by(Supplier.id.desc())
    )
    found = []
    for row in db.session.execute(statement):
        other = row[0]
        why = [key for key in alike if getattr(row, f"is_{key}")]
        if "account" in why and other.account_number != supplier.account_number:
            why.remove("account")
        if why:
            found.append(_supplier(other, why))
    return found


def _supplier(other: Supplier, why: list[str]) -> LookAlike:
    return LookAlike(
        supplier_id=other.id,
        application_id=None,
        name=other.name,
        representative=other.representative,
        business_number=other.business_number,
        state=other.state,
        why=_words(why),
    )


def _alike_companies(supplier: Supplier) -> dict[str, ColumnElement[bool]]:
    """Each condition goes through an index of the companies' own."""
    address = db.session.scalar(select(_key(literal(supplier.address)))) or ""
    phones = [number for number in (supplier.phone, supplier.contact_phone) if number]
    alike: dict[str, ColumnElement[bool]] = {
        "number": Company.business_number == supplier.business_number,
        "name": Company.representative == supplier.representative,
        "phone": Company.phone_index.in_([company_edits.phone_index(number) for number in phones]),
        # `<> ''` is said for the index's sake, which holds no empty addresses.
        "address": (Company.address_key == address) & (Company.address_key != ""),
    }
    if supplier.representative_ci_index is not None:
        # The programmes are named for the index's sake, which begins with them.
        alike["person"] = Company.programme_id.in_(select(Programme.id)) & (
            Company.representative_ci_index == supplier.representative_ci_index
        )
    return alike


def _companies(supplier: Supplier) -> list[LookAlike]:
    parts = [
        select(Company.id, literal(why).label("why"))
        .where(condition)
        .order_by(Company.id.desc())
        .limit(MOST)
        .subquery()
        for why, condition in _alike_companies(supplier).items()
    ]
    each = union_all(*[select(part) for part in parts]).subquery()
    grouped = select(each.c.id, func.array_agg(each.c.why)).group_by(each.c.id)
    reasons: dict[int, list[str]] = {key: why for key, why in db.session.execute(grouped)}
    statement = select(Application).where(Application.company_id.in_(reasons))
    return [
        LookAlike(
            supplier_id=None,
            application_id=one.id,
            name=one.company.name,
            representative=one.company.representative,
            business_number=one.company.business_number,
            state=one.state,
            why=_words(reasons[one.company_id]),
        )
        for one in db.session.scalars(statement.options(joinedload(Application.company)))
    ]
