"""A service with all that only its supplier and the lead agency see (R-CAT-5)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from app import policy
from app.db import db
from app.errors import Denied, NotFound
from app.models.catalogue import (
    Offering,
    OfferingFile,
    OfferingFileKind,
    OfferingReview,
    OfferingVersion,
    Plan,
)
from app.models.record import AuditRow
from app.policy import Actor, Permission
from app.workflows import offering_files
from app.workflows.offering_lifecycle import EDITABLE, OFFERING


@dataclass(frozen=True, kw_only=True)
class OfferingDraft:
    offering: Offering
    version: OfferingVersion
    """What is sold; of what is not, what would be."""
    proposed: OfferingVersion | None
    versions: list[OfferingVersion]
    """All, newest first, with their plans."""
    files: list[OfferingFile]
    reviews: list[OfferingReview]
    """Newest first."""
    history: list[AuditRow]

    @property
    def seen(self) -> int:
        """The last row of its trail: by it a decision knows that nothing has changed since."""
        return self.history[-1].seq if self.history else 0

    @property
    def plans(self) -> list[Plan]:
        return self.version.plans

    @property
    def proposed_plans(self) -> list[Plan]:
        return self.proposed.plans if self.proposed else []

    @property
    def editable(self) -> bool:
        return self.offering.state in EDITABLE

    def file(self, kind: OfferingFileKind) -> OfferingFile | None:
        """Picture or brochure."""
        return next((file for file in self.files if file.kind is kind), None)

    def evidence(self, version: OfferingVersion) -> list[OfferingFile]:
        return [file for file in self.files if file.version_id == version.id]

    def review_of(self, version: OfferingVersion) -> OfferingReview | None:
        """The last decision over a version's prices."""
        deciding = ("approve", "send_back", "accept_price", "decline_price")
        found = (row for row in self.reviews if row.version_id == version.id and row.decision in deciding)
        return next(found, None)

    def fate(self, version: OfferingVersion) -> str:
        """What became of a version, in Korean."""
        if version is self.proposed:
            return "승인대기"
        if version.id == self.offering.current_version_id:
            return "적용중"
        review = self.review_of(version)
        if review is None:
            return "이전 가격" if version.number < self.version.number else self.offering.state.label
        return "이전 가격" if review.decision in ("approve", "accept_price") else "반려"


def own_detail(*, actor: Actor, offering_id: int) -> OfferingDraft:
    """A service with its versions, files, decisions and history, to its supplier and the lead agency.

    Raises Denied, NotFound.
    """
    offering = db.session.scalar(
        select(Offering)
        .where(Offering.id == offering_id)
        .options(joinedload(Offering.supplier), joinedload(Offering.category))
    )
    if offering is None:
        raise NotFound()
    if actor.supplier_id is not None:
        policy.require_own(actor, offering)
    elif not actor.may(Permission.DEAL_VIEW):
        raise Denied()
    versions = _versions(offering_id)
    by_id = {version.id: version for version in versions}
    drafted = offering.state in (*EDITABLE, OFFERING.of("submit")[0].target)
    sold = None if drafted else by_id.get(offering.current_version_id or 0)
    return OfferingDraft(
        offering=offering,
        version=sold or versions[0],
        proposed=by_id.get(offering.proposed_version_id or 0),
        versions=versions,
        files=offering_files.of_offering(offering_id=offering_id),
        reviews=_reviews(offering_id),
        history=_history(offering_id),
    )


def _versions(offering_id: int) -> list[OfferingVersion]:
    statement = select(OfferingVersion).where(OfferingVersion.offering_id == offering_id)
    newest_first = statement.order_by(OfferingVersion.number.desc())
    return list(db.session.scalars(newest_first.options(selectinload(OfferingVersion.plans))))


def _reviews(offering_id: int) -> list[OfferingReview]:
    statement = select(OfferingReview).where(OfferingReview.offering_id == offering_id)
    return list(db.session.scalars(statement.order_by(OfferingReview.id.desc())))


def _history(offering_id: int) -> list[AuditRow]:
    statement = select(AuditRow).where(AuditRow.entity == "offering", AuditRow.entity_id == offering_id)
    return list(db.session.scalars(statement.order_by(AuditRow.seq)))
