"""Prices of a service in versions (R-CAT-5).

A version on sale never changes: new prices are a new version, which waits for approval while the old one
sells on, and a deal keeps the version that it began with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select

from app import clock
from app.db import db, transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.models.catalogue import Offering, OfferingFileKind, OfferingVersion, Plan
from app.policy import Actor
from app.workflows import offering_files
from app.workflows.attachments import Incoming
from app.workflows.lifecycle import fire
from app.workflows.offering_lifecycle import OFFERING

MAX_PRICE = 100_000_000
MAX_PLANS = 5
NO_EVIDENCE = "가격 증빙을 하나 이상 첨부해 주세요. 홈페이지 가격표, 견적서, 세금계산서 등입니다."


@dataclass(frozen=True, kw_only=True)
class PlanInput:
    """A plan as typed; `price` in won, by the programme's VAT mode (R-MONEY-2a)."""

    name: str
    price: int
    unit: str = "월"
    period_months: int = 12


def wrong_plans(plans: Sequence[PlanInput], *, whole: bool = True) -> str | None:
    """What is wrong with the plans, if anything; a draft (`whole` is False) may lack names and units."""
    names = [plan.name.strip() for plan in plans]
    if len(plans) > MAX_PLANS or whole and not plans:
        return f"요금제를 1개에서 {MAX_PLANS}개까지 입력해 주세요."
    typed = [name for name in names if name]
    if len(set(typed)) < len(typed):
        return "요금제 이름이 겹칩니다. 서로 다른 이름을 붙여 주세요."
    least = 1 if whole else 0
    for name, plan in zip(names, plans, strict=True):
        if not least <= len(name) <= 60 or not least <= len(plan.unit.strip()) <= 20:
            return "요금제마다 이름(60자까지)과 단위(20자까지)를 입력해 주세요."
        if not 1 <= plan.price <= MAX_PRICE:
            return f"요금제 '{name}'의 가격을 1원에서 {MAX_PRICE:,}원 사이로 입력해 주세요."
        if not 1 <= plan.period_months <= 60:
            return f"요금제 '{name}'의 이용기간을 1개월에서 60개월 사이로 입력해 주세요."
    return None


def propose_plans(
    *, actor: Actor, offering_id: int, plans: Sequence[PlanInput], evidence: Sequence[Incoming]
) -> Offering:
    """Ask for new prices, with what proves them; the present ones stay until they are approved (R-CAT-5).

    Raises Denied, NotFound, InvalidInput, Conflict (not on sale, or `offering.proposed`: one is waiting).
    """
    wrong = {"plans": wrong_plans(plans), "evidence": None if evidence else NO_EVIDENCE}
    found = {field: text for field, text in wrong.items() if text}
    if found:
        raise InvalidInput("offering.plans", " ".join(found.values()), fields=found)
    with transaction() as session:
        offering: Offering = fire(OFFERING, offering_id, "propose", actor=actor)
        if offering.proposed_version_id is not None:
            raise Conflict("offering.proposed", "가격 변경이 이미 승인을 기다립니다. 결과를 기다려 주세요.")
        version = new_version(offering, plans)
        for file in evidence:
            offering_files.keep(offering, OfferingFileKind.EVIDENCE, file, version=version)
        offering.proposed_version_id = version.id
        session.flush()
        return offering


def latest_version(*, offering_id: int) -> OfferingVersion:
    """Raises NotFound."""
    version = db.session.scalar(
        select(OfferingVersion)
        .where(OfferingVersion.offering_id == offering_id)
        .order_by(OfferingVersion.number.desc())
        .limit(1)
    )
    if version is None:
        raise NotFound()
    return version


def proposed(offering: Offering) -> OfferingVersion:
    """The new prices that wait. Raises Conflict `offering.not_proposed`."""
    version = db.session.get(OfferingVersion, offering.proposed_version_id or 0)
    if version is None:
        raise Conflict("offering.not_proposed", "승인할 가격 변경이 없습니다. 화면을 새로 고쳐 주세요.")
    return version


def put_on_sale(offering: Offering, version: OfferingVersion) -> None:
    """Let a version's prices hold for deals that begin from now on."""
    offering.current_version_id = version.id
    offering.lowest_price = db.session.scalar(
        select(func.min(Plan.price)).where(Plan.version_id == version.id)
    )


def new_version(offering: Offering, plans: Sequence[PlanInput]) -> OfferingVersion:
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


def replace_plans(version: OfferingVersion, plans: Sequence[PlanInput]) -> None:
    """Of a version that was never on sale; the caller holds the offering's lock."""
    db.session.execute(delete(Plan).where(Plan.version_id == version.id))
    db.session.add_all(_plans(version, plans))
    db.session.flush()
    db.session.expire(version)


def as_typed(version: OfferingVersion) -> list[PlanInput]:
    return [
        PlanInput(name=plan.name, price=plan.price, unit=plan.unit, period_months=plan.period_months)
        for plan in version.plans
    ]


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
