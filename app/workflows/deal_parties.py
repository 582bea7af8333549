"""Who may not deal with whom: companies of one business number or one representative (R-DEAL-2).

The identity service's CI tells persons apart wherever it has named both representatives. Where it has not,
equal names are taken for one person, until the programme manager has settled that they are two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app import policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, Refusal
from app.models.catalogue import Supplier
from app.models.companies import Company
from app.models.numbers import digits, valid_business_number
from app.models.record import AuditRow
from app.policy import Actor, Permission
from app.workflows import programmes, record, search

EXEMPT, WITHDRAWN = "exempt", "withdraw_exemption"
_ASK = f"고객센터({programmes.PLATFORM_PHONE})로 문의해 주세요."


def refuse_self(
    company: Company, supplier: Supplier, /, *, advice: str = "다른 공급기업의 서비스를 찾아 주세요."
) -> None:
    """`advice` says what whoever asked can do. Raises Refusal `deal.self`."""
    if company.business_number == supplier.business_number:
        raise Refusal(
            "deal.self",
            f"사업자등록번호가 같은 기업과는 거래할 수 없습니다. {advice}",
        )
    known = _identified(company) and supplier.representative_ci_index is not None
    same_ci = (
        supplier.representative_ci_index is not None
        and company.representative_ci_index == supplier.representative_ci_index
    )
    if known and same_ci:
        raise Refusal(
            "deal.self",
            f"본인인증으로 확인된 대표자가 같은 기업과는 거래할 수 없습니다. {advice}",
        )
    # A CI of somebody who is the representative no longer still tells who stands behind the company.
    if same_ci or (not known and _same_name(company, supplier)):
        _refuse_unless_exempt(company, supplier)


def _identified(company: Company) -> bool:
    """Whether the CI is that of the present representative: a name that was edited since has none."""
    return (
        company.representative_ci_index is not None
        and company.verified_name is not None
        and _plain(company.verified_name) == _plain(company.representative)
    )


def _plain(name: str) -> str:
    return re.sub(r"\s", "", search.clean(name))


def _same_name(company: Company, supplier: Supplier) -> bool:
    return _plain(company.representative) == _plain(supplier.representative)


def _refuse_unless_exempt(company: Company, supplier: Supplier) -> None:
    for exemption in exemptions(supplier_id=supplier.id):
        names = (_plain(company.representative), _plain(supplier.representative))
        if exemption.business_number == company.business_number and exemption.names == names:
            return
    raise Refusal(
        "deal.self",
        f"대표자가 같은 기업과는 거래할 수 없습니다. 이름만 같은 다른 사람이면 {_ASK}",
    )


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """Settled: the representatives of these two companies are two persons of one name."""

    business_number: str
    names: tuple[str, str]
    """Of company and supplier: it holds as long as both stay who they are."""
    reason: str
    who: str
    at: datetime


def exemptions(*, supplier_id: int) -> list[Exemption]:
    """Those that hold, newest first. The decision stands in the audit trail, where nobody can change it."""
    rows = db.session.scalars(
        select(AuditRow)
        .where(
            AuditRow.entity == "supplier",
            AuditRow.entity_id == supplier_id,
            AuditRow.action.in_((EXEMPT, WITHDRAWN)),
        )
        .order_by(AuditRow.seq)
    )
    found: dict[str, Exemption] = {}
    for row in rows:
        if row.action == WITHDRAWN:
            found.pop(row.change["business_number"][0], None)
            continue
        number = row.change["business_number"][1]
        found[number] = Exemption(
            business_number=number,
            names=(row.change["company"][1], row.change["supplier"][1]),
            reason=row.reason or "",
            who=row.actor_name,
            at=row.at,
        )
    return list(reversed(found.values()))


def exempt(*, actor: Actor, supplier_id: int, business_number: str, reason: str) -> None:
    """Settle that a company's representative is a namesake of the supplier's. Twice is once.

    Raises Denied, NotFound, InvalidInput `exemption.company`, `reason_missing`, Conflict
    `exemption.same_person` (the identity service says otherwise), `exemption.needless`.
    """
    policy.require(actor, Permission.SUPPLIER_SELECT)
    number, why = digits(business_number), _reason(reason)
    with transaction():
        supplier = lock(Supplier, supplier_id)
        company = _company(number)
        same_ci = company.representative_ci_index == supplier.representative_ci_index
        if supplier.representative_ci_index is not None and same_ci and _identified(company):
            raise Conflict(
                "exemption.same_person",
                "본인인증 결과 두 기업의 대표자가 같은 사람입니다. 동명이인으로 확인할 수 없습니다.",
            )
        names = (_plain(company.representative), _plain(supplier.representative))
        if (number, names) in [
            (one.business_number, one.names) for one in exemptions(supplier_id=supplier_id)
        ]:
            return
        # One of those who were representatives before holds no more: this takes its place.
        change = {
            "business_number": (None, number),
            "company": (None, names[0]),
            "supplier": (None, names[1]),
        }
        record.write("supplier", supplier_id, EXEMPT, actor=actor, change=change, reason=why)


def withdraw_exemption(*, actor: Actor, supplier_id: int, business_number: str, reason: str) -> None:
    """Raises Denied, NotFound, InvalidInput `reason_missing`, Conflict `exemption.none`."""
    policy.require(actor, Permission.SUPPLIER_SELECT)
    number, why = digits(business_number), _reason(reason)
    with transaction():
        lock(Supplier, supplier_id)
        if number not in [one.business_number for one in exemptions(supplier_id=supplier_id)]:
            raise Conflict("exemption.none", "이미 취소된 동명이인 확인입니다. 화면을 새로 고쳐 주세요.")
        change = {"business_number": (number, None)}
        record.write("supplier", supplier_id, WITHDRAWN, actor=actor, change=change, reason=why)


def _reason(reason: str) -> str:
    if not reason.strip():
        text = "사유를 입력해 주세요."
        raise InvalidInput("reason_missing", text, fields={"reason": text})
    return reason.strip()


def _company(number: str) -> Company:
    """The latest application under this number."""
    text = "이 사업자등록번호로 참여한 수요기업이 없습니다. 번호를 확인해 주세요."
    company = None
    if valid_business_number(number):
        company = db.session.scalar(
            select(Company).where(Company.business_number == number).order_by(Company.id.desc()).limit(1)
        )
    if company is None:
        raise InvalidInput("exemption.company", text, fields={"business_number": text})
    return company
