"""Finance exports as the console shows them (R-DOC-2)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import BIGINT, db
from app.errors import NotFound
from app.models.catalogue import Supplier, SupplierState
from app.models.paper_exports import ExportState, PaperExport, PaperExportPart
from app.policy import Actor, Permission
from app.workflows.lifecycle import Edge
from app.workflows.paper_exports import EXPORT, Counted, counted


@dataclass(frozen=True, kw_only=True)
class ExportPage:
    export: PaperExport
    counted: Counted
    parts: list[PaperExportPart]
    edges: list[Edge]
    """What this person may do with it now."""
    can_download: bool


def exports(*, actor: Actor, before: int | None = None, size: int = 20) -> list[PaperExport]:
    """Newest first, of all officers. Raises Denied."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    statement = select(PaperExport).options(
        joinedload(PaperExport.created_by), joinedload(PaperExport.agency), joinedload(PaperExport.supplier)
    )
    if before is not None:
        statement = statement.where(PaperExport.id < before)
    return list(db.session.scalars(statement.order_by(PaperExport.id.desc()).limit(size)))


def find(*, actor: Actor, export_id: int) -> PaperExport:
    """Raises NotFound, Denied."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    export = db.session.get(PaperExport, export_id) if export_id in BIGINT else None
    if export is None:
        raise NotFound("export.unknown", "요청한 문서를 찾을 수 없습니다. 목록에서 다시 선택해 주세요.")
    return export


def page(*, actor: Actor, export_id: int) -> ExportPage:
    """Raises NotFound, Denied."""
    export = find(actor=actor, export_id=export_id)
    parts = select(PaperExportPart).where(PaperExportPart.export_id == export_id)
    own = export.created_by_id == actor.id
    edges = dict.fromkeys(edge for edge in EXPORT.open_to(actor, export) if own or edge.action == "stop")
    over = export.expires_at is None or export.expires_at <= clock.now()
    return ExportPage(
        export=export,
        counted=counted(export),
        parts=list(db.session.scalars(parts.order_by(PaperExportPart.number))),
        edges=list(edges),
        can_download=own and export.state is ExportState.DONE and not over
        and actor.may(Permission.DOCUMENT_EXPORT),
    )  # fmt: skip


def suppliers(*, actor: Actor) -> list[tuple[int, str]]:
    """Those who may have sold: for the choice of the filter, by name. Raises Denied."""
    policy.require(actor, Permission.DOCUMENT_EXPORT)
    sold = (SupplierState.SELECTED, SupplierState.SUSPENDED)
    rows = select(Supplier.id, Supplier.name).where(Supplier.state.in_(sold)).order_by(Supplier.name)
    return [(row.id, row.name) for row in db.session.execute(rows)]
