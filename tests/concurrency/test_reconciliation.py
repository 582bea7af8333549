"""The books are compared while people pay and cancel: nothing that is on its way is called a difference."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from app import clock
from app.db import db
from app.models.payments import PaymentState
from app.workflows import cancellations, payment_resolution, reconciliation
from app.workflows.reconciliation import Books
from tests import money

PAYERS, EACH = 3, 4


def _next_second() -> datetime:
    """The gateway dates to the second: what others paid in this test's first one would count."""
    now = clock.now()
    time.sleep(1 - now.microsecond / 1_000_000)
    return now.replace(microsecond=0) + timedelta(seconds=1)


def test_comparing_while_people_pay_and_cancel(together: Any, sandbox: str) -> None:
    payers = [money.make_payer(sandbox) for _ in range(PAYERS)]
    bills = [[money.make_bill(payer, 10_000) for _ in range(EACH)] for payer in payers]
    db.session.commit()
    since = _next_second()
    paying = threading.Semaphore(0)

    def pay(number: int) -> Callable[[], int]:
        def run() -> int:
            try:
                for turn, deal in enumerate(bills[number]):
                    payment = money.pay(payers[number], deal, behaviour="52" if turn == 1 else "")
                    if turn == 1:
                        payment = payment_resolution.resolve_one(payment_id=payment.id)
                    assert payment.state is PaymentState.PAID
                    if turn % 2:
                        cancellations.cancel_today(
                            actor=payers[number].actor, payment_id=payment.id, reason="변경"
                        )
                return EACH
            finally:
                paying.release()

        return run

    def compare() -> list[Books]:
        seen, done = [], 0
        while done < PAYERS:
            done += paying.acquire(timeout=0.05)
            seen.append(reconciliation.compare(since=since, until=clock.now() + timedelta(seconds=2)))
        return seen

    *paid, seen = together(*(pay(number) for number in range(PAYERS)), compare)
    assert paid == [EACH] * PAYERS
    assert len(seen) > PAYERS
    assert [books.differences for books in seen if not books.agree] == []
    last = reconciliation.compare(since=since, until=clock.now() + timedelta(seconds=2))
    assert last.agree and last.undecided == 0
    assert last.ours == last.theirs
    assert last.ours.sum == PAYERS * EACH // 2 * 10_000
