"""A supplier as those see it who select it: everything of it, and what others say of it (R-SUP-1)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from app.db import db
from app.models.catalogue import Offering, Supplier, SupplierSignup, SupplierState
from app.models.companies import Document, DocumentKind
from app.policy import Actor
from app.workflows import (
    attachments,
    deal_parties,
    supplier_checks,
    supplier_history,
    supplier_lookalikes,
    supplier_numbers,
    supplier_papers,
    suppliers,
)
from app.workflows.application_history import HistoryEntry
from app.workflows.case_reads import Progress
from app.workflows.deal_parties import Exemption
from app.workflows.supplier_history import EditEntry, Mended
from app.workflows.supplier_lookalikes import LookAlike
from app.workflows.supplier_numbers import SupplierNumbers

MOST_SERVICES = 100
DAYS = 90


@dataclass(frozen=True, kw_only=True)
class SupplierCase:
    supplier: Supplier
    joining: SupplierSignup | None
    """None where it did not come by the public pages."""
    documents: list[Document]
    lacking: list[DocumentKind]
    progress: Progress
    mended: Mended | None
    waiting_days: int | None
    lookalikes: list[LookAlike]
    exemptions: list[Exemption]
    history: list[HistoryEntry]
    edits: list[EditEntry]
    offerings: list[Offering]
    numbers: SupplierNumbers

    @property
    def doubts(self) -> list[str]:
        return supplier_checks.doubts(self.supplier, self.documents, self.lacking)


def case(*, actor: Actor, supplier_id: int) -> SupplierCase:
    """Raises NotFound, Denied."""
    supplier = suppliers.get(actor=actor, supplier_id=supplier_id)
    documents, joining = attachments.current(supplier_id=supplier_id), supplier_papers.joining(supplier_id)
    present = {document.kind for document in documents}
    needed = supplier_papers.needed(supplier.kind, verified_as=supplier_papers.verified_as(joining))
    offerings = (
        select(Offering)
        .where(Offering.supplier_id == supplier_id)
        .order_by(Offering.id.desc())
        .limit(MOST_SERVICES)
    )
    return SupplierCase(
        supplier=supplier,
        joining=joining,
        documents=documents,
        lacking=[kind for kind in needed if kind not in present],
        progress=supplier_checks.progress(supplier, documents),
        mended=_mended(actor, supplier),
        waiting_days=supplier_history.waiting_days([supplier]).get(supplier_id),
        lookalikes=supplier_lookalikes.lookalikes(actor=actor, supplier=supplier),
        exemptions=deal_parties.exemptions(supplier_id=supplier_id),
        history=supplier_history.history(supplier_id),
        edits=supplier_history.edits(actor=actor, supplier_id=supplier_id, size=50),
        offerings=list(db.session.scalars(offerings)),
        numbers=supplier_numbers.numbers(actor=actor, days=DAYS, supplier_id=supplier_id),
    )


def _mended(actor: Actor, supplier: Supplier) -> Mended | None:
    """What came back from a 보완; while it is out, there is nothing to look at yet."""
    if supplier.state is not SupplierState.SCREENING:
        return None
    return supplier_history.mended(actor=actor, supplier=supplier)
