"""The rules of what comes after the press: asked about, called back, cancelled (R-PAY-4, R-PAY-6)."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import text

from app import clock
from app.db import transaction
from app.gateways.errors import Forged
from app.workflows import cancellations, payment_resolution
from sandbox.courier import sign
from tests.machine.model import CANCEL_NEVER, Payment
from tests.machine.paying import Paying
from tests.machine.stepping import one_of, pick


class Asking(Paying):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.hinted: set[int] = set()

    def _undecided(self) -> list[Payment]:
        return [p for p in self.model.payments.values() if p.state in ("pending", "cancelling")]

    @precondition(lambda self: self._undecided())
    @rule(hinted_only=st.booleans())
    def resolve(self, hinted_only: bool) -> None:
        due = [p for p in self._undecided() if not hinted_only or p.key in self.hinted]
        self._ask_about(due)

    def _ask_about(self, due: list[Payment]) -> None:
        with transaction() as session:
            session.execute(_TURNS, {"ids": [p.key for p in due]})
        resolved = self.attempt_all("resolve", payment_resolution.resolve)
        found = self.model.resolve(due, self.now)
        assert (resolved.paid, resolved.failed, resolved.cancelled) == (
            found["paid"], found["failed"], found["cancelled"],
        )  # fmt: skip
        self.tally.update({f"resolved: {name}": count for name, count in found.items()})
        self.hinted -= {p.key for p in due}

    @precondition(lambda self: self.model.payments)
    @rule(which=pick, manner=st.sampled_from(["good", "twice", "forged", "old"]))
    def call_back(self, which: int, manner: str) -> None:
        """A hint, never an outcome: whatever it says, nothing moves (R-PAY-4)."""
        payment = one_of(which, self._undecided(), list(self.model.payments.values()))
        assert payment is not None
        system = "zeropay" if payment.deal.voucher.company in self.model.zeropay else "card"
        taking = _call_back(payment.order_id, system, manner)
        if manner in ("forged", "old"):
            try:
                taking()
            except Forged:
                self.tally["call back: forged"] += 1
            else:
                raise AssertionError("a forged call-back was taken")
            return
        for _ in range(2 if manner == "twice" else 1):
            self.attempt("call back", None, taking)
        if payment.state in ("pending", "cancelling"):
            self.hinted.add(payment.key)

    # -- cancelled -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.payments)
    @rule(which=pick, side=st.sampled_from(["company", "supplier", "supplier", "stranger"]))
    def cancel(self, which: int, side: str) -> None:
        """R-PAY-6: by the company on its Korean day, by the supplier on whatever day, by nobody else."""
        paid = [p for p in self.model.payments.values() if p.state == "paid"]
        odd = [p for p in paid if p.behaviour]
        payment = one_of(which, odd if which % 2 else paid, paid or list(self.model.payments.values()))
        assert payment is not None
        self._cancel(payment, side)

    def _cancel(self, payment: Payment, side: str) -> None:
        company = payment.deal.voucher.company
        by = {
            "company": self.stage.buyer_of(company).actor,
            "supplier": self.stage.seller_of(payment.deal.supplier).actor,
            "stranger": next(b for b in self.stage.buyers if b.company != company).actor,
        }[side]
        how = cancellations.cancel_late if side == "supplier" else cancellations.cancel_today
        why = self._uncancellable(payment, side)
        begun = payment.state in ("cancelling", "cancelled")
        done = self.attempt(
            f"cancel by {side}", why, lambda: how(actor=by, payment_id=payment.key, reason="계약 해지")
        )
        if done is not None and not begun:
            after = payment.line is not None
            self.model.cancel(payment, self.now)
            self.tally[f"cancelled: {payment.state}{' after settlement' if after else ''}"] += 1

    def _settled(self) -> list[Payment]:
        return [p for p in self.model.payments.values() if p.state == "paid" and p.line is not None]

    @precondition(lambda self: self._settled())
    @rule()
    def cancel_what_is_settled(self) -> None:
        """The next batch takes it back (환수), where it pays the supplier more than that: so a small one."""
        self._cancel(min(self._settled(), key=lambda payment: payment.total), "supplier")

    def _uncancellable(self, payment: Payment, side: str) -> str | None:
        if side == "stranger":
            return "not_found"
        action = "cancel_late" if side == "supplier" else "cancel_today"
        if payment.state in ("pending", "failed"):
            return f"payment.{action}.state"
        if payment.state == "paid" and (side == "company") is not (self.now.date() == payment.day):
            return f"payment.{action}.late" if side == "company" else f"payment.{action}.early"
        return None

    def at_the_end(self) -> None:
        """Who walked away from a window closes it; then all is asked about."""
        for window in self.windows:
            if not window.params:
                self._press_in(window, "", "cancel")
            if window.payment.state == "pending" and window.payment.gateway == "open":
                self._come_back(window)
        self._ask_about(self._undecided())
        assert all(p.behaviour in CANCEL_NEVER for p in self._undecided())
        super().at_the_end()


# Real time stands still for the runs: whose turn it is they say themselves.
_TURNS = text("""
UPDATE payment SET ask_again_at = CASE WHEN id = ANY(:ids) THEN now() - interval '1 minute'
                                       ELSE now() + interval '1 day' END
 WHERE state IN ('pending', 'cancelling')
""")


def _call_back(order_id: str, system: str, manner: str) -> Callable[[], bool]:
    event = {
        "eventId": f"evt_{secrets.token_hex(6)}",
        "eventType": "PAYMENT_STATUS_CHANGED",
        "createdAt": clock.real_now().isoformat(),
        "data": {"orderId": order_id, "paymentKey": "pay_x", "status": "CANCELED"},
    }
    body = json.dumps(event).encode()
    timestamp = str(int(time.time()) - (3600 if manner == "old" else 0))
    secret = "made up" if manner == "forged" else f"sandbox-{system}-secret"
    headers = {"X-Callback-Timestamp": timestamp, "X-Callback-Signature": sign(secret, timestamp, body)}
    return lambda: payment_resolution.take_callback(system=system, headers=headers, body=body)
