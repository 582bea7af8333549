"""What we know of the orders on which the books differ: a few, looked up when all lines are compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import func, select

from app.db import db
from app.models.payments import WHATEVER_STATE, Payment, PaymentState
from app.models.record import OutboxMessage

AT_ONCE = 1_000
TAKEN_BACK_CODE = "CANCELED"
"""The failure code of a payment that the gateway had taken back before we knew of it."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """An order of ours. Where several presses shared it, the one that is not failed speaks for it."""

    payment_id: int
    failed: bool
    stands_at: int
    """Won that our book has for it now."""
    returned: bool
    """The gateway gave back what it had taken for the failed payment."""
    returning: bool
    """... and this is under way."""


def return_key(payment_id: int) -> str:
    """The idempotency key under which the charge of a failed payment is given back: one, whoever does it."""
    return f"payment:{payment_id}:return_charge"


def known_orders(order_ids: Iterable[str]) -> dict[str, Known]:
    """For use inside a transaction."""
    found: dict[str, Known] = {}
    waiting = iter(order_ids)
    while chunk := list(islice(waiting, AT_ONCE)):
        found |= _chunk(chunk)
    return found


def _chunk(order_ids: list[str]) -> dict[str, Known]:
    query = (
        select(Payment, OutboxMessage.done_at, OutboxMessage.gave_up_at, OutboxMessage.id)
        .outerjoin(OutboxMessage, OutboxMessage.key == func.concat("payment:", Payment.id, ":return_charge"))
        .where(Payment.order_id.in_(order_ids), WHATEVER_STATE)
        .order_by(Payment.id)
    )
    found: dict[str, Known] = {}
    for payment, done_at, gave_up_at, message_id in db.session.execute(query):
        earlier = found.get(payment.order_id)
        if earlier is not None and not earlier.failed:
            continue
        returned = (
            payment.returned_at is not None or payment.failure_code == TAKEN_BACK_CODE or done_at is not None
        )
        asked = payment.ask_again_at is not None
        found[payment.order_id] = Known(
            payment_id=payment.id,
            failed=payment.state is PaymentState.FAILED,
            stands_at=payment.total if payment.state is PaymentState.PAID else 0,
            returned=returned,
            returning=not returned and (asked or (message_id is not None and gave_up_at is None)),
        )
    return found
