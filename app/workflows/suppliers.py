"""Suppliers: selection, suspension, and what they say of themselves (R-SUP-1)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select

from app import policy
from app.db import db, lock, transaction
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.korean import with_object, with_topic
from app.models.catalogue import Offering, Supplier, SupplierState
from app.models.record import AuditRow
from app.policy import Actor, Permission
from app.workflows import company_edits, record, search, supplier_reasons
from app.workflows.lifecycle import fire
from app.workflows.supplier_lifecycle import SUPPLIER

_LENGTHS = {
    "name": 100,
    "representative": 50,
    "phone": 20,
    "email": 100,
    "address": 200,
    "introduction": 4000,
}
LABELS = {
    "kind": "기업구분",
    "business_number": "사업자등록번호",
    "name": "기업명",
    "representative": "대표자",
    "phone": "대표 전화",
    "email": "이메일",
    "address": "주소",
    "introduction": "기업 소개",
    "account": "정산 계좌",
}
UNDECIDED = (SupplierState.SCREENING, SupplierState.SUPPLEMENT)
EDITS = ("edit", "replace_document", "change_account")
"""In the trail: what the supplier changes of what is looked at."""
SCREENED_NAMES = ("name", "representative")
"""Fixed once the supplier is 선정."""


def select_supplier(*, actor: Actor, supplier_id: int, seen: int | None = None) -> Supplier:
    """`seen` is `last_change` when it was looked at. Raises as `fire`, and Conflict `supplier.changed`."""
    with transaction():
        moved = _move(supplier_id, "select", actor=actor, marks=[])
        if seen is not None and last_change(supplier_id) != seen:
            text = "화면을 연 뒤에 기업정보나 서류가 바뀌어 선정하지 않았습니다. 바뀐 내용을 확인해 주세요."
            raise Conflict("supplier.changed", text)
        return moved


def last_change(supplier_id: int) -> int:
    """The last row of its trail in which it changed what it says; 0 where it never did."""
    statement = select(func.max(AuditRow.seq)).where(
        AuditRow.entity == SUPPLIER.entity, AuditRow.entity_id == supplier_id, AuditRow.action.in_(EDITS)
    )
    return db.session.scalar(statement) or 0


def ask_supplement(
    *,
    actor: Actor,
    supplier_id: int,
    reason: str = "",
    codes: Sequence[str] = (),
    marks: Collection[str] = (),
) -> Supplier:
    """보완: `marks` names the fields and documents to mend.

    Raises as `fire`, and InvalidInput `supplier.marks`, `reason.code`.
    """
    known = supplier_reasons.markable()
    if unknown := set(marks) - known.keys():
        raise InvalidInput("supplier.marks", f"고칠 항목을 다시 골라 주세요: {', '.join(sorted(unknown))}")
    sentence = supplier_reasons.words(codes, reason)
    named = [mark for mark in known if mark in marks]
    return _move(supplier_id, "ask_supplement", actor=actor, reason=sentence, marks=named)


def reject(*, actor: Actor, supplier_id: int, reason: str = "", codes: Sequence[str] = ()) -> Supplier:
    sentence = supplier_reasons.words(codes, reason)
    return _move(supplier_id, "reject", actor=actor, reason=sentence, marks=[])


def suspend(*, actor: Actor, supplier_id: int, reason: str = "", codes: Sequence[str] = ()) -> Supplier:
    """Stop a supplier's selling; its open deals go on (R-CAT-5)."""
    return _move(supplier_id, "suspend", actor=actor, reason=supplier_reasons.words(codes, reason))


def lift(*, actor: Actor, supplier_id: int, reason: str = "", codes: Sequence[str] = ()) -> Supplier:
    return _move(supplier_id, "lift", actor=actor, reason=supplier_reasons.words(codes, reason))


def resubmit(*, actor: Actor) -> Supplier:
    """The supplier hands in what it was asked to mend; what was asked stays for whoever looks again."""
    moved: Supplier = fire(SUPPLIER, own_id(actor), "resubmit", actor=actor)
    return moved


def _move(
    supplier_id: int, action: str, *, actor: Actor, reason: str | None = None, **changes: Any
) -> Supplier:
    stripped = (reason or "").strip() or None
    moved: Supplier = fire(
        SUPPLIER, supplier_id, action, actor=actor, reason=stripped, changes={"reason": stripped, **changes}
    )
    return moved


def edit(*, actor: Actor, **fields: str) -> Supplier:
    """The supplier changes what it says about itself; the services are found by the new name.

    The business number stays; so do, once it is 선정, name and representative, which were screened. A field
    that is changed is to be checked again, and a new representative is not the person who was verified.
    """
    policy.require(actor, Permission.OFFERING_WRITE)
    details = check_details(**fields)
    with transaction() as session:
        supplier = lock(Supplier, own_id(actor))
        change = {n: (getattr(supplier, n), v) for n, v in details.items() if getattr(supplier, n) != v}
        if supplier.state not in UNDECIDED and change.keys() & set(SCREENED_NAMES):
            raise Conflict(
                "supplier.fixed", "선정 뒤에는 기업명과 대표자를 바꿀 수 없습니다. 전문기관에 문의해 주세요."
            )
        for name, value in details.items():
            setattr(supplier, name, value)
        untick(supplier, *change)
        if "representative" in change:
            supplier.representative_ci = supplier.representative_ci_index = None
        if "name" in change:
            _find_by_new_name(supplier)
        session.flush()
        if change:
            masked = {
                n: (company_edits.mask(n, old), company_edits.mask(n, new))
                for n, (old, new) in change.items()
            }
            record.write("supplier", supplier.id, "edit", actor=actor, change=masked)
        return supplier


def _find_by_new_name(supplier: Supplier) -> None:
    for offering in db.session.scalars(select(Offering).where(Offering.supplier_id == supplier.id)):
        offering.search_text = search.search_text(
            name=offering.name, company=supplier.name, keywords=offering.keywords
        )


def untick(supplier: Supplier, *items: str) -> None:
    """What has changed is to be checked again (R-SCR-3a)."""
    supplier.checks = {item: fits for item, fits in supplier.checks.items() if item not in items}


def own_id(actor: Actor) -> int:
    if actor.supplier_id is None:
        raise Denied()
    return actor.supplier_id


def check_details(**fields: str) -> dict[str, str]:
    """As they are kept. Raises InvalidInput `supplier.details` with the fields."""
    unknown = fields.keys() - _LENGTHS.keys()
    if unknown:
        raise ValueError(f"no field of a supplier: {sorted(unknown)}")
    values = {name: value.strip() for name, value in fields.items()}
    wrong = {}
    for name, value in values.items():
        if not value and name != "introduction":
            wrong[name] = f"{with_object(LABELS[name])} 입력해 주세요."
        elif len(value) > _LENGTHS[name]:
            wrong[name] = f"{with_topic(LABELS[name])} {_LENGTHS[name]:,}자까지 쓸 수 있습니다."
    if values.get("email") and not company_edits.valid_email(values["email"]):
        wrong["email"] = "이메일 주소를 확인해 주세요. 예: name@example.kr"
    if wrong:
        raise InvalidInput("supplier.details", "입력한 내용을 확인해 주세요.", fields=wrong)
    return values


def get(*, actor: Actor, supplier_id: int) -> Supplier:
    """One supplier, to itself and to the lead agency. Raises NotFound, Denied."""
    supplier = db.session.get(Supplier, supplier_id)
    if supplier is None:
        raise NotFound()
    if actor.supplier_id is not None:
        policy.require_own(actor, supplier)
    elif not (actor.may(Permission.DEAL_VIEW) or actor.may(Permission.SUPPLIER_SELECT)):
        raise Denied()
    return supplier


def mine(*, actor: Actor) -> Supplier:
    return get(actor=actor, supplier_id=own_id(actor))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the lead agency's list shows; all of it lies in the address."""

    state: SupplierState | None = None
    text: str = ""
    """In the name, or the beginning of the business number."""
    unverified: bool = False
    """Only those whose account no bank has confirmed, or whose number the tax office did not answer for."""

    def conditions(self) -> list[ColumnElement[bool]]:
        found = [Supplier.state == self.state] if self.state is not None else []
        text = search.clean(self.text)
        if text:
            number = re.sub(r"\D", "", text)
            named = Supplier.name.icontains(text, autoescape=True)
            found.append(named | Supplier.business_number.startswith(number) if number else named)
        if self.unverified:
            found.append(Supplier.account_verified_at.is_(None) | Supplier.tax_office_state.is_(None))
        return found


def supplier_list(
    *, actor: Actor, wanted: Wanted, after: int | None = None, before: int | None = None, size: int = 50
) -> list[Supplier]:
    """The lead agency's list, newest first; of those that wait for a decision the oldest first.

    `after` goes on with the oldest first, `before` with the newest.
    """
    policy.require(actor, Permission.DEAL_VIEW)
    oldest_first = wanted.state is SupplierState.SCREENING
    order = Supplier.id.asc() if oldest_first else Supplier.id.desc()
    statement = select(Supplier).where(*wanted.conditions()).order_by(order).limit(size)
    if after is not None:
        statement = statement.where(Supplier.id > after)
    if before is not None:
        statement = statement.where(Supplier.id < before)
    return list(db.session.scalars(statement))


def next_waiting(*, actor: Actor) -> int | None:
    """The oldest that waits for a decision."""
    wanted = Wanted(state=SupplierState.SCREENING)
    return next((supplier.id for supplier in supplier_list(actor=actor, wanted=wanted, size=1)), None)


def state_counts(*, actor: Actor) -> dict[SupplierState, int]:
    policy.require(actor, Permission.DEAL_VIEW)
    rows: Any = db.session.execute(select(Supplier.state, func.count()).group_by(Supplier.state))
    return {state: 0 for state in SupplierState} | dict(rows.all())
