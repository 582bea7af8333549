"""What a company has changed since the hold, and what it was told to change and has not (R-SCR-3a)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from app.db import db
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.companies import Document, DocumentKind
from app.policy import Actor
from app.workflows import applications, company_edits
from app.workflows.application_history import HistoryEntry, history
from app.workflows.company_edits import EditEntry

# Of these the trail keeps the ends only: that two look alike does not say that they are.
MASKED = ("phone", "email")
DECISIONS = ("hold", "screen", "reject", "send_back", "approve")


@dataclass(frozen=True, kw_only=True)
class Change:
    item: str
    """A field's name, or a kind of document."""
    label: str
    before: Any
    after: Any
    marked: bool
    """Whether the hold had named it."""
    document: Document | None = None
    earlier: Document | None = None
    """The file that it took the place of."""


@dataclass(frozen=True, kw_only=True)
class Correction:
    since: datetime
    """When it was held."""
    reason: str
    changes: list[Change]
    """What the hold had named first."""
    untouched: list[str]
    """What the hold had named and nobody has touched, in Korean."""


def mark_label(mark: str) -> str:
    """A field or a document that a hold names, in Korean."""
    documents = {kind.value: kind.label for kind in DocumentKind}
    return company_edits.LABELS.get(mark) or documents.get(mark, mark)


def since_hold(
    application: Application, entries: Sequence[HistoryEntry], edits: Sequence[EditEntry]
) -> Correction | None:
    """None where the last decision was no hold. `entries` and `edits` newest first, of this application."""
    if application.state not in (State.ON_HOLD, State.SCREENING):
        return None
    last = next((entry for entry in entries if entry.action in DECISIONS), None)
    if last is None or last.action != "hold":
        return None
    marks = list(application.marks)
    changes = [*_fields(edits, last.at, marks), *_documents(application.company_id, last.at, marks)]
    touched = {change.item for change in changes}
    return Correction(
        since=last.at,
        reason=last.reason or "",
        changes=sorted(changes, key=lambda change: not change.marked),
        untouched=[mark_label(mark) for mark in marks if mark not in touched],
    )


def _fields(edits: Sequence[EditEntry], since: datetime, marks: Sequence[str]) -> list[Change]:
    """Each field once: what stood at the hold, what stands now. Changed and changed back is no change."""
    first: dict[str, EditEntry] = {}
    latest: dict[str, EditEntry] = {}
    for edit in edits:
        if edit.at >= since and edit.field != "document":
            first[edit.field] = edit
            latest.setdefault(edit.field, edit)
    return [
        Change(
            item=field,
            label=edit.label,
            before=first[field].before,
            after=edit.after,
            marked=field in marks,
        )
        for field, edit in latest.items()
        if first[field] is edit or first[field].before != edit.after or field.endswith(MASKED)
    ]


def _documents(company_id: int, since: datetime, marks: Sequence[str]) -> list[Change]:
    """Files handed in since, each beside the one that counted at the hold."""
    statement = (
        select(Document)
        .where(
            Document.company_id == company_id,
            or_(Document.replaced_at.is_(None), Document.replaced_at >= since),
        )
        .order_by(Document.id)
    )
    kinds: dict[DocumentKind, list[Document]] = {}
    for document in db.session.scalars(statement):
        kinds.setdefault(document.kind, []).append(document)
    return [
        _document(kind, files[-1], files[0] if files[0].uploaded_at <= since else None, marks)
        for kind, files in kinds.items()
        if len(files) > 1 or files[0].uploaded_at > since
    ]


def _document(kind: DocumentKind, new: Document, earlier: Document | None, marks: Sequence[str]) -> Change:
    return Change(
        item=kind.value,
        label=kind.label,
        before=earlier.file_name if earlier else None,
        after=new.file_name,
        marked=kind.value in marks,
        document=new,
        earlier=earlier,
    )


def own_correction(*, actor: Actor) -> Correction | None:
    """For a company whose case is on hold: what it has mended so far, and what not. Raises NotFound."""
    application = applications.own(actor=actor)
    if application.state is not State.ON_HOLD:
        return None
    edits = company_edits.edits(actor=actor, company_id=application.company_id, size=100)
    return since_hold(application, history(application.id), edits)
