"""Holds and suspicion among several at once: one case, one hold, and no money past either (R-SET-4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import clock
from app.db import db, transaction
from app.models.holds import HoldSource, SettlementHold
from app.models.ledger import LedgerAccount
from app.models.payments import Payment
from app.models.settlements import BatchState, LineState, SettlementBatch, SettlementLine
from app.models.suspicion import Suspicion
from app.policy import Role
from app.workflows import company_edits, holds, ledger, settlement, suspicion
from tests import factories
from tests.racing import outcomes
from tests.settled import Officers, make_paid

Together = Callable[..., list[Any]]
PHONE = "01066660001"


@pytest.fixture
def payment(committed: Flask) -> Payment:
    """Ripe, and of a buyer who looks like its supplier."""
    with transaction():
        programme = factories.make_programme()
        supplier = factories.make_supplier(contact_name="담당", contact_phone=PHONE)
        company = factories.make_company(
            programme_id=programme.id, phone=PHONE, phone_index=company_edits.phone_index(PHONE)
        )
    return make_paid(programme, supplier, paid_at=clock.now() - timedelta(days=11), company=company)


def _count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_looks_at_once_open_one_case_and_place_one_hold(payment: Payment, together: Together) -> None:
    looked = together(*[suspicion.look] * 3)
    assert sum(each.opened for each in looked) == 1
    assert (_count(Suspicion), _count(SettlementHold)) == (1, 1)


def test_two_officers_hold_the_same_payment_once(payment: Payment, together: Together) -> None:
    with transaction():
        officers = [factories.make_actor(Role.FINANCE_OFFICER) for _ in range(2)]
    key = payment.id

    def place(actor: Any) -> str:
        hold = holds.place(actor=actor, payment_id=key, source=HoldSource.MANUAL, reason="확인")
        return hold.state.name

    answers = together(lambda: place(officers[0]), lambda: place(officers[1]))
    assert outcomes(answers) == {"PLACED": 1, "hold.held": 1}
    assert _count(SettlementHold) == 1


def test_a_hold_and_an_approval_at_once_leave_no_held_money_on_its_way(
    payment: Payment, together: Together
) -> None:
    """Either the approval sees the hold and refuses, or the hold takes the line out of the transfers."""
    with transaction():
        officers, third = Officers(), factories.make_actor(Role.FINANCE_OFFICER)
    built = settlement.build(
        actor=officers.drafter, cutoff=clock.today(), programme_id=payment.programme_id
    ).batch
    assert built is not None
    batch_id, payment_id = built.id, payment.id
    settlement.submit(actor=officers.drafter, batch_id=batch_id)

    def approve() -> str:
        return settlement.approve(actor=officers.approver, batch_id=batch_id).state.name

    def place() -> str:
        return holds.place(
            actor=third, payment_id=payment_id, source=HoldSource.MANUAL, reason="확인"
        ).state.name

    answers = outcomes(together(approve, place))
    assert answers["PLACED"] == 1
    db.session.expire_all()
    line = db.session.scalars(select(SettlementLine)).one()
    batch = db.session.get_one(SettlementBatch, batch_id)
    if answers["APPROVED"]:
        assert (batch.state, line.state) == (BatchState.APPROVED, LineState.HELD)
    else:
        assert batch.state is BatchState.SUBMITTED
    assert ledger.balance(LedgerAccount.TRANSFER, line.id) == 0
    assert ledger.verify() == []
