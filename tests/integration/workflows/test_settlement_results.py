"""R-SET-2: what a bank's result file would do, before it is taken, and the decision over exactly that."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.programme import Programme
from app.models.record import AuditRow
from app.models.settlements import BankResultFile, BatchState, LineState
from app.policy import Role
from app.workflows import settlement_bank, settlement_facts, settlement_reads, settlement_results
from app.workflows.settlement_results import Sum
from tests import factories
from tests.integration.workflows import settling
from tests.integration.workflows.settling import lines_of, ripe_payment
from tests.settled import Holders, Officers, bank_answer

pytestmark = pytest.mark.usefixtures("tx")
programme, officers = settling.programme, settling.officers


def _written() -> tuple[int | None, int | None]:
    return (
        db.session.scalar(select(func.count()).select_from(BankResultFile)),
        db.session.scalar(select(func.max(AuditRow.id))),
    )


def test_what_is_foreseen_is_what_happens(programme: Programme, officers: Officers) -> None:
    ripe_payment(programme, factories.make_supplier(), 400_000)
    ripe_payment(programme, factories.make_supplier(account_number="110123459999"), 600_000)
    wrong = ripe_payment(programme, factories.make_supplier(), 250_000)
    batch, sent = officers.exported(programme)
    content = bank_answer(sent, "9999").replace(b",250000,", b",250001,").replace(b"1250000", b"1250001")
    before = _written()
    about = {"actor": officers.approver, "batch_id": batch.id, "content": content}
    found = settlement_results.foresee(**about)
    assert (found.paid, found.failed, found.waiting) == (Sum(1, 400_000), Sum(1, 600_000), Sum(1, 250_000))
    [failure] = found.failures
    assert (failure.line.net, failure.row.message) == (600_000, "계좌없음") and len(found.bad) == 1
    assert _written() == before and {line.state for line in lines_of(batch)} == {LineState.PLANNED}
    taken = settlement_bank.import_result(**about, file_name="결과.csv", digest=found.digest)
    assert (taken.paid, taken.failed, taken.bad) == (1, 1, found.bad)
    states = {line.supplier_id: line.state for line in lines_of(batch)}
    assert states[wrong.supplier_id] is LineState.PLANNED and batch.state is BatchState.EXPORTED


def test_what_stayed_behind_is_not_counted(programme: Programme, officers: Officers) -> None:
    """R-SET-4: of a line without its held payment, what the bank was asked to pay."""
    supplier = factories.make_supplier()
    held, _ = ripe_payment(programme, supplier, 400_000), ripe_payment(programme, supplier, 70_000)
    batch = officers.approved(programme)
    Holders().place(held.id)
    sent = settlement_bank.export_bank_file(actor=officers.drafter, batch_id=batch.id).content
    about = {"actor": officers.approver, "batch_id": batch.id}
    for failures, which in (((), "paid"), (("",), "failed")):
        found = settlement_results.foresee(**about, content=bank_answer(sent, *failures))
        assert getattr(found, which) == Sum(1, 70_000)
    row = settlement_reads.batch(actor=officers.approver, batch_id=batch.id).row
    assert settlement_facts.of_transfers(actor=officers.approver, row=row) == (
        f"정산 {batch.number}: 이체 1건, 합계 70,000원 (지급보류 400,000원 제외)"
    )


def test_what_was_not_agreed_to_is_not_done(programme: Programme, officers: Officers) -> None:
    ripe_payment(programme, factories.make_supplier(), 400_000)
    batch, sent = officers.exported(programme)
    about = {"actor": officers.approver, "batch_id": batch.id}
    paid = settlement_results.foresee(**about, content=bank_answer(sent))
    failed = bank_answer(sent, "")
    assert failed != bank_answer(sent)
    with pytest.raises(Conflict) as refused:
        settlement_bank.import_result(**about, content=failed, file_name="x.csv", digest=paid.digest)
    assert refused.value.code == "settlement.result.changed"
    assert _written()[0] == 0 and [line.state for line in lines_of(batch)] == [LineState.PLANNED]


def test_who_may_not_take_it_does_not_see_it_first(programme: Programme, officers: Officers) -> None:
    """R-ROLE-4: the drafter is refused at the preview already."""
    ripe_payment(programme, factories.make_supplier())
    batch, sent = officers.exported(programme)
    people = [officers.drafter, *map(factories.make_actor, (Role.AUDITOR, Role.BUDGET_OFFICER))]
    db.session.commit()
    for person in people:
        with pytest.raises(Denied):
            settlement_results.keep(actor=person, batch_id=batch.id, content=bank_answer(sent))
    with pytest.raises(InvalidInput):
        settlement_results.keep(actor=officers.approver, batch_id=batch.id, content=b"no such form")
    with pytest.raises(NotFound):
        settlement_results.keep(actor=officers.approver, batch_id=0, content=bank_answer(sent))


def test_what_awaits_the_decision_comes_back_to_the_last_byte(
    programme: Programme, officers: Officers
) -> None:
    ripe_payment(programme, factories.make_supplier())
    batch, sent = officers.exported(programme)
    content = bank_answer(sent)
    name = settlement_results.keep(actor=officers.approver, batch_id=batch.id, content=content)
    assert settlement_results.kept(actor=officers.approver, name=name) == content
    settlement_results.drop(actor=officers.approver, name=name)
    with pytest.raises(NotFound) as gone:
        settlement_results.kept(actor=officers.approver, name=name)
    assert gone.value.code == "settlement.result.preview"


def test_the_facts_of_a_batch_and_of_its_transfers(programme: Programme, officers: Officers) -> None:
    """R-SET-4: what is held is of the batch, and not of what the bank is asked for."""
    ripe_payment(programme, factories.make_supplier(), 400_000)
    held = ripe_payment(programme, factories.make_supplier(), 600_000)
    batch = officers.approved(programme)
    Holders().place(held.id)
    row = settlement_reads.batch(actor=officers.drafter, batch_id=batch.id).row
    assert settlement_facts.of_batch(row).startswith(f"정산 {batch.number}: 공급기업 2곳, 결제 2건, 지급액")
    said = settlement_facts.of_transfers(actor=officers.drafter, row=row)
    assert said == f"정산 {batch.number}: 이체 1건, 합계 400,000원 (지급보류 600,000원 제외)"
