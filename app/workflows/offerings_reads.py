"""The catalogue as companies, suppliers and the lead agency see it (R-CAT-2, R-CAT-3)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db
from app.errors import NotFound
from app.models.catalogue import (
    Offering,
    OfferingFile,
    OfferingFileKind,
    OfferingState,
    OfferingVersion,
    Plan,
    Supplier,
    SupplierState,
)
from app.models.deals import Deal, DealState
from app.models.questions import Question
from app.policy import Actor, Permission
from app.workflows import catalogue, offering_versions
from app.workflows.offering_lifecycle import EDITABLE

CRITERIA = 5


@dataclass(frozen=True, kw_only=True)
class ShownFile:
    """A picture or a brochure that anybody may open."""

    id: int
    kind: OfferingFileKind
    file_name: str
    size: int


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
    open_deal_id: int | None
    """The company's consultation about this service that waits for its answer."""
    questions: int
    """Those on the public page (R-CAT-3)."""
    files: list[ShownFile]

    @property
    def picture(self) -> ShownFile | None:
        return next((each for each in self.files if each.kind is OfferingFileKind.PICTURE), None)

    @property
    def brochures(self) -> list[ShownFile]:
        return [each for each in self.files if each.kind is OfferingFileKind.BROCHURE]


def rating_text(offering: Offering) -> str | None:
    """The average of all criteria, one decimal, rounded half up; None without evaluations (R-EVA-1)."""
    marks = offering.rating_count * CRITERIA
    if marks == 0:
        return None
    tenths = (offering.rating_sum * 20 + marks) // (marks * 2)
    return f"{tenths // 10}.{tenths % 10}"


def detail(*, actor: Actor | None, offering_id: int) -> OfferingDetail:
    """A service as the public sees it; its supplier and the lead agency see it also when it is not on sale.

    One statement, whatever hangs on it. Raises NotFound.
    """
    row = _shown(offering_id, actor.company_id if actor else None)
    offering: Offering = row[0]
    orderable = offering.state is OfferingState.ON_SALE and offering.supplier.state is SupplierState.SELECTED
    if not orderable and not (actor is not None and _insider(actor, offering)):
        raise NotFound("offering.not_found", "판매 중인 서비스가 아닙니다. 목록에서 다시 찾아 주세요.")
    version = offering.current_version
    if version is None or offering.state in EDITABLE:
        version = offering_versions.latest_version(offering_id=offering.id)
    return OfferingDetail(
        offering=offering,
        version=version,
        plans=version.plans,
        supplier=offering.supplier,
        rating=rating_text(offering),
        rating_count=offering.rating_count,
        wished=row.wished,
        orderable=orderable,
        open_deal_id=row.open_deal_id,
        questions=row.questions,
        files=[_file(each) for each in json.loads(row.files or "[]")],
    )


def _file(said: dict[str, Any]) -> ShownFile:
    return ShownFile(**said | {"kind": OfferingFileKind(said["kind"])})


def _shown(offering_id: int, company_id: int | None) -> Any:
    waiting = select(func.max(Deal.id)).where(
        Deal.offering_id == offering_id,
        Deal.company_id == company_id,
        Deal.state == DealState.CONSULTING,
        Deal.due_at > clock.now(),
    )
    public = select(func.count()).where(
        Question.offering_id == offering_id, ~Question.is_private, Question.hidden_at.is_(None)
    )
    statement = select(
        Offering,
        catalogue.is_wished(company_id).label("wished"),
        waiting.scalar_subquery().label("open_deal_id"),
        public.scalar_subquery().label("questions"),
        _shown_files(offering_id).label("files"),
    ).options(
        joinedload(Offering.supplier),
        joinedload(Offering.category),
        joinedload(Offering.current_version).joinedload(OfferingVersion.plans),
    )
    row = db.session.execute(statement.where(Offering.id == offering_id)).unique().one_or_none()
    if row is None:
        raise NotFound()
    return row


def _shown_files(offering_id: int) -> Any:
    """As `ShownFile` takes them, newest first."""
    files = select(
        func.jsonb_agg(
            aggregate_order_by(
                func.jsonb_build_object(
                    "id", OfferingFile.id,
                    "kind", OfferingFile.kind,
                    "file_name", OfferingFile.file_name,
                    "size", OfferingFile.size,
                ),
                OfferingFile.id.desc(),
            )
        ).cast(Text)  # a list has no hash, by which the rows of the plans are told apart
    ).where(
        OfferingFile.offering_id == offering_id,
        OfferingFile.kind != OfferingFileKind.EVIDENCE,
        OfferingFile.replaced_at.is_(None),
    )  # fmt: skip
    return files.scalar_subquery()


def _insider(actor: Actor, offering: Offering) -> bool:
    return policy.owns(actor, offering) if actor.supplier_id else actor.may(Permission.DEAL_VIEW)


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
