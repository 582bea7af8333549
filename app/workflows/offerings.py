"""What suppliers offer (R-CAT-5): draft, approval, prices in versions, suspension.

A version on sale never changes: new prices are a new version, which waits for approval while the old one
sells on, and a deal keeps the version that it began with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import (
    Category,
    Offering,
    OfferingState,
    OfferingVersion,
    Plan,
    Supplier,
    SupplierState,
)
from app.policy import Actor, Permission
from app.workflows import record, search
from app.workflows.lifecycle import Edge, Lifecycle, Tell, begin, fire

LIST = "/supply/services"
_APPROVE = Permission.OFFERING_APPROVE
_WRITE = Permission.OFFERING_WRITE


def _told(text: str) -> tuple[Tell, ...]:
    return (Tell(to="supplier", text=text, link=LIST),)


OFFERING = Lifecycle(
    "offering",
    Offering,
    initial=(OfferingState.DRAFT,),
    edges=(
        *(
            Edge(
                action="submit",
                label="승인 요청",
                source=source,
                target=OfferingState.IN_REVIEW,
                permission=_WRITE,
            )
            for source in (OfferingState.DRAFT, OfferingState.RETURNED)
        ),
        Edge(
            action="approve",
            label="승인",
            source=OfferingState.IN_REVIEW,
            target=OfferingState.ON_SALE,
            permission=_APPROVE,
            tell=_told("서비스 '{name}'이(가) 승인되어 판매를 시작했습니다."),
        ),
        Edge(
            action="send_back",
            label="반려",
            source=OfferingState.IN_REVIEW,
            target=OfferingState.RETURNED,
            permission=_APPROVE,
            needs_reason=True,
            tell=_told("서비스 '{name}'이(가) 반려되었습니다. 사유: {reason}"),
        ),
        Edge(
            action="suspend",
            label="판매중지",
            source=OfferingState.ON_SALE,
            target=OfferingState.SUSPENDED,
            permission=_APPROVE,
            needs_reason=True,
            confirm="판매를 중지하면 목록에서 사라집니다. 진행 중인 거래는 그대로 이어집니다. 계속할까요?",
            tell=_told("서비스 '{name}'의 판매가 중지되었습니다. 사유: {reason}"),
        ),
        Edge(
            action="lift",
            label="판매 재개",
            source=OfferingState.SUSPENDED,
            target=OfferingState.ON_SALE,
            permission=_APPROVE,
            tell=_told("서비스 '{name}'의 판매가 다시 시작되었습니다."),
        ),
        Edge(
            action="propose",
            label="가격 변경 요청",
            source=OfferingState.ON_SALE,
            target=OfferingState.ON_SALE,
            permission=_WRITE,
        ),
        Edge(
            action="accept_price",
            label="가격 변경 승인",
            source=OfferingState.ON_SALE,
            target=OfferingState.ON_SALE,
            permission=_APPROVE,
            tell=_told("서비스 '{name}'의 가격 변경이 승인되었습니다. 새 거래부터 적용됩니다."),
        ),
        Edge(
            action="decline_price",
            label="가격 변경 반려",
            source=OfferingState.ON_SALE,
            target=OfferingState.ON_SALE,
            permission=_APPROVE,
            needs_reason=True,
            tell=_told("서비스 '{name}'의 가격 변경이 반려되었습니다. 사유: {reason}"),
        ),
    ),
)

MAX_PRICE = 100_000_000
MAX_PLANS = 10
MAX_KEYWORDS = 10
_LENGTHS = {"name": ("서비스명", 80), "summary": ("한 줄 소개", 200), "description": ("서비스 설명", 10_000)}


@dataclass(frozen=True, kw_only=True)
class PlanInput:
    """A plan as typed; `price` in won, by the programme's VAT mode (R-MONEY-2a)."""

    name: str
    price: int
    unit: str = "월"
    period_months: int = 12


def create_draft(
    *,
    actor: Actor,
    category_id: int,
    name: str,
    summary: str,
    description: str,
    keywords: Sequence[str],
    plans: Sequence[PlanInput],
) -> Offering:
    """Begin a service as 작성중. Raises Denied, InvalidInput with the fields."""
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
        _new_version(offering, plans)
        session.flush()
        return offering


def edit_draft(
    *,
    actor: Actor,
    offering_id: int,
    category_id: int,
    name: str,
    summary: str,
    description: str,
    keywords: Sequence[str],
    plans: Sequence[PlanInput],
) -> Offering:
    """Change what was never on sale. Raises Denied, NotFound, Conflict, InvalidInput with the fields."""
    policy.require(actor, _WRITE)
    details = _check(category_id, name, summary, description, keywords, plans)
    with transaction() as session:
        offering = lock(Offering, offering_id)
        policy.require_own(actor, offering)
        if offering.state not in (OfferingState.DRAFT, OfferingState.RETURNED):
            raise Conflict(
                "offering.edit.state",
                f"'{offering.state.label}' 상태에서는 내용을 고칠 수 없습니다. "
                "작성중이나 반려 상태에서만 고칠 수 있습니다.",
            )
        change = {n: (getattr(offering, n), v) for n, v in details.items() if getattr(offering, n) != v}
        for field, value in details.items():
            setattr(offering, field, value)
        offering.search_text = search.search_text(
            name=offering.name, company=_own_supplier(actor).name, keywords=offering.keywords
        )
        version = latest_version(offering_id=offering.id)
        session.execute(delete(Plan).where(Plan.version_id == version.id))
        session.add_all(_plans(version, plans))
        session.flush()
        session.expire(version)
        record.write("offering", offering.id, "edit", actor=actor, change=change)
        return offering


def submit(*, actor: Actor, offering_id: int) -> Offering:
    """Ask for approval; only a 선정 supplier may (R-SUP-1). Raises Conflict `supplier.not_selected`."""
    with transaction():
        offering: Offering = fire(OFFERING, offering_id, "submit", actor=actor)
        _require_selected(offering.supplier_id)
        return offering


def approve(*, actor: Actor, offering_id: int) -> Offering:
    """Put a service on sale at the prices that were reviewed."""
    with transaction() as session:
        offering = _decide(offering_id, "approve", actor=actor)
        _require_selected(offering.supplier_id)
        _put_on_sale(offering, latest_version(offering_id=offering.id))
        offering.published_at = clock.now()
        session.flush()
        return offering


def send_back(*, actor: Actor, offering_id: int, reason: str) -> Offering:
    return _decide(offering_id, "send_back", actor=actor, reason=reason)


def suspend(*, actor: Actor, offering_id: int, reason: str) -> Offering:
    """Take a service off the catalogue; open deals go on (R-CAT-5)."""
    return _decide(offering_id, "suspend", actor=actor, reason=reason)


def lift(*, actor: Actor, offering_id: int) -> Offering:
    return _decide(offering_id, "lift", actor=actor)


def propose_plans(*, actor: Actor, offering_id: int, plans: Sequence[PlanInput]) -> Offering:
    """Ask for new prices; the present ones stay until they are approved (R-CAT-5).

    Raises Denied, NotFound, InvalidInput, Conflict (not on sale, or `offering.proposed`: one is waiting).
    """
    wrong = _wrong_plans(plans)
    if wrong:
        raise InvalidInput("offering.plans", wrong, fields={"plans": wrong})
    with transaction() as session:
        offering: Offering = fire(OFFERING, offering_id, "propose", actor=actor)
        if offering.proposed_version_id is not None:
            raise Conflict("offering.proposed", "가격 변경이 이미 승인을 기다립니다. 결과를 기다려 주세요.")
        version = _new_version(offering, plans)
        offering.proposed_version_id = version.id
        session.flush()
        return offering


def accept_price(*, actor: Actor, offering_id: int) -> Offering:
    """Let the proposed prices hold for deals that begin from now on."""
    with transaction() as session:
        offering = _decide(offering_id, "accept_price", actor=actor)
        _put_on_sale(offering, _proposed(offering))
        offering.proposed_version_id = None
        session.flush()
        return offering


def decline_price(*, actor: Actor, offering_id: int, reason: str) -> Offering:
    with transaction() as session:
        offering = _decide(offering_id, "decline_price", actor=actor, reason=reason)
        _proposed(offering)
        offering.proposed_version_id = None
        session.flush()
        return offering


def _decide(offering_id: int, action: str, *, actor: Actor, reason: str | None = None) -> Offering:
    with transaction():
        name = db.session.scalar(select(Offering.name).where(Offering.id == offering_id)) or ""
        stripped = (reason or "").strip() or None
        decided: Offering = fire(
            OFFERING,
            offering_id,
            action,
            actor=actor,
            reason=stripped,
            changes={"reason": stripped},
            name=name,
        )
        return decided


def _put_on_sale(offering: Offering, version: OfferingVersion) -> None:
    offering.current_version_id = version.id
    offering.lowest_price = db.session.scalar(
        select(func.min(Plan.price)).where(Plan.version_id == version.id)
    )


def _proposed(offering: Offering) -> OfferingVersion:
    version = db.session.get(OfferingVersion, offering.proposed_version_id or 0)
    if version is None:
        raise Conflict("offering.not_proposed", "승인할 가격 변경이 없습니다. 화면을 새로 고쳐 주세요.")
    return version


def latest_version(*, offering_id: int) -> OfferingVersion:
    version = db.session.scalar(
        select(OfferingVersion)
        .where(OfferingVersion.offering_id == offering_id)
        .order_by(OfferingVersion.number.desc())
        .limit(1)
    )
    if version is None:
        raise NotFound()
    return version


def _new_version(offering: Offering, plans: Sequence[PlanInput]) -> OfferingVersion:
    """The caller holds the offering's lock, or has just made it."""
    last = db.session.scalar(
        select(func.max(OfferingVersion.number)).where(OfferingVersion.offering_id == offering.id)
    )
    version = OfferingVersion(offering_id=offering.id, number=(last or 0) + 1, created_at=clock.now())
    db.session.add(version)
    db.session.flush()
    db.session.add_all(_plans(version, plans))
    db.session.flush()
    return version


def _plans(version: OfferingVersion, plans: Sequence[PlanInput]) -> list[Plan]:
    return [
        Plan(
            version_id=version.id,
            name=plan.name.strip(),
            price=plan.price,
            unit=plan.unit.strip(),
            period_months=plan.period_months,
        )
        for plan in plans
    ]


def _own_supplier(actor: Actor) -> Supplier:
    supplier = db.session.get(Supplier, actor.supplier_id or 0)
    if supplier is None:
        raise Denied()
    return supplier


def _require_selected(supplier_id: int) -> None:
    supplier = lock(Supplier, supplier_id)
    if supplier.state is not SupplierState.SELECTED:
        raise Conflict(
            "supplier.not_selected",
            f"공급기업이 '{supplier.state.label}' 상태입니다. 선정된 공급기업만 서비스를 판매할 수 있습니다.",
        )


def _check(
    category_id: int,
    name: str,
    summary: str,
    description: str,
    keywords: Sequence[str],
    plans: Sequence[PlanInput],
) -> dict[str, Any]:
    texts = {"name": search.clean(name), "summary": search.clean(summary), "description": description.strip()}
    words = list(dict.fromkeys(word for word in map(search.clean, keywords) if word))
    wrong = {}
    for field, (label, longest) in _LENGTHS.items():
        if not texts[field]:
            wrong[field] = f"{label}을(를) 입력해 주세요."
        elif len(texts[field]) > longest:
            wrong[field] = f"{label}은(는) {longest:,}자까지 쓸 수 있습니다."
    if len(words) > MAX_KEYWORDS or any(len(word) > 30 for word in words):
        wrong["keywords"] = f"검색어는 {MAX_KEYWORDS}개까지, 하나에 30자까지 쓸 수 있습니다."
    if wrong_plans := _wrong_plans(plans):
        wrong["plans"] = wrong_plans
    if db.session.get(Category, category_id) is None:
        wrong["category_id"] = "서비스 분야를 선택해 주세요."
    if wrong:
        raise InvalidInput("offering.details", "입력한 내용을 확인해 주세요.", fields=wrong)
    return texts | {"keywords": words, "category_id": category_id}


def _wrong_plans(plans: Sequence[PlanInput]) -> str | None:
    """What is wrong with the plans, if anything."""
    names = [plan.name.strip() for plan in plans]
    if not 1 <= len(plans) <= MAX_PLANS:
        return f"요금제를 1개에서 {MAX_PLANS}개까지 입력해 주세요."
    if len(set(names)) < len(names):
        return "요금제 이름이 겹칩니다. 서로 다른 이름을 붙여 주세요."
    for name, plan in zip(names, plans, strict=True):
        if not 1 <= len(name) <= 60 or not 1 <= len(plan.unit.strip()) <= 20:
            return "요금제마다 이름(60자까지)과 단위(20자까지)를 입력해 주세요."
        if not 1 <= plan.price <= MAX_PRICE:
            return f"요금제 '{name}'의 가격을 1원에서 {MAX_PRICE:,}원 사이로 입력해 주세요."
        if not 1 <= plan.period_months <= 60:
            return f"요금제 '{name}'의 이용기간을 1개월에서 60개월 사이로 입력해 주세요."
    return None
