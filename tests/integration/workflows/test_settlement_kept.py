"""R-SET-2, R-PAY-6: what an approved or closed batch keeps, and the ties between its lines and others'."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from app import clock
from app.db import db, transaction
from app.models.catalogue import Supplier
from app.models.programme import Programme
from app.models.settlements import BatchState, ClawbackItem, SettlementLine
from app.policy import Role
from app.workflows import settlement, settlement_debts, settlement_reads, settlement_supplier
from tests import factories
from tests.integration.workflows import settling
from tests.integration.workflows.settling import lines_of, ripe_payment
from tests.settled import Holders, Officers, cancel

pytestmark = pytest.mark.usefixtures("tx")

programme, supplier, officers = settling.programme, settling.supplier, settling.officers


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


WITHHELD = {
    "its sum": "UPDATE settlement_withheld SET amount = 1",
    "where it stayed": "UPDATE settlement_withheld SET line_id = line_id + 1",
    "gone": "DELETE FROM settlement_withheld",
    "paid by a line that is approved": "UPDATE settlement_withheld SET into_line_id = line_id",
    "another": """INSERT INTO settlement_withheld (payment_id, line_id, amount, from_transfer, at)
                  SELECT payment_id + 0, line_id, 0, false, at FROM settlement_withheld""",
    "its line's": "UPDATE settlement_line SET withheld = 0 WHERE withheld > 0",
}


@pytest.mark.parametrize("what", WITHHELD)
def test_what_was_kept_back_stays_so(
    programme: Programme, supplier: Supplier, officers: Officers, what: str
) -> None:
    """R-SET-4: only a later line pays it."""
    payment = ripe_payment(programme, supplier)
    officers.approved(programme)
    Holders().place(payment.id)
    db.session.commit()
    with pytest.raises(Exception, match="is fixed|permission denied"), transaction():
        db.session.execute(text(WITHHELD[what]))


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
