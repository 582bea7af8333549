"""The sets of payment states that many queries share, beside the indexes that those queries use (R-PAY-4)."""

import re

from app.models.payments import LIVE, STILL_PAID, UNDECIDED, Payment, PaymentState


def states_in(words: object) -> set[PaymentState]:
    """Those that a condition of SQL names."""
    return {PaymentState(name) for name in re.findall(r"'(\w+)'", str(words))}


def condition_of(name: str) -> object:
    [index] = [each for each in Payment.__table__.indexes if each.name == name]
    return index.dialect_options["postgresql"]["where"]


def test_the_index_of_unknown_outcomes_holds_the_undecided_ones() -> None:
    assert states_in(condition_of("ix_payment_unknown")) == set(UNDECIDED)
    assert states_in(condition_of("ix_payment_watched")) == set(UNDECIDED)


def test_a_live_payment_is_one_that_waits_or_is_paid() -> None:
    """One for each deal: what is undecided may yet be paid, and 취소중 may yet stay paid."""
    assert states_in(condition_of("uq_payment_live")) == states_in(LIVE) == {*UNDECIDED, *STILL_PAID}
    assert set(PaymentState) - states_in(LIVE) == {PaymentState.FAILED, PaymentState.CANCELLED}
