"""Whoever comes in between: at each step of a payment and of a cancellation somebody else gets the turn.

The races of the other files find what chance finds; here each interleaving of whole transactions is made on
purpose (app/workflows/steps.py names the points), and what waits for a lock inside one waits.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app import clock
from app.db import db, transaction
from app.errors import Refusal
from app.models.payments import Payment, PaymentState
from app.policy import Role
from app.workflows import (
    cancellations,
    deadlines,
    deals,
    payment_resolution,
    settlement,
    steps,
    vouchers,
)
from tests import factories, invariant, money, racing
from tests.settled import Officers

PAYING = [step for step in steps.STEPS if step.startswith("payment.") and step != "payment.authenticated"]
CANCELLING = [step for step in steps.STEPS if step.startswith("cancellation.")]


class Scene:
    """A bill about to be paid, or paid and about to be cancelled, and all who might come in between."""

    def __init__(self, sandbox: str, *, paid: bool, behaviour: str) -> None:
        self.key = secrets.token_hex(8)
        self.payer = money.make_payer(sandbox, settlement_use_days=0)
        self.deal_due = clock.now() + timedelta(hours=3)
        self.press = racing.ready(self.payer, due_at=self.deal_due, behaviour=behaviour)
        self.tab = None if paid else racing.ready_for(self.payer, db.session.get_one(*self._deal))
        self.payment_id = self.press.pay(self.key).id if paid else None
        with transaction():
            self.supplier = factories.make_actor(Role.SUPPLIER, supplier_id=self.press.supplier_id)
            self.officer = factories.make_actor(Role.BUDGET_OFFICER)
            self.finance = Officers()
        self.programme_id, self.full_use = self.payer.programme.id, self.payer.voucher.full_use_by
        self.first_use, self.voucher_id = self.payer.voucher.first_payment_by, self.payer.voucher.id

    @property
    def _deal(self) -> tuple[Any, int]:
        return deals.Deal, self.press.deal_id

    def the_same_press(self) -> Any:
        return self.press(self.key)

    def another_tab(self) -> Any:
        return self.tab() if self.tab else "nothing to press"

    def the_bill_lapses(self) -> Any:
        return deadlines.sweep(at=self.deal_due).bills

    def the_voucher_ends(self) -> Any:
        deadlines.sweep(at=self.first_use)
        return deadlines.sweep(at=self.full_use).vouchers_expired

    def it_is_withdrawn(self) -> Any:
        return deals.withdraw(actor=self.payer.actor, deal_id=self.press.deal_id)

    def a_waiver_is_asked_for(self) -> Any:
        return vouchers.request_waiver(actor=self.payer.actor, reason="쓰지 않습니다.")

    def it_is_asked_about(self) -> Any:
        with transaction() as session:
            session.execute(text("UPDATE payment SET ask_again_at = now() WHERE ask_again_at IS NOT NULL"))
        return payment_resolution.resolve()

    def the_company_cancels(self) -> Any:
        return self._cancel(cancellations.cancel_today, self.payer.actor)

    def the_supplier_cancels(self) -> Any:
        # The supplier's turn comes after the day of payment (R-PAY-6).
        with clock.at(clock.now() + timedelta(days=1)):
            return self._cancel(cancellations.cancel_late, self.supplier)

    def _cancel(self, how: Callable[..., Payment], actor: Any) -> Any:
        with transaction() as session:
            [payment_id] = session.execute(text("SELECT max(id) FROM payment")).scalars()
        if payment_id is None:
            return "nothing to cancel"
        return how(actor=actor, payment_id=payment_id, reason="변경").state.name

    def it_is_settled(self) -> Any:
        drafter = self.finance.drafter
        built = settlement.build(actor=drafter, cutoff=clock.today(), programme_id=self.programme_id)
        if built.batch is None:
            return "nothing to settle"
        settlement.submit(actor=drafter, batch_id=built.batch.id)
        return settlement.approve(actor=self.finance.approver, batch_id=built.batch.id)


MEANWHILE = [name for name in vars(Scene) if not name.startswith("_")]


def come_in_between(app: Flask, scene: Scene, step: str, meanwhile: str, act: Callable[[], Any]) -> list[Any]:
    """What `meanwhile` answered, and what `act` did; refusals are answers, anything else is a bug."""
    with racing.in_between(app, step, getattr(scene, meanwhile)) as answers:
        try:
            answered = act()
        except Refusal as refusal:
            answered = refusal
    for answer in [*answers, answered]:
        if isinstance(answer, BaseException) and not isinstance(answer, Refusal):
            raise answer
    return answers


@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.parametrize("behaviour", ["", "52"])
def test_between_the_steps_of_a_payment(
    committed: Flask, sandbox: str, books: invariant.Books, meanwhile: str, behaviour: str
) -> None:
    for step in PAYING:
        scene = Scene(sandbox, paid=False, behaviour=behaviour)
        come_in_between(committed, scene, step, meanwhile, scene.the_same_press)
        invariant.mend()
        assert invariant.stuck() == [], (step, meanwhile)
        assert books.problems(audit=False) == [], (step, meanwhile)
    books.check()


@pytest.mark.parametrize("meanwhile", [name for name in MEANWHILE if name != "another_tab"])
@pytest.mark.parametrize("behaviour", ["", "82"])
def test_between_the_steps_of_a_cancellation(
    committed: Flask, sandbox: str, books: invariant.Books, meanwhile: str, behaviour: str
) -> None:
    for step in CANCELLING:
        scene = Scene(sandbox, paid=True, behaviour=behaviour)
        come_in_between(committed, scene, step, meanwhile, scene.the_supplier_cancels)
        invariant.mend()
        assert invariant.stuck() == [], (step, meanwhile)
        assert books.problems(audit=False) == [], (step, meanwhile)
        db.session.rollback()
        state = db.session.get_one(Payment, scene.payment_id).state
        assert state is PaymentState.CANCELLED, (step, meanwhile)
    books.check()


def test_somebody_really_came_in_between(committed: Flask, sandbox: str, books: invariant.Books) -> None:
    """At each step that lies between two transactions the other payment is through before this goes on."""
    seen = {}
    for step in ("payment.held", "payment.answered", "payment.settled"):
        payer = money.make_payer(sandbox)
        press, other = racing.ready(payer), racing.ready(payer)
        with racing.in_between(committed, step, lambda o=other: o(secrets.token_hex(4))) as answers:
            assert press() == "PAID"
        assert answers == ["PAID"]
        seen[step] = [press.deal_id, other.deal_id]
        rows = db.session.execute(
            text("SELECT deal_id FROM payment WHERE deal_id = ANY(:ids) ORDER BY paid_at, id"),
            {"ids": seen[step]},
        )
        assert len(rows.all()) == 2
    assert books.charged() == 6
    books.check()
