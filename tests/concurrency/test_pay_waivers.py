"""A payment against the company's own 요청취소 and (잔여)예산포기: one of the two, never both (R-VOU-2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app.db import db, transaction
from app.models.deals import Deal, DealState
from app.models.ledger import LedgerAccount
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor, Role
from app.workflows import cancellations, deals, ledger, vouchers
from tests import factories, invariant, money, racing

Together = Callable[..., list[Any]]
ROUNDS = 25


def budget_officer() -> Actor:
    with transaction():
        return factories.make_actor(Role.BUDGET_OFFICER)


def deal_state(deal_id: int) -> DealState:
    db.session.rollback()
    return db.session.scalars(select(Deal.state).where(Deal.id == deal_id)).one()


def voucher_of(payer: money.Payer) -> Voucher:
    db.session.rollback()
    return db.session.scalars(select(Voucher).where(Voucher.id == payer.voucher.id)).one()


@pytest.mark.parametrize("behaviour", ["", "09", "52"])
def test_pay_or_withdraw(together: Together, sandbox: str, books: invariant.Books, behaviour: str) -> None:
    payer = money.make_payer(sandbox, cap=100_000_000)
    for _ in range(ROUNDS):
        press = racing.ready(payer, 1_000, behaviour=behaviour)

        def withdraw(deal_id: int = press.deal_id) -> str:
            return deals.withdraw(actor=payer.actor, deal_id=deal_id).state.name

        pressed, withdrawn = (racing.outcome(answer) for answer in together(press, withdraw))
        invariant.mend()
        ended = deal_state(press.deal_id)
        if withdrawn == DealState.WITHDRAWN.name:
            assert ended is DealState.WITHDRAWN
            assert pressed == ("FAILED" if behaviour == "09" and pressed == "FAILED" else "deal.pay.state")
        else:
            assert withdrawn in ("deal.payment_pending", "deal.withdraw.state")
            assert pressed in ("PAID", "PENDING", "FAILED")
            assert ended is (DealState.BILLED if behaviour == "09" else DealState.PAID)
    books.check()


def test_a_waiver_is_refused_until_the_payment_is_through(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """R-VOU-2: refused while the bill is open or its payment under way, whatever the payment's answer."""
    officer = budget_officer()
    for n in range(ROUNDS):
        behaviour = ("", "09", "52")[n % 3]
        payer = money.make_payer(sandbox)
        press = racing.ready(payer, behaviour=behaviour)

        def ask(payer: money.Payer = payer) -> str:
            return vouchers.request_waiver(actor=payer.actor, reason="쓰지 않습니다.").state.name

        def approve(payer: money.Payer = payer) -> str:
            return vouchers.approve_waiver(actor=officer, voucher_id=payer.voucher.id).state.name

        answers = [racing.outcome(answer) for answer in together(press, ask, approve)]
        pressed, asked, approved = answers
        assert pressed == {"": "PAID", "09": "FAILED", "52": "PENDING"}[behaviour]
        assert asked in ("voucher.busy", "USABLE") and approved in ("voucher.no_waiver", "WAIVED")
        # An open bill or an unknown outcome keeps it from being waived.
        assert asked == "voucher.busy" or pressed == "PAID"
        invariant.mend()
        if voucher_of(payer).state is VoucherState.WAIVED:
            budget = ledger.balance(LedgerAccount.AGENCY_BUDGET, payer.voucher.agency_budget_id)
            assert (budget, payer.left()) == (3_510_000, (0, 0))
        else:
            assert sum(payer.left()) == (4_000_000 if behaviour == "09" else 3_900_000)
    books.check()


def test_pay_against_the_decision_on_a_waiver(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """A bill that came after the request: while it is open nothing is waived; declined, it can be paid."""
    officer = budget_officer()
    for _ in range(ROUNDS):
        payer = money.make_payer(sandbox)
        press = racing.ready(payer)
        with transaction() as session:
            # The request came first: an accepted deal was billed while it waited.
            deal = session.get_one(Deal, press.deal_id)
            deal.state = DealState.ACCEPTED
        vouchers.request_waiver(actor=payer.actor, reason="쓰지 않습니다.")
        with transaction() as session:
            session.get_one(Deal, press.deal_id).state = DealState.BILLED

        def approve(payer: money.Payer = payer) -> str:
            return vouchers.approve_waiver(actor=officer, voucher_id=payer.voucher.id).state.name

        def decline(payer: money.Payer = payer) -> str:
            return vouchers.decline_waiver(
                actor=officer, voucher_id=payer.voucher.id, reason="청구가 남았습니다."
            ).state.name

        def withdraw(deal_id: int = press.deal_id, payer: money.Payer = payer) -> str:
            return deals.withdraw(actor=payer.actor, deal_id=deal_id).state.name

        answers = [racing.outcome(answer) for answer in together(press, approve, decline, withdraw)]
        pressed, approved, declined, withdrawn = answers
        ended = deal_state(press.deal_id)
        if approved == "WAIVED":
            assert (declined, withdrawn) == ("voucher.no_waiver", "WITHDRAWN")
            assert pressed in ("voucher.waiver_requested", "deal.pay.state", "voucher.waived")
            assert payer.left() == (0, 0)
        else:
            assert (approved, declined) in [("voucher.busy", "USABLE"), ("voucher.no_waiver", "USABLE")]
            paid = pressed == "PAID"
            assert ended is (DealState.PAID if paid else DealState.WITHDRAWN)
            assert sum(payer.left()) == (3_900_000 if paid else 4_000_000)
    books.check()


def test_a_cancellation_under_way_keeps_a_waiver_waiting(
    together: Together, sandbox: str, books: invariant.Books
) -> None:
    """R-VOU-2, R-PAY-6: what comes back goes to the voucher before the approval, to the budget after it."""
    officer = budget_officer()
    for n in range(ROUNDS):
        payer = money.make_payer(sandbox)
        payment_id = racing.ready(payer, behaviour="82" if n % 2 else "").pay().id
        vouchers.request_waiver(actor=payer.actor, reason="쓰지 않습니다.")

        def cancel(payer: money.Payer = payer, payment_id: int = payment_id) -> str:
            return cancellations.cancel_today(
                actor=payer.actor, payment_id=payment_id, reason="변경"
            ).state.name

        def approve(payer: money.Payer = payer) -> str:
            return vouchers.approve_waiver(actor=officer, voucher_id=payer.voucher.id).state.name

        cancelled, approved = (racing.outcome(answer) for answer in together(cancel, approve))
        assert cancelled in ("CANCELLED", "CANCELLING") and approved in ("WAIVED", "voucher.busy")
        invariant.mend()
        if approved == "voucher.busy":
            assert sum(payer.left()) == 4_000_000
            assert approve() == "WAIVED"
        budget = ledger.balance(LedgerAccount.AGENCY_BUDGET, payer.voucher.agency_budget_id)
        assert (budget, payer.left()) == (3_600_000, (0, 0))
    books.check()
