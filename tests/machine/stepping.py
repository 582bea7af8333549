"""One step of the machine: done or refused as the model says, and compared with it afterwards."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from flask import Flask
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from app import clock
from app.errors import Refusal
from app.models.programme import VatMode
from tests import invariant as books_agree
from tests.machine import world
from tests.machine.model import Model
from tests.machine.world import Stage

T = TypeVar("T")
EACH = 25
"""After so many steps the whole ledger is verified too, besides at the end."""
pick = st.integers(min_value=0, max_value=10_000)
"""Which one of those that there are at that moment."""


class Stepping(RuleBasedStateMachine):
    """What the chapters' rules stand on."""

    stage: Stage
    model: Model

    def __init__(self, app: Flask, sandbox: str, books: books_agree.Books, tally: Counter[str]) -> None:
        super().__init__()
        self._app, self._sandbox, self._books, self.tally = app, sandbox, books, tally
        self._open = contextlib.ExitStack()
        self._steps = 0
        self.now: datetime = world.BEGIN

    @initialize(vat_mode=st.sampled_from(VatMode), share_percent=st.sampled_from([10, 30]))
    def begin(self, vat_mode: VatMode, share_percent: int) -> None:
        self.stage = self._open.enter_context(
            world.stage(self._app, self._sandbox, vat_mode=vat_mode, share_percent=share_percent)
        )
        self.model = self.stage.model

    def attempt(self, name: str, why: str | None, act: Callable[[], T]) -> T | None:
        """`why`: the code of the refusal that must come, where one must. None where it came."""
        self.tally["acts"] += 1
        before = self.stage.shows() if why is not None else None
        try:
            with clock.at(self.now):
                done = act()
        except Refusal as refusal:
            assert refusal.code == why, f"{name} was refused with {refusal.code}, should be {why}"
            assert self.stage.shows() == before, f"{name} was refused, and something was written down"
            self.tally[f"{name}: {why}"] += 1
            return None
        assert why is None, f"{name} should have been refused with {why}"
        self.tally[name] += 1
        return done

    def attempt_all(self, name: str, act: Callable[[], T]) -> T:
        """What nothing stands in the way of."""
        done = self.attempt(name, None, act)
        assert done is not None
        return done

    @invariant()
    def as_the_model_says(self) -> None:
        if not hasattr(self, "stage"):
            return
        shown, _ = self.stage.shows()
        expected = self.model.shows()
        assert shown == expected, _apart(expected, shown)
        self._steps += 1
        if self._steps % EACH == 0:
            problems = books_agree.Books.problems(self._books, audit=False)
            assert not problems, problems

    def teardown(self) -> None:
        try:
            # After a failure the end would only hide it.
            if hasattr(self, "stage") and sys.exc_info()[0] is None:
                self.at_the_end()
        finally:
            self._open.close()
            self._books.restart()

    def at_the_end(self) -> None:
        """Extended by the chapters."""
        self.as_the_model_says()
        problems = self._books.problems()
        assert not problems, problems
        taken = {name: order.taken for name, order in self._books.orders().items()}
        modelled: Counter[str] = Counter()
        for payment in self.model.payments.values():
            modelled[payment.order_id] += payment.total if payment.gateway == "charged" else 0
        assert {n: won for n, won in taken.items() if won} == {n: w for n, w in modelled.items() if w}
        for buyer in self.stage.buyers:
            assert not buyer.zeropay or self.stage.wallet(buyer) == self.model.wallets[buyer.company]


def one_of(picked: int, preferred: Sequence[T], others: Sequence[T] = ()) -> T | None:
    """Three times of four one of the preferred, where there is one; None where there is nothing."""
    of = preferred if preferred and (not others or picked % 4 < 3) else others or preferred
    return of[picked // 4 % len(of)] if of else None


def _apart(expected: dict[Any, str], shown: dict[Any, str]) -> str:
    keys = sorted(expected.keys() | shown.keys())
    lines = [
        f"{key}: should be {expected.get(key)}, is {shown.get(key)}"
        for key in keys
        if expected.get(key) != shown.get(key)
    ]
    return "\n".join(lines)
