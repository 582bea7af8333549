"""What the pages of a payment share: their blueprint, the idempotency key, and the page of the outcome."""

from __future__ import annotations

import secrets

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.models.payments import Payment, PaymentState, Slip, SlipKind
from app.policy import Permission
from app.workflows import payments_reads, slips

blueprint = Blueprint("payments", __name__)

UNDECIDED = (PaymentState.PENDING, PaymentState.CANCELLING)
WRONG_CODE = "INVALID_AUTH_CODE"


def new_key() -> str:
    """One for each rendering of a form that pays: the same press twice is one payment (R-PAY-4)."""
    return secrets.token_urlsafe(24)


def slips_of(payment: Payment) -> list[Slip]:
    """In the order of the kinds: 전표, 거래명세서, 취소전표."""
    found = slips.for_payments([payment.id]).get(payment.id, {})
    return [found[kind] for kind in SlipKind if kind in found]


@blueprint.get("/pay/result/<int:payment_id>")
@needs(Permission.DEMAND_VIEW)
def result(payment_id: int) -> ResponseReturnValue:
    """How it ended; an outcome that is not known is being asked for, and the page follows it (R-PAY-3)."""
    payment = payments_reads.get(actor=current_actor(), payment_id=payment_id)
    return render_template("portal/payments/result.html", payment=payment, papers=slips_of(payment))


@blueprint.get("/pay/result/<int:payment_id>/now")
@needs(Permission.DEMAND_VIEW)
def result_now(payment_id: int) -> ResponseReturnValue:
    """The fragment that an undecided outcome is replaced by, again and again until it is decided."""
    payment = payments_reads.get(actor=current_actor(), payment_id=payment_id)
    return render_template("portal/payments/_outcome.html", payment=payment, papers=slips_of(payment))


@blueprint.get("/payments/<int:payment_id>/papers")
@needs(Permission.DEMAND_VIEW)
def papers(payment_id: int) -> ResponseReturnValue:
    """The fragment of the slips, asked for while one is being made."""
    payment = payments_reads.get(actor=current_actor(), payment_id=payment_id)
    return render_template("portal/payments/_papers.html", payment=payment, papers=slips_of(payment))


def result_url(payment: Payment) -> str:
    return url_for("payments.result", payment_id=payment.id)
