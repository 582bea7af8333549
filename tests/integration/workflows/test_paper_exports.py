"""R-DOC-2: which documents are asked for, by whom, for what reason, and how they are counted.

R-AUD-0: never without a reason, and each time that a file is handed out is on record.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app import clock
from app.db import db
from app.errors import Denied, InvalidInput, NotFound
from app.models.catalogue import Supplier
from app.models.paper_exports import ExportForm
from app.models.payments import SlipKind
from app.models.programme import Programme
from app.models.vouchers import Voucher
from app.policy import Actor, Role
from app.workflows import paper_exports, paper_exports_reads, paper_exports_work
from app.workflows.paper_exports import Wanted
from tests import factories
from tests.integration.workflows import exporting
from tests.integration.workflows.exporting import (
    REASON,
    RECEIPTS,
    issued,
    parts_of,
    started,
    trail,
)
from tests.settled import Officers, make_paid

pytestmark = pytest.mark.usefixtures("tx")

own_store, programme, supplier, officer = (
    exporting.own_store,
    exporting.programme,
    exporting.supplier,
    exporting.officer,
)

small_parts = exporting.small_parts


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
    payment = make_paid(programme, supplier, paid_at=clock.now() - timedelta(days=11))
    Officers().exported(programme)
    asked = Wanted(kinds=(SlipKind.SETTLEMENT,))
    of_supplier = replace(asked, supplier_id=supplier.id)
    of_agency = replace(asked, agency_id=db.session.get_one(Voucher, payment.voucher_id).agency_id)
    for wanted, number in ((asked, 1), (of_supplier, 1), (of_agency, 0)):
        assert paper_exports.preview(actor=officer, wanted=wanted).rows == number


@pytest.mark.parametrize(
    ("kinds", "total"),
    [
        ({SlipKind.RECEIPT}, 330_000),
        ({SlipKind.RECEIPT, SlipKind.CANCELLATION}, 220_000),
        ({SlipKind.STATEMENT, SlipKind.CANCELLATION}, 220_000),
        ({SlipKind.RECEIPT, SlipKind.STATEMENT}, None),
        ({SlipKind.RECEIPT, SlipKind.SETTLEMENT}, None),
        ({SlipKind.SETTLEMENT}, None),
        (set(SlipKind), None),
    ],
)
def test_money_that_two_kinds_say_is_summed_by_kind_only(
    programme: Programme, supplier: Supplier, officer: Actor, kinds: set[SlipKind], total: int | None
) -> None:
    """전표 and 거래명세서 of a payment are the same money; a cancellation counts below zero."""
    for cancelled in (False, True, False):
        issued(programme, supplier, cancelled=cancelled, days_ago=12)
    Officers().exported(programme)
    wanted = Wanted(kinds=tuple(kinds))
    counted = paper_exports.preview(actor=officer, wanted=wanted)
    every = {
        SlipKind.RECEIPT: 330_000,
        SlipKind.STATEMENT: 330_000,
        SlipKind.CANCELLATION: -110_000,
        SlipKind.SETTLEMENT: 220_000,
    }
    told = {kind: amount for kind, amount in every.items() if kind in kinds}
    assert (counted.amounts, counted.total) == (told, total)
    export = started(officer, wanted)
    assert export.total == total
    page = paper_exports_reads.page(actor=officer, export_id=export.id)
    assert (page.counted.amounts, page.counted.rows) == (told, export.rows)
    asked = trail(export)[0].change
    assert {kind: asked[f"amount_{kind.value}"][1] for kind in told} == told


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
