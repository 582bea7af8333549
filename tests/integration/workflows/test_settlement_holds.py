"""R-SET-2, R-SET-4: holds meet drafts, approved lines and failed ones; what a closed batch keeps."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from app import clock
from app.db import db, transaction
from app.errors import Conflict, Denied
from app.models.catalogue import Supplier
from app.models.holds import HoldSource
from app.models.ledger import Journal, JournalKind, LedgerAccount
from app.models.payments import Payment
from app.models.programme import Programme
from app.models.settlements import BatchState, ClawbackItem, LineState, SettlementBatch, SettlementLine
from app.models.vouchers import InstrumentKind
from app.policy import Role
from app.workflows import (
    ledger,
    settlement,
    settlement_bank,
    settlement_debts,
    settlement_holds,
    settlement_reads,
    settlement_supplier,
    tax_invoices,
)
from app.workflows.settlement_supplier import Place
from tests import factories
from tests.integration.workflows import settling
from tests.integration.workflows.settling import lines_of, ripe_payment
from tests.settled import Holders, Officers, bank_answer, cancel, give_invoice, make_paid

pytestmark = pytest.mark.usefixtures("tx")

programme, supplier, officers = settling.programme, settling.supplier, settling.officers


@pytest.fixture
def holders(tx: object) -> Holders:
    return Holders()


def submitted(programme: Programme, officers: Officers) -> SettlementBatch:
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is not None
    return settlement.submit(actor=officers.drafter, batch_id=built.batch.id)


def refused_approval(batch: SettlementBatch, officers: Officers) -> str:
    """What the approval says; the draft is then given up."""
    db.session.commit()
    with pytest.raises(Conflict) as refused:
        settlement.approve(actor=officers.approver, batch_id=batch.id)
    assert refused.value.code == "settlement.changed"
    settlement.send_back(actor=officers.approver, batch_id=batch.id, reason="다시")
    settlement.discard(actor=officers.drafter, batch_id=batch.id, reason="다시")
    return refused.value.text


def place_of(payment: Payment) -> Place:
    seller = factories.make_actor(Role.SUPPLIER, supplier_id=payment.supplier_id)
    found = settlement_supplier.supplier_payment(actor=seller, payment_id=payment.id)
    assert found is not None
    return found.place


def test_a_draft_with_a_held_payment_is_not_approved(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    held, free = ripe_payment(programme, supplier), ripe_payment(programme, factories.make_supplier())
    batch = submitted(programme, officers)
    hold = holders.place(held.id)
    assert lines_of(batch)[0].state is LineState.PLANNED and place_of(held) is Place.HELD
    assert f"지급보류(결제 {held.id})" in refused_approval(batch, officers)
    again = officers.settled(programme)
    assert [line.supplier_id for line in lines_of(again)] == [free.supplier_id]
    holders.release(hold)
    assert [line.supplier_id for line in lines_of(officers.settled(programme))] == [held.supplier_id]
    assert ledger.verify() == []


def test_a_draft_that_lost_a_tax_invoice_is_not_approved(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    """R-SET-1: on file at the approval, not only at the draft."""
    payment = make_paid(
        programme,
        supplier,
        paid_at=clock.now() - settling.LONG_AGO,
        instrument=InstrumentKind.ZEROPAY,
    )
    invoice = give_invoice(payment)
    batch = submitted(programme, officers)
    tax_invoices.void(actor=officers.approver, invoice_id=invoice.id, reason="다른 거래의 계산서")
    assert f"세금계산서 없음(결제 {payment.id})" in refused_approval(batch, officers)
    assert (
        settlement_reads.ripe(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id) == []
    )


def test_a_hold_takes_an_approved_line_out_of_the_bank_file(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    held, free = ripe_payment(programme, supplier), ripe_payment(programme, factories.make_supplier(), 70_000)
    programme.settlement_fee_bp = 100
    batch = officers.approved(programme)
    hold = holders.place(held.id)
    line, other = lines_of(batch)
    assert (line.state, other.state) == (LineState.HELD, LineState.PLANNED) and line.held_at is not None
    assert ledger.balance(LedgerAccount.TRANSFER, line.id) == 0
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == line.net == 1_089_000
    kinds = select(Journal.kind).where(Journal.event_key == f"hold_back:settlement_line:{line.id}")
    assert db.session.scalars(kinds).all() == [JournalKind.HOLD_BACK]
    assert place_of(held) is Place.HELD and ledger.verify() == []
    page = settlement_reads.batch(actor=officers.approver, batch_id=batch.id)
    assert page.held == 1 and [edge.action for edge in page.edges] == ["export"]

    sent = settlement_bank.export_bank_file(actor=officers.approver, batch_id=batch.id).content
    assert f"KV{other.id:010}".encode() in sent and f"KV{line.id:010}".encode() not in sent
    answer = bank_answer(sent)
    settlement_bank.import_result(
        actor=officers.approver, batch_id=batch.id, content=answer, file_name="a.csv"
    )
    assert batch.state is BatchState.RECONCILED and place_of(free) is Place.PAID
    settlement.close(actor=officers.approver, batch_id=batch.id)

    # Not while another hold is open; then by the next batch, though this one is closed.
    second = holders.place(held.id, HoldSource.SUSPICION)
    holders.release(hold)
    assert lines_of(batch)[0].state is LineState.HELD
    holders.release(second)
    assert lines_of(batch)[0].state is LineState.FAILED and place_of(held) is Place.RIPE
    again = settlement_bank.export_bank_file(actor=officers.approver, batch_id=batch.id).content
    assert again == sent
    [later] = lines_of(officers.settled(programme))
    assert (later.gross, later.carried, later.fee, later.net) == (0, 1_089_000, 0, 1_089_000)
    assert lines_of(batch)[0].state is LineState.CARRIED and place_of(held) is Place.PAID
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == 0 and ledger.verify() == []


def test_what_is_sent_is_out_of_reach_and_a_failed_transfer_stays_held(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    """R-SET-4: at the bank nothing is held; what comes back from it is not carried on while held."""
    payment = ripe_payment(programme, supplier)
    batch, sent = officers.exported(programme)
    hold = holders.place(payment.id)
    assert lines_of(batch)[0].state is LineState.PLANNED
    assert not settlement_holds.hold_line(payment_id=payment.id)
    settlement_bank.import_result(
        actor=officers.approver,
        batch_id=batch.id,
        content=bank_answer(sent, supplier.account_number or ""),
        file_name="a.csv",
    )
    assert lines_of(batch)[0].state is LineState.FAILED and place_of(payment) is Place.HELD
    again = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert again.batch is None and again.left == []
    holders.release(hold)
    assert [line.carried for line in lines_of(officers.settled(programme))] == [1_100_000]
    assert ledger.verify() == []


def test_a_hold_reaches_through_the_line_that_carries_its_payment(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    """Held in the line that pays it in the end, whichever line it stands in."""
    payment = ripe_payment(programme, supplier)
    officers.settled(programme, supplier.account_number or "")
    draft = submitted(programme, officers)
    hold = holders.place(payment.id)
    assert f"지급보류(결제 {payment.id})" in refused_approval(draft, officers)
    holders.release(hold)
    batch = officers.approved(programme)
    holders.place(payment.id)
    assert [line.state for line in lines_of(batch)] == [LineState.HELD]
    assert place_of(payment) is Place.HELD and ledger.verify() == []


def test_a_batch_of_held_lines_alone_is_concluded_without_a_file(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    payment = ripe_payment(programme, supplier)
    batch = officers.approved(programme)
    db.session.commit()
    with pytest.raises(Conflict) as early:
        settlement.conclude(actor=officers.approver, batch_id=batch.id)
    assert early.value.code == "settlement.to_send" and batch.state is BatchState.APPROVED
    hold = holders.place(payment.id)
    db.session.commit()
    with pytest.raises(Conflict) as nothing:
        settlement_bank.export_bank_file(actor=officers.approver, batch_id=batch.id)
    assert nothing.value.code == "settlement.nothing_to_send"
    page = settlement_reads.batch(actor=officers.approver, batch_id=batch.id)
    assert [edge.action for edge in page.edges] == ["conclude"]
    closed = settlement.conclude(actor=officers.approver, batch_id=batch.id)
    assert closed.state is BatchState.CLOSED and closed.closed_at is not None
    holders.release(hold)
    assert [line.net for line in lines_of(officers.settled(programme))] == [1_100_000]
    assert ledger.verify() == []


def test_who_drafted_takes_in_no_result(programme: Programme, supplier: Supplier, officers: Officers) -> None:
    """R-ROLE-4: one person does not both choose the money and say what the bank made of it."""
    ripe_payment(programme, supplier)
    batch, sent = officers.exported(programme)
    db.session.commit()
    with pytest.raises(Denied) as refused:
        settlement_bank.import_result(
            actor=officers.drafter, batch_id=batch.id, content=bank_answer(sent), file_name="a.csv"
        )
    assert refused.value.code == "same_person" and lines_of(batch)[0].state is LineState.PLANNED
    page = settlement_reads.batch(actor=officers.drafter, batch_id=batch.id)
    assert page.edges == []


CLOSED = {
    "the batch": "UPDATE settlement_batch SET reason = 'x' WHERE id = :batch",
    "the batch, deleted": "DELETE FROM settlement_batch WHERE id = :batch",
    "a line's state": "UPDATE settlement_line SET state = 'planned' WHERE batch_id = :batch",
    "a line's result": "UPDATE settlement_line SET result_text = 'x' WHERE batch_id = :batch",
    "a line's sum": "UPDATE settlement_line SET gross = gross + 1, net = net + 1 WHERE batch_id = :batch",
    "a line, deleted": "DELETE FROM settlement_line WHERE batch_id = :batch",
    "an item": "UPDATE settlement_item SET amount = amount + 1",
    "an item, deleted": "DELETE FROM settlement_item",
    "a clawback, new": """INSERT INTO clawback_item (payment_id, line_id, of_line_id, amount)
                          SELECT payment_id, line_id, line_id, 1 FROM settlement_item""",
}


@pytest.mark.parametrize("what", CLOSED)
def test_the_database_keeps_a_closed_batch(
    programme: Programme, supplier: Supplier, officers: Officers, what: str
) -> None:
    """R-SET-2: a closed batch never changes."""
    ripe_payment(programme, supplier)
    batch = officers.settled(programme)
    settlement.close(actor=officers.approver, batch_id=batch.id)
    db.session.commit()
    with pytest.raises(Exception, match="is over|is fixed|append-only"), transaction():
        db.session.execute(text(CLOSED[what]), {"batch": batch.id} if ":batch" in CLOSED[what] else {})


def test_what_is_approved_keeps_its_sums_and_its_account(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    ripe_payment(programme, supplier)
    batch = officers.approved(programme)
    db.session.commit()
    for change in ("bank_code = '999'", "net = net + 1, gross = gross + 1"):
        with pytest.raises(Exception, match="is fixed"), transaction():
            db.session.execute(
                text(f"UPDATE settlement_line SET {change} WHERE batch_id = :batch"),
                {"batch": batch.id},
            )


LINE_ADDED = """INSERT INTO settlement_line (batch_id, supplier_id, state, gross, fee, clawback, carried, net,
                                             bank_code, account_number, account_holder)
                SELECT batch_id, :other, 'planned', gross, fee, clawback, carried, net,
                       bank_code, account_number, account_holder
                  FROM settlement_line WHERE batch_id = :batch"""


@pytest.mark.parametrize("state", [BatchState.APPROVED, BatchState.CLOSED])
def test_what_is_approved_or_closed_takes_no_new_line(
    programme: Programme, supplier: Supplier, officers: Officers, state: BatchState
) -> None:
    """R-SET-2: a line that nobody approved would go to the bank with the others."""
    ripe_payment(programme, supplier)
    if state is BatchState.APPROVED:
        batch = officers.approved(programme)
    else:
        batch = settlement.close(actor=officers.approver, batch_id=officers.settled(programme).id)
    assert batch.state is state
    other = factories.make_supplier().id
    db.session.commit()
    with pytest.raises(Exception, match="lines of a settlement batch are fixed"), transaction():
        db.session.execute(text(LINE_ADDED), {"batch": batch.id, "other": other})


def test_clawbacks_are_tied_to_the_line_that_had_paid_and_debts_are_listed(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    """R-PAY-6, R-SET-2: seen from both lines; a balance below zero is on the list until it is made good."""
    gone = ripe_payment(programme, supplier, 800_000)
    first = officers.settled(programme)
    cancel(gone)
    asked = {"actor": officers.drafter, "programme_id": programme.id}
    [debt] = settlement_debts.debts(**asked)
    assert (debt.amount, debt.in_draft, debt.balance, debt.days) == (800_000, 0, -800_000, 0)
    assert debt.last_batch == first.number and debt.supplier_id == supplier.id
    sums = settlement_debts.sums(**asked)
    assert (sums.suppliers, sums.amount, sums.short, sums.missing) == (1, 800_000, 1, 800_000)
    seller = factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)
    assert settlement_supplier.supplier_totals(actor=seller).short == 800_000

    ripe_payment(programme, supplier, 1_000_000)
    assert settlement_supplier.supplier_totals(actor=seller).short == 0
    assert settlement_debts.debts(**asked, short=True) == []
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is not None
    [item] = settlement_debts.items(**asked, supplier_id=supplier.id)
    [old], [new] = lines_of(first), lines_of(built.batch)
    assert (item.of_line_id, item.by_line_id) == (old.id, new.id) and item.by_batch == built.batch.number
    assert settlement_debts.debts(**asked)[0].in_draft == 800_000
    settlement.submit(actor=officers.drafter, batch_id=built.batch.id)
    settlement.approve(actor=officers.approver, batch_id=built.batch.id)
    assert settlement_debts.debts(**asked) == []
    tie = db.session.scalars(select(ClawbackItem)).one()
    assert (tie.line_id, tie.of_line_id, tie.amount) == (new.id, old.id, 800_000)

    [paid_out] = settlement_reads.line_items(actor=officers.drafter, line_id=old.id)
    assert (paid_out.kind, paid_out.tied_line_id) == ("payment", new.id)
    items = settlement_reads.line_items(actor=officers.drafter, line_id=new.id)
    back = next(row for row in items if row.kind == "clawback")
    assert (back.tied_line_id, back.tied_batch, back.amount) == (old.id, first.number, -800_000)


def test_a_debt_is_not_hidden_by_what_another_programme_owes(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    """R-PAY-6: each programme takes back its own money, so each shows the balance of its own."""
    gone = ripe_payment(programme, supplier, 800_000)
    officers.settled(programme)
    cancel(gone)
    later = factories.make_programme(year=programme.year + 1)
    ripe_payment(later, supplier, 5_000_000)
    [debt] = settlement_debts.debts(actor=officers.drafter, programme_id=programme.id, short=True)
    assert debt.balance == -800_000
    sums = settlement_debts.sums(actor=officers.drafter, programme_id=programme.id)
    assert (sums.short, sums.missing) == (1, 800_000)
    assert settlement_debts.debts(actor=officers.drafter, programme_id=later.id) == []


def test_a_line_is_read_with_what_it_carries_and_what_carries_it(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    ripe_payment(programme, supplier)
    first = officers.settled(programme, supplier.account_number or "")
    second = officers.settled(programme)
    [failed], [paid] = lines_of(first), lines_of(second)

    def read(line: SettlementLine) -> settlement_reads.LinePage:
        return settlement_reads.line(actor=officers.drafter, batch_id=line.batch_id, line_id=line.id)

    assert read(failed).into == paid and read(failed).carried == []
    assert read(paid).carried == [failed] and read(paid).into is None
