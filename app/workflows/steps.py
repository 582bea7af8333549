"""The points between the steps of what crosses the outer world: where a crash must do no harm (R-PAY-4)."""

from __future__ import annotations

from collections.abc import Callable

from app.db import db

STEPS = (
    "payment.held",
    "payment.answered",
    "payment.settled",
    "cancellation.intended",
    "cancellation.answered",
    "cancellation.settled",
)
watchers: list[Callable[[str], None]] = []
"""Called at each step; empty but in tests that kill the process there."""


def reached(step: str) -> None:
    """Every step lies between two transactions. Raises RuntimeError inside one, LookupError for no step."""
    if step not in STEPS:
        raise LookupError(step)
    if db.session().info.get("depth"):
        raise RuntimeError(f"{step} was reached inside a transaction: its intent would not be committed")
    for watcher in watchers:
        watcher(step)
