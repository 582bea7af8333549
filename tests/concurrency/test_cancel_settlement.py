"""Cancellations and holds against drafting, approval and export of a settlement (R-SET-2, R-SET-4, R-PAY-6).

What is cancelled before the approval is paid to nobody, what is cancelled after it is taken back by the next
batch; what is held is not sent, or was sent before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app import clock
from app.db import db, transaction
from app.errors import Conflict
from app.models.catalogue import Supplier
from app.models.holds import SettlementHold
from app.models.ledger import LedgerAccount
from app.models.payments import Payment, PaymentState
from app.policy import Actor, Role
from app.workflows import cancellations, ledger, settlement, settlement_bank
from tests import factories, invariant, money, racing
from tests.settled import Holders, Officers, bank_answer

Together = Callable[..., list[Any]]
ROUNDS = 15
LEFT = (LedgerAccount.PAYABLE, LedgerAccount.PAID_OUT)


class Stage:
    """One supplier, its payer in a programme in which a payment is ripe at once, and two finance officers."""

    def __init__(self, sandbox: str) -> None:
        self.payer = money.make_payer(sandbox, cap=100_000_000, settlement_use_days=0)
        with transaction():
            self.supplier: Supplier = factories.make_supplier()
            self.seller: Actor = factories.make_actor(Role.SUPPLIER, supplier_id=self.supplier.id)
            self.officers = Officers()
        self.supplier_id, self.programme_id = self.supplier.id, self.payer.programme.id

    def paid(self, behaviour: str = "") -> int:
        return racing.ready(self.payer, 10_000, supplier=self.supplier, behaviour=behaviour).pay().id

    def cancel(self, payment_id: int) -> Callable[[], str]:
        def by_supplier() -> str:
            with clock.at(clock.now() + timedelta(days=1)):
                done = cancellations.cancel_late(actor=self.seller, payment_id=payment_id, reason="해지")
                return done.state.name

        return by_supplier

    def build(self) -> int | None:
        built = settlement.build(
            actor=self.officers.drafter, cutoff=clock.today(), programme_id=self.programme_id
        )
        return built.batch.id if built.batch is not None else None

    def approve(self, batch_id: int) -> str:
        return settlement.approve(actor=self.officers.approver, batch_id=batch_id).state.name

    def give_up(self, batch_id: int) -> None:
        settlement.send_back(actor=self.officers.approver, batch_id=batch_id, reason="취소된 결제")
        settlement.discard(actor=self.officers.drafter, batch_id=batch_id, reason="취소된 결제")

    def pay_out(self, batch_id: int) -> None:
        clerk = self.officers.approver
        sent = settlement_bank.export_bank_file(actor=clerk, batch_id=batch_id).content
        settlement_bank.import_result(
            actor=clerk, batch_id=batch_id, content=bank_answer(sent), file_name=f"{batch_id}.csv"
        )
        settlement.close(actor=clerk, batch_id=batch_id)

    def settle(self) -> bool:
        """A batch of all that is ripe, from the draft to the close; False where there was none."""
        batch_id = self.build()
        if batch_id is None:
            return False
        settlement.submit(actor=self.officers.drafter, batch_id=batch_id)
        self.approve(batch_id)
        self.pay_out(batch_id)
        return True

    def check(self, books: invariant.Books) -> None:
        """What the supplier has, or is owed, is what stands as paid, whatever was settled or taken back."""
        invariant.mend()
        books.check(audit=False)
        has = sum(ledger.balance(account, self.supplier_id) for account in LEFT)
        total = Payment.grant_part + Payment.share_part + Payment.tax_part
        paid = select(func.coalesce(func.sum(total), 0)).where(Payment.state == PaymentState.PAID)
        assert has == db.session.scalars(paid).one()


@pytest.mark.parametrize("behaviour", ["", "82"])
def test_cancelled_while_a_batch_is_drafted(
    together: Together, sandbox: str, books: invariant.Books, behaviour: str
) -> None:
    stage = Stage(sandbox)
    for _ in range(ROUNDS):
        stage.paid()
        going = stage.paid(behaviour)
        batch_id, cancelled = together(stage.build, stage.cancel(going))
        assert isinstance(batch_id, int) and racing.outcome(cancelled) in ("CANCELLED", "CANCELLING")
        inside = db.session.execute(
            text("""SELECT count(*) FROM settlement_item i JOIN settlement_line l ON l.id = i.line_id
                     WHERE i.payment_id = :id AND l.batch_id = :batch"""),
            {"id": going, "batch": batch_id},
        ).scalar_one()
        settlement.submit(actor=stage.officers.drafter, batch_id=batch_id)
        if inside:
            # The draft holds what is cancelled, or being cancelled: it is paid to nobody.
            db.session.commit()
            with pytest.raises(Conflict) as refused:
                stage.approve(batch_id)
            assert refused.value.code == "settlement.changed"
            stage.give_up(batch_id)
            invariant.mend()
            assert stage.settle()
        else:
            stage.approve(batch_id)
            stage.pay_out(batch_id)
        stage.check(books)
    assert not stage.settle()
    books.check()


@pytest.mark.parametrize("behaviour", ["", "82", "70"])
def test_cancelled_while_a_batch_is_approved(
    together: Together, sandbox: str, books: invariant.Books, behaviour: str
) -> None:
    """Either the approval sees it and is refused, or it is settled and taken back: never paid for good."""
    stage, before = Stage(sandbox), 0
    for _ in range(ROUNDS):
        for _ in range(2):
            stage.paid()
        going = stage.paid(behaviour)
        batch_id = stage.build()
        assert batch_id is not None
        settlement.submit(actor=stage.officers.drafter, batch_id=batch_id)

        def approve(batch_id: int = batch_id) -> str:
            return stage.approve(batch_id)

        approved, cancelled = (racing.outcome(one) for one in together(approve, stage.cancel(going)))
        assert cancelled in ("CANCELLED", "CANCELLING", "PAID")
        if approved == "APPROVED":
            stage.pay_out(batch_id)
            before += 1
        else:
            assert approved == "settlement.changed"
            stage.give_up(batch_id)
        stage.check(books)
    # Two more payments make room for what is still to be taken back.
    for _ in range(3):
        stage.paid()
        stage.settle()
        stage.check(books)
    taken_back = db.session.execute(text("SELECT count(*) FROM clawback_item")).scalar_one()
    assert taken_back == (0 if behaviour == "70" else before)
    assert ledger.balance(LedgerAccount.PAYABLE, stage.supplier_id) == 0
    books.check()


@pytest.mark.parametrize("what", ["approve", "export"])
def test_held_while_a_batch_is_approved_or_sent(
    together: Together, sandbox: str, books: invariant.Books, what: str
) -> None:
    """R-SET-4: the approval sees the hold or the hold takes the line out; once sent, it is out of reach."""
    stage, holders = Stage(sandbox), Holders()
    seen: set[str] = set()
    for _ in range(ROUNDS):
        held = stage.paid()
        batch_id = stage.build()
        assert batch_id is not None
        settlement.submit(actor=stage.officers.drafter, batch_id=batch_id)
        if what == "export":
            stage.approve(batch_id)

        def go_on(batch_id: int = batch_id) -> str:
            if what == "approve":
                return stage.approve(batch_id)
            sent = settlement_bank.export_bank_file(actor=stage.officers.approver, batch_id=batch_id)
            return f"{sent.content.count(b'KV')} sent"

        def hold(payment_id: int = held) -> int:
            return holders.place(payment_id).id

        gone_on, hold_id = together(go_on, hold)
        assert isinstance(hold_id, int)
        line = db.session.execute(_LINE, {"batch": batch_id}).one()
        db.session.commit()
        seen.add(f"{racing.outcome(gone_on)}, {line.state}")
        if racing.outcome(gone_on) == "settlement.changed":
            stage.give_up(batch_id)
        elif line.state == "held":
            settlement.conclude(actor=stage.officers.approver, batch_id=batch_id)
        else:
            stage.pay_out(batch_id)
        stage.check(books)
        holders.release(db.session.get_one(SettlementHold, hold_id))
        stage.settle()
        stage.check(books)
        db.session.commit()
    allowed = {
        "approve": {"settlement.changed, planned", "APPROVED, held"},
        "export": {"1 sent, planned", "settlement.nothing_to_send, held"},
    }
    assert seen <= allowed[what], seen
    assert ledger.balance(LedgerAccount.PAYABLE, stage.supplier_id) == 0
    books.check()


_LINE = text("SELECT state FROM settlement_line WHERE batch_id = :batch")


def test_payments_and_cancellations_while_batches_are_made(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """No payment stands in two lines, none is left behind for good."""
    stage = Stage(sandbox)
    for _ in range(8):
        presses = [racing.ready(stage.payer, 10_000, supplier=stage.supplier) for _ in range(4)]
        going = [stage.paid() for _ in range(2)]

        at_once = [*presses, *[stage.cancel(key) for key in going]]
        *pressed, settled, built = together(*at_once, stage.settle, stage.build)
        assert racing.outcomes(pressed) == {"PAID": 4, "CANCELLED": 2}
        assert racing.outcome(settled) in ("True", "False", "settlement.changed")
        assert built is None or racing.outcome(built) == "settlement.changed" or isinstance(built, int)
        for batch_id, state in db.session.execute(text("SELECT id, state FROM settlement_batch")).all():
            if state == "submitted":
                settlement.send_back(actor=stage.officers.approver, batch_id=batch_id, reason="다시")
            if state in ("submitted", "drafted"):
                settlement.discard(actor=stage.officers.drafter, batch_id=batch_id, reason="다시")
        stage.check(books)
    stage.settle()
    stage.check(books)
    twice = text("SELECT payment_id FROM settlement_item GROUP BY payment_id HAVING count(*) > 1")
    assert db.session.execute(twice).all() == []
    books.check()
