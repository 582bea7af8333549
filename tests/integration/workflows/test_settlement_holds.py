"""R-SET-2, R-SET-4: holds meet drafts, approved lines and failed ones; what a closed batch keeps."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, Denied
from app.models.catalogue import Supplier
from app.models.holds import HoldSource
from app.models.ledger import LedgerAccount
from app.models.payments import Payment, PaymentState
from app.models.programme import Programme
from app.models.record import Notice
from app.models.settlements import BatchState, LineState, SettlementBatch
from app.models.vouchers import InstrumentKind
from app.policy import Role
from app.workflows import (
    holds,
    ledger,
    settlement,
    settlement_bank,
    settlement_holds,
    settlement_reads,
    settlement_supplier,
    settlement_waiting,
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


def answered(batch: SettlementBatch, sent: bytes, officers: Officers, *failures: str) -> None:
    settlement_bank.import_result(
        actor=officers.approver, batch_id=batch.id, content=bank_answer(sent, *failures), file_name="a.csv"
    )


def test_a_held_payment_stays_behind_and_the_rest_of_its_line_is_paid(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    held, free = ripe_payment(programme, supplier), ripe_payment(programme, supplier, 70_000)
    programme.settlement_fee_bp = 100
    batch = officers.approved(programme)
    hold = holders.place(held.id)
    [line] = lines_of(batch)
    assert (line.gross, line.fee, line.net) == (1_170_000, 11_700, 1_158_300)
    assert (line.state, line.withheld, line.sent) == (LineState.PLANNED, 1_089_000, 69_300)
    assert ledger.balance(LedgerAccount.TRANSFER, line.id) == 69_300
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == 1_089_000
    assert (place_of(held), place_of(free)) == (Place.HELD, Place.IN_BATCH) and ledger.verify() == []
    page = settlement_reads.batch(actor=officers.approver, batch_id=batch.id)
    assert (page.withheld, page.row.withheld, page.row.sent) == (1, 1_089_000, 69_300)
    assert [edge.action for edge in page.edges] == ["export"]

    sent = settlement_bank.export_bank_file(actor=officers.approver, batch_id=batch.id).content
    answered(batch, sent, officers)
    assert (place_of(held), place_of(free)) == (Place.HELD, Place.PAID)
    assert ledger.balance(LedgerAccount.PAID_OUT, supplier.id) == 69_300
    settlement.close(actor=officers.approver, batch_id=batch.id)

    # Not while another hold is open; then by the next batch, though this one is closed and keeps its file.
    second = holders.place(held.id, HoldSource.SUSPICION)
    holders.release(hold)
    assert place_of(held) is Place.HELD
    nothing = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert nothing.batch is None and nothing.left == []
    holders.release(second)
    assert place_of(held) is Place.RIPE
    assert settlement_bank.export_bank_file(actor=officers.approver, batch_id=batch.id).content == sent
    [later] = lines_of(officers.settled(programme))
    assert (later.gross, later.carried, later.fee, later.net) == (0, 1_089_000, 0, 1_089_000)
    assert place_of(held) is Place.PAID
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == 0 and ledger.verify() == []
    [old] = lines_of(batch)
    assert (old.state, old.sent) == (LineState.PAID, 69_300)
    rows = {
        row.payment_id: row for row in settlement_reads.line_items(actor=officers.drafter, line_id=old.id)
    }
    assert (rows[held.id].withheld, rows[held.id].into_line_id) == (1_089_000, later.id)
    assert (rows[free.id].withheld, rows[free.id].into_line_id) == (None, None)


def test_what_is_sent_is_out_of_reach_and_stays_behind_when_its_transfer_fails(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    """R-SET-4: at the bank nothing is held; of what comes back from it, the rest is carried on."""
    held, free = ripe_payment(programme, supplier), ripe_payment(programme, supplier, 70_000)
    batch, sent = officers.exported(programme)
    hold = holders.place(held.id)
    [line] = lines_of(batch)
    assert (line.state, line.withheld) == (LineState.PLANNED, 0)
    assert not settlement_holds.keep_back(payment_id=held.id)
    answered(batch, sent, officers, supplier.account_number or "")
    [line] = lines_of(batch)
    assert (line.state, line.sent, line.stayed) == (LineState.FAILED, 1_170_000, 1_100_000)
    assert (place_of(held), place_of(free)) == (Place.HELD, Place.FAILED)
    [second] = lines_of(officers.settled(programme))
    assert second.carried == 70_000 and place_of(free) is Place.PAID
    holders.release(hold)
    assert [line.carried for line in lines_of(officers.settled(programme))] == [1_100_000]
    assert place_of(held) is Place.PAID and ledger.verify() == []


def test_a_payment_held_after_its_transfer_failed_stays_behind_at_once(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    held, free = ripe_payment(programme, supplier), ripe_payment(programme, supplier, 70_000)
    officers.settled(programme, supplier.account_number or "")
    hold = holders.place(held.id)
    assert [line.carried for line in lines_of(officers.settled(programme))] == [70_000]
    assert (place_of(held), place_of(free)) == (Place.HELD, Place.PAID)
    holders.release(hold)
    assert [line.carried for line in lines_of(officers.settled(programme))] == [1_100_000]
    assert ledger.verify() == []


def test_a_hold_reaches_through_the_line_that_carries_its_payment(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    """Held in the line that pays it in the end, whichever line it stands in; a draft is given up for it."""
    held, free = ripe_payment(programme, supplier), ripe_payment(programme, supplier, 70_000)
    first = officers.settled(programme, supplier.account_number or "")
    draft = submitted(programme, officers)
    hold = holders.place(held.id)
    assert f"지급보류(결제 {held.id})" in refused_approval(draft, officers)
    assert [line.stayed for line in lines_of(first)] == [1_100_000]
    batch = officers.approved(programme)
    assert [line.net for line in lines_of(batch)] == [70_000]
    holders.release(hold)
    holders.place(free.id)
    assert [line.state for line in lines_of(batch)] == [LineState.HELD]
    assert place_of(free) is Place.HELD and ledger.verify() == []


def test_what_was_let_go_can_be_held_again_in_the_line_that_carries_it(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    held, _ = ripe_payment(programme, supplier), ripe_payment(programme, supplier, 70_000)
    first = officers.approved(programme)
    hold = holders.place(held.id)
    sent = settlement_bank.export_bank_file(actor=officers.approver, batch_id=first.id).content
    answered(first, sent, officers)
    holders.release(hold)
    draft = submitted(programme, officers)
    again = holders.place(held.id)
    assert f"지급보류(결제 {held.id})" in refused_approval(draft, officers)
    holders.release(again)
    third = ripe_payment(programme, supplier, 5_000)
    second = officers.approved(programme)
    last = holders.place(held.id)
    [line] = lines_of(second)
    assert (line.net, line.withheld) == (1_105_000, 1_100_000) and ledger.verify() == []
    sent = settlement_bank.export_bank_file(actor=officers.approver, batch_id=second.id).content
    answered(second, sent, officers)
    assert (place_of(held), place_of(third)) == (Place.HELD, Place.PAID)
    holders.release(last)
    assert [line.carried for line in lines_of(officers.settled(programme))] == [1_100_000]
    assert place_of(held) is Place.PAID and ledger.verify() == []


def test_a_held_part_is_never_more_than_what_its_line_pays(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    """R-PAY-6: what was taken back from the line, its payments have made good together."""
    gone = ripe_payment(programme, supplier, 800_000)
    officers.settled(programme)
    cancel(gone)
    held, other = ripe_payment(programme, supplier, 600_000), ripe_payment(programme, supplier, 500_000)
    batch = officers.approved(programme)
    hold = holders.place(held.id)
    [line] = lines_of(batch)
    assert (line.net, line.withheld, line.state) == (300_000, 300_000, LineState.HELD)
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == 300_000 and ledger.verify() == []
    assert place_of(other) is Place.TAKEN_BACK and not holds.holdable(other)
    db.session.commit()
    with pytest.raises(Conflict) as refused:
        holders.place(other.id)
    assert refused.value.code == "hold.paid_out"
    settlement.conclude(actor=officers.approver, batch_id=batch.id)
    holders.release(hold)
    assert [line.carried for line in lines_of(officers.settled(programme))] == [300_000]
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == 0 and ledger.verify() == []


def test_a_held_payment_that_is_cancelled_makes_good_what_is_taken_back(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    """R-PAY-6: its part is set against its own clawback, though nobody let it go."""
    held, _ = ripe_payment(programme, supplier), ripe_payment(programme, supplier, 70_000)
    batch = officers.approved(programme)
    holders.place(held.id)
    sent = settlement_bank.export_bank_file(actor=officers.approver, batch_id=batch.id).content
    answered(batch, sent, officers)
    cancel(held)
    ripe_payment(programme, supplier, 5_000)
    [line] = lines_of(officers.settled(programme))
    assert (line.gross, line.carried, line.clawback, line.net) == (5_000, 1_100_000, 1_100_000, 5_000)
    assert place_of(held) is Place.TAKEN_BACK
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == 0 and ledger.verify() == []


def test_what_stayed_behind_is_listed_with_what_waits(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    """R-SET-1: held while its line went on, it is not forgotten; let go, it is ready."""
    held = ripe_payment(programme, supplier)
    asked = {"actor": officers.drafter, "programme_id": programme.id}
    officers.approved(programme)
    assert settlement_waiting.waiting(**asked) == []
    hold = holders.place(held.id)
    [row] = settlement_waiting.waiting(**asked, which="hold")
    assert (row.payment_id, row.amount, row.waits_for) == (held.id, 1_100_000, "보류 해제(담당자 보류)")
    holders.release(hold)
    assert [row.payment_id for row in settlement_waiting.waiting(**asked, which="ready")] == [held.id]
    assert settlement_waiting.counts(**asked)["ready"].amount == 1_100_000


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


@pytest.mark.parametrize("stayed", [True, False], ids=["stayed behind", "its transfer failed"])
def test_what_was_cancelled_after_the_draft_is_not_carried(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders, stayed: bool
) -> None:
    """R-PAY-6: drafted anew, it is taken back in the same line."""
    behind, failed = ripe_payment(programme, supplier), ripe_payment(programme, supplier, 70_000)
    batch, sent = officers.exported(programme)
    hold = holders.place(behind.id)
    answered(batch, sent, officers, supplier.account_number or "")
    holders.release(hold)
    draft, payment = submitted(programme, officers), behind if stayed else failed
    cancel(payment)
    assert f"취소되었거나 취소 중(결제 {payment.id})" in refused_approval(draft, officers)
    ripe_payment(programme, supplier, 3_000_000)
    [line] = lines_of(officers.settled(programme))
    assert (line.carried, line.clawback) == (1_170_000, payment.total)
    assert place_of(payment) is Place.TAKEN_BACK
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == 0 and ledger.verify() == []


def test_let_go_it_still_waits_for_what_a_settlement_asks(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    """R-SET-1: its cancellation is under way, or its tax invoice was voided meanwhile."""
    ago = clock.now() - settling.LONG_AGO
    payment = make_paid(programme, supplier, paid_at=ago, instrument=InstrumentKind.ZEROPAY)
    invoice = give_invoice(payment)
    officers.approved(programme)
    hold = holders.place(payment.id)
    tax_invoices.void(actor=officers.approver, invoice_id=invoice.id, reason="다른 거래의 계산서")
    holders.release(hold)
    asked = {"actor": officers.drafter, "cutoff": clock.today(), "programme_id": programme.id}
    assert place_of(payment) is Place.INVOICE and settlement_reads.ripe(**asked) == []
    give_invoice(payment)
    assert place_of(payment) is Place.RIPE and len(settlement_reads.ripe(**asked)) == 1
    payment.state = PaymentState.CANCELLING
    db.session.flush()
    assert place_of(payment) is Place.CANCELLING and settlement_reads.ripe(**asked) == []


def test_held_at_the_bank_the_supplier_hears_of_it_when_the_transfer_fails(
    programme: Programme, supplier: Supplier, officers: Officers, holders: Holders
) -> None:
    payment = ripe_payment(programme, supplier)
    batch, sent = officers.exported(programme)
    hold = holders.place(payment.id)
    told = select(Notice.text).where(Notice.key == f"settlement_hold:{hold.id}:kept_back")
    assert db.session.scalars(told).all() == []
    answered(batch, sent, officers, supplier.account_number or "")
    assert db.session.scalars(told).one().endswith("공급대금을 확인 중입니다. 확인이 끝나면 정산에 담깁니다.")
