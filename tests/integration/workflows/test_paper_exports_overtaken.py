"""R-DOC-2: whatever becomes of an export while a part is made, no file is left that nobody deletes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.models.catalogue import Supplier
from app.models.paper_exports import ExportForm, ExportState, PaperExport
from app.models.payments import SlipKind
from app.models.programme import Programme
from app.policy import Actor
from app.workflows import paper_exports, paper_exports_work
from app.workflows.paper_exports import Wanted
from tests.integration.workflows import exporting
from tests.integration.workflows.exporting import RECEIPTS, issued, parts_of, started
from tests.settled import Officers, make_paid

pytestmark = pytest.mark.usefixtures("tx")

own_store, programme, supplier, officer = (
    exporting.own_store,
    exporting.programme,
    exporting.supplier,
    exporting.officer,
)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(paper_exports_work, "ZIP_PART", 3)
    yield


def files(root: Path) -> set[str]:
    """What lies in the store, the documents' own files left out."""
    found = {path for path in root.rglob("*") if path.is_file()}
    return {path.name for path in found if not path.read_bytes().startswith(b"%PDF")}


def meanwhile(export: PaperExport, happens: Callable[[], Any]) -> None:
    """Between the file of the first part and its row."""
    real = paper_exports_work._keep

    def keep(*arguments: Any) -> bool:
        patch.setattr(paper_exports_work, "_keep", real)
        happens()
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_exports_work, "_keep", keep)
        paper_exports_work.work(export_id=export.id)


@pytest.mark.parametrize("verb", [paper_exports.cancel, paper_exports.stop], ids=["cancelled", "stopped"])
def test_a_part_that_was_made_when_it_ended_is_deleted_as_the_others(
    programme: Programme, supplier: Supplier, officer: Actor, own_store: Path, verb: Callable[..., Any]
) -> None:
    for _ in range(4):
        issued(programme, supplier)
    export = started(officer, RECEIPTS)
    meanwhile(export, lambda: verb(actor=officer, export_id=export.id))
    [part] = parts_of(export)
    assert (export.done, export.parts, export.leased_until) == (3, 1, None)
    assert files(own_store) == {part.sha256}
    exporting.let_lie(part.sha256)
    with clock.at(clock.now() + paper_exports.KEPT + timedelta(minutes=1)):
        assert paper_exports_work.forget_expired() == 1
    assert files(own_store) == set() and part.forgotten_at is not None


@pytest.mark.parametrize("documents, made", [(4, [3, 1]), (3, [3])], ids=["one-of-two", "the-last"])
def test_stopped_then_it_is_gone_on_with_after_that_part(
    programme: Programme,
    supplier: Supplier,
    officer: Actor,
    own_store: Path,
    documents: int,
    made: list[int],
) -> None:
    for _ in range(documents):
        issued(programme, supplier)
    export = started(officer, RECEIPTS)
    meanwhile(export, lambda: paper_exports.stop(actor=officer, export_id=export.id))
    assert export.state is ExportState.STOPPED
    paper_exports.resume(actor=officer, export_id=export.id)
    paper_exports_work.work(export_id=export.id)
    assert (export.state, export.done) == (ExportState.DONE, documents)
    assert export.expires_at is not None
    assert [part.documents for part in parts_of(export)] == made
    assert files(own_store) == {part.sha256 for part in parts_of(export)}


def test_fewer_documents_than_asked_for_leave_no_file(
    programme: Programme, supplier: Supplier, officer: Actor, own_store: Path, tx: Flask
) -> None:
    issued(programme, supplier)
    export = started(officer, RECEIPTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper_exports_work, "_page", lambda *_: [])
        paper_exports_work.work(export_id=export.id)
    assert export.state is ExportState.STOPPED and "문서 수가" in (export.note or "")
    assert parts_of(export) == [] and files(own_store) == set()


def test_statements_of_settlement_come_few_at_a_time(
    programme: Programme, supplier: Supplier, officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may list tens of thousands of payments."""
    make_paid(programme, supplier, paid_at=clock.now() - timedelta(days=11))
    Officers().exported(programme)
    issued(programme, supplier)
    monkeypatch.setattr(paper_exports_work, "ZIP_PART", 2_000)
    sizes: dict[str, int] = {}
    real = paper_exports_work._page

    def page(part: Any, kind: str, after: int, size: int) -> list[Any]:
        sizes[kind] = size
        return real(part, kind, after, size)

    monkeypatch.setattr(paper_exports_work, "_page", page)
    wanted = Wanted(kinds=(SlipKind.RECEIPT, SlipKind.SETTLEMENT))
    export = started(officer, wanted, ExportForm.ZIP)
    paper_exports_work.work(export_id=export.id)
    assert (export.state, export.done) == (ExportState.DONE, 2)
    assert sizes == {"receipt": paper_exports_work.PAGE, "settlement": 5}
