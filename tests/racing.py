"""Presses made ready beforehand, so that a race is about nothing but the press."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Flask

from app import clock
from app.db import db
from app.errors import Refusal
from app.models.payments import Payment
from app.workflows import card_payments, steps
from tests import money
from tests.money import Payer


def outcome(answer: Any) -> str:
    """A refusal by its code. What is neither a refusal nor an answer is a bug, and no outcome."""
    if isinstance(answer, Refusal):
        return answer.code
    if isinstance(answer, BaseException):
        raise answer
    return str(answer)


def outcomes(answers: Iterable[Any]) -> Counter[str]:
    return Counter(outcome(answer) for answer in answers)


@dataclass(frozen=True)
class Press:
    """A bill whose code has been sent: called, it pays, and says what became of it."""

    payer: Payer
    deal_id: int
    supplier_id: int
    token: str
    code: str

    def __call__(self, key: str | None = None) -> str:
        return self.pay(key).state.name

    def pay(self, key: str | None = None) -> Payment:
        outcome = card_payments.pay_card(
            actor=self.payer.actor,
            token=self.token,
            code=self.code,
            idempotency_key=key or secrets.token_hex(8),
        )
        return db.session.get_one(Payment, outcome.id, populate_existing=True)

    def at(self, instant: datetime) -> Callable[[], str]:
        """The same at an instant of the programme's time."""

        def press() -> str:
            with clock.at(instant):
                return self()

        return press


def ready(payer: Payer, amount: int = 100_000, *, behaviour: str = "", **bill: Any) -> Press:
    """A bill of `amount` won whose code was sent; `behaviour` is the sandbox's two digits."""
    return ready_for(payer, money.make_bill(payer, amount, **bill), behaviour=behaviour)


def ready_for(payer: Payer, deal: Any, *, behaviour: str = "") -> Press:
    token = money.start(payer, deal, behaviour=behaviour).token
    press = Press(payer, deal.id, deal.supplier_id, token, money.code_for(payer))
    db.session.commit()
    return press


def just_before(instant: datetime) -> datetime:
    return instant - timedelta(milliseconds=1)


def by_itself(app: Flask, act: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Start `act` in a thread with a session of its own; its answer, or its exception, goes into the list."""
    answers: list[Any] = []

    def run() -> None:
        with app.app_context():
            try:
                answers.append(act())
            except Exception as error:
                answers.append(error)
            finally:
                db.session.remove()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, answers


@contextmanager
def in_between(app: Flask, step: str, act: Callable[[], Any], *, wait: float = 0.3) -> Iterator[list[Any]]:
    """Let `act` happen, in a thread of its own, when `step` is reached for the first time.

    Inside a transaction `act` may have to wait for its locks: after `wait` seconds the step goes on. Yields
    the list into which the answer goes; at the end of the block it is there.
    """
    begun: list[threading.Thread] = []
    answers: list[Any] = []
    watched = threading.get_ident()

    def watch(reached: str) -> None:
        if reached != step or begun or threading.get_ident() != watched:
            return
        thread, found = by_itself(app, act)
        begun.append(thread)
        thread.join(wait if step in steps.INSIDE else 20)
        answers.append(found)

    steps.watchers.append(watch)
    try:
        yield answers
    finally:
        steps.watchers.remove(watch)
        for thread in begun:
            thread.join(20)
        answers[:] = [answer for found in answers for answer in found]
