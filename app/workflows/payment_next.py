"""What a person does after a payment that failed: it hangs on where the deal stands now (R-PAY-3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import select

from app.db import db
from app.models.deals import Deal, DealState
from app.models.payments import LIVE, UNDECIDED, Payment, PaymentState
from app.workflows import clock_runs, deals


class Step(Enum):
    PAY_AGAIN = "pay_again"
    WAIT = "wait"
    """Another press of the bill is undecided."""
    PAID = "paid"
    """Another press of the bill paid it."""
    LATE = "late"
    """The bill's deadline has struck and the sweep has not come by yet."""
    ASK_AGAIN = "ask_again"
    OVER = "over"
    """Withdrawn, or paid and cancelled since: only a new request goes on."""


@dataclass(frozen=True)
class Next:
    step: Step
    payment_id: int | None = None
    """The other press, of WAIT and PAID."""


_ENDED = {
    DealState.LAPSED: Step.ASK_AGAIN,
    DealState.TURNED_DOWN: Step.ASK_AGAIN,
    DealState.WITHDRAWN: Step.OVER,
    DealState.PAYMENT_CANCELLED: Step.OVER,
}


def after_failure(payments: Sequence[Payment]) -> dict[int, Next]:
    """By failed payment, in two queries at most; the deals are loaded. The others have no entry."""
    failed = [payment for payment in payments if payment.state is PaymentState.FAILED]
    if not failed:
        return {}
    live = _live([payment.deal_id for payment in failed])
    struck = {payment.deal_id for payment in failed if deals.is_late(payment.deal)}
    late = struck - clock_runs.overtaken(Deal, struck)
    return {payment.id: _next(payment.deal, live.get(payment.deal_id), late) for payment in failed}


def _live(deal_ids: Sequence[int]) -> dict[int, Payment]:
    query = select(Payment).where(Payment.deal_id.in_(deal_ids), LIVE)
    return {payment.deal_id: payment for payment in db.session.scalars(query)}


def _next(deal: Deal, live: Payment | None, late: set[int]) -> Next:
    if live is not None:
        return Next(Step.WAIT if live.state in UNDECIDED else Step.PAID, live.id)
    if deal.state is DealState.BILLED:
        return Next(Step.LATE if deal.id in late else Step.PAY_AGAIN)
    return Next(_ENDED.get(deal.state, Step.ASK_AGAIN))
