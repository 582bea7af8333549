"""The press decides, not the answer and not the sweep (R-VOU-3, R-TIME-6): presses at the last instant of a
bill and of both clocks of a voucher, while the sweep of that second runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.models.deals import Deal, DealState
from app.models.ledger import LedgerAccount
from app.models.payments import Payment, PaymentState
from app.models.record import AuditRow
from app.models.vouchers import Voucher, VoucherState
from app.policy import Role
from app.workflows import cancellations, deadlines, ledger
from tests import factories, invariant, money, racing
from tests.racing import just_before

Together = Callable[..., list[Any]]
ROUNDS = 25
CERTAIN, DECLINED, LOST = "", "09", "52"


def sweeping(at: datetime) -> Callable[[], deadlines.SweepResult]:
    return lambda: deadlines.sweep(at=at)


def deal_state(press: racing.Press) -> DealState:
    db.session.rollback()
    return db.session.scalars(select(Deal.state).where(Deal.id == press.deal_id)).one()


def voucher_state(payer: money.Payer) -> VoucherState:
    db.session.rollback()
    return db.session.scalars(select(Voucher.state).where(Voucher.id == payer.voucher.id)).one()


def times(entity: str, action: str) -> int:
    counted = select(func.count()).where(AuditRow.entity == entity, AuditRow.action == action)
    return db.session.scalars(counted).one()


@pytest.mark.parametrize("behaviour", [CERTAIN, DECLINED, LOST])
def test_a_press_at_the_last_instant_of_a_bill(
    together: Together, sandbox: str, books: invariant.Books, behaviour: str
) -> None:
    payer = money.make_payer(sandbox, cap=100_000_000)
    due, lapsed = clock.now() + timedelta(hours=3), 0
    for _ in range(ROUNDS):
        press = racing.ready(payer, 1_000, due_at=due, behaviour=behaviour)
        pressed, swept = together(press.at(just_before(due)), sweeping(due))
        ends = swept.bills
        if racing.outcome(pressed) == "deal.pay.state":
            assert (ends, deal_state(press)) == (1, DealState.LAPSED)
        elif behaviour == DECLINED:
            # Declined in time, the bill is open no longer: this sweep or the next one ends it.
            ends += deadlines.sweep(at=due).bills
            assert (pressed, ends, deal_state(press)) == ("FAILED", 1, DealState.LAPSED)
        else:
            assert (pressed, ends) == ("PENDING" if behaviour == LOST else "PAID", 0)
            invariant.mend()
            assert deal_state(press) is DealState.PAID
        lapsed += ends
        assert deadlines.sweep(at=due).bills == 0
    assert times("deal", "lapse") == lapsed
    books.check()


def first_payment(sandbox: str, behaviour: str) -> tuple[racing.Press, datetime]:
    """A press of the first payment, and the end of the clock that it would meet."""
    payer = money.make_payer(sandbox)
    due = payer.voucher.first_payment_by
    return racing.ready(payer, due_at=due + timedelta(days=1), behaviour=behaviour), due


def second_payment(sandbox: str, behaviour: str) -> tuple[racing.Press, datetime]:
    """The same for the use within eight months."""
    payer = money.make_payer(sandbox)
    due = payer.voucher.full_use_by
    assert racing.ready(payer, 300_000)() == "PAID"
    return racing.ready(payer, due_at=due + timedelta(days=1), behaviour=behaviour), due


CLOCKS = [(first_payment, VoucherState.REVOKED, 0), (second_payment, VoucherState.EXPIRED, 300_000)]


@pytest.mark.parametrize("behaviour", [CERTAIN, DECLINED, LOST])
@pytest.mark.parametrize(("making", "ended", "paid_before"), CLOCKS, ids=["revocation", "expiry"])
def test_a_press_at_the_last_instant_of_a_voucher(
    together: Together,
    sandbox: str,
    books: invariant.Books,
    making: Callable[[str, str], tuple[racing.Press, datetime]],
    ended: VoucherState,
    paid_before: int,
    behaviour: str,
) -> None:
    for _ in range(ROUNDS if behaviour == CERTAIN else 10):
        press, due = making(sandbox, behaviour)
        pressed, swept = together(press.at(just_before(due)), sweeping(due))
        ends = swept.vouchers_revoked + swept.vouchers_expired
        invariant.mend()
        if racing.outcome(pressed) == f"voucher.{ended.value}":
            assert (ends, voucher_state(press.payer)) == (1, ended)
        elif behaviour == DECLINED:
            again = deadlines.sweep(at=due)
            ends += again.vouchers_revoked + again.vouchers_expired
            assert (pressed, ends, voucher_state(press.payer)) == ("FAILED", 1, ended)
        else:
            assert (pressed, ends) == ("PENDING" if behaviour == LOST else "PAID", 0)
            assert deal_state(press) is DealState.PAID
            # The first payment has ended the first clock; the second clock ends the voucher now.
            assert voucher_state(press.payer) is VoucherState.USABLE
            deadlines.sweep(at=press.payer.voucher.full_use_by)
            assert voucher_state(press.payer) is VoucherState.EXPIRED
        back = ledger.balance(LedgerAccount.AGENCY_BUDGET, press.payer.voucher.agency_budget_id)
        spent = paid_before + (100_000 if deal_state(press) is DealState.PAID else 0)
        assert (back, press.payer.left()) == (3_600_000 - spent * 9 // 10, (0, 0))
    books.check()


def test_a_press_at_the_deadline_itself_is_late_swept_or_not(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """R-TIME-1"""
    for making, ended, _ in CLOCKS:
        for _ in range(5):
            press, due = making(sandbox, CERTAIN)
            pressed, _swept = together(press.at(due), sweeping(due))
            assert racing.outcome(pressed) in ("voucher.deadline", f"voucher.{ended.value}")
            # What the press had in its hands the sweep left to the next one.
            deadlines.sweep(at=due)
            assert voucher_state(press.payer) is ended
    books.check()


def test_what_is_cancelled_while_its_voucher_expires_ends_in_the_budget(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """R-PAY-6: to the voucher first, to the budget at once, or by the next sweep: the same won each time."""
    for n in range(ROUNDS):
        payer = money.make_payer(sandbox, cap=300_000 if n % 2 else 4_000_000)
        due = payer.voucher.full_use_by
        press = racing.ready(payer, 300_000, behaviour="82" if n % 3 == 0 else "")
        payment = press.pay()
        supplier = factories.make_actor(Role.SUPPLIER, supplier_id=press.supplier_id)
        payment_id = payment.id
        db.session.commit()

        def cancel(actor: Any = supplier, payment_id: int = payment_id, due: datetime = due) -> str:
            with clock.at(just_before(due)):
                return cancellations.cancel_late(
                    actor=actor, payment_id=payment_id, reason="계약 해지"
                ).state.name

        cancelled, *_swept = together(cancel, sweeping(due), sweeping(due))
        assert racing.outcome(cancelled) in ("CANCELLED", "CANCELLING")
        with clock.at(due):
            invariant.mend()
        deadlines.sweep(at=due)
        assert voucher_state(payer) is VoucherState.EXPIRED
        db.session.rollback()
        assert db.session.get_one(Payment, payment_id).state is PaymentState.CANCELLED
        budget = ledger.balance(LedgerAccount.AGENCY_BUDGET, payer.voucher.agency_budget_id)
        assert budget == payer.voucher.granted_grant and payer.left() == (0, 0)
    books.check()
