"""R-DOC-2: documents as files, by a job that is broken off and gone on with to the same bytes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pypdf
import pytest
from openpyxl import load_workbook
from sqlalchemy import event

from app.db import db, transaction
from app.documents import store
from app.models.catalogue import Supplier
from app.models.paper_exports import ExportForm, ExportState
from app.models.payments import SlipKind
from app.models.programme import Programme
from app.policy import Actor
from app.workflows import paper_exports_work, slips
from app.workflows.paper_exports import Wanted
from tests.integration.workflows import exporting
from tests.integration.workflows.exporting import (
    ALL,
    RECEIPTS,
    archive_of,
    hashes,
    issued,
    numbers,
    parts_of,
    started,
)
from tests.settled import cancel

pytestmark = pytest.mark.usefixtures("tx")

own_store, programme, supplier, officer = (
    exporting.own_store,
    exporting.programme,
    exporting.supplier,
    exporting.officer,
)

small_parts = exporting.small_parts


def test_a_zip_has_each_document_an_index_and_hashes_that_hold(
    programme: Programme, supplier: Supplier, officer: Actor
) -> None:
    for cancelled in (False, True, False):
        issued(programme, supplier, cancelled=cancelled)
    export = started(officer, Wanted(kinds=(SlipKind.CANCELLATION, SlipKind.RECEIPT)))
    assert (export.rows, export.total) == (4, 220_000), "what was cancelled is taken off"
    paper_exports_work.work(export_id=export.id)
    assert (export.state, export.done, export.parts) == (ExportState.DONE, 4, 2)
    said: list[tuple[Any, ...]] = []
    totals: dict[str, Any] = {}
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
            if row["파일"] is None:
                totals[str(row["문서 종류"])] = row["합계"]
                continue
            assert sums[str(row["파일"])] == row["SHA-256"]
            assert bundle.read(str(row["파일"])).startswith(b"%PDF")
            minus = -1 if row["문서 종류"] == "취소전표" else 1
            assert row["공급기업"] == supplier.name and row["합계"] == minus * 110_000
            said.append((row["문서 종류"], row["문서번호"], row["취소전표 번호"], row["원 전표 번호"]))
    receipts, [slip] = numbers(SlipKind.RECEIPT), numbers(SlipKind.CANCELLATION)
    assert said == [
        ("전표", receipts[0], None, None),
        ("전표", receipts[1], slip, None),
        ("전표", receipts[2], None, None),
        ("취소전표", slip, None, receipts[1]),
    ]
    assert totals == {"전표 합계(3건)": 330_000, "취소전표 합계(1건)": -110_000}, "each kind for itself"


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


def test_a_damaged_file_stops_it_and_says_which(
    programme: Programme, supplier: Supplier, officer: Actor
) -> None:
    payment = issued(programme, supplier)
    slip = slips.for_payments([payment.id])[payment.id][SlipKind.RECEIPT]
    store.path(slips.render(slip.id)).write_bytes(b"%PDF-1.4 something else")
    export = started(officer, RECEIPTS)
    paper_exports_work.work(export_id=export.id)
    assert export.state is ExportState.STOPPED and slips.number_of(slip) in (export.note or "")


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
