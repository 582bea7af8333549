"""R-DOC-2: an export that is stopped, gone on with, cancelled, left lying, or past its time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app import clock
from app.db import db
from app.documents import store
from app.errors import Conflict
from app.models.catalogue import Supplier
from app.models.paper_exports import ExportState
from app.models.people import Account
from app.models.programme import Programme
from app.policy import Actor, Role
from app.workflows import paper_exports, paper_exports_work
from tests import factories
from tests.integration.workflows import exporting
from tests.integration.workflows.exporting import (
    RECEIPTS,
    hashes,
    issued,
    let_lie,
    parts_of,
    started,
)

pytestmark = pytest.mark.usefixtures("tx")

own_store, programme, supplier, officer = (
    exporting.own_store,
    exporting.programme,
    exporting.supplier,
    exporting.officer,
)

small_parts = exporting.small_parts


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
        let_lie(part.sha256)
        assert paper_exports_work.forget_expired() == 0, "the other export still hands it out"
        assert export.state is ExportState.EXPIRED and twin.state is ExportState.DONE
        paper_exports.delete(actor=officer, export_id=twin.id)
        assert paper_exports_work.forget_expired() == 2 and not store.path(part.sha256).exists()
        assert paper_exports_work.forget_expired() == 0
        with pytest.raises(Conflict, match=r"export\.over"):
            paper_exports.download(actor=officer, export_id=twin.id, number=1)
    assert all(one.forgotten_at for one in [*parts_of(export), *parts_of(twin)])


def test_a_stopped_export_is_not_kept_for_ever(
    programme: Programme, supplier: Supplier, officer: Actor
) -> None:
    for _ in range(4):
        issued(programme, supplier)
    export = started(officer, RECEIPTS)
    paper_exports_work._make_next(export.id)
    paper_exports.stop(actor=officer, export_id=export.id)
    let_lie(hashes(export)[0])
    with clock.at(clock.now() + paper_exports.KEPT + timedelta(minutes=1)):
        assert paper_exports_work.forget_expired() == 1
    assert export.state is ExportState.EXPIRED


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
