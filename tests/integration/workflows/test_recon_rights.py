"""R-SET-3: who may work on a difference, with a note each time, and the queue that they work on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.holds import SettlementHold
from app.models.record import AuditRow
from app.models.statements import (
    Bucket,
    ItemState,
    ReconAct,
    StatementSystem,
)
from app.policy import Actor, Role
from app.workflows import recon_asking, recon_items, recon_reads
from app.workflows.recon_reads import Shown, Wanted, Whose
from tests import factories
from tests.integration.workflows import differing
from tests.integration.workflows.differing import ONE, PDF, WHY, Desk, acts, fresh, refused
from tests.integration.workflows.reconciling import DAY, items

pytestmark = pytest.mark.usefixtures("tx")
desk = differing.desk


def test_owners(desk: Desk) -> None:
    ids = [desk.ours.id, desk.theirs.id]
    assert recon_items.assign(actor=desk.one, item_ids=ids, owner_id=desk.two.id or 0) == 2
    assert recon_items.assign(actor=desk.one, item_ids=ids, owner_id=desk.two.id or 0) == 0
    assert {item.owner_id for item in items()} == {desk.two.id}
    reviewer = factories.make_actor(Role.REVIEWER)
    db.session.commit()
    refused(
        lambda: recon_items.assign(actor=desk.one, item_ids=ids, owner_id=reviewer.id or 0), "recon.owner"
    )
    refused(
        lambda: recon_items.assign(actor=desk.one, item_ids=[], owner_id=desk.two.id or 0),
        "recon.nothing_chosen",
    )


def _work(desk: Desk, actor: Actor, note: str) -> dict[str, Callable[[], object]]:
    item = desk.ours.id
    return {
        "assign": lambda: recon_items.assign(actor=actor, item_ids=[item], owner_id=desk.one.id or 0),
        "evidence": lambda: recon_items.add_evidence(
            actor=actor, item_id=item, file_name="a.pdf", content=PDF, note=note
        ),
        "close": lambda: recon_items.close(actor=actor, item_id=item, reason=note),
        "propose": lambda: recon_items.propose(actor=actor, item_id=item, reason=note),
        "match": lambda: recon_items.propose_match(
            actor=actor, item_id=item, other_id=desk.theirs.id, reason=note
        ),
        "hold": lambda: recon_asking.hold(actor=actor, item_id=item, note=note),
        "ask_supplier": lambda: recon_asking.ask_supplier(actor=actor, item_id=item, note=note),
        "ask_gateway": lambda: recon_asking.ask_gateway(actor=actor, item_id=item, note=note),
    }


@pytest.mark.parametrize("note", ["", "   ", "가" * 501], ids=["empty", "blanks", "too-long"])
def test_every_act_needs_its_note(desk: Desk, note: str) -> None:
    for name, work in _work(desk, desk.one, note).items():
        if name != "assign":
            assert refused(work, "recon.note").fields
    assert acts(desk.ours) == [] and fresh(desk.ours).state is ItemState.OPEN


@pytest.mark.parametrize(
    "role", [Role.AUDITOR, Role.BUDGET_OFFICER, Role.SYSTEM_ADMIN, Role.REVIEWER, Role.SUPPLIER, Role.DEMAND]
)
def test_who_may_not_work_on_it(desk: Desk, role: Role) -> None:
    actor = factories.make_actor(role)
    db.session.commit()
    for work in _work(desk, actor, WHY).values():
        with pytest.raises((Denied, NotFound)):
            work()
    assert acts(desk.ours) == [] and fresh(desk.ours).state is ItemState.OPEN
    assert db.session.scalars(select(SettlementHold)).all() == []


def test_nothing_is_done_about_what_is_closed(desk: Desk) -> None:
    recon_items.propose(actor=desk.one, item_id=desk.ours.id, reason=WHY)
    recon_items.confirm(actor=desk.two, item_id=desk.ours.id, reason=WHY)
    for name, work in _work(desk, desk.one, WHY).items():
        if name != "assign":
            with pytest.raises(Conflict):
                work()


def test_evidence_is_judged_by_its_content(desk: Desk) -> None:
    with pytest.raises(InvalidInput) as found:
        recon_items.add_evidence(
            actor=desk.one, item_id=desk.ours.id, file_name="회신.pdf", content=b"MZ", note=WHY
        )
    assert found.value.code == "document.type"
    assert fresh(desk.ours).evidence_sha256 is None and acts(desk.ours) == []


def test_a_look_at_evidence_is_on_record(desk: Desk) -> None:
    recon_items.add_evidence(
        actor=desk.one, item_id=desk.ours.id, file_name="회신.pdf", content=PDF, note="카드사 회신"
    )
    act = db.session.scalars(select(ReconAct)).one()
    auditor = factories.make_actor(Role.AUDITOR)
    db.session.commit()
    file = recon_items.evidence(actor=auditor, act_id=act.id)
    assert (file.file_name, file.content_type, file.content) == ("회신.pdf", "application/pdf", PDF)
    [look] = db.session.scalars(
        select(AuditRow).where(AuditRow.entity == "recon_item", AuditRow.action == "read")
    )
    assert look.actor_id == auditor.id


def test_the_queue_by_filter(desk: Desk) -> None:
    def found(**wanted: object) -> list[int]:
        rows = recon_reads.listing(actor=desk.one, wanted=Wanted(**wanted))  # type: ignore[arg-type]
        return [row.id for row in rows]

    ours, theirs = desk.ours.id, desk.theirs.id
    assert found() == [theirs, ours]
    assert found(q="99999999") == [theirs] and found(q=desk.payment.order_id) == [ours]
    assert found(system=StatementSystem.ZEROPAY) == []
    assert found(since=DAY + ONE) == [] and found(until=DAY) == [theirs, ours]
    assert found(whose=Whose.NOBODY) == [theirs, ours] and found(whose=Whose.MINE) == []
    recon_items.assign(actor=desk.one, item_ids=[ours], owner_id=desk.one.id or 0)
    assert found(whose=Whose.MINE) == [ours]
    recon_items.propose(actor=desk.one, item_id=theirs, reason=WHY)
    assert found(shown=Shown.PROPOSED) == [theirs] and found() == [theirs, ours]
    recon_items.confirm(actor=desk.two, item_id=theirs, reason=WHY)
    assert found() == [ours] and found(shown=Shown.CLOSED) == [theirs]
    assert found(shown=Shown.ALL) == [theirs, ours]


def test_counts_by_bucket_and_age(desk: Desk) -> None:
    counts = recon_reads.counts(actor=desk.one, wanted=Wanted())
    assert (counts.total, counts.old) == (2, 0)
    assert (counts.count[Bucket.ONLY_OURS], counts.won[Bucket.ONLY_OURS]) == (1, 300_000)
    with clock.at(clock.now() + 4 * ONE):
        assert recon_reads.counts(actor=desk.one, wanted=Wanted()).old == 2
        assert recon_reads.listing(actor=desk.one, wanted=Wanted(old=True))[0].is_old
    assert recon_reads.listing(actor=desk.one, wanted=Wanted(old=True)) == []
