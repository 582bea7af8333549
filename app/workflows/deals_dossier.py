"""A deal with everything that belongs to it, for the lead agency's readers: they change nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from app import policy
from app.db import db
from app.models.deals import Deal
from app.models.payments import Payment, PaymentState, Slip, SlipKind
from app.models.programme import Programme
from app.policy import Actor, Permission
from app.workflows import bills, deals_reads, payments_reads, shares, slips, threads_reads
from app.workflows.deals_reads import DealView, Step
from app.workflows.threads_reads import ThreadView


@dataclass(frozen=True, kw_only=True)
class Dossier:
    view: DealView
    thread: ThreadView
    payments: list[Payment]
    """All presses, those that failed too, the latest first."""
    papers: dict[int, dict[SlipKind, Slip]]
    """By payment."""
    working: list[shares.Working]
    """How what was billed was worked out: as it was paid, or as an untouched voucher would split it."""
    as_paid: bool
    moves: list[Step]
    """The steps that set or moved a deadline, the oldest first."""
    siblings: list[Deal]
    """What was asked of other suppliers in the same request."""


def dossier(*, actor: Actor, deal_id: int, before: int | None = None) -> Dossier:
    """`before` pages the thread. Raises Denied, NotFound."""
    policy.require(actor, Permission.DEAL_VIEW)
    view = deals_reads.deal_view(actor=actor, deal_id=deal_id)
    query = select(Payment).where(Payment.deal_id == deal_id).order_by(Payment.id.desc())
    payments = list(db.session.scalars(query))
    paid = next((p for p in payments if p.state is not PaymentState.FAILED), None)
    return Dossier(
        view=view,
        thread=threads_reads.thread(actor=actor, deal_id=deal_id, before=before),
        payments=payments,
        papers=slips.for_payments([payment.id for payment in payments]),
        working=payments_reads.working(actor=actor, payment_id=paid.id) if paid else _working(view),
        as_paid=paid is not None,
        moves=[step for step in view.history if step.due_before or step.due_after],
        siblings=_siblings(view.deal),
    )


def _working(view: DealView) -> list[shares.Working]:
    deal, plan = view.deal, view.plan
    if plan is None or deal.quantity is None or deal.amount is None:
        return []
    return bills.working(
        programme=db.session.get_one(Programme, deal.programme_id),
        plan=plan,
        quantity=deal.quantity,
        amount=deal.amount,
        tax=deal.tax or 0,
    )


def _siblings(deal: Deal) -> list[Deal]:
    if deal.asked_together is None:
        return []
    own = (Deal.asked_together == deal.asked_together, Deal.company_id == deal.company_id)
    together = select(Deal).where(*own, Deal.id != deal.id)
    return list(db.session.scalars(deals_reads.with_parties(together).order_by(Deal.id)))
