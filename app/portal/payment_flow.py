"""What the pages of a payment share: their blueprint, the idempotency key, and the page of the outcome."""

from __future__ import annotations

import secrets

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.models.payments import Payment
from app.policy import Permission
from app.workflows import cancellation_terms, payment_next, payment_papers, payments_reads
from app.workflows.payments import Outcome

blueprint = Blueprint("payments", __name__)


def new_key() -> str:
    """One for each rendering of a form that pays: the same press twice is one payment (R-PAY-4)."""
    return secrets.token_urlsafe(24)


def _outcome(template: str, payment_id: int) -> str:
    payment = payments_reads.get(actor=current_actor(), payment_id=payment_id)
    return render_template(
        template,
        payment=payment,
        papers=payment_papers.of_payment(payment),
        next=payment_next.after_failure([payment]).get(payment_id),
        to_voucher=cancellation_terms.went_to_voucher(payment) if payment.cancelled_at else None,
    )


@blueprint.get("/pay/result/<int:payment_id>")
@needs(Permission.DEMAND_VIEW)
def result(payment_id: int) -> ResponseReturnValue:
    """How it ended; an outcome that is not known is being asked for, and the page follows it (R-PAY-3)."""
    return _outcome("portal/payments/result.html", payment_id)


@blueprint.get("/pay/result/<int:payment_id>/now")
@needs(Permission.DEMAND_VIEW)
def result_now(payment_id: int) -> ResponseReturnValue:
    """The fragment that an undecided outcome is replaced by, again and again until it is decided."""
    return _outcome("portal/payments/_outcome.html", payment_id)


@blueprint.get("/payments/<int:payment_id>/papers")
@needs(Permission.DEMAND_VIEW)
def papers(payment_id: int) -> ResponseReturnValue:
    """The fragment of the slips, asked for while one is being made."""
    payment = payments_reads.get(actor=current_actor(), payment_id=payment_id)
    papers = payment_papers.of_payment(payment)
    return render_template("portal/payments/_papers.html", payment=payment, papers=papers)


def result_url(payment: Payment | Outcome) -> str:
    return url_for("payments.result", payment_id=payment.id)
