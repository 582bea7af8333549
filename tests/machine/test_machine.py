"""Deals, payments, waivers, clocks and settlement in random order, against a model (R-MONEY-3).

`NIGHTLY=1` makes it the long run: at least 2,000 runs of 50 steps. A failure prints the steps that lead to
it, shrunk to the fewest.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from app.db import db
from tests import invariant
from tests.machine import story
from tests.machine.machine import Money

NIGHTLY = os.environ.get("NIGHTLY") == "1"
RUNS, STEPS = (2_000, 50) if NIGHTLY else (40, 30)

EDGES = {
    "payment": ["pressed: paid", "pressed: failed", "pressed: pending", "resolved: paid", "resolved: failed"],
    "cancellation": [
        "cancelled: cancelled",
        "cancelled: cancelling",
        "cancelled: paid",
        "resolved: cancelled",
        "cancelled: cancelled after settlement",
    ],
    "settlement": [
        "built", "submit", "approve", "export", "import", "close", "discard", "line paid", "line failed",
        "carried", "taken back",
    ],
    "holds": [
        "hold", "held back", "held after a failure", "paid without what is held", "let go", "conclude",
        "send an invoice",
    ],
    "voucher": [
        "swept: revoked", "swept: expired", "ask for a waiver", "approve a waiver", "decline a waiver",
    ],
    "deal": ["request", "turn_down", "accept", "bill", "withdraw", "swept: consulting", "swept: billed"],
    "refused": [
        "press again: payment.key_of_another",
        "approve: same_person",
        "approve: settlement.changed",
        "cancel by company: payment.cancel_today.late",
        "cancel by supplier: payment.cancel_late.early",
        "cancel by stranger: not_found",
        "ask for a waiver: voucher.busy",
        "import again: settlement.result.taken",
        "import one's own: same_person",
        "hold: hold.held",
        "hold: hold.paid_out",
        "export nothing: settlement.nothing_to_send",
        "call back: forged",
    ],
}  # fmt: skip
"""What every run as a whole must have seen, so that it proves what it is said to prove."""


@pytest.mark.slow
def test_money_in_random_order(app: Flask, sandbox: str, capsys: pytest.CaptureFixture[str]) -> None:
    tally: Counter[str] = Counter()
    books = invariant.Books(sandbox)
    for tell in story.TALES:
        told = Money(app, sandbox, books, tally)
        try:
            tell(told)
        finally:
            told.teardown()
    began = time.perf_counter()
    run_state_machine_as_test(
        lambda: Money(app, sandbox, books, tally),
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not NIGHTLY,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    took = time.perf_counter() - began
    if NIGHTLY:
        with capsys.disabled():
            sys.stdout.write(f"\n{RUNS} runs, {took:.0f} s, {took * 1000 / (RUNS * STEPS):.1f} ms a step\n")
            sys.stdout.writelines(f"{count:8} {name}\n" for name, count in sorted(tally.items()))
    with app.app_context():
        db.session.remove()
    never = {chapter: [name for name in names if not tally[name]] for chapter, names in EDGES.items()}
    assert not any(never.values()), f"never taken: {never}; taken: {dict(tally)}"
