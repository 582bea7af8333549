"""R-SET-3: a difference has an owner, acts with notes, and ends with evidence or by a second person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound, Refusal
from app.models.holds import HoldSource, SettlementHold
from app.models.payments import Payment
from app.models.record import AuditRow, Notice
from app.models.statements import (
    Bucket,
    ItemAction,
    ItemState,
    ReconAct,
    ReconItem,
    StatementFile,
    StatementMatch,
    StatementSystem,
)
from app.policy import Actor, Role
from app.workflows import matching, recon_asking, recon_items, recon_reads, record, statements
from app.workflows.recon_reads import Shown, Wanted, Whose
from tests import factories, money, settled
from tests.integration.workflows.reconciling import DAY, File, Row, begin, charge, days, items, take

pytestmark = pytest.mark.usefixtures("tx")
ONE = timedelta(days=1)
WHY = "카드사에 확인했습니다."
PDF = b"%PDF-1.4 reply of the card company %%EOF"


@dataclass(frozen=True)
class Desk:
    one: Actor
    two: Actor
    payment: Payment
    ours: ReconItem
    """A payment without a line."""
    theirs: ReconItem
    """A line of the same sum without a payment: another approval number."""


@pytest.fixture
def desk() -> Desk:
    at = clock.start_of(DAY) + timedelta(hours=10)
    with clock.at(at):
        payment = settled.make_paid(
            factories.make_programme(), factories.make_supplier(), 300_000, paid_at=at
        )
    days([charge(payment, approval="99999999", order="")], [])
    theirs, ours = items()
    assert (theirs.bucket, ours.bucket) == (Bucket.ONLY_THEIRS, Bucket.ONLY_OURS)
    one, two = factories.make_actor(Role.FINANCE_OFFICER), factories.make_actor(Role.PROGRAMME_MANAGER)
    db.session.commit()
    return Desk(one, two, payment, ours, theirs)


def acts(item: ReconItem) -> list[ItemAction]:
    query = select(ReconAct.action).where(ReconAct.item_id == item.id).order_by(ReconAct.id)
    return list(db.session.scalars(query))


def fresh(item: ReconItem) -> ReconItem:
    return db.session.get_one(ReconItem, item.id, populate_existing=True)


def refused(work: Callable[[], object], code: str) -> Refusal:
    with pytest.raises(Refusal) as found:
        work()
    assert found.value.code == code
    return found.value


# -- how it ends ---------------------------------------------------------------------------------------------


def test_nobody_closes_alone_without_evidence(desk: Desk) -> None:
    refused(lambda: recon_items.close(actor=desk.one, item_id=desk.ours.id, reason=WHY), "recon.no_evidence")
    assert fresh(desk.ours).state is ItemState.OPEN and acts(desk.ours) == []


def test_evidence_closes_it(desk: Desk) -> None:
    recon_items.add_evidence(
        actor=desk.one, item_id=desk.ours.id, file_name="회신.pdf", content=PDF, note="카드사 회신"
    )
    closed = recon_items.close(actor=desk.one, item_id=desk.ours.id, reason=WHY)
    assert (closed.state, closed.closed_by_id, closed.note) == (ItemState.CLOSED, desk.one.id, WHY)
    assert acts(desk.ours) == [ItemAction.EVIDENCE, ItemAction.CLOSE]
    assert record.verify() == []


def test_a_second_person_closes_it(desk: Desk) -> None:
    recon_items.propose(actor=desk.one, item_id=desk.ours.id, reason=WHY)
    refused(lambda: recon_items.confirm(actor=desk.one, item_id=desk.ours.id, reason=WHY), "same_person")
    assert fresh(desk.ours).state is ItemState.PROPOSED
    closed = recon_items.confirm(actor=desk.two, item_id=desk.ours.id, reason="확인했습니다.")
    assert (closed.state, closed.proposed_by_id, closed.closed_by_id) == (
        ItemState.CLOSED,
        desk.one.id,
        desk.two.id,
    )
    assert acts(desk.ours) == [ItemAction.PROPOSE, ItemAction.CONFIRM]


def test_a_request_is_turned_down_with_its_reason(desk: Desk) -> None:
    recon_items.propose(actor=desk.one, item_id=desk.ours.id, reason=WHY)
    sent = recon_items.send_back(actor=desk.two, item_id=desk.ours.id, reason="근거가 부족합니다.")
    assert (sent.state, sent.proposed_by_id) == (ItemState.OPEN, None)


def test_what_was_closed_wrongly_is_opened_again(desk: Desk) -> None:
    recon_items.propose(actor=desk.one, item_id=desk.ours.id, reason=WHY)
    recon_items.confirm(actor=desk.two, item_id=desk.ours.id, reason=WHY)
    opened = recon_items.reopen(actor=desk.one, item_id=desk.ours.id, reason="다른 결제였습니다.")
    assert (opened.state, opened.closed_by_id, opened.note) == (ItemState.OPEN, None, None)
    assert acts(desk.ours)[-1] is ItemAction.REOPEN


def test_what_both_books_account_for_stays_closed(desk: Desk) -> None:
    take(File(DAY + 3 * ONE, rows=[charge(desk.payment)]))
    assert fresh(desk.ours).state is ItemState.CLOSED
    refused(lambda: recon_items.reopen(actor=desk.one, item_id=desk.ours.id, reason=WHY), "recon.settled")


@pytest.mark.parametrize(
    "clause",
    [
        "closed_by_id = :one, note = '확인'",
        "closed_by_id = :one, proposed_by_id = :one, note = '확인'",
        "closed_by_id = :one, evidence_sha256 = 'x', note = ''",
    ],
    ids=["alone", "the-same-person-twice", "without-a-note"],
)
def test_the_database_closes_nothing_against_the_rule(desk: Desk, clause: str) -> None:
    with pytest.raises(DBAPIError):
        db.session.execute(
            text(f"UPDATE recon_item SET state = 'closed', closed_at = now(), {clause} WHERE id = :id"),
            {"one": desk.one.id, "id": desk.ours.id},
        )


@pytest.mark.parametrize("table", ["statement_line", "statement_match", "recon_act"])
def test_lines_matches_and_acts_are_never_changed(desk: Desk, table: str) -> None:
    with pytest.raises(DBAPIError):
        db.session.execute(text(f"DELETE FROM {table}"))


# -- matching by hand ----------------------------------------------------------------------------------------


def test_two_people_match_a_line_with_a_payment(desk: Desk) -> None:
    recon_items.propose_match(
        actor=desk.one, item_id=desk.ours.id, other_id=desk.theirs.id, reason="승인번호 오기"
    )
    assert fresh(desk.theirs).state is fresh(desk.ours).state is ItemState.PROPOSED
    refused(lambda: recon_items.confirm(actor=desk.one, item_id=desk.theirs.id, reason=WHY), "same_person")
    recon_items.confirm(actor=desk.two, item_id=desk.theirs.id, reason="확인했습니다.")
    assert items() == [] and len(items(state=ItemState.CLOSED)) == 2
    [match] = db.session.scalars(select(StatementMatch))
    assert (match.line_id, match.payment_id) == (desk.theirs.line_id, desk.payment.id)
    refused(lambda: recon_items.reopen(actor=desk.one, item_id=desk.ours.id, reason=WHY), "recon.settled")


def test_a_request_to_match_is_turned_down_for_both(desk: Desk) -> None:
    recon_items.propose_match(
        actor=desk.one, item_id=desk.ours.id, other_id=desk.theirs.id, reason="승인번호 오기"
    )
    recon_items.send_back(actor=desk.two, item_id=desk.ours.id, reason="다른 거래입니다.")
    assert {item.state for item in items(state=None)} == {ItemState.OPEN}
    assert {item.with_item_id for item in items(state=None)} == {None}


def test_a_line_that_came_meanwhile_stops_the_match(desk: Desk) -> None:
    recon_items.propose_match(
        actor=desk.one, item_id=desk.ours.id, other_id=desk.theirs.id, reason="승인번호 오기"
    )
    take(File(DAY + 3 * ONE, rows=[charge(desk.payment)]))
    assert fresh(desk.ours).state is ItemState.CLOSED
    refused(
        lambda: recon_items.confirm(actor=desk.two, item_id=desk.theirs.id, reason=WHY),
        "recon.matched_meanwhile",
    )
    recon_items.send_back(actor=desk.two, item_id=desk.theirs.id, reason=WHY)
    assert fresh(desk.theirs).state is ItemState.OPEN


@pytest.mark.parametrize(
    "line",
    [
        Row("88888888", 300_001, clock.start_of(DAY)),
        Row("88888888", 300_000, clock.start_of(DAY), is_cancel=True),
    ],
    ids=["another-amount", "a-cancellation"],
)
def test_what_cannot_be_the_same_is_not_matched(desk: Desk, line: Row) -> None:
    """A day may differ, the amount never."""
    take(File(DAY + 2 * ONE, rows=[line]))
    other = items()[-1]
    refused(
        lambda: recon_items.propose_match(
            actor=desk.one, item_id=desk.ours.id, other_id=other.id, reason=WHY
        ),
        "recon.no_match",
    )
    page = recon_reads.item(actor=desk.one, item_id=desk.ours.id)
    assert [each.id for each in page.candidates] == [desk.theirs.id]


def test_of_two_systems_nothing_is_matched(desk: Desk) -> None:
    take(File(DAY, StatementSystem.ZEROPAY, [Row("88888888", 300_000, clock.start_of(DAY))]))
    other = items()[-1]
    refused(
        lambda: recon_items.propose_match(
            actor=desk.one, item_id=desk.ours.id, other_id=other.id, reason=WHY
        ),
        "recon.no_match",
    )


# -- asking and holding --------------------------------------------------------------------------------------


def test_holding_the_payment(desk: Desk) -> None:
    recon_asking.hold(actor=desk.one, item_id=desk.ours.id, note="승인 내역이 없습니다.")
    [hold] = db.session.scalars(select(SettlementHold))
    assert (hold.payment_id, hold.source) == (desk.payment.id, HoldSource.RECONCILIATION)
    assert acts(desk.ours) == [ItemAction.HOLD]
    assert recon_reads.item(actor=desk.one, item_id=desk.ours.id).holds == [hold]
    refused(lambda: recon_asking.hold(actor=desk.one, item_id=desk.theirs.id, note=WHY), "recon.no_payment")


def test_asking_the_supplier(desk: Desk) -> None:
    recon_asking.ask_supplier(actor=desk.one, item_id=desk.ours.id, note="실제 제공한 서비스입니까?")
    notice = db.session.scalars(select(Notice).where(Notice.key.startswith("recon_item:"))).one()
    assert notice.supplier_id == desk.payment.supplier_id and "실제 제공한 서비스입니까?" in notice.text
    assert notice.link == f"/supply/sales/{desk.payment.id}"
    assert acts(desk.ours) == [ItemAction.ASK_SUPPLIER]


def test_asking_the_gateway_about_an_order_of_nobody(desk: Desk) -> None:
    refused(
        lambda: recon_asking.ask_gateway(actor=desk.one, item_id=desk.theirs.id, note=WHY), "recon.no_order"
    )


def test_asking_the_gateway_keeps_its_answer(sandbox: str) -> None:
    with clock.at(clock.start_of(clock.date(2033, 5, 2)) + timedelta(hours=10)):
        payer = money.make_payer(sandbox)
        payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="90")
        officer = factories.make_actor(Role.FINANCE_OFFICER)
        days([], [], first=clock.today())
        [item] = items()
        answer = recon_asking.ask_gateway(actor=officer, item_id=item.id, note="명세에 없어 조회합니다.")
        assert "승인 300,000원" in answer and str(payment.approval_number) in answer
        [act] = db.session.scalars(select(ReconAct))
        assert (act.action, act.answer) == (ItemAction.ASK_GATEWAY, answer)
        assert fresh(item).state is ItemState.OPEN


def test_asking_the_gateway_settles_a_lost_outcome(sandbox: str) -> None:
    """The file had the charge first; the answer tells us of it, and both books agree."""
    with clock.at(clock.start_of(clock.date(2033, 6, 2)) + timedelta(hours=10)):
        payer = money.make_payer(sandbox)
        payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
        officer = factories.make_actor(Role.FINANCE_OFFICER)
        db.session.commit()
        day = clock.today()
        with clock.at(clock.end_of(day)):
            begin()
            assert statements.fetch(system=StatementSystem.CARD, day=day)
        for file in db.session.scalars(select(StatementFile)).all():
            matching.match(file_id=file.id)
        [item] = items()
        assert (item.bucket, item.payment_id) == (Bucket.ONLY_THEIRS, payment.id)
        recon_asking.ask_gateway(actor=officer, item_id=item.id, note="결과를 모르는 결제입니다.")
        assert fresh(item).state is ItemState.CLOSED


# -- owner, notes, rights ------------------------------------------------------------------------------------


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


# -- the queue -----------------------------------------------------------------------------------------------


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
