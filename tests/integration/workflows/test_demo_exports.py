"""The demonstration's documents that finance took out: one to fetch, one to go on with (R-DOC-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.db import db
from app.demo import exports
from app.demo.stage import instant
from app.documents import store
from app.models.paper_exports import ExportState, PaperExport
from app.workflows import demonstration, paper_exports, paper_exports_reads
from tests import factories
from tests.settled import Officers, make_paid


@pytest.fixture
def stage(tx: Flask, tmp_path: Path) -> Iterator[Any]:
    """The first settlement is paid, as it is when the scene begins."""
    store.configure(tmp_path)
    programme, officers = factories.make_programme(year=2420), Officers()
    with clock.at(instant(date(2020, 10, 20))):
        make_paid(programme, factories.make_supplier(), paid_at=clock.now())
    with clock.at(instant(date(2020, 11, 3))):
        officers.settled(programme)
    staff = {"finance1": officers.drafter, "finance2": officers.approver}
    yield SimpleNamespace(staff=staff)
    store.configure(tx.config["FILES"])


def test_one_to_fetch_and_one_to_go_on_with(stage: Any) -> None:
    exports.export_some(stage)
    stopped, ready = db.session.query(PaperExport).order_by(PaperExport.id)
    assert (stopped.state, ready.state) == (ExportState.STOPPED, ExportState.DONE)
    with clock.at(demonstration.FIRST_INSTANT):
        finance1, finance2 = stage.staff["finance1"], stage.staff["finance2"]
        assert paper_exports.download(actor=finance1, export_id=ready.id, number=1).path.exists()
        page = paper_exports_reads.page(actor=finance2, export_id=stopped.id)
        assert [edge.action for edge in page.edges] == ["resume", "cancel"]
