"""What has happened to a supplier: decisions, edits, and what it has mended (R-SUP-1, R-SCR-2, R-SCR-3a).

All of it is read from the audit trail, which is where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from app import clock
from app.db import db
from app.models.catalogue import Supplier, SupplierState
from app.models.companies import DocumentKind
from app.models.record import AuditRow
from app.policy import Actor
from app.workflows import programmes, suppliers
from app.workflows.application_history import HistoryEntry
from app.workflows.supplier_lifecycle import SUPPLIER

ENTERED = ("join", "resubmit")
_TITLES = {
    "join": "공급기업 신청",
    "register": "등록",
    "edit": "기업정보 수정",
    "replace_document": "서류 교체",
    "change_account": "정산 계좌 변경",
    "verify_account": "정산 계좌 확인",
    "ask_bank": "예금주 조회",
    "tax_office": "국세청 재조회",
    "exempt": "동명이인 확인",
    "withdraw_exemption": "동명이인 확인 취소",
} | {edge.action: edge.label for edge in SUPPLIER.edges}
_INSIDE = ("tax_office", "ask_bank", "exempt", "withdraw_exemption", "verify_account")
"""What staff do among themselves."""


def title(action: str) -> str:
    return _TITLES.get(action, action)


def history(supplier_id: int, *, own: bool = False) -> list[HistoryEntry]:
    """Newest first, without the ticks. A supplier (`own`) reads that the agency decided, not which person."""
    statement = (
        select(AuditRow)
        .where(AuditRow.entity == "supplier", AuditRow.entity_id == supplier_id, AuditRow.action != "tick")
        .order_by(AuditRow.seq.desc())
    )
    decided = {edge.action for edge in SUPPLIER.edges} - {"resubmit"}
    return [
        HistoryEntry(
            at=row.at,
            action=row.action,
            title=title(row.action),
            who="전문기관" if own and row.action in decided else row.actor_name,
            reason=row.reason,
            tone=_tone(row),
        )
        for row in db.session.scalars(statement)
        if not own or row.action not in _INSIDE
    ]


def _tone(row: AuditRow) -> str:
    after = row.change.get("state", [None, None])[1]
    return SupplierState(after).tone if after else "neutral"


@dataclass(frozen=True, kw_only=True)
class EditEntry:
    id: int
    at: datetime
    who: str
    field: str
    """A field's name, `account`, or a kind of document."""
    label: str
    before: Any
    after: Any


def edits(
    *,
    actor: Actor,
    supplier_id: int,
    before: int | None = None,
    size: int = 20,
    since: datetime | None = None,
) -> list[EditEntry]:
    """'기업정보 수정 이력', newest first: one entry per field; `before` is an entry's id.

    Raises NotFound, Denied.
    """
    suppliers.get(actor=actor, supplier_id=supplier_id)
    statement = select(AuditRow).where(
        AuditRow.entity == "supplier", AuditRow.entity_id == supplier_id, AuditRow.action.in_(suppliers.EDITS)
    )
    if before is not None:
        statement = statement.where(AuditRow.id < before)
    if since is not None:
        statement = statement.where(AuditRow.at >= since)
    rows = db.session.scalars(statement.order_by(AuditRow.seq.desc()).limit(size))
    return [
        EditEntry(
            id=row.id,
            at=row.at,
            who=row.actor_name,
            field=field,
            label=mark_label(field),
            before=old,
            after=new,
        )
        for row in rows
        for field, (old, new) in row.change.items()
    ]


def mark_label(mark: str) -> str:
    """A field or a document, in Korean."""
    documents = {kind.value: kind.label for kind in DocumentKind}
    return suppliers.LABELS.get(mark) or documents.get(mark, mark)


@dataclass(frozen=True, kw_only=True)
class Mended:
    """What has changed since a 보완 was asked for (R-SCR-3a)."""

    since: datetime
    reason: str
    marks: Sequence[str]
    changes: list[EditEntry]
    """Each field once, what was named first."""

    @property
    def touched(self) -> set[str]:
        return {change.field for change in self.changes}

    @property
    def untouched(self) -> list[str]:
        return [mark_label(mark) for mark in self.marks if mark not in self.touched]


def mended(*, actor: Actor, supplier: Supplier) -> Mended | None:
    """None where the last decision was no 보완, or where it has been decided since."""
    if supplier.state not in suppliers.UNDECIDED:
        return None
    asked = db.session.scalar(
        select(AuditRow)
        .where(
            AuditRow.entity == "supplier",
            AuditRow.entity_id == supplier.id,
            AuditRow.action == "ask_supplement",
        )
        .order_by(AuditRow.seq.desc())
        .limit(1)
    )
    if asked is None:
        return None
    first: dict[str, EditEntry] = {}
    latest: dict[str, EditEntry] = {}
    for edit in edits(actor=actor, supplier_id=supplier.id, since=asked.at, size=200):
        first[edit.field] = edit
        latest.setdefault(edit.field, edit)
    changes = [EditEntry(**vars(edit) | {"before": first[field].before}) for field, edit in latest.items()]
    marks = list(supplier.marks)
    return Mended(
        since=asked.at,
        reason=asked.reason or "",
        marks=marks,
        changes=sorted(changes, key=lambda change: change.field not in marks),
    )


def waiting_days(found: Sequence[Supplier]) -> dict[int, int]:
    """Business days since each of those that wait came in or came back, in two queries for a whole page."""
    waiting = {supplier.id: supplier for supplier in found if supplier.state is SupplierState.SCREENING}
    if not waiting:
        return {}
    entered: dict[int, datetime] = dict(
        db.session.execute(
            select(AuditRow.entity_id, func.max(AuditRow.at))
            .where(
                AuditRow.entity == "supplier",
                AuditRow.entity_id.in_(waiting),
                AuditRow.action.in_(ENTERED),
            )
            .group_by(AuditRow.entity_id)
        ).all()
    )
    closed, now = programmes.closing_days(programme_id=programmes.current().id), clock.now()
    return {
        key: clock.business_days_between(entered.get(key, supplier.joined_at), now, closed=closed)
        for key, supplier in waiting.items()
    }


def own_edits(*, actor: Actor, before: int | None = None, size: int = 20) -> list[EditEntry]:
    """The supplier's own. Raises Denied."""
    return edits(actor=actor, supplier_id=suppliers.own_id(actor), before=before, size=size)
