"""kill -9 of each process at each step of each flow (R-PAY-4, R-MONEY-3, R-MSG-1; fault matrix 1, 2, 3, 5).

Whatever is killed wherever: the bill is paid once or not at all, the books agree to the won, and nothing
stays undecided once the system has done what it does by itself.
"""

from __future__ import annotations

from typing import Any

import pytest

from app.workflows.steps import STEPS
from tests.faults.flows import CANCEL, CARD, FLOWS, OUTBOX, RESOLVE, SLIPS, ZEROPAY, Flow, Stage
from tests.faults.watch import VICTIMS
from tests.faults.world import NIGHTLY, World

TURNS = 5 if NIGHTLY else 1
whoever = pytest.mark.parametrize("victim", VICTIMS * TURNS)


@whoever
@pytest.mark.parametrize("flow", [CARD, ZEROPAY], ids=lambda flow: flow.name)
def test_a_bill_is_paid_and_cancelled_once_whoever_dies(world: World, flow: Flow, victim: str) -> None:
    """R-PAY-4, R-PAY-6"""
    stage = Stage(world, flow, victim)
    for number, deal in enumerate(stage.payer["deals"]):
        stage.strike(number, lambda deal=deal: stage.browser.pay(deal))
    stage.pay_what_failed()
    world.settle_down()
    assert stage.ends() == ["paid"] * len(stage.bills)
    payments = world.call("books.payments_of", deals=stage.payer["deals"])[: len(CANCEL.blows)]
    stage.flow, stage.others = CANCEL, []
    for number, payment in enumerate(payments):
        stage.strike(number, lambda payment=payment: stage.browser.cancel(payment))
    world.let_time_pass()
    for payment in payments:
        # A blow before the intent was kept leaves a payment as it was: another press cancels it.
        stage.browser.cancel(payment)
    world.settle_down()
    assert stage.ends() == ["cancelled"] * len(payments) + ["paid"] * (len(stage.bills) - len(payments))


@whoever
def test_the_resolver_decides_once_whoever_dies(world: World, victim: str) -> None:
    """R-PAY-4: the gateway's answers were lost, and whoever asks for them dies."""
    stage = Stage(world, RESOLVE, victim)
    for number, deal in enumerate(stage.payer["deals"]):
        cancelling = RESOLVE.blows[number].step.startswith("cancellation")
        stage.browser.pay(deal, behaviour="82" if cancelling else "52")
        if cancelling:
            stage.browser.cancel(*world.call("books.payments_of", deals=[deal]))
        stage.strike(number, lambda: _wake(world, "resolve_payments"))
    world.settle_down(orphaned=victim in ("worker", "postgres"))
    assert stage.ends() == ["paid"] * (len(stage.bills) - 1) + ["cancelled"]


@whoever
def test_a_message_is_sent_once_whoever_dies(world: World, victim: str) -> None:
    """R-MSG-1"""
    stage = Stage(world, OUTBOX, victim)
    put = {}
    for number in range(len(OUTBOX.blows)):
        company = stage.payer["company_id"]
        mark = f"{company}-{number}"
        put[mark] = world.call("scene.put_messages", count=5, company_id=company, mark=mark)
        stage.strike(number, lambda: _wake(world, "drain_outbox"))
    world.settle_down(orphaned=victim in ("worker", "postgres"))
    for mark, keys in put.items():
        assert world.arrived(stage.payer["contact"], mark) == sorted(keys)


@whoever
def test_a_slip_is_numbered_and_drawn_once_whoever_dies(world: World, victim: str) -> None:
    """R-DOC-1: no gap, no file twice or half, and what was in hand is drawn by the next."""
    stage = Stage(world, SLIPS, victim)

    def pay(deal: int) -> None:
        stage.browser.pay(deal)
        _wake(world, "drain_outbox")

    for number, deal in enumerate(stage.payer["deals"]):
        stage.strike(number, lambda deal=deal: pay(deal))
    world.settle_down(orphaned=victim in ("worker", "postgres"))
    assert stage.ends() == ["paid"] * len(stage.bills)


def test_every_step_is_broken_at() -> None:
    """Completeness: whoever adds a step adds a blow."""
    assert {blow.step for flow in FLOWS for blow in flow.blows} == set(STEPS)
    assert len(VICTIMS) * sum(len(flow.blows) for flow in (*FLOWS, CANCEL)) >= 100


def _wake(world: World, name: str) -> Any:
    """The schedule would do so in some seconds."""
    world.call("books.pass_time")
    return world.call("scene.wake", name=name)
