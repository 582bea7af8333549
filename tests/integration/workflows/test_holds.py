"""R-SET-4: a payment is held by one person and let go by two; its supplier is told no more than it must."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Supplier
from app.models.holds import HoldSource, HoldState
from app.models.ledger import Journal, JournalKind, LedgerAccount
from app.models.payments import PaymentState
from app.models.programme import Programme
from app.models.record import AuditRow, Notice
from app.models.settlements import LineState, WithheldItem
from app.policy import CLOCK, Actor, Role
from app.workflows import holds, holds_reads, ledger, settlement, settlement_bank
from tests import factories
from tests.integration.workflows import settling
from tests.integration.workflows.settling import lines_of, ripe_payment
from tests.settled import Officers, bank_answer, cancel

pytestmark = pytest.mark.usefixtures("tx")

programme, supplier, officers = settling.programme, settling.supplier, settling.officers


@pytest.fixture
def first(tx: object) -> Actor:
    return factories.make_actor(Role.FINANCE_OFFICER)


@pytest.fixture
def second(tx: object) -> Actor:
    return factories.make_actor(Role.PROGRAMME_MANAGER)


def _place(actor: Actor, payment_id: int, source: HoldSource = HoldSource.MANUAL) -> holds.SettlementHold:
    return holds.place(actor=actor, payment_id=payment_id, source=source, reason="영수증이 맞지 않음")


def _told(supplier: Supplier) -> list[str]:
    query = select(Notice.text).where(Notice.supplier_id == supplier.id).order_by(Notice.id)
    return list(db.session.scalars(query))


def test_two_people_let_it_go(programme: Programme, supplier: Supplier, first: Actor, second: Actor) -> None:
    payment = ripe_payment(programme, supplier)
    hold = _place(first, payment.id)
    assert (hold.state, hold.placed_by_id, hold.supplier_id) == (HoldState.PLACED, first.id, supplier.id)
    assert holds.held_now(payment.id)
    holds.ask_release(actor=first, hold_id=hold.id, reason="영수증을 다시 받음")
    db.session.commit()
    with pytest.raises(Denied) as refused:
        holds.release(actor=first, hold_id=hold.id)
    assert refused.value.code == "same_person"
    assert holds.release(actor=second, hold_id=hold.id).state is HoldState.RELEASED
    assert not holds.held_now(payment.id)
    actions = db.session.scalars(
        select(AuditRow.action).where(AuditRow.entity == "settlement_hold").order_by(AuditRow.seq)
    )
    assert list(actions) == ["place", "ask_release", "release"]


def test_the_supplier_is_told_that_it_is_looked_at_and_not_why(
    programme: Programme, supplier: Supplier, first: Actor, second: Actor
) -> None:
    payment = ripe_payment(programme, supplier)
    mine, theirs = _place(first, payment.id), _place(CLOCK, payment.id, HoldSource.SUSPICION)
    for hold in (mine, theirs):
        holds.ask_release(actor=first, hold_id=hold.id, reason="이상 없음")
    holds.release(actor=second, hold_id=mine.id)
    told = _told(supplier)
    assert len(told) == 2 and all("확인 중입니다" in text for text in told), "something still holds it"
    holds.release(actor=second, hold_id=theirs.id)
    assert "확인이 끝났습니다" in _told(supplier)[-1]
    assert not any("의심" in text or "영수증" in text for text in _told(supplier))


def test_held_twice_for_the_same_the_clock_gets_the_hold_and_a_person_is_told(
    programme: Programme, supplier: Supplier, first: Actor
) -> None:
    payment = ripe_payment(programme, supplier)
    hold = _place(CLOCK, payment.id, HoldSource.USAGE)
    assert _place(CLOCK, payment.id, HoldSource.USAGE).id == hold.id
    db.session.commit()
    with pytest.raises(Conflict) as refused:
        _place(first, payment.id, HoldSource.USAGE)
    assert refused.value.code == "hold.held"


def test_a_held_line_leaves_the_approved_batch_and_comes_back_with_the_next(
    programme: Programme, supplier: Supplier, officers: Officers, first: Actor, second: Actor
) -> None:
    payment = ripe_payment(programme, supplier, 1_100_000)
    batch = officers.approved(programme)
    hold = _place(first, payment.id)
    [line] = lines_of(batch)
    assert line.state is LineState.HELD
    assert ledger.balance(LedgerAccount.TRANSFER, line.id) == 0
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == 1_100_000
    kept = db.session.scalars(select(WithheldItem).where(WithheldItem.line_id == line.id)).one()
    back = db.session.scalar(select(Journal.event_key).where(Journal.kind == JournalKind.HOLD_BACK))
    assert back == f"hold_back:payment:{payment.id}:{kept.id}"
    assert ledger.verify() == []
    holds.ask_release(actor=first, hold_id=hold.id, reason="확인함")
    holds.release(actor=second, hold_id=hold.id)
    again = officers.approved(programme)
    assert [carried.carried for carried in lines_of(again)] == [1_100_000]
    assert ledger.verify() == []


def test_what_was_paid_out_or_taken_back_cannot_be_held(
    programme: Programme, supplier: Supplier, officers: Officers, first: Actor
) -> None:
    paid, cancelled = ripe_payment(programme, supplier), ripe_payment(programme, factories.make_supplier())
    cancelled.state = PaymentState.CANCELLED
    officers.settled(programme)
    db.session.commit()
    assert not holds.holdable(paid) and not holds.holdable(cancelled)
    for payment, code in ((paid, "hold.paid_out"), (cancelled, "hold.state")):
        with pytest.raises(Conflict) as refused:
            _place(first, payment.id)
        assert refused.value.code == code


def test_a_release_that_is_turned_down_asks_anew(
    programme: Programme, supplier: Supplier, first: Actor, second: Actor
) -> None:
    hold = _place(first, ripe_payment(programme, supplier).id)
    holds.ask_release(actor=first, hold_id=hold.id, reason="확인함")
    holds.refuse_release(actor=second, hold_id=hold.id, reason="증빙이 없음")
    assert (hold.state, hold.asked_by_id, hold.release_reason) == (HoldState.PLACED, None, None)
    # Whoever turned it down may ask, and the other lets it go.
    holds.ask_release(actor=second, hold_id=hold.id, reason="증빙을 받음")
    assert holds.release(actor=first, hold_id=hold.id).state is HoldState.RELEASED


def test_without_reason_right_or_record_it_is_refused(
    programme: Programme, supplier: Supplier, first: Actor
) -> None:
    payment = ripe_payment(programme, supplier)
    db.session.commit()
    with pytest.raises(InvalidInput):
        holds.place(actor=first, payment_id=payment.id, source=HoldSource.MANUAL, reason="  ")
    for role in (Role.AUDITOR, Role.SUPPLIER, Role.DEMAND, Role.REVIEWER):
        actor = factories.make_actor(role)
        db.session.commit()
        with pytest.raises(Denied):
            _place(actor, payment.id)
    with pytest.raises(NotFound):
        _place(first, 10**15)
    assert db.session.scalar(select(AuditRow.id).where(AuditRow.entity == "settlement_hold")) is None


def test_the_database_itself_wants_two_people(programme: Programme, supplier: Supplier, first: Actor) -> None:
    hold = _place(first, ripe_payment(programme, supplier).id)
    holds.ask_release(actor=first, hold_id=hold.id, reason="확인함")
    db.session.commit()
    hold.state, hold.released_by_id, hold.released_at = HoldState.RELEASED, first.id, hold.placed_at
    with pytest.raises(IntegrityError, match="two_people"):
        db.session.flush()
    db.session.rollback()


def test_the_console_reads_holds_by_state_source_and_party(
    programme: Programme, supplier: Supplier, first: Actor, second: Actor
) -> None:
    payment = ripe_payment(programme, supplier, 1_100_000)
    other = ripe_payment(programme, factories.make_supplier(), 500_000)
    hold, more = _place(first, payment.id), _place(CLOCK, other.id, HoldSource.USAGE)
    holds.ask_release(actor=first, hold_id=hold.id, reason="확인함")
    rows = holds_reads.listing(actor=second)
    assert [row.id for row in rows] == [more.id, hold.id]
    assert [row.placed_by for row in rows] == ["시스템", first.name]
    assert [row.id for row in holds_reads.listing(actor=second, state=HoldState.ASKED)] == [hold.id]
    assert [row.id for row in holds_reads.listing(actor=second, source=HoldSource.USAGE)] == [more.id]
    assert [row.id for row in holds_reads.listing(actor=second, q=supplier.name)] == [hold.id]
    assert [row.id for row in holds_reads.listing(actor=second, before=more.id)] == [hold.id]
    sums = holds_reads.sums(actor=second)
    assert (sums.payments, sums.amount) == (2, 1_600_000)
    counts = holds_reads.counts(actor=second)
    assert (counts[HoldState.PLACED], counts[HoldState.ASKED], counts[HoldState.RELEASED]) == (1, 1, 0)
    page = holds_reads.page(actor=first, hold_id=hold.id)
    assert page.own_ask and "release" not in {edge.action for edge in page.edges}
    assert "release" in {edge.action for edge in holds_reads.page(actor=second, hold_id=hold.id).edges}


def test_held_after_the_transfer_was_asked_for_nobody_is_told_that_it_waits(
    programme: Programme, supplier: Supplier, officers: Officers, first: Actor, second: Actor
) -> None:
    """R-SET-4: the hold is kept for a transfer that fails, and says itself that this one it does not stop."""
    payment = ripe_payment(programme, supplier)
    batch, sent = officers.exported(programme)
    before = _told(supplier)
    hold = _place(first, payment.id)
    assert _told(supplier) == before, "the bank pays it"
    assert holds.at_the_bank(payment.id) and holds_reads.page(actor=first, hold_id=hold.id).at_the_bank
    content = bank_answer(sent)
    settlement_bank.import_result(
        actor=officers.approver, batch_id=batch.id, content=content, file_name="a.csv"
    )
    assert not holds.at_the_bank(payment.id), "it is paid out"
    told = _told(supplier)
    holds.ask_release(actor=first, hold_id=hold.id, reason="확인함")
    holds.release(actor=second, hold_id=hold.id)
    assert _told(supplier) == told, "nothing comes with the next settlement"


def test_a_failed_transfer_is_held_from_then_on(
    programme: Programme, supplier: Supplier, officers: Officers, first: Actor, second: Actor
) -> None:
    payment = ripe_payment(programme, supplier)
    batch, sent = officers.exported(programme)
    hold = _place(first, payment.id)
    settlement_bank.import_result(
        actor=officers.approver,
        batch_id=batch.id,
        content=bank_answer(sent, supplier.account_number or ""),
        file_name="a.csv",
    )
    page = holds_reads.page(actor=first, hold_id=hold.id)
    assert not page.at_the_bank and page.line is not None and page.line.withheld == 1_100_000
    holds.ask_release(actor=first, hold_id=hold.id, reason="확인함")
    holds.release(actor=second, hold_id=hold.id)
    assert _told(supplier)[-1].endswith("공급대금 확인이 끝났습니다. 다음 정산에 담깁니다.")


def test_released_after_the_payment_was_cancelled_the_supplier_is_told_nothing(
    programme: Programme, supplier: Supplier, first: Actor, second: Actor
) -> None:
    payment = ripe_payment(programme, supplier)
    hold = _place(first, payment.id)
    cancel(payment)
    told = _told(supplier)
    holds.ask_release(actor=first, hold_id=hold.id, reason="취소함")
    holds.release(actor=second, hold_id=hold.id)
    assert _told(supplier) == told


def test_released_while_a_draft_has_it_the_supplier_is_not_sent_to_the_next(
    programme: Programme, supplier: Supplier, officers: Officers, first: Actor, second: Actor
) -> None:
    payment = ripe_payment(programme, supplier)
    settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    hold = _place(first, payment.id)
    holds.ask_release(actor=first, hold_id=hold.id, reason="확인함")
    holds.release(actor=second, hold_id=hold.id)
    assert _told(supplier)[-1].endswith("공급대금 확인이 끝났습니다. 진행 중인 정산에 담겨 있습니다.")


def test_the_page_says_where_the_payment_stayed_behind(
    programme: Programme, supplier: Supplier, officers: Officers, first: Actor, second: Actor
) -> None:
    """R-SET-4: its own part alone; the supplier's other payments go their way."""
    held, _ = ripe_payment(programme, supplier, 1_000_000), ripe_payment(programme, supplier, 300_000)
    batch = officers.approved(programme)
    hold = _place(first, held.id)
    line = holds_reads.page(actor=first, hold_id=hold.id).line
    assert line is not None and (line.batch, line.withheld) == (batch.number, 1_000_000)
    holds.ask_release(actor=first, hold_id=hold.id, reason="확인함")
    holds.release(actor=second, hold_id=hold.id)
    assert _told(supplier)[-1].endswith("공급대금 확인이 끝났습니다. 다음 정산에 담깁니다.")
    assert holds_reads.page(actor=first, hold_id=hold.id).line is None, "it keeps nothing back any more"
