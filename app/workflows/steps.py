"""The points at which a crash must do no harm, where something crosses the outer world (R-PAY-4)."""

from __future__ import annotations

from collections.abc import Callable

from app.db import db

BETWEEN = (
    "payment.authenticated",
    "payment.held",
    "payment.answered",
    "payment.settled",
    "cancellation.intended",
    "cancellation.answered",
    "cancellation.settled",
    "resolution.claimed",
    "resolution.answered",
    "outbox.claimed",
    "outbox.handled",
    "slips.claimed",
    "slips.drawn",
)
"""Between two transactions: what came before is committed, what comes after has not begun."""
INSIDE = (
    "payment.hold.locked",
    "payment.hold.written",
    "payment.settle.locked",
    "payment.settle.written",
    "cancellation.intend.written",
    "cancellation.settle.written",
)
"""Inside one: a crash there undoes it."""
STEPS = (*BETWEEN, *INSIDE)

watchers: list[Callable[[str], None]] = []
"""Called at each step; empty but in tests that kill the process there."""


def reached(step: str) -> None:
    """Raises LookupError for no step; RuntimeError for one between transactions that was reached inside one,
    since its intent would not be committed, and for one inside that was reached outside."""
    if step not in STEPS:
        raise LookupError(step)
    if bool(db.session().info.get("depth")) is not (step in INSIDE):
        raise RuntimeError(f"{step} was reached on the wrong side of its transaction")
    for watcher in watchers:
        watcher(step)
