"""결제취소 by the company, on the Korean day of payment; later it is the supplier's (R-PAY-6)."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.errors import NotFound, Refusal
from app.models.payments import Payment, PaymentState
from app.policy import Permission
from app.portal.payment_flow import blueprint
from app.web.forms import BaseForm, ReasonField, refusal_to_form
from app.workflows import cancellation_terms, cancellations, payments_reads

GOES_ON = (PaymentState.CANCELLING, PaymentState.CANCELLED)


class CancelForm(BaseForm):
    reason = ReasonField("취소 사유")


@blueprint.route("/payments/<int:payment_id>/cancel", methods=["GET", "POST"])
@needs(Permission.PAYMENT_MAKE)
def cancel(payment_id: int) -> ResponseReturnValue:
    """The page that says what comes of it and asks why; what was typed stays where it is refused."""
    actor = current_actor()
    payment = payments_reads.get(actor=actor, payment_id=payment_id)
    if payment.state in GOES_ON:
        return redirect(url_for("payments.result", payment_id=payment_id))
    form, terms = CancelForm(), cancellation_terms.of(payment, actor=actor)
    if terms is None or not (terms.may or form.is_submitted()):
        flash(
            terms.turn if terms else "취소할 수 있는 결제가 아닙니다. 현재 상태를 확인해 주세요.", "warning"
        )
        return redirect(url_for("payments.detail", payment_id=payment_id))
    if form.validate_on_submit():
        try:
            done = cancellations.cancel_today(
                actor=actor, payment_id=payment_id, reason=form.reason.data or ""
            )
        except NotFound:
            raise
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            return _after(done)
    if not form.is_submitted():
        # A press that the gateway refused leaves its reason: nobody types it twice.
        form.reason.data = payment.cancel_reason
    page = render_template("portal/payments/cancel.html", payment=payment, terms=terms, form=form)
    return page, 422 if form.errors else 200


def _after(payment: Payment) -> ResponseReturnValue:
    """Done or not known yet: the page of the outcome, which follows itself. Refused: why, in the detail."""
    if payment.state in GOES_ON:
        return redirect(url_for("payments.result", payment_id=payment.id))
    flash(f"결제를 취소하지 못했습니다. {payment.failure_text or ''}".strip(), "danger")
    return redirect(url_for("payments.detail", payment_id=payment.id))
