"""What suppliers offer (R-CAT-5), as they write it: draft, 승인 요청, 판매 중단, a change of what is said.

A draft may be half-filled: what must be there is checked at 승인 요청. Prices: `offering_versions`; what the
lead agency decides: `offering_review`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, Denied, InvalidInput
from app.korean import with_topic
from app.models.catalogue import (
    Category,
    Offering,
    OfferingFile,
    OfferingFileKind,
    OfferingState,
    OfferingVersion,
    Plan,
    Supplier,
    SupplierState,
)
from app.policy import Actor, Permission
from app.workflows import offering_files, offering_versions, record, search
from app.workflows.attachments import Incoming
from app.workflows.lifecycle import begin, fire
from app.workflows.offering_lifecycle import EDITABLE, OFFERING
from app.workflows.offering_versions import NO_EVIDENCE, PlanInput, as_typed, latest_version, wrong_plans

MAX_KEYWORDS = 10
CLOSED = "지금은 받지 않는 분야입니다. 다른 분야를 골라 주세요."
_WRITE = Permission.OFFERING_WRITE
_LENGTHS = {"name": ("서비스명", 80), "summary": ("한 줄 소개", 200), "description": ("서비스 설명", 10_000)}
Files = Sequence[tuple[OfferingFileKind, Incoming]]


def create_draft(
    *,
    actor: Actor,
    category_id: int,
    name: str,
    summary: str = "",
    description: str = "",
    keywords: Sequence[str] = (),
    plans: Sequence[PlanInput] = (),
    files: Files = (),
) -> Offering:
    """Begin a service as 작성중: 분야 and 서비스명 are enough. Raises Denied, InvalidInput with fields."""
    policy.require(actor, _WRITE)
    details = _check(category_id, name, summary, description, keywords, plans)
    with transaction() as session:
        supplier = _own_supplier(actor)
        offering = Offering(
            supplier_id=supplier.id, state=OfferingState.DRAFT, created_at=clock.now(), **details
        )
        offering.search_text = search.search_text(
            name=offering.name, company=supplier.name, keywords=offering.keywords
        )
        begin(OFFERING, offering, actor=actor, action="create")
        version = offering_versions.new_version(offering, plans)
        for kind, file in files:
            offering_files.keep(offering, kind, file, version=version)
        session.flush()
        return offering


def edit_draft(
    *,
    actor: Actor,
    offering_id: int,
    category_id: int,
    name: str,
    summary: str = "",
    description: str = "",
    keywords: Sequence[str] = (),
    plans: Sequence[PlanInput] = (),
    files: Files = (),
) -> Offering:
    """Change what is not on sale; the name stays once it was approved.

    Raises Denied, NotFound, Conflict, InvalidInput with the fields.
    """
    policy.require(actor, _WRITE)
    with transaction() as session:
        offering = _editable(actor, offering_id)
        details = _check(
            category_id, name, summary, description, keywords, plans, stays_in=offering.category_id
        )
        _refuse_new_name(offering, details["name"])
        change = {n: (getattr(offering, n), v) for n, v in details.items() if getattr(offering, n) != v}
        for field, value in details.items():
            setattr(offering, field, value)
        offering.search_text = search.search_text(
            name=offering.name, company=_own_supplier(actor).name, keywords=offering.keywords
        )
        version = latest_version(offering_id=offering.id)
        before, after = _told(as_typed(version)), _told(plans)
        if before != after:
            offering_versions.replace_plans(version, plans)
            change["plans"] = (before, after)
        for kind, file in files:
            offering_files.keep(offering, kind, file, version=version)
            change[kind.value] = (None, file.file_name)
        session.flush()
        if change:
            record.write("offering", offering.id, "edit", actor=actor, change=change)
        return offering


def _refuse_new_name(offering: Offering, name: str) -> None:
    """Open deals, slips and evaluations stand under the name that was approved (R-CAT-5)."""
    if offering.current_version_id is not None and name != offering.name:
        text = "승인된 서비스의 이름은 바꿀 수 없습니다. 이름을 바꾸려면 새 서비스로 등록해 주세요."
        raise InvalidInput("offering.name_fixed", text, fields={"name": text})


def missing(*, offering: Offering) -> dict[str, str]:
    """What a service still lacks before its approval can be asked for, by field."""
    version = latest_version(offering_id=offering.id)
    files = offering_files.of_offering(offering_id=offering.id)
    proofs = [file for file in files if file.version_id == version.id]
    lacks = {
        "category_id": not offering.category.is_open
        and "지금은 받지 않는 분야입니다. 다른 분야를 골라 주세요.",
        "summary": not offering.summary and "한 줄 소개를 입력해 주세요.",
        "description": not offering.description and "서비스 설명을 입력해 주세요.",
        "plans": wrong_plans(as_typed(version)),
        "picture": all(file.kind is not OfferingFileKind.PICTURE for file in files)
        and "대표 이미지를 첨부해 주세요.",
        "evidence": not proofs and NO_EVIDENCE,
    }
    return {field: text for field, text in lacks.items() if text}


def submit(*, actor: Actor, offering_id: int) -> Offering:
    """Ask for approval; only a 선정 supplier may (R-SUP-1).

    Raises InvalidInput `offering.incomplete` with what is missing, Conflict `supplier.not_selected`.
    """
    with transaction():
        offering: Offering = fire(OFFERING, offering_id, "submit", actor=actor)
        lacks = missing(offering=offering)
        if lacks:
            text = "승인을 요청하려면 먼저 채워 주세요. " + " ".join(lacks.values())
            raise InvalidInput("offering.incomplete", text, fields=lacks)
        require_selected(offering.supplier_id)
        return offering


def stop(*, actor: Actor, offering_id: int) -> Offering:
    """판매 중단 by the supplier itself: off the catalogue; open deals go on (R-CAT-5)."""
    offering: Offering = fire(OFFERING, offering_id, "stop", actor=actor)
    return offering


def resume(*, actor: Actor, offering_id: int) -> Offering:
    """판매 재개: of what the supplier itself stopped, at the prices that were approved."""
    with transaction():
        offering: Offering = fire(OFFERING, offering_id, "resume", actor=actor)
        require_selected(offering.supplier_id)
        return offering


def revise(*, actor: Actor, offering_id: int) -> Offering:
    """Take a stopped service back to 작성중, to change what it says; its approval begins anew.

    The plans go on in a new version: deals keep theirs. Raises Conflict `offering.proposed`.
    """
    with transaction():
        offering: Offering = fire(OFFERING, offering_id, "revise", actor=actor)
        if offering.proposed_version_id is not None:
            text = "가격 변경이 승인을 기다립니다. 판매를 재개하고 결과를 받은 뒤에 내용을 변경해 주세요."
            raise Conflict("offering.proposed", text)
        version = db.session.get_one(OfferingVersion, offering.current_version_id or 0)
        offering_versions.new_version(offering, as_typed(version))
        return offering


def delete_draft(*, actor: Actor, offering_id: int) -> None:
    """Throw away a draft that nobody has ever been asked about. Raises Denied, NotFound, Conflict."""
    policy.require(actor, _WRITE)
    with transaction() as session:
        offering = lock(Offering, offering_id)
        policy.require_own(actor, offering)
        if offering.state is not OfferingState.DRAFT or offering.current_version_id is not None:
            text = "한 번도 판매하지 않은 '작성중' 서비스만 지울 수 있습니다."
            raise Conflict("offering.delete.state", text)
        record.write("offering", offering.id, "delete", actor=actor, change={"name": (offering.name, None)})
        versions = select(OfferingVersion.id).where(OfferingVersion.offering_id == offering_id)
        session.execute(delete(OfferingFile).where(OfferingFile.offering_id == offering_id))
        session.execute(delete(Plan).where(Plan.version_id.in_(versions)))
        session.execute(delete(OfferingVersion).where(OfferingVersion.offering_id == offering_id))
        session.execute(delete(Offering).where(Offering.id == offering_id))
        session.expire_all()


def _editable(actor: Actor, offering_id: int) -> Offering:
    offering = lock(Offering, offering_id)
    policy.require_own(actor, offering)
    if offering.state not in EDITABLE:
        raise Conflict(
            "offering.edit.state",
            f"'{offering.state.label}' 상태에서는 내용을 고칠 수 없습니다. "
            "작성중이나 반려 상태에서만 고칠 수 있습니다.",
        )
    return offering


def _own_supplier(actor: Actor) -> Supplier:
    supplier = db.session.get(Supplier, actor.supplier_id or 0)
    if supplier is None:
        raise Denied()
    return supplier


def require_selected(supplier_id: int) -> None:
    """Only a 선정 supplier sells (R-SUP-1). Raises Conflict `supplier.not_selected`."""
    supplier = lock(Supplier, supplier_id)
    if supplier.state is not SupplierState.SELECTED:
        raise Conflict(
            "supplier.not_selected",
            f"공급기업이 '{supplier.state.label}' 상태입니다. 선정된 공급기업만 서비스를 판매할 수 있습니다.",
        )


def _told(plans: Sequence[PlanInput]) -> list[str]:
    """Plans as the audit trail writes them."""
    return [
        f"{plan.name.strip()}: {plan.price:,}원/{plan.unit.strip()}, {plan.period_months}개월"
        for plan in plans
    ]


def _check(
    category_id: int,
    name: str,
    summary: str,
    description: str,
    keywords: Sequence[str],
    plans: Sequence[PlanInput],
    *,
    stays_in: int | None = None,
) -> dict[str, Any]:
    """What even a draft must keep to; `stays_in` is the category that it is in already."""
    texts = {"name": search.clean(name), "summary": search.clean(summary), "description": description.strip()}
    words = list(dict.fromkeys(word for word in map(search.clean, keywords) if word))
    wrong = {
        field: f"{with_topic(label)} {longest:,}자까지 쓸 수 있습니다."
        for field, (label, longest) in _LENGTHS.items()
        if len(texts[field]) > longest
    }
    if not texts["name"]:
        wrong["name"] = "서비스명을 입력해 주세요."
    if len(words) > MAX_KEYWORDS or any(len(word) > 30 for word in words):
        wrong["keywords"] = f"검색어는 {MAX_KEYWORDS}개까지, 하나에 30자까지 쓸 수 있습니다."
    if found := wrong_plans(plans, whole=False):
        wrong["plans"] = found
    category = db.session.get(Category, category_id)
    if category is None:
        wrong["category_id"] = "서비스 분야를 선택해 주세요."
    elif not category.is_open and category_id != stays_in:
        wrong["category_id"] = CLOSED
    if wrong:
        raise InvalidInput("offering.details", "입력한 내용을 확인해 주세요.", fields=wrong)
    return texts | {"keywords": words, "category_id": category_id}
