"""The catalogue as companies, suppliers and the lead agency see it (R-CAT-2, R-CAT-3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Numeric, cast, func, or_, select
from sqlalchemy.orm import joinedload

from app import policy
from app.db import db
from app.errors import Denied, NotFound
from app.models.catalogue import (
    Category,
    Offering,
    OfferingState,
    OfferingVersion,
    Plan,
    Supplier,
    SupplierState,
    Wish,
)
from app.models.record import AuditRow
from app.models.types import Labelled
from app.policy import Actor, Permission
from app.workflows import offerings, programmes, search

COUNTED = 1000
"""A list says '1,000+' beyond: nobody needs the number, and counting on would cost more than the page."""
CRITERIA = 5


class Sort(Labelled):
    RELEVANCE = "relevance", "정확도순"
    RATING = "rating", "평점순"
    PRICE = "price", "낮은 가격순"
    LATEST = "latest", "최신순"


@dataclass(frozen=True, kw_only=True)
class CataloguePage:
    items: list[Offering]
    total: int
    total_capped: bool
    page: int
    pages: int
    sort: Sort


@dataclass(frozen=True, kw_only=True)
class OfferingDetail:
    offering: Offering
    version: OfferingVersion
    plans: list[Plan]
    supplier: Supplier
    rating: str | None
    rating_count: int
    wished: bool
    orderable: bool
    """Whether a consultation can be asked for now: on sale, by a 선정 supplier."""


@dataclass(frozen=True, kw_only=True)
class OfferingDraft:
    offering: Offering
    plans: list[Plan]
    """Of the current version, or of the draft."""
    proposed_plans: list[Plan]
    history: list[AuditRow]


def rating_text(offering: Offering) -> str | None:
    """The average of all criteria, one decimal, rounded half up; None without evaluations (R-EVA-1)."""
    marks = offering.rating_count * CRITERIA
    if marks == 0:
        return None
    tenths = (offering.rating_sum * 20 + marks) // (marks * 2)
    return f"{tenths // 10}.{tenths % 10}"


def _on_sale() -> list[ColumnElement[bool]]:
    return [Offering.state == OfferingState.ON_SALE, Supplier.state == SupplierState.SELECTED]


def _order(sort: Sort, query: str) -> list[Any]:
    rating = (cast(Offering.rating_sum, Numeric) / func.nullif(Offering.rating_count, 0)).desc().nulls_last()
    if sort is Sort.RELEVANCE:
        return [search.name_first(query), rating, Offering.id.desc()]
    if sort is Sort.RATING:
        return [rating, Offering.rating_count.desc(), Offering.id.desc()]
    if sort is Sort.PRICE:
        return [Offering.lowest_price.asc().nulls_last(), Offering.id.desc()]
    return [Offering.published_at.desc().nulls_last(), Offering.id.desc()]


def catalogue(
    *, category: str | None = None, q: str = "", sort: Sort | None = None, page: int = 1, size: int = 12
) -> CataloguePage:
    """What is on sale, by category code and query, for anyone; no page lies beyond the counted thousand."""
    size = max(1, min(size, 60))
    sort = sort or (Sort.RELEVANCE if search.words(q) else Sort.LATEST)
    conditions = [*_on_sale(), search.matching(q)]
    if category:
        conditions.append(Category.code == category)
    found = select(Offering).join(Offering.supplier).join(Offering.category).where(*conditions)
    counted = found.with_only_columns(Offering.id).limit(COUNTED + 1).subquery()
    total = db.session.scalar(select(func.count()).select_from(counted)) or 0
    shown = min(total, COUNTED)
    pages = max(1, -(-shown // size))
    page = max(1, min(page, pages))
    items = db.session.scalars(
        found.options(joinedload(Offering.supplier), joinedload(Offering.category))
        .order_by(*_order(sort, q))
        .limit(size)
        .offset((page - 1) * size)
    )
    return CataloguePage(
        items=list(items), total=shown, total_capped=total > COUNTED, page=page, pages=pages, sort=sort
    )


def latest(*, size: int = 8) -> list[Offering]:
    """The newest services, for the main page."""
    return catalogue(sort=Sort.LATEST, size=size).items


def detail(*, actor: Actor | None, offering_id: int) -> OfferingDetail:
    """A service as the public sees it; its supplier and the lead agency see it also when it is not on sale.

    Raises NotFound.
    """
    offering = _load(offering_id)
    orderable = offering.state is OfferingState.ON_SALE and offering.supplier.state is SupplierState.SELECTED
    if not orderable and not (actor is not None and _insider(actor, offering)):
        raise NotFound("offering.not_found", "판매 중인 서비스가 아닙니다. 목록에서 다시 찾아 주세요.")
    version = offering.current_version
    if version is None:
        version = offerings.latest_version(offering_id=offering.id)
    wish = actor is not None and actor.company_id is not None
    return OfferingDetail(
        offering=offering,
        version=version,
        plans=version.plans,
        supplier=offering.supplier,
        rating=rating_text(offering),
        rating_count=offering.rating_count,
        wished=wish and actor is not None and _is_wished(actor, offering_id),
        orderable=orderable,
    )


def _load(offering_id: int) -> Offering:
    offering = db.session.scalar(
        select(Offering)
        .where(Offering.id == offering_id)
        .options(
            joinedload(Offering.supplier),
            joinedload(Offering.category),
            joinedload(Offering.current_version).selectinload(OfferingVersion.plans),
            joinedload(Offering.proposed_version).selectinload(OfferingVersion.plans),
        )
    )
    if offering is None:
        raise NotFound()
    return offering


def _insider(actor: Actor, offering: Offering) -> bool:
    return policy.owns(actor, offering) if actor.supplier_id else actor.may(Permission.DEAL_VIEW)


def _is_wished(actor: Actor, offering_id: int) -> bool:
    return db.session.get(Wish, (actor.company_id, offering_id)) is not None


def mine(
    *, actor: Actor, state: OfferingState | None = None, before: int | None = None, size: int = 500
) -> list[Offering]:
    """The supplier's own services, newest first, by keyset."""
    policy.require(actor, Permission.OFFERING_WRITE)
    statement = select(Offering).where(Offering.supplier_id == actor.supplier_id).order_by(Offering.id.desc())
    if state is not None:
        statement = statement.where(Offering.state == state)
    if before is not None:
        statement = statement.where(Offering.id < before)
    return list(db.session.scalars(statement.options(joinedload(Offering.category)).limit(size)))


def own_counts(*, actor: Actor) -> dict[OfferingState, int]:
    """How many of the supplier's own services stand in each state."""
    policy.require(actor, Permission.OFFERING_WRITE)
    counted = select(Offering.state, func.count()).where(Offering.supplier_id == actor.supplier_id)
    counts: dict[OfferingState, int] = dict(db.session.execute(counted.group_by(Offering.state)).all())
    return {state: counts.get(state, 0) for state in OfferingState}


def own_detail(*, actor: Actor, offering_id: int) -> OfferingDraft:
    """A service with what waits for approval and its history, to its supplier and the lead agency.

    Raises Denied, NotFound.
    """
    offering = _load(offering_id)
    if actor.supplier_id is not None:
        policy.require_own(actor, offering)
    elif not actor.may(Permission.DEAL_VIEW):
        raise Denied()
    version = offering.current_version or offerings.latest_version(offering_id=offering.id)
    history = db.session.scalars(
        select(AuditRow)
        .where(AuditRow.entity == "offering", AuditRow.entity_id == offering_id)
        .order_by(AuditRow.seq)
    )
    return OfferingDraft(
        offering=offering,
        plans=version.plans,
        proposed_plans=offering.proposed_version.plans if offering.proposed_version else [],
        history=list(history),
    )


def approval_queue(*, actor: Actor, after: int | None = None, size: int = 50) -> list[Offering]:
    """What waits for the lead agency: new services and new prices, oldest first."""
    policy.require(actor, Permission.DEAL_VIEW)
    waiting = or_(
        Offering.state == OfferingState.IN_REVIEW,
        (Offering.state == OfferingState.ON_SALE) & Offering.proposed_version_id.is_not(None),
    )
    statement = select(Offering).where(waiting).order_by(Offering.id).limit(size)
    if after is not None:
        statement = statement.where(Offering.id > after)
    return list(
        db.session.scalars(
            statement.options(
                joinedload(Offering.supplier),
                joinedload(Offering.category),
                joinedload(Offering.proposed_version).selectinload(OfferingVersion.plans),
            )
        )
    )


def categories_with_counts() -> list[tuple[Category, int]]:
    """The programme's categories with how many services are on sale in each, for the main page."""
    counts = dict(
        db.session.execute(
            select(Offering.category_id, func.count())
            .join(Offering.supplier)
            .where(*_on_sale())
            .group_by(Offering.category_id)
        ).all()
    )
    return [(category, counts.get(category.id, 0)) for category in programmes.categories()]
