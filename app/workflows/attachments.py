"""Files that companies hand in: taken by content, kept by hash, replaced and never overwritten (R-FILE-1)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, update

from app import clock, policy
from app.db import db, transaction
from app.documents import sniff, store
from app.errors import Denied, NotFound
from app.models.companies import Document, DocumentKind
from app.policy import Actor, Permission, Role
from app.workflows import record


@dataclass(frozen=True)
class Incoming:
    """A file that was accepted and lies in the store."""

    file_name: str
    content_type: str
    size: int
    sha256: str


def take_in(*, file_name: str, content: bytes) -> Incoming:
    """Check and keep; before any transaction. Raises InvalidInput `document.type`, `.size`, `.empty`."""
    content_type = sniff.accept(content)
    return Incoming(sniff.safe_name(file_name), content_type, len(content), store.put(content))


def attach(incoming: Incoming, *, kind: DocumentKind, **owner: int | None) -> tuple[Document, str | None]:
    """Put it in the place of the earlier one of its kind; returns it and the earlier one's name.

    `owner` is one of signup_id, company_id, supplier_signup_id, supplier_id.
    """
    earlier = db.session.scalars(
        update(Document)
        .where(_of(**owner), Document.kind == kind, Document.replaced_at.is_(None))
        .values(replaced_at=clock.now())
        .returning(Document.file_name)
    ).first()
    document = Document(
        kind=kind,
        **owner,
        file_name=incoming.file_name,
        content_type=incoming.content_type,
        size=incoming.size,
        sha256=incoming.sha256,
        uploaded_at=clock.now(),
    )
    db.session.add(document)
    db.session.flush()
    return document, earlier


def current(**owner: int | None) -> list[Document]:
    """What counts now, by kind; `owner` as for `attach`."""
    statement = select(Document).where(_of(**owner), Document.replaced_at.is_(None)).order_by(Document.id)
    return list(db.session.scalars(statement))


_OWNERS = {
    "signup_id": Document.signup_id,
    "company_id": Document.company_id,
    "supplier_signup_id": Document.supplier_signup_id,
    "supplier_id": Document.supplier_id,
}


def _of(**owner: int | None) -> ColumnElement[bool]:
    [(name, key)] = owner.items()
    return _OWNERS[name] == key


@dataclass(frozen=True)
class HandedOut:
    file_name: str
    content_type: str
    content: bytes


_LOOKERS = (Permission.DEMAND_VIEW, Permission.SCREENING_VIEW)
_LOOKERS_AT_SUPPLIERS = (Permission.SUPPLIER_VIEW, Permission.DEAL_VIEW)
"""Whoever pays a supplier looks at the copy of its bank book too (R-SET-1)."""


def document_for(*, actor: Actor, document_id: int) -> HandedOut:
    """Hand a document out to its company or to staff who may see it, and record the look (R-FILE-1, R-AUD-0).

    Raises NotFound, Denied.
    """
    if not any(actor.may(permission) for permission in _LOOKERS + _LOOKERS_AT_SUPPLIERS):
        raise Denied()
    with transaction() as session:
        document = session.get(Document, document_id)
        if document is None or (document.company_id is None and document.supplier_id is None):
            raise NotFound()
        policy.require_own(actor, document)
        lookers = _LOOKERS if document.supplier_id is None else _LOOKERS_AT_SUPPLIERS
        if not any(actor.may(permission) for permission in lookers):
            raise Denied()
        if actor.role not in (Role.DEMAND, Role.SUPPLIER):
            owner = (
                ("company", document.company_id)
                if document.company_id
                else ("supplier", document.supplier_id)
            )
            session.execute(select(Document.id).where(Document.id == document_id).with_for_update())
            change = {"document": (None, document.kind), owner[0]: (None, owner[1])}
            record.write("document", document_id, "read", actor=actor, change=change)
        answer = document.file_name, document.content_type, document.sha256
    return HandedOut(answer[0], answer[1], store.read(answer[2]))
