"""The job of a finance export: part after part, broken off and gone on with to the same bytes (R-DOC-2).

A part is made outside any transaction, into a file of its own, and counts once its row is committed: a worker
that dies leaves nothing half, and of two that make one part the second finds it made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import IO, Any

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import archive, book, store
from app.documents.archive import Bundle, IndexRow
from app.errors import InvalidInput, Refusal
from app.models.paper_exports import ExportForm, PaperExport, PaperExportPart
from app.models.paper_exports import ExportState as State
from app.models.payments import SlipKind
from app.policy import CLOCK, Permission
from app.workflows import accounts, lifecycle, paper_exports_sql, slips
from app.workflows.paper_exports import EXPORT, KEPT

PDF_PART = 1_000
"""Documents in one merged PDF."""
ZIP_PART = 2_000
PAGE = 100
"""Documents between two looks at whether somebody stopped it; each look says that the worker is alive."""
SETTLEMENTS = 5
"""Of those a page holds so many: each may list tens of thousands of payments."""
LEASE = timedelta(seconds=25)
MOST_TRIES = 5
FAILED = "여러 번 실패하여 중단했습니다. 이어서 만들어도 같으면 시스템 관리자에게 알려 주세요."


class _Overtaken(Exception):
    """Stopped, cancelled, or this part was finished by another worker."""


@dataclass
class _Part:
    """The part to make, and where it ends once it is made."""

    export_id: int
    number: int
    form: ExportForm
    kinds: list[str]
    about: dict[str, Any]
    """The filter and the last numbers, as the statements take them."""
    place: tuple[str, int] | None
    limit: int
    left: int
    """How many documents there still are, this part's with them."""
    documents: int = 0
    numbers: list[str] = field(default_factory=list)
    """Of the first and the last document."""


def claim_unattended() -> list[int]:
    """The exports that nobody works on: just started, or their worker died. Each is claimed for a while.

    One that was given out again and again without getting on is stopped, for its person to see.
    """
    now = clock.real_now()
    with transaction() as session:
        found = session.execute(paper_exports_sql.CLAIM, {"now": now, "until": now + LEASE}).all()
    for row in found:
        if row.tries >= MOST_TRIES:
            _give_up(row.id, FAILED)
    return sorted(row.id for row in found if row.tries < MOST_TRIES)


def work(*, export_id: int) -> None:
    """Make what is left of an export until it is done or stopped. Any number may call this."""
    with transaction():
        export = lock(PaperExport, export_id)
        if export.state is State.RUNNING:
            export.tries, export.leased_until = export.tries + 1, clock.real_now() + LEASE
    while _make_next(export_id):
        pass


def _make_next(export_id: int) -> bool:
    """One part; whether there may be more."""
    try:
        part = _next(export_id)
        if part is None:
            return False
        with store.aside() as file:
            _FORMS[part.form](part, file)
            if not part.documents:
                text = "문서 수가 요청할 때와 다릅니다. 취소하고 다시 요청해 주세요."
                raise InvalidInput("export.fewer", text)
            sha256, size = store.take(file)
        return _keep(part, sha256, size)
    except _Overtaken:
        return False
    except Refusal as refusal:
        _give_up(export_id, refusal.text)
        return False


def _next(export_id: int) -> _Part | None:
    with transaction():
        export = lock(PaperExport, export_id)
        if export.state is not State.RUNNING:
            return None
        if export.done >= export.rows:
            _finish(export)
            return None
        _require_starter(export)
        about = paper_exports_sql.wanted(
            programme_id=export.programme_id,
            since=export.since,
            until=export.until,
            agency_id=export.agency_id,
            supplier_id=export.supplier_id,
        )
        placed = export.place_kind is not None and export.place_number is not None
        return _Part(
            export_id=export.id,
            number=export.parts + 1,
            form=export.form,
            kinds=list(export.kinds),
            about=about | {"upto": json.dumps(export.upto)},
            place=(export.place_kind, export.place_number) if placed else None,  # type: ignore[arg-type]
            limit=PDF_PART if export.form is ExportForm.PDF else ZIP_PART,
            left=export.rows - export.done,
        )


def _require_starter(export: PaperExport) -> None:
    """As they are today: a closed account or another role ends the handing out of personal data."""
    actor = accounts.actor_for(account_id=export.created_by_id, ip=export.by_ip)
    if actor is None:
        raise InvalidInput(
            "export.account",
            "요청한 사람의 계정을 더 이상 쓸 수 없어 중단했습니다. 다른 담당자가 다시 요청해 주세요.",
        )
    policy.require(actor, Permission.DOCUMENT_EXPORT)


def _documents(part: _Part) -> Iterator[Any]:
    """The documents of a part in their order, read by pages; each page renews the lease.

    Raises _Overtaken where there is nothing to go on for.
    """
    after = part.place[1] if part.place else 0
    kinds = part.kinds[part.kinds.index(part.place[0]) :] if part.place else part.kinds
    for kind in kinds:
        while part.documents < part.limit:
            most = min(PAGE, SETTLEMENTS) if kind == SlipKind.SETTLEMENT.value else PAGE
            size = min(most, part.limit - part.documents)
            rows = _page(part, kind, after, size)
            for row in rows:
                number = row.data["stamp"]["number"]
                part.numbers[1 if part.numbers else 0 :] = [number]
                part.place, part.documents = (kind, row.number), part.documents + 1
                after = row.number
                yield row
            if len(rows) < size:
                break
        after = 0


def _page(part: _Part, kind: str, after: int, size: int) -> list[Any]:
    alive: dict[str, Any] = {"export_id": part.export_id, "parts": part.number - 1}
    with transaction() as session:
        alive |= {"ahead": part.documents, "until": clock.real_now() + LEASE}
        if session.execute(paper_exports_sql.MOVE_ON, alive).first() is None:
            raise _Overtaken
        wanted = part.about | {"kind": kind, "after": after, "size": size}
        return list(session.execute(paper_exports_sql.PAGE, wanted).all())


def _merged(part: _Part, file: IO[bytes]) -> None:
    """One PDF, drawn from what the documents say: much less work, and smaller, than merging their files."""
    papers = ((SlipKind(row.kind), row.data) for row in _documents(part))
    file.write(book.draw(papers, title=_title(part)))


def _title(part: _Part) -> str:
    return f"{'·'.join(SlipKind(value).label for value in part.kinds)} 모음"


def _bundled(part: _Part, file: IO[bytes]) -> None:
    """Each document's own file, the index of this part, and the hashes."""
    with Bundle(file) as bundle:
        rows = [_put(bundle, row) for row in _documents(part)]
        bundle.add(archive.INDEX_NAME, archive.index(rows))


def _put(bundle: Bundle, row: Any) -> IndexRow:
    kind = SlipKind(row.kind)
    name = f"{kind.label}/{row.data['stamp']['number']}.pdf"
    sha256 = bundle.add(name, _file(row))
    # Without its items, of which a statement of settlement may have tens of thousands.
    said = {key: value for key, value in row.data.items() if not isinstance(value, list)}
    return IndexRow(
        kind=kind.label,
        data=said,
        is_minus=kind is SlipKind.CANCELLATION,
        cancelled_by=row.cancelled_by,
        file_name=name,
        sha256=sha256,
    )


_FORMS = {ExportForm.PDF: _merged, ExportForm.ZIP: _bundled}


def _file(row: Any) -> bytes:
    """The document's file as it was kept; drawn now where the job has not come to it, or where it is lost."""
    sha256 = row.sha256
    if sha256 is None or not store.path(sha256).exists():
        sha256 = slips.render(row.id)
    content = store.read(sha256)
    if hashlib.sha256(content).hexdigest() != sha256:
        number = row.data["stamp"]["number"]
        text = f"보관된 {number} 파일이 기록된 해시와 다릅니다. 시스템 관리자에게 알려 주세요."
        raise InvalidInput("export.damaged", text)
    return content


def _keep(part: _Part, sha256: str, size: int) -> bool:
    """Commit a part that was made, and with the last one the end; whether there are more.

    One that was stopped, cancelled or ended meanwhile keeps its row too: by it the file is found and deleted.
    """
    with transaction() as session:
        export = lock(PaperExport, part.export_id)
        if export.parts != part.number - 1 or part.place is None:
            # Another worker made it: the same bytes, so that its row is this file's as well.
            raise _Overtaken
        made = PaperExportPart(export_id=export.id, number=part.number, documents=part.documents)
        made.first_number, made.last_number = part.numbers[0], part.numbers[-1]
        made.file_name, made.sha256, made.size = _file_name(export, part), sha256, size
        made.made_at = clock.now()
        session.add(made)
        export.done, export.ahead, export.parts = export.done + part.documents, 0, part.number
        export.place_kind, export.place_number = part.place
        if export.state is not State.RUNNING:
            return False
        export.tries, export.leased_until = 0, clock.real_now() + LEASE
        if export.done < export.rows:
            return True
        _finish(export)
        return False


def _finish(export: PaperExport) -> None:
    now = clock.now()
    db.session.flush()
    changes = {"finished_at": now, "expires_at": now + KEPT}
    lifecycle.fire(EXPORT, export.id, "finish", actor=CLOCK, changes=changes)


def _file_name(export: PaperExport, part: _Part) -> str:
    """`전표_20201101-20201130_12.zip`; with the part's number behind where there are several."""
    kinds = [SlipKind(value).label for value in part.kinds]
    days = "-".join(f"{day:%Y%m%d}" for day in (export.since, export.until) if day)
    several = part.number > 1 or part.documents < part.left
    words = [
        kinds[0] if len(kinds) == 1 else "문서",
        days,
        str(export.id),
        f"{part.number}부" if several else "",
    ]
    return "_".join(word for word in words if word) + f".{part.form.value}"


def _give_up(export_id: int, note: str) -> None:
    with transaction():
        export = lock(PaperExport, export_id)
        if export.state is State.RUNNING:
            export.leased_until, export.ahead = None, 0
            db.session.flush()
            lifecycle.fire(EXPORT, export_id, "give_up", actor=CLOCK, reason=note, changes={"note": note})


def forget_expired() -> int:
    """End what is past its time, and delete the files of all that has ended; returns how many files went.

    A file that was made within the last hour, or made again by the same content, stays until the next time.
    """
    now = clock.now()
    with transaction() as session:
        lapsed = list(session.scalars(paper_exports_sql.LAPSED, {"now": now, "stale": now - KEPT}))
    for export_id in lapsed:
        _expire(export_id)
    with transaction() as session:
        rows = session.execute(paper_exports_sql.FORGETTABLE).all()
    gone = [row for row in rows if store.remove(row.sha256) or not store.path(row.sha256).exists()]
    with transaction() as session:
        for row in gone:
            about = {"export_id": row.export_id, "number": row.number, "at": now}
            session.execute(paper_exports_sql.FORGOTTEN, about)
    store.sweep_aside()
    return len(gone)


def _expire(export_id: int) -> None:
    with transaction():
        export = lock(PaperExport, export_id)
        # Gone on with meanwhile: it keeps its time anew.
        if export.state in (State.DONE, State.STOPPED):
            lifecycle.fire(EXPORT, export_id, "expire", actor=CLOCK)
