"""R-SET-1, R-SET-2, R-ROLE-4, R-PAY-6: from ripe payments to paid suppliers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from app import clock
from app.db import db, transaction
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Supplier
from app.models.ledger import LedgerAccount
from app.models.payments import Slip, SlipKind
from app.models.programme import Programme
from app.models.record import Notice
from app.models.settlements import (
    BatchState,
    ClawbackItem,
    LineState,
    SettlementBatch,
    SettlementItem,
    SettlementLine,
)
from app.policy import CLOCK, Role
from app.workflows import (
    evaluations,
    ledger,
    settlement,
    settlement_bank,
    settlement_reads,
    settlement_supplier,
)
from app.workflows.settlement import BATCH, LINE
from app.workflows.settlement_supplier import Place
from tests import factories
from tests.integration.workflows import settling
from tests.integration.workflows.settling import lines_of, ripe_payment
from tests.settled import Officers, bank_answer, cancel, make_paid

pytestmark = pytest.mark.usefixtures("tx")

programme, supplier, officers = settling.programme, settling.supplier, settling.officers


def test_the_whole_way_pays_the_supplier_once(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    programme.settlement_fee_bp = 150
    payments = [ripe_payment(programme, supplier, amount) for amount in (1_100_000, 333_333)]
    batch = officers.settled(programme)
    [line] = lines_of(batch)
    assert (line.gross, line.fee, line.net) == (1_433_333, 21_499, 1_411_834)
    assert line.state is LineState.PAID and line.paid_at is not None and line.result_code == "0000"
    assert batch.state is BatchState.RECONCILED
    closed = settlement.close(actor=officers.drafter, batch_id=batch.id)
    assert closed.state is BatchState.CLOSED and closed.closed_at is not None

    assert ledger.balance(LedgerAccount.PAID_OUT, supplier.id) == 1_411_834
    assert ledger.balance(LedgerAccount.FEE, programme.id) == 21_499
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == 0
    assert ledger.balance(LedgerAccount.TRANSFER, line.id) == 0
    items = db.session.scalars(select(SettlementItem.payment_id).order_by(SettlementItem.payment_id)).all()
    assert list(items) == [payment.id for payment in payments]
    told = db.session.scalars(select(Notice.text).where(Notice.supplier_id == supplier.id)).all()
    assert list(told) == ["공급대금이 계좌로 지급되었습니다."]
    assert ledger.verify() == []


def test_built_again_it_adds_nothing(programme: Programme, supplier: Supplier, officers: Officers) -> None:
    ripe_payment(programme, supplier)
    first = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    again = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert (first.lines, first.payments, first.gross, first.net) == (1, 1, 1_100_000, 1_100_000)
    assert again.batch is None and again.payments == 0
    assert db.session.scalar(select(func.count()).select_from(SettlementBatch)) == 1


def test_ripe_is_what_was_evaluated_or_is_old_enough_by_the_cut_off(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    """R-SET-1: ten days after the payment, or the evaluation."""
    today = clock.start_of(clock.today())
    ninth = make_paid(programme, supplier, 900_000, paid_at=today - timedelta(days=9))
    tenth = make_paid(programme, supplier, 1_000_000, paid_at=today - timedelta(days=9, seconds=1))
    evaluated = make_paid(programme, supplier, 200_000, paid_at=clock.now())
    buyer = factories.make_actor(Role.DEMAND, company_id=evaluated.company_id)
    scores = dict.fromkeys(evaluations.CRITERIA, 5)
    evaluations.write(actor=buyer, deal_id=evaluated.deal_id, scores=scores, comment="좋습니다.")
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    settled = set(db.session.scalars(select(SettlementItem.payment_id)))
    assert settled == {tenth.id, evaluated.id} and ninth.id not in settled
    assert built.gross == 1_200_000
    with clock.at(clock.now() + timedelta(days=1)):
        later = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert later.gross == 900_000


def test_an_earlier_cut_off_leaves_later_payments(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    ripe_payment(programme, supplier)
    cutoff = clock.today() - timedelta(days=2)
    built = settlement.build(actor=officers.drafter, cutoff=cutoff, programme_id=programme.id)
    assert built.batch is None
    with pytest.raises(InvalidInput) as refused:
        settlement.build(
            actor=officers.drafter, cutoff=clock.today() + timedelta(days=1), programme_id=programme.id
        )
    assert refused.value.code == "settlement.cutoff"


def test_an_unverified_account_is_left_out_with_its_reason(programme: Programme, officers: Officers) -> None:
    supplier = factories.make_supplier(account_verified_at=None)
    ripe_payment(programme, supplier)
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is None
    assert [(left.supplier_id, left.reason) for left in built.left] == [
        (supplier.id, "정산 계좌가 확인되지 않았습니다.")
    ]
    [preview] = settlement_reads.ripe(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert preview.net == 1_100_000 and preview.reason


def test_the_drafter_cannot_approve(programme: Programme, supplier: Supplier, officers: Officers) -> None:
    """R-ROLE-4, R-SET-2"""
    ripe_payment(programme, supplier)
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is not None
    settlement.submit(actor=officers.drafter, batch_id=built.batch.id)
    with pytest.raises(Denied) as refused:
        settlement.approve(actor=officers.drafter, batch_id=built.batch.id)
    assert refused.value.code == "same_person"
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == 1_100_000
    assert settlement.approve(actor=officers.approver, batch_id=built.batch.id).state is BatchState.APPROVED


def test_who_submits_the_clocks_draft_cannot_approve_it(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    """R-ROLE-4: a batch that the scheduler drafted becomes the submitter's."""
    ripe_payment(programme, supplier)
    built = settlement.build(actor=CLOCK, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is not None and built.batch.drafted_by_id is None
    settlement.submit(actor=officers.drafter, batch_id=built.batch.id)
    with pytest.raises(Denied):
        settlement.approve(actor=officers.drafter, batch_id=built.batch.id)


def test_who_submits_anothers_draft_cannot_approve_it(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    """R-ROLE-4: neither who drafted nor who asked for the approval gives it."""
    ripe_payment(programme, supplier)
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is not None
    third = factories.make_actor(Role.FINANCE_OFFICER)
    batch = settlement.submit(actor=third, batch_id=built.batch.id)
    assert (batch.drafted_by_id, batch.submitted_by_id) == (officers.drafter.id, third.id)
    db.session.commit()
    for actor in (third, officers.drafter):
        with pytest.raises(Denied) as refused:
            settlement.approve(actor=actor, batch_id=batch.id)
        assert refused.value.code == "same_person"
    assert settlement.approve(actor=officers.approver, batch_id=batch.id).state is BatchState.APPROVED


@pytest.mark.parametrize(
    "role", [Role.AUDITOR, Role.BUDGET_OFFICER, Role.SUPPLIER, Role.DEMAND, Role.REVIEWER]
)
def test_others_neither_build_nor_approve(
    programme: Programme, supplier: Supplier, officers: Officers, role: Role
) -> None:
    ripe_payment(programme, supplier)
    batch = officers.approved(programme)
    stranger = factories.make_actor(role)
    with pytest.raises(Denied):
        settlement.build(actor=stranger, cutoff=clock.today(), programme_id=programme.id)
    with pytest.raises((Denied, NotFound)):
        settlement_bank.export_bank_file(actor=stranger, batch_id=batch.id)


def test_approval_refuses_a_draft_whose_payment_was_cancelled(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    gone, stays = ripe_payment(programme, supplier, 500_000), ripe_payment(programme, supplier, 700_000)
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is not None
    settlement.submit(actor=officers.drafter, batch_id=built.batch.id)
    cancel(gone)
    assert ledger.verify() == []
    with pytest.raises(Conflict) as refused:
        settlement.approve(actor=officers.approver, batch_id=built.batch.id)
    assert refused.value.code == "settlement.changed" and str(gone.id) in refused.value.text
    settlement.send_back(actor=officers.approver, batch_id=built.batch.id, reason="취소된 결제가 있습니다.")
    settlement.discard(actor=officers.drafter, batch_id=built.batch.id, reason="다시 작성")
    batch = officers.settled(programme)
    assert [line.net for line in lines_of(batch)] == [700_000]
    assert stays.id in set(db.session.scalars(select(SettlementItem.payment_id)))
    assert ledger.verify() == []


def test_approval_refuses_an_account_that_changed_after_the_draft(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    ripe_payment(programme, supplier)
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is not None
    settlement.submit(actor=officers.drafter, batch_id=built.batch.id)
    with transaction():
        supplier.account_number = "999999999999"
    with pytest.raises(Conflict) as refused:
        settlement.approve(actor=officers.approver, batch_id=built.batch.id)
    assert refused.value.code == "settlement.account_changed" and supplier.name in refused.value.text


def test_a_discarded_draft_frees_all_that_it_held(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    ripe_payment(programme, supplier)
    failed_batch = officers.settled(programme, supplier.account_number or "")
    assert [line.state for line in lines_of(failed_batch)] == [LineState.FAILED]
    built = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert built.batch is not None and built.net == 1_100_000
    assert lines_of(failed_batch)[0].state is LineState.CARRIED
    assert ledger.verify() == []
    with pytest.raises(InvalidInput):
        settlement.discard(actor=officers.drafter, batch_id=built.batch.id, reason=" ")
    settlement.discard(actor=officers.drafter, batch_id=built.batch.id, reason="잘못 작성")
    assert lines_of(failed_batch)[0].state is LineState.FAILED
    assert lines_of(failed_batch)[0].carried_into_id is None
    assert lines_of(built.batch) == []
    assert ledger.verify() == []


def test_a_failed_transfer_goes_into_the_next_batch(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    """R-SET-2"""
    programme.settlement_fee_bp = 100
    ripe_payment(programme, supplier, 1_000_000)
    first = officers.settled(programme, supplier.account_number or "")
    [failed] = lines_of(first)
    assert (failed.state, failed.result_code, failed.net) == (LineState.FAILED, "0011", 990_000)
    assert first.state is BatchState.RECONCILED
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == 990_000
    assert ledger.verify() == []

    ripe_payment(programme, supplier, 500_000)
    second = officers.settled(programme)
    [paid] = lines_of(second)
    assert (paid.gross, paid.carried, paid.fee, paid.net) == (500_000, 990_000, 5_000, 1_485_000)
    carried = db.session.get_one(SettlementLine, failed.id, populate_existing=True)
    assert carried.state is LineState.CARRIED and carried.carried_into_id == paid.id
    assert ledger.balance(LedgerAccount.PAID_OUT, supplier.id) == 1_485_000
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == 0
    assert ledger.verify() == []


def test_a_cancellation_after_the_settlement_is_clawed_back(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    """R-PAY-6: the supplier's next batch is reduced; what would be nothing or less waits."""
    first = ripe_payment(programme, supplier, 800_000)
    officers.settled(programme)
    cancel(first)
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == -800_000
    assert ledger.verify() == []

    ripe_payment(programme, supplier, 800_000)
    waiting = settlement.build(actor=officers.drafter, cutoff=clock.today(), programme_id=programme.id)
    assert waiting.batch is None and waiting.left[0].net == 0

    ripe_payment(programme, supplier, 300_000)
    batch = officers.settled(programme)
    [line] = lines_of(batch)
    assert (line.gross, line.clawback, line.net) == (1_100_000, 800_000, 300_000)
    assert db.session.scalars(select(ClawbackItem.payment_id)).all() == [first.id]
    assert ledger.balance(LedgerAccount.PAYABLE, supplier.id) == 0
    assert ledger.verify() == []


def test_the_first_export_makes_a_statement_for_every_line(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    ripe_payment(programme, supplier)
    ripe_payment(programme, factories.make_supplier())
    batch = officers.approved(programme)
    assert db.session.scalar(select(func.count()).select_from(Slip)) == 0, "less may still be paid"
    for _ in range(2):
        settlement_bank.export_bank_file(actor=officers.approver, batch_id=batch.id)
    slips = db.session.scalars(
        select(Slip).where(Slip.kind == SlipKind.SETTLEMENT).order_by(Slip.number)
    ).all()
    assert [slip.number for slip in slips] == [1, 2]
    assert [slip.line_id for slip in slips] == [line.id for line in lines_of(batch)]
    assert slips[0].data["total"] == 1_100_000 and slips[0].data["batch"] == batch.number
    assert (supplier.account_number or "") not in str(slips[0].data)


def test_the_supplier_sees_where_each_payment_is(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    actor = factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)
    old = ripe_payment(programme, supplier, 500_000)
    new = make_paid(programme, supplier, 200_000)

    def places() -> dict[int, Place]:
        return {row.payment_id: row.place for row in settlement_supplier.supplier_payments(actor=actor)}

    assert places() == {old.id: Place.RIPE, new.id: Place.USE}
    batch, sent = officers.exported(programme)
    assert places()[old.id] is Place.IN_BATCH
    totals = settlement_supplier.supplier_totals(actor=actor)
    assert (totals.waiting, totals.in_batch, totals.paid) == (200_000, 500_000, 0)
    settlement_bank.import_result(
        actor=officers.approver, batch_id=batch.id, content=bank_answer(sent), file_name="x"
    )
    rows = {row.payment_id: row for row in settlement_supplier.supplier_payments(actor=actor)}
    assert rows[old.id].place is Place.PAID and batch.number in rows[old.id].text
    assert [line.id for line in settlement_supplier.supplier_lines(actor=actor)] == [rows[old.id].line_id]
    cancel(old)
    [back] = [row for row in settlement_supplier.supplier_payments(actor=actor) if row.payment_id == old.id]
    assert back.place is Place.CLAWBACK and f"{batch.number} 정산으로 지급한 뒤에" in back.text
    totals = settlement_supplier.supplier_totals(actor=actor)
    assert (totals.waiting, totals.paid, totals.clawback) == (200_000, 500_000, 500_000)
    stranger = factories.make_actor(Role.SUPPLIER)
    assert settlement_supplier.supplier_payments(actor=stranger) == []
    with pytest.raises(NotFound):
        settlement_reads.line_items(actor=stranger, line_id=rows[old.id].line_id or 0)


def test_the_place_follows_a_carried_line_to_where_it_was_paid(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    actor = factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)
    ripe_payment(programme, supplier)
    officers.settled(programme, supplier.account_number or "")
    [row] = settlement_supplier.supplier_payments(actor=actor)
    assert row.place is Place.FAILED and "정산의 이체가 실패했습니다(계좌없음)" in row.text
    assert settlement_supplier.supplier_totals(actor=actor).waiting == 1_100_000
    officers.settled(programme, supplier.account_number or "")
    second = officers.settled(programme)
    [row] = settlement_supplier.supplier_payments(actor=actor)
    assert row.place is Place.PAID and second.number in row.text and row.last_line_id != row.line_id
    totals = settlement_supplier.supplier_totals(actor=actor)
    assert (totals.waiting, totals.in_batch, totals.paid) == (0, 0, 1_100_000)


def test_the_console_reads(programme: Programme, supplier: Supplier, officers: Officers) -> None:
    payment = ripe_payment(programme, supplier)
    batch = officers.approved(programme)
    [row] = settlement_reads.batches(actor=officers.approver)
    assert (row.batch.id, row.lines, row.payments, row.net) == (batch.id, 1, 1, 1_100_000)
    page = settlement_reads.batch(actor=officers.approver, batch_id=batch.id)
    assert page.states == [settlement_reads.StateSum(LineState.PLANNED, 1, 1_100_000)]
    assert [edge.action for edge in page.edges] == ["export"]
    [line] = settlement_reads.lines(actor=officers.approver, batch_id=batch.id)
    assert line.supplier.name == supplier.name
    [item] = settlement_reads.line_items(actor=officers.approver, line_id=line.id)
    assert (item.payment_id, item.kind, item.amount) == (payment.id, "payment", 1_100_000)
    with pytest.raises(Denied):
        settlement_reads.batches(actor=factories.make_actor(Role.DEMAND))


def test_no_payment_stands_in_two_lines_even_past_the_workflow(
    programme: Programme, supplier: Supplier, officers: Officers
) -> None:
    """The database is the last guard."""
    payment = ripe_payment(programme, supplier)
    batch = officers.approved(programme)
    [line] = lines_of(batch)
    with pytest.raises(Exception, match="pk_settlement_item"), transaction():
        db.session.execute(
            text("INSERT INTO settlement_item (payment_id, line_id, amount) VALUES (:p, :l, 1)"),
            {"p": payment.id, "l": line.id},
        )


@pytest.mark.parametrize("lifecycle", [BATCH, LINE], ids=["batch", "line"])
def test_every_state_is_reached_and_every_final_one_is_meant(lifecycle: object) -> None:
    edges = lifecycle.edges  # type: ignore[attr-defined]
    states = lifecycle.states  # type: ignore[attr-defined]
    reached = {edge.target for edge in edges} | set(lifecycle.initial)  # type: ignore[attr-defined]
    assert reached == set(states)
    final = set(states) - {edge.source for edge in edges}
    assert final == (
        {BatchState.CLOSED, BatchState.DISCARDED} if lifecycle is BATCH else {LineState.PAID, LineState.HELD}
    )
