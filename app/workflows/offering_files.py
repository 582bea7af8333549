"""A service's picture and brochure, for all to see, and the evidence of its prices (R-CAT-5, R-FILE-1)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select, update

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import sniff, store
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.korean import with_topic
from app.models.catalogue import (
    Offering,
    OfferingFile,
    OfferingFileKind,
    OfferingState,
    OfferingVersion,
    SupplierState,
)
from app.policy import Actor, Permission
from app.workflows import record
from app.workflows.attachments import HandedOut, Incoming
from app.workflows.offering_lifecycle import EDITABLE

_K = OfferingFileKind
_PDF, _JPEG, _PNG = "application/pdf", "image/jpeg", "image/png"
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Rule:
    types: tuple[str, ...]
    named: str
    most_mb: int
    most_files: int = 1


RULES = {
    _K.PICTURE: Rule(types=(_JPEG, _PNG), named="JPEG, PNG", most_mb=5),
    _K.BROCHURE: Rule(types=(_PDF,), named="PDF", most_mb=10),
    _K.EVIDENCE: Rule(types=(_PDF, _JPEG, _PNG), named="PDF, JPEG, PNG", most_mb=10, most_files=5),
}
PUBLIC = (_K.PICTURE, _K.BROCHURE)


def take_in(*, kind: OfferingFileKind, file_name: str, content: bytes) -> Incoming:
    """Check by content and keep, before any transaction. Raises InvalidInput, naming the kind's field."""
    rule = RULES[kind]
    try:
        found = sniff.accept(content)
    except InvalidInput as refusal:
        text = refusal.text if rule.types == RULES[_K.EVIDENCE].types else _only(rule)
        raise _wrong(kind, refusal.code, text) from refusal
    if found not in rule.types:
        raise _wrong(kind, "document.type", _only(rule))
    if len(content) > rule.most_mb * MEGABYTE:
        text = f"등록 가능한 파일 용량을 초과하였습니다. {rule.most_mb}MB 이하의 파일만 등록할 수 있습니다."
        raise _wrong(kind, "document.size", text)
    return Incoming(sniff.safe_name(file_name), found, len(content), store.put(content))


def _only(rule: Rule) -> str:
    return f"{rule.named} 파일만 등록할 수 있습니다. 파일의 내용이 다른 형식이거나 손상되었습니다."


def _wrong(kind: OfferingFileKind, code: str, text: str) -> InvalidInput:
    return InvalidInput(code, text, fields={kind.value: text})


def keep(
    offering: Offering, kind: OfferingFileKind, file: Incoming, *, version: OfferingVersion
) -> OfferingFile:
    """Put a file to a service: an only one takes the earlier one's place. The caller holds the lock.

    Raises InvalidInput `offering.files` where there are enough of its kind.
    """
    of_kind = (
        OfferingFile.offering_id == offering.id,
        OfferingFile.kind == kind,
        OfferingFile.replaced_at.is_(None),
    )
    if kind in PUBLIC:
        db.session.execute(update(OfferingFile).where(*of_kind).values(replaced_at=clock.now()))
    else:
        proofs = db.session.scalars(
            select(OfferingFile.id).where(*of_kind, OfferingFile.version_id == version.id)
        ).all()
        if len(proofs) >= RULES[kind].most_files:
            text = f"{with_topic(kind.label)} {RULES[kind].most_files}개까지 첨부할 수 있습니다."
            raise _wrong(kind, "offering.files", text)
    kept = OfferingFile(
        offering_id=offering.id,
        version_id=None if kind in PUBLIC else version.id,
        kind=kind,
        file_name=file.file_name,
        content_type=file.content_type,
        size=file.size,
        sha256=file.sha256,
        uploaded_at=clock.now(),
    )
    db.session.add(kept)
    db.session.flush()
    return kept


def remove(*, actor: Actor, offering_id: int, file_id: int) -> None:
    """Take a file away from a service that may still be changed. Raises Denied, NotFound, Conflict."""
    policy.require(actor, Permission.OFFERING_WRITE)
    with transaction():
        offering = lock(Offering, offering_id)
        policy.require_own(actor, offering)
        file = db.session.get(OfferingFile, file_id)
        if file is None or file.offering_id != offering_id or file.replaced_at is not None:
            raise NotFound()
        if offering.state not in EDITABLE:
            text = f"'{offering.state.label}' 상태에서는 자료를 바꿀 수 없습니다."
            raise Conflict("offering.edit.state", text)
        if file.version_id is not None and file.version_id != _latest(offering_id):
            text = "이미 심사를 받은 가격의 증빙은 지울 수 없습니다. 새 요금제의 증빙만 바꿀 수 있습니다."
            raise Conflict("offering.edit.proof", text)
        file.replaced_at = clock.now()
        change = {file.kind.value: (file.file_name, None)}
        record.write("offering", offering_id, "edit", actor=actor, change=change)


def _latest(offering_id: int) -> int | None:
    """The version that is being written; deals may have begun with any before it (R-CAT-5)."""
    statement = select(OfferingVersion.id).where(OfferingVersion.offering_id == offering_id)
    return db.session.scalar(statement.order_by(OfferingVersion.number.desc()).limit(1))


def of_offering(*, offering_id: int) -> list[OfferingFile]:
    """What counts now, of every version."""
    statement = select(OfferingFile).where(
        OfferingFile.offering_id == offering_id, OfferingFile.replaced_at.is_(None)
    )
    return list(db.session.scalars(statement.order_by(OfferingFile.id)))


def picture_ids(offering_ids: Collection[int]) -> dict[int, int]:
    """The picture of each service that has one, for a list: one query."""
    if not offering_ids:
        return {}
    statement = select(OfferingFile.offering_id, OfferingFile.id).where(
        OfferingFile.offering_id.in_(offering_ids),
        OfferingFile.kind == _K.PICTURE,
        OfferingFile.replaced_at.is_(None),
    )
    return {offering_id: file_id for offering_id, file_id in db.session.execute(statement)}


def public_file(*, offering_id: int, file_id: int, actor: Actor | None = None) -> HandedOut:
    """Picture and brochure of a service on sale, to anybody; of another one to those who may see it.

    Raises NotFound.
    """
    found = db.session.execute(
        select(OfferingFile, Offering)
        .join(Offering, Offering.id == OfferingFile.offering_id)
        .where(OfferingFile.id == file_id, Offering.id == offering_id)
    ).first()
    if found is None:
        raise NotFound()
    file, offering = found
    if file.kind not in PUBLIC or file.replaced_at is not None:
        raise NotFound()
    on_sale = offering.state is OfferingState.ON_SALE and offering.supplier.state is SupplierState.SELECTED
    if not on_sale and not (actor is not None and _insider(actor, offering)):
        raise NotFound()
    return _handed(file)


def file_for(*, actor: Actor, offering_id: int, file_id: int) -> HandedOut:
    """Any file of a service, evidence too: to its supplier and the lead agency, whose look is recorded.

    Raises NotFound, Denied.
    """
    if not (actor.may(Permission.OFFERING_WRITE) or actor.may(Permission.DEAL_VIEW)):
        raise Denied()
    with transaction() as session:
        file = session.get(OfferingFile, file_id)
        offering = session.get(Offering, offering_id)
        if file is None or offering is None or file.offering_id != offering_id:
            raise NotFound()
        if not _insider(actor, offering):
            raise NotFound()
        if actor.supplier_id is None and file.kind is _K.EVIDENCE:
            session.execute(select(OfferingFile.id).where(OfferingFile.id == file_id).with_for_update())
            change = {"kind": (None, file.kind), "offering": (None, file.offering_id)}
            record.write("offering_file", file_id, "read", actor=actor, change=change)
        kept = file.file_name, file.content_type, file.sha256
    return HandedOut(kept[0], kept[1], store.read(kept[2]))


def _insider(actor: Actor, offering: Offering) -> bool:
    return policy.owns(actor, offering) if actor.supplier_id else actor.may(Permission.DEAL_VIEW)


def _handed(file: OfferingFile) -> HandedOut:
    return HandedOut(file.file_name, file.content_type, store.read(file.sha256))
