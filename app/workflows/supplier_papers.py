"""Which documents a supplier hands in, and how it hands one in anew (R-SUP-1, R-FILE-1)."""

from __future__ import annotations

from sqlalchemy import select

from app import policy
from app.db import db, lock, transaction
from app.errors import Conflict
from app.models.catalogue import Supplier, SupplierSignup, SupplierState
from app.models.companies import CompanyKind, Document, DocumentKind, VerifiedAs
from app.policy import Actor, Permission
from app.workflows import attachments, record, suppliers


def needed(kind: CompanyKind, *, verified_as: VerifiedAs | None) -> list[DocumentKind]:
    """As for demand companies (R-JOIN-2), and the bank book of the account that it is paid on."""
    return [
        DocumentKind.BUSINESS_REGISTRATION,
        DocumentKind.TAX_CLEARANCE,
        DocumentKind.BANK_BOOK,
        *([DocumentKind.CORPORATE_REGISTER] if kind is CompanyKind.CORPORATE else []),
        *([DocumentKind.INSURANCE_LIST] if verified_as is VerifiedAs.STAFF else []),
    ]


def joining(supplier_id: int) -> SupplierSignup | None:
    """The application by which it came: who was verified, and what was agreed to."""
    return db.session.scalar(select(SupplierSignup).where(SupplierSignup.supplier_id == supplier_id))


def verified_as(signup: SupplierSignup | None) -> VerifiedAs | None:
    return VerifiedAs(signup.answers["verified_as"]) if signup else None


def of(supplier: Supplier) -> dict[DocumentKind, Document | None]:
    """What is needed and what else was handed in, each with the file that counts now."""
    present = {document.kind: document for document in attachments.current(supplier_id=supplier.id)}
    wanted = needed(supplier.kind, verified_as=verified_as(joining(supplier.id)))
    return {kind: present.get(kind) for kind in [*wanted, *(k for k in present if k not in wanted)]}


def replaceable(supplier: Supplier) -> bool:
    """While it is being mended; what was handed in is not changed under the eyes of those who look at it."""
    return supplier.state is SupplierState.SUPPLEMENT


def replace(*, actor: Actor, kind: DocumentKind, file_name: str, content: bytes) -> Document:
    """Hand a document in, in the place of the earlier one.

    Raises Denied, Conflict `supplier.papers_closed`, InvalidInput `document.type`, `.size`, `.empty`.
    """
    policy.require(actor, Permission.OFFERING_WRITE)
    incoming = attachments.take_in(file_name=file_name, content=content)
    with transaction():
        supplier = lock(Supplier, suppliers.own_id(actor))
        if not replaceable(supplier):
            raise Conflict(
                "supplier.papers_closed",
                f"현재 상태가 '{supplier.state.label}'이라서 서류를 바꿀 수 없습니다. "
                "보완을 요청받으면 바꿀 수 있습니다.",
            )
        document, earlier = attachments.attach(incoming, kind=kind, supplier_id=supplier.id)
        change = {kind.value: (earlier, document.file_name)}
        record.write("supplier", supplier.id, "replace_document", actor=actor, change=change)
        return document
