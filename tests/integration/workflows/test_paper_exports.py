"""R-DOC-2: documents as files, by a job that is broken off and gone on with to the same bytes.

R-AUD-0: never without a reason, and each time that a file is handed out is on record.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pypdf
import pytest
from flask import Flask
from openpyxl import load_workbook
from sqlalchemy import event, select

from app import clock
from app.db import db, transaction
from app.documents import store
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Supplier
from app.models.paper_exports import ExportForm, ExportState, PaperExport, PaperExportPart
from app.models.payments import Payment, Slip, SlipKind
from app.models.people import Account
from app.models.programme import Programme
from app.models.record import AuditRow
from app.models.vouchers import Voucher
from app.policy import Actor, Role
from app.workflows import paper_exports, paper_exports_reads, paper_exports_work, slips
from app.workflows.paper_exports import Wanted
from tests import factories
from tests.settled import cancel, make_paid

pytestmark = pytest.mark.usefixtures("tx")

ALL = tuple(SlipKind)
RECEIPTS = Wanted(kinds=(SlipKind.RECEIPT,))
REASON = "2020년 10월 정산 증빙 보관"


@pytest.fixture(autouse=True)
def own_store(tx: Flask, tmp_path: Path) -> Iterator[Path]:
    store.configure(tmp_path)
    yield tmp_path
    store.configure(tx.config["FILES"])


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("PDF_PART", 3), ("ZIP_PART", 3), ("PAGE", 2)):
        monkeypatch.setattr(paper_exports_work, name, size)


@pytest.fixture
def programme(tx: Flask) -> Programme:
    return factories.make_programme(year=2400)


@pytest.fixture
def officer(programme: Programme) -> Actor:
    actor = factories.make_actor(Role.FINANCE_OFFICER)
    db.session.commit()
    return replace(actor, ip="192.0.2.7")


def issued(
    programme: Programme, supplier: Supplier, *, cancelled: bool = False, days_ago: int = 0
) -> Payment:
    """A paid deal with its receipt and its statement, and the slip of its cancellation."""
    with clock.at(clock.now() - timedelta(days=days_ago)), transaction():
        payment = make_paid(programme, supplier, 110_000)
        slips.issue(SlipKind.RECEIPT, payment=payment)
        slips.issue(SlipKind.STATEMENT, payment=payment)
        if cancelled:
            cancel(payment)
            slips.issue(SlipKind.CANCELLATION, payment=payment)
    return payment


@pytest.fixture
def supplier(programme: Programme) -> Supplier:
    return factories.make_supplier()


def started(officer: Actor, wanted: Wanted, form: ExportForm = ExportForm.ZIP) -> PaperExport:
    return paper_exports.start(actor=officer, wanted=wanted, form=form, reason=REASON)


def parts_of(export: PaperExport) -> list[PaperExportPart]:
    rows = select(PaperExportPart).where(PaperExportPart.export_id == export.id)
    return list(db.session.scalars(rows.order_by(PaperExportPart.number)))


def hashes(export: PaperExport) -> list[str]:
    return [part.sha256 for part in parts_of(export)]


def numbers(*kinds: SlipKind) -> list[str]:
    found = select(Slip).where(Slip.kind.in_(kinds)).order_by(Slip.number)
    slips_of = list(db.session.scalars(found))
    return [slips.number_of(slip) for kind in kinds for slip in slips_of if slip.kind is kind]


def trail(export: PaperExport) -> list[AuditRow]:
    rows = select(AuditRow).where(AuditRow.entity == "paper_export", AuditRow.entity_id == export.id)
    return list(db.session.scalars(rows.order_by(AuditRow.seq)))


def archive_of(part: PaperExportPart) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(store.read(part.sha256)))


def test_a_zip_has_each_document_an_index_and_hashes_that_hold(
    programme: Programme, supplier: Supplier, officer: Actor
) -> None:
    for cancelled in (False, True, False):
        issued(programme, supplier, cancelled=cancelled)
    export = started(officer, Wanted(kinds=(SlipKind.CANCELLATION, SlipKind.RECEIPT)))
    assert (export.rows, export.amount) == (4, 440_000)
    paper_exports_work.work(export_id=export.id)
    assert (export.state, export.done, export.parts) == (ExportState.DONE, 4, 2)
    said: list[tuple[Any, ...]] = []
    for part in parts_of(export):
        bundle = archive_of(part)
        sums = dict(reversed(line.split("  ", 1)) for line in bundle.read("SHA256SUMS").decode().splitlines())
        assert set(sums) == set(bundle.namelist()) - {"SHA256SUMS"} and "색인.xlsx" in sums
        for name, sha256 in sums.items():
            assert hashlib.sha256(bundle.read(name)).hexdigest() == sha256, name
        sheet = load_workbook(io.BytesIO(bundle.read("색인.xlsx"))).active
        assert sheet is not None
        heads, *rows = sheet.iter_rows(values_only=True)
        for row in (dict(zip(heads, values, strict=True)) for values in rows):
            assert sums[str(row["파일"])] == row["SHA-256"]
            assert bundle.read(str(row["파일"])).startswith(b"%PDF")
            assert row["공급기업"] == supplier.name and row["합계"] == 110_000
            said.append((row["문서 종류"], row["문서번호"], row["취소전표 번호"], row["원 전표 번호"]))
    receipts, [slip] = numbers(SlipKind.RECEIPT), numbers(SlipKind.CANCELLATION)
    assert said == [
        ("전표", receipts[0], None, None),
        ("전표", receipts[1], slip, None),
        ("전표", receipts[2], None, None),
        ("취소전표", slip, None, receipts[1]),
    ]


def test_a_merged_pdf_has_every_document_in_its_order(
    programme: Programme, supplier: Supplier, officer: Actor
) -> None:
    for _ in range(4):
        issued(programme, supplier)
    kinds = (SlipKind.RECEIPT, SlipKind.STATEMENT)
    export = started(officer, Wanted(kinds=kinds), ExportForm.PDF)
    paper_exports_work.work(export_id=export.id)
    read: list[str] = []
    for part in parts_of(export):
        content = store.read(part.sha256)
        assert len(content) == part.size
        texts = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]
        assert len(texts) == part.documents
        read += [next(number for number in numbers(*kinds) if number in text) for text in texts]
    assert read == numbers(*kinds) and [part.documents for part in parts_of(export)] == [3, 3, 2]
    assert (parts_of(export)[0].first_number, parts_of(export)[-1].last_number) == (read[0], read[-1])


@pytest.mark.parametrize("form", ExportForm)
def test_killed_at_any_point_it_is_gone_on_with_to_the_same_bytes(
    programme: Programme,
    supplier: Supplier,
    officer: Actor,
    form: ExportForm,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker dies before a part, in the midst of one, and between its file and its row."""
    for cancelled in (True, False, False, True):
        issued(programme, supplier, cancelled=cancelled)
    whole = started(officer, Wanted(kinds=ALL), form)
    paper_exports_work.work(export_id=whole.id)
    broken = started(officer, Wanted(kinds=ALL), form)
    # What comes meanwhile is no part of it: neither a new receipt nor a cancellation of an old one.
    late = issued(programme, supplier)
    with transaction():
        cancel(late)
        slips.issue(SlipKind.CANCELLATION, payment=late)
    for place in ("_next", "_page", "_keep"):
        with monkeypatch.context() as patch:
            _die_at(patch, place, after=1 if place == "_page" else 0)
            with pytest.raises(_Killed):
                paper_exports_work.work(export_id=broken.id)
        db.session.rollback()
        assert paper_exports_work._make_next(broken.id), place
    paper_exports_work.work(export_id=broken.id)
    assert (broken.state, broken.done) == (ExportState.DONE, whole.rows)
    assert hashes(broken) == hashes(whole) and len(hashes(whole)) == 4


class _Killed(BaseException):
    """Nothing in the way of it, as of a SIGKILL."""


def _die_at(patch: pytest.MonkeyPatch, name: str, *, after: int) -> None:
    real, passed = getattr(paper_exports_work, name), [0]

    def dying(*arguments: Any) -> Any:
        if passed[0] == after:
            raise _Killed
        passed[0] += 1
        return real(*arguments)

    patch.setattr(paper_exports_work, name, dying)


def test_two_workers_make_each_part_once(
    programme: Programme, supplier: Supplier, officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        issued(programme, supplier)
    export = started(officer, RECEIPTS)
    real = paper_exports_work._keep

    def overtaken(part: Any, sha256: str, size: int) -> bool:
        monkeypatch.setattr(paper_exports_work, "_keep", real)
        paper_exports_work.work(export_id=export.id)
        return real(part, sha256, size)

    monkeypatch.setattr(paper_exports_work, "_keep", overtaken)
    paper_exports_work.work(export_id=export.id)
    assert (export.state, export.done) == (ExportState.DONE, 4)
    assert [part.documents for part in parts_of(export)] == [3, 1]


def test_what_the_filter_names_and_nothing_else(programme: Programme, officer: Actor) -> None:
    first, second = factories.make_supplier(), factories.make_supplier()
    old = issued(programme, first, days_ago=40)
    new = issued(programme, first)
    other = issued(programme, second)
    agency_id = db.session.get_one(Voucher, other.voucher_id).agency_id
    today = clock.today()

    def count(**wanted: Any) -> dict[SlipKind, int]:
        asked = Wanted(kinds=(SlipKind.RECEIPT, SlipKind.STATEMENT), **wanted)
        return paper_exports.preview(actor=officer, wanted=asked).documents

    both = {SlipKind.RECEIPT: 3, SlipKind.STATEMENT: 3}
    assert count() == both == count(since=today - timedelta(days=40), until=today)
    two = {kind: 2 for kind in both}
    assert count(since=today) == two == count(supplier_id=first.id)
    one = {kind: 1 for kind in both}
    assert count(until=today - timedelta(days=40)) == one == count(supplier_id=first.id, since=today)
    assert count(agency_id=agency_id) == one
    assert count(agency_id=agency_id, supplier_id=first.id) == {}
    assert count(since=today - timedelta(days=39), until=today - timedelta(days=1)) == {}
    elsewhere = factories.make_programme(year=2399)
    issued(elsewhere, first)
    assert count() == both, "of the current programme only"
    assert old.id != new.id


def test_an_agency_has_no_statements_of_settlement(
    programme: Programme, supplier: Supplier, officer: Actor
) -> None:
    """They are of several agencies; a supplier has its own."""
    from tests.settled import Officers

    payment = make_paid(programme, supplier, paid_at=clock.now() - timedelta(days=11))
    Officers().approved(programme)
    asked = Wanted(kinds=(SlipKind.SETTLEMENT,))
    of_supplier = replace(asked, supplier_id=supplier.id)
    of_agency = replace(asked, agency_id=db.session.get_one(Voucher, payment.voucher_id).agency_id)
    for wanted, number in ((asked, 1), (of_supplier, 1), (of_agency, 0)):
        assert paper_exports.preview(actor=officer, wanted=wanted).rows == number


def test_never_without_a_reason_and_all_on_record(
    programme: Programme, supplier: Supplier, officer: Actor
) -> None:
    """R-AUD-0: the reason, the filter, the count, and each time that a file is handed out."""
    issued(programme, supplier)
    db.session.commit()
    for reason in ("", "   ", "가" * 501):
        with pytest.raises(InvalidInput, match=r"export\.reason"):
            paper_exports.start(actor=officer, wanted=RECEIPTS, form=ExportForm.ZIP, reason=reason)
    export = started(officer, replace(RECEIPTS, supplier_id=supplier.id, until=clock.today()))
    paper_exports_work.work(export_id=export.id)
    for _ in range(2):
        file = paper_exports.download(actor=officer, export_id=export.id, number=1)
    assert hashlib.sha256(file.path.read_bytes()).hexdigest() == parts_of(export)[0].sha256
    asked, finished, *looks = trail(export)
    assert (asked.action, asked.reason, asked.actor_id) == ("ask_export", REASON, officer.id)
    assert asked.change["kinds"] == [None, ["receipt"]] and asked.change["rows"] == [None, 1]
    assert asked.change["supplier_id"] == [None, supplier.id] and asked.ip == "192.0.2.7"
    assert finished.action == "finish"
    assert [(row.action, row.reason, row.change["documents"]) for row in looks] == [
        ("download", REASON, [None, 1])
    ] * 2


def test_only_finance_and_only_ones_own_files(
    programme: Programme, supplier: Supplier, officer: Actor
) -> None:
    issued(programme, supplier)
    export = started(officer, RECEIPTS)
    paper_exports_work.work(export_id=export.id)
    colleague, auditor = (factories.make_actor(role) for role in (Role.FINANCE_OFFICER, Role.AUDITOR))
    db.session.commit()
    with pytest.raises(NotFound, match=r"export\.foreign"):
        paper_exports.download(actor=colleague, export_id=export.id, number=1)
    for verb in (paper_exports.cancel, paper_exports.resume, paper_exports.delete):
        with pytest.raises(NotFound, match=r"export\.foreign"):
            verb(actor=colleague, export_id=export.id)
    for role in set(Role) - {Role.FINANCE_OFFICER}:
        actor = replace(colleague, role=role)
        with pytest.raises(Denied):
            paper_exports.preview(actor=actor, wanted=RECEIPTS)
        with pytest.raises(Denied):
            paper_exports.download(actor=actor, export_id=export.id, number=1)
    assert [row.id for row in paper_exports_reads.exports(actor=auditor)] == [export.id]
    page = paper_exports_reads.page(actor=auditor, export_id=export.id)
    assert (page.edges, page.can_download, len(page.parts)) == ([], False, 1)
    for role in (Role.DEMAND, Role.SUPPLIER, Role.REVIEWER, Role.SYSTEM_ADMIN):
        with pytest.raises(Denied):
            paper_exports_reads.exports(actor=replace(colleague, role=role))


def test_stopped_gone_on_with_and_cancelled(programme: Programme, supplier: Supplier, officer: Actor) -> None:
    for _ in range(5):
        issued(programme, supplier)
    colleague = factories.make_actor(Role.FINANCE_OFFICER)
    export = started(officer, RECEIPTS)
    assert paper_exports_work._make_next(export.id)
    assert paper_exports.stop(actor=colleague, export_id=export.id).state is ExportState.STOPPED
    assert paper_exports.stop(actor=officer, export_id=export.id).state is ExportState.STOPPED
    paper_exports_work.work(export_id=export.id)
    db.session.commit()
    assert (export.done, paper_exports_work.claim_unattended()) == (3, [])
    with pytest.raises(Conflict, match=r"export\.not_ready"):
        paper_exports.download(actor=officer, export_id=export.id, number=1)
    assert paper_exports.resume(actor=officer, export_id=export.id).state is ExportState.RUNNING
    assert paper_exports_work.claim_unattended() == [export.id]
    assert paper_exports_work.claim_unattended() == [], "claimed: somebody is on the way"
    assert paper_exports.cancel(actor=officer, export_id=export.id).state is ExportState.CANCELLED
    assert paper_exports.cancel(actor=officer, export_id=export.id).state is ExportState.CANCELLED
    assert not paper_exports_work._make_next(export.id)
    with pytest.raises(Conflict):
        paper_exports.resume(actor=officer, export_id=export.id)


def test_cancelled_in_the_midst_of_a_part_it_ends_there(
    programme: Programme, supplier: Supplier, officer: Actor, own_store: Path
) -> None:
    for _ in range(3):
        issued(programme, supplier)
    export = started(officer, RECEIPTS)
    real, pages = paper_exports_work._page, []

    def page(*arguments: Any) -> list[Any]:
        pages.append(1)
        if len(pages) == 2:
            paper_exports.cancel(actor=officer, export_id=export.id)
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_exports_work, "_page", page)
        paper_exports_work.work(export_id=export.id)
    assert (export.state, parts_of(export), len(pages)) == (ExportState.CANCELLED, [], 2)
    assert list((own_store / store.ASIDE).iterdir()) == [], "nothing half is left"


def test_pressed_twice_it_is_one_export(programme: Programme, supplier: Supplier, officer: Actor) -> None:
    issued(programme, supplier)
    first = started(officer, RECEIPTS)
    assert started(officer, RECEIPTS).id == first.id
    assert started(officer, RECEIPTS, ExportForm.PDF).id != first.id
    paper_exports_work.work(export_id=first.id)
    assert started(officer, RECEIPTS).id != first.id


def test_what_cannot_be_asked_for(
    programme: Programme, supplier: Supplier, officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = clock.today()
    for wanted, code in (
        (Wanted(kinds=()), "kinds"),
        (replace(RECEIPTS, since=today, until=today - timedelta(days=1)), "period"),
        (RECEIPTS, "nothing"),
    ):
        with pytest.raises(InvalidInput, match=rf"export\.{code}"):
            started(officer, wanted)
    issued(programme, supplier)
    db.session.commit()
    monkeypatch.setattr(paper_exports, "MOST_DOCUMENTS", 0)
    with pytest.raises(InvalidInput, match=r"export\.too_many"):
        started(officer, RECEIPTS)


def test_after_its_time_it_is_handed_out_no_more_and_the_file_goes(
    programme: Programme, supplier: Supplier, officer: Actor
) -> None:
    issued(programme, supplier)
    export, twin = started(officer, RECEIPTS), None
    paper_exports_work.work(export_id=export.id)
    [part] = parts_of(export)
    assert export.expires_at == (export.finished_at or clock.now()) + paper_exports.KEPT
    with clock.at(clock.now() + paper_exports.KEPT - timedelta(minutes=1)):
        paper_exports.download(actor=officer, export_id=export.id, number=1)
        twin = started(officer, RECEIPTS)
        paper_exports_work.work(export_id=twin.id)
    assert hashes(twin) == [part.sha256], "the same documents are the same file"
    db.session.commit()
    with clock.at(clock.now() + paper_exports.KEPT + timedelta(minutes=1)):
        with pytest.raises(Conflict, match=r"export\.over"):
            paper_exports.download(actor=officer, export_id=export.id, number=1)
        _let_lie(part.sha256)
        assert paper_exports_work.forget_expired() == 0, "the other export still hands it out"
        assert export.state is ExportState.EXPIRED and twin.state is ExportState.DONE
        paper_exports.delete(actor=officer, export_id=twin.id)
        assert paper_exports_work.forget_expired() == 2 and not store.path(part.sha256).exists()
        assert paper_exports_work.forget_expired() == 0
        with pytest.raises(Conflict, match=r"export\.over"):
            paper_exports.download(actor=officer, export_id=twin.id, number=1)
    assert all(one.forgotten_at for one in [*parts_of(export), *parts_of(twin)])


def _let_lie(sha256: str) -> None:
    """As if it had been made long ago: what was put lately is not taken out."""
    old = time.time() - 2 * store.IN_FLIGHT_SECONDS
    os.utime(store.path(sha256), (old, old))


def test_a_stopped_export_is_not_kept_for_ever(
    programme: Programme, supplier: Supplier, officer: Actor
) -> None:
    for _ in range(4):
        issued(programme, supplier)
    export = started(officer, RECEIPTS)
    paper_exports_work._make_next(export.id)
    paper_exports.stop(actor=officer, export_id=export.id)
    _let_lie(hashes(export)[0])
    with clock.at(clock.now() + paper_exports.KEPT + timedelta(minutes=1)):
        assert paper_exports_work.forget_expired() == 1
    assert export.state is ExportState.EXPIRED


def test_a_damaged_file_stops_it_and_says_which(
    programme: Programme, supplier: Supplier, officer: Actor
) -> None:
    payment = issued(programme, supplier)
    slip = slips.for_payments([payment.id])[payment.id][SlipKind.RECEIPT]
    store.path(slips.render(slip.id)).write_bytes(b"%PDF-1.4 something else")
    export = started(officer, RECEIPTS)
    paper_exports_work.work(export_id=export.id)
    assert export.state is ExportState.STOPPED and slips.number_of(slip) in (export.note or "")


def test_a_person_who_may_no_longer_stops_it(
    programme: Programme, supplier: Supplier, officer: Actor
) -> None:
    """R-ROLE-3: the reason was theirs."""
    issued(programme, supplier)
    account = db.session.get_one(Account, officer.id)
    for change in ({"is_active": False}, {"is_active": True, "role": Role.BUDGET_OFFICER}):
        export = started(officer, RECEIPTS)
        for name, value in change.items():
            setattr(account, name, value)
        db.session.commit()
        paper_exports_work.work(export_id=export.id)
        assert export.state is ExportState.STOPPED and export.note and not parts_of(export)


def test_one_that_never_gets_on_is_stopped_for_its_person_to_see(
    programme: Programme, supplier: Supplier, officer: Actor
) -> None:
    issued(programme, supplier)
    export = started(officer, RECEIPTS)
    assert paper_exports_work.claim_unattended() == [export.id]
    for _ in range(paper_exports_work.MOST_TRIES):
        export.tries, export.leased_until = export.tries + 1, clock.real_now() - timedelta(seconds=1)
        db.session.commit()
        given = paper_exports_work.claim_unattended()
    assert given == [] and export.state is ExportState.STOPPED and "여러 번 실패" in (export.note or "")
    paper_exports.resume(actor=officer, export_id=export.id)
    assert (export.tries, export.note) == (0, None)
    paper_exports_work.work(export_id=export.id)
    assert export.state is ExportState.DONE


def test_a_part_costs_a_handful_of_statements(
    programme: Programme, supplier: Supplier, officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More documents are no more statements."""
    for name in ("PDF_PART", "PAGE"):
        monkeypatch.setattr(paper_exports_work, name, 100)
    took = []
    for _ in range(2):
        for _ in range(5):
            issued(programme, supplier)
        export = started(officer, RECEIPTS, ExportForm.PDF)
        db.session.commit()
        with _counted() as statements:
            paper_exports_work.work(export_id=export.id)
        took.append(len(statements))
    assert took[0] == took[1] <= 40


@contextmanager
def _counted() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*arguments: Any) -> None:
        seen.append(arguments[2])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
