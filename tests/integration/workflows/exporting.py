"""Documents to export, an officer who asks for them, and what became of it (R-DOC-2)."""

from __future__ import annotations

import io
import os
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db, transaction
from app.documents import store
from app.models.catalogue import Supplier
from app.models.paper_exports import ExportForm, PaperExport, PaperExportPart
from app.models.payments import Payment, Slip, SlipKind
from app.models.programme import Programme
from app.models.record import AuditRow
from app.policy import Actor, Role
from app.workflows import paper_exports, paper_exports_work, slips
from app.workflows.paper_exports import Wanted
from tests import factories
from tests.settled import cancel, make_paid

ALL = tuple(SlipKind)
RECEIPTS = Wanted(kinds=(SlipKind.RECEIPT,))
REASON = "2020년 10월 정산 증빙 보관"


@pytest.fixture(autouse=True)
def own_store(tx: Flask, tmp_path: Path) -> Iterator[Path]:
    store.configure(tmp_path)
    yield tmp_path
    store.configure(tx.config["FILES"])


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


def let_lie(sha256: str) -> None:
    """As if it had been made long ago: what was put lately is not taken out."""
    old = time.time() - 2 * store.IN_FLIGHT_SECONDS
    os.utime(store.path(sha256), (old, old))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("PDF_PART", 3), ("ZIP_PART", 3), ("PAGE", 2)):
        monkeypatch.setattr(paper_exports_work, name, size)
