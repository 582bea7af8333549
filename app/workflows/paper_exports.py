"""Finance export: documents of a period, an agency or a supplier as files, for a reason (R-DOC-2, R-AUD-0).

What a person does is here, what the job does in `paper_exports_work`. The files are handed out for a set
time, to the one who gave the reason; each time is on record.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import store
from app.errors import Conflict, InvalidInput, NotFound
from app.models.paper_exports import ExportForm, PaperExport, PaperExportPart, counted_once
from app.models.paper_exports import ExportState as State
from app.models.payments import SlipKind
from app.models.people import Account
from app.policy import Actor, Permission
from app.workflows import lifecycle, paper_exports_sql, programmes, record
from app.workflows.lifecycle import Edge, Lifecycle

MOST_DOCUMENTS = 100_000
MAX_REASON = 500
KEPT_DAYS = 7
"""How long finished files can be had, and how long a stopped export can be gone on with."""
KEPT = timedelta(days=KEPT_DAYS)
PDF_PAGE_BYTES = 3_000
"""Of a document drawn among many, roughly: for the estimate before the start."""

EXPORT = Lifecycle(
    "paper_export",
    PaperExport,
    (State.RUNNING,),
    (
        Edge(
            action="stop",
            label="중단",
            source=State.RUNNING,
            target=State.STOPPED,
            permission=Permission.DOCUMENT_EXPORT,
            confirm="파일 만들기를 중단할까요? 만든 부분은 남아 있고, 나중에 이어서 만들 수 있습니다.",
        ),
        Edge(
            action="give_up",
            label="자동 중단",
            source=State.RUNNING,
            target=State.STOPPED,
            permission=Permission.CLOCKWORK,
        ),
        Edge(
            action="resume",
            label="이어서 만들기",
            source=State.STOPPED,
            target=State.RUNNING,
            permission=Permission.DOCUMENT_EXPORT,
        ),
        *(
            Edge(
                action="cancel",
                label="내려받기 취소",
                source=source,
                target=State.CANCELLED,
                permission=Permission.DOCUMENT_EXPORT,
                confirm="문서 내려받기를 취소할까요? 만든 파일을 모두 삭제합니다.",
            )
            for source in (State.RUNNING, State.STOPPED)
        ),
        Edge(
            action="finish",
            label="완료",
            source=State.RUNNING,
            target=State.DONE,
            permission=Permission.CLOCKWORK,
        ),
        Edge(
            action="delete",
            label="파일 삭제",
            source=State.DONE,
            target=State.EXPIRED,
            permission=Permission.DOCUMENT_EXPORT,
            confirm="내려받은 뒤라면 서버의 파일을 지금 삭제할 수 있습니다. 삭제할까요?",
        ),
        *(
            Edge(
                action="expire",
                label="기간만료",
                source=source,
                target=State.EXPIRED,
                permission=Permission.CLOCKWORK,
            )
            for source in (State.DONE, State.STOPPED)
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which documents. Days are days of issue, both within."""

    kinds: Sequence[SlipKind]
    since: date | None = None
    until: date | None = None
    agency_id: int | None = None
    supplier_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What an export would hold. `amounts` in won, cancellations below zero; sizes in bytes and rough."""

    documents: dict[SlipKind, int]
    amounts: dict[SlipKind, int]
    zip_bytes: int
    pdf_bytes: int

    @property
    def rows(self) -> int:
        return sum(self.documents.values())

    @property
    def total(self) -> int | None:
        """Won; None where the kinds say the same money twice."""
        return sum(self.amounts.values()) if counted_once(self.documents) else None


@dataclass(frozen=True)
class PartFile:
    path: Path
    file_name: str
    content_type: str


def preview(*, actor: Actor, wanted: Wanted) -> Counted:
    """How many documents of each kind, and their sums; nothing is written. Raises Denied, InvalidInput."""
    policy.require(actor, Permission.DOCUMENT_EXPORT)
    _check(wanted)
    programme_id = programmes.current().id
    return _count(wanted, programme_id, _upto(programme_id))


def _check(wanted: Wanted) -> None:
    if wanted.since and wanted.until and wanted.until < wanted.since:
        text = "기간의 끝이 시작보다 앞섭니다. 날짜를 확인해 주세요."
        raise InvalidInput("export.period", text, fields={"until": text})
    if not wanted.kinds:
        text = "문서 종류를 하나 이상 선택해 주세요."
        raise InvalidInput("export.kinds", text, fields={"kinds": text})


def _upto(programme_id: int) -> dict[str, int]:
    """The last number of each kind; all lower ones are committed, for a number's row is locked meanwhile."""
    given = dict.fromkeys((kind.value for kind in SlipKind), 0)
    rows = db.session.execute(paper_exports_sql.UPTO, {"programme_id": programme_id})
    return given | {row.kind: row.last for row in rows}


def _count(wanted: Wanted, programme_id: int, upto: dict[str, int]) -> Counted:
    about = _filter(wanted, programme_id) | {
        "kinds": paper_exports_sql.in_order(wanted.kinds),
        "upto": json.dumps(upto),
    }
    found = {SlipKind(row.kind): row for row in db.session.execute(paper_exports_sql.COUNT, about)}
    rows = sum(row.documents for row in found.values())
    size, drawn = (sum(getattr(row, name) for row in found.values()) for name in ("bytes", "drawn"))
    return Counted(
        documents={kind: found[kind].documents for kind in SlipKind if kind in found},
        amounts={kind: row.amount for kind, row in found.items()},
        zip_bytes=size * rows // drawn if drawn else 0,
        pdf_bytes=PDF_PAGE_BYTES * rows,
    )


def counted(export: PaperExport) -> Counted:
    """What an export holds by kind: documents never change. The caller has checked who asks."""
    wanted = Wanted(
        kinds=export.slip_kinds,
        since=export.since,
        until=export.until,
        agency_id=export.agency_id,
        supplier_id=export.supplier_id,
    )
    return _count(wanted, export.programme_id, export.upto)


def _filter(wanted: Wanted, programme_id: int) -> dict[str, Any]:
    return paper_exports_sql.wanted(
        programme_id=programme_id,
        since=wanted.since,
        until=wanted.until,
        agency_id=wanted.agency_id,
        supplier_id=wanted.supplier_id,
    )


def start(*, actor: Actor, wanted: Wanted, form: ExportForm, reason: str) -> PaperExport:
    """Settle which documents these are, put the reason on record, and let a job make the files.

    Pressed twice, it is one export. Raises Denied, InvalidInput `export.reason`, `.kinds`, `.period`,
    `.nothing`, `.too_many`.
    """
    policy.require(actor, Permission.DOCUMENT_EXPORT)
    _check(wanted)
    reason = _reason(reason)
    with transaction() as session:
        lock(Account, actor.id)
        new = _new(actor, wanted, form, reason)
        if (running := _same(new)) is not None:
            return running
        new.upto = _upto(new.programme_id)
        found = _count(wanted, new.programme_id, new.upto)
        _refuse_size(found)
        new.rows, new.amount = found.rows, found.total or 0
        session.add(new)
        session.flush()
        change = _said(new) | {f"amount_{kind.value}": (None, won) for kind, won in found.amounts.items()}
        record.write(EXPORT.entity, new.id, "ask_export", actor=actor, change=change, reason=reason)
        return new


def _reason(reason: str) -> str:
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        text = f"내려받는 사유를 {MAX_REASON:,}자 안으로 입력해 주세요. 감사기록에 남습니다."
        raise InvalidInput("export.reason", text, fields={"reason": text})
    return reason


def _new(actor: Actor, wanted: Wanted, form: ExportForm, reason: str) -> PaperExport:
    return PaperExport(
        programme_id=programmes.current().id,
        form=form,
        kinds=paper_exports_sql.in_order(wanted.kinds),
        since=wanted.since,
        until=wanted.until,
        agency_id=wanted.agency_id,
        supplier_id=wanted.supplier_id,
        reason=reason,
        state=State.RUNNING,
        created_by_id=actor.id,
        by_ip=actor.ip,
        created_at=clock.now(),
    )


_ASKED = ("programme_id", "form", "kinds", "since", "until", "agency_id", "supplier_id", "reason")


def _same(new: PaperExport) -> PaperExport | None:
    """The person's own that runs already and asks for the same."""
    running = select(PaperExport).where(
        PaperExport.state == State.RUNNING, PaperExport.created_by_id == new.created_by_id
    )
    alike = [
        row
        for row in db.session.scalars(running)
        if all(getattr(row, name) == getattr(new, name) for name in _ASKED)
    ]
    return alike[0] if alike else None


def _refuse_size(counted: Counted) -> None:
    if not counted.rows:
        text = "조건에 맞는 문서가 없습니다. 기간이나 문서 종류를 바꾸어 다시 조회해 주세요."
        raise InvalidInput("export.nothing", text)
    if counted.rows > MOST_DOCUMENTS:
        text = f"한 번에 {MOST_DOCUMENTS:,}건까지 내려받을 수 있습니다. 기간을 나누어 주세요."
        raise InvalidInput("export.too_many", text)


def _said(export: PaperExport) -> dict[str, tuple[Any, Any]]:
    """The filter and the count, for the audit trail."""
    names = ("form", "kinds", "since", "until", "agency_id", "supplier_id", "rows")
    said = {name: (None, getattr(export, name)) for name in names}
    return {name: pair for name, pair in said.items() if pair[1] is not None} | {
        "state": (None, State.RUNNING)
    }


def stop(*, actor: Actor, export_id: int) -> PaperExport:
    """End it after the document under way; by any who may export. Raises NotFound, Denied, Conflict."""
    with transaction():
        export = lock(PaperExport, export_id)
        if export.state is State.STOPPED:
            return export
        export.leased_until, export.ahead = None, 0
        return _fire(export, "stop", actor=actor)


def resume(*, actor: Actor, export_id: int) -> PaperExport:
    """Go on after the last finished part, by who started it. Raises NotFound, Denied, Conflict."""
    with transaction():
        export = lock_own(export_id, actor)
        if export.state in (State.RUNNING, State.DONE):
            return export
        export.tries, export.leased_until = 0, None
        return _fire(export, "resume", actor=actor, changes={"note": None})


def cancel(*, actor: Actor, export_id: int) -> PaperExport:
    """End it for good, by who started it; its files are deleted. Raises NotFound, Denied, Conflict."""
    with transaction():
        export = lock_own(export_id, actor)
        if export.state is State.CANCELLED:
            return export
        export.leased_until, export.ahead = None, 0
        return _fire(export, "cancel", actor=actor)


def delete(*, actor: Actor, export_id: int) -> PaperExport:
    """Have the files deleted before their time, by who started it. Raises NotFound, Denied, Conflict."""
    with transaction():
        return _fire(lock_own(export_id, actor), "delete", actor=actor)


def _fire(
    export: PaperExport, action: str, *, actor: Actor, changes: dict[str, Any] | None = None
) -> PaperExport:
    db.session.flush()
    fired: PaperExport = lifecycle.fire(EXPORT, export.id, action, actor=actor, changes=changes)
    return fired


def lock_own(export_id: int, actor: Actor) -> PaperExport:
    """Raises NotFound for another's: the reason on record is that of the one who started it."""
    policy.require(actor, Permission.DOCUMENT_EXPORT)
    export = lock(PaperExport, export_id)
    if export.created_by_id != actor.id:
        text = "다른 담당자가 요청한 문서입니다. 필요하면 사유를 적고 직접 요청해 주세요."
        raise NotFound("export.foreign", text)
    return export


CONTENT_TYPES = {ExportForm.PDF: "application/pdf", ExportForm.ZIP: "application/zip"}


def download(*, actor: Actor, export_id: int, number: int) -> PartFile:
    """Hand out one file, to who started the export, and record it (R-AUD-0).

    Raises NotFound, Denied, Conflict `export.not_ready`, `export.over`.
    """
    with transaction():
        export = lock_own(export_id, actor)
        part = db.session.get(PaperExportPart, (export_id, number))
        if part is None:
            raise NotFound()
        if export.state in (State.RUNNING, State.STOPPED):
            raise Conflict("export.not_ready", "파일을 만들고 있습니다. 완료된 뒤에 내려받아 주세요.")
        over = export.expires_at is None or export.expires_at <= clock.now()
        if export.state is not State.DONE or over or part.forgotten_at is not None:
            text = "내려받을 수 있는 기간이 지나 파일을 삭제했습니다. 필요하면 다시 요청해 주세요."
            raise Conflict("export.over", text)
        change = {
            "part": (None, number),
            "documents": (None, part.documents),
            "from": (None, part.first_number),
            "to": (None, part.last_number),
            "sha256": (None, part.sha256),
        }
        record.write(EXPORT.entity, export_id, "download", actor=actor, change=change, reason=export.reason)
        return PartFile(store.path(part.sha256), part.file_name, CONTENT_TYPES[export.form])
